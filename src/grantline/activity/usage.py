"""Reading what was counted: how often, when last, and how far an app has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grantline.activity.kinds import HOUR, scope_kind, scope_of
from grantline.db import Database, placeholders


@dataclass(frozen=True, slots=True)
class Usage:
    """How often one kind of thing went well for an app in an hour or a day."""

    kind: str
    span_seconds: int
    starts_at: int
    count: int


async def list_usage(db: Database, client_id: str, since: int, kinds: Sequence[str] = ()) -> Sequence[Usage]:
    """The app's counts since then, of these kinds or all, oldest first: by day, and for the last week by
    hour."""
    rows = await db.all(
        "SELECT kind, span_seconds, starts_at, count FROM client_usage WHERE client_id = $1"
        f" AND starts_at >= $2 AND ($3 = 0 OR kind IN ({placeholders(4, max(len(kinds), 1))}))"
        " ORDER BY starts_at, kind LIMIT 5000",
        client_id,
        since,
        len(kinds),
        *(kinds or ("",)),
    )
    return [Usage(row[0], row[1], row[2], row[3]) for row in rows]


async def count_since(db: Database, client_id: str, kind: str, since: int) -> int:
    """How often since the beginning of that hour; of what is older than a week, of that day."""
    row = await db.one(
        "SELECT COALESCE(SUM(count), 0) FROM client_usage WHERE client_id = $1 AND kind = $2"
        " AND starts_at > $3 - span_seconds",
        client_id,
        kind,
        since,
    )
    return int(row[0]) if row is not None else 0


async def last_used(db: Database, client_id: str, kind: str) -> int | None:
    """When this happened last, in the 90 days that are kept; None: not in these."""
    row = await db.one(
        "SELECT MAX(last_at) FROM client_usage WHERE client_id = $1 AND kind = $2", client_id, kind
    )
    return row[0] if row is not None and row[0] is not None else None


async def list_used_scopes(db: Database, client_id: str, since: int) -> Mapping[str, int]:
    """How often APIs said that a call with this app's tokens needed each scope, by its name."""
    rows = await db.all(
        "SELECT kind, SUM(count) FROM client_usage WHERE client_id = $1 AND substr(kind, 1, 6) = $2"
        " AND starts_at > $3 - span_seconds GROUP BY kind ORDER BY kind",
        client_id,
        scope_kind(""),
        since,
    )
    return {scope_of(row[0]): int(row[1]) for row in rows}


async def list_firsts(db: Database, client_id: str) -> Mapping[str, int]:
    """When the app did each step for the first time: `authorization_request`, `token`, `api_call`,
    `refresh`."""
    rows = await db.all("SELECT step, at FROM client_firsts WHERE client_id = $1", client_id)
    return {row[0]: row[1] for row in rows}


async def list_usage_of(
    db: Database, client_ids: Sequence[str], since: int, kinds: Sequence[str]
) -> Mapping[str, Sequence[Usage]]:
    """The counts by hour of several apps, by app, in one statement; `since` lies in the last week."""
    found: dict[str, list[Usage]] = {}
    if client_ids:
        rows = await db.all(
            "SELECT client_id, kind, span_seconds, starts_at, count FROM client_usage WHERE span_seconds = $1"
            f" AND starts_at >= $2 AND client_id IN ({placeholders(3, len(client_ids))})"
            f" AND kind IN ({placeholders(3 + len(client_ids), len(kinds))}) ORDER BY client_id, starts_at",
            HOUR,
            since,
            *client_ids,
            *kinds,
        )
        for row in rows:
            found.setdefault(row[0], []).append(Usage(row[1], row[2], row[3], row[4]))
    return found


async def list_last_uses(db: Database, client_ids: Sequence[str], kinds: Sequence[str]) -> Mapping[str, int]:
    """When one of these kinds was counted last, by app, in one statement."""
    if not client_ids:
        return {}
    rows = await db.all(
        "SELECT client_id, MAX(last_at) FROM client_usage"
        f" WHERE client_id IN ({placeholders(1, len(client_ids))})"
        f" AND kind IN ({placeholders(1 + len(client_ids), len(kinds))}) GROUP BY client_id",
        *client_ids,
        *kinds,
    )
    return {row[0]: row[1] for row in rows}


async def list_firsts_of(db: Database, client_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """`list_firsts` of several apps, by app, in one statement."""
    found: dict[str, dict[str, int]] = {}
    if client_ids:
        rows = await db.all(
            "SELECT client_id, step, at FROM client_firsts"
            f" WHERE client_id IN ({placeholders(1, len(client_ids))})",
            *client_ids,
        )
        for row in rows:
            found.setdefault(row[0], {})[row[1]] = row[2]
    return found
