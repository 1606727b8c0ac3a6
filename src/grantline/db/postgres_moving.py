"""The target of a move: PostgreSQL takes batches of rows and tells what it has."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import asyncpg

from grantline.db.moving import Batch, MoveFailed
from grantline.db.postgres_connections import BUSY, is_gone
from grantline.db.postgres_url import Address
from grantline.db.tables import Table, delete_all, fingerprint_rows

_SESSION: Final = {"application_name": "grantline move", "statement_timeout": "0", "lock_timeout": "0"}
_STATE: Final = (
    "CREATE TABLE unfinished_move (table_name TEXT, batch BIGINT, fingerprint TEXT NOT NULL,"
    " PRIMARY KEY (table_name, batch))"
)
_NOTE: Final = "INSERT INTO unfinished_move (table_name, batch, fingerprint) VALUES ($1, $2, $3)"
_WHOLE: Final = ("", 0)
_IDENTITIES: Final = (
    "SELECT attname::text, pg_get_serial_sequence(quote_ident($1), attname) FROM pg_attribute"
    " WHERE attrelid = to_regclass(quote_ident($1)) AND attidentity <> '' AND NOT attisdropped"
)
_AGAIN: Final = "Run the same command again: it goes on where it stopped."


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """The driver's errors as sentences, without the values that they name."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.table_name == "unfinished_move":
            raise MoveFailed("Another move to this database is under way.") from error
        raise MoveFailed(
            f"{doing}: a row with this key is there already ({error.constraint_name})."
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        known = not isinstance(error, asyncpg.DataError)  # whose message names the value
        reason = (known and str(error).partition("\n")[0]) or type(error).__name__
        again = f" {_AGAIN}" if is_gone(error) or isinstance(error, BUSY) else ""
        raise MoveFailed(f"{doing}: {reason}.{again}") from error


class Target:
    """One connection to the database that takes the rows."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, address: Address) -> "Target":
        """Connect. Raises MoveFailed."""
        with _told("PostgreSQL can't be reached"):
            connection = await asyncpg.connect(
                address.dsn,
                timeout=10,
                statement_cache_size=0 if address.pooled else 100,
                server_settings=None if address.pooled else _SESSION,
            )
        return cls(connection)

    def close(self) -> None:
        """Let go; what was begun and not committed is undone."""
        self._connection.terminate()

    async def begin(self, tables: Sequence[Table], fingerprint: str) -> frozenset[tuple[str, int]]:
        """Get ready; gives the batches that are there from a move that was broken off.

        Raises MoveFailed when the database has rows that no move put there. When the file has changed since
        that move began, what it copied is taken away and it begins anew.
        """
        with _told("The move can't be begun"):
            async with self._connection.transaction():
                if not await self._is_half_moved():
                    await self._check_empty(tables)
                    await self._connection.execute(_STATE)
                    await self._connection.execute(_NOTE, *_WHOLE, fingerprint)
                    return frozenset()
                noted = await self._connection.fetch(
                    "SELECT table_name, batch, fingerprint FROM unfinished_move"
                )
                there = {(row[0], row[1]): row[2] for row in noted}
                if there.pop(_WHOLE, None) == fingerprint:
                    return frozenset(there)
                await self._connection.execute(delete_all(tables))
                await self._connection.execute("DELETE FROM unfinished_move")
                await self._connection.execute(_NOTE, *_WHOLE, fingerprint)
                return frozenset()

    async def check_free(self, tables: Sequence[Table]) -> None:
        """Raises MoveFailed when the database can't take the rows: before all of them are read."""
        with _told("The move can't be begun"):
            encoding = await self._connection.fetchval("SHOW server_encoding")
            if encoding != "UTF8":
                raise MoveFailed(f"The encoding of the PostgreSQL database is {encoding}. It must be UTF8.")
            if not await self._is_half_moved():
                await self._check_empty(tables)

    async def _is_half_moved(self) -> bool:
        return await self._connection.fetchval("SELECT to_regclass('unfinished_move')") is not None

    async def _check_empty(self, tables: Sequence[Table]) -> None:
        for table in tables:
            if await self._connection.fetchval(table.select_any()) is not None:
                raise MoveFailed(
                    f"The PostgreSQL database has rows of its own ({table.name}). Move to an empty one."
                )

    async def copy(
        self, table: Table, number: int, fingerprint: str, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Take a batch: its rows and the note of it are committed together."""
        with _told(f"Copying {table.name}"):
            async with self._connection.transaction():
                await self._connection.execute(_NOTE, table.name, number, fingerprint)
                await self._connection.copy_records_to_table(
                    table.name, records=rows, columns=[column.name for column in table.columns]
                )

    async def compare(self, table: Table, batches: Sequence[Batch]) -> None:
        """Read the table back in the order of its key. Raises MoveFailed where it is not what was sent."""
        with _told(f"Comparing {table.name}"):
            async with self._connection.transaction():
                cursor = await self._connection.cursor(table.select_all())
                before = 0
                for batch in batches:
                    rows = await cursor.fetch(batch.rows)
                    if len(rows) != batch.rows or fingerprint_rows(rows) != batch.fingerprint:
                        raise MoveFailed(
                            f"Rows {before + 1} to {before + batch.rows} of {table.name} are not the same in"
                            " PostgreSQL as in the file. Empty the PostgreSQL database and move again."
                        )
                    before += batch.rows
                if await cursor.fetch(1):
                    raise MoveFailed(
                        f"{table.name} has rows in PostgreSQL that the file does not have. Empty the"
                        " PostgreSQL database and move again."
                    )

    async def finish(self, tables: Sequence[Table], given: Mapping[str, int]) -> None:
        """New rows get numbers that were never given; from now on the database can be served."""
        with _told("Finishing the move"):
            async with self._connection.transaction():
                for table in tables:
                    for column, sequence in await self._connection.fetch(_IDENTITIES, table.name):
                        present = await self._connection.fetchval(table.select_greatest(column)) or 0
                        last = max(present, given.get(table.name, 0))
                        if last > 0:
                            await self._connection.execute("SELECT setval($1::regclass, $2)", sequence, last)
                await self._connection.execute("DROP TABLE unfinished_move")
            await self._connection.execute("ANALYZE")
