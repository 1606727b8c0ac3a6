"""The kit for FastAPI: `protect(app, resource)`, and a `require("…")` in the arguments of every route.

FastAPI reads a call's body before its dependencies are asked: bound it there (`max_body_size`).
"""

from collections.abc import Iterator
from typing import Any

import fastapi.routing
from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.security.http import HTTPBearer
from starlette.requests import HTTPConnection

from grantline.resource_server.asgi import VISIT, Scope, check
from grantline.resource_server.resource import ProtectedResource, Visit, check_scopes
from grantline.resource_server.starlette import StarletteProtection, open_routes, token_of
from grantline.resource_server.token import Token

__all__ = ["Token", "protect", "public", "require", "token_of"]


def protect(app: FastAPI, resource: ProtectedResource) -> None:
    """Put the kit around an application. It does not start if a route says neither `require` nor `public`.

    The pages that FastAPI makes of the application itself, such as `/docs`, are open unless they are off.
    """
    app.add_middleware(FastApiProtection, resource=resource)


def require(*needed: str) -> Any:
    """A dependency that gives the token of the call, if it holds all of these scopes: an argument's, or one
    of a route's or a router's `dependencies`."""
    return Depends(_Require(check_scopes(needed)))


class _Require(HTTPBearer):
    """Looks like a bearer token in the application's description; what it checks is the kit's."""

    def __init__(self, needed: tuple[str, ...]) -> None:
        super().__init__(scheme_name="Grantline", auto_error=False)
        self._needed = needed

    async def __call__(self, request: HTTPConnection) -> Token:  # type: ignore[override]
        return await check(request.scope, *self._needed)


async def _open(request: HTTPConnection) -> None:
    visit: Visit = request.scope[VISIT]
    visit.open()


def public() -> Any:
    """A dependency for a route that anybody may call: `dependencies=[public()]`."""
    return Depends(_open)


class FastApiProtection(StarletteProtection):
    """The middleware, which also finds what routes depend on."""

    def __init__(self, app: Any, resource: ProtectedResource) -> None:
        super().__init__(app, resource)
        self._own_pages: frozenset[str | None] = frozenset()

    def _arrive(self, scope: Scope) -> Visit:
        visit = super()._arrive(scope)
        if scope["path"].removeprefix(scope.get("root_path", "")) in self._own_pages:
            visit.open()
        return visit

    def _open_routes(self, app: Any) -> Iterator[str]:
        own = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
        self._own_pages = frozenset(own)
        listed = getattr(fastapi.routing, "iter_route_contexts", iter)  # newer versions nest their routers
        for route in listed(app.routes):
            dependant = getattr(route, "dependant", None)
            if dependant is not None:
                if not _is_ruled(dependant):
                    yield str(route.path)
            elif route.path not in own:
                yield from open_routes([getattr(route, "original_route", route)], "")


def _is_ruled(dependant: Dependant) -> bool:
    if isinstance(dependant.call, _Require) or dependant.call is _open:
        return True
    return any(_is_ruled(one) for one in dependant.dependencies)
