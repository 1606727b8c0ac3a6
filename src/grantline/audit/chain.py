"""The chain: every event carries a seal over itself and the seal before it, so that none can be altered or
taken out of the middle unnoticed (T131).

A job seals what is new about once a second, so that no act waits for another's event. The key is derived from
the master key: who can write to the database alone can't make a seal.
"""

import hmac
import json
from typing import Final

from grantline.db import Database, Row

SEAL_PURPOSE: Final = "audit-seal"
"""What the key is derived for."""
TOGETHER: Final = 100
_COLUMNS: Final = "id, at, kind, account_id, client_id, organization_id, network, detail, workspace_id"
_FIRST_SEAL: Final = bytes(32)


def _seal(key: bytes, before: bytes, number: int, row: Row) -> bytes:
    # Events from before there were workspaces have none, and keep the seal that they have.
    last = 8 if row["workspace_id"] is None else 9
    event = json.dumps([number, *(row[index] for index in range(last))], separators=(",", ":"))
    return hmac.digest(key, before + event.encode(), "sha256")


async def has_unsealed(db: Database) -> bool:
    """Whether an event waits for its seal."""
    return await db.one("SELECT 1 FROM audit WHERE number IS NULL LIMIT 1") is not None


async def seal_events(db: Database, key: bytes) -> int:
    """Seal the oldest events that have none, TOGETHER at most; gives how many. Safe to run by several nodes
    at once."""
    async with db.transaction() as tx:
        await tx.run(
            "INSERT INTO audit_chain (one, first_number, first_seal, last_number, last_seal)"
            " VALUES (1, 0, $1, 0, $1) ON CONFLICT (one) DO NOTHING",
            _FIRST_SEAL,
        )
        head = await tx.one("SELECT last_number, last_seal FROM audit_chain WHERE one = 1 FOR UPDATE")
        assert head is not None
        number, seal = head[0], bytes(head[1])
        rows = await tx.all(
            f"SELECT {_COLUMNS} FROM audit WHERE number IS NULL ORDER BY at, id LIMIT $1", TOGETHER
        )
        for row in rows:
            number += 1
            seal = _seal(key, seal, number, row)
            await tx.run("UPDATE audit SET number = $2, seal = $3 WHERE id = $1", row[0], number, seal)
        if rows:
            await tx.run(
                "UPDATE audit_chain SET last_number = $1, last_seal = $2 WHERE one = 1", number, seal
            )
    return len(rows)


async def find_break(db: Database, key: bytes) -> str | None:
    """What is wrong with the chain, in a sentence; None when it holds from end to end."""
    chain = await db.one("SELECT first_number, first_seal, last_number, last_seal FROM audit_chain")
    if chain is None:
        return None
    number, seal, last_number = chain[0], bytes(chain[1]), chain[2]
    while number < last_number:
        rows = await db.all(
            f"SELECT {_COLUMNS}, number, seal FROM audit WHERE number > $1 AND number <= $2"
            " ORDER BY number LIMIT $3",
            number,
            last_number,
            TOGETHER,
        )
        if not rows:
            return f"Event {number + 1} of the audit is missing."
        for row in rows:
            number += 1
            if row[9] != number:
                return f"Event {number} of the audit is missing."
            seal = _seal(key, seal, number, row)
            if not hmac.compare_digest(seal, bytes(row[10])):
                return f"Event {number} of the audit ({row[0]}) is not as it was sealed."
    if not hmac.compare_digest(seal, bytes(chain[3])):
        return "The end of the audit is not as it was sealed."
    return None
