"""The reference of the console's API as a page, made out of the same table as its description."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import Response

from grantline.web.console.place import Place
from grantline.web.console_api import ROOT
from grantline.web.console_api.openapi import ALWAYS
from grantline.web.console_api.operations import Operation
from grantline.web.console_api.table import OPERATIONS
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

_GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "clients": mark("Clients"),
        "manifests": mark("Manifests"),
        "secrets": mark("Secrets"),
        "codes": mark("Codes"),
        "activity": mark("Activity and usage"),
        "users": mark("Users and tokens"),
        "team": mark("Team"),
        "changes": mark("Audit"),
        "catalogue": mark("Errors"),
    }
)


async def show_reference(visit: Visit, place: Place) -> Response:
    """GET /console/api."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for operation in OPERATIONS:
        groups.setdefault(operation.name.partition(".")[0], []).append(describe(operation))
    listed = [
        {"id": name, "title": _(_GROUPS[name]), "operations": groups[name]}
        for name in _GROUPS
        if name in groups
    ]
    root = f"{visit.server.issuer}{ROOT}"
    return visit.render("console/api.html", **place.frame(visit), groups=listed, root=root)


def describe(operation: Operation) -> Mapping[str, Any]:
    """One operation as the page shows it."""
    return {
        "method": operation.method,
        "path": operation.path,
        "summary": _(operation.summary),
        "scope": operation.scope,
        "right": operation.right,
        "status": operation.status,
        "refusals": sorted({*ALWAYS, *operation.also}),
        "takes": [
            *({"name": name, "kind": "header", "about": _(about)} for name, about in operation.headers),
            *_fields(operation.query, "query"),
            *_fields(operation.body, "body"),
            *([{"name": "body", "kind": operation.text, "about": ""}] if _takes_text(operation) else []),
        ],
        "answers": [] if operation.shown is None else _fields(operation.shown, ""),
    }


def _takes_text(operation: Operation) -> bool:
    return bool(operation.text) and operation.writes


def _fields(model: type[BaseModel] | None, where: str) -> Sequence[Mapping[str, str]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    needed = schema.get("required", ())
    return [
        {
            "name": name,
            "kind": " ".join(
                word
                for word in (where, _kind(field), "" if not where or name not in needed else _("needed"))
                if word
            ),
            "about": _(str(field.get("description", ""))),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _kind(field: Mapping[str, Any]) -> str:
    """The type of a field in one or two words."""
    if "enum" in field:
        return " | ".join(str(value) or '""' for value in field["enum"])
    if "anyOf" in field:
        return " | ".join(_kind(one) for one in field["anyOf"])
    if "$ref" in field:
        return _("object")
    if field.get("type") == "array":
        return _("list of %(kind)s", kind=_kind(field["items"]))
    return {"string": _("text"), "integer": _("number")}.get(
        str(field.get("type")), str(field.get("type", "any"))
    )
