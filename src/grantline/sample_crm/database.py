"""The CRM's own SQLite file: one thread that writes, a few that read, one transaction for every call."""

import asyncio
import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from grantline.sample_crm.modules import MODULES, find_module

Result = TypeVar("Result")

READERS: Final = 3
_BUSY_SECONDS: Final = 20

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS organization (
    organization TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL REFERENCES organization,
    subject TEXT NOT NULL,
    is_person INTEGER NOT NULL,
    email TEXT,
    name TEXT NOT NULL,
    given_name TEXT,
    family_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (organization, subject)
) STRICT;
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL REFERENCES organization,
    module TEXT NOT NULL,
    contents TEXT NOT NULL,
    owner_id INTEGER NOT NULL REFERENCES person,
    created_by INTEGER NOT NULL REFERENCES person,
    modified_by INTEGER NOT NULL REFERENCES person,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    key_1 TEXT,
    key_2 TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS record_by_module ON record (organization, module, id);
CREATE INDEX IF NOT EXISTS record_by_change ON record (organization, module, modified_at, id);
CREATE TABLE IF NOT EXISTS file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL REFERENCES organization,
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_by INTEGER NOT NULL REFERENCES person,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS file_by_purpose ON file (organization, purpose, id);
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL REFERENCES organization,
    kind TEXT NOT NULL,
    module TEXT NOT NULL,
    asked TEXT NOT NULL,
    state TEXT NOT NULL,
    problem TEXT,
    problem_code TEXT,
    total_rows INTEGER,
    done_rows INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    written INTEGER NOT NULL DEFAULT 0,
    is_more INTEGER NOT NULL DEFAULT 0,
    result_size INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    callback TEXT,
    callback_due_at INTEGER,
    callback_tries INTEGER NOT NULL DEFAULT 0,
    created_by INTEGER NOT NULL REFERENCES person,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS job_by_organization ON job (organization, id);
CREATE INDEX IF NOT EXISTS job_unfinished ON job (organization, id) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS job_callback ON job (callback_due_at) WHERE callback_due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS settings_change (
    fingerprint TEXT PRIMARY KEY,
    changed_at INTEGER NOT NULL
) STRICT;
COMMIT;
"""
_KEYS: Final = """
BEGIN IMMEDIATE;
CREATE INDEX IF NOT EXISTS record_by_key_1 ON record (organization, module, key_1) WHERE key_1 IS NOT NULL;
CREATE INDEX IF NOT EXISTS record_by_key_2 ON record (organization, module, key_2) WHERE key_2 IS NOT NULL;
COMMIT;
"""
_FILL_KEYS: Final = "UPDATE record SET key_1 = ?, key_2 = ? WHERE id = ?"
# Ids are 19 digits long on the wire, so the counters start there.
_FIRST_NUMBERS: Final = (
    ("person", 4_100_000_000_000_000_000),
    ("record", 4_200_000_000_000_000_000),
    ("file", 4_300_000_000_000_000_000),
    ("job", 4_400_000_000_000_000_000),
)
_START_COUNTER: Final = """
INSERT INTO sqlite_sequence (name, seq)
SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)
"""
_NOTE_SETTINGS: Final = """
INSERT INTO settings_change (fingerprint, changed_at) VALUES (?, ?) ON CONFLICT (fingerprint) DO NOTHING
"""


def fold(value: object) -> str:
    """The form in which values are compared where case makes no difference; SQL knows it by this name too."""
    return str(value).casefold()


class Database:
    """Runs pieces of work, each in a transaction of its own that an exception undoes.

    What changes something runs one after the other on one thread; what only reads runs beside it.
    """

    def __init__(self, path: Path | str, now: int) -> None:
        self.path = Path(path)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sample-crm-write")
        self._connection = self._writer.submit(open_database, self.path, now).result()
        self._readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="sample-crm-read")
        self._mine = threading.local()
        self._reading: list[sqlite3.Connection] = []

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what `work` returns; its changes are kept unless it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._in_transaction, work)

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what `work` returns of one state of the file; it cannot change anything."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._in_snapshot, work)

    def _in_transaction(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            return work(self._connection)

    def _in_snapshot(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = connect(self.path)
            connection.execute("PRAGMA query_only = ON")
            self._mine.connection = connection
            self._reading.append(connection)
        connection.execute("BEGIN")
        with connection:
            return work(connection)

    async def close(self) -> None:
        """Close the file; nothing can be run afterwards."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._connection.close)
        self._writer.shutdown()
        self._readers.shutdown()
        for connection in self._reading:
            connection.close()


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a file that has its tables."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("fold", 1, fold, deterministic=True)
    return connection


def open_database(path: Path, now: int) -> sqlite3.Connection:
    """A connection to the file, which is made when it is missing and brought up to date when it is older.

    What changed of modules and fields since it was open last changed `now`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = connect(path)
    connection.executescript(_SCHEMA)
    if "key_1" not in [row["name"] for row in connection.execute("PRAGMA table_info(record)")]:
        _add_keys(connection)
    connection.executescript(_KEYS)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for table, number in _FIRST_NUMBERS:
            connection.execute(_START_COUNTER, (table, number, table))
        connection.execute(_NOTE_SETTINGS, (_fingerprint(), now))
    return connection


def settings_changed_at(tx: sqlite3.Connection) -> int:
    """Since when the modules and fields are as they are, in epoch seconds."""
    sql = "SELECT changed_at FROM settings_change WHERE fingerprint = ?"
    row = tx.execute(sql, (_fingerprint(),)).fetchone()
    return int(row["changed_at"])


def _add_keys(connection: sqlite3.Connection) -> None:
    """Bring a file of the time before keys up to date."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        connection.execute("ALTER TABLE record ADD COLUMN key_1 TEXT")
        connection.execute("ALTER TABLE record ADD COLUMN key_2 TEXT")
        for row in connection.execute("SELECT id, module, contents FROM record").fetchall():
            module = find_module(row["module"])
            if module is not None:
                keys = key_values(module.keys, json.loads(row["contents"]))
                connection.execute(_FILL_KEYS, (*keys, row["id"]))


def key_values(keys: tuple[str, str], values: Mapping[str, object]) -> tuple[str | None, str | None]:
    """What a record's values hold in the indexed fields, in the form in which values are compared."""
    first, second = (fold(values[name]) if values.get(name) else None for name in keys)
    return first, second


def _fingerprint() -> str:
    return hashlib.sha256(repr(MODULES).encode()).hexdigest()
