"""Moving an app to another workspace."""

from grantline.clients.client import Client
from grantline.clients.elsewhere import queue_definition
from grantline.db import Transaction


class TransferRefused(ValueError):
    """The app stays where it is; the message says why."""


async def transfer_client(
    tx: Transaction, client: Client, *, to_workspace: int, account_id: int, now: int
) -> None:
    """Give the app to another workspace. The person must own the one where it is, and may change things in
    the other; from then on it is registered by them, and acts for the organization of its new workspace.

    People who allowed it are asked once more, in other data centers too, and what it got for itself
    (RFC 6749 §4.4) ends. Its secrets stay: who knew them still does. Raises TransferRefused.
    """
    if client.type.name == "self-client":
        raise TransferRefused("A self client acts for its owner, so it stays in their personal workspace.")
    await tx.all(
        "SELECT 1 FROM workspaces WHERE id = $1 OR id = $2 ORDER BY id FOR UPDATE",
        client.workspace_id,
        to_workspace,
    )
    moved = await tx.run(
        "UPDATE clients SET workspace_id = $2, owner_account_id = $3, organization_id = COALESCE("
        "(SELECT o.organization_id FROM memberships o JOIN workspaces w ON w.id = $2 AND w.personal = 1"
        " WHERE o.account_id = $3 AND o.personal = 1), $2), version = version + 1, updated_at = $4,"
        " handed_over_at = $4"
        " WHERE id = $1 AND workspace_id = $5 AND workspace_id <> $2 AND deleted_at IS NULL"
        " AND type NOT IN ('self-client', 'api') AND trial_of = ''"
        " AND EXISTS (SELECT 1 FROM workspace_members a WHERE a.workspace_id = $5 AND a.account_id = $3"
        " AND a.role = 'owner')"
        " AND EXISTS (SELECT 1 FROM workspace_members b WHERE b.workspace_id = $2 AND b.account_id = $3"
        " AND b.role IN ('owner', 'developer'))",
        client.id,
        to_workspace,
        account_id,
        now,
        client.workspace_id,
    )
    if not moved:
        raise TransferRefused("You must own the workspace it is in, and may change apps in the other one.")
    await queue_definition(tx, client.id, now)
    await tx.run("UPDATE consents SET redirect_hosts = '[]' WHERE client_id = $1", client.id)
    await tx.run(
        "UPDATE authorizations SET revoked_at = $2, revoked_reason = 'client_moved', shared_key = NULL"
        " WHERE client_id = $1 AND kind = 'client' AND revoked_at IS NULL",
        client.id,
        now,
    )
