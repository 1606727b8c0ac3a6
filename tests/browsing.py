"""A person at a browser: headless Chromium, and the few steps that many tests share."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

# Without its window it starts and opens pages in a quarter of the time, and its pages are the same.
CHROMIUM: Final = (
    os.environ.get("CHROMIUM")
    or shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
    or "/usr/bin/chromium"
)
# What a page does by itself takes as long as the machine needs; a test that waits in vain fails all the same.
PATIENCE_MS: Final = 60_000
expect.set_options(timeout=PATIENCE_MS)
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """A headless Chromium. While it is open no asyncio test can run in this process: it holds the loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), headless=True)
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, email: str, password: str) -> None:
    """Fill in and send the sign-in form that the page shows."""
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    with page.expect_navigation():
        page.press("input[name=password]", "Enter")


def decide(page: Page, decision: str = "allow") -> None:
    """Press *Allow* (`allow`) or *Don't allow* (`deny`) on the consent page."""
    with page.expect_navigation():
        page.click(f"button[name=decision][value={decision}]")


def sign_in_and_decide(page: Page, url: str, email: str, password: str, decision: str = "allow") -> str:
    """Open an authorization URL, sign in and decide as far as asked; the address where the browser ends.

    Something must listen at the redirect address (`tests.foreign.arrivals`).
    """
    page.goto(url)
    if page.locator("input[name=password]").count():
        sign_in(page, email, password)
    if page.locator("button[name=decision]").count():
        decide(page, decision)
    return page.url


def sign_in_and_allow(page: Page, url: str, email: str, password: str) -> str:
    """Open an authorization URL, sign in and press *Allow*; the address where the browser ends."""
    return sign_in_and_decide(page, url, email, password, "allow")
