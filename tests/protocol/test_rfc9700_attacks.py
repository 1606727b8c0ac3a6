"""Best current practice against attacks (RFC 9700 §4), and on apps in browsers (RFC 10017)."""

import re
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.conftest import SiteFactory
from tests.site import API, SCOPE, SPA, Site, answer_of

DAY = 24 * 3600


async def pages_of_a_flow(site: Site) -> dict[str, httpx2.Response]:
    """Every page that a person sees between an app and its answer."""
    app, browser = await site.app("server-based"), site.browser()
    sign_in = await browser.get("/oauth/v2/auth", params=site.request(app))
    consent = await browser.get((await browser.sign_in(sign_in)).headers["location"])
    return {
        "sign in": sign_in,
        "consent": consent,
        "stopped": await browser.get("/oauth/v2/auth", params={"client_id": "nobody"}),
        "sign out": await browser.get("/oauth/v2/logout"),
        "device": await browser.get("/device"),
        "connected apps": await browser.get("/account/apps"),
        "nothing": await browser.get("/no/such/page"),
        "wrong method": await browser.get("/oauth/v2/auth/decision"),
    }


async def test_9700_4_2_4_a_pages_of_the_flow_load_and_leak_nothing_foreign(site: Site) -> None:
    """RFC 9700 §4.2.4: no address outside but the app's own, and no referrer beyond us."""
    for name, page in (await pages_of_a_flow(site)).items():
        loaded = re.findall(r'<(?:script|img|link|iframe|source|video)[^>]*(?:src|href)="([^"]*)"', page.text)
        assert not [one for one in loaded if not one.startswith("/")], name
        outside = [one for one in re.findall(r'href="(https?:[^"]*)"', page.text) if "127.0.0.1" not in one]
        assert outside == [], name
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), name
        assert "unsafe" not in policy, name
        assert page.headers["referrer-policy"] in ("same-origin", "no-referrer"), name
    answer = await site.authorize(await site.app("server-based"))
    assert answer.headers["referrer-policy"] == "no-referrer"


async def a_round_with_mistakes(site: Site) -> list[str]:
    """Every secret that was in play."""
    app = await site.app("server-based")
    assert app.secret is not None
    code = await site.code(app, scope="openid", access_type="offline")
    tokens = (await site.exchange(app, code)).json()
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    await site.refresh(app, refresh)
    await site.refresh(app, access)
    await site.exchange(app, code)
    await site.call("GET", "/oauth/v2/userinfo", headers={"Authorization": f"Bearer {access}x"})
    await site.call("POST", "/oauth/v2/token", params={**app.credentials, "refresh_token": refresh})
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": access})
    await site.mint.recorder.flush()
    return [code, access, refresh, tokens["id_token"], app.secret]


@pytest.mark.sqlite_only
async def test_9700_4_9_3_a_tokens_are_in_no_table_and_no_log(open_a_site: SiteFactory) -> None:
    """RFC 9700 §4.9.3: after a whole round with its mistakes, neither holds a code, a token or a secret."""
    async with open_a_site(log_level="debug") as site:
        with capture_logs() as events:
            secrets = await a_round_with_mistakes(site)
        tables = [row[0] for row in await site.db.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = [repr(tuple(row)) for table in tables for row in await site.db.all(f"SELECT * FROM {table}")]
    assert len(kept) > 20
    assert len([event for event in events if event["event"] == "request"]) > 8
    everything = "\n".join([*kept, *map(repr, events)])
    for secret in secrets:
        assert secret not in everything
        assert secret.rpartition("_")[2] not in everything


async def test_9700_4_12_a_after_a_form_the_browser_gets_303(site: Site) -> None:
    """RFC 9700 §4.12: nothing of what was posted goes on to anybody."""
    app, browser = await site.app("server-based"), site.browser()
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    page = await browser.sign_in(page)
    assert page.status_code == 303
    page = await browser.get(page.headers["location"])
    page = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert page.status_code == 303
    assert page.headers["location"].startswith(app.redirect_uri)


async def test_9700_4_13_a_forwarded_headers_count_from_listed_proxies_alone(
    open_a_site: SiteFactory,
) -> None:
    """RFC 9700 §4.13: a stranger cannot choose the address that limits and pages go by."""
    forged = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}

    async def network_seen(site: Site) -> str:
        app = await site.app("non-browser")
        await site.post("/oauth/v3/device/code", {"client_id": app.id, "scope": SCOPE}, headers=forged)
        return str((await site.db.one("SELECT network FROM device_codes"))[0])

    async with open_a_site(trusted_proxies="10.0.0.0/8") as site:
        site.peer = "203.0.113.9"
        assert await network_seen(site) == "203.0.113.9"
        certificate = {"X-Client-Cert": "x", "X-SSL-Client-Verify": "SUCCESS"}
        app = await site.app("server-based")
        fields = {"client_id": app.id, "grant_type": "client_credentials", "scope": SCOPE}
        refused = await site.post("/oauth/v2/token", fields, headers=certificate)
        assert refused.json()["error"] == "invalid_client"
    async with open_a_site(trusted_proxies="10.0.0.0/8") as site:
        site.peer = "10.1.2.3"
        assert await network_seen(site) == "198.51.100.7"


@pytest.mark.parametrize("type_name", ["server-based", "mobile"])
async def test_9700_4_14_2_a_a_refresh_token_is_bound_to_what_was_consented(
    site: Site, type_name: str
) -> None:
    """RFC 9700 §4.14.2: neither scope nor resource beyond it, and none at all unless asked for."""
    app = await site.app(type_name)
    await site.api()
    await site.api("https://books.example", "Books")
    tokens = await site.tokens(app)
    token = tokens["refresh_token"]
    for changes, error in (
        ({"scope": f"{SCOPE} Books.READ"}, "invalid_scope"),
        ({"scope": "CRM.modules.leads.ALL"}, "invalid_scope"),
        ({"resource": "https://books.example"}, "invalid_target"),
    ):
        refused = await site.refresh(app, token, **changes)
        assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert (await site.refresh(app, token, scope=SCOPE, resource=API)).status_code == 200
    assert "refresh_token" not in await site.tokens(app, access_type="online")


async def test_9700_4_14_2_b_a_replayed_token_ends_the_family_and_is_told(site: Site) -> None:
    """RFC 9700 §4.14.2: but whoever lost the answer may ask once more, with the same request."""
    app = await site.app("mobile")
    first = (await site.tokens(app))["refresh_token"]
    answer = await site.refresh(app, first)
    lost = await site.refresh(app, first)
    assert lost.json() == answer.json()
    assert await site.works(answer.json()["access_token"])
    site.clock.advance(61)
    replayed = await site.refresh(app, first)
    assert replayed.json()["error"] == "invalid_grant"
    assert not await site.works(answer.json()["access_token"])
    assert (await site.refresh(app, answer.json()["refresh_token"])).json()["error"] == "invalid_grant"
    row = await site.db.one("SELECT COUNT(*) FROM audit WHERE kind = 'refresh_token.reused'")
    assert row[0] == 1


@pytest.mark.parametrize(
    ("type_name", "idle"),
    [("client-based", DAY), ("mobile", 30 * DAY), ("non-browser", 30 * DAY), ("server-based", None)],
)
async def test_9700_4_14_2_c_an_idle_refresh_token_expires(
    site: Site, type_name: str, idle: int | None
) -> None:
    """RFC 9700 §4.14.2: for public clients; each use starts the count anew (K13)."""
    app = await site.app(type_name)
    token = (await site.tokens(app))["refresh_token"]
    site.clock.advance((idle or 365 * DAY) - 1)
    used = await site.refresh(app, token)
    assert used.status_code == 200
    token = used.json().get("refresh_token", token)
    site.clock.advance(idle or 365 * DAY)
    assert (await site.refresh(app, token)).status_code == (400 if idle else 200)


async def test_9700_4_15_1_a_an_apps_own_token_tells_itself_from_a_persons(site: Site) -> None:
    """RFC 9700 §4.15.1: by `sub`, which is the client, and nobody's name beside it."""
    app = await site.app("server-based")
    own = (await site.token(app, grant_type="client_credentials", scope=SCOPE)).json()
    told = await site.introspect(app, own["access_token"])
    assert (told["sub"], told["client_id"]) == (app.id, app.id)
    assert {"username", "auth_time"}.isdisjoint(told)
    persons = await site.introspect(app, (await site.tokens(app))["access_token"])
    assert (persons["sub"], persons["client_id"]) == (site.account.sub, app.id)
    header = {"Authorization": f"Bearer {own['access_token']}"}
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=header)).status_code in (401, 403)


async def test_9700_4_16_a_no_page_may_be_framed(site: Site) -> None:
    """RFC 9700 §4.16: by policy and by the older header, errors and redirects too."""
    pages = await pages_of_a_flow(site)
    pages["answer"] = await site.authorize(await site.app("server-based"))
    for name, page in pages.items():
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], name
        assert page.headers["x-frame-options"] == "DENY", name


async def test_9700_4_17_2_a_no_answer_is_posted_between_windows(site: Site) -> None:
    """RFC 9700 §4.17.2: the mode does not exist, and no script of ours posts messages."""
    app, browser = await site.app("client-based"), await site.signed_in()
    answer = answer_of(await site.authorize(app, browser=browser, response_mode="web_message"))
    assert answer["error"] == "invalid_request"
    served = [content for content, _ in site.server.pages.static_files().values()]
    assert served
    assert not [content for content in served if b"postMessage" in content]


async def test_10017_6_3_2_1_a_a_browser_app_needs_pkce(site: Site) -> None:
    """RFC 10017 §6.3.2.1."""
    app, browser = await site.app("client-based", implicit=False), await site.signed_in()
    bare = await site.authorize(app, browser=browser, code_challenge=None, code_challenge_method=None)
    assert answer_of(bare)["error"] == "invalid_request"
    assert (await site.exchange(app, await site.code(app, browser=browser))).status_code == 200


async def test_10017_6_3_2_3_a_a_browser_apps_refresh_tokens_end(site: Site) -> None:
    """RFC 10017 §6.3.2.3: rotated, idle after a day, over after fourteen, however often they rotate."""
    app = await site.app("client-based")
    token = (await site.tokens(app))["refresh_token"]
    for _ in range(14):
        site.clock.advance(DAY - 1)
        answer = (await site.refresh(app, token)).json()
        assert answer["refresh_token"] != token
        token = answer["refresh_token"]
    site.clock.advance(14)
    assert (await site.refresh(app, token)).json()["error"] == "invalid_grant"
    idle = (await site.tokens(app))["refresh_token"]
    site.clock.advance(DAY)
    assert (await site.refresh(app, idle)).json()["error"] == "invalid_grant"


async def test_10017_6_3_3_4_a_only_its_own_origin_reads_a_browser_apps_answers(site: Site) -> None:
    """RFC 10017 §6.3.3.4: errors as well as tokens; and from elsewhere nothing is spent."""
    app = await site.app("client-based")
    other = await site.app(
        "client-based", redirect_uris=("https://b.example/cb",), origins=("https://b.example",)
    )
    code = await site.code(app)
    fields: dict[str, Any] = {
        "grant_type": "authorization_code",
        "client_id": app.id,
        "code": code,
        "redirect_uri": app.redirect_uri,
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }

    async def exchange(origin: str, **changes: str) -> httpx2.Response:
        return await site.post("/oauth/v2/token", {**fields, **changes}, headers={"Origin": origin})

    foreign = await exchange(other.client.origins[0])
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    wrong = await exchange(SPA, code="glg_us_x")
    assert (wrong.status_code, wrong.headers["access-control-allow-origin"]) == (400, SPA)
    right = await exchange(SPA)
    assert (right.status_code, right.headers["access-control-allow-origin"]) == (200, SPA)
    assert "Origin" in right.headers["vary"]
    assert "access-control-allow-credentials" not in right.headers
    preflight = {"Origin": SPA, "Access-Control-Request-Method": "GET"}
    page = await site.call("OPTIONS", "/oauth/v2/auth", headers=preflight)
    assert "access-control-allow-origin" not in page.headers


async def test_10017_7_2_a_tokens_in_the_redirect_are_for_apps_that_chose_them(site: Site) -> None:
    """RFC 10017 §7.2: nobody else gets one from the authorization endpoint."""
    browser = await site.signed_in()
    for app in (
        await site.app("client-based", implicit=False),
        await site.app("server-based"),
        await site.app("mobile"),
    ):
        for response_type in ("token", "id_token token"):
            asked = site.request(app, response_type=response_type, nonce="n", scope="openid")
            answer = answer_of(await browser.get("/oauth/v2/auth", params=asked))
            assert answer["error"] == "unauthorized_client"
            assert "access_token" not in answer
    chosen = await site.app("client-based")
    assert "access_token" in answer_of(await site.authorize(chosen, browser=browser, response_type="token"))
