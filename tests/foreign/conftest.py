"""A browser whose person stays signed in from test to test: what these tests ask about is the clients."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browsing import PATIENCE_MS


@pytest.fixture(scope="module")
def history(chromium: Browser) -> Iterator[BrowserContext]:
    """The browser of one module's person; it keeps its cookies."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(history: BrowserContext) -> Iterator[Page]:
    """An empty page in that browser."""
    opened = history.new_page()
    yield opened
    opened.close()
