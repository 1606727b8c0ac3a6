"""Taking back: by the app, the person, the owner and the operator, and who may not (T49, T50)."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from grantline.accounts import disable_account, enable_account
from grantline.clients import CLIENT_TYPES, delete_client
from grantline.clients.registration import set_disabled
from grantline.consent import remove_access
from tests.conftest import SiteFactory
from tests.site import SCOPE, App, Site

pytestmark = pytest.mark.both_engines

TYPES = tuple(CLIENT_TYPES)
REVOKE = ("/oauth/v2/token/revoke", "/oauth/v2/revoke/token")
FREE = ("client-based", "self-client", "non-browser", "mobile")
"""Whose tokens may be ended by possession alone."""


@pytest.mark.parametrize("type_name", TYPES)
async def test_T49_a_refresh_token_ends_its_authorization_and_an_access_token_itself(
    site: Site, type_name: str
) -> None:
    """RFC 7009 §2.1."""
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    fresh = (await site.refresh(app, tokens["refresh_token"])).json()
    refresh_token = fresh.get("refresh_token", tokens["refresh_token"])
    gone = await site.post(REVOKE[0], {**app.credentials, "token": tokens["access_token"]})
    assert gone.status_code == 200
    assert not await site.works(tokens["access_token"])
    assert await site.works(fresh["access_token"])
    assert (await site.post(REVOKE[1], {**app.credentials, "token": refresh_token})).status_code == 200
    assert not await site.works(fresh["access_token"])
    assert (await site.refresh(app, refresh_token)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("type_name", TYPES)
async def test_T49_credentials_that_are_wrong_or_anothers_end_nothing(
    site: Site, type_name: str, kind: str
) -> None:
    """RFC 7009 §2.1: who brings credentials must own the token."""
    app = await site.app(type_name)
    other = await site.app("server-based", name="Somebody else")
    token = (await site.tokens(app))[kind]
    wrong = {"client_id": app.id, "client_secret": "gls_us_wrong"}
    assert (await site.post(REVOKE[0], {**wrong, "token": token})).status_code == 401
    assert (await site.post(REVOKE[0], {**other.credentials, "token": token})).status_code in (200, 400)
    assert (await site.introspect(app, token))["active"] is True if not app.client.type.public else True
    tokens_live = await site.works(token) if kind == "access_token" else None
    assert tokens_live in (True, None)
    if kind == "refresh_token":
        assert (await site.refresh(app, token)).status_code == 200


@pytest.mark.parametrize("type_name", TYPES)
async def test_T49_possession_alone_ends_tokens_of_public_and_self_clients(
    site: Site, type_name: str
) -> None:
    """RFC 7009 §5: for others a thief could only do harm, but the client must say who it is."""
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    bare = await site.post(REVOKE[0], {"token": tokens["refresh_token"]})
    if type_name in FREE:
        assert bare.status_code == 200
        assert not await site.works(tokens["access_token"])
    else:
        assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")
        assert await site.works(tokens["access_token"])


async def test_T49_an_unknown_token_is_no_error(site: Site) -> None:
    """RFC 7009 §2.2."""
    app = await site.app("server-based")
    for token in ("x", "glr_us_unknown", app.secret):
        assert (await site.post(REVOKE[0], {**app.credentials, "token": token})).status_code == 200


@pytest.mark.sqlite_only
async def test_T49_a_store_that_cannot_be_written_is_503_and_the_token_lives(
    open_a_site: SiteFactory, tmp_path: Path
) -> None:
    """RFC 7009 §2.2.1: never 200 for what was not done."""
    async with open_a_site() as site:
        app = await site.app("server-based")
        tokens = await site.tokens(app)
        with sqlite3.connect(tmp_path / "site1" / "grantline.db", isolation_level=None) as holder:
            holder.execute("BEGIN IMMEDIATE")
            for token in (tokens["access_token"], tokens["refresh_token"]):
                held = await site.post(REVOKE[0], {**app.credentials, "token": token})
                assert held.status_code == 503
                assert int(held.headers["retry-after"]) > 0
            holder.execute("ROLLBACK")
        holder.close()
        assert await site.works(tokens["access_token"])
        await site.post(REVOKE[0], {**app.credentials, "token": tokens["refresh_token"]})
        assert not await site.works(tokens["access_token"])


Kill = Callable[[Site, App], Awaitable[object]]


async def disable_person(site: Site, app: App) -> None:
    await disable_account(site.db, site.account.id, site.clock())


async def delete_app(site: Site, app: App) -> None:
    await delete_client(site.db, app.id, site.clock())


async def disable_app(site: Site, app: App) -> None:
    await set_disabled(site.db, app.id, site.clock())


async def take_consent_back(site: Site, app: App) -> None:
    await remove_access(site.db, site.account.id, app.id, "test", site.clock())


KILLS: list[Kill] = [disable_person, delete_app, disable_app, take_consent_back]


@pytest.mark.parametrize("kill", KILLS, ids=[one.__name__ for one in KILLS])
async def test_T50_nothing_outlives_its_person_client_or_consent(site: Site, kill: Kill) -> None:
    """RFC 6749 §10.3: every consumer of tokens and codes asks one and the same question."""
    app, device = await site.app("server-based"), await site.app("non-browser")
    scope = f"openid {SCOPE}"
    browser = await site.signed_in()
    tokens = await site.tokens(app, browser=browser, scope=scope)
    waiting = await site.code(app, browser=browser, scope=scope)
    started = await site.device_start(device)
    await site.device_decide(started["user_code"], "allow", browser=browser)
    for one in (app, device):
        await kill(site, one)
    assert not await site.works(tokens["access_token"])
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=headers)).status_code == 401
    for answer in (
        await site.refresh(app, tokens["refresh_token"]),
        await site.exchange(app, waiting),
        await site.device_poll(device, started["device_code"]),
    ):
        assert answer.status_code in (400, 401), answer.text
        assert answer.json()["error"] in ("invalid_grant", "invalid_client", "access_denied")
    asked = await site.post("/oauth/v2/introspect", {**app.credentials, "token": tokens["access_token"]})
    assert asked.json().get("active", False) is False
    silent = await browser.get("/oauth/v2/auth", params=site.request(app, scope=scope, prompt="none"))
    assert "code=" not in silent.headers.get("location", "")


@pytest.mark.parametrize("kill", [disable_person], ids=["disable_person"])
async def test_T50_a_self_clients_tokens_end_with_its_owner(site: Site, kill: Kill) -> None:
    app = await site.app("self-client")
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    as_owner = (await site.token(app, **form)).json()["access_token"]
    code, tokens = await site.console_code(app), await site.tokens(app)
    await kill(site, app)
    assert not await site.works(as_owner)
    assert not await site.works(tokens["access_token"])
    for answer in (
        await site.token(app, **form),
        await site.exchange(app, code),
        await site.refresh(app, tokens["refresh_token"]),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    await enable_account(site.db, site.account.id)
    assert (await site.token(app, **form)).status_code == 200


async def test_T50_a_removed_app_that_asks_again_gets_only_what_is_allowed_anew(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    old = await site.tokens(app, browser=browser, scope=f"{SCOPE} CRM.modules.contacts.READ")
    await take_consent_back(site, app)
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    assert 'name="decision"' in page.text
    new = await site.tokens(app, browser=browser)
    assert new["scope"] == SCOPE
    assert not await site.works(old["access_token"])
    row = await site.db.one("SELECT scope FROM consents WHERE client_id = $1", app.id)
    assert "contacts" not in row[0], "what was taken back does not come back with the next consent"
