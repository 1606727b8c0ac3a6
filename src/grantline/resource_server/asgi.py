"""The kit around any ASGI application."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from grantline.resource_server.asking import AsyncAsker
from grantline.resource_server.refusals import Refusal
from grantline.resource_server.resource import ProtectedResource, Visit
from grantline.resource_server.token import Token

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Rule = Callable[[str, str], Sequence[str] | None]
"""From method and path to the scopes that the call needs; empty: none and no token either; None: closed."""

VISIT: Final = "grantline.visit"
ASKER: Final = "grantline.asker"
_VARY: Final = (b"vary", b"Origin")


class AsgiProtection:
    """An ASGI application in front of which tokens are checked.

    With `rule` every call is judged before the application sees it, and `token_of(scope)` is its token.
    Without one the application's own routes say what they need by `check(scope, …)`, as the adapters'
    `require` does, and an answer of a route that said nothing is never sent.
    """

    def __init__(self, app: AsgiApp, resource: ProtectedResource, rule: Rule | None = None) -> None:
        self._app = app
        self._resource = resource
        self._rule = rule
        self._asker: AsyncAsker | None = None
        header = resource.organization_header
        self._organization = header.encode() if header else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._lifespan(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in self._resource.metadata_paths:
            await self._tell_metadata(scope["method"], send)
            return
        visit = self._arrive(scope)
        if scope["method"] == "OPTIONS" and visit.arrival.origin is not None and is_preflight(scope):
            await _answer(send, *visit.preflight())
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                if message["status"] < 400 and not visit.ruled:
                    visit.check_rule(path)
                started = True
                shared = visit.headers()
                message["headers"] = [*message.get("headers", ()), _VARY]
                if shared:
                    message["headers"] += _encode(shared)
            await send(message)

        try:
            await self._pass_on(scope, visit, receive, send_with_headers)
        except Refusal as refusal:
            if started:
                raise
            await _answer(send, *visit.refuse(refusal))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = self._arrive(scope)

        async def send_if_ruled(message: Message) -> None:
            if message["type"] == "websocket.accept":
                visit.check_rule(scope["path"])
            await send(message)

        try:
            await self._pass_on(scope, visit, receive, send_if_ruled)
        except Refusal:
            await send({"type": "websocket.close", "code": 1008})

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_after_closing(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self.close()
            await send(message)

        await self._app(scope, receive, send_after_closing)

    async def close(self) -> None:
        """Close the connections to the authorization server and report what was used."""
        if self._asker is not None:
            await self._asker.close()
            self._asker = None
        self._resource.close()

    def _arrive(self, scope: Scope) -> Visit:
        authorization: list[str] = []
        origins: list[str] = []
        organizations: list[str] = []
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization.append(value.decode("latin-1"))
            elif name == b"origin":
                origins.append(value.decode("latin-1"))
            elif name == self._organization:
                organizations.append(value.decode("latin-1"))
        origin = None if not origins else origins[0] if len(origins) == 1 else "null"
        query = scope.get("query_string", b"")
        visit = self._resource.arrive(
            authorization=authorization, origin=origin, query=query, organizations=organizations
        )
        if self._asker is None:  # in the loop that serves, and not where the application was put together
            self._asker = AsyncAsker(self._resource.wire)
        scope[VISIT] = visit
        scope[ASKER] = self._asker
        return visit

    async def _pass_on(self, scope: Scope, visit: Visit, receive: Receive, send: Send) -> None:
        if self._rule is not None:
            method = scope.get("method", "GET")
            needed = () if scope["path"] in self._resource.public else self._rule(method, scope["path"])
            if needed is None:
                visit.check_rule(scope["path"])
            elif needed:
                await check(scope, *needed)
            else:
                visit.open()
        await self._app(scope, receive, send)

    async def _tell_metadata(self, method: str, send: Send) -> None:
        if method in ("GET", "HEAD"):
            body = self._resource.metadata if method == "GET" else b""
            headers = {**self._resource.metadata_headers, "Content-Length": str(len(self._resource.metadata))}
            await _answer(send, 200, headers, body)
        elif method == "OPTIONS":
            allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET"}
            await _answer(send, 204, {**allowed, "Access-Control-Allow-Headers": "*"}, b"")
        else:
            await _answer(send, 405, {"Allow": "GET, HEAD, OPTIONS"}, b"")


async def check(scope: Scope, *needed: str) -> Token:
    """The token of the call, if it holds all of these scopes. Raises Refusal, which the middleware
    answers."""
    visit: Visit | None = scope.get(VISIT)
    if visit is None:
        raise RuntimeError("the call did not come through AsgiProtection, so nobody can check its token")
    asker: AsyncAsker = scope[ASKER]
    return await asker.run(visit.check(needed))


def token_of(scope: Scope) -> Token:
    """The token of a call that was checked; LookupError for one that was not."""
    visit: Visit | None = scope.get(VISIT)
    if visit is None or visit.token is None:
        raise LookupError("no token was checked for this call")
    return visit.token


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks what it may send (the Fetch standard)."""
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


async def _answer(send: Send, status: int, headers: "dict[str, str]", body: bytes) -> None:
    if status != 204:
        headers.setdefault("Content-Length", str(len(body)))
    await send({"type": "http.response.start", "status": status, "headers": _encode(headers)})
    await send({"type": "http.response.body", "body": body})


def _encode(headers: "dict[str, str] | Any") -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
