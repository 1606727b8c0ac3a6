"""What every driver offers: the four verbs, and the two errors that callers may act on."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
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

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Statements that are committed together when the block ends without an exception.

        Keep the block short and await nothing in it but its own statements: other writers wait meanwhile.
        """
        ...

    async def close(self) -> None: ...
