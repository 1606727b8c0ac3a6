"""SQLite: reads in place, one writer, and many requests' writes in one commit.

Statements take microseconds and run in place on the event loop; only COMMIT, which waits for the disk, runs
in a thread. Units of
work that arrive while a commit is under way share the next one (group commit). Each unit is a savepoint (a
single statement needs none), so one that fails takes nothing else with it. A caller goes on only after the
commit that holds its work.

Why in place: a hop to a thread costs more than the statement (`docs/decisions/`).
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, TypeVar

from grantline.db.database import DatabaseUnavailable, Pair, Row, UniqueViolation

BUSY_SECONDS: Final = 2.0
QUEUE_LIMIT: Final = 1000
SMALL_FILE_BYTES: Final = 64 * 1024 * 1024
"""Written anew within a second or so; writers wait meanwhile."""

_PARAMETER: Final = re.compile(r"\$(\d+)")
_T = TypeVar("_T")


@lru_cache(maxsize=1024)
def _native(sql: str) -> tuple[str, bool]:
    """The statement with SQLite's parameter marks, and whether it only reads.

    `FOR UPDATE` locks rows where many write at once. Here one transaction runs at a time.
    """
    return _PARAMETER.sub(r"?\1", sql).removesuffix(" FOR UPDATE"), sql.lstrip()[:6].upper() == "SELECT"


@lru_cache(maxsize=64)
def _native_pair(pair: Pair, parameters: int) -> tuple[str, int, str]:
    """The two statements of a pair, and how many of the parameters the first one takes. SQLite has no writing
    statement inside another one, so the second gets the row that the first gave back as values of its own."""
    given = ", ".join(f"?{parameters + n + 1}" for n in range(pair.gives.count(",") + 1))
    second = f"WITH changed ({pair.gives}) AS (VALUES ({given})) {pair.second} RETURNING 1"
    first = f"{pair.first} RETURNING {pair.gives}"
    most = max(int(number) for number in _PARAMETER.findall(first))
    return _native(first)[0], most, _native(second)[0]


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


def _first(cursor: sqlite3.Cursor) -> Row | None:
    row: Row | None = cursor.fetchone()
    cursor.close()  # an unfinished RETURNING would hold the commit up
    return row


def _every(cursor: sqlite3.Cursor) -> Sequence[Row]:
    return cursor.fetchall()


def _changed(cursor: sqlite3.Cursor) -> int:
    return cursor.rowcount


class SqliteTransaction:
    """One unit of work inside the writer's current batch."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def one(self, sql: str, *parameters: object) -> Row | None:
        return _first(self._execute(sql, parameters))

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]:
        return _every(self._execute(sql, parameters))

    async def run(self, sql: str, *parameters: object) -> int:
        return _changed(self._execute(sql, parameters))

    def _execute(self, sql: str, parameters: tuple[object, ...]) -> sqlite3.Cursor:
        if not self._connection.in_transaction:  # undone as a whole: nothing may slip through outside of it
            raise DatabaseUnavailable("the batch was undone")
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
        self._transaction = SqliteTransaction(self._writer)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        # The writer can't be used now: a commit is under way, a unit is open, or another process writes.
        self._taken = False
        # Who waits for the writer. All are woken together and go on in this order, in one turn of the loop.
        self._queue: list[asyncio.Future[None]] = []
        # Who waits for the commit of the open batch; None when no batch is open.
        self._batch: list[asyncio.Future[None]] | None = None
        self._commit_is_due = False

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        _enter_wal(connection)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            # What is deleted is overwritten: a person who moved away is not to be read from free pages.
            "secure_delete=ON",
            "cache_size=-32768",
            "mmap_size=268435456",
            "temp_store=MEMORY",
        ):
            connection.execute("PRAGMA " + pragma)
        return connection

    @property
    def engine(self) -> Literal["sqlite", "postgresql"]:
        return "sqlite"

    async def one(self, sql: str, *parameters: object) -> Row | None:
        native, reads = _native(sql)
        if not reads:
            return await self._write(native, parameters, _first)
        try:
            row: Row | None = self._reader.execute(native, parameters).fetchone()
            return row
        except sqlite3.Error as error:
            raise _translate(error) from error

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]:
        native, reads = _native(sql)
        if not reads:
            return await self._write(native, parameters, _every)
        try:
            return self._reader.execute(native, parameters).fetchall()
        except sqlite3.Error as error:
            raise _translate(error) from error

    async def run(self, sql: str, *parameters: object) -> int:
        return await self._write(_native(sql)[0], parameters, _changed)

    async def pair(self, pair: Pair, *parameters: object) -> int:
        first, most, second = _native_pair(pair, len(parameters))
        async with self.transaction() as tx:  # the lock is that nobody else writes meanwhile
            row: Any = await tx.one(first, *parameters[:most])
            return len(await tx.all(second, *parameters, *row)) if row is not None else 0

    async def reserve(self, table: str, count: int) -> Sequence[int]:
        async with self.transaction() as tx:
            row = await tx.one(
                "UPDATE sqlite_sequence SET seq = seq + $2 WHERE name = $1 RETURNING seq", table, count
            )
            if row is None:  # the table never had a row
                await tx.run("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", table, count)
            last: int = row[0] if row is not None else count
        return range(last - count + 1, last + 1)

    def transaction(self) -> "_Unit":
        return _Unit(self)

    async def _write(
        self, native: str, parameters: tuple[object, ...], take: Callable[[sqlite3.Cursor], _T]
    ) -> _T:
        """A unit of one statement, which SQLite itself does wholly or not at all."""
        await self._join_batch()
        try:
            result = take(self._writer.execute(native, parameters))
        except sqlite3.IntegrityError as error:
            self._check_batch()
            await self._commit_to_wait_for()  # what stands in its way may be in this batch
            raise _translate(error) from error
        except sqlite3.Error as error:
            self._check_batch()
            raise _translate(error) from error
        await self._commit_to_wait_for()
        return result

    async def _join_batch(self) -> None:
        """Wait until the writer is free and in a transaction; another process (the command line) may hold the
        file a moment.

        Whoever's two seconds are over is refused, also when they passed in the queue: everybody waits that
        long at most (T138).
        """
        if self._batch is not None and not self._taken:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BUSY_SECONDS
        while True:
            await self._until_free()
            if self._batch is not None:
                return
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if loop.time() >= deadline:
                    raise DatabaseUnavailable(str(error)) from error
            await self._pause()
        self._batch = []
        # Everything that is ready to run now joins this batch, since it runs before the commit gets its turn.
        loop.call_soon(self._commit)

    async def _until_free(self) -> None:
        while self._taken:
            if len(self._queue) + 1 >= QUEUE_LIMIT:
                raise DatabaseUnavailable("too many writers are waiting")
            turn = asyncio.get_running_loop().create_future()
            self._queue.append(turn)
            await turn

    async def _pause(self) -> None:
        self._taken = True
        try:
            await asyncio.sleep(0.01)
        finally:
            self._free()

    def _free(self) -> None:
        self._taken = False
        if self._commit_is_due:
            self._commit()
            if self._taken:
                return
        queue, self._queue = self._queue, []
        for turn in queue:
            if not turn.done():
                turn.set_result(None)

    def _begin_unit(self) -> SqliteTransaction:
        self._writer.execute("SAVEPOINT unit")
        self._taken = True
        return self._transaction

    def _end_unit(self, error: BaseException | None) -> asyncio.Future[None] | None:
        """Keep or undo the unit; gives the commit to wait for, None when there is none.

        A unit that was undone waits too: what it raises may tell of what others wrote in this batch.
        """
        waits = error is None or isinstance(error, Exception)
        try:
            if not self._writer.in_transaction:
                return self._commit_to_wait_for() if error is None else None
            if error is not None:
                self._writer.execute("ROLLBACK TO unit")
            self._writer.execute("RELEASE unit")
            return self._commit_to_wait_for() if waits else None
        except sqlite3.Error as problem:
            raise _translate(problem) from problem
        finally:
            self._check_batch()
            self._free()

    def _commit_to_wait_for(self) -> asyncio.Future[None]:
        # A future for each, so that a request that goes away takes nobody else's commit with it.
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._batch is None:
            done.set_exception(DatabaseUnavailable("the batch was undone"))
        else:
            self._batch.append(done)
        return done

    def _commit(self) -> None:
        self._commit_is_due = self._taken
        if self._taken or self._batch is None:
            return
        batch, self._batch, self._taken = self._batch, None, True
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._writer.execute, "COMMIT")
        work.add_done_callback(lambda done: self._finish(batch, done.exception()))

    def _finish(self, batch: list[asyncio.Future[None]], error: BaseException | None) -> None:
        if error is not None and self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        _settle(batch, error)
        self._free()

    def _check_batch(self) -> None:
        """After some errors (a full disk) SQLite has undone the whole batch: tell all who are in it."""
        if self._batch is not None and not self._writer.in_transaction:
            batch, self._batch = self._batch, None
            _settle(batch, DatabaseUnavailable("the batch was undone"))

    async def erase_deleted(self) -> bool:
        """Write the file anew, if it is small enough for that beside a running server, and cut the
        write-ahead log: rows stay there as they were. False when others write all the time, or when the file
        is too large."""
        small = self._path.stat().st_size <= SMALL_FILE_BYTES
        wanted = ["VACUUM"] if small else []
        wanted.append("PRAGMA wal_checkpoint(TRUNCATE)")
        deadline = asyncio.get_running_loop().time() + BUSY_SECONDS
        while wanted:
            await self._until_free()
            if self._batch is None and self._has_run(wanted[0]):
                wanted.pop(0)
            elif asyncio.get_running_loop().time() >= deadline:
                return False
            else:
                await self._pause()
        return small

    def _has_run(self, sql: str) -> bool:
        try:
            row = self._writer.execute(sql).fetchone()
        except sqlite3.OperationalError:  # somebody else writes
            return False
        return row is None or row[0] == 0

    async def close(self) -> None:
        await self._until_free()
        if self._batch is not None:
            await self._commit_to_wait_for()
        self._reader.close()
        self._writer.close()
        self._thread.shutdown()


def _settle(batch: list[asyncio.Future[None]], error: BaseException | None) -> None:
    for done in batch:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(_translate(error) if isinstance(error, sqlite3.Error) else error)


class _Unit:
    """`async with database.transaction()`: a class, since a generator costs more than the statements."""

    __slots__ = ("_database",)

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def __aenter__(self) -> SqliteTransaction:
        await self._database._join_batch()
        return self._database._begin_unit()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        commit = self._database._end_unit(error)
        if commit is not None:
            await commit
