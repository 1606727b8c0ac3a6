"""The kit around any WSGI application (PEP 3333)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from grantline.resource_server.asgi import Rule
from grantline.resource_server.asking import Asker
from grantline.resource_server.refusals import Refusal
from grantline.resource_server.resource import ProtectedResource, Visit
from grantline.resource_server.token import Token

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Answer = tuple[int, dict[str, str], bytes]

VISIT: Final = "grantline.visit"
ASKER: Final = "grantline.asker"


class WsgiEdge:
    """What every WSGI adapter does before and after the application's own code."""

    def __init__(self, resource: ProtectedResource) -> None:
        self.resource = resource
        self._asker: Asker | None = None
        header = resource.organization_header
        self._organization = "HTTP_" + header.upper().replace("-", "_") if header else ""

    def arrive(self, environ: Environ) -> Visit:
        """Note the call in its environment, under names that no header can have (T101)."""
        organization = environ.get(self._organization) if self._organization else None
        visit = self.resource.arrive(
            authorization=_listed(environ.get("HTTP_AUTHORIZATION")),
            origin=environ.get("HTTP_ORIGIN"),
            query=environ.get("QUERY_STRING", "").encode("latin-1"),
            organizations=_listed(organization),
        )
        if self._asker is None:  # in the process that serves, after the forks
            self._asker = Asker(self.resource.wire)
        environ[VISIT] = visit
        environ[ASKER] = self._asker
        return visit

    def answer_early(self, environ: Environ, visit: Visit) -> Answer | None:
        """The answer to what the application never sees: the metadata, and pre-flights of browsers."""
        method = environ["REQUEST_METHOD"]
        if path_of(environ) in self.resource.metadata_paths:
            return self._tell_metadata(method)
        asks = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ and visit.arrival.origin is not None
        return visit.preflight() if method == "OPTIONS" and asks else None

    def _tell_metadata(self, method: str) -> Answer:
        if method in ("GET", "HEAD"):
            length = {"Content-Length": str(len(self.resource.metadata))}
            body = self.resource.metadata if method == "GET" else b""
            return 200, {**self.resource.metadata_headers, **length}, body
        if method == "OPTIONS":
            allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET"}
            return 204, {**allowed, "Access-Control-Allow-Headers": "*"}, b""
        return 405, {"Allow": "GET, HEAD, OPTIONS"}, b""

    def close(self) -> None:
        """Close the connections to the authorization server and report what was used."""
        if self._asker is not None:
            self._asker.close()
            self._asker = None
        self.resource.close()


class WsgiProtection:
    """A WSGI application in front of which every call is judged by `rule`, before the application sees it.

    `token_of(environ)` is its token.
    """

    def __init__(self, app: WsgiApp, resource: ProtectedResource, rule: Rule) -> None:
        self._app = app
        self._edge = WsgiEdge(resource)
        self._rule = rule

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        visit = self._edge.arrive(environ)
        answer = self._edge.answer_early(environ, visit)
        if answer is None:
            try:
                self._check(environ, visit)
            except Refusal as refusal:
                answer = visit.refuse(refusal)
        if answer is not None:
            status, headers, body = answer
            start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
            return [body]

        def start_with_headers(status: str, headers: Sequence[tuple[str, str]], *more: Any) -> Any:
            shared = visit.headers()
            return start_response(status, [*headers, ("Vary", "Origin"), *shared.items()], *more)

        return self._app(environ, start_with_headers)

    def _check(self, environ: Environ, visit: Visit) -> None:
        path = path_of(environ)
        public = path in self._edge.resource.public
        needed = () if public else self._rule(environ["REQUEST_METHOD"], path)
        if needed is None:
            visit.check_rule(path)
        elif needed:
            check(environ, *needed)

    def close(self) -> None:
        """Close the connections to the authorization server and report what was used."""
        self._edge.close()


def check(environ: Mapping[str, Any], *needed: str) -> Token:
    """The token of the call, if it holds all of these scopes. Raises Refusal, which the middleware
    answers."""
    visit: Visit | None = environ.get(VISIT)
    if visit is None:
        raise RuntimeError(
            "the call did not come through the kit's middleware, so nobody can check its token"
        )
    asker: Asker = environ[ASKER]
    return asker.run(visit.check(needed))


def token_of(environ: Mapping[str, Any]) -> Token:
    """The token of a call that was checked; LookupError for one that was not."""
    visit: Visit | None = environ.get(VISIT)
    if visit is None or visit.token is None:
        raise LookupError("no token was checked for this call")
    return visit.token


def path_of(environ: Mapping[str, Any]) -> str:
    """The whole path of the call, with the part under which the application is mounted."""
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return path


def _listed(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)
