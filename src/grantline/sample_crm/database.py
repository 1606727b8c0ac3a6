"""The CRM's own SQLite file: one connection on one thread, one transaction for every call."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

Result = TypeVar("Result")

_SCHEMA: Final = """
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
    modified_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS record_by_module ON record (organization, module, id);
CREATE INDEX IF NOT EXISTS record_by_change ON record (organization, module, modified_at, id);
"""
# Ids are 19 digits long on the wire, so the counters start there.
_FIRST_NUMBERS: Final = (("person", 4_100_000_000_000_000_000), ("record", 4_200_000_000_000_000_000))
_START_COUNTER: Final = """
INSERT INTO sqlite_sequence (name, seq)
SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)
"""


def fold(value: object) -> str:
    """The form in which values are compared where case makes no difference; SQL knows it by this name too."""
    return str(value).casefold()


class Database:
    """Runs pieces of work one after the other, each in a transaction of its own that an exception undoes."""

    def __init__(self, path: Path | str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sample-crm")
        self._connection = self._thread.submit(_open, Path(path)).result()

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what `work` returns; its changes are kept unless it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_transaction, work)

    def _in_transaction(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            return work(self._connection)

    async def close(self) -> None:
        """Close the file; nothing can be run afterwards."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("fold", 1, fold, deterministic=True)
    connection.executescript(_SCHEMA)
    for table, number in _FIRST_NUMBERS:
        connection.execute(_START_COUNTER, (table, number, table))
    return connection
