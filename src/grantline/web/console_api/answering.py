"""From a call under `/console/api/` to its answer. Cookies don't come this far (T58)."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grantline.web.call import Answer, Call
from grantline.web.console_api.caller import find_caller
from grantline.web.console_api.openapi import render_document
from grantline.web.console_api.operations import Operation, Reply, address_pattern
from grantline.web.console_api.problems import Problem, answer_problem, problem_of
from grantline.web.console_api.table import OPERATIONS
from grantline.web.errors import as_oauth_error
from grantline.web.server import Server

ADDRESSES: Final = "/console/api/"
"""Everything below this is for programs."""
ROOT: Final = "/console/api/v1"
_DOCUMENT: Final = "/console/api/openapi.json"
_TABLE: Final[tuple[tuple[re.Pattern[str], Operation], ...]] = tuple(
    (address_pattern(f"{ROOT}{operation.path}"), operation) for operation in OPERATIONS
)
_REFUSALS: Final[Mapping[int, str]] = MappingProxyType(
    {400: "fields_refused", 404: "not_found", 405: "method_wrong", 421: "fields_refused"}
)


async def answer_call(server: Server, call: Call) -> Answer:
    """The answer to one call; whatever goes wrong, it is a problem document."""
    try:
        if call.path == _DOCUMENT and call.method in ("GET", "HEAD"):
            return Answer(200, _document(server), cache="public, max-age=300")
        return _render(await _act(server, call))
    except Problem as problem:
        return answer_problem(problem, issuer=server.issuer, request_id=call.request_id)
    except Exception as error:
        told = problem_of(as_oauth_error(error, call.request_id))
        return answer_problem(told, issuer=server.issuer, request_id=call.request_id)


def _document(server: Server) -> bytes:
    """The description, made when it is first asked for: anyone may ask, and it is long."""
    if _DOCUMENT not in server.documents:
        server.documents[_DOCUMENT] = render_document(OPERATIONS, server.issuer, ROOT)
    return server.documents[_DOCUMENT]


async def _act(server: Server, call: Call) -> Reply:
    operation, parts = _find(call)
    caller = await find_caller(server, call, writes=operation.writes)
    return await operation.answer(caller, call, parts)


def _find(call: Call) -> tuple[Operation, Mapping[str, str]]:
    method = "GET" if call.method == "HEAD" else call.method
    allowed = []
    for pattern, operation in _TABLE:
        match = pattern.fullmatch(call.path)
        if match is not None and operation.method == method:
            return operation, match.groupdict()
        if match is not None:
            allowed.append(operation.method)
    if allowed:
        names = ", ".join(sorted({*allowed, *(("HEAD",) if "GET" in allowed else ())}))
        raise Problem("method_wrong", 405, headers=(("allow", names),))
    raise Problem("not_found", 404)


def _render(reply: Reply) -> Answer:
    if reply.shown is not None:
        body = reply.shown.model_dump_json().encode()
        return Answer(reply.status, body, reply.headers)
    return Answer(reply.status, reply.text.encode(), reply.headers, content_type=reply.content_type)


def refuse_call(issuer: str, request_id: str, status: int, sentence: str) -> Answer:
    """The answer to what is refused before anything of it is read: too large, cut off, no such method."""
    problem = Problem(_REFUSALS.get(status, "body_too_large"), status, sentence)
    return answer_problem(problem, issuer=issuer, request_id=request_id)
