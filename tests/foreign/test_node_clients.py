"""Clients for Node.js against the demo: openid-client, on oauth4webapi, and the vendor's official SDK.

They are installed into `.cache/` by npm from a lock with hashes; without Node.js these tests are left out.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browsing import decide
from tests.foreign.arrivals import let_a_person_decide, listening
from tests.foreign.node_programs import programs_folder
from tests.running import Demo, environment

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.browser,
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node.js is not installed"),
]

SCOPE = "openid email CRM.modules.leads.READ"


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with the programs and the packages that they import; made again when the lock changes."""
    return programs_folder()


class Program:
    """One of the programs, and the JSON file that it works from."""

    def __init__(self, path: Path, file: Path, told: Mapping[str, Any]) -> None:
        self._path, self._file = path, file
        file.write_text(json.dumps(told))

    def tell(self, **members: str) -> None:
        """Add to what the program knows."""
        self._file.write_text(json.dumps({**json.loads(self._file.read_text()), **members}))

    def run(self, step: str) -> dict[str, Any]:
        """Run one step and give what it printed."""
        done = subprocess.run(
            ["node", str(self._path), step, str(self._file)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self._file.parent,
            env=environment({"NODE_NO_WARNINGS": "1"}),
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def told_of(demo: Demo, key: str, **members: str) -> dict[str, Any]:
    """What a program knows of the demo and one of its clients."""
    center, client = demo.data_center(), demo.client(key)
    known = {name: client[name] for name in ("client_id", "client_secret") if name in client}
    return {"issuer": center["issuer"], "api_domain": center["api_domain"], **known, **members}


@pytest.mark.parametrize(
    ("key", "method", "algorithm"),
    [
        ("server_based", "basic", "oidc"),
        ("server_based", "post", "oauth2"),
        ("client_based", "none", "oidc"),
        ("mobile", "none", "oauth2"),
    ],
)
def test_openid_client_goes_the_whole_way(
    key: str, method: str, algorithm: str, programs: Path, demo: Demo, page: Page, tmp_path: Path
) -> None:
    """Discovery at both addresses, PKCE, `iss`, id_token, userinfo, refresh, introspection, revocation."""
    told = told_of(demo, key, scope=SCOPE, method=method, algorithm=algorithm)
    address = "http://127.0.0.1/callback" if key == "mobile" else demo.client(key)["redirect_uris"][0]
    with listening(address) as app:
        program = Program(
            programs / "openid_client.mjs", tmp_path / "told.json", {**told, "redirect_uri": app.address}
        )
        begun = program.run("start")
        assert begun["pkce"] is True
        program.tell(back=let_a_person_decide(page, demo, begun["url"]))
    ended = program.run("finish")
    person = demo.user()
    assert ended["claims"]["sub"] == ended["userinfo"]["sub"] == person["sub"]
    assert ended["userinfo"]["email"] == person["email"]
    assert ended["scope"] == SCOPE
    assert (ended["before"], ended["after"]) == (200, 401)
    assert ended["rotated"] is (method == "none")
    assert method == "none" or ended["known"]["active"] is True


def test_openid_client_polls_for_a_device(programs: Path, demo: Demo, page: Page, tmp_path: Path) -> None:
    told = told_of(demo, "non_browser", scope="CRM.modules.leads.READ", method="post")
    program = Program(programs / "openid_client.mjs", tmp_path / "told.json", told)
    device = program.run("device")["device"]
    let_a_person_decide(page, demo, f"{demo.issuer}/account")
    page.goto(device["verification_uri_complete"])
    page.click("main button[type=submit]")
    page.wait_for_load_state()
    decide(page)
    assert program.run("device_finish") == {"scope": "CRM.modules.leads.READ", "expires_in": 3600}


def test_openid_client_gets_a_token_for_a_self_client(programs: Path, demo: Demo, tmp_path: Path) -> None:
    told = told_of(demo, "self_client", scope="CRM.modules.leads.READ", method="post")
    program = Program(programs / "openid_client.mjs", tmp_path / "told.json", told)
    assert program.run("credentials") == {"scope": "CRM.modules.leads.READ", "expires_in": 3600}


def test_the_vendors_node_sdk_lives_on_a_grant_token(programs: Path, demo: Demo, tmp_path: Path) -> None:
    scope = "CRM.modules.ALL,CRM.settings.ALL,CRM.users.READ,CRM.org.READ"
    told = told_of(demo, "self_client", code=demo.code(scope), folder=str(tmp_path))
    program = Program(programs / "vendor_sdk.mjs", tmp_path / "told.json", told)
    begun = program.run("begin")
    assert begun["email"] == demo.user("developer")["email"]
    assert begun["created"] == 201
    assert "Node" in begun["listed"]
    assert begun["deleted"] == "success"
    assert begun["stored"]["api_domain"] == demo.api_domain

    resumed = program.run("resume")
    assert resumed["stored"]["refresh_token"] == begun["stored"]["refresh_token"]
    assert resumed["stored"]["access_token"] != begun["stored"]["access_token"]
    assert sorted(resumed["listed"]) == sorted(set(begun["listed"]) - {"Node"})
