"""Rows for any table, made from what the schema tells of it: distinct, odd, and with their parents there."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grantline.db import Database, Row, Transaction
from grantline.db.tables import Column, Table

ODD: Final = "é '\"--;%\\ \u2028\U0001f511\x01\n"
GREATEST: Final = 2**63 - 1


class Filling:
    """The rows of some tables: row number `n` of a table is always the same."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = {table.name: table for table in tables}

    def value(self, table: Table, column: Column, n: int) -> Any:
        """What stands in a column of row `n`."""
        for reference in table.references:
            if reference.column == column.name:
                parent = self.tables[reference.table]
                return self.value(parent, next(c for c in parent.columns if c.name == reference.to), n)
        place = table.columns.index(column)
        if not column.required and (n + place) % 3 == 0:
            return None
        if column.type == "bigint":
            return n + 1 if column.name in table.key else (GREATEST, -GREATEST - 1, 0)[n] if n < 3 else n
        if column.type == "bytea":
            return hashlib.sha256(f"{table.name} {column.name} {n}".encode()).digest() + b"\x00\xff"
        assert column.type == "text", column
        name = column.name.upper() if n % 4 > 1 else column.name  # people sort otherwise than bytes do
        return f"{name} {n} {ODD if n % 2 else ''}"

    def row(self, table: Table, n: int) -> dict[str, Any]:
        """Row `n` by column."""
        return {column.name: self.value(table, column, n) for column in table.columns}

    async def fill(self, db: Database, rows: int, **more: int) -> None:
        """Put this many rows into each table, and into those named more."""
        async with db.transaction() as tx:
            for table in self.tables.values():
                for n in range(more.get(table.name, rows)):
                    await insert(tx, table.name, self.row(table, n))

    async def add(self, db: Database, table: str, n: int, **changes: object) -> None:
        """Put one row into a table, with changes to it."""
        await insert(db, table, {**self.row(self.tables[table], n), **changes})


async def insert(db: Database | Transaction, table: str, row: Mapping[str, object]) -> None:
    """One row."""
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join(f"${place + 1}" for place in range(len(row)))
    await db.run(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', *row.values())


async def rows_of(db: Database, table: Table) -> list[tuple[Any, ...]]:
    """Every row of a table in the order of its key, in the columns that `table` knows."""
    text = table.select_all_in_sqlite() if db.engine == "sqlite" else table.select_all()
    found: Sequence[Row] = await db.all(text)
    return [tuple(row[place] for place in range(len(table.columns))) for row in found]


async def content(db: Database, tables: Sequence[Table]) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of these tables."""
    return {table.name: await rows_of(db, table) for table in tables}
