"""The echo: the least that this stack can cost, to read the other figures by. `python -m bench.echo PORT`.

The same listener as Grantline's with an application that answers at once; how busy or slow a machine is shows
here first.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from grantline.web.listen import listener, run, serve_all

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def echo(
    scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Answer `{}` to everything."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b"{}"})


async def _main() -> None:
    one = listener(echo, host="127.0.0.1", port=int(sys.argv[1]))
    await serve_all([one], ready=lambda: print("the echo is ready", file=sys.stderr, flush=True))


if __name__ == "__main__":
    run(_main())
