"""Clients that the server remembers: a request is served by one statement, and whatever changed about its app
counts with that very request (T28, T50)."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx2
import pytest

from grantline.clients import add_secret, delete_client, find_client, reset_secrets, set_disabled
from tests.site import SCOPE, App, Site

pytestmark = pytest.mark.both_engines

OPENID: Final = f"openid {SCOPE}"


async def refresh(site: Site, app: App, tokens: dict[str, Any]) -> httpx2.Response:
    return await site.refresh(app, tokens["refresh_token"])


async def client_credentials(site: Site, app: App, tokens: dict[str, Any]) -> httpx2.Response:
    return await site.token(app, grant_type="client_credentials", scope=SCOPE)


async def introspection(site: Site, app: App, tokens: dict[str, Any]) -> httpx2.Response:
    return await site.post("/oauth/v2/introspect", {**app.credentials, "token": tokens["access_token"]})


ASKING: Final[dict[str, Callable[[Site, App, dict[str, Any]], Awaitable[httpx2.Response]]]] = {
    "refresh": refresh,
    "client credentials": client_credentials,
    "introspection": introspection,
}


async def disable(site: Site, app: App) -> None:
    await set_disabled(site.db, app.id, site.clock())


async def delete(site: Site, app: App) -> None:
    await delete_client(site.db, app.id, site.clock())


async def new_secret(site: Site, app: App) -> None:
    client = await find_client(site.db, app.id)
    assert client is not None
    await reset_secrets(site.db, client, "us", site.clock())


CHANGES: Final[dict[str, Callable[[Site, App], Awaitable[None]]]] = {
    "disabled": disable,
    "deleted": delete,
    "new secret": new_secret,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("asking", ASKING)
async def test_T50_what_happened_to_an_app_counts_with_its_next_request(
    site: Site, asking: str, change: str
) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    for _ in range(3):
        assert (await ASKING[asking](site, app, tokens)).status_code == 200
    before = await site.db.one("SELECT SUM(sequence) FROM authorizations")
    await CHANGES[change](site, app)
    refused = await ASKING[asking](site, app, tokens)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    after = await site.db.one("SELECT SUM(sequence) FROM authorizations")
    assert tuple(before) == tuple(after)


async def test_T50_an_app_that_is_enabled_again_goes_on(site: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    for disabled_at, status in ((None, 200), (site.clock(), 401), (None, 200)):
        await set_disabled(site.db, app.id, disabled_at)
        for asking in ASKING.values():
            assert (await asking(site, app, tokens)).status_code == status


async def test_T50_a_person_who_is_disabled_counts_with_the_next_refresh(site: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    assert (await refresh(site, app, tokens)).status_code == 200
    await site.db.run("UPDATE accounts SET disabled_at = $2 WHERE id = $1", site.account.id, site.clock())
    refused = await refresh(site, app, tokens)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_T36_a_wrong_secret_of_a_remembered_app_is_refused(site: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    assert (await refresh(site, app, tokens)).status_code == 200
    wrong = App(app.client, f"{app.secret}x")
    for asking in ASKING.values():
        refused = await asking(site, wrong, tokens)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.sqlite_only
async def test_what_is_asked_often_is_asked_of_the_database_once(site: Site) -> None:
    """One statement for a refresh, client credentials and an introspection, also by an API; the exchange of a
    code reads once and writes in one transaction."""
    app, (api, api_secret) = await site.app("server-based"), await site.api()
    mobile = await site.app("mobile")
    tokens, rotating = await site.tokens(app, scope=OPENID), await site.tokens(mobile, scope=OPENID)
    as_api = {"client_id": api.client_id, "client_secret": api_secret, "token": tokens["access_token"]}
    requests: dict[str, Callable[[], Awaitable[httpx2.Response]]] = {
        "introspection by an API": lambda: site.post("/oauth/v2/introspect", as_api),
        "rotation": lambda: refresh(site, mobile, rotating),
    }
    for name in ASKING:
        requests[name] = lambda name=name: ASKING[name](site, app, tokens)  # type: ignore[misc]
    code = await site.code(app, access_type="offline")
    for ask in requests.values():
        answer = await ask()
        assert answer.status_code == 200
        rotating = {**rotating, **({"refresh_token": t} if (t := answer.json().get("refresh_token")) else {})}
    told = await statements(site, lambda: site.exchange(app, code))
    # Its row with all about it; inside the transaction the person's lock, and how many are held.
    assert [text.split()[0] for text in told].count("SELECT") <= 3, told
    for name, ask in requests.items():
        told = await statements(site, ask)
        assert len(told) == 1, (name, told)


async def statements(site: Site, ask: Callable[[], Awaitable[httpx2.Response]]) -> list[str]:
    """What the database was asked meanwhile, BEGIN and COMMIT apart."""
    told: list[str] = []
    connections = (site.db._reader, site.db._writer)
    for connection in connections:
        connection.set_trace_callback(told.append)
    try:
        assert (await ask()).status_code == 200
    finally:
        for connection in connections:
            connection.set_trace_callback(None)
    return [text for text in told if text.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")]


async def test_T46_a_lost_answer_comes_again_the_same_with_id_token_and_narrowed_scope(site: Site) -> None:
    """Made anew from the same sequence and time, though its new refresh token alone was kept."""
    app = await site.app("mobile")
    tokens = await site.tokens(app, scope=f"{OPENID} CRM.modules.contacts.READ")
    first = await site.refresh(app, tokens["refresh_token"], scope=OPENID)
    assert set(first.json()["scope"].split()) == {"openid", SCOPE}
    assert "id_token" in first.json()
    site.clock.advance(30)
    for _ in range(2):
        again = await site.refresh(app, tokens["refresh_token"])
        assert (again.status_code, again.json()) == (200, first.json())


async def test_T46_a_token_that_was_used_hides_the_answer_before_it(site: Site) -> None:
    """Also where its use does not rotate it, as with the vendor's switch and a secret."""
    app = await site.app("mobile", vendor_compatible=True)
    tokens = await site.tokens(app)
    rotated = (await site.refresh(app, tokens["refresh_token"])).json()
    secret, _ = await add_secret(site.db, app.client, "us", site.clock())
    used = await site.refresh(app, rotated["refresh_token"], client_secret=secret)
    assert "refresh_token" not in used.json()
    replay = await site.refresh(app, tokens["refresh_token"])
    assert replay.json()["error"] == "invalid_code"
