"""The application of one data center: the edge in front, the pages behind it."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from grantline.db import DatabaseUnavailable
from grantline.oauth.errors import OAuthError
from grantline.web.console.routes import ROUTES as CONSOLE
from grantline.web.edge import BodyTooLarge, Edge
from grantline.web.pages import (
    account,
    authorize,
    device,
    elsewhere,
    guides,
    language,
    logos,
    logout,
    plain,
    reference,
    sign_in,
)
from grantline.web.server import Server
from grantline.web.visit import FormRefused

PEOPLE = (
    Route("/", reference.start),
    Route("/scopes", reference.scopes),
    Route("/guides/{type}", guides.show_guide),
    Route("/errors", reference.errors),
    Route("/errors/{code}", reference.error),
    Route("/signin", sign_in.show_sign_in, methods=["GET"]),
    Route("/signin", sign_in.take_sign_in, methods=["POST"]),
    Route("/signin/elsewhere", elsewhere.go_elsewhere, methods=["POST"]),
    Route("/signout", sign_in.show_sign_out, methods=["GET"]),
    Route("/signout", sign_in.take_sign_out, methods=["POST"]),
    Route("/oauth/v2/auth", authorize.authorize, methods=["GET", "POST"]),
    Route("/oauth/v2/auth/refresh", authorize.renew),
    Route("/oauth/v2/auth/continue", authorize.resume),
    Route("/oauth/v2/auth/decision", authorize.decide, methods=["POST"]),
    Route("/oauth/v2/logout", logout.logout, methods=["GET", "POST"]),
    Route("/device", device.show_device),
    Route("/oauth/v3/device", device.show_device, methods=["GET"]),
    Route("/oauth/v3/device", device.take_user_code, methods=["POST"]),
    Route("/oauth/v3/device/confirm", device.confirm),
    Route("/oauth/v3/device/decision", device.decide_device, methods=["POST"]),
    Route("/logos/{digest}", logos.serve_logo),
    Route("/account", account.home),
    Route("/account/apps", account.apps),
    Route("/account/apps/remove", account.remove_app, methods=["POST"]),
    Route("/account/sessions", account.sessions),
    Route("/account/sessions/end", account.end_one_session, methods=["POST"]),
    Route("/language/{code}", language.choose_language),
    Route("/refused", plain.refused),
)
"""Every page for people. The endpoints for programs are in `routes`, the console's pages in
`console/routes`."""


def build_app(server: Server) -> Edge:
    """The ASGI application of this server."""
    static = server.pages.static_files()

    async def static_file(request: Request) -> Response:
        found = static.get(request.url.path)
        if found is None:
            return await plain.not_found(request, HTTPException(404))
        return Response(found[0], media_type=found[1], headers=_STATIC_HEADERS)

    pages = Starlette(
        routes=[*PEOPLE, *CONSOLE, Route("/static/{name}", static_file)],
        exception_handlers={
            404: plain.not_found,
            405: plain.wrong_method,
            FormRefused: plain.failed,
            OAuthError: plain.failed,
            DatabaseUnavailable: plain.failed,
            BodyTooLarge: plain.too_large,
            ClientDisconnect: plain.cut_off,
            Exception: plain.failed,
        },
    )
    # A page is asked for by its exact address; nothing is redirected to a neighbour with or without a slash
    # (T26).
    pages.router.redirect_slashes = False
    return Edge(server, pages)


_STATIC_HEADERS: Mapping[str, str] = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
