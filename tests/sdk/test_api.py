"""A session's own HTTP client, against the real server and an API behind the kit."""

from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse

from grantline.resource_server import AsgiProtection, Introspection, token_of
from grantline.sdk import App, AsyncHttpWire, Grant, Key, MemoryStore, Record, ScopeMissing, Secret, Session
from grantline.sdk.clock import ServerClock
from tests.resource_server.apps import rule
from tests.resource_server.test_real_server import resource_of
from tests.sdk.outside import outside
from tests.site import API, SCOPE, Site


async def api_of(site: Site) -> httpx2.ASGITransport:
    """The way to the small API, which asks the site about every token."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({"subject": token_of(scope).subject})(scope, receive, send)

    api, secret = await site.api()
    check = Introspection(api.client_id, secret)
    return httpx2.ASGITransport(app=AsgiProtection(app, resource_of(site, check), rule))


async def test_a_token_that_the_server_ended_is_renewed_and_a_missing_scope_is_named(site: Site) -> None:
    way, app = await api_of(site), await site.app("server-based")
    tokens = await site.tokens(app)
    clock = ServerClock(lambda: float(site.clock()))
    clock.learn = lambda date: None  # type: ignore[method-assign] # the site's Date is the machine's
    grant = Grant(App(site.issuer, app.id, Secret(str(app.secret))), Key(site.issuer, app.id, "1"), clock)
    store = MemoryStore()
    record = Record(grant.key, (SCOPE,), refresh_token=Secret(tokens["refresh_token"]))
    store.put(grant.key.text, record, 0)
    async with Session(grant, store, async_wire=AsyncHttpWire(site.transport)) as session:
        api = session.aapi(transport=way)
        assert (await api.get("/leads")).json() == {"subject": str(site.account.id)}
        assert await session.aapi_domain() == API
        ended = await session.atoken()
        await site.post("/oauth/v2/revoke/token", {**app.credentials, "token": ended.value})
        assert (await api.get("leads")).status_code == 200
        assert await session.atoken() != ended
        with pytest.raises(ScopeMissing) as missing:
            await api.post("/leads", json={})
        assert missing.value.have == (SCOPE,)
        assert missing.value.needed == rule("POST", "/leads")
    assert api.is_closed


def test_clients_begin_at_the_api_domain_or_below_it_and_end_with_their_session() -> None:
    with outside() as home:
        with home.session() as session:
            whole, part = session.api(), session.api("/crm/v8", headers={"accept": "text/plain"})
            assert (whole.get("leads").text, part.get("/leads").text) == ("leads:", "leads:")
            assert [call.path for call in home.calls] == ["/leads", "/crm/v8/leads"]
        assert whole.is_closed
        assert part.is_closed
        session.grant.api_domain = f"{home.address}/base/"
        again = Session(session.grant, session.store)
        with again.api() as api:
            assert api.get("leads").text == "leads:"
        assert home.calls[-1].path == "/base/leads"


async def test_an_async_client_that_finds_its_address_late_keeps_the_path() -> None:
    with outside() as home:
        session = home.session()
        session.grant.api_domain = f"{home.address}/base"
        async with session.aapi("/crm") as api:
            assert (await api.get("leads", params={"page": "2"})).text == "leads:"
            assert (await api.get("leads")).request.url == f"{home.address}/base/crm/leads"
        assert [call.path for call in home.calls] == ["/base/crm/leads?page=2", "/base/crm/leads"]
        await session.aclose()
