"""Carries out a bulk write: a batch of rows a time, each row stored or skipped alone.

The rows, the counts and the place where the job goes on are stored in one transaction, so a row is taken
once, however often the work is interrupted. Rows are checked before that transaction begins, which keeps it
short.
"""

import csv
import io
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from grantline.sample_crm.bulk.archive import pack_csv, unpack_csv
from grantline.sample_crm.bulk.jobs import Job, end_job, save_progress
from grantline.sample_crm.bulk.lines import Unreadable, read_rows
from grantline.sample_crm.bulk.requests import MOST_COLUMNS, check_columns, check_target
from grantline.sample_crm.calls import parse_id
from grantline.sample_crm.checking import (
    RecordRefused,
    check_in_place,
    check_values,
    unknown_id,
    without_empty,
)
from grantline.sample_crm.modules import Field, Kind
from grantline.sample_crm.people import Person, find_person
from grantline.sample_crm.records import Record, find_record, find_same_value, insert_record, update_record
from grantline.sample_crm.refusals import Refusal
from grantline.sample_crm.storage import Storage

BATCH: Final = 500
MOST_ROWS: Final = 1_000_000
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?")
_SPELLED: Final[Mapping[str, bool]] = {"true": True, "false": False}
_HEAD: Final = ("STATUS", "RECORD_ID", "ERRORS")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field's value is in a row; `field` is None for the id, `default` fills an empty cell."""

    name: str
    field: Field | None
    index: int | None
    default: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was looked at: what it brings, or why it is skipped."""

    cells: Sequence[str]
    given: Mapping[str, object]
    values: Mapping[str, object]
    problem: RecordRefused | None = None


def advance_write(connection: sqlite3.Connection, job: Job, storage: Storage, now: int) -> bool:
    """Do one batch and store how far that came; True when the job has ended with it. Raises Unreadable."""
    if job.total_rows is None:
        job = _start(connection, job, storage)
    head = next(read_rows(storage.rows(job.id)))[0]
    columns, found_by = _columns(job, head)
    found = list(islice(read_rows(storage.rows(job.id), job.position), BATCH))
    if not found:
        _end(connection, job, storage, now)
        return True
    rows = [_look_at(job, columns, cells) for cells, _ in found]
    me = find_person(connection, job.organization, job.created_by)
    assert me is not None  # a foreign key keeps it
    out = io.StringIO()
    results = csv.writer(out)
    counts = {"ADDED": 0, "UPDATED": 0, "SKIPPED": 0}
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for row in rows:
            status, id, errors = _store(connection, job, row, found_by, me, now)
            counts[status] += 1
            results.writerow((status, id, errors, *_cells_of(columns, row.cells)))
        job = replace(
            job,
            position=found[-1][1],
            done_rows=job.done_rows + len(rows),
            added=job.added + counts["ADDED"],
            updated=job.updated + counts["UPDATED"],
            skipped=job.skipped + counts["SKIPPED"],
            written=storage.append(job.id, job.written, out.getvalue()),
        )
        save_progress(connection, job)
    return False


def _start(connection: sqlite3.Connection, job: Job, storage: Storage) -> Job:
    """Unpack the upload and look through all of it once, so that a file is refused before its first row."""
    rows = storage.rows(job.id)
    rows.touch(mode=0o600)
    source = storage.file(int(job.asked["file_id"]))
    if not source.exists():
        raise Unreadable("INVALID_FILE_ID", "The uploaded file is gone.")
    unpack_csv(source, rows)
    total, position, head = -1, 0, [""]
    for cells, end in read_rows(rows):
        total += 1
        if total == 0:
            head, position = cells, end
        if len(cells) > MOST_COLUMNS:
            message = f"A row of the file has more than {MOST_COLUMNS} columns."
            raise Unreadable("HEADER_LIMIT_EXCEEDED", message)
        if total > MOST_ROWS:
            raise Unreadable("LIMIT_EXCEEDED", f"The file has more than {MOST_ROWS} rows. Send it in parts.")
    if total < 0:
        raise Unreadable("INVALID_FILE_FORMAT", "The file is empty; its first line names the columns.")
    columns, _ = _columns(job, head)
    text = io.StringIO()
    csv.writer(text).writerow((*_HEAD, *(column.name for column in columns)))
    job = replace(job, total_rows=total, position=position, written=0)
    job = replace(job, written=storage.append(job.id, job.written, text.getvalue()))
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        save_progress(connection, job)
    return job


def _columns(job: Job, head: Sequence[str]) -> tuple[Sequence[Column], str]:
    """The columns of the job, named by its first line unless the request mapped them, and the field by which
    records are found. Raises Unreadable."""
    mapped = job.asked["columns"]
    try:
        if mapped is None:
            names = [name.strip() for name in head]
            mapped = [
                {"name": "id" if name.lower() == "id" else name, "index": index, "default": None}
                for index, name in enumerate(names)
            ]
            if len(set(names)) != len(names):
                raise Unreadable("INVALID_FORMAT", "The first line of the file names a column twice.")
        columns = [Column(field=check_target(one["name"], job.module), **one) for one in mapped]
        names = [column.name for column in columns]
        found_by = check_columns(names, job.asked["find_by"], job.asked["operation"], job.module)
    except Refusal as refusal:
        raise Unreadable(refusal.code, refusal.message) from None
    for column in columns:
        if column.index is not None and column.index >= len(head):
            message = (
                f"The file has {len(head)} columns, but {column.name} is mapped to number {column.index}."
            )
            raise Unreadable("COLUMN_INDEX_NOT_FOUND", message)
    return columns, found_by


def _look_at(job: Job, columns: Sequence[Column], cells: Sequence[str]) -> Row:
    """What needs no database: the cells as values, checked against their fields."""
    given: dict[str, object] = {}
    for column, text in zip(columns, _cells_of(columns, cells), strict=True):
        text = text or column.default or ""
        if text or not job.asked["ignore_empty"]:
            given[column.name] = _value(column.field, text)
    is_new = job.asked["operation"] == "insert"
    try:
        values = check_values(job.module, given, "$", is_new=is_new)
    except RecordRefused as problem:
        return Row(cells, given, {}, problem)
    return Row(cells, given, values)


def _store(
    tx: sqlite3.Connection, job: Job, row: Row, found_by: str, me: Person, now: int
) -> tuple[str, str, str]:
    """Store one row and give its status, its record's id, and what was wrong with it."""
    try:
        if row.problem is not None:
            raise row.problem
        record = _find(tx, job, row, found_by) if found_by else None
        if record is not None:
            check_in_place(tx, job.organization, job.module, row.values, "$", record.id)
            changed = update_record(tx, job.organization, record, row.values, me, now)
            return "UPDATED", str(changed.id), ""
        if found_by:
            if job.asked["operation"] == "update":
                raise unknown_id(found_by, f"$.{found_by}")
            check_values(job.module, row.given, "$", is_new=True)
        check_in_place(tx, job.organization, job.module, row.values, "$", None)
        added = insert_record(tx, job.organization, job.module, without_empty(row.values), me, now)
        return "ADDED", str(added.id), ""
    except RecordRefused as problem:
        name = problem.details.get("api_name", "")
        return "SKIPPED", "", f"{problem.code}: {name}: {problem.message}"


def _find(tx: sqlite3.Connection, job: Job, row: Row, found_by: str) -> Record | None:
    value = row.given.get(found_by)
    if value in (None, ""):
        return None
    id = parse_id(value)
    if found_by != "id":
        field = job.module.get_field(found_by)
        id = find_same_value(tx, job.organization, job.module, field, value) or 0
    return find_record(tx, job.organization, job.module, id) if id else None


def _cells_of(columns: Sequence[Column], cells: Sequence[str]) -> Sequence[str]:
    """The cells of the columns; a short row has empty ones."""
    return [
        cells[column.index] if column.index is not None and column.index < len(cells) else ""
        for column in columns
    ]


def _value(field: Field | None, text: str) -> object:
    """A cell as the value that JSON would carry; what cannot be one stays a text, which its field refuses."""
    if field is None or not text:
        return text
    match field.kind:
        case Kind.TEXT | Kind.EMAIL | Kind.PHONE:
            return text
        case Kind.INTEGER if _WHOLE.fullmatch(text):
            return int(text)
        case Kind.DOUBLE | Kind.CURRENCY if _NUMBER.fullmatch(text):
            return float(text)
        case Kind.BOOLEAN:
            return _SPELLED.get(text.lower(), text)
    return text


def _end(connection: sqlite3.Connection, job: Job, storage: Storage, now: int) -> None:
    size = pack_csv(storage.working(job.id), storage.result(job.id), f"{job.id}.csv")
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        end_job(connection, job.id, now, result_size=size)
    storage.working(job.id).unlink(missing_ok=True)
    storage.rows(job.id).unlink(missing_ok=True)
