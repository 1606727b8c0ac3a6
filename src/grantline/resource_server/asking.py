"""Carrying a check out: with an event loop, or with threads. Connections stay open between questions."""

import asyncio
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from grantline.resource_server.steps import ANSWER_LIMIT, Ask, Reply, Share, Steps, T

ANSWER_SECONDS: Final = 5.0
_CONNECTIONS: Final = httpx2.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=60)
_HEADERS: Final[Mapping[str, str]] = {"Accept": "application/json", "Accept-Encoding": "identity"}
_FORM: Final[Mapping[str, str]] = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Wire:
    """How the authorization server is reached: certificates of a private authority, or a transport for
    tests."""

    ca_file: str | None = None
    transport: httpx2.AsyncBaseTransport | None = None
    blocking_transport: httpx2.BaseTransport | None = None

    def options(self) -> dict[str, Any]:
        """What both kinds of client are made with: certificates are checked, nothing is followed (T93)."""
        verify: Any = True if self.ca_file is None else ssl.create_default_context(cafile=self.ca_file)
        return {
            "verify": verify,
            "timeout": ANSWER_SECONDS,
            "limits": _CONNECTIONS,
            "follow_redirects": False,
            "trust_env": False,
            "headers": dict(_HEADERS),
        }


class AsyncAsker:
    """Carries checks out in one event loop."""

    def __init__(self, wire: Wire) -> None:
        self._client = httpx2.AsyncClient(transport=wire.transport, **wire.options())
        self._sent: dict[object, asyncio.Task[Any]] = {}
        self._next: dict[object, asyncio.Task[Any]] = {}

    async def run(self, steps: Steps[T]) -> T:
        """The result of the check. Raises what the check raises."""
        try:
            wish = next(steps)
            while True:
                if isinstance(wish, Share):
                    wish = steps.send(await self._share(wish))
                else:
                    wish = steps.send(await self._send(wish))
        except StopIteration as done:
            result: T = done.value
            return result

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _share(self, wish: Share) -> Any:
        ahead = self._sent.get(wish.key)
        if ahead is None:
            return await asyncio.shield(self._start(self._sent, wish.key, self.run(wish.steps())))
        if wish.sent_before:
            return await asyncio.shield(ahead)
        following = self._next.get(wish.key)
        if following is None:
            following = self._start(self._next, wish.key, self._follow(ahead, wish))
        return await asyncio.shield(following)

    def _start(self, flights: dict[object, asyncio.Task[Any]], key: object, work: Any) -> asyncio.Task[Any]:
        flight: asyncio.Task[Any] = asyncio.ensure_future(work)
        flights[key] = flight

        def land(ended: asyncio.Task[Any]) -> None:
            for held in (self._sent, self._next):
                if held.get(key) is ended:
                    del held[key]
            if not ended.cancelled():
                ended.exception()  # those who waited saw it

        flight.add_done_callback(land)
        return flight

    async def _follow(self, ahead: asyncio.Task[Any], wish: Share) -> Any:
        """The one question more of those who came too late for the one on its way."""
        await asyncio.wait([ahead])
        mine = self._next.pop(wish.key)
        self._sent[wish.key] = mine
        return await self.run(wish.steps())

    async def _send(self, ask: Ask) -> Reply:
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._client.stream(*_line(ask), **_rest(ask)) as answer,
            ):
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_LIMIT:
                        return Reply(0, problem="answered more than 64 KB")
                return _reply(answer, body)
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError) as problem:
            return Reply(0, problem=type(problem).__name__)


class Asker:
    """Carries checks out in the threads that ask for them."""

    def __init__(self, wire: Wire) -> None:
        self._client = httpx2.Client(transport=wire.blocking_transport, **wire.options())
        self._sent: dict[object, Future[Any]] = {}
        self._next: dict[object, Future[Any]] = {}
        self._turn = threading.Lock()

    def run(self, steps: Steps[T]) -> T:
        """The result of the check. Raises what the check raises."""
        try:
            wish = next(steps)
            while True:
                wish = steps.send(self._share(wish) if isinstance(wish, Share) else self.send(wish))
        except StopIteration as done:
            result: T = done.value
            return result

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _share(self, wish: Share) -> Any:
        """Go first, join the question on its way, or be or join the one question after it."""
        key, mine = wish.key, Future[Any]()
        with self._turn:
            ahead = self._sent.get(key)
            joined = ahead if wish.sent_before else self._next.get(key)
            if ahead is None:
                self._sent[key] = mine
            elif joined is None:
                self._next[key] = mine
        if ahead is not None and joined is not None:
            return joined.result()
        if ahead is not None:
            ahead.exception()  # waits
            with self._turn:
                del self._next[key]
                self._sent[key] = mine
        return self._fly(wish, mine)

    def _fly(self, wish: Share, mine: "Future[Any]") -> Any:
        try:
            mine.set_result(self.run(wish.steps()))
        except BaseException as problem:
            mine.set_exception(problem)
            raise
        finally:
            with self._turn:
                if self._sent.get(wish.key) is mine:
                    del self._sent[wish.key]
        return mine.result()

    def send(self, ask: Ask) -> Reply:
        """One request; whatever goes wrong is a reply with status 0."""
        ends_at = time.monotonic() + ANSWER_SECONDS
        try:
            with self._client.stream(*_line(ask), **_rest(ask)) as answer:
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > ANSWER_LIMIT:
                        return Reply(0, problem="answered more than 64 KB")
                    if time.monotonic() > ends_at:
                        return Reply(0, problem="answered too slowly")
                return _reply(answer, body)
        except (httpx2.HTTPError, httpx2.StreamError) as problem:
            return Reply(0, problem=type(problem).__name__)


def _line(ask: Ask) -> tuple[str, str]:
    return ("GET" if ask.form is None else "POST", ask.url)


def _rest(ask: Ask) -> dict[str, Any]:
    if ask.form is None:
        return {"headers": dict(ask.headers)}
    return {"headers": {**ask.headers, **_FORM}, "content": ask.form.encode()}


def _reply(answer: httpx2.Response, body: bytearray) -> Reply:
    if answer.headers.get("content-encoding", "identity") != "identity":
        return Reply(0, problem="answered in an encoding that was not asked for")
    return Reply(answer.status_code, bytes(body), answer.headers.get("retry-after", ""))
