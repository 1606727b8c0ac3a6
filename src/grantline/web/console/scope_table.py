"""The catalogue as tables of boxes: resources are rows, operations are columns."""

from collections.abc import Sequence
from typing import Final

from grantline.scopes import Catalog
from grantline.web.languages import _, mark

_COLUMNS: Final = (
    ("READ", mark("Read")),
    ("CREATE", mark("Create")),
    ("UPDATE", mark("Update")),
    ("DELETE", mark("Delete")),
)


def scope_tables(catalog: Catalog, ticked: Sequence[str]) -> list[dict[str, object]]:
    """One table for each service. `ticked` holds names in the catalogue's spelling."""
    tables: list[dict[str, object]] = []
    for service in catalog.services:
        offered = {scope.operation for scope in catalog.scopes if scope.service == service.prefix}
        columns = [(operation, word) for operation, word in _COLUMNS if operation in offered]
        # `modules.ALL` spells out what the row `modules` means already.
        resources = [resource for resource in service.resources if not resource.path.endswith("ALL")]
        paths = [resource.path for resource in resources]
        rows: list[dict[str, object]] = [
            {
                "title": _(resource.title),
                "group": any(path.startswith(f"{resource.path}.") for path in paths),
                "child": resource.path.rpartition(".")[0] in paths,
                "cells": [
                    _cell(catalog, service.prefix, resource.path, operation, ticked)
                    for operation, _word in columns
                ],
            }
            for resource in resources
        ]
        words = [_(word) for _operation, word in columns]
        tables.append({"title": _(service.title), "columns": words, "rows": rows})
    return tables


def box_names(catalog: Catalog) -> dict[str, str]:
    """The form's name of each box, and the scope that it stands for."""
    return {f"tick:{scope.name}": scope.name for scope in catalog.scopes}


def _cell(
    catalog: Catalog, prefix: str, path: str, operation: str, ticked: Sequence[str]
) -> dict[str, object] | None:
    scope = catalog.find(".".join(part for part in (prefix, path, operation) if part))
    return {"scope": scope.name, "ticked": scope.name in ticked} if scope is not None else None
