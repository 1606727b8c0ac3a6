"""What people change in the console goes to the audit: who, where, from which network, what it was before and
what after."""

from collections.abc import Mapping
from typing import Any

from grantline.audit import record_event, render_change
from grantline.clients import Client
from grantline.db import Database, Transaction
from grantline.web.console.place import Place
from grantline.web.visit import Visit


async def record_change(
    tx: Transaction | Database,
    visit: Visit,
    place: Place,
    kind: str,
    *,
    client: Client | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one change of a client, else of the workspace of the place; pass the transaction of the act where
    there is one. What is equal in `before` and `after` is left out. No secret in either."""
    await record_event(
        tx,
        kind,
        now=visit.now,
        account_id=place.account.id,
        client_id=client.id if client is not None else None,
        organization_id=client.organization_id if client is not None else None,
        workspace_id=client.workspace_id if client is not None else place.workspace_id,
        network=visit.peer.shown,
        detail=render_change(before, after),
    )
