"""Activity entries: one row for each failure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grantline.db import Database, Row


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that went wrong, or that the owner should know."""

    id: str
    """The request id: the same that the answer carried."""
    client_id: str
    """Empty when no known app was named."""
    proven: bool
    at: int
    endpoint: str
    error: str
    code: str
    status: int
    detail: Mapping[str, Any]
    """`hint`, `expected`, `received`, `network`; only those that there are."""
    workspace_id: int = 0
    """The app's workspace, where it was at hand: then the workspace's home tells of it. Not stored here."""


_COLUMNS: Final = "id, client_id, proven, at, endpoint, error, code, status, detail"


def _entry(row: Row) -> Entry:
    return Entry(row[0], row[1], bool(row[2]), row[3], row[4], row[5], row[6], row[7], json.loads(row[8]))


async def find_entry(db: Database, request_id: str) -> Entry | None:
    """The entry of this request id."""
    row = await db.one(f"SELECT {_COLUMNS} FROM activity WHERE id = $1", request_id)
    return _entry(row) if row is not None else None


async def list_entries(db: Database, client_id: str, *, limit: int = 100) -> Sequence[Entry]:
    """The newest entries of one app."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM activity WHERE client_id = $1 ORDER BY at DESC, id LIMIT $2",
        client_id,
        limit,
    )
    return [_entry(row) for row in rows]


async def newest_entries(db: Database, *, since: int = 0, limit: int = 100) -> Sequence[Entry]:
    """The newest entries of all apps, for the operator's command line."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM activity WHERE at >= $1 ORDER BY at DESC, id LIMIT $2", since, limit
    )
    return [_entry(row) for row in rows]
