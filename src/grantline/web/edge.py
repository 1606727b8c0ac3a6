"""The edge: the one ASGI application of a data center.

It names the request, refuses what no page or endpoint should see (other hosts, odd paths, oversized bodies),
answers the endpoints
for programs itself, and hands the rest to the pages. Every answer leaves through here, so every answer has
its headers.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import structlog

from grantline.clients import find_client, origin_is_registered
from grantline.db import DatabaseUnavailable
from grantline.opaque import random_base62
from grantline.web import headers as fixed
from grantline.web.call import Answer, Call
from grantline.web.errors import answer_error
from grantline.web.peer import Peer, find_peer
from grantline.web.routes import PROGRAMS, Program
from grantline.web.server import Server

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY: Final = 64 * 1024
MOST_URL: Final = 8 * 1024
MOST_HEADERS: Final = 64
MOST_HEADER_BYTES: Final = 16 * 1024
MOST_PEERS: Final = 1024
"""Of each a few hundred bytes are remembered, to read its address once."""
_HEALTH: Final = ("/health/live", "/health/ready")
_ONCE: Final = frozenset({"authorization", "origin", "content-type", "host"})
_FORWARDED_FOR: Final = "x-forwarded-for"


class BodyCutOff(Exception):
    """The sender went away before the end of the body: what came of it must not be acted on."""


class BodyTooLarge(Exception):
    """The body went over MOST_BODY; the rest is not read."""


class Edge:
    """The ASGI application: programs here, people through `pages`."""

    def __init__(self, server: Server, pages: App) -> None:
        self.server = server
        self._pages = pages
        self._host = server.issuer.partition("://")[2].encode()
        self._secure = ((b"strict-transport-security", b"max-age=31536000"),) if server.https else ()
        self._logs_requests = server.settings.log_level == "debug"
        self._proxies = server.settings.proxy_networks
        self._peers: dict[tuple[str | None, str, str | None, str | None], Peer] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.server.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.server.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers: dict[str, str] = {}
        size = 0
        repeated = False
        for name, value in scope["headers"]:
            text, content = name.decode("latin-1"), value.decode("latin-1")
            size += len(name) + len(value)
            if text in headers:
                repeated |= text in _ONCE
                if text == _FORWARDED_FOR:  # proxies in a row may add a line each: one list (RFC 9110 §5.3)
                    content = f"{headers[text]},{content}"
            headers[text] = content
        peer = self._peer(scope, headers)
        request_id = f"req_{self.server.code}_{random_base62(10)}"
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *self._secure,
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        path: str = scope["path"]
        route = path if path in PROGRAMS else "page"
        try:
            refusal = self._refusal(scope, headers, size, repeated)
            if refusal:
                await self._plain(scope, receive, send_noting, refusal, request_id, peer)
                return
            program = PROGRAMS.get(path)
            if program is not None:
                await self._program(program, scope, headers, receive, send_noting, peer, request_id)
            else:
                await self._page(scope, receive, send_noting, request_id, peer)
        finally:
            key = (route, status)
            self.server.requests[key] = self.server.requests.get(key, 0) + 1
            if self._logs_requests:
                ms = round((time.perf_counter() - started) * 1000, 1)
                said = {"method": scope["method"], "route": route, "status": status, "ms": ms}
                structlog.get_logger().debug("request", **said, request_id=request_id, network=peer.shown)

    def _peer(self, scope: Scope, headers: dict[str, str]) -> Peer:
        """Who sent this. Kept for what was said lately, since reading addresses costs as much as all else
        here."""
        client = scope.get("client")
        said = (
            client[0] if client else None,
            scope.get("scheme", "http"),
            headers.get(_FORWARDED_FOR),
            headers.get("x-forwarded-proto"),
        )
        peer = self._peers.get(said)
        if peer is None:
            if len(self._peers) >= MOST_PEERS:
                self._peers.clear()
            peer = self._peers[said] = find_peer(*said, self._proxies)
        return peer

    def _refusal(self, scope: Scope, headers: dict[str, str], size: int, repeated: bool) -> int:
        """The status for a request that nothing behind this may see, or 0 (T26, T67, T133)."""
        raw: bytes = scope.get("raw_path") or b""
        if len(raw) + len(scope["query_string"]) > MOST_URL:
            return 414
        if len(scope["headers"]) > MOST_HEADERS or size > MOST_HEADER_BYTES:
            return 431
        if repeated:
            return 400
        if headers.get("host", "").encode() != self._host and scope["path"] not in _HEALTH:
            return 421
        if scope["path"] not in PROGRAMS and not scope["query_string"].isascii():
            return 400
        if b"%" in raw or b";" in raw or b"\\" in raw or b"//" in raw or not raw.isascii():
            return 404
        if scope["method"] not in ("GET", "HEAD", "POST", "OPTIONS"):
            return 405
        return 0

    async def _program(
        self,
        program: Program,
        scope: Scope,
        headers: dict[str, str],
        receive: Receive,
        send: Send,
        peer: Peer,
        request_id: str,
    ) -> None:
        server, method = self.server, scope["method"]
        if method == "OPTIONS" and "origin" in headers:
            await _send(send, Answer(204, b""), await self._preflight(program, headers))
            return
        handler = program.methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = ", ".join(sorted({*program.methods, "OPTIONS"}))
            body = b'{"error":"invalid_request","error_description":"This address takes other methods."}'
            await _send(send, Answer(405, body, (("allow", allowed),)), ())
            return
        try:
            body = await read_body(receive, headers)
        except BodyTooLarge:
            body = b'{"error":"invalid_request","error_description":"The request is larger than 64 KB."}'
            await _send(send, Answer(413, body, (("connection", "close"),)), ())
            return
        except BodyCutOff:
            body = b'{"error":"invalid_request","error_description":"The request was cut off."}'
            await _send(send, Answer(400, body), ())
            return
        headers.pop("cookie", None)  # what a program's endpoint can't see it can't act on (T58)
        call = Call(
            method, scope["path"], scope["query_string"], headers, body, peer, request_id, server.clock()
        )
        try:
            answer = await handler(server, call)
        except Exception as error:
            answer = await answer_error(server, call, error)
        await _send(send, answer, await self._cors(program, call, answer))

    async def _preflight(self, program: Program, headers: dict[str, str]) -> tuple[tuple[str, str], ...]:
        """A pre-flight names no client: any registered origin gets a yes, the answer itself decides (T57)."""
        if program.cors == "none":
            return ()
        origin = headers["origin"]
        allowed = "*" if program.cors == "public" else None
        if program.cors == "app" and origin != "null" and await self._registered(origin):
            allowed = origin
        if allowed is None:
            return (("vary", "Origin"),)
        return (
            ("access-control-allow-origin", allowed),
            ("access-control-allow-methods", ", ".join(sorted(program.methods))),
            ("access-control-allow-headers", "authorization, content-type"),
            ("access-control-max-age", "600"),
            ("vary", "Origin"),
        )

    async def _registered(self, origin: str) -> bool:
        try:
            return await origin_is_registered(self.server.db, origin)
        except DatabaseUnavailable:
            return False

    async def _cors(self, program: Program, call: Call, answer: Answer) -> tuple[tuple[str, str], ...]:
        if program.cors == "none":
            return ()
        if program.cors == "public":
            return (("access-control-allow-origin", "*"), ("cross-origin-resource-policy", "cross-origin"))
        vary = (("vary", "Origin"),)
        if call.origin is None or answer.client_id is None:
            return (*vary, ("cross-origin-resource-policy", "same-origin"))
        try:
            client = await find_client(self.server.db, answer.client_id)
        except DatabaseUnavailable:
            return vary
        if client is None or call.origin not in client.origins:
            return (*vary, ("cross-origin-resource-policy", "same-origin"))
        exposed = (("access-control-expose-headers", "retry-after, www-authenticate, x-request-id"),)
        return (*vary, ("access-control-allow-origin", call.origin), *exposed)

    async def _page(self, scope: Scope, receive: Receive, send: Send, request_id: str, peer: Peer) -> None:
        received = 0

        async def receive_counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BODY:
                raise BodyTooLarge
            return message

        scope.setdefault("state", {})
        scope["state"] |= {"server": self.server, "request_id": request_id, "peer": peer, "refused": 0}
        # What goes wrong in a page was answered and logged there; Starlette raises it once more for the
        # server's own log.
        with contextlib.suppress(Exception):
            await self._pages(scope, receive_counting, send)

    async def _plain(
        self, scope: Scope, receive: Receive, send: Send, status: int, request_id: str, peer: Peer
    ) -> None:
        """A refusal as a page or, for who asks an endpoint for programs, as JSON."""
        if scope["path"] in PROGRAMS:
            words = {
                400: "A header came twice.",
                404: "There is nothing here.",
                405: "This method is not used here.",
            }
            text = words.get(status, "The request was refused as it stands.")
            body = f'{{"error":"invalid_request","error_description":"{text}"}}'.encode()
            await _send(send, Answer(status, body), ())
            return
        scope.setdefault("state", {})
        scope["state"] |= {"server": self.server, "request_id": request_id, "peer": peer, "refused": status}
        scope["method"], scope["path"], scope["raw_path"], scope["query_string"] = (
            "GET",
            "/refused",
            b"/refused",
            b"",
        )
        await self._pages(scope, receive, send)


async def read_body(receive: Receive, headers: dict[str, str]) -> bytes:
    """The body, counted while it streams, whatever Content-Length says. Raises BodyTooLarge, BodyCutOff."""
    length = headers.get("content-length", "0")
    if len(length) > 10 or (length.isascii() and length.isdecimal() and int(length) > MOST_BODY):
        raise BodyTooLarge
    message = await receive()
    pieces: list[bytes] = [message.get("body", b"")]
    received = len(pieces[0])
    while message.get("more_body", False) and received <= MOST_BODY:
        message = await receive()
        pieces.append(message.get("body", b""))
        received += len(pieces[-1])
    if message["type"] == "http.disconnect":
        raise BodyCutOff
    if received > MOST_BODY:
        raise BodyTooLarge
    return b"".join(pieces)


async def _send(send: Send, answer: Answer, cors: tuple[tuple[str, str], ...]) -> None:
    raw = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *(fixed.PROGRAM_NO_STORE if answer.cache == "no-store" else fixed.program_cached(answer.cache)),
    ]
    raw += [(name.encode(), value.encode("latin-1")) for name, value in (*answer.headers, *cors)]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})
