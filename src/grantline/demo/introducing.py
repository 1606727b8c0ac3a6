"""The demo's data centers get to know one another: by a registry that each reads as any would, and by the
messages that wait when it starts."""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx2

from grantline.crossing import Courier, Sender
from grantline.demo.seed import NAMES, write_private
from grantline.web import Neighbours, Server

App = Callable[..., Awaitable[None]]
"""What answers for a data center (ASGI)."""


async def introduce(servers: Sequence[Server], registry: Path) -> None:
    """Write the registry, and let each data center read it."""
    lines = []
    for server in servers:
        home, keys = server.mint.home, server.mint.keyring.message_keys
        lines += [
            f"[{home.code}]",
            f'name = "{NAMES[home.code]}"',
            f'accounts = "{home.issuer}"',
            f'api = "{home.api_domain}"',
            f"keys = {json.dumps(keys)}",
            "",
        ]
    write_private(registry, "\n".join(lines))
    for server in servers:
        server.neighbours = Neighbours(server.db, registry, server.mint.home)
        server.mint.data_centers = await server.neighbours.start()


async def carry(servers: Sequence[Server], apps: Sequence[App]) -> None:
    """Send what waits before anything listens, so that every app works everywhere from the first moment."""
    within = _Within(servers, apps)
    for server in servers:
        sender = Sender(server.mint, server.clock, within)
        courier = Courier(server.mint, server.clock, sender)
        for center in server.mint.data_centers.others:
            await courier.round(center.code)
        await sender.close()


class _Within(httpx2.AsyncBaseTransport):
    """From one data center of this process to the other, without a network."""

    def __init__(self, servers: Sequence[Server], apps: Sequence[App]) -> None:
        self._ways = {
            server.issuer: httpx2.ASGITransport(app=app, client=("127.0.0.1", 0))
            for server, app in zip(servers, apps, strict=True)
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        return await self._ways[origin].handle_async_request(request)
