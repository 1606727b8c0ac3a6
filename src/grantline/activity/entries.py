"""Activity entries: one row for each failure."""

import json
import re
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
    app_elsewhere: str = ""
    """The id that was sent, of an app of another data center that is not known here. Not stored here."""


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of an app to list."""

    text: str = ""
    """In the request id, the error or what was sent, whatever its case."""
    outcome: str = ""
    """`refused`, `unproven`, `declined` or `warning`."""
    endpoints: tuple[str, ...] = ()


OUTCOMES: Final = ("refused", "unproven", "declined", "warning")


_MATCHING: Final = (
    " AND ($2 = '' OR LOWER(id) LIKE $2 ESCAPE '\\' OR LOWER(error) LIKE $2 ESCAPE '\\'"
    " OR LOWER(code) LIKE $2 ESCAPE '\\' OR LOWER(detail) LIKE $2 ESCAPE '\\')"
    " AND ($3 = '' OR ($3 = 'refused' AND error NOT IN ('event', 'access_denied') AND proven = 1)"
    " OR ($3 = 'unproven' AND error NOT IN ('event', 'access_denied') AND proven = 0)"
    " OR ($3 = 'declined' AND error = 'access_denied') OR ($3 = 'warning' AND error = 'event'))"
    " AND ($4 = '' OR $4 LIKE '%,' || endpoint || ',%')"
)


def _matching(wanted: Wanted) -> tuple[str, str, str]:
    """The filter as the parameters $2 to $4 of _MATCHING; empty ones filter nothing."""
    pattern = re.sub(r"[\\%_]", lambda sign: "\\" + sign[0], wanted.text.lower())
    outcome = wanted.outcome if wanted.outcome in OUTCOMES else ""
    endpoints = f",{','.join(wanted.endpoints)}," if wanted.endpoints else ""
    return f"%{pattern}%" if pattern else "", outcome, endpoints


async def page_entries(
    db: Database, client_id: str, wanted: Wanted, *, before: tuple[int, str] | None = None, limit: int
) -> Sequence[Entry]:
    """The entries of one app that match, newest first, older than the one with this time and id."""
    at, id = before or (2**62, "")
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM activity WHERE client_id = $1{_MATCHING}"
        " AND (at < $5 OR (at = $5 AND id > $6)) ORDER BY at DESC, id LIMIT $7",
        client_id,
        *_matching(wanted),
        at,
        id,
        limit,
    )
    return [_entry(row) for row in rows]


async def count_newer(db: Database, client_id: str, wanted: Wanted, *, since: int, seen: int) -> int:
    """How many entries that match came since this second, besides those of it that were seen. Within one
    second the ids are in no order, so they are counted."""
    row = await db.one(
        f"SELECT COUNT(*) FROM activity WHERE client_id = $1{_MATCHING} AND at >= $5",
        client_id,
        *_matching(wanted),
        since,
    )
    return max(0, int(row[0]) - seen) if row is not None else 0


async def newest_entries(db: Database, *, since: int = 0, limit: int = 100) -> Sequence[Entry]:
    """The newest entries of all apps, for the operator's command line."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM activity WHERE at >= $1 ORDER BY at DESC, id LIMIT $2", since, limit
    )
    return [_entry(row) for row in rows]
