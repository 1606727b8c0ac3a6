"""Jobs and the SQL that stores them."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from grantline.sample_crm.modules import Module, find_module

Kind = Literal["read", "write"]
State = Literal["ADDED", "IN PROGRESS", "COMPLETED", "FAILURE"]

_INSERT: Final = """
INSERT INTO job (organization, kind, module, asked, state, callback, created_by, created_at)
VALUES (?, ?, ?, ?, 'ADDED', ?, ?, ?)
"""
_ONE: Final = "SELECT * FROM job WHERE organization = ? AND kind = ? AND id = ?"
_ANY: Final = "SELECT * FROM job WHERE id = ?"
_COUNT: Final = "SELECT count(*) AS number FROM job WHERE organization = ? AND ended_at IS NULL"
_OLDEST: Final = "SELECT min(id) AS id FROM job WHERE ended_at IS NULL GROUP BY organization ORDER BY 1"
_BEGIN: Final = "UPDATE job SET attempts = attempts + 1, state = 'IN PROGRESS' WHERE id = ?"
_PROGRESS: Final = """
UPDATE job SET total_rows = ?, done_rows = ?, added = ?, updated = ?, skipped = ?, position = ?, written = ?,
    is_more = ?, attempts = 0
WHERE id = ?
"""
_END: Final = """
UPDATE job SET state = ?, problem_code = ?, problem = ?, result_size = ?, ended_at = ?,
    callback_due_at = CASE WHEN callback IS NULL THEN NULL ELSE 0 END
WHERE id = ? AND ended_at IS NULL
"""
_DUE: Final = """
SELECT * FROM job WHERE callback_due_at IS NOT NULL AND callback_due_at <= ? ORDER BY callback_due_at LIMIT ?
"""
_WAITING: Final = "SELECT 1 FROM job WHERE callback_due_at IS NOT NULL LIMIT 1"
_TOLD: Final = "UPDATE job SET callback_tries = callback_tries + 1, callback_due_at = ? WHERE id = ?"
_TAKEN: Final = """
SELECT 1 FROM job WHERE organization = ? AND ended_at IS NULL AND kind = 'write'
    AND json_extract(asked, '$.file_id') = ?
"""
_OLD: Final = "SELECT id FROM job WHERE result_size IS NOT NULL AND ended_at < ?"
_FORGET_RESULT: Final = "UPDATE job SET result_size = NULL WHERE id = ?"
_FORGET: Final = "DELETE FROM job WHERE ended_at < ? RETURNING id"


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `asked` is what its request said, checked. Instants are epoch seconds.

    `position` is how far it came: the id of the last record that a read has looked at, the byte of the CSV
    where a write goes on. `written`: bytes of the result so far. `total_rows` is None until it is known.
    `added`: records added by a write, rows written by a read. `is_more`: another page of a read would follow.
    `result_size`: bytes of the result, None while there is none.
    """

    id: int
    organization: str
    kind: Kind
    module: Module
    asked: Mapping[str, Any]
    state: State
    problem_code: str | None
    problem: str | None
    total_rows: int | None
    done_rows: int
    added: int
    updated: int
    skipped: int
    position: int
    written: int
    is_more: bool
    result_size: int | None
    attempts: int
    callback: str | None
    callback_tries: int
    created_by: int
    created_at: int
    ended_at: int | None

    @property
    def changes(self) -> Sequence[str]:
        """What a write does, in the words of scopes; nothing for a read."""
        return changes_of(self.asked["operation"]) if self.kind == "write" else ()


def changes_of(operation: str) -> Sequence[str]:
    """The words of scopes for insert, update or upsert."""
    return {"insert": ("CREATE",), "update": ("UPDATE",), "upsert": ("CREATE", "UPDATE")}[operation]


def insert_job(
    tx: sqlite3.Connection,
    organization: str,
    kind: Kind,
    module: Module,
    asked: Mapping[str, Any],
    callback: str | None,
    by: int,
    now: int,
) -> Job:
    """Store a new job, which waits for its turn."""
    row = (organization, kind, module.name, json.dumps(asked), callback, by, now)
    id = tx.execute(_INSERT, row).lastrowid
    assert id is not None
    return get_job(tx, id)


def find_job(tx: sqlite3.Connection, organization: str, kind: Kind, id: int) -> Job | None:
    """The job with this id, if it is of this organization and this kind."""
    row = tx.execute(_ONE, (organization, kind, id)).fetchone()
    return None if row is None else _read(row)


def get_job(tx: sqlite3.Connection, id: int) -> Job:
    """The job with this id, of whatever organization: for those who carry jobs out."""
    return _read(tx.execute(_ANY, (id,)).fetchone())


def count_unfinished(tx: sqlite3.Connection, organization: str) -> int:
    """How many jobs of the organization have not ended."""
    return int(tx.execute(_COUNT, (organization,)).fetchone()["number"])


def oldest_unfinished(tx: sqlite3.Connection) -> Sequence[int]:
    """The oldest job of each organization that has jobs which have not ended."""
    return [row["id"] for row in tx.execute(_OLDEST).fetchall()]


def is_upload_taken(tx: sqlite3.Connection, organization: str, file_id: int) -> bool:
    """Whether a job that has not ended works from this upload."""
    return tx.execute(_TAKEN, (organization, str(file_id))).fetchone() is not None


def begin_job(tx: sqlite3.Connection, id: int) -> None:
    """Note that a process takes the job up; `save_progress` forgets how often that happened."""
    tx.execute(_BEGIN, (id,))


def save_progress(tx: sqlite3.Connection, job: Job) -> None:
    """Store how far the job came."""
    rows = (job.total_rows, job.done_rows, job.added, job.updated, job.skipped)
    tx.execute(_PROGRESS, (*rows, job.position, job.written, job.is_more, job.id))


def end_job(
    tx: sqlite3.Connection,
    id: int,
    now: int,
    *,
    result_size: int | None = None,
    code: str | None = None,
    problem: str | None = None,
) -> None:
    """End the job: well, or with a problem. Its callback is due from now on."""
    tx.execute(_END, ("COMPLETED" if code is None else "FAILURE", code, problem, result_size, now, id))


def due_callbacks(tx: sqlite3.Connection, now: int, most: int) -> Sequence[Job]:
    """Ended jobs whose callback is to be told now."""
    return [_read(row) for row in tx.execute(_DUE, (now, most)).fetchall()]


def is_callback_waiting(tx: sqlite3.Connection) -> bool:
    """Whether any callback is still to be told, now or later."""
    return tx.execute(_WAITING).fetchone() is not None


def note_told(tx: sqlite3.Connection, id: int, again_at: int | None) -> None:
    """Note a callback that was told, or that is to be told again."""
    tx.execute(_TOLD, (again_at, id))


def forget_results(tx: sqlite3.Connection, before: int) -> Sequence[int]:
    """Forget the results of jobs that ended before, and give their ids."""
    ids = [row["id"] for row in tx.execute(_OLD, (before,)).fetchall()]
    for id in ids:
        tx.execute(_FORGET_RESULT, (id,))
    return ids


def forget_jobs(tx: sqlite3.Connection, before: int) -> Sequence[int]:
    """Forget jobs that ended before, and give their ids."""
    return [row["id"] for row in tx.execute(_FORGET, (before,)).fetchall()]


def _read(row: sqlite3.Row) -> Job:
    members = {name: row[name] for name in Job.__dataclass_fields__}
    module = find_module(row["module"])
    assert module is not None
    more: dict[str, Any] = {"module": module, "asked": json.loads(row["asked"])}
    return Job(**{**members, **more, "is_more": bool(row["is_more"])})
