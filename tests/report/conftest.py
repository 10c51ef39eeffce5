"""What tests of the report share: all that a small page shows, and the page."""

import pytest
import reported

from pipeline.report import page
from pipeline.report.page import Content


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return reported.content(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def text(shown: Content) -> str:
    return page.render(shown)
