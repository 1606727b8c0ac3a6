"""What stays of a person's refresh tokens when the person moved to another data center: that they moved, and
where to, for the apps that held one, for a while."""

from typing import Final

from grantline.db import Database, Transaction

TOLD_SECONDS: Final = 30 * 24 * 3600


async def keep_moved(tx: Transaction, account_id: int, data_center: str, now: int) -> int:
    """Note the live refresh tokens of a person who moved: number, app and data center, nothing of the person.
    Gives how many."""
    return await tx.run(
        "INSERT INTO moved_authorizations (id, client_id, data_center, expires_at)"
        " SELECT id, client_id, $2, $3 FROM authorizations"
        " WHERE account_id = $1 AND refresh_hash IS NOT NULL AND revoked_at IS NULL",
        account_id,
        data_center,
        now + TOLD_SECONDS,
    )


async def find_moved(db: Database, authorization_id: int, client_id: str, now: int) -> str | None:
    """The data center that the person behind this app's refresh token moved to; None when none is known."""
    row = await db.one(
        "SELECT data_center FROM moved_authorizations WHERE id = $1 AND client_id = $2 AND expires_at > $3",
        authorization_id,
        client_id,
        now,
    )
    return row[0] if row is not None else None
