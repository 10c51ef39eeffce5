"""The network of objects on a plane: what is where, and what is ignored."""

import pytest
import torch
from torch import Tensor

from pipeline.ground.errors import InputError
from pipeline.networks import objects

SCENE, STYLE, SLOTS, LABELS = 3, 2, 3, 5
PART = objects.PLACE + STYLE
LATENT = SLOTS * PART + SCENE
SHAPE = (3, 64, 64)


def network() -> objects.Objects:
    settings = objects.Settings(width=8, seen=4, slots=SLOTS, style=STYLE)
    torch.manual_seed(0)
    return objects.Objects(settings, SHAPE)


def labels(*sets: tuple[int, ...]) -> Tensor:
    found = torch.zeros(len(sets), LABELS)
    for row, names in enumerate(sets):
        found[row, list(names)] = 1
    return found


def parts(latents: Tensor) -> Tensor:
    return latents[:, : SLOTS * PART].unflatten(1, (SLOTS, PART))


def test_what_stands_somewhere_is_found_there() -> None:
    plane = objects.Plane()
    places = torch.randn(50, SLOTS, 2, generator=torch.Generator().manual_seed(0)).clamp(-1.9, 1.9)
    positions, depth = plane(places)
    assert torch.allclose(plane.inverse(positions), places, atol=1e-3)
    assert positions.abs().max() < 1
    assert depth.min() > 0
    assert plane(torch.zeros(1, 1, 2))[0].abs().max() == 0  # the middle of the plane is the image's


def test_slots_hold_the_labels_in_their_order_and_free_ones_name_nothing() -> None:
    there, number, names = objects.slots(labels((3, 1), (0, 2, 4), ()), SLOTS)
    assert there.tolist() == [[1, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert number[0, :2].tolist() == [1, 3]
    assert number[1].tolist() == [0, 2, 4]
    assert names.argmax(2)[0, :2].tolist() == [1, 3]
    assert names[0, 2].abs().sum() == names[2].abs().sum() == 0


@torch.no_grad()
def test_an_object_that_is_not_there_has_the_priors_part_and_changes_nothing() -> None:
    built, wanted = network(), labels((1,), (0, 4))
    mean, logvar = built.encoder(2 * LATENT, LABELS).eval()(torch.rand(2, *SHAPE) * 2 - 1, wanted).chunk(2, 1)
    for found in (mean, logvar):
        assert parts(found)[0, 1:].abs().sum() == parts(found)[1, 2].abs().sum() == 0
        assert (parts(found)[0, 0] != 0).all()
    decoder, latents = built.decoder(LATENT, LABELS).eval(), torch.randn(2, LATENT)
    others = latents.clone()
    others[0, PART : SLOTS * PART] += 1
    others[1, 2 * PART : SLOTS * PART] += 1
    assert torch.equal(decoder(latents, wanted), decoder(others, wanted))


@torch.no_grad()
def test_an_object_is_painted_where_its_place_appears() -> None:
    decoder, wanted = network().decoder(LATENT, LABELS).eval(), labels((2,))
    plane = decoder.plane
    assert isinstance(plane, objects.Plane)
    grid = objects._grid(*SHAPE[1:])
    for place in (torch.tensor([0.5, -0.5]), torch.tensor([-0.5, 0.5]), torch.tensor([0.6, 0.6])):
        latents = torch.zeros(2, LATENT)
        latents[:, : objects.PLACE] = place
        latents[1, objects.PLACE : PART] = 2  # looks otherwise
        one, other = decoder(latents, wanted.expand(2, -1))
        changed = (one - other).abs().sum(0).flatten()
        away = (grid - plane(place[None, None])[0][0, 0]).norm(dim=1)
        assert changed[away < 0.3].mean() > 20 * changed[away > 0.9].mean()


def test_how_objects_look_is_withheld_of_every_second_image_in_training() -> None:
    encoder = network().encoder(2 * LATENT, LABELS)
    images, wanted = torch.rand(4, *SHAPE) * 2 - 1, labels((1,), (1,), (0, 4), (0, 4))
    for found in encoder(images, wanted).chunk(2, 1):
        assert (parts(found)[::2, :, objects.PLACE :] == 0).all()
        assert (parts(found)[::2, 0, : objects.PLACE] != 0).all()
        assert (parts(found)[1::2, 0, objects.PLACE :] != 0).all()
    for found in encoder.eval()(images, wanted).chunk(2, 1):
        assert (parts(found)[:, 0, objects.PLACE :] != 0).all()


def test_a_batchs_scenes_are_spread_as_the_priors() -> None:
    mean, _ = network().encoder(2 * LATENT, LABELS)(torch.rand(64, *SHAPE) * 2 - 1, labels(*[(1,)] * 64)).chunk(2, 1)
    scenes = mean[:, SLOTS * PART :]
    assert torch.allclose(scenes.mean(0), torch.zeros(SCENE), atol=1e-4)
    assert torch.allclose(scenes.var(0, correction=0), torch.ones(SCENE), atol=0.05)


def test_what_it_cannot_do_is_said() -> None:
    built = network()
    with pytest.raises(InputError, match=f"expected more than {SLOTS * PART}"):
        built.decoder(SLOTS * PART, LABELS)
    with pytest.raises(InputError, match="expected a conditional model and at least 3 labels"):
        built.encoder(2 * LATENT, 0)
    with pytest.raises(InputError, match="family vae"):
        built.classifier(3)
    with pytest.raises(InputError, match="found 40 x 64"):
        objects.build(objects.Settings(width=8, seen=4), (3, 40, 64))
