"""Listening: uvicorn with the limits that a server in the open needs (T134)."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop

from grantline.web.connections import Connection, Patience, Shared
from grantline.web.peer import Network

KEEP_ALIVE_SECONDS = 20
GRACE_SECONDS = 10
BACKLOG = 1024


class CannotListen(Exception):
    """An address can't be listened on, or not with this certificate; the message says what to do."""


class Listener(uvicorn.Server):
    """One listening server among several in a process: signals are handled once, outside."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve_all`."""
        yield


def listener(
    app: Any,
    *,
    host: str,
    port: int,
    certificate: Path | None = None,
    key: Path | None = None,
    proxies: tuple[Network, ...] = (),
    patience: Patience | None = None,
) -> Listener:
    """A server for an ASGI application, not yet listening. `proxies` may open any number of connections."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        interface="asgi3",
        loop="none",  # there is one already when this is used
        http=cast("Any", partial(Connection, proxies=proxies, patience=patience, shared=Shared())),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=BACKLOG,
        ssl_certfile=certificate,
        ssl_keyfile=str(key) if key is not None else None,
    )
    return Listener(config)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a server's work to its end on uvloop: asyncio's own costs half as much again."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def serve_all(
    listeners: Sequence[Listener],
    *,
    ready: Callable[[], None],
    sockets: Sequence[socket.socket] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted. `ready` is called once everything
    listens. `sockets` that listen already are taken as they are.

    Raises CannotListen.
    """
    loop = asyncio.get_running_loop()
    sockets = _take(listeners, sockets) if sockets is not None else _bind_all(listeners)

    def stop() -> None:
        for one in listeners:
            one.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    tasks = [loop.create_task(one.serve([bound])) for one, bound in zip(listeners, sockets, strict=True)]
    while not all(one.started for one in listeners):
        if any(task.done() for task in tasks):
            stop()
            break
        await asyncio.sleep(0.005)
    else:
        _spare_the_collector()
        ready()
    await asyncio.gather(*tasks)


def _spare_the_collector() -> None:
    """What is there now stays, and a request leaves next to nothing in circles: look seldom, and at new
    things alone. Else the search for garbage takes a twentieth of the time or more."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _bind_all(listeners: Sequence[Listener]) -> list[socket.socket]:
    """A listening socket for each, or none at all. Raises CannotListen."""
    bound: list[socket.socket] = []
    try:
        for one in listeners:
            _load(one.config)
            bound.append(_bind(one.config.host, one.config.port, one.config.backlog))
    except CannotListen:
        for opened in bound:
            opened.close()
        raise
    return bound


def _take(listeners: Sequence[Listener], sockets: Sequence[socket.socket]) -> Sequence[socket.socket]:
    for one in listeners:
        _load(one.config)
    return sockets


def bind_for_workers(host: str, port: int, workers: int) -> list[socket.socket]:
    """A listening socket for each worker, all on one port: the kernel spreads connections over them. Raises
    CannotListen."""
    # Alone first: a socket that shares its port would join those of another server without a word.
    _bind(host, port, BACKLOG).close()
    return [_bind(host, port, BACKLOG, shared=True) for _ in range(workers)]


def _load(config: uvicorn.Config) -> None:
    """Read what the configuration names: certificate and key."""
    try:
        config.load()
    except OSError as problem:  # ssl.SSLError is one
        files = f"{config.ssl_certfile} and {config.ssl_keyfile}"
        raise CannotListen(f"The certificate and key in {files} can't be used: {problem}.") from None


def _bind(host: str, port: int, backlog: int, *, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=backlog, reuse_port=shared)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).partition(" (while")[0]
        raise CannotListen(
            f"Port {port} of {host} can't be listened on: {reason}."
            " Stop what uses it, or choose another with --port (demo) or GRANTLINE_PORT (serve)."
        ) from None
    # Accepted sockets inherit it. Else the body of an answer waits 40 ms for the head to be confirmed.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound
