"""The page in a real browser: the system's Chromium, driven by Playwright."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chromium
import numpy as np
import pytest
import reported
import torch

from pipeline.contracts.model import GenerativeModel
from pipeline.report import page

pytestmark = chromium.needed
SLIDERS = "#sliders input"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(page.render(reported.content(folder)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium.launched()


@pytest.fixture
def view(browser: Any, folder: Path) -> Iterator[Any]:
    """The page, opened from disk without a network; nothing may complain."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True, reduced_motion="reduce")
    view = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    view.on("console", lambda message: complaints.append(message.text))
    view.on("pageerror", lambda error: complaints.append(str(error)))
    view.on("request", lambda request: requests.append(request.url))
    view.goto((folder / "index.html").as_uri())
    yield view
    assert not complaints
    assert not [url for url in requests if not url.startswith(("data:", "blob:")) and not url.endswith("index.html")]
    context.close()


def eventually(view: Any, holds: Callable[[], bool]) -> None:
    """Waits for what the page does a little later, however slow the machine."""
    for _ in range(600):
        if holds():
            return
        view.wait_for_timeout(100)
    assert holds()


def explore(view: Any, name: str) -> None:
    """Shows the explorer with a model, ready to draw."""
    view.locator("#explorer").scroll_into_view_if_needed()
    view.wait_for_selector("#explorer-app[data-ready]")
    view.select_option("#model", name)
    view.wait_for_selector(f"#explorer-app[data-ready={name}]")


def content(view: Any, canvas: str) -> np.ndarray:
    """What a canvas holds, (H, W, 4): red, green, blue, and 255 where it is drawn already."""
    width, height, values = view.evaluate(
        """name => { const canvas = document.getElementById(name);
        const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return [canvas.width, canvas.height, Array.from(image.data)]; }""",
        canvas,
    )
    return np.array(values).reshape(height, width, 4)


def pixels(view: Any, canvas: str = "image") -> np.ndarray:
    """What a canvas shows, (H, W), 0 to 255."""
    shown = content(view, canvas)
    assert (shown[..., :3] == shown[..., :1]).all()
    assert (shown[..., 3] == 255).all()
    return shown[..., 0]


def move(view: Any, latents: list[float]) -> None:
    """Puts every slider where it belongs, as a hand would."""
    view.evaluate(
        """latents => latents.forEach((value, dimension) => {
        const slider = document.getElementById(`latent-${dimension}`);
        slider.value = value; slider.dispatchEvent(new Event("input")); })""",
        latents,
    )


def torch_draws(model: GenerativeModel, latents: list[float], label: int) -> np.ndarray:
    labels = torch.nn.functional.one_hot(torch.tensor([label]), 10)
    drawn = model.generate(torch.tensor([latents]), labels)[0, 0]
    return (255 * (drawn if model.pixels == "unit" else (drawn + 1) / 2)).numpy()


@pytest.mark.parametrize("name", ["cvae", "plain"])
def test_the_explorer_draws_as_torch_does(name: str, view: Any, tmp_path: Path) -> None:
    conditional = name == "cvae"
    model = reported.vae(tmp_path, conditional=conditional, likelihood="bernoulli" if conditional else "gaussian")
    explore(view, name)
    assert view.locator("#classes").is_visible() == conditional
    noise = np.random.default_rng(0)
    for label in (0, 3, 9):
        latents = [round(float(value), 2) for value in noise.uniform(-3, 3, 5)]
        move(view, latents)
        if conditional:
            view.locator(f"#classes input[value='{label}']").check(force=True)
        wanted = torch_draws(model, latents, label)
        assert np.ptp(wanted) > 200
        assert np.abs(pixels(view) - wanted).max() <= 2
    if conditional:
        every = pixels(view, "every")
        for other in range(10):
            assert np.abs(every[:, 28 * other : 28 * other + 28] - torch_draws(model, latents, other)).max() <= 2


def test_every_way_of_moving_changes_the_picture(view: Any) -> None:
    explore(view, "plain")
    seen = [pixels(view)]

    def changed() -> None:
        seen.append(pixels(view))
        assert np.abs(seen[-1] - seen[-2]).max() > 10

    view.locator(SLIDERS).first.focus()
    view.keyboard.press("PageUp")
    changed()
    view.click("#random")
    changed()
    view.click("#origin")
    changed()
    assert np.array_equal(seen[-1], seen[0])
    box = view.locator("#map").bounding_box()
    view.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.2 * box["height"])
    changed()
    view.locator("#map").focus()
    for _ in range(9):
        view.keyboard.press("ArrowLeft")
    changed()
    view.select_option("#model", "cvae")
    view.wait_for_selector("#explorer-app[data-ready=cvae]")
    changed()
    view.locator("#classes input").first.focus()
    view.keyboard.press("ArrowRight")
    changed()


def test_the_map_shows_the_plane_through_the_point(view: Any, tmp_path: Path) -> None:
    model = reported.vae(tmp_path, likelihood="gaussian")
    explore(view, "plain")
    view.click("#random")
    latents = [float(view.input_value(f"#latent-{dimension}")) for dimension in range(5)]
    across, up = (int(view.input_value(f"#{axis}")) for axis in ("across", "up"))

    def farthest() -> int:
        if (content(view, "plane")[..., 3] < 255).any():
            return 255
        plane, found = pixels(view, "plane"), 0
        for row, column in ((0, 0), (5, 5), (2, 9)):
            latents[across], latents[up] = 3 * (2 * column / 10 - 1), 3 * (1 - 2 * row / 10)
            tile = plane[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
            found = max(found, int(np.abs(tile - torch_draws(model, latents, 0)).max()))
        return found

    eventually(view, lambda: farthest() <= 2)  # it takes several frames


def test_idle_dimensions_show_on_demand_and_changes_are_said(view: Any) -> None:
    explore(view, "plain")
    assert view.locator(f"{SLIDERS}:visible").count() == 4
    view.check("#idle")
    assert view.locator(f"{SLIDERS}:visible").count() == 5
    view.click("#random")
    eventually(view, lambda: "plain" in view.inner_text("#said"))


def test_columns_sort_both_ways_with_dashes_last(view: Any) -> None:
    table = view.locator("table.results").first

    def order() -> list[str]:
        return [str(text) for text in table.locator("tbody th").all_inner_texts()]

    head = table.locator("th[data-metric=elbo]")
    head.locator("button").click()
    assert (order(), head.get_attribute("aria-sort")) == (["cvae", "plain"], "ascending")
    head.locator("button").press("Enter")
    assert (order(), head.get_attribute("aria-sort")) == (["plain", "cvae"], "descending")
    for _ in range(2):  # plain has no recall
        table.locator("th[data-metric=recall] button").click()
        assert order() == ["cvae", "plain"]
    assert head.get_attribute("aria-sort") == "none"


def test_all_metrics_and_the_chart_of_any(view: Any) -> None:
    column = view.locator("table.results").first.locator("th[data-metric=mse]")
    assert not column.is_visible()
    view.locator(".all").first.check()
    assert column.is_visible()
    figure = view.locator("figure.dots").first
    assert figure.locator("circle").count() == 1  # recall is of one experiment
    figure.locator("select").select_option("elbo")
    assert figure.locator("circle").count() == 2


def test_pictures_enlarge_and_keys_lead_through_them(view: Any) -> None:
    dialog, image = view.locator("#enlarged"), view.locator("#enlarged-image")
    buttons = view.locator(".enlarge")
    assert not dialog.is_visible()
    buttons.nth(1).focus()
    view.keyboard.press("Enter")
    assert dialog.is_visible()
    first = image.get_attribute("src")
    assert first == buttons.nth(1).locator("img").get_attribute("src")
    assert image.get_attribute("alt")
    view.keyboard.press("ArrowRight")
    assert image.get_attribute("alt") == buttons.nth(2).locator("img").get_attribute("alt")
    for _ in range(2):
        view.keyboard.press("ArrowLeft")
    assert image.get_attribute("src") == buttons.nth(0).locator("img").get_attribute("src")
    view.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert buttons.nth(0).evaluate("button => button === document.activeElement")


def test_colours_can_be_chosen_and_are_remembered(view: Any) -> None:
    def paper() -> str:
        return str(view.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = paper()
    view.emulate_media(color_scheme="dark")
    dark = paper()
    assert dark != light
    view.click("#theme")
    assert paper() == light  # chosen, whatever the system says
    view.click("#theme")
    assert paper() == dark
    view.reload()
    assert paper() == dark


@pytest.mark.parametrize("width", [320, 390, 768, 1200])
def test_nothing_is_wider_than_the_window(width: int, view: Any) -> None:
    view.set_viewport_size({"width": width, "height": 800})
    assert view.evaluate("document.documentElement.scrollWidth") <= width


def test_text_stands_out_from_its_background(view: Any) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5, of what stands on one colour."""
    script = """() => {
        const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
        const colour = text => text.match(/[\\d.]+/g).map(Number);
        const behind = element => { for (; element; element = element.parentElement) {
            const found = colour(getComputedStyle(element).backgroundColor);
            if (found.length === 3 || found[3] > 0) return found; } };
        const faults = [];
        for (const element of document.querySelectorAll("main *, nav *, header *")) {
            const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
            if (!own || !element.checkVisibility() || element.closest("svg, script")) continue;
            const pair = [light(colour(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
            const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
            if (contrast < 4.5) faults.push(`${element.outerHTML.slice(0, 80)}: ${contrast}`);
        }
        return faults; }"""
    for scheme in ("light", "dark"):
        view.emulate_media(color_scheme=scheme)
        assert view.evaluate(script) == []


def test_in_print_there_is_nothing_to_click(view: Any) -> None:
    view.emulate_media(media="print", color_scheme="dark")
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in (".bar", ".toc", "#explorer-app", ".tools"):
        assert not view.locator(hidden).first.is_visible()
    assert view.get_by_text("The explorer works on a screen only.").is_visible()


def test_without_scripts_the_page_is_complete(browser: Any, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    view = context.new_page()
    view.goto((folder / "index.html").as_uri())
    assert view.get_by_text("The explorer needs JavaScript.").is_visible()
    assert view.locator("table.results").first.is_visible()
    assert not view.locator("#explorer-app").is_visible()
    context.close()


@pytest.mark.parametrize(("count", "shape"), [(2, (1, 2)), (16, (1, 16)), (26, (2, 13)), (47, (3, 16))])
def test_many_classes_stand_in_rows(
    count: int, shape: tuple[int, int], browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reported, "CLASSES", tuple(f"class {number}" for number in range(count)))
    shown = reported.content(tmp_path)
    (tmp_path / "index.html").write_text(page.render(shown), encoding="utf-8")
    model = reported.vae(tmp_path, conditional=True)
    view = browser.new_page(viewport={"width": 1200, "height": 900})
    view.goto((tmp_path / "index.html").as_uri())
    explore(view, "cvae")
    latents = [1.0, -1.0, 0.5, 0.0, 2.0]
    move(view, latents)
    every = content(view, "every")[..., 0]
    assert every.shape == (28 * shape[0], 28 * shape[1])
    for label in (0, count // 2, count - 1):
        row, column = divmod(label, shape[1])
        labels = torch.nn.functional.one_hot(torch.tensor([label]), count)
        wanted = 255 * model.generate(torch.tensor([latents]), labels)[0, 0].numpy()
        tile = every[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
        assert np.abs(tile - wanted).max() <= 2
    view.locator("#classes input").last.check(force=True)
    assert f"class {count - 1}" in view.inner_text("#here")
    view.close()
