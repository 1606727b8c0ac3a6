"""What every call passes before anything happens: token, origin, organization, scope.

This is the file to read for anyone who builds an API behind Grantline.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from grantline.oauth import InvalidRequest, covers_all
from grantline.oauth.bearer import BEARER, VENDOR_SCHEME, parse_authorization
from grantline.sample_crm.arrivals import Arrivals
from grantline.sample_crm.calls import Answer, Call, Home
from grantline.sample_crm.carrying import carry_out
from grantline.sample_crm.cors import check_page
from grantline.sample_crm.database import Database
from grantline.sample_crm.endpoints import unknown_module
from grantline.sample_crm.introspection import Caller, Introspection
from grantline.sample_crm.modules import Module, find_module
from grantline.sample_crm.people import Person, parse_time
from grantline.sample_crm.refusals import (
    Refusal,
    invalid_data,
    invalid_token,
    malformed_authorization,
    no_permission,
    no_token,
    scope_missing,
    too_large,
)
from grantline.sample_crm.routes import Endpoint

BODY_LIMIT = 1024 * 1024
ADDRESS_LIMIT = 8 * 1024
TOKEN_LIMIT = 4 * 1024
_SCHEMES = (BEARER.lower(), VENDOR_SCHEME.lower())


class Gate:
    """Turns a request for an endpoint into an answer, or into the refusal that it earns."""

    def __init__(
        self,
        introspection: Introspection,
        database: Database,
        home: Home,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._introspection = introspection
        self._database = database
        self._home = home
        self._clock = clock
        self._wake = wake
        self._arrivals = Arrivals(home.storage)

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Carry the call out if its token allows it; what fails is answered in the error envelope."""
        headers: Mapping[str, str] = {}
        try:
            caller = await self._introspection.find_caller(find_token(request), needed_of(endpoint, request))
            headers = check_page(request.headers.get("origin"), caller)
            check_organization(request, caller)
            module = find_module_of(request)
            needed = endpoint.scopes(module)
            if not covers_all(caller.scopes, needed):
                raise scope_missing(needed)
            async with self._read_body(endpoint, request, caller) as body:
                answer = await self._carry_out(endpoint, request, caller, module, body)
        except Refusal as refusal:
            return render_refusal(refusal, headers)
        return render_answer(answer, headers)

    async def _carry_out(
        self, endpoint: Endpoint, request: Request, caller: Caller, module: Module | None, body: object
    ) -> Answer:
        query, id = parse_query(request), request.path_params.get("id")
        now, since = int(self._clock()), parse_time(request.headers.get("if-modified-since", ""))

        def handle(tx: sqlite3.Connection, me: Person) -> Answer:
            needs = endpoint.then_needs
            call = Call(caller, me, query, now, self._home, module, id, body, needs, since)
            return endpoint.handle(tx, call)

        answer = await carry_out(self._database, caller, now, handle, reads=endpoint.method == "GET")
        if answer.starts_work:
            self._wake()
        return answer

    @asynccontextmanager
    async def _read_body(self, endpoint: Endpoint, request: Request, caller: Caller) -> AsyncIterator[object]:
        """What the route takes: JSON, files, or nothing."""
        if endpoint.takes_files:
            bounds = endpoint.takes_files
            async with self._arrivals.receive(request, caller.organization, bounds) as files:
                yield files
        else:
            yield await read_json(request) if endpoint.takes_json else None


def find_token(request: Request) -> str:
    """The token of the one `Authorization` header; tokens anywhere else are not looked at (RFC 6750 §2.1)."""
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise malformed_authorization("This call carries two Authorization headers; send one.")
    if not values or values[0].split(" ", 1)[0].lower() not in _SCHEMES:
        raise no_token(seen_in_address="access_token" in request.query_params)
    try:
        authorization = parse_authorization(values[0])
    except InvalidRequest:
        message = "The Authorization header cannot be read. It holds the word Bearer, a blank and the token."
        raise malformed_authorization(message) from None
    if len(authorization.token) > TOKEN_LIMIT:
        raise invalid_token()
    return authorization.token


def check_organization(request: Request, caller: Caller) -> None:
    """A header may repeat the token's organization but never choose another one (T102)."""
    named = request.headers.getlist("x-crm-org")
    if any(name != caller.organization for name in named):
        raise no_permission("X-CRM-ORG names another organization than the one this access token is for.")


def needed_of(endpoint: Endpoint, request: Request) -> Sequence[str]:
    """The scopes that a call of this endpoint takes; none for a module that does not exist."""
    name = request.path_params.get("module")
    module = find_module(name) if name is not None else None
    return () if name is not None and module is None else endpoint.scopes(module)


def find_module_of(request: Request) -> Module | None:
    """The module that the path names, or None for a path that names none; Refusal for an unknown one."""
    name = request.path_params.get("module")
    if name is None:
        return None
    module = find_module(name)
    if module is None:
        raise unknown_module()
    return module


def parse_query(request: Request) -> Mapping[str, str]:
    """The query parameters, each of which may be there once; the address is at most 8 KB long."""
    if len(request.scope["query_string"]) > ADDRESS_LIMIT:
        message = f"The address of this call is longer than {ADDRESS_LIMIT} bytes."
        raise Refusal(414, "LIMIT_EXCEEDED", message)
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in query:
            raise invalid_data("A query parameter stands twice in this address.", param_name=name[:100])
        query[name] = value
    return query


async def read_json(request: Request) -> object:
    """The JSON body, whatever its Content-Type; at most 1 MB, counted as it arrives (T133)."""
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told[:20]) > BODY_LIMIT:
        raise too_large(BODY_LIMIT)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise too_large(BODY_LIMIT)
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, ClientDisconnect):
        message = "The body of this call is not JSON."
        raise Refusal(400, "BAD_REQUEST", message, {"expected_data_type": "jsonobject"}) from None


def render_answer(answer: Answer, headers: Mapping[str, str]) -> Response:
    """The answer as HTTP; one without a body carries no Content-Type either."""
    every = {**answer.headers, **headers}
    if answer.download is not None:
        # A type that no browser shows or runs, and that the vendor's SDKs know for a file.
        path, name = answer.download.path, answer.download.name
        return FileResponse(path, answer.status, every, "application/x-download", filename=name)
    if answer.body is None:
        return Response(status_code=answer.status, headers=every)
    return render_json(answer.status, answer.body, every)


def render_refusal(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """The error envelope as HTTP."""
    return render_json(refusal.status, refusal.envelope(), {**refusal.headers, **(headers or {})})


def render_json(status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    """JSON in UTF-8; a half of a surrogate pair that somebody sent stays the escape that it was."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", errors="backslashreplace")
    return Response(content, status, headers, media_type="application/json;charset=UTF-8")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
