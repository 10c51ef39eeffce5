import pytest
import torch

from pipeline.renderers.scenes import geometry
from pipeline.renderers.scenes.geometry import Body, cross, normal
from pipeline.renderers.scenes.layout import CUBE, CYLINDER, RADIUS, SPHERE


@pytest.mark.parametrize("shape", [CUBE, SPHERE, CYLINDER])
@pytest.mark.parametrize("axis", [0, 2])
def test_a_ray_through_the_centre_enters_and_leaves_at_the_surface(shape: int, axis: int) -> None:
    start, direction = torch.zeros(3, 1), torch.zeros(3, 1)
    start[axis], direction[axis] = 5, -1
    assert [t.item() for t in cross(shape, start, direction)] == pytest.approx([4, 6])
    assert [t.item() for t in cross(shape, start, direction * 2)] == pytest.approx([2, 3])


@pytest.mark.parametrize(
    ("y", "z", "enters"),
    [
        (0.0, 0.0, {CUBE: 4, SPHERE: 4, CYLINDER: 4}),
        (0.6, 0.0, {CUBE: 4, SPHERE: 4.2, CYLINDER: 4.2}),
        (0.6, 0.9, {CUBE: 4, CYLINDER: 4.2}),
        (0.99, 0.99, {CUBE: 4, CYLINDER: 5 - (1 - 0.99**2) ** 0.5}),
        (1.01, 0.0, {}),
        (0.0, -1.01, {}),
    ],
)
def test_rays_enter_at_the_known_distance_or_miss(y: float, z: float, enters: dict[int, float]) -> None:
    for shape in (CUBE, SPHERE, CYLINDER):
        enter, leave = cross(shape, torch.tensor([[5.0], [y], [z]]), torch.tensor([[-1.0], [0.0], [0.0]]))
        assert (enter < leave).item() == (shape in enters)
        if shape in enters:
            assert enter.item() == pytest.approx(enters[shape], abs=1e-4)


@pytest.mark.parametrize("shape", [CUBE, SPHERE, CYLINDER])
def test_normals_point_outwards_from_where_rays_enter(shape: int) -> None:
    random = torch.Generator().manual_seed(0)
    start = torch.randn(3, 500, generator=random)
    start = start / start.norm(dim=0) * 4
    direction = 0.5 * torch.rand(3, 500, generator=random) - start
    enter, leave = cross(shape, start, direction)
    hit = enter < leave
    outwards = normal(shape, (start + enter * direction)[:, hit])
    assert hit.sum() > 400
    assert torch.allclose(outwards.norm(dim=0), torch.ones(()), atol=1e-5)
    # Rounded edges lean a little beyond what a ray can see.
    assert ((outwards * direction[:, hit]).sum(0) < 0).float().mean() > 0.97


@pytest.mark.parametrize(
    ("shape", "point", "outwards"),
    [
        (CUBE, [1.0, 0.5, -0.3], [1.0, 0.0, 0.0]),
        (CUBE, [0.5, -1.0, -0.3], [0.0, -1.0, 0.0]),
        (CYLINDER, [0.3, 0.5, 1.0], [0.0, 0.0, 1.0]),
        (CYLINDER, [0.6, 0.8, 0.2], [0.6, 0.8, 0.0]),
        (SPHERE, [0.6, 0.0, -0.8], [0.6, 0.0, -0.8]),
    ],
)
def test_faces_have_the_normals_of_their_surfaces(shape: int, point: list[float], outwards: list[float]) -> None:
    assert normal(shape, torch.tensor(point)[:, None])[:, 0].tolist() == pytest.approx(outwards, abs=1e-4)


def test_a_bodys_frame_is_centred_turned_and_measured() -> None:
    angle = torch.tensor(0.4)
    body = Body(torch.tensor(1.0), torch.tensor(-2.0), angle.cos(), angle.sin())
    corner = torch.stack([1 + RADIUS * angle.cos(), -2 + RADIUS * angle.sin(), torch.tensor(2 * RADIUS)])
    assert torch.allclose(body.place(corner[:, None])[:, 0], torch.tensor([1.0, 0.0, 1.0]), atol=1e-6)
    vectors = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(body.unframe(body.frame(vectors)) * RADIUS, vectors, atol=1e-6)


def test_picking_and_putting_are_indexing() -> None:
    random = torch.Generator().manual_seed(0)
    values, index = torch.rand(3, 2, 9, generator=random), torch.tensor([7, 0, 3])
    assert torch.equal(geometry.pick(values, index), values[..., index])
    new, wanted = torch.rand(3, 2, 3, generator=random), values.clone()
    wanted[..., index] = new
    geometry.put(values, index, new)
    assert torch.equal(values, wanted)
