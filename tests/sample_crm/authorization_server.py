"""The outside authorization server as the sample CRM sees it: an introspection endpoint, and nothing else."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ISSUER = "https://accounts.test"
API = "https://crm.test"
CLIENT_ID = "glc_us_sample-crm"
CLIENT_SECRET = "a secret with : and %"
NOW = 1_800_000_000


def person(organization: str = "700000001", subject: str = "500000001", **more: object) -> dict[str, Any]:
    """The introspection answer for a token of a person with every right in the CRM."""
    return {
        "active": True,
        "scope": "CRM.modules.ALL CRM.settings.ALL CRM.users.ALL CRM.org.ALL",
        "client_id": "glc_us_app",
        "sub": subject,
        "aud": API,
        "iss": ISSUER,
        "iat": NOW - 10,
        "exp": NOW + 3600,
        "token_type": "Bearer",
        "organization": organization,
        "organization_name": f"Organization {organization}",
        "email": f"ada.{subject}@example.com",
        "name": "Ada Byron",
        "given_name": "Ada",
        "family_name": "Byron",
        **more,
    }


@dataclass
class AuthorizationServer:
    """An ASGI application; `tokens` holds its answers, `asked` the fields of every question."""

    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    peers: set[tuple[str, int]] = field(default_factory=set)
    broken_answer: tuple[int, bytes, dict[str, str]] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if scope.get("client"):
            self.peers.add(tuple(scope["client"]))
        status, content, headers = self.broken_answer or self._answer(scope, body)
        raw = [(b"content-type", b"application/json")]
        raw += [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: Message, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if (scope["method"], scope["path"]) != ("POST", "/oauth/v2/introspect"):
            return 404, b"{}", {}
        credentials = b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        if credentials != f"{CLIENT_ID}:a+secret+with+%3A+and+%25":
            return 401, b'{"error":"invalid_client"}', {"www-authenticate": "Basic"}
        fields = parse_qs(body.decode(), strict_parsing=True)
        self.asked.append(fields)
        return 200, json.dumps(self.tokens.get(fields["token"][0], {"active": False})).encode(), {}


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port of 127.0.0.1 and give its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="none"))
    serving = asyncio.ensure_future(server.serve())
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@asynccontextmanager
async def alive(app: Any) -> AsyncIterator[None]:
    """Take an ASGI application through its lifespan, as a server does."""
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    await received.put({"type": "lifespan.startup"})
    life = asyncio.ensure_future(app({"type": "lifespan", "state": {}}, received.get, sent.put))
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    yield
    await received.put({"type": "lifespan.shutdown"})
    assert (await sent.get())["type"] == "lifespan.shutdown.complete"
    await life
