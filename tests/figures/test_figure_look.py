"""One look for every picture: grids, frames, titles, pixels."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from figure_reading import picture
from matplotlib.image import imread

from pipeline.figures.common import style


def test_pixels_reach_the_file_as_they_are(tmp_path: Path) -> None:
    images = torch.rand(6, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    found = style.image_grid(images, 3, "title", "caption", row_labels=["a", "b"], row_title="y", column_title="x")
    style.save(found, tmp_path / "grid.png")
    wanted = picture(found)
    page = (imread(tmp_path / "grid.png")[..., :3] * 255).round().astype(np.uint8)
    box = found.axes[0].get_window_extent()
    left, top = round(box.x0), page.shape[0] - round(box.y1)
    assert np.array_equal(page[top : top + wanted.shape[0], left : left + wanted.shape[1]], wanted)


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_keep_images_and_order(channels: int) -> None:
    images = torch.rand(5, channels, 4, 6, generator=torch.Generator().manual_seed(0))
    sheet = style.tiles(images, 2)
    high, wide = (sheet.shape[0] + 3) // 3, (sheet.shape[1] + 3) // 2
    scale = wide // 6
    for i, image in enumerate(images):
        tile = sheet[i // 2 * high :, i % 2 * wide :][: 4 * scale : scale, : 6 * scale : scale]
        assert torch.equal(tile, image.mul(255).round().to(torch.uint8).expand(3, 4, 6).permute(1, 2, 0))
    assert (sheet[2 * high :, wide:] == 255).all()


def test_tiles_refuse_other_channels() -> None:
    with pytest.raises(ValueError, match="expected 1 or 3 channels, found 2"):
        style.tiles(torch.zeros(1, 2, 4, 4), 1)


def test_long_titles_and_captions_are_broken() -> None:
    found = style.image_grid(torch.zeros(2, 1, 8, 8), 2, "a_very_long_name · " * 9, "many words " * 40)
    found.draw_without_rendering()
    assert all(text.get_window_extent().x1 <= found.bbox.x1 for text in found.texts)
    assert not found.texts[0].get_window_extent().overlaps(found.texts[1].get_window_extent())
    assert found.texts[1].get_window_extent().y0 > found.axes[0].get_window_extent().y1


def test_frames_go_round_their_images_with_paper_on_both_sides(tmp_path: Path) -> None:
    found = style.image_grid(torch.zeros(4, 1, 8, 8), 2, "title", "caption", framed=[1, 2, 3])
    style.save(found, tmp_path / "framed.png")
    page = (imread(tmp_path / "framed.png")[..., :3] * 255).round().astype(int)
    box = found.axes[0].get_window_extent()
    left, top, side = round(box.x0), page.shape[0] - round(box.y1), round(box.width)
    first_row = page[top + side // 4]
    last_column = page[top - 20 :, left + side * 3 // 4]
    for pixels, wanted in ((first_row, " # ! # ! "), (last_column, " ! # ! ! # ! ")):
        wrong = (pixels == [int(style.WRONG[i : i + 2], 16) for i in (1, 3, 5)]).all(1)
        marks = np.where(wrong, "!", np.where((pixels == 0).all(1), "#", " "))
        runs = [(str(mark), len(list(run))) for mark, run in itertools.groupby(marks)]
        assert "".join(mark for mark, _ in runs) == wanted
        image = runs[-4][1]
        assert [length for _, length in runs[-6:-1]] == [3, 3, image, 3, 3]  # line, paper, image, paper, line
        assert set(pixels[~wrong].flatten()) == {0, 255}  # frames are not blurred


def test_column_labels_stand_above_their_columns() -> None:
    found = style.image_grid(torch.zeros(6, 1, 8, 8), 3, "title", "caption", column_labels=["a", "b", "c"])
    found.draw_without_rendering()
    box = found.axes[0].get_window_extent()
    for number, label in enumerate(found.axes[0].get_xticklabels()):
        place = label.get_window_extent()
        assert place.y0 > box.y1
        assert (place.x0 + place.x1) / 2 == pytest.approx(box.x0 + (number + 0.5) * box.width / 3, abs=3)


def test_groups_of_columns_stand_apart_under_their_labels() -> None:
    found = style.image_grid(torch.zeros(12, 1, 8, 8), 6, "title", "caption", column_labels=["a", "b"], group=3)
    found.draw_without_rendering()
    white = (picture(found)[0] == 255).all(1)
    gaps = [len(list(run)) for mark, run in itertools.groupby(white) if mark]
    assert len(gaps) == 5
    assert gaps[2] > 5 * gaps[0]
    assert gaps[:2] == gaps[3:] == gaps[:1] * 2
    box = found.axes[0].get_window_extent()
    for label, share in zip(found.axes[0].get_xticklabels(), (1 / 4, 3 / 4), strict=True):
        place = label.get_window_extent()
        assert (place.x0 + place.x1) / 2 == pytest.approx(box.x0 + share * box.width, abs=10)
