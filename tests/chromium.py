"""The system's Chromium, in which pages are tested where there is one."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

PATH = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
needed = pytest.mark.skipif(not PATH, reason="no chromium, chromium-browser or google-chrome; apt install chromium")


def launched() -> Iterator[Any]:
    """For a module's fixture: a browser, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH)
        yield browser
        browser.close()
