"""Causes: what was refused, added up by its code, for longer than the entries themselves are kept.

They are counted in the transaction that writes the entries. What anybody may have sent in an app's name has
rows of its own (T130).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grantline.activity.counters import add_usage
from grantline.activity.entries import Entry
from grantline.activity.kinds import REFUSED, REFUSED_UNPROVEN, workspace_key
from grantline.db import Database, Row, Transaction, placeholders

EVENT: Final = "event"
"""In the place of an error: something worked that should change."""
DENIED: Final = "access_denied"
_COLUMNS: Final = "client_id, proven, code, error, first_at, last_at, last_id, count"
_ADD: Final = (
    "INSERT INTO client_causes (client_id, proven, code, error, first_at, last_at, last_id, count,"
    " workspace_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (client_id, code, proven)"
    " DO UPDATE SET count = client_causes.count + excluded.count, error = excluded.error,"
    " last_id = CASE WHEN excluded.last_at >= client_causes.last_at THEN excluded.last_id"
    " ELSE client_causes.last_id END,"
    " last_at = CASE WHEN excluded.last_at >= client_causes.last_at THEN excluded.last_at"
    " ELSE client_causes.last_at END,"
    " workspace_id = CASE WHEN excluded.workspace_id <> 0 THEN excluded.workspace_id"
    " ELSE client_causes.workspace_id END"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why requests of one app were refused, and how often."""

    client_id: str
    proven: bool
    code: str
    error: str
    first_at: int
    last_at: int
    last_id: str
    """The newest request id; its entry may be gone."""
    count: int
    endpoint: str = ""
    """Where it was asked; told apart in other data centers alone."""
    data_center: str = ""
    """The name of the other data center where it was refused; empty for this one."""


async def count_causes(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Count entries that were just written."""
    groups: dict[tuple[str, str, bool], list[Entry]] = {}
    usage: Counter[tuple[str, str]] = Counter()
    last_at = 0
    for entry in entries:
        if not entry.client_id:
            continue
        groups.setdefault((entry.client_id, entry.code, entry.proven), []).append(entry)
        if entry.error in (EVENT, DENIED):
            continue
        kind = REFUSED if entry.proven else REFUSED_UNPROVEN
        last_at = max(last_at, entry.at)
        usage[entry.client_id, kind] += 1
        if entry.workspace_id:
            usage[workspace_key(entry.workspace_id), kind] += 1
    # In one order everywhere: two nodes that count the same must not wait for each other in a circle.
    for (client_id, code, proven), those in sorted(groups.items()):
        newest = max(those, key=lambda entry: entry.at)
        await tx.run(
            _ADD,
            client_id,
            int(proven),
            code,
            newest.error,
            min(entry.at for entry in those),
            newest.at,
            newest.id,
            len(those),
            max(entry.workspace_id for entry in those),
        )
    for (key, kind), count in sorted(usage.items()):
        await add_usage(tx, key, kind, count, last_at)


async def list_causes(db: Database, client_id: str, since: int = 0, *, limit: int = 50) -> Sequence[Cause]:
    """The causes of one app that were seen since then, the newest first."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM client_causes WHERE client_id = $1 AND last_at >= $2"
        " ORDER BY last_at DESC, code, proven LIMIT $3",
        client_id,
        since,
        limit,
    )
    return [_cause(row) for row in rows]


async def list_workspace_causes(
    db: Database, workspace_id: int, since: int, *, limit: int
) -> Sequence[Cause]:
    """What was seen last in a workspace. An app that has left it since is still named: look it up."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM client_causes WHERE workspace_id = $1 AND last_at >= $2"
        " ORDER BY last_at DESC LIMIT $3",
        workspace_id,
        since,
        limit,
    )
    return [_cause(row) for row in rows]


async def list_causes_of(
    db: Database, client_ids: Sequence[str], since: int
) -> Mapping[str, Sequence[Cause]]:
    """The causes of several apps, by app, in one statement."""
    found: dict[str, list[Cause]] = {}
    if client_ids:
        rows = await db.all(
            f"SELECT {_COLUMNS} FROM client_causes WHERE last_at >= $1"
            f" AND client_id IN ({placeholders(2, len(client_ids))})"
            " ORDER BY client_id, last_at DESC, code LIMIT 2000",
            since,
            *client_ids,
        )
        for row in rows:
            found.setdefault(row[0], []).append(_cause(row))
    return found


def _cause(row: Row) -> Cause:
    return Cause(row[0], bool(row[1]), row[2], row[3], row[4], row[5], row[6], row[7])
