"""Puts the sample CRM together as one ASGI application."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grantline.resource_server import AsgiProtection
from grantline.sample_crm.bulk.callbacks import Callbacks
from grantline.sample_crm.bulk.supervisor import Supervisor
from grantline.sample_crm.calls import Home
from grantline.sample_crm.config import CrmConfig, resource_of
from grantline.sample_crm.database import Database
from grantline.sample_crm.gate import Gate, render_refusal
from grantline.sample_crm.refusals import Refusal
from grantline.sample_crm.routes import ENDPOINTS, Endpoint
from grantline.sample_crm.storage import Storage

_ON_EVERY_ANSWER = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"Origin"),
)


def build_app(
    config: CrmConfig,
    *,
    clock: Callable[[], float] = time.time,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> ASGIApp:
    """Return the API as an ASGI application; its SQLite file is opened here and closed at lifespan shutdown.

    `clock` tells epoch seconds; `transport` carries the questions to the authorization server, by HTTP unless
    given.
    """
    database = Database(config.database, int(clock()))
    callbacks = Callbacks(config.identifier, config.issuer)
    home = Home(config.identifier, Storage(config.database), callbacks)
    supervisor = Supervisor(database, home, clock)
    gate = Gate(database, home, clock, supervisor.wake)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        supervisor.start()
        yield
        await supervisor.stop()
        await callbacks.close()
        await database.close()

    app = Starlette(
        routes=[_route(path, gate) for path in dict.fromkeys(endpoint.path for endpoint in ENDPOINTS)],
        exception_handlers={404: _no_such_url, 405: _no_such_method, 500: _internal_error},
        middleware=[Middleware(AsgiProtection, resource=resource_of(config, clock, transport))],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return _Edge(app, urlsplit(config.identifier).netloc)


def _route(path: str, gate: Gate) -> Route:
    """One path with all of its methods; HEAD is a GET whose body the server leaves out."""
    by_method: dict[str, Endpoint] = {one.method: one for one in ENDPOINTS if one.path == path}

    async def answer(request: Request) -> Response:
        return await gate.answer(by_method["GET" if request.method == "HEAD" else request.method], request)

    return Route(path, answer, methods=list(by_method))


async def _no_such_url(request: Request, problem: Exception) -> Response:
    message = "There is nothing at this address. Records are at /crm/v8/Leads, …/Contacts and …/Products."
    return render_refusal(Refusal(404, "INVALID_URL_PATTERN", message))


async def _no_such_method(request: Request, problem: Exception) -> Response:
    allowed = dict(problem.headers or {}) if isinstance(problem, HTTPException) else {}
    message = "This address does not take this method."
    return render_refusal(Refusal(405, "INVALID_REQUEST_METHOD", message, headers=allowed))


async def _internal_error(request: Request, problem: Exception) -> Response:
    return render_refusal(Refusal(500, "INTERNAL_ERROR", "Something went wrong here. It is not your fault."))


class _Edge:
    """The outermost layer: our own host name alone (a page of another name that leads to this machine gets
    nothing), and the security headers on every answer, errors too."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                there = {name for name, _ in headers}
                message["headers"] = headers + [one for one in _ON_EVERY_ANSWER if one[0] not in there]
            await send(message)

        if [value for name, value in scope["headers"] if name == b"host"] != [self._host]:
            message = "This server has another name. Check the address that you call."
            await render_refusal(Refusal(421, "INVALID_REQUEST", message))(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)
