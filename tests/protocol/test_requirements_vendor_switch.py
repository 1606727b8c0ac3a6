"""The vendor compatibility switch: each of its effects, on and off (B4, R18, requirements, decisions)."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.conftest import SiteFactory
from tests.protocol.wire import refusal
from tests.running import run_grantline
from tests.site import CALLBACK, CHALLENGE, SCOPE, App, Site, answer_of

TOKEN = "/oauth/v2/token"
BOTH = pytest.mark.parametrize("on", [True, False], ids=["on", "off"])


async def app_of(site: Site, type_name: str, on: bool, **changes: Any) -> App:
    return await site.app(type_name, vendor_compatible=on, **changes)


@BOTH
async def test_B4_errors_come_with_status_200_and_the_vendors_words_under_the_switch_alone(
    site: Site, on: bool
) -> None:
    """The word of each error and its status, side by side (B4)."""
    app = await app_of(site, "server-based", on)
    refresh_token = (await site.tokens(app))["refresh_token"]
    code = await site.code(app)

    async def tried(**fields: Any) -> tuple[int, str]:
        return refusal(await site.post(TOKEN, {**app.credentials, **fields}))

    exchange = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    expected = {
        "wrong secret": ((200, "invalid_client_secret"), (401, "invalid_client")),
        "no secret": ((200, "invalid_client_secret"), (401, "invalid_client")),
        "unknown code": ((200, "invalid_code"), (400, "invalid_grant")),
        "other redirect": ((200, "invalid_redirect_uri"), (400, "invalid_grant")),
        "bad refresh token": ((200, "invalid_code"), (400, "invalid_grant")),
        "unknown grant": ((200, "invalid_client"), (400, "unsupported_grant_type")),
        "no grant type": ((400, "invalid_request"), (400, "invalid_request")),
        "bad scope": ((200, "invalid_scope"), (400, "invalid_scope")),
    }
    happened = {
        "wrong secret": await tried(**exchange, code=code, client_secret="wrong"),
        "no secret": await tried(**exchange, code=code, client_secret=""),
        "unknown code": await tried(**exchange, code="1000.0123.4567"),
        "other redirect": await tried(**exchange | {"redirect_uri": "https://x.example/"}, code=code),
        "bad refresh token": await tried(grant_type="refresh_token", refresh_token=refresh_token[:-1]),
        "unknown grant": await tried(grant_type="password"),
        "no grant type": await tried(code=code),
        "bad scope": await tried(grant_type="client_credentials", scope="nothing"),
    }
    assert happened == {name: pair[0 if on else 1] for name, pair in expected.items()}
    assert (await site.exchange(app, code)).status_code == 200


async def test_an_unknown_client_gets_standard_answers(site: Site) -> None:
    """The switch is read from a client that was found (B4)."""
    await app_of(site, "server-based", True)
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": "x",
        "client_id": "1000.ABC",
        "client_secret": "x",
    }
    assert refusal(await site.post(TOKEN, fields)) == (401, "invalid_client")


@BOTH
async def test_B2_the_limit_is_400_access_denied_under_the_switch_and_429_without(
    open_a_site: SiteFactory, on: bool
) -> None:
    """Both say how long to wait (B2, B4)."""
    async with open_a_site(limits="1") as site:
        app = await app_of(site, "self-client", on)
        token = (await site.tokens(app))["refresh_token"]
        for _ in range(10):
            assert (await site.refresh(app, token)).status_code == 200
        throttled = await site.refresh(app, token)
        assert refusal(throttled) == ((400, "Access Denied") if on else (429, "temporarily_unavailable"))
        assert 0 < int(throttled.headers["retry-after"]) <= 600
        assert throttled.json().get("status") == ("failure" if on else None)


@BOTH
async def test_an_unknown_token_at_revoke_is_400_under_the_switch_alone(site: Site, on: bool) -> None:
    """Everywhere else it is no error (requirements, the vendor switch)."""
    app = await app_of(site, "server-based", on)
    token = (await site.tokens(app))["refresh_token"]
    for path in ("/oauth/v2/token/revoke", "/oauth/v2/revoke/token"):
        unknown = await site.post(path, {**app.credentials, "token": "glr_us_nothing"})
        assert unknown.status_code == (400 if on else 200)
    known = await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": token})
    assert (known.status_code, known.json()) == (200, {"status": "success"})


@BOTH
async def test_revocation_by_possession_works_under_the_switch_alone(site: Site, on: bool) -> None:
    """For a server-based app without it, credentials are needed (C5, T49)."""
    app = await app_of(site, "server-based", on)
    tokens = await site.tokens(app)
    answer = await site.post("/oauth/v2/token/revoke", params={"token": tokens["refresh_token"]})
    assert answer.status_code in ((200,) if on else (400, 401))
    assert await site.works(tokens["access_token"]) is not on


@BOTH
async def test_device_times_are_milliseconds_and_shorter_under_the_switch_alone(site: Site, on: bool) -> None:
    """Five minutes and thirty seconds instead of ten and five (requirements, the vendor switch)."""
    app = await app_of(site, "non-browser", on)
    started = await site.device_start(app)
    times = (started["expires_in"], started["interval"])
    assert times == ((300_000, 30_000) if on else (600, 5))
    assert started["verification_uri"] == started["verification_url"]
    poll = {"client_id": app.id, "grant_type": "device_token", "code": started["device_code"]}

    async def polled() -> tuple[int, str]:
        return refusal(await site.post("/oauth/v3/device/token", poll))

    status = 200 if on else 400
    assert await polled() == (status, "authorization_pending")
    site.clock.advance(10)
    assert await polled() == (status, "slow_down" if on else "authorization_pending")
    site.clock.advance(291)
    assert await polled() == (status, "expired" if on else "authorization_pending")
    site.clock.advance(300)
    assert await polled() == (status, "expired" if on else "expired_token")


@BOTH
async def test_a_refresh_token_comes_at_the_first_consent_only_under_the_switch(site: Site, on: bool) -> None:
    """Unless the app asks for consent again (requirements, the vendor switch)."""
    app = await app_of(site, "server-based", on)
    browser = await site.signed_in()

    async def has_one(**changes: Any) -> bool:
        code = await site.code(app, browser=browser, access_type="offline", **changes)
        return "refresh_token" in (await site.exchange(app, code)).json()

    assert await has_one()
    assert await has_one() is not on
    assert await has_one(prompt="consent")
    code = await site.code(app, browser=browser, access_type="online", prompt="consent")
    assert "refresh_token" not in (await site.exchange(app, code)).json()


@BOTH
@pytest.mark.parametrize("type_name", ["non-browser", "mobile"])
async def test_an_optional_secret_ends_rotation_under_the_switch_alone(
    site: Site, on: bool, type_name: str
) -> None:
    """And only for the client that sends it (requirements, client types)."""
    legacy = {"legacy_secret": True} if type_name == "mobile" else {}
    app = await app_of(site, type_name, on, **legacy)
    token = (await site.tokens(app))["refresh_token"]
    with_secret = await site.refresh(app, token, client_secret=app.secret)
    assert ("refresh_token" in with_secret.json()) is not on
    token = with_secret.json().get("refresh_token", token)
    assert "refresh_token" in (await site.refresh(app, token)).json()


@BOTH
async def test_an_equal_scope_may_come_twice_under_the_switch_alone(site: Site, on: bool) -> None:
    """With another value it may not, whoever asks (T13)."""
    app = await app_of(site, "self-client", on)
    fields = [("grant_type", "client_credentials"), *app.credentials.items()]
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    async def sent(*scopes: str) -> int:
        body = str(httpx2.QueryParams([*fields, *(("scope", scope) for scope in scopes)]))
        answer = await site.call("POST", TOKEN, content=body, headers=form)
        return 200 if "access_token" in answer.json() else 400

    assert await sent(SCOPE) == 200
    assert await sent(SCOPE, SCOPE) == (200 if on else 400)
    assert await sent(SCOPE, "CRM.users.READ") == 400


@BOTH
async def test_the_vendors_scope_names_are_read_under_the_switch_alone(site: Site, on: bool) -> None:
    """In every flow; the answer repeats what was asked, the token holds our spelling."""
    await site.api()
    theirs = "ZohoCRM.modules.leads.READ"
    web, own, device = [await app_of(site, n, on) for n in ("server-based", "self-client", "non-browser")]
    asked = {"grant_type": "client_credentials", "scope": theirs}
    by_credentials = await site.token(own, **asked)
    started = await site.post("/oauth/v3/device/code", {"client_id": device.id, "scope": theirs})
    redirect = answer_of(await site.authorize(web, scope=theirs, access_type="offline"))
    if not on:
        assert refusal(by_credentials) == refusal(started) == (400, "invalid_scope")
        assert redirect["error"] == "invalid_scope"
        return
    tokens = (await site.exchange(web, redirect["code"])).json()
    refreshed = (await site.refresh(web, tokens["refresh_token"], scope=theirs)).json()
    for answer in (by_credentials.json(), tokens, refreshed):
        assert answer["scope"] == theirs
    assert (await site.introspect(web, refreshed["access_token"]))["scope"] == SCOPE
    assert "device_code" in started.json()


@pytest.mark.sqlite_only
async def test_the_vendors_scopes_for_bulk_files_are_those_of_the_crm(site: Site) -> None:
    app = await app_of(site, "self-client", True)
    answer = await site.token(app, grant_type="client_credentials", scope="ZohoFiles.files.ALL")
    assert answer.json()["scope"] == "ZohoFiles.files.ALL"
    assert (await site.introspect(app, answer.json()["access_token"]))["scope"] == "CRM.files.ALL"


@pytest.mark.sqlite_only
async def test_a_code_for_the_vendors_scope_names_is_made_on_the_command_line_too(site: Site) -> None:
    """As in the console; the token holds our spelling (R42)."""
    app = await app_of(site, "self-client", True)
    theirs = "ZohoCRM.modules.leads.READ"
    arguments = ("code", "--client", app.id, "--scope", theirs)
    made = await asyncio.to_thread(run_grantline, *arguments, database=site.server.settings.database)
    tokens = (await site.exchange(app, made.strip())).json()
    assert tokens["scope"] == theirs
    assert (await site.introspect(app, tokens["access_token"]))["scope"] == SCOPE


@BOTH
async def test_the_vendors_names_of_claims_come_under_the_switch_alone(site: Site, on: bool) -> None:
    """`first_name` and `last_name` beside the standard ones."""
    app = await app_of(site, "server-based", on)
    token = (await site.tokens(app, scope="openid profile"))["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    members = (await site.call("GET", "/oauth/v2/userinfo", headers=header)).json()
    assert ("first_name" in members, "last_name" in members) == (on, on)
    assert (members["given_name"], members["family_name"]) == ("Mara", "Lindqvist")


@BOTH
async def test_R18_credentials_in_the_query_need_the_switch_or_a_self_client(site: Site, on: bool) -> None:
    """And each use warns the owner (R18, C5)."""
    for type_name in ("server-based", "self-client"):
        app = await app_of(site, type_name, on)
        token = (await site.tokens(app))["refresh_token"]
        query = {"grant_type": "refresh_token", "refresh_token": token, **app.credentials}
        answer = await site.post(TOKEN, params=query)
        lenient = on or type_name == "self-client"
        assert answer.status_code == (200 if lenient else 400)
        assert ("access_token" in answer.json()) is lenient
        await site.mint.recorder.flush()
        rows = await site.db.all("SELECT status, detail FROM activity WHERE client_id = $1", app.id)
        assert len(rows) == 1
        assert rows[0][0] == (200 if lenient else 400)
        assert token not in rows[0][1]
        assert (app.secret or "-") not in rows[0][1]


async def test_the_switch_leaves_code_life_pkce_redirects_and_limits_alone(site: Site) -> None:
    """What it does not change (requirements, the vendor switch)."""
    app, mobile = await app_of(site, "server-based", True), await app_of(site, "mobile", True)
    code = await site.code(app)
    site.clock.advance(60)
    assert refusal(await site.exchange(app, code)) == (200, "invalid_code")
    off = {"code_challenge": None, "code_challenge_method": None}
    assert answer_of(await site.authorize(mobile, **off))["error"] == "invalid_request"
    plain = {"code_challenge": CHALLENGE, "code_challenge_method": "plain"}
    assert answer_of(await site.authorize(mobile, **plain))["error"] == "invalid_request"
    browser = await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=CALLBACK + "/"))
    assert page.status_code == 400
    code = await site.code(app)
    assert "access_token" in (await site.exchange(app, code)).json()
    site.clock.advance(11)
    assert refusal(await site.exchange(app, code)) == (200, "invalid_code")


async def test_a_self_client_without_the_switch_gets_standard_answers(site: Site) -> None:
    """Its input is read leniently, its answers are not the vendor's (R18, C5)."""
    app = await site.app("self-client")
    fields = {"grant_type": "authorization_code", "code": "x", **app.credentials}
    assert refusal(await site.post(TOKEN, params=fields)) == (400, "invalid_grant")
