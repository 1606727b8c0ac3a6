"""The authorization code grant (RFC 6749 §4.1)."""

import asyncio
import re
import sqlite3
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest

from tests.protocol.wire import code_of, refusal
from tests.site import CALLBACK, ISSUER, SCOPE, App, Browser, Site, answer_of

pytestmark = pytest.mark.both_engines

AUTH = "/oauth/v2/auth"


async def at_consent(site: Site, app: App, **changes: Any) -> tuple[Browser, httpx2.Response]:
    """A signed-in browser before the question."""
    browser = await site.signed_in()
    page = await browser.get(AUTH, params=site.request(app, **changes))
    assert 'name="decision"' in page.text
    return browser, page


async def decide(browser: Browser, page: httpx2.Response, decision: str) -> httpx2.Response:
    return await browser.submit(page, {"decision": decision}, path="/oauth/v2/auth/decision")


async def test_6749_4_1_2_a_a_code_by_redirect_lives_a_minute(site: Site) -> None:
    """Short-lived (RFC 6749 §4.1.2)."""
    app = await site.app("server-based")
    in_time, too_late = await site.code(app), await site.code(app)
    site.clock.advance(59)
    assert (await site.exchange(app, in_time)).status_code == 200
    site.clock.advance(1)
    refused = await site.exchange(app, too_late)
    assert (refusal(refused), code_of(refused)) == ((400, "invalid_grant"), "code_expired")


@pytest.mark.parametrize("minutes", [3, 5, 7, 10])
async def test_6749_4_1_2_a_a_generated_code_lives_as_long_as_chosen(site: Site, minutes: int) -> None:
    """At most ten minutes (RFC 6749 §4.1.2)."""
    app = await site.app("self-client")
    in_time = await site.console_code(app, minutes=minutes)
    too_late = await site.console_code(app, minutes=minutes)
    site.clock.advance(60 * minutes - 1)
    assert (await site.exchange(app, in_time)).status_code == 200
    site.clock.advance(1)
    assert refusal(await site.exchange(app, too_late)) == (400, "invalid_grant")


async def test_6749_4_1_2_b_a_code_works_once(site: Site) -> None:
    """The second use is an invalid grant (RFC 6749 §4.1.2)."""
    for type_name in ("server-based", "client-based", "mobile", "self-client"):
        app = await site.app(type_name)
        code = await (site.console_code(app) if type_name == "self-client" else site.code(app))
        assert (await site.exchange(app, code)).status_code == 200
        again = await site.exchange(app, code)
        assert (refusal(again), code_of(again)) == ((400, "invalid_grant"), "code_already_used")


async def test_6749_4_1_2_b_of_many_at_once_one_wins(site: Site) -> None:
    """Exactly one winner, and its tokens live on (RFC 6749 §4.1.2)."""
    app = await site.app("server-based")
    code = await site.code(app, access_type="offline")
    answers = await asyncio.gather(*(site.exchange(app, code) for _ in range(64)))
    won = [answer for answer in answers if answer.status_code == 200]
    lost = [refusal(answer) for answer in answers if answer.status_code != 200]
    assert (len(won), set(lost)) == (1, {(400, "invalid_grant")})
    assert await site.works(won[0].json()["access_token"])
    assert (await site.refresh(app, won[0].json()["refresh_token"])).status_code == 200
    row = await site.db.one("SELECT COUNT(*) FROM authorizations WHERE client_id = $1", app.id)
    assert row[0] == 1


@pytest.mark.parametrize("access_type", ["offline", "online"])
async def test_6749_4_1_2_c_replaying_a_code_kills_the_tokens_issued_from_it(
    site: Site, access_type: str
) -> None:
    """The revocation survives the error; other tokens of the app live on (RFC 6749 §4.1.2)."""
    app = await site.app("server-based")
    untouched = (await site.exchange(app, await site.code(app, access_type=access_type))).json()
    code = await site.code(app, access_type=access_type)
    tokens = (await site.exchange(app, code)).json()
    assert await site.works(tokens["access_token"])
    site.clock.advance(11)
    assert refusal(await site.exchange(app, code)) == (400, "invalid_grant")
    assert not await site.works(tokens["access_token"])
    assert await site.works(untouched["access_token"])
    if access_type == "offline":
        assert refusal(await site.refresh(app, tokens["refresh_token"])) == (400, "invalid_grant")
        assert (await site.refresh(app, untouched["refresh_token"])).status_code == 200
    events = await site.db.all("SELECT kind FROM audit WHERE client_id = $1", app.id)
    assert "code.replayed" in {row[0] for row in events}


async def test_6749_4_1_2_c_a_replay_that_differs_kills_at_once(site: Site) -> None:
    """Only the very same request within ten seconds is a retry (RFC 6749 §4.1.2)."""
    app = await site.app("server-based")
    code = await site.code(app)
    token = (await site.exchange(app, code)).json()["access_token"]
    assert refusal(await site.exchange(app, code)) == (400, "invalid_grant")
    assert await site.works(token), "a double click harms nobody"
    assert refusal(await site.exchange(app, code, redirect_uri="https://evil.example/")) == (
        400,
        "invalid_grant",
    )
    assert not await site.works(token)


async def test_6749_4_1_2_d_a_code_belongs_to_its_client_and_redirect_uri(site: Site) -> None:
    """Another client, or another address, gets nothing, and spends nothing (RFC 6749 §4.1.2)."""
    app = await site.app("server-based", redirect_uris=(CALLBACK, "https://app.example/second"))
    other = await site.app("server-based", name="Other")
    spa = await site.app("client-based")
    code = await site.code(app)
    assert refusal(await site.exchange(other, code)) == (400, "invalid_grant")
    assert refusal(await site.exchange(spa, code)) == (400, "invalid_grant")
    elsewhere = await site.exchange(app, code, redirect_uri="https://app.example/second")
    assert refusal(elsewhere) == (400, "invalid_grant")
    assert (await site.exchange(app, code)).status_code == 200


STATES = ["a", "x" * 2048, "a b&c=d+e%20#f", "<script>'\"`{}", "\\\\..//", "a%0d%0aSet-Cookie: x", "=&?"]


@pytest.mark.parametrize("outcome", ["code", "decline", "wrong scope", "token"])
async def test_6749_4_1_2_e_state_comes_back_as_it_was(site: Site, outcome: str) -> None:
    """Byte for byte, in success and error (RFC 6749 §4.1.2)."""
    app = await site.app("client-based")
    off = {"code_challenge": None, "code_challenge_method": None}
    for state in STATES:
        if outcome == "decline":
            browser, page = await at_consent(site, app, state=state)
            response = await decide(browser, page, "deny")
        elif outcome == "token":
            response = await site.authorize(app, state=state, response_type="token", **off)
        else:
            response = await site.authorize(app, state=state, **({} if outcome == "code" else {"scope": "x"}))
        assert answer_of(response)["state"] == state
        assert f"state={quote(state, safe='')}" in response.headers["location"], "encoded whole"
        assert "set-cookie" not in response.headers or "Set-Cookie: x" not in response.headers["set-cookie"]


WRONG_TARGETS = [
    {"client_id": "glc_us_unknown"},
    {"client_id": "<b>glc</b>"},
    {"redirect_uri": "https://evil.example/cb"},
    {"redirect_uri": "javascript:alert(1)"},
    {"redirect_uri": "https://app.example/callback/../evil"},
]


async def test_6749_4_1_2_1_a_a_wrong_client_or_redirect_uri_is_shown_to_the_person(site: Site) -> None:
    """A page of ours that says so, and no redirect (RFC 6749 §4.1.2.1)."""
    app = await site.app("server-based")
    for changes in WRONG_TARGETS:
        page = await site.browser().get(AUTH, params=site.request(app, **changes))
        assert page.status_code == 400
        assert "location" not in page.headers
        assert "http-equiv" not in page.text
        assert "<b>glc</b>" not in page.text
        assert CALLBACK not in page.text, "a stranger does not learn what is registered"
        assert re.search(r"req_us_\w{10}", page.text), "with a reference to look up"
        if "redirect_uri" in changes:
            owner = await (await site.signed_in()).get(AUTH, params=site.request(app, **changes))
            assert "/callback" in owner.text
            assert app.client.name in owner.text


async def test_6749_4_1_2_1_b_error_parameters_stay_in_their_characters(site: Site) -> None:
    """Nothing that was sent is echoed in a description (RFC 6749 §4.1.2.1)."""
    app = await site.app("server-based")
    fuzz = ['"\\', "a\tb", "“schön”", "\u202e", "%00", "x" * 5000]
    cases: list[dict[str, Any]] = [
        {name: value}
        for name in ("scope", "response_type", "prompt", "access_type", "max_age")
        for value in fuzz
    ]
    cases += [{"resource": "x"}, {"code_challenge": "é"}, {"response_mode": "é"}, {"request": "x"}]
    redirected = 0
    for changes in cases:
        response = await site.browser().get(AUTH, params=site.request(app, **changes))
        if response.status_code != 303:
            assert 400 <= response.status_code < 500, changes
            continue
        redirected += 1
        answer = answer_of(response)
        assert re.fullmatch(r"[a-z_]+", answer["error"])
        assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", answer["error_description"])
        assert re.fullmatch(re.escape(ISSUER) + r"/errors/[a-z_0-9]+", answer["error_uri"])
        assert set(answer) == {"error", "error_description", "error_uri", "state", "iss"}
    assert redirected > 15


async def test_6749_4_1_2_1_c_a_person_who_declines_sends_access_denied_back(site: Site) -> None:
    """Declining is an answer (RFC 6749 §4.1.2.1)."""
    app = await site.app("server-based")
    browser, page = await at_consent(site, app)
    answer = answer_of(await decide(browser, page, "deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "st-123")
    assert "code" not in answer
    browser, page = await at_consent(site, app)
    assert "code" in answer_of(await decide(browser, page, "allow"))


@pytest.mark.sqlite_only
async def test_6749_4_1_2_1_c_trouble_of_ours_goes_back_by_redirect(site: Site) -> None:
    """A broken part is `server_error` or `temporarily_unavailable` (RFC 6749 §4.1.2.1)."""
    app = await site.app("server-based")
    await site.code(app)
    browser = await site.signed_in()
    path = site.server.settings.database.removeprefix("sqlite://")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # somebody holds the file for longer than we wait
    try:
        busy = answer_of(await browser.get(AUTH, params=site.request(app)))
    finally:
        other.execute("ROLLBACK")
    assert (busy["error"], busy["state"]) == ("temporarily_unavailable", "st-123")
    other.execute("UPDATE consents SET redirect_hosts = 'not JSON'")
    other.close()
    broken = answer_of(await browser.get(AUTH, params=site.request(app)))
    assert (broken["error"], broken["state"]) == ("server_error", "st-123")
    assert not set(parse_qs(urlsplit(broken["error_uri"]).query))


@pytest.mark.parametrize("sent", [CALLBACK, None])
async def test_6749_4_1_3_a_the_redirect_uri_is_repeated_with_the_code(site: Site, sent: str | None) -> None:
    """Identical, and required if it was sent (RFC 6749 §4.1.3)."""
    app = await site.app("server-based")
    code = await site.code(app, redirect_uri=sent)
    wrong = ["https://evil.example/", CALLBACK + "/", CALLBACK.upper(), CALLBACK + "?a=1"]
    wrong += [None] if sent else []
    for uri in wrong:
        refused = await site.exchange(app, code, redirect_uri=uri)
        assert (refusal(refused), code_of(refused)) == (
            (400, "invalid_grant"),
            "code_redirect_uri_mismatch",
        ), uri
    assert (await site.exchange(app, code, redirect_uri=sent)).status_code == 200


async def test_6749_4_1_3_a_a_free_loopback_port_is_part_of_the_redirect_uri(site: Site) -> None:
    """The port that the request came with is the one to repeat (RFC 6749 §4.1.3)."""
    app = await site.app("mobile")
    code = await site.code(app, redirect_uri="http://127.0.0.1:51004/cb")
    for uri in ("http://127.0.0.1:51005/cb", "http://127.0.0.1/cb", None):
        assert refusal(await site.exchange(app, code, redirect_uri=uri)) == (400, "invalid_grant")
    right = await site.exchange(app, code, redirect_uri="http://127.0.0.1:51004/cb")
    assert (right.status_code, right.json()["scope"]) == (200, SCOPE)
