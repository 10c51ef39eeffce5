"""Maps of latents."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from figure_inputs import ATTRIBUTES, CLASSES, INPUTS, Averager, faces, faces_inputs
from figure_reading import assert_well_set, caption, drawn, legend, tick_labels, titles
from matplotlib.colors import to_rgba_array

from pipeline.figures import latent_map


def test_latent_map_colours_the_same_places_by_each_label() -> None:
    inputs = INPUTS["encoder of faces"]
    found = drawn("latent_map", inputs)
    shown = titles(found)
    share = inputs.test.labels.double().mean(0)
    apart = {name: abs(float(each) - 0.5) for name, each in zip(ATTRIBUTES, share, strict=True)}
    others = sorted((name for name in ATTRIBUTES if name not in ("Smiling", "Male")), key=lambda name: apart[name])
    assert shown == ["Smiling", "Male", *others[:4]]
    colours = legend(found)
    assert list(colours) == ["no", "yes"]
    for axes, name in zip(found.axes, shown, strict=True):
        (dots,) = axes.collections
        assert np.array_equal(dots.get_offsets(), found.axes[0].collections[0].get_offsets())
        wanted = inputs.test.labels[:, ATTRIBUTES.index(name)].tolist()
        shades = to_rgba_array([colours[("no", "yes")[each]] for each in wanted])
        assert np.array_equal(dots.get_facecolor(), shades)
        assert not tick_labels(axes)
    facts = ("60 test images", "perplexity 30", "axes have no meaning", "guessing has 0.50")
    assert all(fact in caption(found) for fact in facts)


def test_latent_map_shows_each_images_latent_and_how_well_its_neighbours_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    test, seen = faces(), []
    bright = replace(test, images=(test.images // 2 + 100 * test.labels[:, 5, None, None, None]))

    def places(latents: np.ndarray, seed: int) -> np.ndarray:
        seen.append((latents, seed))
        return latents[:, :2]

    monkeypatch.setattr(latent_map, "tsne", places)
    monkeypatch.setattr(latent_map, "BATCH", 7)
    found = drawn("latent_map", replace(faces_inputs(Averager(), seed=3), test=bright))
    ((latents, seed),) = seen
    assert seed == 3
    np.testing.assert_allclose(latents, (bright.images.double() / 127.5 - 1).mean((2, 3)).numpy(), atol=1e-6)
    right = [axes.get_title("right") for axes in found.axes]
    assert right[0] == "10-NN 1.00"
    assert all(0.2 < float(each.removeprefix("10-NN ")) < 0.8 for each in right[1:])


def test_votes_are_balanced() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    rare = np.zeros(60, np.int64)
    rare[[5, 30, 50]] = 1
    assert latent_map.vote(noise, rare) == 0.5  # all told to be what most are
    three = np.arange(60) % 3
    assert latent_map.vote(noise + 100 * three[:, None].astype(np.float32), three) == 1


def test_tsne_keeps_neighbours_and_repeats() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    noise[30:] += 30
    one, again = latent_map.tsne(noise, 0), latent_map.tsne(noise, 0)
    assert np.array_equal(one, again)
    distances = np.linalg.norm(one[:, None] - one, axis=2) + 1e9 * np.eye(60)
    assert ((distances.argmin(1) >= 30) == (np.arange(60) >= 30)).all()


def test_latent_map_of_few_classes_has_one_panel() -> None:
    few = replace(faces(), classes=CLASSES[:6], labels=torch.eye(6, dtype=torch.uint8)[torch.arange(60) % 6])
    inputs = faces_inputs(Averager())
    found = drawn("latent_map", replace(inputs, test=replace(few, kind="classes")))
    assert_well_set(found, inputs.name)
    assert len(found.axes) == 1
    assert list(legend(found)) == list(CLASSES[:6])
    assert len(set(legend(found).values())) == 6
    assert "guessing has 0.17" in caption(found)


def test_latent_map_needs_images_dimensions_and_colours() -> None:
    inputs = faces_inputs(Averager())
    assert latent_map.draw(replace(inputs, test=faces(49))) is None
    assert latent_map.draw(replace(inputs, test=faces(50))) is not None
    inputs.model.latent = 1
    assert latent_map.draw(inputs) is None
