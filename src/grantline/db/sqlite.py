"""SQLite: reads in place, one writer, and many requests' writes in one commit.

Statements take microseconds and run in place on the event loop; only COMMIT, which waits for the disk, runs
in a thread. Units of
work that arrive while a commit is under way share the next one (group commit). Each unit is a savepoint, so
one that fails takes
nothing else with it. A caller goes on only after the commit that holds its work.

Why in place: a hop to a thread costs more than the statement (`docs/decisions/`).
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from grantline.db.database import DatabaseUnavailable, Row, UniqueViolation

BUSY_SECONDS: Final = 2.0
QUEUE_LIMIT: Final = 1000

_PARAMETER: Final = re.compile(r"\$(\d+)")


@lru_cache(maxsize=1024)
def _native(sql: str) -> tuple[str, bool]:
    """The statement with SQLite's parameter marks, and whether it only reads."""
    return _PARAMETER.sub(r"?\1", sql), sql.lstrip()[:6].upper() == "SELECT"


def _translate(error: sqlite3.Error) -> Exception:
    if isinstance(error, sqlite3.IntegrityError) and "UNIQUE" in str(error):
        return UniqueViolation(str(error))
    if isinstance(error, sqlite3.OperationalError):
        return DatabaseUnavailable(str(error))
    return error


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging: a file is switched to it once, perhaps by another process at this moment."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if time.monotonic() >= deadline:
                raise DatabaseUnavailable(str(error)) from error
            time.sleep(0.01)


class SqliteTransaction:
    """One unit of work inside the writer's current batch."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def one(self, sql: str, *parameters: object) -> Row | None:
        cursor = self._execute(sql, parameters)
        row: Row | None = cursor.fetchone()
        cursor.close()  # an unfinished RETURNING would hold the commit up
        return row

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]:
        return self._execute(sql, parameters).fetchall()

    async def run(self, sql: str, *parameters: object) -> int:
        return self._execute(sql, parameters).rowcount

    def _execute(self, sql: str, parameters: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(_native(sql)[0], parameters)
        except sqlite3.Error as error:
            raise _translate(error) from error


class SqliteDatabase:
    """One SQLite file, used by one event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = self._connect()
        self._writer = self._connect()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._batch: asyncio.Future[None] | None = None
        self._seen_version = self._data_version()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        _enter_wal(connection)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-32768",
            "mmap_size=268435456",
            "temp_store=MEMORY",
        ):
            connection.execute("PRAGMA " + pragma)
        return connection

    async def one(self, sql: str, *parameters: object) -> Row | None:
        native, reads = _native(sql)
        if not reads:
            async with self.transaction() as tx:
                return await tx.one(sql, *parameters)
        try:
            row: Row | None = self._reader.execute(native, parameters).fetchone()
            return row
        except sqlite3.Error as error:
            raise _translate(error) from error

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]:
        native, reads = _native(sql)
        if not reads:
            async with self.transaction() as tx:
                return await tx.all(sql, *parameters)
        try:
            return self._reader.execute(native, parameters).fetchall()
        except sqlite3.Error as error:
            raise _translate(error) from error

    async def run(self, sql: str, *parameters: object) -> int:
        async with self.transaction() as tx:
            return await tx.run(sql, *parameters)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        if self._waiting >= QUEUE_LIMIT:
            raise DatabaseUnavailable("too many writers are waiting")
        self._waiting += 1
        deadline = asyncio.get_running_loop().time() + BUSY_SECONDS
        try:
            async with self._turn:
                batch = await self._join_batch(deadline)
                self._writer.execute("SAVEPOINT unit")
                try:
                    yield SqliteTransaction(self._writer)
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK TO unit")
                        self._writer.execute("RELEASE unit")
                    raise
                self._writer.execute("RELEASE unit")
        except sqlite3.Error as error:
            raise _translate(error) from error
        finally:
            self._waiting -= 1
        # Shielded: a request that goes away must not take the whole batch's commit with it.
        await asyncio.shield(batch)

    async def _join_batch(self, deadline: float) -> asyncio.Future[None]:
        """The batch under way, or a new one; another process (the command line) may hold the file a moment.

        Whoever's two seconds are over is refused, also when they passed in the queue: everybody waits that
        long at most (T138).
        """
        if self._batch is not None:
            if not self._writer.in_transaction:  # undone as a whole: the disk is full, say
                raise DatabaseUnavailable("the batch was undone")
            return self._batch
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if loop.time() >= deadline:
                    raise DatabaseUnavailable(str(error)) from error
                await asyncio.sleep(0.01)
        self._batch = loop.create_future()
        # Everything that is ready to run now joins this batch, since it runs before the commit gets its turn.
        loop.call_soon(self._schedule_commit)
        return self._batch

    def _schedule_commit(self) -> None:
        task = asyncio.get_running_loop().create_task(self._commit())
        task.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)

    async def _commit(self) -> None:
        async with self._turn:
            await self._commit_batch()

    async def _commit_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch is None:  # `close` came first
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.execute, "COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            batch.set_exception(_translate(error))
            batch.exception()  # nobody may be waiting any more
            return
        batch.set_result(None)

    def _data_version(self) -> int:
        # Asked on the writer: its own commits don't count, those of every other connection do.
        value: int = self._writer.execute("PRAGMA data_version").fetchone()[0]
        return value

    async def changed_elsewhere(self) -> bool:
        async with self._turn:
            version = self._data_version()
        changed = version != self._seen_version
        self._seen_version = version
        return changed

    async def close(self) -> None:
        async with self._turn:
            await self._commit_batch()
            self._reader.close()
            self._writer.close()
            self._thread.shutdown()
