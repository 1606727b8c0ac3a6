"""The two drivers: they do what a flow asks, one for threads, one for tasks."""

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

from grantline.sdk.effects import Delete, Effect, Flow, Get, Put, Reply, Send, Sleep, TryLock, Unlock
from grantline.sdk.errors import GrantlineError, Unreachable
from grantline.sdk.frames import bare
from grantline.sdk.record import Secret
from grantline.sdk.stores.protocol import AsyncStore, Store

T = TypeVar("T")
SECONDS = 10.0
MOST_BYTES = 1024 * 1024


class Wire(Protocol):
    """Carries requests for threads. One with a method `sleep` also says how flows wait, as in tests whose
    time is not this machine's."""

    def send(self, request: Send) -> Reply:
        """The answer. Raises Unreachable."""
        ...


class AsyncWire(Protocol):
    """Carries requests for tasks."""

    async def send(self, request: Send) -> Reply:
        """The answer. Raises Unreachable."""
        ...


def run(flow: Flow[T], store: Store, wire: Wire) -> T:
    """The flow's end, in this thread."""

    def perform(effect: Effect) -> Any:
        match effect:
            case Send():
                return wire.send(effect)
            case Get(key):
                return store.get(key)
            case Put(key, record, expect_version):
                return store.put(key, record, expect_version)
            case Delete(key):
                return store.delete(key)
            case TryLock(key, owner, seconds):
                return store.try_lock(key, owner, seconds)
            case Unlock(key, owner):
                return store.unlock(key, owner)
            case Sleep(seconds):
                return getattr(wire, "sleep", time.sleep)(seconds)

    try:
        effect = next(flow)
        while True:
            try:
                answer = perform(effect)
            except BaseException as problem:
                effect = flow.throw(problem)  # the flow may have something to give back first
            else:
                effect = flow.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    except GrantlineError as problem:
        raise bare(problem) from problem.__cause__


async def arun(flow: Flow[T], store: AsyncStore, wire: AsyncWire) -> T:
    """The flow's end, in this task."""

    async def perform(effect: Effect) -> Any:
        match effect:
            case Send():
                return await wire.send(effect)
            case Get(key):
                return await store.get(key)
            case Put(key, record, expect_version):
                return await store.put(key, record, expect_version)
            case Delete(key):
                return await store.delete(key)
            case TryLock(key, owner, seconds):
                return await store.try_lock(key, owner, seconds)
            case Unlock(key, owner):
                return await store.unlock(key, owner)
            case Sleep(seconds):
                return await getattr(wire, "sleep", asyncio.sleep)(seconds)

    try:
        effect = next(flow)
        while True:
            try:
                answer = await perform(effect)
            except BaseException as problem:
                effect = flow.throw(problem)
            else:
                effect = flow.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    except GrantlineError as problem:
        raise bare(problem) from problem.__cause__


class InThreads:
    """A store of threads for tasks: each call in a thread, so that the loop goes on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, key: str) -> Any:
        """See Store."""
        return await asyncio.to_thread(self._store.get, key)

    async def put(self, key: str, record: Any, expect_version: int) -> bool:
        """See Store."""
        return await asyncio.to_thread(self._store.put, key, record, expect_version)

    async def delete(self, key: str) -> None:
        """See Store."""
        await asyncio.to_thread(self._store.delete, key)

    async def keys(self) -> Any:
        """See Store."""
        return await asyncio.to_thread(self._store.keys)

    async def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store."""
        return await asyncio.to_thread(self._store.try_lock, key, owner, seconds)

    async def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        await asyncio.to_thread(self._store.unlock, key, owner)


def revealed(request: Send) -> tuple[bytes | None, dict[str, str]]:
    """Body and headers as they go out."""
    headers = {name: _text(value) for name, value in request.headers.items()}
    if request.form is None:
        return None, headers
    headers.setdefault("content-type", "application/x-www-form-urlencoded")
    return urlencode({name: _text(value) for name, value in request.form.items()}).encode(), headers


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


class HttpWire:
    """httpx2, for threads. It is loaded with the first request. Connections are not kept: requests are rare,
    and one that may not be sent twice must not meet a connection that ended meanwhile."""

    def __init__(self, transport: Any = None) -> None:
        self._transport = transport
        self._clients: dict[int, Any] = {}
        """By process: one that was forked makes its own."""

    def send(self, request: Send) -> Reply:
        """See Wire."""
        import httpx2

        client = self._clients.get(os.getpid())
        if client is None:  # of several threads that come first, all use what one of them left here
            made = httpx2.Client(**_options(self._transport))
            client = self._clients.setdefault(os.getpid(), made)
        body, headers = revealed(request)
        try:
            answer = client.request(request.method, request.url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as problem:
            raise unreachable(request, problem) from None
        return _reply(answer)

    def close(self) -> None:
        """Let the connections go. The next request makes new ones."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()


class AsyncHttpWire:
    """The same for tasks, of one loop after another or of several at once."""

    def __init__(self, transport: Any = None) -> None:
        self._transport = transport
        self._clients: dict[asyncio.AbstractEventLoop, Any] = {}

    async def send(self, request: Send) -> Reply:
        """See AsyncWire."""
        import httpx2

        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            for ended in [one for one in tuple(self._clients) if one.is_closed()]:
                self._clients.pop(ended, None)
            client = self._clients[loop] = httpx2.AsyncClient(**_options(self._transport))
        body, headers = revealed(request)
        try:
            answer = await client.request(request.method, request.url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as problem:
            raise unreachable(request, problem) from None
        return _reply(answer)

    async def close(self) -> None:
        """Let the connections of this loop go. The next request makes new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


class Trust:
    """Whom TLS trusts: read once in a process, not for every client and loop."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None

    def options(self) -> dict[str, Any]:
        """What a client of httpx2 is told."""
        import httpx2

        if self._context is None:
            self._context = httpx2.create_ssl_context()
        return {"verify": self._context}


TRUST: Final = Trust()


def _options(transport: Any) -> Mapping[str, Any]:
    import httpx2

    from grantline import __version__

    limits = httpx2.Limits(max_keepalive_connections=0)
    headers = {"User-Agent": f"grantline-python/{__version__}"}
    way = {"transport": transport} if transport is not None else TRUST.options()
    return {"timeout": SECONDS, "follow_redirects": False, "limits": limits, "headers": headers, **way}


def unreachable(request: Send, problem: Exception) -> Unreachable:
    """The same without anything of the request but its address."""
    address = request.url.partition("?")[0]
    return Unreachable(f"{address} gave no answer ({type(problem).__name__}).")


def _reply(answer: Any) -> Reply:
    if len(answer.content) > MOST_BYTES:
        raise Unreachable("The answer is too large to be one.")
    return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)
