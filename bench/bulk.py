"""Bulk: copies of rows, made by the database itself, in SQL that both engines understand."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg

_BLOCK: Final = 100_000
_ACCOUNT_BASE: Final = 10**13
_SPREAD: Final = 2654435761
_RANGE: Final = 2**40
# Odd times n, modulo a power of two: every number once, and in no order.
_ACCOUNT: Final = f"{_ACCOUNT_BASE} + (n * {_SPREAD}) % {_RANGE}"
_OVERRIDES: Final = {
    "accounts": {
        "id": _ACCOUNT,
        "email": "'grown' || n || '@example.com'",
        "email_key": "'grown' || n || '@example.com'",
    },
    "authorizations": {
        "account_id": f"{_ACCOUNT_BASE} + (((n * 7919) % $accounts + 1) * {_SPREAD}) % {_RANGE}",
        "shared_key": "NULL",
    },
}
_LEFT_OUT: Final = {"accounts": (), "authorizations": ("id",)}
_SOURCES: Final = {"accounts": "TRUE", "authorizations": "refresh_hash IS NOT NULL AND revoked_at IS NULL"}


class Bulk:
    """A database of one of the engines, opened beside the server, to add rows in bulk."""

    def __init__(self) -> None:
        self._made = {"accounts": 0, "authorizations": 0}

    def execute(self, sql: str) -> None:
        """Run one statement and commit it."""
        raise NotImplementedError

    def rows(self, sql: str) -> list[Any]:
        """What a query gives."""
        raise NotImplementedError

    def columns(self, table: str) -> list[str]:
        """The names of the columns."""
        raise NotImplementedError

    def settle(self) -> None:
        """Bring the database to rest after so many changes, as time would."""
        raise NotImplementedError

    def bytes_of(self, table: str) -> int:
        """What the table takes with its indexes."""
        raise NotImplementedError

    def set_refresh_hashes(self, pairs: list[tuple[int, bytes]]) -> None:
        """Give authorizations the hashes of their refresh tokens, by number."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the connection go."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Keep the rows to copy from in tables of their own, numbered."""
        for table, rule in _SOURCES.items():
            self.execute(
                f"CREATE TEMP TABLE {table}_source AS SELECT row_number() OVER (ORDER BY id) - 1 AS place,"
                f" s.* FROM {table} s WHERE {rule}"
            )
            self.execute(f"CREATE UNIQUE INDEX {table}_place ON {table}_source (place)")

    def count(self, table: str) -> int:
        """How many rows the table has."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    def grow(self, table: str, amount: int) -> None:
        """Copy rows until there are so many."""
        sources = int(self.rows(f"SELECT count(*) FROM {table}_source")[0][0])
        names = [name for name in self.columns(table) if name not in _LEFT_OUT[table]]
        accounts = str(max(1, self._made["accounts"]))
        values = [_OVERRIDES[table].get(name, f"s.{name}").replace("$accounts", accounts) for name in names]
        missing = amount - self.count(table)
        while missing > 0:
            first = self._made[table] + 1
            last = first + min(missing, _BLOCK) - 1
            self.execute(
                f"WITH RECURSIVE numbers (n) AS (SELECT CAST({first} AS BIGINT) UNION ALL SELECT n + 1"
                f" FROM numbers WHERE n < {last}) INSERT INTO {table} ({', '.join(names)})"
                f" SELECT {', '.join(values)} FROM numbers JOIN {table}_source s ON s.place = n % {sources}"
            )
            self._made[table] = last
            missing -= last - first + 1

    def sample(self, amount: int) -> list[tuple[int, str]]:
        """Number and client of authorizations that can be refreshed, at random from the whole table."""
        return [
            (int(row[0]), str(row[1]))
            for row in self.rows(
                f"SELECT id, client_id FROM authorizations WHERE {_SOURCES['authorizations']}"
                f" ORDER BY random() LIMIT {amount}"
            )
        ]


class SqliteBulk(Bulk):
    """SQLite, by its file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._opened = sqlite3.connect(file, isolation_level=None)
        self._opened.execute("PRAGMA cache_size = -1000000")
        self._opened.execute("PRAGMA synchronous = NORMAL")

    def execute(self, sql: str) -> None:
        self._opened.execute(sql)

    def rows(self, sql: str) -> list[Any]:
        return self._opened.execute(sql).fetchall()

    def columns(self, table: str) -> list[str]:
        return [str(row[1]) for row in self.rows(f"PRAGMA table_info({table})")]

    def settle(self) -> None:
        self._opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def bytes_of(self, table: str) -> int:
        return self._file.stat().st_size

    def set_refresh_hashes(self, pairs: list[tuple[int, bytes]]) -> None:
        self._opened.execute("BEGIN")
        self._opened.executemany("UPDATE authorizations SET refresh_hash = ?2 WHERE id = ?1", pairs)
        self._opened.execute("COMMIT")
        self.settle()

    def close(self) -> None:
        self._opened.close()


class PostgresBulk(Bulk):
    """PostgreSQL, by its address."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._opened = self._loop.run_until_complete(asyncpg.connect(url))

    def execute(self, sql: str) -> None:
        self._loop.run_until_complete(self._opened.execute(sql))

    def rows(self, sql: str) -> list[Any]:
        found: Sequence[Any] = self._loop.run_until_complete(self._opened.fetch(sql))
        return list(found)

    def columns(self, table: str) -> list[str]:
        found = self.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
            f" AND table_name = '{table}' ORDER BY ordinal_position"
        )
        return [str(row[0]) for row in found]

    def settle(self) -> None:
        for table in ("accounts", "authorizations"):
            self.execute(f"VACUUM ANALYZE {table}")
        self.execute("CHECKPOINT")

    def bytes_of(self, table: str) -> int:
        return int(self.rows(f"SELECT pg_total_relation_size('{table}')")[0][0])

    def set_refresh_hashes(self, pairs: list[tuple[int, bytes]]) -> None:
        update = "UPDATE authorizations SET refresh_hash = $2 WHERE id = $1"

        async def all_in_one() -> None:
            async with self._opened.transaction():
                await self._opened.executemany(update, pairs)

        self._loop.run_until_complete(all_in_one())
        self.settle()

    def close(self) -> None:
        self._loop.run_until_complete(self._opened.close())
        self._loop.close()
