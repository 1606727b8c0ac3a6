"""What commands change goes to the audit, as what the console changes does; who did it is the operator."""

from collections.abc import Mapping
from typing import Any, Final

from grantline.audit import record_event, render_change
from grantline.cli.running import Workplace
from grantline.clients import Client
from grantline.db import Database, Transaction

BY: Final = "command line"


async def record(
    tx: Transaction | Database,
    place: Workplace,
    kind: str,
    *,
    client: Client | None = None,
    workspace_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one change of a client, else of a workspace. No secret in either."""
    await record_event(
        tx,
        kind,
        now=place.now,
        client_id=client.id if client is not None else None,
        organization_id=client.organization_id if client is not None else None,
        workspace_id=client.workspace_id if client is not None else workspace_id,
        detail={**render_change(before, after), "by": BY},
    )
