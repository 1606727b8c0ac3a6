"""Rehearsals: failures that an app's developers ask for, to see how the app copes.

One rehearsal per app, for a count of requests and at most an hour, and only while nobody but the app's owner
uses it: that is checked when it starts and again by the statement that counts each answer down.
`rehearsal_until` of the client says that one is on, so an app without one costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.clients.client import Client
from grantline.clients.client_types import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN
from grantline.db import Database, Row, Transaction

REHEARSAL_SECONDS: Final = 3600
MOST_ANSWERS: Final = 20

FAILURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "code_expired": AUTHORIZATION_CODE,
        "authorization_revoked": REFRESH_TOKEN,
        "device_code_expired": DEVICE_CODE,
        "throttled": "",
        "client_wrong_data_center": "",
        "overloaded": "",
    }
)
"""What can be rehearsed, by sub-code: the grant type whose requests fail, or nothing for all of them."""

_ALONE: Final = (
    " NOT EXISTS (SELECT 1 FROM authorizations a WHERE a.client_id = $1 AND a.revoked_at IS NULL"
    " AND a.account_id <> 0 AND a.account_id <> $2)"
    " AND NOT EXISTS (SELECT 1 FROM consents k WHERE k.client_id = $1 AND k.withdrawn_at IS NULL"
    " AND k.account_id <> $2)"
)


class RehearsalRefused(ValueError):
    """The rehearsal is not possible; the message says why."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A rehearsal that is on."""

    client_id: str
    code: str
    grant_type: str
    account_id: int
    remaining: int
    started_at: int
    ends_at: int


def failures_for(client: Client) -> tuple[str, ...]:
    """The failures that an app of this type can meet."""
    return tuple(code for code, grant in FAILURES.items() if not grant or grant in client.type.grants)


async def has_other_users(db: Database, client: Client) -> bool:
    """Whether anybody but the app's owner allowed it, or holds tokens of it."""
    row = await db.one(f"SELECT 1 WHERE {_ALONE}", client.id, client.owner_account_id)
    return row is None


async def start_rehearsal(
    tx: Transaction, client: Client, *, code: str, count: int, account_id: int, now: int
) -> Rehearsal:
    """Fail the next `count` requests that this failure fits. It takes the place of one that is on.

    Raises RehearsalRefused.
    """
    if code not in failures_for(client) or not 1 <= count <= MOST_ANSWERS:
        raise RehearsalRefused("Choose one of the failures, and how often.")
    ends_at = now + REHEARSAL_SECONDS
    await tx.run("DELETE FROM rehearsals WHERE client_id = $1", client.id)
    begun = await tx.run(
        "UPDATE clients SET rehearsal_until = $3, version = version + 1"
        f" WHERE id = $1 AND owner_account_id = $2 AND deleted_at IS NULL AND trial_of = '' AND {_ALONE}",
        client.id,
        client.owner_account_id,
        ends_at,
    )
    if not begun:
        raise RehearsalRefused("Other people use this app. A rehearsal would fail their requests, too.")
    rehearsal = Rehearsal(client.id, code, FAILURES[code], account_id, count, now, ends_at)
    await tx.run(
        "INSERT INTO rehearsals (client_id, code, grant_type, account_id, remaining, started_at, ends_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        client.id,
        code,
        rehearsal.grant_type,
        account_id,
        count,
        now,
        ends_at,
    )
    return rehearsal


async def stop_rehearsal(tx: Transaction, client_id: str) -> bool:
    """End the rehearsal with the next request. False when none was on."""
    ended = await tx.run("DELETE FROM rehearsals WHERE client_id = $1", client_id)
    await tx.run(
        "UPDATE clients SET rehearsal_until = 0, version = version + 1"
        " WHERE id = $1 AND rehearsal_until <> 0",
        client_id,
    )
    return ended == 1


async def find_rehearsal(db: Database, client_id: str, now: int) -> Rehearsal | None:
    """The rehearsal that is on."""
    row = await db.one(
        "SELECT client_id, code, grant_type, account_id, remaining, started_at, ends_at FROM rehearsals"
        " WHERE client_id = $1 AND ends_at > $2 AND remaining > 0",
        client_id,
        now,
    )
    return _rehearsal(row) if row is not None else None


async def take_rehearsed(db: Database, client: Client, grant_type: str, now: int) -> str | None:
    """The failure that this request is to meet, counted down by the same statement; None: none is.

    The last one ends the rehearsal, and so does the first request after somebody else began to use the app.
    """
    row = await db.one(
        "UPDATE rehearsals SET remaining = remaining - 1 WHERE client_id = $1 AND remaining > 0"
        f" AND ends_at > $3 AND (grant_type = '' OR grant_type = $4) AND {_ALONE}"
        " RETURNING code, remaining",
        client.id,
        client.owner_account_id,
        now,
        grant_type,
    )
    if (row is not None and row[1] == 0) or (row is None and await has_other_users(db, client)):
        async with db.transaction() as tx:
            await stop_rehearsal(tx, client.id)
    return str(row[0]) if row is not None else None


def _rehearsal(row: Row) -> Rehearsal:
    return Rehearsal(row[0], row[1], row[2], row[3], row[4], row[5], row[6])
