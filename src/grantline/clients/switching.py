"""One data center switched on or off for an app, and apps that are deleted here and not yet everywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grantline.clients.checks import FieldProblem, Registration, RegistrationRefused
from grantline.clients.client import Client, find_client
from grantline.clients.elsewhere import check_data_centers, find_elsewhere, is_import, set_data_centers
from grantline.db import Database, Transaction


@dataclass(frozen=True, slots=True)
class Leaving:
    """A deleted app that another data center has not confirmed to be gone."""

    client_id: str
    name: str


async def switch_data_center(
    tx: Transaction, client: Client, center: str, now: int, *, on: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Let the app work in this other data center, or no longer: where it worked before, and where it works
    now. Whoever switches another one at the same moment is waited for, so that both hold.

    Raises RegistrationRefused; LookupError when the app was deleted meanwhile.
    """
    await tx.one("SELECT 1 FROM clients WHERE id = $1 FOR UPDATE", client.id)
    if await is_import(tx, client.id):
        problem = "This client is registered in another data center. Change it there."
        raise RegistrationRefused([FieldProblem("data_centers", problem)])
    found = await find_client(tx, client.id)
    if found is None:
        raise LookupError(client.id)
    before = found.data_centers
    if (center in before) is on or center == found.data_center:
        return before, before
    others = {*before} - {center}
    return before, await set_data_centers(tx, found, {*others, center} if on else others, now)


async def check_places(db: Database | Transaction, client: Client, asked: Registration) -> None:
    """Whether the app could work where this registration says, before anything is changed. Raises
    RegistrationRefused."""
    await check_data_centers(
        db, client.type, client.data_center, asked.data_centers or client.data_centers, client.data_centers
    )


async def secrets_there(tx: Transaction, client: Client, code: str) -> Mapping[str, object]:
    """The app's own secrets for one data center by their IDs, as the audit tells of them; none are those of
    home."""
    found = await find_elsewhere(tx, client.id, code)
    return {"secret_ids": [one.id for one in (found.secrets or ())] if found else []}


async def list_leaving(db: Database, workspace_id: int, *, limit: int = 10) -> Sequence[Leaving]:
    """Deleted apps of a workspace of which another listed data center still has to hear, the last first."""
    rows = await db.all(
        "SELECT c.id, c.name FROM clients c WHERE c.workspace_id = $1 AND c.deleted_at IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM client_elsewhere e JOIN data_centers d ON d.code = e.data_center"
        " AND d.listed = 1 WHERE e.client_id = c.id AND e.waiting_since IS NOT NULL)"
        " ORDER BY c.deleted_at DESC, c.id LIMIT $2",
        workspace_id,
        limit,
    )
    return [Leaving(row[0], row[1]) for row in rows]
