"""The kit for Flask: `protect(app, resource)`, and `@require("…")` or `@public` at every view."""

from collections.abc import Collection

from flask import Flask, Response, request

from grantline.resource_server.refusals import Refusal
from grantline.resource_server.resource import ProtectedResource, Visit
from grantline.resource_server.rules import public, require_by_mark, scopes_of, view_for
from grantline.resource_server.token import Token
from grantline.resource_server.wsgi import VISIT, Answer, WsgiEdge, check, path_of, token_of

__all__ = ["Token", "current_token", "protect", "public", "require"]

require = require_by_mark


def protect(app: Flask, resource: ProtectedResource) -> WsgiEdge:
    """Put the kit around an application: a view that says neither `require` nor `public` stays closed.

    Tokens are checked before the view and before every other function that was registered later. The result
    can be closed.
    """
    edge = WsgiEdge(resource)

    def before() -> Response | None:
        visit = edge.arrive(request.environ)
        answer = edge.answer_early(request.environ, visit)
        if answer is not None:
            return _response(answer)
        try:
            _check_view(app, visit, resource.public)
        except Refusal as refusal:
            return _response(visit.refuse(refusal))
        return None

    def after(response: Response) -> Response:
        visit: Visit | None = request.environ.get(VISIT)
        if visit is not None:
            if response.headers.get("Vary") != "Origin":
                response.headers.add("Vary", "Origin")
            for name, value in visit.headers().items():
                response.headers.setdefault(name, value)
        return response

    app.before_request(before)
    app.after_request(after)
    return edge


def current_token() -> Token:
    """The token of the call that is being answered, whose view requires one."""
    return token_of(request.environ)


def _check_view(app: Flask, visit: Visit, public_paths: Collection[str]) -> None:
    """The rule of the view that Flask chose; a call for which there is none gets its 404 or 405."""
    path = path_of(request.environ)
    if request.endpoint is None or request.routing_exception is not None or path in public_paths:
        return
    needed = scopes_of(view_for(app.view_functions[request.endpoint], request.method))
    if needed is None:
        visit.check_rule(path)
    elif needed:
        check(request.environ, *needed)


def _response(answer: Answer) -> Response:
    status, headers, body = answer
    return Response(body, status, headers)
