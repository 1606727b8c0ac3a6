"""The guide of the client library: its programs, run as they stand against the demo."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import decide, sign_in, sign_in_and_allow
from tests.running import ROOT, Demo
from tests.test_guides import blocks, open_soon

pytestmark = pytest.mark.browser
SELF_CLIENT, WEB_APP, DEVICE, DESKTOP, ITSELF = range(5)
SCOPE = "openid email CRM.modules.leads.READ"


class Desk:
    """A reader's folder, with the files that the console gave them."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        self.demo, self.folder = demo, folder
        self.given = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "src"),
            "XDG_DATA_HOME": str(folder / "data"),
            "GRANTLINE_STORE_KEY": secrets.token_urlsafe(32),
        }

    def file(self, name: str, key: str, **members: str) -> None:
        client = self.demo.client(key)
        known = {"issuer": self.demo.issuer, "client_id": client["client_id"], **members}
        if client.get("client_secret"):
            known["client_secret"] = client["client_secret"]
        (self.folder / name).write_text(json.dumps(known))

    @contextmanager
    def running(self, block: int, port: int = 0) -> Iterator["subprocess.Popen[str]"]:
        """A program of the guide, ended with the block."""
        code = blocks("sdk", "python")[block]
        code = code.replace("port=8704", f"port={port}") if port else code
        with subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.given,
        ) as started:
            try:
                yield started
            finally:
                started.kill()

    def said(self, block: int) -> str:
        """What a program says until it ends."""
        with self.running(block) as program:
            said, problem = program.communicate(timeout=60)
        assert program.returncode == 0, problem
        return said


@pytest.fixture(scope="module")
def desk(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(demo, tmp_path_factory.mktemp("desk"))


def test_programs_without_a_person_start_with_a_file_and_again_without_its_code(desk: Desk) -> None:
    client = desk.demo.client("self_client")
    code = desk.demo.grantline(
        "code", "--client", client["client_id"], "--scope", "CRM.modules.leads.READ"
    ).strip()
    desk.file("grantline-code.json", "self_client", code=code)
    with ExitStack() as together:
        programs = [together.enter_context(desk.running(SELF_CLIENT)) for _ in range(2)]
        said = {program.communicate(timeout=60) for program in programs}
    assert len(said) == 1, "one of them exchanged the code, for all"
    first = said.pop()[0]
    assert first.startswith("Lead: ")
    desk.file("grantline-code.json", "self_client")
    assert desk.said(SELF_CLIENT) == first
    desk.file("robot.json", "server_based", scope="CRM.modules.leads.READ")
    assert re.fullmatch(r"Lives until \d{10}\n", desk.said(ITSELF))


def test_a_web_app_greets_who_signed_in(desk: Desk, page: Page) -> None:
    person = desk.demo.user("user")
    callback = desk.demo.client("server_based")["redirect_uris"][0]
    desk.file("web_app.json", "server_based", redirect_uri=callback, scope=SCOPE)
    port = urlsplit(callback).port
    assert port is not None
    with desk.running(WEB_APP, port):
        open_soon(page, callback.removesuffix("callback"))
        sign_in(page, person["email"], person["password"])
        if page.locator("button[name=decision]").count():
            decide(page)
        expect(page.locator("body")).to_contain_text(f"Hello {person['email']}, your first lead is")
        assert not [one for one in page.context.cookies() if one["name"].startswith("gl_state_")]
        page.goto(f"{callback}?state=of-nobody&code=x")
        expect(page.locator("body")).to_contain_text("Start again at the link that leads to sign-in.")


def test_a_device_and_a_desktop_sign_in_once(desk: Desk, page: Page) -> None:
    person = desk.demo.user("user")
    desk.file("smart_tv.json", "non_browser", scope="CRM.modules.leads.READ")
    with desk.running(DEVICE) as device:
        assert device.stdout is not None
        line = device.stdout.readline()
        found = re.search(r"Open (\S+) and enter (\S+)", line)
        assert found, line
        page.goto(found[1])
        page.fill("input[name=user_code]", found[2])
        page.press("input[name=user_code]", "Enter")
        page.wait_for_load_state()
        sign_in(page, person["email"], person["password"])
        page.wait_for_timeout(900)  # the buttons take no pointer at first
        decide(page)
        assert device.stdout.readline().startswith("Lead: ")
    desk.file("desktop.json", "mobile", redirect_uri="http://127.0.0.1/callback", scope=SCOPE)
    with desk.running(DESKTOP) as app:
        assert app.stdout is not None
        said = [app.stdout.readline(), app.stdout.readline()]
        assert said[1].startswith("http"), said
        sign_in_and_allow(page, said[1].strip(), person["email"], person["password"])
        assert app.stdout.readline().startswith(("Lead: ", "From another"))
        app.wait(30)
