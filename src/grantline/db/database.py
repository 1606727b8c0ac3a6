"""What every driver offers: the four verbs, and the two errors that callers may act on."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Engine = Literal["sqlite", "postgresql"]


class Row(Protocol):
    """One row: by position or by column name."""

    def __getitem__(self, key: int | str, /) -> Any: ...


class DatabaseUnavailable(Exception):
    """The database can't be used now (locked, full or gone). Nothing of the work was done; a retry is
    safe."""


class UniqueViolation(Exception):
    """A row with this key, or a table of this name, exists already."""


def placeholders(first: int, count: int) -> str:
    """`$3, $4, $5` for 3 and 3: parameters for an IN whose length is known only when it is asked."""
    return ", ".join(f"${number}" for number in range(first, first + count))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two writing statements that are one transaction and leave together: the second works on what the first
    changed, or does nothing.

    `lock` and `first` end in their WHERE. `first` changes one row at most, which the second reads as a table
    named `changed`. By convention `$1` is the key of the row that is locked.
    """

    lock: str
    """A SELECT. The row that it finds is held before the others run, so they see what whoever held it has
    committed."""
    first: str
    """An UPDATE."""
    gives: str
    """What comes back of the row that it changed: names of columns."""
    second: str


class Transaction(Protocol):
    """Statements that are committed together or not at all."""

    async def one(self, sql: str, *parameters: object) -> Row | None: ...

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]: ...

    async def run(self, sql: str, *parameters: object) -> int: ...


class Database(Protocol):
    """A database, ready for use.

    `one` gives the first row or None, `all` every row, `run` the number of rows changed. Called on the
    database itself, each
    writing statement is a transaction of its own: it has been committed, and synced to disk, when the call
    returns.

    A read inside a transaction that decides what the transaction writes ends in ` FOR UPDATE`: others may
    commit between two of its statements.
    """

    @property
    def engine(self) -> Engine:
        """Which database it is, for the few who must know: schema, tests and operators."""
        ...

    async def one(self, sql: str, *parameters: object) -> Row | None: ...

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]: ...

    async def run(self, sql: str, *parameters: object) -> int: ...

    async def pair(self, pair: Pair, *parameters: object) -> int:
        """Both statements, with the same parameters; gives the number of rows that the second changed."""
        ...

    async def reserve(self, table: str, count: int) -> Sequence[int]:
        """So many numbers for new rows of the table, rising, which it will give to none by itself. Those that
        are not used are left out for ever."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Statements that are committed together when the block ends without an exception.

        Keep the block short and await nothing in it but its own statements: other writers wait meanwhile.
        """
        ...

    async def close(self) -> None: ...
