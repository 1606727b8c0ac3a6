"""Moving an embedded database to PostgreSQL: every row, in batches, each compared, and resumable.

The file is held for the time of the move, so that nobody else has it open and nothing changes. First every
row is read and checked for what PostgreSQL would not take; that also gives the fingerprint of each batch.
Then the batches are copied. Each is committed together with a line in the table `unfinished_move`, so a move
that was broken off goes on after its last batch. When a table is complete it is read back in the order of its
key, and the fingerprints are compared. At the end `unfinished_move` goes, and only then can the database be
served.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from grantline.db.migrate import migrate
from grantline.db.opening import connect, open_database
from grantline.db.postgres_url import parse_address
from grantline.db.tables import Column, Table, fingerprint_rows, list_tables

BATCH_ROWS: Final = 1000
MOST_PROBLEMS: Final = 10
_SMALLEST: Final = -(2**63)
_GREATEST: Final = 2**63 - 1
_KINDS: Final[Mapping[str, type]] = {"bigint": int, "text": str, "bytea": bytes, "double precision": float}


class MoveFailed(Exception):
    """The move can't be begun or finished; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far the move is: a phase or a table, and rows done of all."""

    phase: str
    table: str
    done: int
    rows: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved."""

    tables: int
    rows: int
    resumed: bool
    """Whether an earlier move had begun it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows that follow each other in a table: how many, and their fingerprint."""

    rows: int
    fingerprint: str


@dataclass(slots=True)
class Plan:
    """The batches of each table, and the fingerprint of all."""

    batches: dict[str, list[Batch]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(batch.rows for batches in self.batches.values() for batch in batches)

    @property
    def fingerprint(self) -> str:
        """Tells whether the file is still the one that a move began with."""
        lines = [
            f"{table} {b.rows} {b.fingerprint}" for table, batches in self.batches.items() for b in batches
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


Tell = Callable[[Step], None]


async def move_database(source: str, target: str, tell: Tell) -> Moved:
    """Move every row of the embedded database `source` into the PostgreSQL database `target`.

    Raises MoveFailed, ValueError for URLs that can't be, FileNotFoundError, DatabaseUnavailable.
    """
    if not source.startswith("sqlite://"):
        raise MoveFailed("Only an embedded database (sqlite://…) can be moved.")
    if not target.startswith(("postgresql://", "postgres://")):
        raise MoveFailed("A database is moved to PostgreSQL: the new URL starts with postgresql://.")
    path = Path(source.removeprefix("sqlite://"))
    _check_nobody_has(path)  # before its schema is brought up to date
    tables = await _tables_of(source)
    others = {table.name for table in {*tables} ^ {*await _tables_of_target(target)}}
    if others:
        raise MoveFailed(
            f"These tables are not the same in the two databases: {', '.join(sorted(others))}."
            " Move to an empty database."
        )
    from grantline.db.postgres_moving import Target  # the driver is an extra

    taker = await Target.connect(parse_address(target))
    try:
        await taker.check_free(tables)
        held = Source(path)
        try:
            return await _copy(held, taker, tables, tell)
        finally:
            held.close()
    finally:
        taker.close()


def _check_nobody_has(path: Path) -> None:
    if path.is_file():
        Source(path).close()


async def _tables_of(source: str) -> list[Table]:
    database = await open_database(source, create=False)
    try:
        return await list_tables(database)
    finally:
        await database.close()


async def _tables_of_target(target: str) -> list[Table]:
    # Not by open_database, which refuses a database that a move has not finished.
    database = connect(target, create=False, patient=True)
    try:
        await migrate(database)
        return await list_tables(database)
    finally:
        await database.close()


class Taker(Protocol):
    """The database that takes the rows."""

    async def begin(self, tables: Sequence[Table], fingerprint: str) -> frozenset[tuple[str, int]]: ...

    async def copy(
        self, table: Table, number: int, fingerprint: str, rows: Sequence[tuple[Any, ...]]
    ) -> None: ...

    async def compare(self, table: Table, batches: Sequence[Batch]) -> None: ...

    async def finish(self, tables: Sequence[Table], given: Mapping[str, int]) -> None: ...


async def _copy(held: "Source", taker: Taker, tables: Sequence[Table], tell: Tell) -> Moved:
    plan = held.check(tables, tell)
    there = await taker.begin(tables, plan.fingerprint)
    copied = 0
    for table in tables:
        for number, rows in enumerate(held.batches(table)):
            if (table.name, number) not in there:
                await taker.copy(table, number, plan.batches[table.name][number].fingerprint, rows)
            copied += len(rows)
            tell(Step("Copying", table.name, copied, plan.rows))
        await taker.compare(table, plan.batches[table.name])
    await taker.finish(tables, held.sequences())
    return Moved(len(tables), plan.rows, resumed=bool(there))


class _Unreadable:
    """A text that is none: its bytes are not UTF-8."""


def _text(raw: bytes) -> str | _Unreadable:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _Unreadable()


class Source:
    """The embedded database, held: nobody else can open it meanwhile. Raises MoveFailed when somebody has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        self._connection.text_factory = _text
        try:
            # In this mode the lock is had only when no other process has the file open, not even to read.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise MoveFailed(
                    f"{path} is in use. Stop the server, and whatever else has it open, then move it."
                ) from error
            raise MoveFailed(f"{path} is not a database.") from error

    def close(self) -> None:
        """Let go of the file, which is as it was."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._connection.close()

    def batches(self, table: Table) -> Iterator[list[tuple[Any, ...]]]:
        """The rows in the order of the key, some at a time."""
        cursor = self._connection.execute(table.select_all_in_sqlite())
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield rows

    def _count(self, table: Table) -> int:
        count: int = self._connection.execute(table.count()).fetchone()[0]
        return count

    def sequences(self) -> Mapping[str, int]:
        """The greatest number that each table ever gave, also to rows that are gone: none is given again."""
        kept = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
        if kept.fetchone() is None:
            return {}
        return dict(self._connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())

    def check(self, tables: Sequence[Table], tell: Tell) -> Plan:
        """Read every row. Raises MoveFailed with the places that PostgreSQL would refuse."""
        problems = [
            f"{name}, row {row}: it refers to a row of {parent} that is not there"
            for name, row, parent, _ in self._connection.execute("PRAGMA foreign_key_check")
        ]
        plan, done, rows_in_all = Plan(), 0, sum(self._count(table) for table in tables)
        for table in tables:
            batches = plan.batches[table.name] = []
            for rows in self.batches(table):
                wrong = _problems(table, rows)
                problems += wrong
                batches.append(Batch(len(rows), "" if wrong else fingerprint_rows(rows)))
                done += len(rows)
                tell(Step("Checking", table.name, done, rows_in_all))
        if problems:
            more = len(problems) - MOST_PROBLEMS
            raise MoveFailed(
                "\n".join(
                    [
                        f"{self._path} holds what PostgreSQL would refuse. Nothing was copied.",
                        *problems[:MOST_PROBLEMS],
                        *([f"and {more} more"] if more > 0 else []),
                    ]
                )
            )
        return plan


def _problems(table: Table, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """What is wrong in these rows: the table, the row's key, the column, never the value."""
    columns = tuple(enumerate(table.columns))
    return [
        f"{table.name}, row {_render_key(table, row)}: {column.name} {problem}"
        for row in rows
        for place, column in columns
        if (problem := _problem(column, row[place])) is not None
    ]


def _problem(column: Column, value: object) -> str | None:
    if value is None:
        return "is missing" if column.required else None
    if isinstance(value, _Unreadable):
        return "is a text that is not UTF-8"
    if type(value) is not _KINDS.get(column.type):
        return f"is of type {type(value).__name__}, where {column.type} belongs"
    if isinstance(value, str) and "\x00" in value:
        return "holds a NUL character"
    if isinstance(value, int) and not _SMALLEST <= value <= _GREATEST:
        return "is too great a number"
    return None


def _render_key(table: Table, row: tuple[Any, ...]) -> str:
    places = {column.name: place for place, column in enumerate(table.columns)}
    parts = [row[places[column.name]] for column in table.order]
    return " / ".join(part.hex() if isinstance(part, bytes) else str(part) for part in parts)
