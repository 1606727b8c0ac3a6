"""What was changed in a workspace, for its people. Events of a person's own account are no workspace's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grantline.db import Database, Row


@dataclass(frozen=True, slots=True)
class WorkspaceEvent:
    """One change, with the names that its people and apps have now."""

    id: str
    at: int
    kind: str
    account_id: int | None
    """None: an operator, on the command line."""
    person: str
    client_id: str | None
    client_name: str
    """Of deleted apps too."""
    network: str
    detail: Mapping[str, Any]


_SELECT: Final = (
    "SELECT e.id, e.at, e.kind, e.account_id, a.given_name, a.family_name, a.email, e.client_id, c.name,"
    " e.network, e.detail FROM audit e LEFT JOIN accounts a ON a.id = e.account_id"
    " LEFT JOIN clients c ON c.id = e.client_id"
)
_OLDER: Final = "(e.at < $2 OR (e.at = $2 AND e.id < $3)) ORDER BY e.at DESC, e.id DESC LIMIT $4"
# Each finds its rows by an index of its own; what is asked for beside that is looked up in them. The plus
# keeps the index on workspaces out of it where another one finds far fewer.
_ALL: Final = f"{_SELECT} WHERE e.workspace_id = $1 AND {_OLDER}"
_OF_KIND: Final = f"{_SELECT} WHERE e.workspace_id = $1 AND e.kind = $5 AND {_OLDER}"
_OF_PERSON: Final = (
    f"{_SELECT} WHERE e.account_id = $5 AND +e.workspace_id = $1 AND (e.kind = $6 OR $6 = '') AND {_OLDER}"
)
_OF_CLIENT: Final = (
    f"{_SELECT} WHERE e.client_id = $5 AND +e.workspace_id = $1 AND (e.kind = $6 OR $6 = '')"
    f" AND (e.account_id = $7 OR $7 = 0) AND {_OLDER}"
)


def _event(row: Row) -> WorkspaceEvent:
    return WorkspaceEvent(
        id=row[0],
        at=row[1],
        kind=row[2],
        account_id=row[3],
        person=f"{row[4] or ''} {row[5] or ''}".strip() or row[6] or "",
        client_id=row[7],
        client_name=row[8] or "",
        network=row[9],
        detail=json.loads(row[10]),
    )


async def list_workspace_events(
    db: Database,
    workspace_id: int,
    *,
    client_id: str = "",
    kind: str = "",
    account_id: int = 0,
    before: tuple[int, str] | None = None,
    limit: int = 50,
) -> Sequence[WorkspaceEvent]:
    """The changes in a workspace, newest first; `before`: instant and id of the last one seen."""
    at, event_id = before or (2**62, "")
    asked: tuple[object, ...] = (workspace_id, at, event_id, limit)
    if client_id:
        rows = await db.all(_OF_CLIENT, *asked, client_id, kind, account_id)
    elif account_id:
        rows = await db.all(_OF_PERSON, *asked, account_id, kind)
    elif kind:
        rows = await db.all(_OF_KIND, *asked, kind)
    else:
        rows = await db.all(_ALL, *asked)
    return [_event(row) for row in rows]
