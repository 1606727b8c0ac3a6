"""Records and the SQL that stores them. The organization is the first argument of every query."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

from grantline.sample_crm.database import fold
from grantline.sample_crm.modules import Field, Kind, Module
from grantline.sample_crm.people import Person, render_time

SortBy = Literal["id", "Created_Time", "Modified_Time"]
SortOrder = Literal["asc", "desc"]

_INSERT: Final = """
INSERT INTO record (
    organization, module, contents, owner_id, created_by, modified_by, created_at, modified_at
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE: Final = """
UPDATE record SET contents = ?, owner_id = ?, modified_by = ?, modified_at = ?
WHERE organization = ? AND module = ? AND id = ?
"""
_DELETE: Final = "DELETE FROM record WHERE organization = ? AND module = ? AND id = ?"
_ONE: Final = "SELECT * FROM record WHERE organization = ? AND module = ? AND id = ?"
_SAME_VALUE: Final = """
SELECT id, json_extract(contents, ?) AS value FROM record
WHERE organization = ? AND module = ? AND value IS NOT NULL AND fold(value) = ? ORDER BY id LIMIT 1
"""
# Ids grow with time, so sorting by Created_Time is sorting by id.
_LISTS: Final[Mapping[tuple[str, str], str]] = {
    ("id", "asc"): "SELECT * FROM record WHERE organization = ? AND module = ? ORDER BY id ASC",
    ("id", "desc"): "SELECT * FROM record WHERE organization = ? AND module = ? ORDER BY id DESC",
    ("Modified_Time", "asc"): """
        SELECT * FROM record WHERE organization = ? AND module = ? ORDER BY modified_at ASC, id ASC
    """,
    ("Modified_Time", "desc"): """
        SELECT * FROM record WHERE organization = ? AND module = ? ORDER BY modified_at DESC, id DESC
    """,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record; `values` holds the fields that are set, by name. Instants are epoch seconds."""

    id: int
    module: Module
    values: Mapping[str, object]
    owner_id: int
    created_by: int
    modified_by: int
    created_at: int
    modified_at: int

    def value(self, field: Field) -> object:
        """The field's value as the wire and a search see it, people as their ids."""
        match field.name:
            case "Full_Name":
                names = (self.values.get("First_Name"), self.values.get("Last_Name"))
                return " ".join(str(name) for name in names if name)
            case "Owner":
                return str(self.owner_id)
            case "Created_By":
                return str(self.created_by)
            case "Modified_By":
                return str(self.modified_by)
            case "Created_Time":
                return render_time(self.created_at)
            case "Modified_Time":
                return render_time(self.modified_at)
            case name:
                return self.values.get(name)

    def render(
        self, fields: Sequence[Field], person: Callable[[int], Mapping[str, object]]
    ) -> dict[str, object]:
        """The record as JSON members: its id and the given fields; `person` renders an owner by id."""
        members: dict[str, object] = {"id": str(self.id)}
        for field in fields:
            value = self.value(field)
            if field.kind is Kind.OWNER:
                value = person(int(str(value)))
            members[field.name] = value
        return members


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `more` says that another follows."""

    records: Sequence[Record]
    more: bool


def insert_record(
    tx: sqlite3.Connection,
    organization: str,
    module: Module,
    values: Mapping[str, object],
    by: Person,
    now: int,
) -> Record:
    """Store a new record; `Owner` in `values` is the id of a person of the organization, else `by` is."""
    owner_id = int(str(values.get("Owner", by.id)))
    row = (organization, module.name, _render(values), owner_id, by.id, by.id, now, now)
    number = tx.execute(_INSERT, row).lastrowid
    assert number is not None
    return Record(number, module, values, owner_id, by.id, by.id, now, now)


def update_record(
    tx: sqlite3.Connection,
    organization: str,
    record: Record,
    changes: Mapping[str, object],
    by: Person,
    now: int,
) -> Record:
    """Change the given fields of a record that was read in this transaction; None empties a field."""
    values = {name: value for name, value in {**record.values, **changes}.items() if value is not None}
    owner_id = int(str(changes.get("Owner") or record.owner_id))
    where = (organization, record.module.name, record.id)
    tx.execute(_UPDATE, (_render(values), owner_id, by.id, now, *where))
    return replace(record, values=values, owner_id=owner_id, modified_by=by.id, modified_at=now)


def delete_record(tx: sqlite3.Connection, organization: str, module: Module, id: int) -> bool:
    """Delete a record; False when the organization has none with this id."""
    return tx.execute(_DELETE, (organization, module.name, id)).rowcount == 1


def find_record(tx: sqlite3.Connection, organization: str, module: Module, id: int) -> Record | None:
    """The record with this id, if it is of this organization and this module."""
    row = tx.execute(_ONE, (organization, module.name, id)).fetchone()
    return None if row is None else _read(row, module)


def find_same_value(
    tx: sqlite3.Connection, organization: str, module: Module, field: Field, value: object
) -> int | None:
    """The id of the oldest record whose field holds this value; case makes no difference."""
    path = f"$.{field.name}"
    row = tx.execute(_SAME_VALUE, (path, organization, module.name, fold(value))).fetchone()
    return None if row is None else int(row["id"])


def list_records(
    tx: sqlite3.Connection,
    organization: str,
    module: Module,
    *,
    page: int,
    per_page: int,
    sort_by: SortBy = "id",
    sort_order: SortOrder = "desc",
    wanted: Callable[[Record], bool] | None = None,
) -> Page:
    """One page, counted from 1, of the records that `wanted` accepts; without an order, the newest first."""
    sql = _LISTS["id" if sort_by == "Created_Time" else sort_by, sort_order]
    rows = tx.execute(sql, (organization, module.name))
    records = (_read(row, module) for row in rows)
    kept = records if wanted is None else filter(wanted, records)
    first = (page - 1) * per_page
    found = list(islice(kept, first, first + per_page + 1))
    rows.close()
    return Page(found[:per_page], len(found) > per_page)


def _render(values: Mapping[str, object]) -> str:
    return json.dumps({name: value for name, value in values.items() if name != "Owner"})


def _read(row: sqlite3.Row, module: Module) -> Record:
    return Record(
        id=row["id"],
        module=module,
        values=json.loads(row["contents"]),
        owner_id=row["owner_id"],
        created_by=row["created_by"],
        modified_by=row["modified_by"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
    )
