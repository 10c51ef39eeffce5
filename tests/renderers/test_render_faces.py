import pytest
import torch
from torch import Tensor

from pipeline.renderers.faces import avatars, features
from pipeline.renderers.faces.features import ATTRIBUTES, CUTS, MOUTHS, Faces
from pipeline.renderers.faces.portrait import Shot

SEED = 0
MIDDLE = Shot(*[0.5] * len(Shot._fields))


def random() -> torch.Generator:
    return torch.Generator().manual_seed(SEED)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return avatars.draw(features.choose(150, random()), random())


def face(**changes: int) -> Faces[int]:
    """A man with short straight black hair and a closed mouth, changed."""
    plain = Faces(cut=0, colour=0, skin=1, mouth=5, eyes=0, brows=0, nose=0, glasses=0, beard=0)
    return plain._replace(**changes)


def holds(one: Faces[int]) -> set[str]:
    row = features.attributes(Faces(*(torch.tensor([slot]) for slot in one)))[0]
    return {ATTRIBUTES[i] for i in row.nonzero()[:, 0].tolist()}


def cut(male: bool, wavy: bool, bangs: bool) -> int:
    return [each[1:4] for each in CUTS].index((male, wavy, bangs))


def picture(one: Faces[int]) -> Tensor:
    """(64, 64, 3), always with the same camera, light and wall."""
    return torch.from_numpy(avatars._pictures(([list(one)], [list(MIDDLE)])))[0].permute(1, 2, 0).int()


def test_only_what_is_seen_holds() -> None:
    assert holds(face()) == {"Black_Hair", "Male"}


@pytest.mark.parametrize(
    ("change", "added", "lost"),
    [
        ({"cut": cut(True, True, False)}, {"Wavy_Hair"}, set()),
        ({"cut": cut(True, False, True)}, {"Bangs"}, set()),
        ({"cut": cut(False, False, False)}, set(), {"Male"}),
        ({"colour": 3}, {"Blond_Hair"}, {"Black_Hair"}),
        ({"colour": 6}, {"Brown_Hair"}, {"Black_Hair"}),
        ({"colour": 9}, set(), {"Black_Hair"}),
        ({"mouth": 0}, {"Smiling", "Mouth_Slightly_Open"}, set()),
        ({"mouth": 2}, {"Smiling"}, set()),
        ({"mouth": 3}, {"Mouth_Slightly_Open"}, set()),
        ({"glasses": 1}, {"Eyeglasses"}, set()),
        ({"glasses": 2}, {"Eyeglasses"}, set()),
        ({"beard": 1}, {"Beard"}, set()),
        ({"skin": 4, "eyes": 2, "brows": 1, "nose": 1}, set(), set()),
    ],
)
def test_a_change_of_a_part_changes_its_attributes_and_the_picture(
    change: dict[str, int], added: set[str], lost: set[str]
) -> None:
    changed = face(**change)
    assert holds(changed) == (holds(face()) | added) - lost
    difference = (picture(changed) - picture(face())).abs().amax(2)
    assert (difference > 25).sum() >= 12


@pytest.mark.parametrize("index", range(len(MOUTHS)))
def test_open_mouths_are_larger_and_smiles_narrow_downwards(index: int) -> None:
    skin = picture(face())[40, 28]
    mouth = (picture(face(mouth=index))[40:55, 25:40] - skin).abs().amax(2) > 70
    assert (mouth.sum() > 60) == MOUTHS[index].open
    rows = mouth.any(1).nonzero()[:, 0]
    top, bottom = (mouth[row].nonzero()[:, 0] for row in (rows[0], rows[-1]))
    assert (top[-1] - top[0] > bottom[-1] - bottom[0]) == MOUTHS[index].smiling


@pytest.mark.parametrize("index", range(len(MOUTHS)))
@pytest.mark.parametrize("beard", [1, 2])
def test_beards_leave_the_mouth_as_it_is(index: int, beard: int) -> None:
    with_beard, without = (picture(face(mouth=index, beard=each))[45:50, 26:38] for each in (beard, 0))
    assert (with_beard - without).abs().max() < 15


@pytest.mark.parametrize("index", range(len(CUTS)))
def test_a_fringe_hides_the_forehead_and_nothing_else_does(index: int) -> None:
    forehead = picture(face(cut=index))[22, 26:39]
    skin = (forehead - torch.tensor([255, 219, 180])).abs().sum(1) < 110
    assert skin.all() == (not CUTS[index].bangs)
    assert skin.any() == (not CUTS[index].bangs)


@pytest.mark.parametrize("index", range(len(CUTS)))
def test_hair_is_long_on_women_only(index: int) -> None:
    beside = picture(face(cut=index, colour=9))[44:48, [7, 8, 9, 10, 11, 12, 13, 14, 49, 50, 51, 52, 53, 54, 55, 56]]
    red = beside[..., 0] - beside[..., 1:].amax(2) > 60
    assert red.any() == (not CUTS[index].male)


def test_pictures_fill_their_place_and_no_two_are_alike(pictures: Tensor) -> None:
    assert pictures.shape == (150, 3, 64, 64)
    assert pictures.dtype == torch.uint8
    flat = pictures.float().flatten(1) / 255
    assert (torch.cdist(flat, flat) + 100 * torch.eye(150)).min() > 6
    assert flat.std(1).min() > 0.08


def test_one_face_is_never_pictured_alike() -> None:
    one = Faces(*(torch.full((40,), slot) for slot in face()))
    flat = avatars.draw(one, random()).float().flatten(1) / 255
    assert (torch.cdist(flat, flat) + 100 * torch.eye(40)).min() > 3


def test_pictures_do_not_depend_on_the_workers(pictures: Tensor) -> None:
    done: list[int] = []
    again = avatars.draw(features.choose(150, random()), random(), done.append, workers=2)
    assert torch.equal(again, pictures)
    assert done[-1] == 150
    assert done == sorted(done)
