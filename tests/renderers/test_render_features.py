import pytest
import torch
from torch import Tensor

from pipeline.renderers.faces.features import (
    ATTRIBUTES,
    COLOURS,
    CUTS,
    SKINS,
    TABLES,
    Faces,
    attributes,
    choose,
    numbers,
)


@pytest.fixture(scope="module")
def many() -> Faces[Tensor]:
    return choose(20000, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def shown(many: Faces[Tensor]) -> dict[str, Tensor]:
    return dict(zip(ATTRIBUTES, attributes(many).bool().T, strict=True))


def test_attributes_are_in_celebas_order() -> None:
    assert list(ATTRIBUTES) == sorted(ATTRIBUTES)


def test_every_mixture_of_hairs_attributes_has_a_cut() -> None:
    assert len({each[1:4] for each in CUTS}) == 8


def test_attributes_are_as_frequent_as_said(shown: dict[str, Tensor]) -> None:
    wanted = dict.fromkeys(ATTRIBUTES, 0.5) | {"Beard": 0.25}
    wanted |= {name: 0.25 for name in ATTRIBUTES if name.endswith("_Hair") and name != "Wavy_Hair"}
    for name, column in shown.items():
        assert column.float().mean() == pytest.approx(wanted[name], abs=0.015), name


def test_attributes_are_independent_but_for_beards_and_colours(shown: dict[str, Tensor]) -> None:
    related = torch.corrcoef(torch.stack(list(shown.values())).float()).fill_diagonal_(0)
    colours = [ATTRIBUTES.index(name) for name in ("Black_Hair", "Blond_Hair", "Brown_Hair")]
    for i in colours:
        related[i, colours] = 0
    beard, male = ATTRIBUTES.index("Beard"), ATTRIBUTES.index("Male")
    assert related[beard, male] > 0.5
    related[beard, male] = related[male, beard] = 0
    assert related.abs().max() < 0.03


def test_hair_has_one_colour_and_only_men_have_beards(shown: dict[str, Tensor]) -> None:
    assert (shown["Black_Hair"].int() + shown["Blond_Hair"].int() + shown["Brown_Hair"].int()).max() == 1
    assert not (shown["Beard"] & ~shown["Male"]).any()


def test_any_option_is_chosen_and_hair_is_seen_on_its_skin(many: Faces[Tensor]) -> None:
    for slot, table in zip(many, TABLES, strict=True):
        assert slot.unique().tolist() == list(range(len(table)))
    rgb = [[list(bytes.fromhex(code[1:])) for code in codes] for codes in ([c for _, c in COLOURS], SKINS)]
    apart = torch.tensor(rgb[0])[many.colour] - torch.tensor(rgb[1])[many.skin]
    assert apart.float().norm(dim=1).min() > 84


def test_equal_numbers_are_equal_faces(many: Faces[Tensor]) -> None:
    rows = torch.stack(list(many), 1)
    assert len(numbers(many).unique()) == len(rows.unique(dim=0))
