"""Time that passes only where a flow waits, and the way to sites that tests can bend."""

import asyncio
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Final, TypeVar

import httpx2

from grantline.sdk import App, MemoryStore, Secret
from grantline.sdk.clock import ServerClock
from grantline.sdk.driving import AsyncHttpWire, HttpWire
from grantline.sdk.effects import Flow, Sleep
from grantline.sdk.renewing import LOOK_SECONDS
from grantline.sdk.setup import Setup
from tests.site import ISSUER, SCOPE, Clock, Site
from tests.site import App as SiteApp

T = TypeVar("T")
FORM: Final = "application/x-www-form-urlencoded"
VENDOR: Final = {ISSUER: "https://accounts.zoho.com", "http://127.0.0.1:8701": "https://accounts.zoho.eu"}
"""The sites' issuers, and what they are called where they play the vendor."""
Answer = Callable[[httpx2.Request], httpx2.Response | None]


class Lines(httpx2.AsyncBaseTransport):
    """The way to sites: notes every request, and asks `bend` first, which may answer or raise in their
    place."""

    def __init__(self, *sites: Site) -> None:
        self.sites = {site.issuer: site for site in sites}
        self.asked: list[tuple[str, str]] = []
        """Address and body."""
        self.bend: Answer = lambda request: None

    @property
    def polls(self) -> list[str]:
        """Where tokens were asked for."""
        return [url for url, _ in self.asked if url.endswith("/token")]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((str(request.url), (await request.aread()).decode()))
        bent = self.bend(request)
        if bent is not None:
            return bent
        found = next(s for issuer, s in self.sites.items() if str(request.url).startswith(issuer + "/"))
        response = await found.transport.handle_async_request(request)
        response.headers["date"] = formatdate(found.clock(), usegmt=True)  # as the listener in front does
        return response


class Vendor(Lines):
    """The sites under the vendor's addresses."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        address, body = str(request.url), await request.aread()
        self.asked.append((address, body.decode()))
        if "/serverinfo" in address:
            raise AssertionError("the vendor's data centers are known by name")
        site = next(s for own, s in self.sites.items() if address.startswith(VENDOR[own] + "/"))
        own = address.replace(VENDOR[site.issuer], site.issuer)
        request = httpx2.Request(request.method, own, content=body, headers={"content-type": FORM})
        response = await site.transport.handle_async_request(request)
        text = (await response.aread()).decode()
        for ours, theirs in VENDOR.items():
            text = text.replace(ours, theirs)
        headers = {"location": response.headers["location"]} if "location" in response.headers else {}
        return httpx2.Response(response.status_code, headers=headers, content=text.encode())


class FromThread(httpx2.BaseTransport):
    """The same way for a thread: the loop of the site goes on meanwhile."""

    def __init__(self, lines: httpx2.AsyncBaseTransport, loop: asyncio.AbstractEventLoop) -> None:
        self.lines, self.loop = lines, loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        async def carried() -> httpx2.Response:
            again = httpx2.Request(
                request.method, request.url, headers=request.headers, content=request.read()
            )
            answer = await self.lines.handle_async_request(again)
            content = await answer.aread()
            return httpx2.Response(answer.status_code, headers=answer.headers, content=content)

        return asyncio.run_coroutine_threadsafe(carried(), self.loop).result()


class Counted(Setup):
    """A setup that does not wait: the time goes on by as much. `slept` has every wait. Looking for a lock
    again takes as long as it takes: another task has it, and needs its time."""

    slept: list[float]
    moves: Clock

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.moves.advance(round(seconds))

    def run(self, flow: Flow[T]) -> T:
        return super().run(self._counted(flow))

    async def arun(self, flow: Flow[T]) -> T:
        return await super().arun(self._counted(flow))

    def _counted(self, flow: Flow[T]) -> Flow[T]:
        try:
            effect = next(flow)
            while True:
                if isinstance(effect, Sleep) and effect.seconds > LOOK_SECONDS:
                    self.wait(effect.seconds)
                    effect = flow.send(None)
                    continue
                try:
                    answer = yield effect
                except BaseException as problem:
                    effect = flow.throw(problem)
                else:
                    effect = flow.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result


def counted(site: Site, app: SiteApp, lines: Lines, *, issuer: str = "", **more: Any) -> Counted:
    """A setup of the app on these lines, with the site's time."""
    clock = ServerClock(lambda: float(site.clock()))
    secret = Secret(app.secret) if app.secret and app.client.type.secret == "required" else None
    known = App(issuer or site.issuer, app.id, secret, more.pop("redirect_uri", ""))
    given: Mapping[str, Any] = {
        "scope": (SCOPE,),
        "clock": clock,
        "wire": HttpWire(FromThread(lines, asyncio.get_running_loop())),
        "async_wire": AsyncHttpWire(lines),
        **more,
    }
    made = Counted(known, MemoryStore(), **given)
    made.slept, made.moves = [], site.clock
    return made
