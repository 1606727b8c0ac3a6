"""Routes without a rule: an application that has one does not start, and nobody gets its answer (T100)."""

import asyncio
from types import ModuleType
from typing import Annotated, Any

import httpx2
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Host, Mount, Route, WebSocketRoute

from grantline.resource_server import AsgiProtection, Token, check, token_of
from grantline.resource_server import django as for_django
from grantline.resource_server import fastapi as for_fastapi
from grantline.resource_server import starlette as for_starlette
from grantline.resource_server.django import Protection
from tests.resource_server.apps import over_asgi, over_wsgi
from tests.resource_server.conftest import Protect
from tests.resource_server.issuer import CREATE, READ, USERS, Issuer


async def start(app: Any) -> str:
    """What an application says when a server starts it: empty if it starts."""
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for kind in ("startup", "shutdown"):
        await received.put({"type": f"lifespan.{kind}"})
    await app({"type": "lifespan", "state": {}}, received.get, sent.put)
    first = await sent.get()
    return "" if first["type"] == "lifespan.startup.complete" else str(first["message"])


async def show(request: Request) -> JSONResponse:
    return JSONResponse({"shown": True})


class Both(HTTPEndpoint):
    @for_starlette.require(READ)
    async def get(self, request: Request) -> JSONResponse:
        return JSONResponse({"subject": for_starlette.token_of(request).subject})

    async def post(self, request: Request) -> JSONResponse:
        return JSONResponse({"shown": True})


class Ruled(Both):
    @for_starlette.public
    async def post(self, request: Request) -> JSONResponse:
        return JSONResponse({"shown": True})


async def static(scope: Any, receive: Any, send: Any) -> None:
    await JSONResponse({"shown": True})(scope, receive, send)


OPEN: dict[str, list[Any]] = {
    "a function": [Route("/x", show)],
    "a class of which one method says nothing": [Route("/x", Both)],
    "a route in a mount": [Mount("/a", routes=[Mount("/b", routes=[Route("/x", show)])])],
    "a route of a host": [Host("leads.example.com", app=Starlette(routes=[Route("/x", show)]))],
    "another application": [Mount("/x", app=static)],
    "a socket": [WebSocketRoute("/x", show)],
}


@pytest.mark.parametrize("case", OPEN)
async def test_T100_an_application_with_an_open_route_does_not_start(protect: Protect, case: str) -> None:
    ruled = Route("/leads", for_starlette.require(READ)(show))
    app = Starlette(routes=[ruled, *OPEN[case]])
    for_starlette.protect(app, protect())
    assert "/x" in await start(app)
    answer = await over_asgi(app)("GET", "/x")
    assert answer.status_code == 500
    assert "shown" not in answer.text

    fine = Starlette(routes=[ruled, Route("/y", for_starlette.public(show)), Route("/z", Ruled)])
    for_starlette.protect(fine, protect(public=("/w",)))
    assert await start(fine) == ""


async def test_T100_an_open_route_of_fastapi_is_found_in_routers_too(protect: Protect) -> None:
    inner, outer = APIRouter(), APIRouter(prefix="/outer")

    @inner.get("/x")
    async def x() -> Any:
        return {"shown": True}

    @inner.get("/y")
    async def y(token: Annotated[Token, for_fastapi.require(READ)]) -> Any:
        return {}

    outer.include_router(inner, prefix="/inner")
    app = FastAPI()
    app.include_router(outer)
    for_fastapi.protect(app, protect())
    told = await start(app)
    assert "/outer/inner/x" in told
    assert "/y" not in told
    assert (await over_asgi(app)("GET", "/outer/inner/x")).status_code == 500

    ruled = FastAPI()
    ruled.include_router(outer, dependencies=[for_fastapi.require(READ)])
    for_fastapi.protect(ruled, protect())
    assert await start(ruled) == ""
    assert (await over_asgi(ruled)("GET", "/outer/inner/x")).status_code == 401
    assert (await over_asgi(ruled)("GET", "/docs")).status_code == 200
    assert (
        "Grantline"
        in (await over_asgi(ruled)("GET", "/openapi.json")).json()["components"]["securitySchemes"]
    )

    socket = FastAPI()

    @socket.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()

    socket.mount("/static", static)
    for_fastapi.protect(socket, protect())
    assert "/ws" in await start(socket)
    assert "/static" in await start(socket)


async def test_T100_an_answer_that_nobody_ruled_on_is_never_sent(protect: Protect, issuer: Issuer) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({"shown": True})(scope, receive, send)

    answer = await over_asgi(AsgiProtection(app, protect()))("GET", "/leads", issuer.active("good"))
    assert answer.status_code == 500
    assert "shown" not in answer.text


async def test_a_plain_application_may_ask_for_more_while_it_works(protect: Protect, issuer: Issuer) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await check(scope, READ)
        token = await check(scope, USERS)
        assert token is token_of(scope)
        await JSONResponse({"subject": token.subject})(scope, receive, send)

    call = over_asgi(AsgiProtection(app, protect()))
    assert (await call("GET", "/", issuer.active("one", scope=READ))).status_code == 403
    issuer.asked.clear()
    assert (await call("GET", "/", issuer.active("both", scope=f"{READ} {USERS}"))).status_code == 200
    assert len(issuer.asked) == 1


async def test_a_stream_that_has_begun_is_not_mended(protect: Protect, issuer: Issuer) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def parts() -> Any:
            await check(scope, READ)
            yield b"one"
            await check(scope, USERS)
            yield b"two"

        await check(scope, READ)
        await StreamingResponse(parts())(scope, receive, send)

    transport = httpx2.ASGITransport(app=AsgiProtection(app, protect()))
    async with httpx2.AsyncClient(transport=transport, base_url="https://leads.example.com") as http:
        with pytest.raises(Exception, match="403"):
            await http.get("/", headers={"Authorization": f"Bearer {issuer.active('good')}"})


async def test_code_outside_the_middleware_is_told_so() -> None:
    with pytest.raises(RuntimeError, match="AsgiProtection"):
        await check({}, READ)
    with pytest.raises(LookupError):
        token_of({})


@pytest.mark.parametrize("token", ["good", "narrow", "bad", None])
async def test_a_socket_opens_for_a_token_that_holds_its_scope(
    protect: Protect, issuer: Issuer, token: str | None
) -> None:
    issuer.active("good")
    issuer.active("narrow", scope=USERS)
    app = FastAPI()

    @app.websocket("/ws")
    async def ws(websocket: WebSocket, token: Annotated[Token, for_fastapi.require(READ)]) -> None:
        await websocket.accept()
        await websocket.close()

    for_fastapi.protect(app, protect())
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    headers = [] if token is None else [(b"authorization", b"Bearer " + token.encode())]
    scope = {"type": "websocket", "path": "/ws", "headers": headers, "query_string": b"", "subprotocols": []}
    await app(scope, receive, send)
    assert ("websocket.accept" in sent) == (token == "good")
    assert sent[-1] == "websocket.close"


async def test_a_django_view_that_a_token_opens_takes_forms_from_nowhere_else(
    protect: Protect, issuer: Issuer
) -> None:
    views: Any = ModuleType("tests_resource_server_forms")
    views.urlpatterns = [path("leads", for_django.require(CREATE)(lambda request: HttpResponse("made")))]
    middleware = ["django.middleware.csrf.CsrfViewMiddleware", "grantline.resource_server.django.Protection"]
    with override_settings(GRANTLINE=protect(), MIDDLEWARE=middleware, ROOT_URLCONF=views):
        call = over_wsgi(WSGIHandler())
        issuer.active("writes", scope=CREATE)
        assert (await call("POST", "/leads", "writes")).text == "made"
        assert (await call("POST", "/leads")).status_code == 401


def test_a_django_project_without_its_resource_does_not_start() -> None:
    with override_settings(GRANTLINE=None), pytest.raises(ImproperlyConfigured, match="ProtectedResource"):
        Protection(lambda request: None)
