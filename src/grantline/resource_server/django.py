"""The kit for Django: a line in `MIDDLEWARE`, `GRANTLINE` in the settings, and `@require("…")` at every view.

The setting is a `ProtectedResource`. The token of a call is `request.token`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from grantline.resource_server.refusals import Refusal
from grantline.resource_server.resource import ProtectedResource, Visit
from grantline.resource_server.rules import public, require_by_mark, scopes_of, view_for
from grantline.resource_server.token import Token
from grantline.resource_server.wsgi import VISIT, Answer, WsgiEdge, check, path_of

__all__ = ["Protection", "Token", "public", "require"]

F = TypeVar("F", bound=Callable[..., Any])


def require(*needed: str) -> Callable[[F], F]:
    """Let a view be called by tokens alone that hold all of these scopes.

    Such a view needs no protection against forged forms, since no cookie opens it: Django is told so.
    """
    marked = require_by_mark(*needed)

    def decorate(view: F) -> F:
        setattr(view, "csrf_exempt", True)  # noqa: B010 - a function has no such attribute to the type checker
        return marked(view)

    return decorate


class Protection:
    """The middleware: a view that says neither `require` nor `public` stays closed.

    It stands behind Django's own, which change answers, and before those that want `request.token`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        resource = getattr(settings, "GRANTLINE", None)
        if not isinstance(resource, ProtectedResource):
            raise ImproperlyConfigured("GRANTLINE in the settings is a ProtectedResource")
        self._get_response = get_response
        self._edge = WsgiEdge(resource)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        visit = self._edge.arrive(request.META)
        answer = self._edge.answer_early(request.META, visit)
        if answer is not None:
            return _response(answer)
        response = self._get_response(request)
        patch_vary_headers(response, ["Origin"])
        for name, value in visit.headers().items():
            response.headers.setdefault(name, value)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Check the token before the view that Django chose is called."""
        visit: Visit = request.META[VISIT]
        path = path_of(request.META)
        if path in self._edge.resource.public:
            return None
        needed = scopes_of(view_for(view, request.method or ""))
        try:
            if needed is None:
                visit.check_rule(path)
            elif needed:
                request.token = check(request.META, *needed)
        except Refusal as refusal:
            return _response(visit.refuse(refusal))
        return None


def _response(answer: Answer) -> HttpResponse:
    status, headers, body = answer
    return HttpResponse(body, status=status, headers=headers)
