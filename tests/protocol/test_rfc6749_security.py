"""What the framework asks of tokens, secrets and apps that cannot keep one (RFC 6749 §7, RFC 6749 §10)."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from grantline.opaque import KINDS, recognise, render
from tests.conftest import SiteFactory
from tests.protocol.wire import LEADS, bearer, open_crm, refusal
from tests.site import SCOPE, Site, answer_of


def altered(text: str, place: int) -> str:
    """The text with another character of its alphabet at one place."""
    other = "1" if text[place] != "1" else "2"
    return text[:place] + other + text[place + 1 :]


def with_checksum(text: str) -> str:
    """The text with the checksum that fits it: what a forger would send."""
    kind, data_center, body = text.split("_")
    return render(kind, data_center, body[:-6])


async def everything_stored(site: Site) -> str:
    """All that the database holds, as one text."""
    tables = await site.db.all("SELECT name FROM sqlite_master WHERE type = 'table'")
    rows = []
    for table in tables:
        for row in await site.db.all(f'SELECT * FROM "{table[0]}"'):
            rows.append(" ".join(value.hex() if isinstance(value, bytes) else str(value) for value in row))
    return "\n".join(rows)


async def test_6749_7_a_userinfo_refuses_expired_and_under_scoped_tokens(site: Site) -> None:
    """The resource server checks life and scope (RFC 6749 §7)."""
    app = await site.app("server-based")
    token = (await site.tokens(app, scope="openid"))["access_token"]
    other = (await site.tokens(app))["access_token"]

    async def call(text: str) -> int:
        return (await site.call("GET", "/oauth/v2/userinfo", headers=bearer(text))).status_code

    assert (await call(token), await call(other)) == (200, 403)
    site.clock.advance(3599)
    assert await call(token) == 200
    site.clock.advance(1)
    assert await call(token) == 401


async def test_6749_7_a_the_sample_api_refuses_expired_and_under_scoped_tokens(
    site: Site, tmp_path: Path
) -> None:
    """An API behind Grantline does the same (RFC 6749 §7)."""
    async with open_crm(site, tmp_path) as crm:
        app = await site.app("server-based")
        token = (await site.tokens(app))["access_token"]
        other = (await site.tokens(app, scope="CRM.modules.contacts.ALL"))["access_token"]
        assert (await crm.get(LEADS, headers=bearer(token))).status_code in (200, 204)
        for text, status in ((other, 403), (token + "x", 401)):
            assert (await crm.get(LEADS, headers=bearer(text))).status_code == status
        body = {"data": [{"Last_Name": "Berg", "Company": "Berg AG"}]}
        assert (await crm.post("/crm/v8/Leads", json=body, headers=bearer(token))).status_code == 403
        site.clock.advance(3600)
        assert (await crm.get(LEADS, headers=bearer(token))).status_code == 401


async def test_6749_10_1_a_browser_and_native_apps_get_no_secret(site: Site) -> None:
    """None to authenticate with; a device's or legacy app's optional one proves nothing (RFC 6749 §10.1)."""
    for type_name in ("client-based", "mobile"):
        assert (await site.app(type_name)).secret is None
    for type_name in ("server-based", "self-client"):
        assert (await site.app(type_name)).secret is not None
    legacy = await site.app("mobile", legacy_secret=True)
    tokens = await site.tokens(legacy)
    refreshed = await site.refresh(legacy, tokens["refresh_token"], client_secret=legacy.secret)
    assert refreshed.json()["refresh_token"] != tokens["refresh_token"], "rotated all the same"
    no_challenge = {"code_challenge": None, "code_challenge_method": None}
    assert answer_of(await site.authorize(legacy, **no_challenge))["error"] == "invalid_request"


async def test_6749_10_2_a_an_app_that_cannot_authenticate_is_not_approved_silently(site: Site) -> None:
    """Every request asks again, unless the address is claimed (RFC 6749 §10.2)."""
    native = await site.app("mobile", redirect_uris=("com.example.pocket:/cb", "https://app.example/cb"))
    web, browser = await site.app("server-based"), await site.signed_in()

    async def asks(app: Any, **changes: Any) -> bool:
        page = await browser.get("/oauth/v2/auth", params=site.request(app, **changes))
        return 'name="decision"' in page.text

    for app, changes in ((native, {}), (web, {}), (native, {"redirect_uri": "https://app.example/cb"})):
        assert await asks(app, **changes)
        assert "code" in answer_of(await site.authorize(app, browser=browser, **changes))
    assert await asks(native), "a custom scheme may be anybody's"
    assert not await asks(web)
    assert not await asks(native, redirect_uri="https://app.example/cb"), "a claimed one is the app's"
    silent = await browser.get("/oauth/v2/auth", params=site.request(native, prompt="none"))
    assert answer_of(silent)["error"] == "consent_required"


async def test_6749_10_2_b_the_consent_page_names_app_scopes_and_lifetime(site: Site) -> None:
    """Who, what, how long (RFC 6749 §10.2)."""
    app, spa = await site.app("server-based"), await site.app("client-based")
    browser = await site.signed_in()

    async def page(which: Any, **changes: Any) -> str:
        return (await browser.get("/oauth/v2/auth", params=site.request(which, **changes))).text

    online = await page(app, access_type="online")
    offline = await page(app, access_type="offline")
    for text in (online, offline):
        assert "Lead Desk" in text
        assert SCOPE in text
        assert "See your leads" in text
    assert "for an hour at a time" in online
    assert "until you remove it" in offline
    assert "14 days at most" in await page(spa, access_type="offline")


@pytest.mark.sqlite_only
async def test_6749_10_3_a_an_access_token_cannot_be_altered_forged_or_guessed(site: Site) -> None:
    """Any change of any character, checksum mended or not (RFC 6749 §10.3)."""
    app = await site.app("self-client")
    token = (await site.tokens(app))["access_token"]
    assert await site.works(token)
    for place in range(len(token)):
        assert not await site.works(altered(token, place)), place
    start = len("gla_us_")
    for place in range(start, len(token) - 6):
        forged = with_checksum(altered(token, place))
        assert recognise(forged) is not None
        assert not await site.works(forged), place
    assert not await site.works(token.replace("gla_us", "gla_eu"))
    assert not await site.works(token[:-1])


async def test_6749_10_3_a_no_token_is_kept_or_logged_in_the_clear(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in the database nor in the log of a whole run, errors included (RFC 6749 §10.3)."""
    secrets: list[str] = []
    for type_name in ("server-based", "client-based", "non-browser"):
        app = await site.app(type_name)
        secrets += [app.secret] if app.secret else []
        tokens = await site.tokens(app, scope=f"openid {SCOPE}")
        refreshed = (await site.refresh(app, tokens["refresh_token"])).json()
        secrets += [tokens[name] for name in ("access_token", "refresh_token", "id_token")]
        secrets += [refreshed["access_token"], refreshed.get("refresh_token", tokens["refresh_token"])]
        await site.call("GET", f"/oauth/v2/userinfo?access_token={tokens['access_token']}")
        await site.refresh(app, tokens["access_token"])
    web = await site.app("server-based")
    code = await site.code(web)
    secrets.append(code)
    assert refusal(await site.exchange(web, code, redirect_uri="https://x.example/"))[0] == 400
    await site.post(
        "/oauth/v2/token", params={"grant_type": "authorization_code", "code": code, **web.credentials}
    )
    await site.mint.recorder.flush()
    stored, logged = await everything_stored(site), capsys.readouterr()
    assert "CRM.modules.leads.READ" in stored
    for secret in secrets:
        assert secret not in stored
        assert secret not in logged.out + logged.err


@pytest.mark.sqlite_only
async def test_6749_10_4_a_a_refresh_token_is_hashed_bound_and_cannot_be_made_up(site: Site) -> None:
    """Confidential, the client's own, unguessable (RFC 6749 §10.4)."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Other")
    token = (await site.tokens(app))["refresh_token"]
    assert token not in await everything_stored(site)
    assert refusal(await site.refresh(other, token)) == (400, "invalid_grant")
    for place in range(len("glr_us_"), len(token) - 6, 3):
        made_up = with_checksum(altered(token, place))
        assert refusal(await site.refresh(app, made_up)) == (400, "invalid_grant"), place
    assert (await site.refresh(app, token)).status_code == 200, "and guessing ended nothing"


@pytest.mark.parametrize("type_name", ["client-based", "mobile", "non-browser"])
async def test_6749_10_4_a_reuse_is_detected_where_the_client_cannot_authenticate(
    site: Site, type_name: str
) -> None:
    """The rotated token came back: everything it led to ends (RFC 6749 §10.4)."""
    app = await site.app(type_name)
    first = await site.tokens(app)
    second = (await site.refresh(app, first["refresh_token"])).json()
    third = (await site.refresh(app, second["refresh_token"])).json()
    assert refusal(await site.refresh(app, first["refresh_token"])) == (400, "invalid_grant")
    assert not await site.works(third["access_token"])
    assert refusal(await site.refresh(app, third["refresh_token"])) == (400, "invalid_grant")
    events = await site.db.all("SELECT kind FROM audit WHERE client_id = $1", app.id)
    assert "refresh_token.reused" in {row[0] for row in events}


async def test_6749_10_10_a_no_credential_of_a_machine_can_be_guessed(site: Site) -> None:
    """At least 160 bits in each kind, measured where they are random, and no two alike (RFC 6749 §10.10)."""
    app, own, device = [await site.app(name) for name in ("server-based", "self-client", "non-browser")]
    tokens = await site.tokens(app)
    examples = {
        "gls": app.secret or "",
        "glg": await site.code(app),
        "gla": tokens["access_token"],
        "glr": tokens["refresh_token"],
        "gld": (await site.device_start(device))["device_code"],
    }
    random_characters = {"gls": 43, "glg": 43, "gld": 43, "glr": 43, "gla": 27}
    for kind, text in examples.items():
        recognised = recognise(text)
        assert recognised is not None
        assert (recognised.kind, len(recognised.body)) == (kind, KINDS[kind])
        assert random_characters[kind] * math.log2(62) >= 160
        assert len(recognised.body) >= random_characters[kind]
    codes = {await site.console_code(own) for _ in range(30)}
    assert len(codes) == 30
    seen = [{code[len("glg_us_") + place] for code in codes} for place in range(43)]
    assert min(len(characters) for characters in seen) > 10, "every character varies"


async def test_6749_10_10_a_a_user_code_is_protected_by_few_tries(open_a_site: SiteFactory) -> None:
    """What people type is shorter, so tries are counted (RFC 6749 §10.10)."""
    async with open_a_site(limits="1") as site:
        browser = await site.signed_in()
        page = await browser.get("/device")
        statuses = [
            (await browser.submit(page, {"user_code": "BCDF-GHJK"}, path="/oauth/v3/device")).status_code
            for _ in range(6)
        ]
        assert statuses == [400] * 5 + [429]
        started = await site.device_start(await site.app("non-browser"))
        assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", started["user_code"])
        right = {"user_code": started["user_code"]}
        assert (await browser.submit(page, right, path="/oauth/v3/device")).status_code == 429
        site.clock.advance(601)
        fresh = await site.device_start(await site.app("non-browser"))
        right = {"user_code": fresh["user_code"]}
        assert (await browser.submit(page, right, path="/oauth/v3/device")).status_code == 303
