"""What is written down: no secret, no forged line, and nothing that a stranger could push out (T128–T130)."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.activity import Entry, Recorder, find_entry, list_entries
from grantline.activity.recorder import PROVEN_RING, UNPROVEN_RING
from grantline.cli.running import clean, say
from grantline.opaque import KINDS, mint
from grantline.web.logs import redact
from tests.conftest import SiteFactory
from tests.db.holding import held_by_another_process
from tests.faults.raw import FORM, ask, encode
from tests.running import ROOT, environment
from tests.site import PASSWORD, Site

SECRET_KINDS = sorted(set(KINDS) - {"glc"})
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def entry(number: int, *, proven: bool, client_id: str = "victim") -> Entry:
    return Entry(f"req_{proven}_{number}", client_id, proven, number, "token", "x", "y", 400, {"hint": "h"})


@pytest.mark.parametrize("kind", SECRET_KINDS)
@pytest.mark.parametrize(
    "around", ["{}", "code={}&x=1", '"{}"', "https://a.example/?token={}#x", "x{}", "{}\n"]
)
def test_T128_every_kind_of_secret_is_taken_out_wherever_it_stands(kind: str, around: str) -> None:
    secret = mint(kind, "us")
    assert secret not in redact(around.format(secret))
    assert secret[10:40] not in redact(around.format(secret))


@pytest.mark.parametrize("text", [JWT, f"Bearer {JWT}", "Basic Z2xjX3VzOmdsc191cw==", "bearer abcdefgh.ij"])
def test_T128_jwts_and_credentials_are_taken_out(text: str) -> None:
    assert "[redacted]" in redact(f"a {text} b")
    assert text.split()[-1] not in redact(f"a {text} b")


def test_T128_what_is_no_secret_stays() -> None:
    told = f"client {mint('glc', 'us')} asked for CRM.modules.READ in req_us_0123456789"
    assert redact(told) == told


@given(text=st.text(max_size=80))
def test_T129_a_redacted_line_is_one_line_without_escapes(text: str) -> None:
    shown = redact(text)
    assert not set(shown) & {chr(code) for code in (*range(32), *range(127, 160))}
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2069")


LOGGING = """
import logging, sys
from grantline.web.logs import set_up_logs
import structlog
set_up_logs("debug")
secret = sys.argv[1]
log = structlog.get_logger()
log.debug("text " + secret, note=secret, password="hunter2", listed=[secret], mapped={"a": secret},
          raw=secret.encode(), problem=ValueError(secret), code="hunter2", number=5, ok=True, nothing=None)
logging.getLogger("library").warning("got %s", secret)
try:
    raise ValueError(secret)
except ValueError:
    logging.getLogger("library").exception("broke at %s\\nsecond line", secret)
"""


def test_T128_our_log_and_that_of_libraries_hold_no_secret() -> None:
    """Also inside of lists, mappings, bytes and exceptions; traces carry no values."""
    secret = mint("gla", "us")
    done = subprocess.run(
        [sys.executable, "-c", LOGGING, secret], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert secret not in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    told = json.loads(lines[0])
    assert (told["number"], told["ok"], told["nothing"], told["level"]) == (5, True, None, "debug")


async def test_T128_a_secret_in_the_wrong_place_is_not_written_down(site: Site) -> None:
    """Sent as client ID, as scope, as redirect URI: the owner learns what was wrong, not the value."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    assert app.secret is not None
    for secret in (app.secret, tokens["access_token"], tokens["refresh_token"], JWT):
        base = {**app.credentials, "grant_type": "client_credentials", "scope": "CRM.modules.READ"}
        for name in ("client_id", "scope", "grant_type", "redirect_uri", "resource", "soid", "token", "code"):
            await site.post("/oauth/v2/token", {**base, name: secret})
            await site.call("GET", "/oauth/v2/auth", params={**site.request(app), name: secret})
            await site.call(
                "GET", "/oauth/v2/logout", params={"post_logout_redirect_uri": secret, name: secret}
            )
        await ask(site, "POST", "/oauth/v2/token", headers=[(b"content-type", secret.encode())], body=b"x=1")
        await site.call("GET", "/oauth/v2/userinfo", headers={"Authorization": f"Bearer {secret}x"})
    await site.mint.recorder.flush()
    rows = await site.db.all("SELECT * FROM activity")
    assert len(rows) > 50
    written = json.dumps([[str(value) for value in tuple(row)] for row in rows])
    for secret in (app.secret, tokens["access_token"], tokens["refresh_token"], JWT):
        assert secret not in written
    assert "[redacted]" in written


async def test_T128_an_error_page_shows_no_secret_that_came_with_the_request(site: Site) -> None:
    app = await site.app("server-based")
    assert app.secret is not None
    page = await site.call("GET", "/oauth/v2/auth", params={**site.request(app), "client_id": app.secret})
    assert page.status_code == 400
    assert app.secret not in page.text
    assert PASSWORD not in page.text


async def test_T130_ten_thousand_anonymous_failures_push_out_nothing_that_was_proven(site: Site) -> None:
    app = await site.app("server-based")
    refused = await site.token(
        app, grant_type="authorization_code", code="glg_us_x", redirect_uri=app.redirect_uri
    )
    assert refused.status_code == 400
    mine = refused.headers["x-request-id"]
    recorder: Recorder = site.mint.recorder
    for number in range(10_000):
        recorder.record(entry(number, proven=False, client_id=app.id))
        if number % 3000 == 2999:
            await recorder.flush()
    await recorder.flush()
    assert await find_entry(site.db, mine) is not None
    rows = await site.db.all(
        "SELECT proven, COUNT(*) FROM activity WHERE client_id = $1 GROUP BY proven", app.id
    )
    assert {row[0]: row[1] for row in rows} == {1: 1, 0: UNPROVEN_RING}


@pytest.mark.sqlite_only
async def test_T130_also_while_nothing_can_be_written(site: Site) -> None:
    """What waits is bounded, and what is proven waits apart."""
    recorder: Recorder = site.mint.recorder
    recorder.record(entry(1, proven=True))
    file = Path(site.server.settings.database.removeprefix("sqlite://"))
    with held_by_another_process(file):
        writing = asyncio.create_task(recorder.flush())
        await asyncio.sleep(0.05)
        for number in range(10_000):
            recorder.record(entry(number, proven=False))
        await asyncio.gather(writing, return_exceptions=True)
    assert recorder.find("req_True_1") is not None
    assert len(recorder._unproven) <= 2000
    await recorder.flush()
    assert await find_entry(site.db, "req_True_1") is not None


async def test_T130_flushing_that_is_cancelled_loses_nothing(site: Site) -> None:
    recorder: Recorder = site.mint.recorder
    for turns in range(6):
        recorder.record(entry(turns, proven=True))
        task = asyncio.create_task(recorder.flush())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await recorder.flush()
    assert len(await list_entries(site.db, "victim")) == 6


@pytest.mark.parametrize(("proven", "size"), [(True, PROVEN_RING), (False, UNPROVEN_RING)])
async def test_T136_rings_are_bounded_and_keep_the_newest(site: Site, proven: bool, size: int) -> None:
    for number in range(size + 50):
        site.mint.recorder.record(entry(number, proven=proven))
    await site.mint.recorder.flush()
    rows = await site.db.all("SELECT at FROM activity ORDER BY at")
    assert [row[0] for row in rows] == list(range(50, size + 50))


@pytest.mark.parametrize(
    "fields",
    [
        {"client_secret": "wrong"},
        {},
        {"refresh_token": "glr_us_x", "client_secret": ""},
    ],
)
async def test_T130_who_is_not_authenticated_writes_into_the_strangers_ring(
    site: Site, fields: dict[str, str]
) -> None:
    for type_name in ("server-based", "mobile", "non-browser"):
        app = await site.app(type_name)
        body = {"client_id": app.id, "grant_type": "refresh_token", "refresh_token": "glr_us_x", **fields}
        assert (await site.post("/oauth/v2/token", body)).status_code >= 400
    await site.mint.recorder.flush()
    rows = await site.db.all("SELECT proven FROM activity")
    assert {row[0] for row in rows} == {0}


async def test_T130_a_warning_that_a_stranger_can_cause_is_theirs(site: Site) -> None:
    """A public app with the vendor switch: its ID alone lets anyone send a token in the query."""
    app = await site.app("mobile", vendor_compatible=True)
    query = encode([("client_id", app.id), ("grant_type", "refresh_token"), ("refresh_token", "glr_us_x")])
    await ask(site, "POST", "/oauth/v2/token", query=query, headers=[(b"content-type", FORM)])
    await site.mint.recorder.flush()
    rows = await site.db.all("SELECT code, proven FROM activity WHERE client_id = $1", app.id)
    assert rows
    assert {row[1] for row in rows} == {0}


HOSTILE = 'a\x1b[2Jb\r\nforged line\x9b31m\u202eevil\x07"=cmd'


def test_T129_the_terminal_gets_no_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"Told: {HOSTILE}", {"told": HOSTILE}, as_json=False)
    say(f"Told: {HOSTILE}", {"told": HOSTILE, "\x9b": [HOSTILE]}, as_json=True)
    shown = capsys.readouterr().out
    assert not set(shown) & {"\x1b", "\r", "\x9b", "\u202e", "\x07"}
    assert json.loads(shown.partition("\n{")[2].join(["{", ""]))["told"] == HOSTILE
    assert clean("two\nlines") == "two\nlines"


async def test_T129_what_a_stranger_sent_comes_out_of_the_command_line_as_text(site: Site) -> None:
    kind = b"text/\x9b31m\xe2\x80\xae" + b"\x1b[2J"
    answer = await ask(site, "POST", "/oauth/v2/token", headers=[(b"content-type", kind)], body=b"x=1")
    await site.mint.recorder.flush()
    for options in ((), ("--json",)):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "grantline", "logs", answer.headers["x-request-id"], *options],
            capture_output=True,
            cwd=ROOT,
            env=environment({"GRANTLINE_DATABASE": site.server.settings.database}),
            check=True,
        )
        shown = done.stdout.decode()
        assert not [letter for letter in shown if letter != "\n" and not letter.isprintable()]


async def test_T131_every_security_act_has_its_event(site: Site) -> None:
    """In the transaction of the act: sign-in, consent, its withdrawal, codes, secrets, revocation."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": tokens["refresh_token"]})
    browser = await site.signed_in()
    await browser.sign_in(await site.browser().get("/signin"))
    await browser.submit(
        await browser.get("/account/apps"), {"client_id": app.id}, path="/account/apps/remove"
    )
    await browser.submit(await browser.get("/signout"), {}, path="/signout")
    kinds = {row[0] for row in await site.db.all("SELECT kind FROM audit")}
    assert {
        "sign_in.succeeded",
        "consent.allowed",
        "authorization.revoked",
        "consent.withdrawn",
        "sign_out",
    } <= kinds
    written = json.dumps([list(map(str, tuple(row))) for row in await site.db.all("SELECT * FROM audit")])
    for secret in (app.secret, tokens["access_token"], tokens["refresh_token"], "mara@example.com"):
        assert str(secret) not in written


async def test_T131_metrics_are_for_the_own_network_and_count_closed_sets_alone(
    open_a_site: SiteFactory,
) -> None:
    async with open_a_site(trusted_proxies="127.0.0.0/8") as site:
        for number in range(300):
            await ask(site, "GET", f"/nothing{number}")
            body = encode([("client_id", f"glc_us_{number}"), ("grant_type", f"g{number}")])
            await ask(site, "POST", "/oauth/v2/token", headers=[(b"content-type", FORM)], body=body)
        told = await ask(site, "GET", "/metrics")
        assert told.status == 200
        assert len(told.body.splitlines()) < 10
        assert b"nothing" not in told.body
        stranger = [(b"x-forwarded-for", b"203.0.113.7")]
        assert (await ask(site, "GET", "/metrics", headers=stranger)).status == 404
