"""What an organization keeps in the storage folder: files, and uploads for bulk writes, and their SQL."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Purpose = Literal["file", "bulk-write"]

MOST_BYTES: Final = 2 * 1024**3
MOST_FILES: Final = 1_000
MOST_UPLOADS: Final = 10
UPLOAD_SECONDS: Final = 86_400

_INSERT: Final = """
INSERT INTO file (organization, purpose, name, size, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?)
"""
_ONE: Final = "SELECT * FROM file WHERE organization = ? AND purpose = ? AND id = ?"
_LIST: Final = """
SELECT * FROM file WHERE organization = ? AND purpose = ? ORDER BY id DESC LIMIT ? OFFSET ?
"""
_DELETE: Final = "DELETE FROM file WHERE organization = ? AND purpose = ? AND id = ?"
_OLD_UPLOADS: Final = """
DELETE FROM file WHERE purpose = 'bulk-write' AND created_at < ? AND id NOT IN (
    SELECT CAST(json_extract(asked, '$.file_id') AS INTEGER) FROM job
    WHERE kind = 'write' AND ended_at IS NULL
) RETURNING id
"""
_COUNT: Final = "SELECT count(*) AS number FROM file WHERE organization = ? AND purpose = ?"
_BYTES: Final = """
SELECT
    (SELECT coalesce(sum(size), 0) FROM file WHERE organization = ?1)
    + (SELECT coalesce(sum(result_size), 0) FROM job WHERE organization = ?1) AS bytes
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One file; `size` in bytes, `created_at` in epoch seconds."""

    id: int
    name: str
    size: int
    created_by: int
    created_at: int


def insert_stored(
    tx: sqlite3.Connection, organization: str, purpose: Purpose, name: str, size: int, by: int, now: int
) -> int:
    """Note a file and give its id; its bytes are moved to `Storage.file(id)`."""
    number = tx.execute(_INSERT, (organization, purpose, name, size, by, now)).lastrowid
    assert number is not None
    return number


def find_stored(tx: sqlite3.Connection, organization: str, purpose: Purpose, id: int) -> Stored | None:
    """The file with this id, if it is of this organization."""
    row = tx.execute(_ONE, (organization, purpose, id)).fetchone()
    return None if row is None else _read(row)


def list_stored(
    tx: sqlite3.Connection, organization: str, purpose: Purpose, first: int, most: int
) -> Sequence[Stored]:
    """The files of this organization, the newest first."""
    return [_read(row) for row in tx.execute(_LIST, (organization, purpose, most, first))]


def delete_stored(tx: sqlite3.Connection, organization: str, purpose: Purpose, id: int) -> bool:
    """Forget a file; False when the organization has none with this id."""
    return tx.execute(_DELETE, (organization, purpose, id)).rowcount == 1


def delete_old_uploads(tx: sqlite3.Connection, before: int) -> Sequence[int]:
    """Forget uploads of that time that no job waits for, and give their ids."""
    return [row["id"] for row in tx.execute(_OLD_UPLOADS, (before,)).fetchall()]


def count_stored(tx: sqlite3.Connection, organization: str, purpose: Purpose) -> int:
    """How many files there are."""
    return int(tx.execute(_COUNT, (organization, purpose)).fetchone()["number"])


def stored_bytes(tx: sqlite3.Connection, organization: str) -> int:
    """What the organization's files, uploads and results take together."""
    return int(tx.execute(_BYTES, (organization,)).fetchone()["bytes"])


def _read(row: sqlite3.Row) -> Stored:
    return Stored(row["id"], row["name"], row["size"], row["created_by"], row["created_at"])
