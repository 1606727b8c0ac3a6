"""Sign-in in the frameworks themselves: away with the attempt's cookie, back to the path, the cookie gone."""

import asyncio
from collections.abc import Callable, Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import flask
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

import grantline.sdk.adapters.django
import grantline.sdk.adapters.flask
import grantline.sdk.adapters.starlette
from grantline.sdk import CallbackRefused, WebApp
from tests.sdk.waiting import Lines, counted
from tests.site import SCOPE, Site

Went = tuple[int, Mapping[str, str], SimpleCookie]
"""Status, headers, and cookies that were set."""
Go = Callable[[str, Mapping[str, str]], Went]
"""Follow an address of the app with these cookies."""


def went(status: int, headers: Any) -> Went:
    cookies = SimpleCookie()
    for name, value in headers:
        if name.lower() == "set-cookie":
            cookies.load(value)
    return status, {name.lower(): value for name, value in headers}, cookies


def in_starlette(web: WebApp) -> Go:
    login = grantline.sdk.adapters.starlette.Login(web)

    async def start(request: Request) -> Response:
        return await login.login(request, request.query_params["next"], login_hint="mara@example.com")

    async def callback(request: Request) -> Response:
        try:
            done, response = await login.callback(request)
        except CallbackRefused as refused:
            return login.refused(request, PlainTextResponse(refused.what, 400))
        response.headers["x-who"] = done.identity.subject
        return response

    app = Starlette(routes=[Route("/login", start), Route("/callback", callback)])

    def go(address: str, cookies: Mapping[str, str]) -> Went:
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        client = TestClient(app, base_url="https://app.example", follow_redirects=False)
        answer = client.get(address, headers=sent)
        return went(answer.status_code, answer.headers.multi_items())

    return go


def in_flask(web: WebApp) -> Go:
    login = grantline.sdk.adapters.flask.Login(web)
    app = flask.Flask("desk")

    @app.get("/login")
    def start() -> Any:
        return login.login(flask.request, flask.request.args["next"], login_hint="mara@example.com")

    @app.get("/callback")
    def callback() -> Any:
        try:
            done, response = login.callback(flask.request)
        except CallbackRefused as refused:
            return login.refused(flask.request, flask.Response(refused.what, 400))
        response.headers["x-who"] = done.identity.subject
        return response

    def go(address: str, cookies: Mapping[str, str]) -> Went:
        client = app.test_client(use_cookies=False)
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        answer = client.get(address, headers=sent)
        return went(answer.status_code, list(answer.headers))

    return go


def in_django(web: WebApp, *, tasks: bool = False) -> Go:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="tests", LOGGING_CONFIG=None)
    login = grantline.sdk.adapters.django.Login(web)

    async def visit(request: HttpRequest) -> Any:
        hint = "mara@example.com"
        if request.path == "/login":
            to = request.GET["next"]
            if tasks:
                return await login.alogin(request, to, login_hint=hint)
            return await asyncio.to_thread(login.login, request, to, login_hint=hint)
        try:
            finish = login.acallback(request) if tasks else asyncio.to_thread(login.callback, request)
            done, response = await finish
        except CallbackRefused as refused:
            return login.refused(request, HttpResponse(refused.what, status=400))
        response.headers["x-who"] = done.identity.subject
        return response

    def go(address: str, cookies: Mapping[str, str]) -> Went:
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        answer = asyncio.run(visit(RequestFactory().get(address, headers=sent)))
        set_cookies = [("set-cookie", one.OutputString()) for one in answer.cookies.values()]
        return went(answer.status_code, [*answer.headers.items(), *set_cookies])

    return go


FRAMEWORKS: dict[str, Callable[[WebApp], Go]] = {
    "starlette": in_starlette,
    "flask": in_flask,
    "django": in_django,
    "django with tasks": lambda web: in_django(web, tasks=True),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_browser_is_sent_away_and_comes_back_signed_in(site: Site, framework: str) -> None:
    app = await site.app("server-based")
    lines = Lines(site)
    setup = counted(site, app, lines, scope=("openid", SCOPE), redirect_uri=app.redirect_uri)
    setup.async_wire = _Beside(setup.wire)
    go = FRAMEWORKS[framework](WebApp(setup))
    planted = {"__Host-gl_state_(x)": "1", "__Host-gl_state_[": "1"}
    old = {"__Host-gl_state_" + "0" * 32: "old", "theirs": "x", **planted}
    status, headers, cookies = await asyncio.to_thread(go, "/login?next=/leads%3Fpage=2", old)
    assert (status, headers["cache-control"]) == (303, "no-store")
    (new,) = [one for one in cookies.values() if one.value not in ("", "old")]
    assert new.key.startswith("__Host-gl_state_")
    assert (new["path"], new["samesite"].lower(), new["max-age"]) == ("/", "lax", "600")
    assert new["secure"]
    assert new["httponly"]
    assert not new["domain"]
    assert [one.key for one in cookies.values() if one is not new] == ["__Host-gl_state_" + "0" * 32]
    asked = dict(parse_qsl(urlsplit(headers["location"]).query))
    assert asked.pop("client_id") == app.id
    back = urlsplit((await site.authorize(app, **asked)).headers["location"])
    address, browser = f"{back.path}?{back.query}", {new.key: new.value}
    status, headers, cookies = await asyncio.to_thread(go, address, browser)
    assert (status, headers["location"]) == (303, "/leads?page=2")
    assert headers["x-who"] == site.account.sub
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert not cookies[new.key].value
    assert cookies[new.key]["secure"]
    status, _, cookies = await asyncio.to_thread(go, address, browser)
    assert (status, cookies[new.key].value) == (400, "")
    assert len(lines.polls) == 1


class _Beside:
    """A way for tasks of another loop than the site's."""

    def __init__(self, wire: Any) -> None:
        self._wire = wire

    async def send(self, request: Any) -> Any:
        return await asyncio.to_thread(self._wire.send, request)
