"""The tables of a database as its own schema tells them, and what is the same of a row on both engines.

Names of tables and columns stand in SQL here, quoted; no value ever does.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grantline.db.database import Database

OF_THE_SCHEMA: Final = frozenset({"schema_version", "unfinished_move"})
"""Tables that tell of the database itself."""
_TYPES: Final[Mapping[str, str]] = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea", "BIGINT": "bigint"}

_SQLITE_TABLES: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'"
)
_SQLITE_COLUMNS: Final = 'SELECT name, type, "notnull", pk FROM pragma_table_info($1) ORDER BY name'
_SQLITE_REFERENCES: Final = 'SELECT "from", "table", "to" FROM pragma_foreign_key_list($1) ORDER BY "from"'

_TABLES: Final = (
    "SELECT table_name::text FROM information_schema.tables"
    " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
)
_COLUMNS: Final = (
    "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    "  COALESCE(array_position(i.indkey::smallint[], a.attnum), -1) + 1"
    " FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
    " WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped"
    ' ORDER BY a.attname COLLATE "C"'
)
_REFERENCES: Final = (
    "SELECT a.attname::text, t.relname::text, b.attname::text FROM pg_constraint c"
    " JOIN pg_class t ON t.oid = c.confrelid CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k(one, other)"
    " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.one"
    " JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other"
    " WHERE c.contype = 'f' AND c.conrelid = to_regclass(quote_ident($1))"
    ' ORDER BY a.attname COLLATE "C"'
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column, its type in PostgreSQL's word."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A column whose values stand in a column of another table."""

    column: str
    table: str
    to: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns by name, its primary key in order."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...]

    @property
    def order(self) -> tuple[Column, ...]:
        """The columns that put the rows in one order: the key, or all when there is none."""
        return tuple(one for name in self.key for one in self.columns if one.name == name) or self.columns

    def select_all(self) -> str:
        """Every row in the order of the key; texts in the order of their bytes, as SQLite has them."""
        columns = ", ".join(_quoted(one.name) for one in self.columns)
        order = ", ".join(
            _quoted(one.name) + (' COLLATE "C"' if one.type == "text" else "") + " NULLS FIRST"
            for one in self.order
        )
        return f"SELECT {columns} FROM {_quoted(self.name)} ORDER BY {order}"

    def select_all_in_sqlite(self) -> str:
        """The same for SQLite, where this order is the ordinary one."""
        return self.select_all().replace(' COLLATE "C"', "")

    def count(self) -> str:
        """How many rows there are."""
        return f"SELECT COUNT(*) FROM {_quoted(self.name)}"

    def select_any(self) -> str:
        """One row, when there is one."""
        return f"SELECT 1 FROM {_quoted(self.name)} LIMIT 1"

    def select_greatest(self, column: str) -> str:
        """The greatest value of a column."""
        return f"SELECT MAX({_quoted(column)}) FROM {_quoted(self.name)}"


def delete_all(tables: Iterable[Table]) -> str:
    """Every row of these tables away, at once."""
    return "TRUNCATE " + ", ".join(_quoted(one.name) for one in tables)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def list_tables(db: Database) -> list[Table]:
    """The tables with the rows of their own, each after those that it refers to.

    Raises ValueError when tables refer to each other in a circle.
    """
    lite = db.engine == "sqlite"
    found = []
    for one in await db.all(_SQLITE_TABLES if lite else _TABLES):
        name = str(one[0])
        if name in OF_THE_SCHEMA:
            continue
        columns = await db.all(_SQLITE_COLUMNS if lite else _COLUMNS, name)
        references = await db.all(_SQLITE_REFERENCES if lite else _REFERENCES, name)
        found.append(
            Table(
                name,
                tuple(Column(row[0], _TYPES.get(row[1], row[1]), bool(row[2] or row[3])) for row in columns),
                tuple(row[0] for row in sorted(columns, key=lambda row: int(row[3])) if row[3]),
                tuple(Reference(row[0], row[1], row[2]) for row in references),
            )
        )
    return _after_their_needs(found)


def _after_their_needs(tables: Sequence[Table]) -> list[Table]:
    waiting = sorted(tables, key=lambda table: table.name)
    ordered: list[Table] = []
    while waiting:
        names = {table.name for table in waiting}
        ready = [t for t in waiting if not {r.table for r in t.references} & (names - {t.name})]
        if not ready:
            raise ValueError(f"Tables refer to each other in a circle: {', '.join(sorted(names))}.")
        ordered += ready
        waiting = [table for table in waiting if table not in ready]
    return ordered


def render_value(value: object) -> bytes:
    """A value as bytes that are the same for the same value, whichever engine gave it."""
    match value:
        case None:
            return b"n;"
        case int():
            return b"i%d;" % value
        case str():
            text = value.encode()
            return b"t%d:%b" % (len(text), text)
        case bytes():
            return b"b%d:%b" % (len(value), value)
        case float():
            return b"f%b;" % value.hex().encode()
    raise TypeError(f"a value of type {type(value).__name__} has no place in a database of ours")


def fingerprint_rows(rows: Iterable[Iterable[object]]) -> str:
    """One fingerprint over rows and their order."""
    sum_ = hashlib.sha256()
    for row in rows:
        sum_.update(b"r")
        for value in row:
            sum_.update(render_value(value))
    return sum_.hexdigest()
