"""The page of `latentlab explore` in a real browser: the system's Chromium, driven by Playwright."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromium
import explored
import numpy as np
import pytest
import torch

from tools.explorer.artist import Artist, Studio
from tools.explorer.point import Point
from tools.explorer.server import Server

pytestmark = chromium.needed


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Digits by two seeds, scenes, faces whose real labels are known, and codes."""
    folder = tmp_path_factory.mktemp("explored")
    for name, seeds in {"digits": (3, 4), "scenes": (3,), "faces": (3,), "coded": (3,)}.items():
        for seed in seeds:
            explored.save(folder, name, seed)
    explored.save_labels(folder, "faces", torch.tensor([[0, 0, 0, 1, 0, 1, 0, 0]]))
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        found = {}
        for name in ("digits", "scenes", "faces", "coded"):
            server = stack.enter_context(Server(0, Studio(Path("results/models") / name, torch.device("cpu"))))
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            stack.callback(server.shutdown)
            found[name] = server
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium.launched()


@dataclass(frozen=True)
class Page:
    """The page of an experiment, open."""

    view: Any
    artist: Artist
    usual: Point

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Waits for what the page does a little later, however slow the machine."""
        for _ in range(600):
            if holds():
                return
            self.view.wait_for_timeout(50)
        assert holds()

    def canvas(self, selector: str) -> np.ndarray:
        """What one shows, (H, W, 3)."""
        width, height, values = self.view.eval_on_selector(
            selector,
            """canvas => { const context = canvas.getContext("2d", { willReadFrequently: true });
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.width, canvas.height, Array.from(data)]; }""",
        )
        return np.array(values).reshape(height, width, 4)[..., :3]

    def shows(self, point: Point, selector: str = "#image", within: int = 0) -> None:
        """Waits until a canvas shows what torch draws of a point."""
        drawn = self.artist.draw([point])[0].permute(1, 2, 0).expand(-1, -1, 3).numpy().astype(int)
        self.eventually(lambda: bool(np.abs(self.canvas(selector) - drawn).max() <= within))

    def slide(self, selector: str, value: float) -> None:
        """Puts a slider somewhere, as a hand would."""
        self.view.eval_on_selector(
            selector, "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
        )


@pytest.fixture
def visit(browser: Any, servers: dict[str, Server]) -> Iterator[Callable[..., Page]]:
    """Opens an experiment's page; nothing may complain, and nothing but the server be asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    complaints: list[str] = []
    requests: list[str] = []

    def begin(name: str, fragment: str = "") -> Page:
        view = context.new_page()
        view.on("console", lambda message: complaints.append(message.text))
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.on("request", lambda request: requests.append(request.url))
        view.goto(servers[name].url + fragment)
        view.wait_for_selector("#app[data-directions]")
        studio = servers[name].studio
        return Page(view, studio.artist(3), Point.model_validate(studio.facts.usual()))

    yield begin
    assert not complaints
    assert not [url for url in requests if not url.startswith(tuple(server.url for server in servers.values()))]
    context.close()


def test_sliders_move_the_picture(visit: Callable[..., Page]) -> None:
    page = visit("faces")
    page.shows(page.usual)
    page.slide("#move-2", -1.5)
    page.shows(page.usual.moved(2, -1.5))
    page.slide("#share", 0.4)
    page.shows(page.usual.moved(2, -1.5).but(share=0.4))
    page.view.focus("#move-0")
    page.view.keyboard.press("ArrowRight")
    page.shows(page.usual.moved(2, -1.5).moved(0, 0.05).but(share=0.4))
    page.view.click("#centre")
    page.shows(page.usual.but(share=0.4))


def test_a_chosen_class_is_drawn(visit: Callable[..., Page]) -> None:
    page = visit("digits")
    page.view.get_by_role("radio", name="7", exact=True).check()
    page.shows(page.usual.but(label=("7",)))
    page.view.keyboard.press("ArrowRight")
    page.shows(page.usual.but(label=("8",)))
    page.shows(page.usual.but(label=("2",)), ".tile:nth-child(3) canvas", within=1)


def test_attributes_add_up_and_each_tile_shows_what_a_click_draws(visit: Callable[..., Page]) -> None:
    page = visit("faces")
    assert page.usual.label == ("Male", "Smiling")
    page.shows(page.usual.but(label=("Male",)), ".tile:nth-child(6) canvas", within=1)
    page.view.get_by_role("checkbox", name="Smiling").uncheck()
    page.view.get_by_role("checkbox", name="Mouth Slightly Open").check()
    page.shows(page.usual.but(label=("Male", "Mouth_Slightly_Open")))
    page.view.get_by_role("button", name="Labels of another real image").click()
    page.shows(page.usual)


def test_scenes_have_one_to_three_objects(visit: Callable[..., Page]) -> None:
    page = visit("scenes")
    box = page.view.get_by_role("checkbox")
    assert page.usual.label == ("gray cube",)
    assert page.view.get_by_role("checkbox", name="gray cube").is_disabled()  # something has to be there
    for name in ("red cube", "cyan sphere"):
        page.view.get_by_role("checkbox", name=name).check()
    page.shows(page.usual.but(label=("gray cube", "red cube", "cyan sphere")))
    assert sum(box.nth(place).is_enabled() for place in range(24)) == 3


def test_codes_are_chosen_and_mixed(visit: Callable[..., Page]) -> None:
    page = visit("coded")
    page.view.get_by_role("radio", name="3", exact=True).first.check()
    page.shows(page.usual.but(code=3))
    page.view.select_option("#other", "1")
    page.slide("#mixed", 0.25)
    page.shows(page.usual.but(code=3, other=1, mixed=0.25))


def test_latents_by_number_and_at_random(visit: Callable[..., Page]) -> None:
    page = visit("digits")
    page.view.fill("#start", "41")
    page.shows(page.usual.but(start=41))
    assert page.view.inner_text("#command") == "latentlab sample digits --count 1 --seed 41 --label 0"
    page.view.fill("#end", "42")
    page.view.get_by_role("button", name="50 % of the way").click()
    page.shows(page.usual.but(start=41, end=42, share=0.5))
    assert not page.view.locator("#command").is_visible()  # no command draws it
    page.view.click("#random")
    page.eventually(lambda: page.view.input_value("#start") != "41")
    page.shows(page.usual.but(start=int(page.view.input_value("#start"))))


def test_wandering_goes_on_until_it_is_stopped(visit: Callable[..., Page]) -> None:
    page = visit("digits")
    page.view.get_by_role("button", name="Wander").click()
    page.eventually(lambda: float(page.view.input_value("#share")) > 0.05)
    page.view.get_by_role("button", name="Stop").click()
    page.shows(page.usual.but(share=float(page.view.input_value("#share"))))


def test_another_seed_and_the_other_drawer(visit: Callable[..., Page], servers: dict[str, Server]) -> None:
    page = visit("faces")
    page.view.get_by_role("radio", name="generator").check()
    page.shows(page.usual.but(drawer="generator"))
    digits = visit("digits")
    digits.view.get_by_role("radio", name="4", exact=True).last.check()
    Page(digits.view, servers["digits"].studio.artist(4), digits.usual).shows(digits.usual)


def test_the_address_keeps_where_one_is(visit: Callable[..., Page]) -> None:
    page = visit("faces", "#seed=3&start=8&share=0.5&label=Young&drawer=generator&nonsense=1")
    point = page.usual.but(start=8, share=0.5, label=("Young",), drawer="generator")
    page.shows(point)
    page.slide("#move-1", 2)
    page.eventually(lambda: "moves=0%2C2%2C0" in page.view.url)
    page.view.reload()
    page.shows(point.moved(1, 2))


def test_a_picture_is_kept_enlarged(visit: Callable[..., Page]) -> None:
    page = visit("digits")
    with page.view.expect_download() as started:
        page.view.get_by_role("link", name="Save PNG").click()
    assert started.value.suggested_filename == "digits.png"


def test_a_server_that_has_ended_is_told(browser: Any, servers: dict[str, Server]) -> None:
    view = browser.new_page()
    view.goto(servers["digits"].url)
    view.wait_for_selector("#app[data-directions]")
    view.route("**/*.png?*", lambda route: route.abort())
    view.click("#random")
    view.get_by_text("is latentlab explore still running?").wait_for()
    view.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("name", ["scenes", "coded"])
def test_nothing_is_wider_than_the_window(name: str, width: int, visit: Callable[..., Page]) -> None:
    view = visit(name).view
    view.set_viewport_size({"width": width, "height": 800})
    assert view.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name(visit: Callable[..., Page]) -> None:
    for name in ("scenes", "coded"):
        view = visit(name).view
        for role in ("slider", "button", "checkbox", "radio", "spinbutton", "combobox"):
            assert view.get_by_role(role).count() == view.get_by_role(role, name=re.compile(r"\w")).count(), role
