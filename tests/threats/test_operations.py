"""Running it: what costs too much is cut off, what is not built is not there, data centers share nothing."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

import grantline
from grantline.settings import Settings
from grantline.web.app import CONSOLE, PEOPLE
from grantline.web.background import sweep
from grantline.web.routes import PROGRAMS
from tests.conftest import SiteFactory
from tests.running import ROOT, environment
from tests.site import SCOPE, Site

ADVERSARIAL: Final = [
    "a" * 65_536,
    "a." * 32_768,
    "a-" * 32_768,
    "." * 65_536,
    " " * 65_536,
    "," * 65_536,
    "=" * 65_536,
    "%41" * 21_845,
    "A1_" * 21_845,
    "/" * 65_536,
    ":" * 65_536,
    "gla_us_" + "0" * 65_529,
    "eyJ" + "a" * 32_768 + "." * 32_765,
    "http://" + "a" * 65_529,
    "Basic " + "A" * 65_530,
]


def patterns() -> list[tuple[str, re.Pattern[Any], bool]]:
    """Every pattern at module level, and whether it is also looked for in the middle of a text."""
    found = []
    for module_info in pkgutil.walk_packages(grantline.__path__, "grantline."):
        if module_info.name.endswith("__main__"):
            continue
        module = importlib.import_module(module_info.name)
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                inside = re.search(rf"\b{name}\.(search|sub|split|finditer|findall)\(", source) is not None
                found.append((f"{module_info.name}.{name}", value, inside))
    return found


def test_T135_no_pattern_takes_long_over_64_kib() -> None:
    """Bounded by the length alone: what is quadratic would take seconds here."""
    slow = []
    checked = patterns()
    assert len(checked) > 30
    for name, pattern, inside in checked:
        for text in ADVERSARIAL:
            for tail in ("", "!", "\x00"):
                given: Any = (text + tail) if isinstance(pattern.pattern, str) else (text + tail).encode()
                started = time.process_time()  # what others do on this machine does not count
                pattern.fullmatch(given)
                if inside:
                    for _ in pattern.finditer(given):
                        pass
                if time.process_time() - started > 0.2:
                    slow.append((name, given[:20]))
    assert not slow


@pytest.mark.parametrize("seed", ["0", "1", "12345"])
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_T135_predictable_hashes_are_refused_at_the_start(tmp_path: Path, seed: str, command: str) -> None:
    database = f"sqlite://{tmp_path}/one.db"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "grantline",
            command,
            *(["--data", str(tmp_path)] if command == "demo" else []),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=environment({"GRANTLINE_DATABASE": database, "PYTHONHASHSEED": seed}),
        check=False,
    )
    assert done.returncode == 1
    assert "PYTHONHASHSEED" in done.stderr
    assert not (tmp_path / "one.db").exists()


NOT_BUILT: Final = [
    "/oauth/v2/par",
    "/oauth/v2/register",
    "/oauth/v2/register/x",
    "/oauth/v2/clientmetadata",
    "/oauth/dcexchange",
    "/connections",
    "/console/connections",
    "/console/members",
    "/console/invitations",
    "/console/workspaces",
    "/invitations/x",
    "/admin",
    "/console/admin",
    "/console/impersonate",
    "/setup",
    "/install",
    "/debug",
    "/account/password",
    "/account/recovery",
    "/account/totp",
    "/account/passkeys",
    "/reset",
    "/.env",
    "/openapi.json",
    "/docs",
    "/server-status",
]


@pytest.mark.parametrize("path", NOT_BUILT)
async def test_what_is_not_built_is_not_there_even_for_who_is_signed_in(site: Site, path: str) -> None:
    """T70, T77–T79, T81, T104–T110, T116–T121, T144, T146–T148: no route, so nothing to attack yet."""
    browser = await site.signed_in()
    for answer in (await browser.get(path), await browser.post(path, {"x": "y"}), await site.post(path, {})):
        assert answer.status_code == 404


async def test_T106_metadata_announces_no_endpoint_that_is_not_there(site: Site) -> None:
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        metadata = (await site.call("GET", path)).json()
        for name, address in metadata.items():
            if name.endswith(("_endpoint", "jwks_uri")):
                route = address.removeprefix(metadata["issuer"])
                assert (await site.call("GET", route)).status_code != 404, name
        assert "registration_endpoint" not in metadata
        assert "pushed_authorization_request_endpoint" not in metadata


def test_T147_no_route_reads_or_becomes_another_person() -> None:
    """No operator's page at all: operators have the command line, whose acts are events.

    A client's own team sees who uses it, masked (tests/web/console/test_users.py), and can only revoke.
    """
    names = {route.path for route in (*PEOPLE, *CONSOLE)} | set(PROGRAMS)
    names -= {"/console/clients/{client_id}/users", "/console/clients/{client_id}/users/revoke"}
    assert not [
        path for path in names if re.search(r"admin|operator|impersonat|sudo|become|/users|accounts/", path)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"log_level": "debug"},
        {"demo": True},
    ],
)
def test_T148_debug_and_demo_stay_on_loopback(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="loopback"):
        Settings(public_url="https://accounts.example", **changes)
    assert Settings(public_url="http://127.0.0.1:8700", **changes)


def test_T148_an_unknown_setting_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(public_url="https://accounts.example", unknown="x")  # type: ignore[call-arg]


def test_T141_nothing_from_outside_is_put_into_a_command_of_ci() -> None:
    """No workflow files that could; the one script takes nothing but its own arguments, quoted."""
    assert not (ROOT / ".github").exists()
    script = (ROOT / ".ci" / "run").read_text()
    assert "${{" not in script
    assert "eval" not in script
    for name in re.findall(r"\$\{?(\w+)", script):
        assert name in {"BASH_SOURCE", "CI", "failed"}, name


ODD: Final = [
    "'",
    '"',
    "--",
    "%",
    "_",
    "\\",
    "%00",
    ";DROP TABLE clients",
    "') OR 1=1 --",
    "\u0000",
    "*",
    "[",
    "1e999",
]


@pytest.mark.both_engines
@pytest.mark.parametrize("text", ODD)
async def test_T145_signs_of_sql_are_text_everywhere(site: Site, text: str) -> None:
    """Every parameter that reaches a look-up or a list."""
    app = await site.app("self-client")
    await site.tokens(app)
    browser = await site.signed_in()
    before = [tuple(row) for row in await site.db.all("SELECT id, name FROM clients ORDER BY id")]
    for path, name in (
        ("/console/activity", "request_id"),
        (f"/console/clients/{app.id}/activity", "request_id"),
        ("/account/apps", "removed"),
        ("/signin", "flow"),
        ("/oauth/v2/auth/continue", "flow"),
        ("/oauth/v3/device/confirm", "flow"),
        ("/oauth/v2/auth", "client_id"),
        ("/device", "user_code"),
    ):
        answer = await browser.get(path, params={name: text})
        assert answer.status_code < 500, path
    for name in ("client_id", "code", "refresh_token", "scope", "token", "device_code", "resource"):
        for path in ("/oauth/v2/token", "/oauth/v2/introspect", "/oauth/v2/token/revoke"):
            fields = {**app.credentials, "grant_type": "authorization_code", name: text}
            assert (await site.post(path, fields)).status_code < 500
    assert [tuple(row) for row in await site.db.all("SELECT id, name FROM clients ORDER BY id")] == before


async def test_T136_lists_are_bounded(site: Site) -> None:
    for number in range(130):
        await site.app("server-based", name=f"App {number}")
    page = await (await site.signed_in()).get("/console/clients")
    assert 1 < page.text.count("App 1") <= 100
    assert len(re.findall(r"/console/clients/glc_us_\w+", page.text)) <= 200


async def test_T136_what_is_over_is_swept_away(site: Site) -> None:
    """Codes, flows, sessions, tries: after their time nothing of them is left, and what lives stays."""
    app, device = await site.app("server-based"), await site.app("non-browser")
    live = await site.tokens(app)
    await site.device_start(device)
    await (await site.signed_in()).get("/oauth/v2/auth", params=site.request(app, prompt="login"))
    counted = ("pending_flows", "authorization_codes", "device_codes", "sessions")
    assert all([(await site.db.one(f"SELECT COUNT(*) FROM {table}"))[0] for table in counted])
    site.clock.advance(60 * 24 * 3600)
    assert await sweep(site.db, site.clock()) > 0
    for table in counted:
        assert (await site.db.one(f"SELECT COUNT(*) FROM {table}"))[0] == 0, table
    assert (await site.refresh(app, live["refresh_token"])).status_code == 200


async def test_T114_what_happens_in_one_data_center_changes_nothing_in_the_other(
    open_a_site: SiteFactory,
) -> None:
    settings = {"limits": "1", "trusted_proxies": "127.0.0.0/8"}
    async with open_a_site(**settings) as us, open_a_site(**settings) as eu:
        app = await us.app("server-based")
        await eu.db.run("DELETE FROM clients")
        row = await us.db.one("SELECT * FROM clients WHERE id = $1", app.id)
        marks = ", ".join(f"${number + 1}" for number in range(len(tuple(row))))
        await eu.db.run(f"INSERT INTO clients VALUES ({marks})", *tuple(row))
        wrong = {"client_id": app.id, "client_secret": "wrong", "token": "x"}
        headers = {"X-Forwarded-For": "203.0.113.7"}
        for _ in range(21):
            answer = await us.post("/oauth/v2/introspect", wrong, headers=headers)
        assert answer.status_code == 429
        assert (await eu.post("/oauth/v2/introspect", wrong, headers=headers)).status_code == 401
        await us.db.run("UPDATE clients SET disabled_at = 1")
        right = {**app.credentials, "token": "x"}
        assert (await us.post("/oauth/v2/introspect", right)).status_code == 401
        assert (await eu.post("/oauth/v2/introspect", right)).status_code == 200


async def test_T112_no_token_or_cookie_of_a_sibling_counts_here(site: Site, tmp_path: Path) -> None:
    """Another data center under the same roof, with everything but its own keys the same."""
    from grantline.keys import Envelope, Keyring, ensure_keys, load_keyring, load_master_key

    app = await site.app("server-based")
    tokens = await site.tokens(app, scope=f"openid {SCOPE}", nonce="n")
    key = load_master_key(site.server.settings.master_key_path, create=False)
    await site.db.run("DELETE FROM keys")
    envelope = Envelope(key, "eu")
    await ensure_keys(site.db, envelope, site.clock())
    sibling: Keyring = await load_keyring(site.db, envelope)
    own = site.mint.keyring
    assert sibling.refresh_mac != own.refresh_mac
    assert sibling.form_token("a", "b") != own.form_token("a", "b")
    assert sibling.user_code_mac != own.user_code_mac
    assert sibling.browser_mac != own.browser_mac
    site.mint.keyring = sibling
    assert not await site.works(tokens["access_token"])
    dead = await site.refresh(app, tokens["refresh_token"])
    assert (dead.status_code, dead.json()["error"]) == (400, "invalid_grant")
    assert await site.introspect(app, tokens["refresh_token"]) == {"active": False}
