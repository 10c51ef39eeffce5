"""Pairs of label sets that differ in one label."""

import torch
from torch import Tensor

from pipeline.contracts.labels import pair

NAMES = ("Beard", "Black_Hair", "Blond_Hair", "Male", "Smiling")


def people() -> Tensor:
    """Half are men and half of these have beards; hair is black, blond or neither; all else is independent."""
    people = torch.cartesian_prod(torch.arange(4), torch.arange(3), torch.arange(2))
    beard, male = people[:, 0] == 0, people[:, 0] <= 1
    columns = [beard, people[:, 1] == 0, people[:, 1] == 1, male, people[:, 2] == 0]
    return torch.stack(columns, 1).to(torch.uint8)


def test_one_label_differs_and_all_sets_are_such_as_real_images_have() -> None:
    real = people()
    known = set(map(tuple, real.tolist()))
    for which in range(len(NAMES)):
        without, asked = pair(real, which, real)
        assert not without[:, which].any()
        assert asked[:, which].all()
        assert ((without != asked).sum(1) == 1).all()
        assert set(map(tuple, torch.cat([without, asked]).tolist())) <= known


def test_what_has_nothing_to_do_with_it_stays() -> None:
    real = people()
    before = real.clone()
    without, asked = pair(real, NAMES.index("Smiling"), real)
    others = [0, 1, 2, 3]
    assert torch.equal(without[:, others], real[:, others])
    assert torch.equal(asked[:, others], real[:, others])
    without, _ = pair(real, NAMES.index("Beard"), real)
    assert without[:, NAMES.index("Male")].all()  # those who might have one
    without, asked = pair(real, NAMES.index("Male"), real)
    assert not asked[:, NAMES.index("Beard")].any()
    assert torch.equal(asked[:, NAMES.index("Smiling")], real[:, NAMES.index("Smiling")])
    assert torch.equal(real, before)
