"""A web app's sign-in over the real server: from the link to the stored grant, and what must be refused."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from grantline.sdk.clock import ServerClock
from grantline.sdk.driving import AsyncHttpWire
from grantline.sdk.errors import CallbackRefused
from grantline.sdk.grants import Grantline
from grantline.sdk.stores import MemoryStore
from grantline.sdk.webapp import Started, WebApp
from tests.site import SCOPE, App, Site


class Wire:
    """The way to the site, with what was asked on it."""

    def __init__(self, site: Site) -> None:
        self.asked: list[str] = []
        self._wire = AsyncHttpWire(site.transport)

    async def send(self, request: Any) -> Any:
        self.asked.append(request.url)
        return await self._wire.send(request)


def clock_of(site: Site) -> ServerClock:
    clock = ServerClock(lambda: float(site.clock()))
    clock.learn = lambda date: None  # type: ignore[method-assign] # the site's Date is the machine's
    return clock


async def web_app(site: Site, scope: str = f"openid email profile {SCOPE}", **more: Any) -> WebApp:
    app: App = await site.app("server-based")
    return Grantline.web_app(
        issuer=site.issuer,
        client_id=app.id,
        client_secret=app.secret or "",
        redirect_uri=app.redirect_uri,
        scope=scope,
        store=MemoryStore(),
        async_wire=Wire(site),
        clock=clock_of(site),
        **more,
    )


async def answer_to(site: Site, started: Started) -> str:
    """The address that a person who allows it comes back to."""
    app = await site.app("server-based")
    asked = {name: value for name, value in parse_qsl(urlsplit(started.url).query) if name != "client_id"}
    page = await site.authorize(app, **asked)
    assert page.status_code == 303, page.text[:300]
    return page.headers["location"]


async def test_a_person_signs_in_and_comes_back_as_themselves(site: Site) -> None:
    web = await web_app(site)
    started = await web.astart("/leads?page=2")
    asked = parse_qs(urlsplit(started.url).query)
    assert asked["code_challenge_method"] == ["S256"]
    done = await web.afinish(await answer_to(site, started), {started.cookie_name: started.cookie_value})
    assert done.return_to == "/leads?page=2"
    assert done.identity.subject == site.account.sub
    assert done.identity.email == site.account.email
    token = await done.session.atoken()
    assert token.value
    again = web.session(done.identity.subject)
    assert (await again.atoken()).value == token.value
    assert [one.grant.key.subject for one in await web.asessions()] == [site.account.sub]
