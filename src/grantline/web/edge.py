"""The edge: the one ASGI application of a data center.

It names the request, refuses what no page or endpoint should see (other hosts, odd paths, oversized bodies),
answers the endpoints
for programs itself, and hands the rest to the pages. Every answer leaves through here, so every answer has
its headers.
"""

import contextlib
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from grantline.clients import find_client, origin_is_registered
from grantline.db import DatabaseUnavailable
from grantline.opaque import random_texts
from grantline.web import headers as fixed
from grantline.web.call import Answer, Call
from grantline.web.connections import ANSWER
from grantline.web.console_api import ADDRESSES, refuse_call
from grantline.web.errors import answer_error
from grantline.web.headers import Headers
from grantline.web.peer import Peer, find_peer
from grantline.web.routes import CONSOLE_API, MOST_BODY, PROGRAMS, Program, find_program
from grantline.web.server import Server

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_LOGO_BODY: Final = 320 * 1024
"""Of the one form of the console that brings a picture."""
MOST_URL: Final = 8 * 1024
MOST_HEADERS: Final = 64
MOST_HEADER_BYTES: Final = 16 * 1024
MOST_PEERS: Final = 1024
"""Of each a few hundred bytes are remembered, to read its address once."""
MOST_HEADS: Final = 256
_HEALTH: Final = ("/health/live", "/health/ready")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_LOGO_FORM: Final = re.compile(r"/console/clients/[A-Za-z0-9_.-]+/logo")
_ODD_PATH: Final = re.compile(rb"[%;\\\x80-\xff]|//")
_NO_EXTENSIONS: Final[dict[str, Any]] = {}
_ONCE: Final = frozenset({"authorization", "origin", "content-type", "host"})
_FORWARDED_FOR: Final = "x-forwarded-for"
_VARY: Final[Headers] = (("vary", "Origin"),)
_FOR_NONE: Final[Headers] = (*_VARY, ("cross-origin-resource-policy", "same-origin"))
_FOR_ALL: Final[Headers] = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "date"),  # by which a browser app corrects a clock that is wrong
    ("cross-origin-resource-policy", "cross-origin"),
)


class BodyCutOff(Exception):
    """The sender went away before the end of the body: what came of it must not be acted on."""


class BodyTooLarge(Exception):
    """The body went over MOST_BODY; the rest is not read."""


@dataclass(slots=True)
class Visit:
    """One request while it is here: who sent it, its name, and the status of its answer."""

    peer: Peer
    request_id: str
    status: int = 0


class Edge:
    """The ASGI application: programs here, people through `pages`."""

    def __init__(self, server: Server, pages: App) -> None:
        self.server = server
        self._pages = pages
        self._host = server.issuer.partition("://")[2]
        self._request_prefix = f"req_{server.code}_"
        self._request_numbers = random_texts(10)
        self._secure = ((b"strict-transport-security", b"max-age=31536000"),) if server.https else ()
        self._secure_lines = fixed.render_lines(self._secure)
        self._logs_requests = server.settings.log_level == "debug"
        self._proxies = server.settings.trusted_proxies
        self._heads: dict[tuple[str, str, Headers, Headers], tuple[bytes, fixed.RawHeaders]] = {}
        self._peers: dict[tuple[str | None, str, str | None, str | None], Peer] = {}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._http(scope, receive, send) if scope["type"] == "http" else self._lifespan(receive, send)

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
        # uvicorn gives names in small letters. Most requests have each once, and then this is all.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        repeated = len(headers) != len(scope["headers"]) and _join_repeated(scope["headers"], headers)
        visit = Visit(self._peer(scope, headers), f"{self._request_prefix}{next(self._request_numbers)}")
        path: str = scope["path"]
        try:
            refusal = self._refusal(scope, headers, repeated)
            if refusal:
                await self._plain(scope, receive, send, refusal, visit)
            elif (program := find_program(path)) is not None:
                await self._program(program, scope, headers, receive, send, visit)
            else:
                await self._page(scope, receive, self._noting(send, visit), visit)
        finally:
            key = (_route(path), visit.status)
            self.server.requests[key] = self.server.requests.get(key, 0) + 1
            if self._logs_requests:
                ms = round((time.perf_counter() - started) * 1000, 1)
                said = {"method": scope["method"], "route": key[0], "status": visit.status, "ms": ms}
                structlog.get_logger().debug(
                    "request", **said, request_id=visit.request_id, network=visit.peer.shown
                )

    def _noting(self, send: Send, visit: Visit) -> Send:
        """`send` for what others answer: notes the status, adds the headers that every answer has."""

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *self._secure,
                    (b"x-request-id", visit.request_id.encode()),
                ]
            await send(message)

        return send_noting

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

    def _refusal(self, scope: Scope, headers: dict[str, str], repeated: bool) -> int:
        """The status for a request that nothing behind this may see, or 0 (T26, T67, T133)."""
        raw: bytes = scope.get("raw_path") or b""
        query: bytes = scope["query_string"]
        if len(raw) + len(query) > MOST_URL:
            return 414
        if len(scope["headers"]) > MOST_HEADERS or _size(scope["headers"]) > MOST_HEADER_BYTES:
            return 431
        if repeated:
            return 400
        path = scope["path"]
        if headers.get("host") != self._host and path not in _HEALTH:
            return 421
        if path not in PROGRAMS and (not query.isascii() or b"%00" in query):
            return 400
        if _ODD_PATH.search(raw):
            return 404
        if scope["method"] not in _METHODS and not path.startswith(ADDRESSES):
            return 405
        return 0

    async def _program(
        self,
        program: Program,
        scope: Scope,
        headers: dict[str, str],
        receive: Receive,
        send: Send,
        visit: Visit,
    ) -> None:
        server, method = self.server, scope["method"]
        if method == "OPTIONS" and "origin" in headers:
            await self._send(scope, send, Answer(204, b""), await self._preflight(program, headers), visit)
            return
        handler = program.methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = ", ".join(sorted({*program.methods, "OPTIONS"}))
            answer = self._refused(program, 405, "This address takes other methods.", visit)
            await self._send(scope, send, answer._replace(headers=(("allow", allowed),)), (), visit)
            return
        try:
            body = await read_body(receive, headers, program.most_body)
        except BodyTooLarge:
            answer = self._refused(
                program, 413, f"The request is larger than {program.most_body // 1024} KB.", visit
            )
            await self._send(scope, send, answer._replace(headers=(("connection", "close"),)), (), visit)
            return
        except BodyCutOff:
            answer = self._refused(program, 400, "The request was cut off.", visit)
            await self._send(scope, send, answer, (), visit)
            return
        headers.pop("cookie", None)  # what a program's endpoint can't see it can't act on (T58)
        call = Call(
            method,
            scope["path"],
            scope["query_string"],
            headers,
            body,
            visit.peer,
            visit.request_id,
            server.clock(),
        )
        try:
            answer = await handler(server, call)
            if program.counted and answer.client_id is not None and answer.status < 400:
                server.counters.add(answer.client_id, program.counted, call.now)
        except Exception as error:
            answer = await answer_error(server, call, error)
        cors = () if program.cors == "none" else await self._cors(program, call, answer)
        await self._send(scope, send, answer, cors, visit)

    def _refused(self, program: Program, status: int, sentence: str, visit: Visit) -> Answer:
        """The answer of a program to what it is not asked about."""
        if program is CONSOLE_API:
            return refuse_call(self.server.issuer, visit.request_id, status, sentence)
        body = f'{{"error":"invalid_request","error_description":"{sentence}"}}'
        return Answer(status, body.encode())

    def _head(self, answer: Answer, cors: Headers) -> tuple[bytes, fixed.RawHeaders]:
        """The header lines of an answer, and the same as pairs. Kept, since most are the same again."""
        kind = (answer.content_type, answer.cache, answer.headers, cors)
        head = self._heads.get(kind)
        if head is None:
            if len(self._heads) >= MOST_HEADS:
                self._heads.clear()
            headers = fixed.program_headers(*kind)
            head = self._heads[kind] = fixed.render_lines(headers), headers
        return head

    async def _send(self, scope: Scope, send: Send, answer: Answer, cors: Headers, visit: Visit) -> None:
        """Send an answer: as a whole where the connection takes it so, else in two parts."""
        visit.status = answer.status
        lines, headers = self._head(answer, cors)
        length = b"%d" % len(answer.body)
        request_id = visit.request_id.encode()
        whole = scope.get("extensions", _NO_EXTENSIONS).get(ANSWER)
        if whole is not None and answer.status != 413:  # whose connection ends
            own = b"%bcontent-length: %b\r\nx-request-id: %b\r\n" % (self._secure_lines, length, request_id)
            if whole(answer.status, lines + own, answer.body):
                return
        raw = [*headers, (b"content-length", length), *self._secure, (b"x-request-id", request_id)]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    async def _preflight(self, program: Program, headers: dict[str, str]) -> Headers:
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

    async def _cors(self, program: Program, call: Call, answer: Answer) -> Headers:
        if program.cors == "public":
            return _FOR_ALL
        if call.origin is None or answer.client_id is None:
            return _FOR_NONE
        try:
            client = await find_client(self.server.db, answer.client_id)
        except DatabaseUnavailable:
            return _VARY
        if client is None or call.origin not in client.origins:
            return _FOR_NONE
        exposed = (("access-control-expose-headers", "date, retry-after, www-authenticate, x-request-id"),)
        return (*_VARY, ("access-control-allow-origin", call.origin), *exposed)

    async def _page(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        received, most = 0, MOST_LOGO_BODY if _LOGO_FORM.fullmatch(scope["path"]) else MOST_BODY

        async def receive_counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise BodyTooLarge
            return message

        self._tell_pages(scope, visit, refused=0)
        # What goes wrong in a page was answered and logged there; Starlette raises it once more for the
        # server's own log.
        with contextlib.suppress(Exception):
            await self._pages(scope, receive_counting, send)

    def _tell_pages(self, scope: Scope, visit: Visit, *, refused: int) -> None:
        state = scope.setdefault("state", {})
        state["server"], state["refused"] = self.server, refused
        state["request_id"], state["peer"] = visit.request_id, visit.peer

    async def _plain(self, scope: Scope, receive: Receive, send: Send, status: int, visit: Visit) -> None:
        """A refusal as a page or, for who asks an endpoint for programs, as JSON."""
        program = find_program(scope["path"])
        if program is not None:
            words = {
                400: "A header came twice.",
                404: "There is nothing here.",
                405: "This method is not used here.",
            }
            text = words.get(status, "The request was refused as it stands.")
            await self._send(scope, send, self._refused(program, status, text, visit), (), visit)
            return
        self._tell_pages(scope, visit, refused=status)
        scope["method"], scope["path"], scope["raw_path"] = "GET", "/refused", b"/refused"
        scope["query_string"] = b""
        await self._pages(scope, receive, self._noting(send, visit))


def _route(path: str) -> str:
    """The word for this address in the metrics, of which there are few."""
    if path in PROGRAMS:
        return path
    return "console-api" if path.startswith(ADDRESSES) else "page"


def _join_repeated(raw: list[tuple[bytes, bytes]], headers: dict[str, str]) -> bool:
    """Proxies in a row may add a line each, which is one list (RFC 9110 §5.3). Tells whether a header came
    twice that must not."""
    names = [name.decode("latin-1") for name, _ in raw]
    forwarded = [value.decode("latin-1") for name, value in raw if name == _FORWARDED_FOR.encode()]
    if forwarded:
        headers[_FORWARDED_FOR] = ",".join(forwarded)
    return any(names.count(name) > 1 for name in _ONCE)


def _size(raw: list[tuple[bytes, bytes]]) -> int:
    return sum([len(name) + len(value) for name, value in raw])


async def read_body(receive: Receive, headers: dict[str, str], most: int = MOST_BODY) -> bytes:
    """The body, counted while it streams, whatever Content-Length says. Raises BodyTooLarge, BodyCutOff."""
    length = headers.get("content-length", "0")
    if len(length) > 10 or (length.isascii() and length.isdecimal() and int(length) > most):
        raise BodyTooLarge
    message = await receive()
    pieces: list[bytes] = [message.get("body", b"")]
    received = len(pieces[0])
    while message.get("more_body", False) and received <= most:
        message = await receive()
        pieces.append(message.get("body", b""))
        received += len(pieces[-1])
    if message["type"] == "http.disconnect":
        raise BodyCutOff
    if received > most:
        raise BodyTooLarge
    return b"".join(pieces)
