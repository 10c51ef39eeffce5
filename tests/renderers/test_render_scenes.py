from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.renderers.scenes import layout, tracer
from pipeline.renderers.scenes.layout import COLOURS, CUBE, CYLINDER, RADIUS, SPHERE, Scenes
from pipeline.renderers.scenes.light import _ALBEDO
from pipeline.renderers.scenes.tracer import render

FAR = [[-2.5, 2.5], [2.5, 2.5]]  # places of objects that a test does not look at


def placed(labels: list[int], place: list[list[float]], metal: list[bool] | None = None, turn: float = 0.3) -> Scenes:
    """One scene, seen and lit without jitter: labels of the objects, in the order in which they are added."""
    angle = torch.tensor([[turn]]).expand(1, 3)
    shape, colour = torch.tensor([labels]) // 8, torch.tensor([labels]) % 8
    return Scenes(
        layout._CAMERA[None],
        layout._LAMPS[None],
        torch.tensor([place]),
        torch.stack([angle.cos(), angle.sin()], -1),
        shape,
        colour,
        torch.tensor([metal or [False] * 3]),
    )


def some(n: int, seed: int = 0) -> Scenes:
    random = torch.Generator().manual_seed(seed)
    return layout.set_up(torch.rand(n, 24, generator=random).topk(3, dim=1).indices, random)


def project(camera: Tensor, point: list[float], size: int = 64) -> tuple[int, int]:
    """Row and column of the pixel that shows a point: an independent account of the camera."""
    ahead = -camera / camera.norm()
    right = torch.linalg.cross(ahead, torch.tensor([0.0, 0.0, 1.0]))
    right = right / right.norm()
    up = torch.linalg.cross(right, ahead)
    way = torch.tensor(point) - camera
    x, y = (way @ right) / (way @ ahead) * 35 / 16, (way @ up) / (way @ ahead) * 35 / 16 * 4 / 3
    return int((1 - y) / 2 * size), int((x + 1) / 2 * size)


def test_same_scenes_same_images_whatever_the_batch_and_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = some(7)
    images, visible = render(scenes)
    threads = torch.get_num_threads()
    monkeypatch.setattr(tracer, "_FEW", 0)
    try:
        torch.set_num_threads(2)
        others = [render(scenes, batch=batch) for batch in (1, 3)]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    for again, again_visible in others:
        assert torch.equal(images, again)
        assert torch.equal(visible, again_visible)


def test_drawing_depends_on_the_seed_alone() -> None:
    labels = torch.tensor([[0, 9, 18], [23, 1, 8]])
    one, same, other = (tracer.draw(labels, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.shape == (2, 3, 3, 64, 64)
    assert one.dtype == torch.uint8
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_an_added_object_changes_nothing_far_from_it() -> None:
    scenes = some(12)
    scenes = replace(scenes, metal=torch.zeros_like(scenes.metal))  # a mirror may show it anywhere
    images = render(scenes)[0].int()
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    for step in (1, 2):
        change = (images[:, step] - images[:, step - 1]).abs().amax(1)
        for i in range(len(scenes)):
            row, column = project(scenes.camera[i], [*scenes.place[i, step].tolist(), RADIUS])
            assert (change[i] > 20).any()
            far = ((rows - row) ** 2 + (columns - column) ** 2) > 32**2
            assert change[i][far].max() <= 3  # a little of the sky's light is missing everywhere


def test_a_spheres_share_of_the_image_is_that_of_its_cone() -> None:
    scene = placed([SPHERE * 8, 1, 2], [[0.0, 0.0], *FAR])
    _, visible = render(scene, 128)
    distance = float((layout._CAMERA - torch.tensor([0.0, 0.0, RADIUS])).norm())
    view = (2 * 16 / 35) ** 2 * 3 / 4
    assert visible[0, 0].item() == pytest.approx(torch.pi * RADIUS**2 / (distance**2 - RADIUS**2) / view, rel=0.03)


def test_shapes_fill_their_outlines_differently() -> None:
    """A ball's outline is round, a cylinder's and a cube's are fuller: by their shares of the boxes around them."""
    fullness = []
    for shape in (SPHERE, CYLINDER, CUBE):
        scene = placed([0, 0, shape * 8 + 1], [*FAR, [1.0, -1.0]], turn=0.857)  # red; the cube's face to the camera
        before, after = render(scene, 128)[0][0, 1:].int()
        red = (after - before).sub((after - before)[1]).amax(0) > 12
        rows, columns = red.nonzero().T
        box = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
        fullness.append(float(red.sum() / box))
    assert fullness[0] == pytest.approx(torch.pi / 4, abs=0.04)
    assert min(fullness[1:]) > 0.84


@pytest.mark.parametrize("metal", [False, True])
@pytest.mark.parametrize("shape", range(3))
def test_objects_have_the_colours_of_their_labels(shape: int, metal: bool) -> None:
    albedo = _ALBEDO / _ALBEDO.sum(1, keepdim=True)
    for colour in range(len(COLOURS)):
        scene = placed([shape * 8 + colour, 0, 0], [[0.5, -0.5], *FAR], [metal] * 3)
        row, column = project(layout._CAMERA, [0.5, -0.5, RADIUS])
        pixels = render(scene)[0][0, 0, :, row - 2 : row + 3, column - 2 : column + 3] / 255.0
        light = (pixels**2.2).mean((1, 2))
        distances = (light / light.sum() - albedo).norm(dim=1)
        assert COLOURS[int(distances.argmin())] == COLOURS[colour]
        assert distances.min() < 0.12


@pytest.mark.parametrize("side", [1, -1])
def test_a_shadow_falls_away_from_the_lamp(side: int) -> None:
    """The key lamp is right or left of the view, so that nothing hides the shadow."""
    key = torch.tensor([3.0 * side, 3.5 * side, 4.0])
    scene = placed([0, 1, SPHERE * 8 + 2], [[2.9, -2.9], [-2.9, 2.9], [0.0, 0.0]])
    scene = replace(scene, lamps=torch.cat([key[None], scene.lamps[0, 1:]])[None])
    before, after = render(scene)[0][0, 1:].int()
    darker = (before - after).float().mean(0)
    centre = torch.tensor([0.0, 0.0, RADIUS])
    shadow = centre + (centre - key) * RADIUS / (key[2] - RADIUS)  # on the ground
    opposite = shadow * torch.tensor([-1.0, -1.0, 1.0])
    at, other = (darker[project(layout._CAMERA, point.tolist())] for point in (shadow, opposite))
    assert at > 20
    assert at > other + 12


def test_a_flat_face_is_smooth_up_to_its_edges() -> None:
    """A body's own surface must not shade itself: that shows as dots."""
    scene = placed([CUBE * 8 + 4, 0, 0], [[0.0, 0.0], *FAR])
    image = render(scene, 256)[0][0, 0].float()
    cos, sin = scene.turn[0, 0].tolist()
    values = []
    for u in torch.linspace(-0.9, 0.9, 15).tolist():
        for v in torch.linspace(-0.9, 0.9, 15).tolist():
            point = [RADIUS * (cos * u - sin * v), RADIUS * (sin * u + cos * v), 2 * RADIUS]
            row, column = project(layout._CAMERA, point, 256)
            values.append(image[:, row, column])
    assert torch.stack(values).std(0).max() < 4


def test_metal_mirrors_its_neighbour_and_rubber_does_not() -> None:
    redder = []
    for metal in (True, False):
        scene = placed([SPHERE * 8, 1, 2], [[-0.5, 0.0], [0.6, 1.3], [-2.5, 2.9]], [metal, False, False])
        before, after = render(scene, 128)[0][0, :2].int()
        row, column = project(layout._CAMERA, [-0.5, 0.0, RADIUS], 128)
        change = (after - before)[:, row - 4 : row + 5, column : column + 8]  # the ball's side towards the red cube
        redder.append(int((change[0] - change[1]).max()))
    assert redder[0] > 40
    assert redder[1] < 10


def test_a_hidden_object_is_not_counted_as_visible() -> None:
    towards = layout._CAMERA[:2] / layout._CAMERA[:2].norm()
    behind, front = (-1.5 * towards).tolist(), (0.6 * towards).tolist()
    _, visible = render(placed([SPHERE * 8, 1, 2], [behind, front, [2.5, 2.5]], turn=-0.7))
    _, open_ = render(placed([SPHERE * 8, 1, 2], [behind, [-2.5, -2.5], [2.5, 2.5]], turn=-0.7))
    assert visible[0, 0] < open_[0, 0] / 2
    assert visible[0, 1] > 0.01


def test_scenes_with_a_hidden_object_are_set_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def fake(scenes: Scenes, size: int, show: object) -> tuple[Tensor, Tensor]:
        """All visible but in every second scene, where an object shows too little."""
        calls.append(len(scenes))
        visible = torch.full((len(scenes), 3), tracer.LEAST_VISIBLE)
        visible[1::2, len(calls) % 3] -= 1e-4
        return torch.full((len(scenes), 3, 3, size, size), len(calls), dtype=torch.uint8), visible

    monkeypatch.setattr(tracer, "render", fake)
    images = tracer.draw(torch.tensor([[0, 1, 2]] * 6), torch.Generator(), size=4)
    assert calls == [6, 3, 1]
    assert images[:, 0, 0, 0, 0].tolist() == [1, 2, 1, 3, 1, 2]


def test_progress_ends_with_all_scenes() -> None:
    told: list[int] = []
    tracer.draw(torch.tensor([[0, 1, 2]] * 20), torch.Generator().manual_seed(0), told.append, size=8)
    assert told == sorted(told)
    assert told[-1] == 20
