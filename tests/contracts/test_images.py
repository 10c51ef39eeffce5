from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.contracts import images
from pipeline.contracts.images import ImageSet
from pipeline.ground.errors import InputError


@pytest.fixture
def split() -> ImageSet:
    draw = torch.Generator().manual_seed(0)
    return ImageSet(
        images=torch.randint(256, (6, 3, 4, 5), generator=draw, dtype=torch.uint8),
        labels=torch.eye(2, dtype=torch.uint8).repeat(3, 1),
        originals=torch.tensor([4, 0, 4, 1, 9, 2]),
        classes=("cat", "dög"),
        kind="classes",
        source="made_up",
    )


def equal(a: ImageSet, b: ImageSet) -> bool:
    tensors = all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("images", "labels", "originals"))
    return tensors and (a.classes, a.kind, a.source) == (b.classes, b.kind, b.source)


def test_save_then_load_gives_the_same(split: ImageSet, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "train.safetensors"
    images.save(split, path)
    assert equal(images.load(path), split)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_same_images_are_the_same_bytes(split: ImageSet, tmp_path: Path) -> None:
    # Split into a view first: what counts is the content, not how it lies in memory.
    view = replace(split, images=split.images.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1))
    for name, each in (("a", split), ("b", split), ("c", view)):
        images.save(each, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_a_failed_save_leaves_the_old_file_and_no_other(split: ImageSet, tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    images.save(split, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        images.save(replace(split, source={"not", "JSON"}), path)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_take_keeps_image_label_and_original_together(split: ImageSet) -> None:
    index = torch.tensor([5, 0, 0])
    taken = split.take(index)
    assert len(taken) == 3
    assert taken.shape == split.shape == (3, 4, 5)
    for i, j in enumerate(index):
        assert torch.equal(taken.images[i], split.images[j])
        assert torch.equal(taken.labels[i], split.labels[j])
        assert taken.originals[i] == split.originals[j]


def test_first_never_asks_for_more_than_there_are(split: ImageSet) -> None:
    assert equal(split.first(2), split.take(torch.tensor([0, 1])))
    assert equal(split.first(100), split)


def test_scale_maps_bytes_to_the_ends_and_the_middle() -> None:
    values = torch.tensor([0, 51, 255], dtype=torch.uint8)
    torch.testing.assert_close(images.scale(values, "unit"), torch.tensor([0.0, 0.2, 1.0]))
    torch.testing.assert_close(images.scale(values, "symmetric"), torch.tensor([-1.0, -0.6, 1.0]))
    assert values.tolist() == [0, 51, 255]


@pytest.mark.parametrize("pixels", ["unit", "symmetric"])
def test_to_unit_undoes_scale(pixels: images.Pixels) -> None:
    values = torch.arange(256, dtype=torch.uint8)
    torch.testing.assert_close(images.to_unit(images.scale(values, pixels), pixels), values / 255)


def test_to_unit_clamps_what_a_model_overshoots() -> None:
    assert images.to_unit(torch.tensor([-1.5, 1.5]), "symmetric").tolist() == [0, 1]
    assert images.to_unit(torch.tensor([-0.5, 1.5]), "unit").tolist() == [0, 1]


def test_wrong_shapes_and_types_are_refused(split: ImageSet) -> None:
    with pytest.raises(ValueError, match="uint8"):
        replace(split, images=split.images.float())
    with pytest.raises(ValueError, match="images"):
        replace(split, images=split.images[0])
    with pytest.raises(ValueError, match="labels"):
        replace(split, labels=split.labels[:5])
    with pytest.raises(ValueError, match="labels"):
        replace(split, classes=("cat", "dog", "horse"))
    with pytest.raises(ValueError, match="originals"):
        replace(split, originals=split.originals[:5])


def test_load_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        images.load(tmp_path / "train.safetensors")
    assert str(tmp_path / "train.safetensors") in str(caught.value)


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_load_names_a_damaged_file(split: ImageSet, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "train.safetensors"
    images.save(split, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError) as caught:
        images.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
