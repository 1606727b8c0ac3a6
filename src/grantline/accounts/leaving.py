"""An account on its way to another data center: nobody signs in to it, and no token of it works. What is
taken along and what is deleted when the person arrived is decided in `crossing`."""

from grantline.db import Database, Transaction


async def begin_leaving(tx: Transaction, account_id: int, *, to: str, move_id: str, now: int) -> bool:
    """Mark an account as moving and end its sessions; False when it is disabled or moving already."""
    changed = await tx.run(
        "UPDATE accounts SET moving_to = $2, move_id = $3, disabled_at = $4"
        " WHERE id = $1 AND moving_to = '' AND disabled_at IS NULL",
        account_id,
        to,
        move_id,
        now,
    )
    await tx.run(
        "UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL", account_id, now
    )
    return changed == 1


async def stop_leaving(tx: Transaction, account_id: int, move_id: str) -> bool:
    """The account is as before, its sessions stay ended; False when it is not on this move."""
    changed = await tx.run(
        "UPDATE accounts SET moving_to = '', move_id = '', disabled_at = NULL"
        " WHERE id = $1 AND move_id = $2 AND moving_to <> ''",
        account_id,
        move_id,
    )
    return changed == 1


async def find_move(db: Database | Transaction, account_id: int) -> tuple[str, str] | None:
    """Where the account is moving to, and the number of the move; None when it is on none, or not here."""
    row = await db.one("SELECT moving_to, move_id FROM accounts WHERE id = $1", account_id)
    return (row[0], row[1]) if row is not None and row[0] else None
