"""What latent codes mean, and mixed codes."""

import itertools

import pytest
import torch
from figure_inputs import ATTRIBUTES, INPUTS, written
from figure_reading import caption, grey, picture, several, tick_labels, tiles_at

from pipeline.contracts.images import Kind
from pipeline.ground import plugins


def test_codes_say_what_they_mean() -> None:
    inputs = INPUTS["codes of faces"]
    found = several("codes", inputs)
    assert list(found) == ["meaning", "mixed"]
    (axes,) = found["meaning"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"code {number}" for number in range(1, 6)]
    # Each code is one attribute, always, and no other code is: 100 % instead of 20 %.
    other = [ATTRIBUTES[1], *ATTRIBUTES[:1] * 4]
    lines = [[ATTRIBUTES[code], "+80 %", other[code], "−20 %"] for code in range(5)]
    assert [text.get_text() for text in axes.texts] == list(itertools.chain(*lines))
    assert "in percentage points" in caption(found["meaning"])
    assert inputs.yardstick in caption(found["meaning"])


def test_codes_share_their_latents() -> None:
    found = several("codes", INPUTS["codes of faces"])
    (axes,) = found["meaning"].axes
    sheet, half = torch.tensor(picture(found["meaning"])), 3 * 64 // 2
    middles = [int(x) for x in axes.get_xticks()]
    step = next(n for n in range(2 * half, 3 * half) if not (sheet[n, middles[0]] == 255).all())  # from row to row
    rows = [[sheet[n * step :, x - half : x + half][: 2 * half] for x in middles] for n in range(5)]
    assert all(len({grey(tile) for tile in row}) == 1 for row in rows)
    assert len({grey(row[0]) for row in rows}) == 5
    for row in rows:
        assert torch.equal(torch.stack([written(tile, 3, 5) for tile in row]), torch.eye(5, dtype=torch.uint8))


def test_codes_are_mixed_in_pairs() -> None:
    found = several("codes", INPUTS["codes of faces"])["mixed"]
    (axes,) = found.axes
    assert tick_labels(axes) == ["codes\n1 and 2", "codes\n3 and 4"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["first", "half", "second"] * 4
    tiles = tiles_at(found, 128)
    for pair, row in enumerate(tiles):
        for n in range(0, 12, 3):
            shares = torch.stack([tile[0, ::2, 0][:5] for tile in row[n : n + 3]])
            wanted = torch.zeros(3, 5)
            wanted[:, 2 * pair], wanted[:, 2 * pair + 1] = torch.tensor([1, 0.5, 0]), torch.tensor([0, 0.5, 1])
            assert torch.equal(shares, (255 * wanted).round().to(torch.uint8))
            assert len({grey(tile) for tile in row[n : n + 3]}) == 1
    assert [grey(tile) for tile in tiles[0]] == [grey(tile) for tile in tiles[1]]
    assert len({grey(tile) for tile in tiles[0]}) == 4


@pytest.mark.parametrize("kind", ["objects", "attributes"])
def test_a_judge_says_yes_to_logits_above_0(kind: Kind) -> None:
    said = plugins.load("figures", "codes").said
    logits = torch.tensor([[-1.0, 0, 2, 3], [-4, -3, -2, -1]])
    assert said(logits, kind).tolist() == [[False, False, True, True], [False] * 4]
    assert said(logits, "classes").tolist() == [[False, False, False, True]] * 2
