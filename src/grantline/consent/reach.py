"""How many people an app reaches."""

from typing import Final

from grantline.db import Database

MOST_COUNTED: Final = 10_000


async def count_people(db: Database, client_id: str) -> int:
    """People who allowed the app, or for whom it holds tokens; above MOST_COUNTED it is not counted on."""
    row = await db.one(
        "SELECT COUNT(*) FROM (SELECT p.account_id FROM ("
        "SELECT k.account_id FROM consents k WHERE k.client_id = $1 AND k.withdrawn_at IS NULL"
        " UNION SELECT a.account_id FROM authorizations a"
        " WHERE a.client_id = $1 AND a.revoked_at IS NULL AND a.kind <> 'client') p LIMIT $2) q",
        client_id,
        MOST_COUNTED + 1,
    )
    return int(row[0]) if row is not None else 0
