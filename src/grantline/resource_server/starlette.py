"""The kit for Starlette: `protect(app, resource)`, and `@require("…")` or `@public` at every endpoint."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import wraps
from typing import Any, Final

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Host, Mount, Route, WebSocketRoute

from grantline.resource_server.asgi import VISIT, AsgiProtection, Receive, Scope, Send, check
from grantline.resource_server.asgi import token_of as token_of_scope
from grantline.resource_server.resource import ProtectedResource, Visit, check_scopes
from grantline.resource_server.rules import mark, scopes_of
from grantline.resource_server.token import Token

__all__ = ["Token", "protect", "public", "require", "token_of"]

Endpoint = Callable[..., Awaitable[Any]]
_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")


def protect(app: Starlette, resource: ProtectedResource) -> None:
    """Put the kit around an application. It does not start if a route says neither `require` nor `public`."""
    app.add_middleware(StarletteProtection, resource=resource)


def require(*needed: str) -> Callable[[Endpoint], Endpoint]:
    """Let an endpoint be called by tokens alone that hold all of these scopes; `token_of` gives the token."""
    names = check_scopes(needed)

    def decorate(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def checked(*args: Any, **more: Any) -> Any:
            await check(_connection(args).scope, *names)
            return await endpoint(*args, **more)

        return mark(checked, names)

    return decorate


def public(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint be called by anybody, without a token."""

    @wraps(endpoint)
    async def opened(*args: Any, **more: Any) -> Any:
        visit: Visit = _connection(args).scope[VISIT]
        visit.open()
        return await endpoint(*args, **more)

    return mark(opened, ())


def token_of(request: HTTPConnection) -> Token:
    """The token of a call whose endpoint requires one."""
    return token_of_scope(request.scope)


class StarletteProtection(AsgiProtection):
    """The middleware, which looks through the routes once before it lets anybody in."""

    def __init__(self, app: Any, resource: ProtectedResource) -> None:
        super().__init__(app, resource)
        self._looked = False

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._find_problem(scope)
        if problem:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": problem})
            return
        await super()._lifespan(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._looked:  # a server that knows no lifespan
            problem = self._find_problem(scope)
            if problem:
                raise RuntimeError(problem)
        await super()._http(scope, receive, send)

    def _find_problem(self, scope: Scope) -> str:
        found = sorted(path for path in self._open_routes(scope["app"]) if path not in self._resource.public)
        self._looked = not found
        return f"These routes name no scope that opens them: {', '.join(found)}" if found else ""

    def _open_routes(self, app: Any) -> Iterator[str]:
        yield from open_routes(app.routes, "")


def open_routes(routes: Iterable[BaseRoute], prefix: str) -> Iterator[str]:
    """The paths of routes that say neither which scope opens them nor that they are public."""
    for route in routes:
        if isinstance(route, Mount | Host) and route.routes:
            yield from open_routes(route.routes, prefix + getattr(route, "path", ""))
        elif not isinstance(route, Route | WebSocketRoute) or not _is_ruled(route.endpoint):
            yield prefix + str(getattr(route, "path", route))


def _is_ruled(endpoint: Any) -> bool:
    if isinstance(endpoint, type) and issubclass(endpoint, HTTPEndpoint):
        handlers = [getattr(endpoint, name) for name in _METHODS if hasattr(endpoint, name)]
        return all(scopes_of(handler) is not None for handler in handlers)
    return scopes_of(endpoint) is not None


def _connection(args: tuple[Any, ...]) -> HTTPConnection:
    for one in args:
        if isinstance(one, HTTPConnection):
            return one
    raise TypeError("an endpoint gets its request, or its WebSocket, as an argument")
