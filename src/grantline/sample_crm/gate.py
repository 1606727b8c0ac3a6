"""What every call passes: its token, which the kit checks with the scopes of its route, then parameters."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from grantline.resource_server import check
from grantline.sample_crm.arrivals import Arrivals
from grantline.sample_crm.caller import Caller, caller_of
from grantline.sample_crm.calls import Answer, Call, Home
from grantline.sample_crm.carrying import carry_out
from grantline.sample_crm.database import Database
from grantline.sample_crm.endpoints import unknown_module
from grantline.sample_crm.modules import Module, find_module
from grantline.sample_crm.people import Person, parse_time
from grantline.sample_crm.refusals import Refusal, invalid_data, too_large
from grantline.sample_crm.routes import Endpoint

BODY_LIMIT = 1024 * 1024
ADDRESS_LIMIT = 8 * 1024


class Gate:
    """Turns a request for an endpoint into an answer, or into the refusal that it earns."""

    def __init__(
        self, database: Database, home: Home, clock: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._home = home
        self._clock = clock
        self._wake = wake
        self._arrivals = Arrivals(home.storage)

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Carry the call out if its token allows it; what fails is answered in the error envelope.

        What is wrong with the token itself the kit answers.
        """
        token = await check(request.scope, *needed_of(endpoint, request))
        try:
            caller, module = caller_of(token), find_module_of(request)
            async with self._read_body(endpoint, request, caller) as body:
                answer = await self._carry_out(endpoint, request, caller, module, body)
        except Refusal as refusal:
            return render_refusal(refusal)
        return render_answer(answer)

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


def render_answer(answer: Answer) -> Response:
    """The answer as HTTP; one without a body carries no Content-Type either."""
    every = dict(answer.headers)
    if answer.download is not None:
        # A type that no browser shows or runs, and that the vendor's SDKs know for a file.
        path, name = answer.download.path, answer.download.name
        return FileResponse(path, answer.status, every, "application/x-download", filename=name)
    if answer.body is None:
        return Response(status_code=answer.status, headers=every)
    return render_json(answer.status, answer.body, every)


def render_refusal(refusal: Refusal) -> Response:
    """The error envelope as HTTP."""
    return render_json(refusal.status, refusal.envelope(), refusal.headers)


def render_json(status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    """JSON in UTF-8; a half of a surrogate pair that somebody sent stays the escape that it was."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", errors="backslashreplace")
    return Response(content, status, headers, media_type="application/json;charset=UTF-8")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
