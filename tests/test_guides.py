"""The guides' code, run as it stands against the demo, with a person in Chromium where one is needed."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.browsing import decide, sign_in, sign_in_and_allow
from tests.running import ROOT, Demo

pytestmark = pytest.mark.browser
GUIDES = ROOT / "docs" / "guides"


def blocks(guide: str, language: str) -> list[str]:
    """The code blocks of one language in a guide."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (GUIDES / f"{guide}.md").read_text(), re.M | re.S)
    assert found, f"{guide}.md has no {language} code"
    return found


@pytest.fixture
def desk(demo: Demo, tmp_path: Path) -> Path:
    """A folder that looks like the reader's: the demo's data in .grantline, and ./run."""
    (tmp_path / ".grantline").symlink_to(demo.data_dir)
    runner = tmp_path / "run"
    runner.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m grantline "$@"\n')
    runner.chmod(0o755)
    return tmp_path


@contextmanager
def running(code: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """The code as a program of its own, ended with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": "/usr/bin:/bin", "BROWSER": "true"},
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def open_soon(page: Page, url: str) -> None:
    """Open a page of a program that may not listen yet."""
    for _ in range(50):
        try:
            page.goto(url)
            return
        except Exception:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")


def test_the_guide_for_self_clients_works(desk: Path) -> None:
    script = "set -e\n" + "\n".join(blocks("self-client", "sh"))
    done = subprocess.run(["bash", "-c", script], cwd=desk, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"Last_Name"') >= 2, done.stdout


def test_the_guide_for_server_based_apps_works(demo: Demo, desk: Path, page: Page) -> None:
    person = demo.user("user")
    home = demo.client("server_based")["redirect_uris"][0].removesuffix("callback")
    with running(blocks("server-based", "python")[0], desk):
        open_soon(page, home)
        sign_in(page, person["email"], person["password"])
        if page.locator("button[name=decision]").count():
            decide(page)
        expect(page.locator("body")).to_contain_text(f"Hello {person['email']}, your first lead is")


def test_the_guide_for_client_based_apps_works(demo: Demo, desk: Path, page: Page) -> None:
    person = demo.user("user")
    (desk / "app.html").write_text(blocks("client-based", "html")[0])
    with running(blocks("client-based", "python")[0], desk):
        open_soon(page, demo.client("client_based")["origins"][0] + "/app.html")
        page.wait_for_selector("input[name=password]")
        sign_in(page, person["email"], person["password"])
        if page.locator("button[name=decision]").count():
            decide(page)
        expect(page.locator("#out")).to_contain_text("Your first lead is")


def test_the_guide_for_the_browser_module_works(demo: Demo, desk: Path, page: Page) -> None:
    person = demo.user("user")
    (desk / "app.html").write_text(blocks("browser", "html")[0])
    with running(blocks("browser", "python")[0], desk):
        open_soon(page, demo.client("client_based")["origins"][0] + "/app.html")
        expect(page.locator("#out")).to_have_text("Log in to see your leads.")
        with page.expect_popup() as opening:
            page.get_by_role("button", name="Log in with Grantline").click()
        popup = opening.value
        popup.fill("input[name=email]", person["email"])
        popup.fill("input[name=password]", person["password"])
        popup.press("input[name=password]", "Enter", no_wait_after=True)
        told = f"Hello {person['email']}, your first lead is"
        while told not in page.locator("#out").inner_text():
            with suppress(PlaywrightError):  # it closes by itself, at once if this was allowed before
                popup.click("button[name=decision][value=allow]", no_wait_after=True, timeout=500)
        page.reload()
        expect(page.locator("#out")).to_contain_text(told)
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("#out")).to_have_text("Log in to see your leads.")


def test_the_guide_for_devices_works(demo: Demo, desk: Path, page: Page) -> None:
    person = demo.user("user")
    with running(blocks("non-browser", "python")[0], desk) as device:
        assert device.stdout is not None
        line = device.stdout.readline()
        found = re.search(r"open (\S+) and enter (\S+)", line)
        assert found, line
        page.goto(found[1])
        page.fill("input[name=user_code]", found[2])
        page.press("input[name=user_code]", "Enter")
        page.wait_for_load_state()
        sign_in(page, person["email"], person["password"])
        page.wait_for_timeout(900)  # the buttons take no pointer at first
        decide(page)
        assert "First lead:" in device.stdout.readline()


def test_the_guide_for_mobile_apps_works(demo: Demo, desk: Path, page: Page) -> None:
    person = demo.user("user")
    with running(blocks("mobile", "python")[0], desk) as app:
        assert app.stdout is not None
        line = app.stdout.readline()
        assert line.startswith("Opening "), line
        sign_in_and_allow(page, line.removeprefix("Opening ").strip(), person["email"], person["password"])
        assert "First lead:" in app.stdout.readline()
