"""One small API, written six times: with every adapter of the kit and with its plain middleware."""

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

import django
import flask
import httpx2
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import JsonResponse
from django.test import override_settings
from django.urls import path
from django.views import View
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from grantline.resource_server import AsgiProtection, ProtectedResource, Token, WsgiProtection, token_of, wsgi
from grantline.resource_server import django as for_django
from grantline.resource_server import fastapi as for_fastapi
from grantline.resource_server import flask as for_flask
from grantline.resource_server import starlette as for_starlette
from tests.resource_server.issuer import API, CREATE, READ, USERS

if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="tests", LOGGING_CONFIG=None)
    django.setup()

RULES = {("GET", "/leads"): (READ,), ("POST", "/leads"): (CREATE,), ("GET", "/both"): (READ, USERS)}
"""What the API needs; `/open` is public by mark, `/listed` by the list, and `/closed` says nothing."""


def tell(token: Token) -> dict[str, Any]:
    """What the API's code learns."""
    return {"subject": token.subject, "organization": token.organization, "client_id": token.client_id}


def rule(method: str, place: str) -> tuple[str, ...] | None:
    return () if place == "/open" else RULES.get(("GET" if method == "HEAD" else method, place))


@dataclass
class Caller:
    """Calls one of the APIs, as a web client does."""

    send: Callable[..., Awaitable[httpx2.Response]]

    async def __call__(
        self, method: str, place: str, token: str | None = None, **headers: str
    ) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        return await self.send(method, place, headers=named)


def over_asgi(app: Any) -> Caller:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return Caller(httpx2.AsyncClient(transport=transport, base_url=API).request)


def over_wsgi(app: Any) -> Caller:
    client = httpx2.Client(transport=httpx2.WSGITransport(app=app, raise_app_exceptions=False), base_url=API)

    async def send(method: str, place: str, **more: Any) -> httpx2.Response:
        return client.request(method, place, **more)

    return Caller(send)


def plain_asgi(resource: ProtectedResource) -> Caller:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        answer = JSONResponse({} if scope["path"] in ("/open", "/listed") else tell(token_of(scope)))
        await answer(scope, receive, send)

    return over_asgi(AsgiProtection(app, resource, rule))


def plain_wsgi(resource: ProtectedResource) -> Caller:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        is_open = environ["PATH_INFO"] in ("/open", "/listed")
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({} if is_open else tell(wsgi.token_of(environ))).encode()]

    return over_wsgi(WsgiProtection(app, resource, rule))


def with_starlette(resource: ProtectedResource) -> Caller:
    async def show(request: Request) -> JSONResponse:
        return JSONResponse(tell(for_starlette.token_of(request)))

    async def nothing(request: Request) -> JSONResponse:
        return JSONResponse({})

    routes = [
        Route(place, for_starlette.require(*needed)(show), methods=[method])
        for (method, place), needed in RULES.items()
    ]
    app = Starlette(
        routes=[*routes, Route("/open", for_starlette.public(nothing)), Route("/listed", nothing)]
    )
    for_starlette.protect(app, resource)
    return over_asgi(app)


def with_fastapi(resource: ProtectedResource) -> Caller:
    app = FastAPI()
    for_fastapi.protect(app, resource)

    @app.get("/leads")
    async def leads(token: Annotated[Token, for_fastapi.require(READ)]) -> Any:
        return tell(token)

    @app.post("/leads")
    def create(token: Annotated[Token, for_fastapi.require(CREATE)]) -> Any:
        return tell(token)

    @app.get("/both", dependencies=[for_fastapi.require(USERS, READ)])
    async def both(token: Annotated[Token, for_fastapi.require(READ, USERS)]) -> Any:
        return tell(token)

    @app.get("/open", dependencies=[for_fastapi.public()])
    @app.get("/listed")
    async def nothing() -> Any:
        return {}

    return over_asgi(app)


def with_flask(resource: ProtectedResource) -> Caller:
    app = flask.Flask("leads")
    for_flask.protect(app, resource)

    def show() -> Any:
        return tell(for_flask.current_token())

    for (method, place), needed in RULES.items():
        # A function of its own for each: the mark is on the function.
        view = for_flask.require(*needed)(lambda: show())
        app.add_url_rule(place, f"{method} {place}", view, methods=[method])

    def nothing() -> Any:
        return {}

    def closed() -> Any:
        return {"closed": False}

    app.add_url_rule("/listed", "listed", nothing)
    app.add_url_rule("/closed", "closed", closed)
    app.add_url_rule("/open", "open", for_flask.public(lambda: nothing()))
    return over_wsgi(app)


def with_django(resource: ProtectedResource) -> Caller:
    class Leads(View):
        @for_django.require(READ)
        def get(self, request: Any) -> JsonResponse:
            return JsonResponse(tell(request.token))

        @for_django.require(CREATE)
        def post(self, request: Any) -> JsonResponse:
            return JsonResponse(tell(request.token))

    @for_django.require(READ, USERS)
    def both(request: Any) -> JsonResponse:
        return JsonResponse(tell(request.token))

    def nothing(request: Any) -> JsonResponse:
        return JsonResponse({})

    def closed(request: Any) -> JsonResponse:
        return JsonResponse({"closed": False})

    addresses: Any = ModuleType("tests_resource_server_addresses")
    addresses.urlpatterns = [
        path("leads", Leads.as_view()),
        path("both", both),
        path("open", for_django.public(lambda request: nothing(request))),
        path("listed", nothing),
        path("closed", closed),
    ]
    sys.modules[addresses.__name__] = addresses
    middleware = ["grantline.resource_server.django.Protection"]
    changed = override_settings(GRANTLINE=resource, MIDDLEWARE=middleware, ROOT_URLCONF=addresses)
    with changed:
        handler = WSGIHandler()
    caller = over_wsgi(handler)

    async def send(method: str, place: str, **more: Any) -> httpx2.Response:
        with changed:
            return await caller.send(method, place, **more)

    return Caller(send)


APPS: dict[str, Callable[[ProtectedResource], Caller]] = {
    "asgi": plain_asgi,
    "wsgi": plain_wsgi,
    "starlette": with_starlette,
    "fastapi": with_fastapi,
    "flask": with_flask,
    "django": with_django,
}
