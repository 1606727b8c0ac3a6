"""Records and the SQL that stores them. The organization is the first argument of every query."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from grantline.sample_crm.database import fold, key_values
from grantline.sample_crm.modules import Field, Kind, Module
from grantline.sample_crm.people import Person, render_time

SortBy = Literal["id", "Created_Time", "Modified_Time"]
SortOrder = Literal["asc", "desc"]

_INSERT: Final = """
INSERT INTO record (
    organization, module, contents, owner_id, created_by, modified_by, created_at, modified_at, key_1, key_2
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE: Final = """
UPDATE record SET contents = ?, owner_id = ?, modified_by = ?, modified_at = ?, key_1 = ?, key_2 = ?
WHERE organization = ? AND module = ? AND id = ?
"""
_DELETE: Final = "DELETE FROM record WHERE organization = ? AND module = ? AND id = ?"
_ONE: Final = "SELECT * FROM record WHERE organization = ? AND module = ? AND id = ?"
_COUNT: Final = """
SELECT count(*) AS number FROM (SELECT 1 FROM record WHERE organization = ? AND module = ? LIMIT ?)
"""
_BY_KEYS: Final = (
    "SELECT min(id) AS id FROM record WHERE organization = ? AND module = ? AND key_1 = ?",
    "SELECT min(id) AS id FROM record WHERE organization = ? AND module = ? AND key_2 = ?",
)
_SAME_VALUE: Final = """
SELECT id, json_extract(contents, ?) AS value FROM record
WHERE organization = ? AND module = ? AND value IS NOT NULL AND fold(value) = ? ORDER BY id LIMIT 1
"""
# Ids grow with time, so sorting by Created_Time is sorting by id. A list goes on behind a record that is
# given by the time of its last change and its id.
_LISTS: Final[Mapping[tuple[str, str], str]] = {
    ("id", "asc"): """
        SELECT * FROM record WHERE organization = ?1 AND module = ?2 AND id > ?4 ORDER BY id ASC
    """,
    ("id", "desc"): """
        SELECT * FROM record WHERE organization = ?1 AND module = ?2 AND id < ?4 ORDER BY id DESC
    """,
    ("Modified_Time", "asc"): """
        SELECT * FROM record WHERE organization = ?1 AND module = ?2 AND (modified_at, id) > (?3, ?4)
        ORDER BY modified_at ASC, id ASC
    """,
    ("Modified_Time", "desc"): """
        SELECT * FROM record WHERE organization = ?1 AND module = ?2 AND (modified_at, id) < (?3, ?4)
        ORDER BY modified_at DESC, id DESC
    """,
}
COMPUTED: Final = ("Full_Name", "Owner", "Created_By", "Modified_By", "Created_Time", "Modified_Time")
"""Fields whose values do not stand in a record's `values`."""
BEFORE_ALL: Final = (-1, -1)
BEHIND_ALL: Final = (2**63 - 1, 2**63 - 1)


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
    keys = key_values(module.keys, values)
    row = (organization, module.name, _render(values), owner_id, by.id, by.id, now, now, *keys)
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
    keys = key_values(record.module.keys, values)
    tx.execute(_UPDATE, (_render(values), owner_id, by.id, now, *keys, *where))
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
    """The id of the oldest record whose field holds this value; case makes no difference.

    A field that is no key of its module is sought in every record.
    """
    if field.name in module.keys:
        sql = _BY_KEYS[module.keys.index(field.name)]
        row = tx.execute(sql, (organization, module.name, fold(value))).fetchone()
        return None if row["id"] is None else int(row["id"])
    row = tx.execute(_SAME_VALUE, (f"$.{field.name}", organization, module.name, fold(value))).fetchone()
    return None if row is None else int(row["id"])


def count_records(tx: sqlite3.Connection, organization: str, module: Module, most: int) -> int:
    """How many records there are, counted no further than `most`."""
    return int(tx.execute(_COUNT, (organization, module.name, most)).fetchone()["number"])


def iterate_records(
    tx: sqlite3.Connection,
    organization: str,
    module: Module,
    sort_by: SortBy = "id",
    sort_order: SortOrder = "desc",
    after: tuple[int, int] | None = None,
) -> Iterator[Record]:
    """The records in order, behind the one with `after`: the time of its last change, and its id."""
    changed_at, id = after or (BEFORE_ALL if sort_order == "asc" else BEHIND_ALL)
    sql = _LISTS["id" if sort_by == "Created_Time" else sort_by, sort_order]
    rows = tx.execute(sql, (organization, module.name, changed_at, id))
    try:
        for row in rows:
            yield _read(row, module)
    finally:
        rows.close()


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
