import pytest
import torch

from pipeline.renderers.scenes.layout import CUBE, CYLINDER, SHAPES, SPHERE, Scenes, set_up, well_placed


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    random = torch.Generator().manual_seed(0)
    return set_up(torch.rand(300, 24, generator=random).topk(3, dim=1).indices, random)


def test_places_keep_clevrs_rules(scenes: Scenes) -> None:
    assert scenes.place.abs().max() <= 3
    assert (scenes.camera - torch.tensor([7.4811, -6.5076, 5.3437])).abs().max() <= 0.5
    ahead = torch.nn.functional.normalize(-scenes.camera[:, :2])
    for i, j in ((0, 1), (0, 2), (1, 2)):
        apart = scenes.place[:, i] - scenes.place[:, j]
        along = (apart * ahead).sum(1)
        across = apart[:, 0] * ahead[:, 1] - apart[:, 1] * ahead[:, 0]
        assert (apart.norm(dim=1) >= 1.65).all()
        assert along.abs().min() > 0.4
        assert across.abs().min() > 0.4


@pytest.mark.parametrize(
    ("other", "well"), [((1.6, 0.0), True), ((1.0, 0.5), False), ((1.7, 1.7), False), ((1.7, -1.7), False)]
)
def test_places_too_close_or_in_line_are_refused(other: tuple[float, float], well: bool) -> None:
    camera = torch.tensor([[5.0, -5.0, 5.0]])
    near, far = torch.tensor([[[0.0, 0.0], other]]), torch.tensor([[[-0.1, 0.0], other]])
    assert well_placed(far, camera).item() == well
    assert not well_placed(near, camera).item()  # 1.6 is .05 too near


def test_labels_are_shapes_and_colours() -> None:
    scenes = set_up(torch.arange(24).view(8, 3), torch.Generator().manual_seed(0))
    assert scenes.shape.flatten().tolist() == [CUBE] * 8 + [SPHERE] * 8 + [CYLINDER] * 8
    assert scenes.colour.flatten().tolist() == list(range(8)) * 3
    assert (SHAPES[CUBE], SHAPES[SPHERE], SHAPES[CYLINDER]) == ("cube", "sphere", "cylinder")


def test_materials_turns_and_lamps_vary(scenes: Scenes) -> None:
    assert 0.4 < scenes.metal.float().mean() < 0.6
    assert torch.allclose(scenes.turn.norm(dim=2), torch.ones(()))
    assert scenes.turn.mean((0, 1)).abs().max() < 0.1
    assert scenes.lamps.std(0).min() > 0.5
