"""Whether a record can be stored: its fields against the table of fields, then against what is stored."""

import sqlite3
from collections.abc import Mapping

from grantline.sample_crm.calls import parse_id
from grantline.sample_crm.modules import Kind, Module
from grantline.sample_crm.people import find_person
from grantline.sample_crm.records import find_same_value
from grantline.sample_crm.values import UnfitValue, check_value


class RecordRefused(Exception):
    """One record that cannot be stored; the others of its call or its job go on."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details

    def render(self) -> dict[str, object]:
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}


def check_values(
    module: Module, given: Mapping[str, object], place: str, *, is_new: bool
) -> dict[str, object]:
    """The given fields as they are stored, None for one that is emptied. Raises RecordRefused.

    What the CRM keeps by itself and names with a `$` is left out. `place` is where the record stands, for the
    details of a refusal.
    """
    for field in module.mandatory:
        if (is_new or field.name in given) and given.get(field.name) in (None, ""):
            raise missing(field.name, f"{place}.{field.name}")
    values: dict[str, object] = {}
    for name, value in given.items():
        if name == "id" or name.startswith("$"):
            continue
        found = module.find_field(name)
        if found is None:
            message = f"{module.name} has no field of this name."
            raise RecordRefused("INVALID_DATA", message, api_name=name[:100], json_path=place)
        if found.read_only:
            continue
        if value in (None, ""):
            values[name] = None
            continue
        try:
            values[name] = check_value(found, value)
        except UnfitValue as problem:
            details = {**problem.details, "api_name": name, "json_path": f"{place}.{name}"}
            raise RecordRefused("INVALID_DATA", problem.message, **details) from None
    return values


def check_in_place(
    tx: sqlite3.Connection,
    organization: str,
    module: Module,
    values: Mapping[str, object],
    place: str,
    own_id: int | None,
) -> None:
    """What needs the database: an owner is of this organization, a unique value is not taken. Raises
    RecordRefused."""
    for name, value in values.items():
        field = module.find_field(name)
        if field is None or value is None or not (field.unique or field.kind is Kind.OWNER):
            continue
        path = f"{place}.{name}"
        if field.kind is Kind.OWNER and find_person(tx, organization, parse_id(value)) is None:
            raise unknown_id(name, path)
        if field.unique:
            taken_by = find_same_value(tx, organization, module, field, value)
            if taken_by not in (None, own_id):
                details = {"api_name": name, "json_path": path, "id": str(taken_by)}
                message = f"Another record has this {field.label} already."
                raise RecordRefused("DUPLICATE_DATA", message, **details)


def without_empty(values: Mapping[str, object]) -> dict[str, object]:
    """The values of a new record: what is empty is not stored."""
    return {name: value for name, value in values.items() if value is not None}


def missing(name: str, path: str) -> RecordRefused:
    """A field, or an id, that the record needs is not there."""
    return RecordRefused("MANDATORY_NOT_FOUND", f"A record needs its {name}.", api_name=name, json_path=path)


def unknown_id(name: str, path: str) -> RecordRefused:
    """An id of nothing in the caller's organization; another's looks the same."""
    message = "There is nothing with this id in your organization."
    return RecordRefused("INVALID_DATA", message, api_name=name, json_path=path)
