"""Audit events: one row each."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grantline.db import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One security act."""

    id: str
    at: int
    kind: str
    account_id: int | None
    client_id: str | None
    network: str
    detail: Mapping[str, Any]


_COLUMNS: Final = "id, at, kind, account_id, client_id, network, detail"


def _event(row: Row) -> AuditEvent:
    return AuditEvent(row[0], row[1], row[2], row[3], row[4], row[5], json.loads(row[6]))


async def record_event(
    tx: Transaction | Database,
    kind: str,
    *,
    now: int,
    account_id: int | None = None,
    client_id: str | None = None,
    organization_id: int | None = None,
    workspace_id: int | None = None,
    network: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write an event; pass the transaction of the act, so that neither is there without the other. No secret
    in `detail`. With `workspace_id` the people of that workspace see it."""
    await tx.run(
        "INSERT INTO audit (id, at, kind, account_id, client_id, organization_id, workspace_id, network,"
        " detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        secrets.token_urlsafe(12),
        now,
        kind,
        account_id,
        client_id,
        organization_id,
        workspace_id,
        network,
        json.dumps(detail or {}),
    )


def render_change(
    before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """What an event says of a change: `before` and `after`, each with what differs alone."""
    before, after = before or {}, after or {}
    sides = {"before": (before, after), "after": (after, before)}
    missing = object()
    told = {
        side: {name: value for name, value in this.items() if other.get(name, missing) != value}
        for side, (this, other) in sides.items()
    }
    return {side: values for side, values in told.items() if values}


async def list_account_events(db: Database, account_id: int, *, limit: int = 50) -> Sequence[AuditEvent]:
    """The newest events of a person."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM audit WHERE account_id = $1 ORDER BY at DESC LIMIT $2", account_id, limit
    )
    return [_event(row) for row in rows]


async def list_client_events(db: Database, client_id: str, *, limit: int = 50) -> Sequence[AuditEvent]:
    """The newest events of an app."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM audit WHERE client_id = $1 ORDER BY at DESC LIMIT $2", client_id, limit
    )
    return [_event(row) for row in rows]
