"""A store in an SQLite file: any number of threads and processes of one machine, on every system."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from grantline.sdk.errors import StoreRefused
from grantline.sdk.record import Record, Secret
from grantline.sdk.stores.living import is_gone, this_process
from grantline.sdk.stores.places import data_folder, open_private, private_folder
from grantline.sdk.stores.sealing import Seal

WAIT_SECONDS: Final = 20.0
GRANTS: Final = """
CREATE TABLE IF NOT EXISTS grantline_grant (
  key TEXT PRIMARY KEY, version INTEGER NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID"""
LOCKS: Final = """
CREATE TABLE IF NOT EXISTS grantline_lock (
  key TEXT PRIMARY KEY, owner TEXT NOT NULL, ends_at REAL NOT NULL, process TEXT NOT NULL
) WITHOUT ROWID"""


class SqliteStore:
    """Keeps grants in two tables of an SQLite file, which may be a database that the app has anyway."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        key: Secret | None = None,
        insecure_plain_text: bool = False,
    ) -> None:
        self.path = Path(path) if path is not None else data_folder() / "grants.sqlite3"
        self._seal = Seal(key, insecure_plain_text=insecure_plain_text, place=self)
        self._turn = threading.Lock()
        self._process = os.getpid()
        self._connection: Any = None

    def __repr__(self) -> str:
        return f"SqliteStore({str(self.path)!r})"

    def get(self, key: str) -> Record | None:
        """See Store."""
        with self._using() as connection:
            row = connection.execute(
                "SELECT version, sealed FROM grantline_grant WHERE key = ?", (key,)
            ).fetchone()
        return self._seal.open(key, row[1], version=row[0]) if row is not None else None

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        written = self._seal.close(key, replace(record, version=expect_version + 1))
        with self._changing() as connection:
            if expect_version == 0:
                done = connection.execute(
                    "INSERT INTO grantline_grant VALUES (?, 1, ?) ON CONFLICT DO NOTHING", (key, written)
                )
            else:
                done = connection.execute(
                    "UPDATE grantline_grant SET version = version + 1, sealed = ?"
                    " WHERE key = ? AND version = ?",
                    (written, key, expect_version),
                )
            return bool(done.rowcount == 1)

    def delete(self, key: str) -> None:
        """See Store."""
        with self._changing() as connection:
            connection.execute("DELETE FROM grantline_grant WHERE key = ?", (key,))

    def keys(self) -> Sequence[str]:
        """See Store."""
        with self._using() as connection:
            return [row[0] for row in connection.execute("SELECT key FROM grantline_grant ORDER BY key")]

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store."""
        self._seal.check()
        with self._using() as connection:  # reading first: who waits does not write
            if _is_held(connection, key, owner):
                return False
        with self._changing() as connection:
            if _is_held(connection, key, owner):
                return False
            connection.execute(
                "INSERT OR REPLACE INTO grantline_lock VALUES (?, ?, ?, ?)",
                (key, owner, time.time() + seconds, this_process()),
            )
            return True

    def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        with self._changing() as connection:
            connection.execute("DELETE FROM grantline_lock WHERE key = ? AND owner = ?", (key, owner))

    def close(self) -> None:
        """Let the file go; the next call opens it again."""
        with self._turn:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    @contextmanager
    def _using(self) -> Iterator[Any]:
        """The connection, alone."""
        import sqlite3

        if self._process != os.getpid():  # after a fork: neither lock nor connection may be shared
            self._process, self._turn, self._connection = os.getpid(), threading.Lock(), None
        with self._turn:
            try:
                if self._connection is None:
                    self._connection = self._opened()
                yield self._connection
            except sqlite3.Error as problem:
                raise StoreRefused(f"{self.path} can't be used: {problem}.") from None
            except OSError as problem:
                raise StoreRefused(f"{self.path} can't be used: {problem.strerror}.") from None

    @contextmanager
    def _changing(self) -> Iterator[Any]:
        """The connection in a transaction of its own, which is on disk at the end or has not been."""
        import sqlite3

        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _opened(self) -> Any:
        import sqlite3

        private_folder(self.path.parent)
        os.close(open_private(self.path))  # made for its owner alone; SQLite's journals take the same rights
        connection = sqlite3.connect(
            self.path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute(GRANTS)
        connection.execute(LOCKS)
        return connection


def _is_held(connection: Any, key: str, owner: str) -> bool:
    """Whether another one has the lock: its process runs, as far as can be told, and its time is not over."""
    row = connection.execute(
        "SELECT owner, ends_at, process FROM grantline_lock WHERE key = ?", (key,)
    ).fetchone()
    return row is not None and row[0] != owner and row[1] > time.time() and not is_gone(row[2])
