"""Whose data a client holds tokens for, for the people who own it: read page by page, and ended by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grantline.db import Database, Transaction
from grantline.tokens.authorizations import revoke_authorization

COUNTED: Final = 2000
"""Authorizations that are looked through to count; where there are more, the answer says so."""
REASON: Final = "revoked_by_owner"
_TOGETHER: Final = 200


@dataclass(frozen=True, slots=True)
class Holders:
    """How many people a client holds refresh tokens for."""

    people: int
    busiest: int
    """The most refresh tokens for one person."""
    more: bool
    """There are more than were counted."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a client holds for one person; account 0: for itself."""

    account_id: int
    email: str
    since: int
    used_at: int
    refresh_tokens: int
    authorizations: int


@dataclass(frozen=True, slots=True)
class HeldAuthorization:
    """One authorization of one person."""

    id: int
    kind: str
    scope: tuple[str, ...]
    created_at: int
    used_at: int


async def count_holders(db: Database, client_id: str) -> Holders:
    """Counted in one statement that looks at a bounded number of rows."""
    row = await db.one(
        "SELECT COUNT(*), COALESCE(MAX(n), 0), COALESCE(SUM(n), 0) FROM (SELECT account_id, COUNT(*) AS n"
        " FROM (SELECT account_id FROM authorizations WHERE client_id = $1 AND account_id > 0"
        " AND refresh_hash IS NOT NULL AND revoked_at IS NULL LIMIT $2) AS looked_at GROUP BY account_id)"
        " AS people",
        client_id,
        COUNTED + 1,
    )
    assert row is not None
    return Holders(row[0], row[1], row[2] > COUNTED)


async def list_holdings(
    db: Database, client_id: str, *, after: int = -1, limit: int = 50
) -> Sequence[Holding]:
    """Those with live authorizations, by the number of their account, after this one."""
    rows = await db.all(
        "SELECT h.account_id, COALESCE(p.email, ''), h.since, h.used_at, h.tokens, h.held FROM"
        " (SELECT account_id, MIN(created_at) AS since, MAX(used_at) AS used_at,"
        " SUM(CASE WHEN refresh_hash IS NOT NULL THEN 1 ELSE 0 END) AS tokens, COUNT(*) AS held"
        " FROM authorizations WHERE client_id = $1 AND account_id > $2 AND revoked_at IS NULL"
        " GROUP BY account_id ORDER BY account_id LIMIT $3) AS h"
        " LEFT JOIN accounts p ON p.id = h.account_id ORDER BY h.account_id",
        client_id,
        after,
        limit,
    )
    return [Holding(row[0], row[1], row[2], row[3], int(row[4]), row[5]) for row in rows]


async def list_held_authorizations(
    db: Database, client_id: str, account_id: int, *, limit: int = 50
) -> Sequence[HeldAuthorization]:
    """The live authorizations of one person, the one used last first."""
    rows = await db.all(
        "SELECT id, kind, scope, created_at, used_at FROM authorizations"
        " WHERE client_id = $1 AND account_id = $2 AND revoked_at IS NULL"
        " ORDER BY used_at DESC, id DESC LIMIT $3",
        client_id,
        account_id,
        limit,
    )
    return [HeldAuthorization(row[0], row[1], tuple(row[2].split()), row[3], row[4]) for row in rows]


async def revoke_one(tx: Transaction, client_id: str, authorization_id: int, now: int) -> int:
    """End one authorization of this client; gives how many ended."""
    row = await tx.one("SELECT client_id FROM authorizations WHERE id = $1 FOR UPDATE", authorization_id)
    if row is None or row[0] != client_id:
        return 0
    return int(await revoke_authorization(tx, authorization_id, REASON, now))


async def revoke_some(db: Database, client_id: str, now: int) -> int:
    """End some of the authorizations of this client; 0 when none is left. Call it until then: each call is
    short, so that others need not wait."""
    return await db.run(
        "UPDATE authorizations SET revoked_at = $2, revoked_reason = $3, shared_key = NULL,"
        " sealed_answer = NULL WHERE id IN (SELECT id FROM authorizations WHERE client_id = $1"
        " AND revoked_at IS NULL LIMIT $4)",
        client_id,
        now,
        REASON,
        _TOGETHER,
    )
