"""The description of the console's API, made out of its table (OpenAPI 3.1)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from grantline.web.console_api.operations import Operation
from grantline.web.console_api.problems import CONTENT_TYPE, ProblemDocument

VERSION: Final = "1"
ALWAYS: Final = (400, 401, 403, 422, 429, 503)
"""Refusals that every operation has."""
_REF: Final = "#/components/schemas/{model}"
_ID: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"}
_WORDS: Final[Mapping[int, str]] = {
    200: "Done.",
    201: "Made.",
    204: "Done; there is nothing to tell.",
    400: "The request can't be read.",
    401: "The token does not work.",
    403: "The token or its person's role does not allow it.",
    404: "There is nothing here, or it is in another workspace.",
    409: "That is not possible as things are now.",
    412: "It was changed in the meantime.",
    413: "The request is too large.",
    415: "The body is of another kind.",
    422: "Some fields need to change.",
    428: "The If-Match header is missing.",
    429: "Too many requests.",
    503: "The server can't answer at the moment.",
}
_ABOUT: Final = (
    "What the API console does, for programs. Every call carries a personal access token, which is made on"
    " the console's page Keys and CLI, is for one workspace, and has scopes. Refusals are problem documents"
    " (RFC 9457) whose `code` is a name of the error catalogue."
)


def render_document(operations: Sequence[Operation], issuer: str, root: str) -> bytes:
    """The document as JSON."""
    return json.dumps(describe(operations, issuer, root), separators=(",", ":")).encode()


def describe(operations: Sequence[Operation], issuer: str, root: str) -> Mapping[str, Any]:
    """The whole document."""
    models = {model for each in operations for model in (each.shown, each.body) if model is not None}
    given = sorted(models | {ProblemDocument}, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "serialization" if _is_answer(model, operations) else "validation") for model in given],
        ref_template=_REF,
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Grantline console API", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": f"{issuer}{root}"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "glp_…",
                    "description": "A personal access token.",
                }
            },
            "responses": {str(status): _problem(status) for status in _WORDS if status >= 400},
        },
    }


def _is_answer(model: type[BaseModel], operations: Sequence[Operation]) -> bool:
    return all(model is not operation.body for operation in operations)


def _problem(status: int) -> Mapping[str, Any]:
    schema = {"$ref": _REF.format(model=ProblemDocument.__name__)}
    return {"description": _WORDS[status], "content": {CONTENT_TYPE: {"schema": schema}}}


def _operation(operation: Operation) -> Mapping[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.name.partition(".")[0]],
        "summary": operation.summary,
        "description": f"Scope `{operation.scope}`; needs the right to {operation.right}.",
        "responses": _responses(operation),
    }
    if parameters := [*_path(operation), *_query(operation), *_headers(operation)]:
        described["parameters"] = parameters
    if operation.body is not None:
        schema: Mapping[str, Any] = {"$ref": _REF.format(model=operation.body.__name__)}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif operation.text and operation.writes:
        kinds = {kind: {"schema": {"type": "string"}} for kind in (operation.text, "application/json")}
        described["requestBody"] = {"required": True, "content": kinds}
    return described


def _responses(operation: Operation) -> Mapping[str, Any]:
    done: dict[str, Any] = {"description": _WORDS[operation.status]}
    if operation.shown is not None:
        schema = {"$ref": _REF.format(model=operation.shown.__name__)}
        done["content"] = {"application/json": {"schema": schema}}
    elif operation.text:
        done["content"] = {operation.text: {"schema": {"type": "string"}}, "application/json": {"schema": {}}}
    refused = {*ALWAYS, *operation.also}
    refused |= {404} if operation.path_names else set()
    refused |= {413, 415} if operation.body is not None or (operation.text and operation.writes) else set()
    problems = {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refused)}
    return {str(operation.status): done, **problems}


def _path(operation: Operation) -> list[Mapping[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": _ID} for name in operation.path_names]


def _query(operation: Operation) -> list[Mapping[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": {key: value for key, value in field.items() if key not in ("title", "description")},
            **({"description": field["description"]} if "description" in field else {}),
        }
        for name, field in schema["properties"].items()
    ]


def _headers(operation: Operation) -> list[Mapping[str, Any]]:
    return [
        {
            "name": name,
            "in": "header",
            "required": 428 in operation.also,
            "description": words,
            "schema": {"type": "string"},
        }
        for name, words in operation.headers
    ]
