"""Listening: uvicorn with the limits that a server in the open needs (T134)."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn

KEEP_ALIVE_SECONDS = 20
GRACE_SECONDS = 10


class Listener(uvicorn.Server):
    """One listening server among several in a process: signals are handled once, outside."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve_all`."""
        yield


def listener(
    app: Any, *, host: str, port: int, certificate: Path | None = None, key: Path | None = None
) -> Listener:
    """A server for an ASGI application, not yet listening."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=1024,
        ssl_certfile=certificate,
        ssl_keyfile=str(key) if key is not None else None,
    )
    return Listener(config)


async def serve_all(listeners: Sequence[Listener], *, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted. `ready` is called once everything
    listens.

    Raises OSError-like SystemExit from uvicorn when an address is taken.
    """
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for one in listeners:
            one.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    tasks = [loop.create_task(one.serve()) for one in listeners]
    while not all(one.started for one in listeners):
        if any(task.done() for task in tasks):
            stop()
            break
        await asyncio.sleep(0.005)
    else:
        ready()
    await asyncio.gather(*tasks)
