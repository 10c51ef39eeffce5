"""Flipped attributes."""

from dataclasses import replace

import torch
from figure_inputs import ATTRIBUTES, INPUTS, faces, sullen, written
from figure_reading import caption, drawn, frames, grey, picture, several, tick_labels, tiles_at


def test_flips_change_one_label_and_keep_the_latent() -> None:
    inputs = INPUTS["faces"]
    real = inputs.test.labels.bool()
    apart = [~(real[real[:, which]].any(0)) for which in range(len(ATTRIBUTES))]
    assert apart[1][2]  # black and blond hair
    found = several("flips", inputs)
    assert list(found) == ["pairs", "all"]
    assert "flips: Smiling" in found["pairs"].texts[0].get_text()
    sheet = torch.tensor(picture(found["pairs"]))
    across, down = (sheet.shape[1] + 18) // 10, (sheet.shape[0] + 18) // 2  # as frames need room
    large = [[sheet[row * down :, column * across :][:128, :128] for column in range(10)] for row in range(2)]
    assert tick_labels(found["pairs"].axes[0]) == ["without\nSmiling", "with\nSmiling"]
    small = tiles_at(found["all"], 128)
    pairs = [(5, without, asked) for without, asked in zip(*large, strict=True)]
    pairs += [(which, row[n], row[n + 1]) for which, row in enumerate(small) for n in range(0, 10, 2)]
    assert len(pairs) == 10 + 5 * len(ATTRIBUTES)
    for which, without, asked in pairs:
        one, other = (written(tile, 2, len(ATTRIBUTES)) for tile in (without, asked))
        assert (int(one[which]), int(other[which])) == (0, 1)
        assert (one != other).sum() == 1
        assert not (one | other)[apart[which]].any()
        assert grey(without) == grey(asked)
    assert len({grey(tile) for tile in large[0]}) > 7
    assert [grey(tile) for tile in large[0][:5]] == [grey(tile) for tile in small[0][::2]]
    assert [label.get_text() for label in found["all"].axes[0].get_xticklabels()] == ["without", "with"] * 5


def test_flips_are_judged() -> None:
    inputs = replace(INPUTS["faces"], referee=sullen)
    found = several("flips", inputs)
    greys = inputs.model.prior(100, inputs.noise("flips"))[:, 0]
    assert 0 < (greys > 0.6).double().mean() < 1
    (axes,) = found["pairs"].axes
    seen = (greys[:10] > 0.6).tolist()
    assert [text.get_text() for text in axes.texts] == ["✓ no"] * 10 + ["✓ yes" if each else "✗ no" for each in seen]
    assert len(frames(axes)) == 10 - sum(seen)
    assert f"as asked: {10 + sum(seen)} of 20, {(10 + sum(seen)) / 20:.2f}" in caption(found["pairs"])
    rates = dict(label.split("\n") for label in tick_labels(found["all"].axes[0]))
    follow = dict.fromkeys(ATTRIBUTES, "1.00 follow") | {"Smiling": f"{(greys > 0.6).double().mean():.2f} follow"}
    assert rates == follow
    assert all(inputs.recognised in caption(figure) for figure in found.values())


def test_flips_that_go_wrong_either_way_do_not_follow() -> None:
    found = several("flips", replace(INPUTS["faces"], referee=lambda images: torch.ones(len(images), len(ATTRIBUTES))))
    assert {label.split("\n")[1] for label in tick_labels(found["all"].axes[0])} == {"0.00 follow"}
    texts = [text.get_text() for text in found["pairs"].axes[0].texts]
    assert texts == ["✗ yes"] * 10 + ["✓ yes"] * 10


def test_flips_show_the_first_attribute_where_nobody_smiles() -> None:
    test = replace(faces(), classes=tuple(f"a{number}" for number in range(len(ATTRIBUTES))))
    assert "flips: a0" in drawn("flips", replace(INPUTS["faces"], test=test)).texts[0].get_text()
