"""Carries out a bulk read: a batch of records a time, from the oldest to the newest, into a CSV."""

import csv
import io
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from grantline.sample_crm.bulk.archive import pack_csv
from grantline.sample_crm.bulk.jobs import Job, end_job, save_progress
from grantline.sample_crm.bulk.json_criteria import parse_json_criteria
from grantline.sample_crm.records import COMPUTED, Record, iterate_records
from grantline.sample_crm.storage import Storage

BATCH: Final = 4_000
_SPELLED: Final[Mapping[bool, str]] = {True: "true", False: "false"}
_REMAINING: Final = "SELECT count(*) AS number FROM record WHERE organization = ? AND module = ? AND id > ?"
_SKIP: Final = """
SELECT id FROM record WHERE organization = ? AND module = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ?
"""


def advance_read(connection: sqlite3.Connection, job: Job, storage: Storage, now: int) -> bool:
    """Do one batch and store how far that came; True when the job has ended with it."""
    if job.total_rows is None:
        job = _start(connection, job, storage)
    wanted = parse_json_criteria(job.asked["criteria"], job.module) if job.asked["criteria"] else None
    after, examined, out = job.position, 0, io.StringIO()
    writer = csv.writer(out)
    row_of = _row_of(job)
    added, skipped, is_more = job.added, job.skipped, False
    for record in _batch(connection, job):
        if wanted is None or wanted(record):
            if skipped < job.asked["skips"]:
                skipped += 1
            elif added < job.asked["per_page"]:
                writer.writerow(row_of(record))
                added += 1
            else:
                is_more, after = True, record.id - 1
                break
        examined, after = examined + 1, record.id
    written = storage.append(job.id, job.written, out.getvalue())
    job = replace(
        job,
        position=after,
        done_rows=job.done_rows + examined,
        added=added,
        skipped=skipped,
        written=written,
        is_more=is_more,
    )
    size = None
    if is_more or examined == 0:
        size = pack_csv(storage.working(job.id), storage.result(job.id), f"{job.id}.csv")
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        save_progress(connection, job)
        if size is not None:
            end_job(connection, job.id, now, result_size=size)
    if size is not None:
        storage.working(job.id).unlink(missing_ok=True)
    return size is not None


def _start(connection: sqlite3.Connection, job: Job, storage: Storage) -> Job:
    """Write the line with the names, and go to where the page begins."""
    after, skipped = job.asked["after"], 0
    where = (job.organization, job.module.name)
    if job.asked["skips"] and not job.asked["criteria"]:
        skipped = job.asked["skips"]
        row = connection.execute(_SKIP, (*where, after, skipped - 1)).fetchone()
        after = row["id"] if row is not None else 2**63 - 1
    total = connection.execute(_REMAINING, (*where, after)).fetchone()["number"]
    head = io.StringIO()
    csv.writer(head).writerow(["Id", *job.asked["fields"]])
    job = replace(job, total_rows=total, position=after, skipped=skipped, done_rows=0, added=0, written=0)
    return replace(job, written=storage.append(job.id, job.written, head.getvalue()))


def _batch(connection: sqlite3.Connection, job: Job) -> Iterator[Record]:
    records = iterate_records(connection, job.organization, job.module, "id", "asc", (0, job.position))
    return islice(records, BATCH)


def _row_of(job: Job) -> Callable[[Record], list[Any]]:
    """Makes a record a row: its id, then the fields. People are their ids, so that no name goes out."""
    names: list[str] = job.asked["fields"]
    computed = [(at, job.module.get_field(name)) for at, name in enumerate(names) if name in COMPUTED]

    def row(record: Record) -> list[Any]:
        values = record.values
        cells = [_SPELLED[cell] if cell.__class__ is bool else cell for cell in map(values.get, names)]
        for at, field in computed:
            cells[at] = record.value(field)
        return [record.id, *cells]

    return row
