"""The way from an app to the server under test: what is asked on it is written down, and faults strike it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx2

from grantline.sdk import AsyncHttpWire, HttpWire
from grantline.testing.background import Background
from grantline.testing.clock import Clock
from grantline.testing.faults import Faults

HIDDEN: Final = "…"
_SECRETS: Final = frozenset(
    {
        "assertion",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "device_code",
        "id_token_hint",
        "password",
        "refresh_token",
        "token",
        "user_code",
    }
)
Answer = Callable[[httpx2.Request], Awaitable[httpx2.Response | None]]


@dataclass(slots=True)
class Asked:
    """One request that came. Secrets and tokens in it are replaced by `…`; status 0 means that no answer
    arrived."""

    method: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Of the form, or of the query where there is no form."""
    authorization: str = ""
    """The scheme of the Authorization header, as `Bearer`."""
    status: int = 0

    @property
    def for_tokens(self) -> bool:
        """Whether tokens are asked for."""
        return self.method == "POST" and self.path.endswith("/token")

    @property
    def grant_type(self) -> str:
        """Of a token request."""
        return self.fields.get("grant_type", "")


def read_asked(request: httpx2.Request, body: bytes) -> Asked:
    """The request, written down."""
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    text = body.decode("latin-1") if form else request.url.query.decode("ascii")
    fields = {
        name: HIDDEN if name in _SECRETS else value for name, value in parse_qsl(text, keep_blank_values=True)
    }
    scheme = request.headers.get("authorization", "").partition(" ")[0]
    return Asked(request.method, request.url.path, fields, scheme)


class Line:
    """Carries requests to the application, in its loop."""

    def __init__(self, app: Any, issuer: str, clock: Clock, background: Background) -> None:
        self._asgi = httpx2.ASGITransport(app=app)
        self._host = urlsplit(issuer).netloc
        self._clock = clock
        self.background = background
        self.faults = Faults(issuer)
        self.requests: list[Asked] = []
        self.first: Answer | None = None
        """What may answer in the place of the application."""

    async def carry(self, method: str, url: str, headers: Any, body: bytes) -> httpx2.Response:
        """The answer. Raises httpx2's errors, as a network does."""
        request = httpx2.Request(method, url, headers=headers, content=body)
        if request.url.netloc.decode("ascii") != self._host:
            raise httpx2.ConnectError(f"only {self._host} can be reached in this test", request=request)
        asked = read_asked(request, body)
        self.requests.append(asked)
        fault = self.faults.find(asked)
        response = await (fault.strike(self._answer, request) if fault else self._answer(request))
        asked.status = response.status_code
        response.headers.setdefault("date", formatdate(self._clock(), usegmt=True))
        return response

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.first(request) if self.first is not None else None
        if response is None:
            response = await self._asgi.handle_async_request(request)
        body = await response.aread()
        return httpx2.Response(response.status_code, headers=response.headers.raw, content=body)


class Transport(httpx2.BaseTransport):
    """The line for threads: `httpx2.Client(transport=server.transport)`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """See httpx2."""
        body = request.read()
        work = self._line.carry(request.method, str(request.url), request.headers.raw, body)
        return self._line.background.run(work)


class AsyncTransport(httpx2.AsyncBaseTransport):
    """The line for tasks, of any loop: `httpx2.AsyncClient(transport=server.async_transport)`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See httpx2."""
        body = await request.aread()
        work = self._line.carry(request.method, str(request.url), request.headers.raw, body)
        return await self._line.background.arun(work)


class AppWire(HttpWire):
    """The client library's way for threads. Whoever waits lets the test's time pass instead."""

    def __init__(self, line: Line, clock: Clock) -> None:
        super().__init__(Transport(line))
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        """Wait, in the test's time."""
        time.sleep(self._clock.wait(seconds))


class AsyncAppWire(AsyncHttpWire):
    """The same for tasks."""

    def __init__(self, line: Line, clock: Clock) -> None:
        super().__init__(AsyncTransport(line))
        self._clock = clock

    async def sleep(self, seconds: float) -> None:
        """Wait, in the test's time."""
        await asyncio.sleep(self._clock.wait(seconds))
