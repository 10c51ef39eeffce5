"""Films in the page: every frame is there, and a browser shows one of them, still until it is asked to play."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import chromium
import numpy as np
import pytest
import reported

from pipeline.figures.common import film
from pipeline.figures.common.film import Film
from pipeline.ground.errors import InputError
from pipeline.report import embedding, page, pictures
from pipeline.report.settings import Settings

NONE = Settings(metrics={}, explorer=(), sections=())


def saved(path: Path, moments: int) -> Path:
    frames = [np.full((40, 100, 3), 20 * n, np.uint8) for n in range(moments)]
    film.save(Film(frames, [f"moment {n} of {moments}" for n in range(1, moments + 1)]), path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with films of four and of two moments."""
    folder = tmp_path_factory.mktemp("films")
    content = reported.content(folder)
    films = {
        name: {"learning": embedding.reel(saved(folder / f"{name}.webp", moments))}
        for name, moments in (("plain", 4), ("cvae", 2))
    }
    runs = [replace(run, films=films.get(run.name, {})) for run in content.runs]
    (folder / "index.html").write_text(page.render(replace(content, runs=runs)), encoding="utf-8")
    return folder


def test_reels_have_every_frame_with_its_line(tmp_path: Path) -> None:
    found = embedding.reel(saved(tmp_path / "a.webp", 3))
    assert found.lines == ["moment 1 of 3", "moment 2 of 3", "moment 3 of 3"]
    assert {(frame.width, frame.height) for frame in found.frames} == {(100, 40)}
    assert len({frame.data for frame in found.frames}) == 3
    assert found.characters == sum(len(frame.data) for frame in found.frames)


def test_films_count_towards_what_fits(tmp_path: Path) -> None:
    path = saved(tmp_path / "showcase/plain/learning.webp", 4)
    sizes = reported.picture(tmp_path / "sizes.png")
    figure = reported.picture(tmp_path / "figures/plain/samples.png")
    told: list[tuple[int, int]] = []
    found = pictures.embedded(tmp_path, ["plain"], NONE, sizes, (), 10**6, lambda *at: told.append(at))
    assert list(found.films) == [path]
    assert list(found.figures) == [sizes, figure]
    assert told[-1] == (2, 2)
    assert found.left_out == 0
    film, shown = found.films[path].characters, sum(len(each.data) for each in found.figures.values())
    again = pictures.embedded(tmp_path, ["plain"], NONE, sizes, (), film + max(film, shown))
    assert (again.films, again.figures) == (found.films, found.figures)


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        saved(tmp_path / f"showcase/{name}/learning.webp", 4)
        reported.picture(tmp_path / f"figures/{name}/samples.png")
    sizes = reported.picture(tmp_path / "sizes.png")
    whole = pictures.embedded(tmp_path, ["a", "b"], NONE, sizes, (), 10**6)
    film = next(iter(whole.films.values())).characters
    some = pictures.embedded(tmp_path, ["a", "b"], NONE, sizes, (), 4 * film - 2)
    assert [path.parent.name for path in some.films] == ["a"]
    assert some.left_out == 5 - len(some.films) - len(some.figures)
    with pytest.raises(InputError, match="expected pictures that fit into 10 characters"):
        pictures.embedded(tmp_path, ["a", "b"], NONE, sizes, (), 10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium.launched()


def opened(browser: Any, folder: Path, **how: Any) -> Any:
    view = browser.new_context(offline=True, **how).new_page()
    view.goto((folder / "index.html").as_uri())
    return view


def lines(view: Any) -> list[str]:
    return [str(text) for text in view.locator(".film li:visible span").all_inner_texts()]


@chromium.needed
def test_films_stand_still_at_their_end_and_step_together(browser: Any, folder: Path) -> None:
    view = opened(browser, folder)
    slider = view.get_by_role("slider", name="Moment of training")
    view.wait_for_timeout(1600)
    assert lines(view) == ["moment 4 of 4", "moment 2 of 2"]
    assert view.get_by_role("button", name="Next moment").is_disabled()
    view.get_by_role("button", name="Previous moment").click()
    assert lines(view) == ["moment 3 of 4", "moment 2 of 2"]
    slider.focus()
    view.keyboard.press("ArrowLeft")
    assert lines(view) == ["moment 2 of 4", "moment 1 of 2"]
    assert slider.get_attribute("aria-valuetext") == "moment 2 of 4"
    view.keyboard.press("Home")
    assert lines(view) == ["moment 1 of 4", "moment 1 of 2"]
    assert view.get_by_role("button", name="Previous moment").is_disabled()
    assert view.locator(".films output").inner_text() == "1 of 4"
    view.context.close()


def eventually(view: Any, holds: Callable[[], bool]) -> None:
    """Waits for what the page does a little later: it lets nobody evaluate a string, as a page's own waiting would."""
    for _ in range(1200):
        if holds():
            return
        view.wait_for_timeout(50)
    assert holds()


@chromium.needed
def test_films_play_once_by_keyboard_and_pause(browser: Any, folder: Path) -> None:
    view = opened(browser, folder, reduced_motion="no-preference")
    play = view.locator(".films .play")
    assert play.inner_text() == "Play"
    play.focus()
    view.keyboard.press("Enter")
    assert play.inner_text() == "Pause"
    assert lines(view)[0] == "moment 1 of 4"  # from the start, as it stood at the end
    eventually(view, lambda: view.input_value(".films input") == "2")
    view.keyboard.press("Enter")
    assert play.inner_text() == "Play"
    stopped = lines(view)
    view.wait_for_timeout(1600)
    assert lines(view) == stopped != ["moment 4 of 4", "moment 2 of 2"]
    play.click()
    eventually(view, lambda: play.inner_text() == "Play")
    assert lines(view) == ["moment 4 of 4", "moment 2 of 2"]
    view.context.close()


@chromium.needed
def test_where_motion_is_not_wanted_there_are_steps_only(browser: Any, folder: Path) -> None:
    view = opened(browser, folder, reduced_motion="reduce")
    assert not view.locator(".films .play").is_visible()
    assert view.get_by_role("slider", name="Moment of training").is_visible()
    view.emulate_media(reduced_motion="no-preference")
    view.locator(".films .play").click()
    view.emulate_media(reduced_motion="reduce")
    view.locator(".films .play").wait_for(state="hidden")
    shown = lines(view)
    view.wait_for_timeout(1600)
    assert lines(view) == shown  # it stopped
    view.context.close()


@chromium.needed
@pytest.mark.parametrize("how", ["print", "no script"])
def test_in_print_and_without_scripts_all_moments_stand_side_by_side(how: str, browser: Any, folder: Path) -> None:
    view = opened(browser, folder, java_script_enabled=how == "print")
    if how == "print":
        view.emulate_media(media="print")
    assert not view.locator(".films .controls").is_visible()
    wanted = [f"moment {n} of {moments}" for moments in (4, 2) for n in range(1, moments + 1)]
    assert lines(view) == wanted
    view.context.close()
