"""Copying: the rows that were seeded into SQLite go to PostgreSQL as they are, so that both answer the same
bodies from the same data."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg

_BATCH: Final = 20_000
_IDENTITIES: Final = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = 'public' AND is_identity = 'YES'"
)


async def copy_rows(source: Path, url: str) -> None:
    """Replace every row of the PostgreSQL database, which has its tables already, by those of the file."""
    opened = sqlite3.connect(source)
    target = await asyncpg.connect(url)
    try:
        # Rows come table by table, in no order that references would like.
        await target.execute("SET session_replication_role = replica")
        names = await target.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for name in [str(row[0]) for row in names]:
            await target.execute(f'TRUNCATE "{name}" CASCADE')
        for name in [str(row[0]) for row in names]:
            await _copy(opened, target, name)
        for table, column in await target.fetch(_IDENTITIES):
            await target.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'),"
                f' (SELECT coalesce(max("{column}"), 0) + 1 FROM "{table}"))'
            )
        await target.execute("VACUUM ANALYZE")
        await target.execute("CHECKPOINT")
    finally:
        await target.close()
        opened.close()


async def _copy(opened: sqlite3.Connection, target: Any, name: str) -> None:
    columns = [row[1] for row in opened.execute(f'PRAGMA table_info("{name}")')]
    if columns:
        for records in _batches(opened.execute(f'SELECT * FROM "{name}"')):
            await target.copy_records_to_table(name, records=records, columns=columns)


def _batches(cursor: sqlite3.Cursor) -> Iterator[list[Any]]:
    while rows := cursor.fetchmany(_BATCH):
        yield rows
