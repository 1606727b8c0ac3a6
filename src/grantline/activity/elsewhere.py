"""What was refused to our apps in other data centers, as these told it: totals, so that nothing is counted
twice, whatever is lost or sent again."""

from collections.abc import Mapping, Sequence
from typing import Final

from grantline.activity.causes import Cause
from grantline.db import Database, Row, Transaction, placeholders

MOST_FOR_EACH: Final = 300
"""Rows of one app from one data center: enough for every code at every endpoint where it can happen."""
_COLUMNS: Final = (
    "e.client_id, e.proven, e.code, e.error, e.first_at, e.last_at, e.last_id, e.count, e.endpoint,"
    " COALESCE(d.name, UPPER(e.data_center))"
)
_FROM: Final = "FROM causes_elsewhere e LEFT JOIN data_centers d ON d.code = e.data_center"
# A later beginning is a new series: the one before it was forgotten there. An earlier one is old news.
_STORE: Final = (
    "INSERT INTO causes_elsewhere (client_id, data_center, code, error, endpoint, proven, first_at, last_at,"
    " last_id, count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    " ON CONFLICT (client_id, data_center, code, endpoint, proven) DO UPDATE SET error = excluded.error,"
    " first_at = excluded.first_at, last_at = excluded.last_at, last_id = excluded.last_id,"
    " count = excluded.count WHERE excluded.first_at > causes_elsewhere.first_at"
    " OR (excluded.first_at = causes_elsewhere.first_at AND excluded.count > causes_elsewhere.count)"
)


async def store_elsewhere(
    tx: Transaction, data_center: str, causes: Sequence[Cause], *, own: Sequence[str]
) -> None:
    """Keep what a data center told about apps; `own` are those that live here."""
    for client_id in sorted({cause.client_id for cause in causes}.intersection(own)):
        row = await tx.one(
            "SELECT COUNT(*) FROM causes_elsewhere WHERE client_id = $1 AND data_center = $2",
            client_id,
            data_center,
        )
        room = MOST_FOR_EACH - (row[0] if row is not None else 0)
        for cause in [cause for cause in causes if cause.client_id == client_id][: max(room, 0)]:
            await tx.run(
                _STORE,
                client_id,
                data_center,
                cause.code,
                cause.error,
                cause.endpoint,
                int(cause.proven),
                cause.first_at,
                cause.last_at,
                cause.last_id,
                cause.count,
            )


async def list_causes_elsewhere(
    db: Database, client_id: str, since: int = 0, *, limit: int = 50
) -> Sequence[Cause]:
    """The causes of one app in other data centers that were seen since then, the newest first."""
    rows = await db.all(
        f"SELECT {_COLUMNS} {_FROM} WHERE e.client_id = $1 AND e.last_at >= $2"
        " ORDER BY e.last_at DESC, e.data_center, e.code, e.endpoint, e.proven LIMIT $3",
        client_id,
        since,
        limit,
    )
    return [_cause(row) for row in rows]


async def list_workspace_causes_elsewhere(
    db: Database, workspace_id: int, since: int, *, limit: int
) -> Sequence[Cause]:
    """What was seen last in other data centers of the apps that are in a workspace now."""
    rows = await db.all(
        f"SELECT {_COLUMNS} {_FROM} JOIN clients c ON c.id = e.client_id WHERE c.workspace_id = $1"
        " AND e.last_at >= $2 ORDER BY e.last_at DESC LIMIT $3",
        workspace_id,
        since,
        limit,
    )
    return [_cause(row) for row in rows]


async def list_causes_elsewhere_of(
    db: Database, client_ids: Sequence[str], since: int
) -> Mapping[str, Sequence[Cause]]:
    """The causes of several apps, by app, in one statement."""
    found: dict[str, list[Cause]] = {}
    if client_ids:
        rows = await db.all(
            f"SELECT {_COLUMNS} {_FROM} WHERE e.last_at >= $1"
            f" AND e.client_id IN ({placeholders(2, len(client_ids))})"
            " ORDER BY e.client_id, e.last_at DESC, e.code LIMIT 2000",
            since,
            *client_ids,
        )
        for row in rows:
            found.setdefault(row[0], []).append(_cause(row))
    return found


async def find_cause_elsewhere(db: Database, request_id: str) -> Cause | None:
    """The cause whose newest request has this id."""
    row = await db.one(f"SELECT {_COLUMNS} {_FROM} WHERE e.last_id = $1", request_id)
    return _cause(row) if row is not None else None


def _cause(row: Row) -> Cause:
    return Cause(
        row[0],
        bool(row[1]),
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        endpoint=row[8],
        data_center=row[9],
    )
