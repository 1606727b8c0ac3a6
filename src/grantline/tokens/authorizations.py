"""Authorizations: the rows that tokens live and die with. The database grows with them, never with tokens
issued.

One row for each refresh token handed out; one more per person, client and organization for everything without
a refresh token; one
per client and organization for client credentials. The last two are *shared*: found by `shared_key`, without
a limit on live tokens.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from grantline.clients import Client, confirmation, confirms
from grantline.db import Database, Row, Transaction

MOST_REVOKED: Final = 1000
"""Access tokens of one authorization that may be ended singly and not have expired yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an access token needs of its authorization: whose it is, and whether it still counts."""

    id: int
    client_id: str
    account_id: int
    """0: the app itself."""
    organization_id: int
    auth_time: int
    sequence: int
    live_limit: int
    revoked_sequences: tuple[tuple[int, int], ...]
    """Tokens ended singly, as (sequence, expiry)."""
    revoked_at: int | None
    client_type: str
    client_gone: bool
    """The client is disabled or deleted."""
    account_gone: bool
    """The account is disabled, or not here any more."""

    @property
    def live(self) -> bool:
        """The one predicate of T50: authorization, client and account all count."""
        return self.revoked_at is None and not self.client_gone and not self.account_gone

    def sequence_is_live(self, sequence: int) -> bool:
        """Whether the token of this sequence is inside the window of live ones and not ended singly."""
        if not 0 < sequence <= self.sequence:
            return False
        if self.live_limit and sequence <= self.sequence - self.live_limit:
            return False
        return all(ended != sequence for ended, _ in self.revoked_sequences)


@dataclass(frozen=True, slots=True)
class Authorization(Standing):
    """What a client holds for a person (or, with client credentials, as itself)."""

    shared: bool
    scope: tuple[str, ...]
    asked_scope: tuple[str, ...]
    resources: tuple[str, ...]
    sid: str
    refresh_hash: bytes | None
    refresh_expires_at: int | None
    refresh_idle_seconds: int | None
    previous_hash: bytes | None
    rotated_at: int | None
    successor_seen: bool
    sealed_answer: bytes | None
    rate_started_at: int
    rate_count: int
    created_at: int
    used_at: int
    revoked_reason: str | None
    account_moving: bool
    """The person is on the way to another data center, and may come back."""


# Whoever moved away is as gone as whoever is disabled.
_ACCOUNT_GONE: Final = "CASE WHEN p.id IS NULL AND a.account_id <> 0 THEN 0 ELSE p.disabled_at END"
_COLUMNS: Final = (
    "a.id, a.client_id, a.account_id, a.organization_id, a.shared_key, a.scope, a.asked_scope, a.resources,"
    " a.auth_time, a.sid,"
    " a.refresh_hash, a.refresh_expires_at, a.refresh_idle_seconds, a.previous_hash, a.rotated_at,"
    " a.successor_seen,"
    " a.sealed_answer, a.sequence, a.live_limit, a.revoked_sequences, a.rate_started_at, a.rate_count,"
    " a.created_at, a.used_at,"
    f" a.revoked_at, a.revoked_reason, c.type, c.disabled_at, c.deleted_at, {_ACCOUNT_GONE}, p.moving_to"
)
STANDING_FROM: Final = (
    "FROM authorizations a JOIN clients c ON c.id = a.client_id LEFT JOIN accounts p ON p.id = a.account_id"
)
_BY_ID: Final = f"SELECT {_COLUMNS} {STANDING_FROM} WHERE a.id = $1"


def _authorization(row: Row) -> Authorization:
    return Authorization(
        id=row[0],
        client_id=row[1],
        account_id=row[2],
        organization_id=row[3],
        shared=row[4] is not None,
        scope=tuple(row[5].split()),
        asked_scope=tuple(row[6].split()),
        resources=tuple(row[7].split()),
        auth_time=row[8],
        sid=row[9],
        refresh_hash=row[10],
        refresh_expires_at=row[11],
        refresh_idle_seconds=row[12],
        previous_hash=row[13],
        rotated_at=row[14],
        successor_seen=bool(row[15]),
        sealed_answer=row[16],
        sequence=row[17],
        live_limit=row[18],
        revoked_sequences=_sequences(row[19]),
        rate_started_at=row[20],
        rate_count=row[21],
        created_at=row[22],
        used_at=row[23],
        revoked_at=row[24],
        revoked_reason=row[25],
        client_type=row[26],
        client_gone=row[27] is not None or row[28] is not None,
        account_gone=row[29] is not None,
        account_moving=bool(row[30]),
    )


STANDING_COLUMNS: Final = (
    "a.id, a.client_id, a.account_id, a.organization_id, a.auth_time, a.sequence, a.live_limit,"
    f" a.revoked_sequences, a.revoked_at, c.type, c.disabled_at, c.deleted_at, {_ACCOUNT_GONE}"
)
"""What `standing` reads, of authorizations `a`, clients `c` and accounts `p`."""
_STANDING: Final = f"SELECT {STANDING_COLUMNS} {STANDING_FROM} WHERE a.id = $1"


def standing(row: Row) -> Standing:
    """The standing in a row that begins with STANDING_COLUMNS."""
    return Standing(
        id=row[0],
        client_id=row[1],
        account_id=row[2],
        organization_id=row[3],
        auth_time=row[4],
        sequence=row[5],
        live_limit=row[6],
        revoked_sequences=_sequences(row[7]),
        revoked_at=row[8],
        client_type=row[9],
        client_gone=row[10] is not None or row[11] is not None,
        account_gone=row[12] is not None,
    )


async def find_standing(db: Database, authorization_id: int) -> Standing | None:
    """The standing of the authorization of this number, dead ones too."""
    row = await db.one(_STANDING, authorization_id)
    return standing(row) if row is not None else None


def _sequences(text: str) -> tuple[tuple[int, int], ...]:
    return tuple((pair[0], pair[1]) for pair in json.loads(text)) if text != "[]" else ()


async def find_authorization(db: Database | Transaction, authorization_id: int) -> Authorization | None:
    """The authorization of this number, dead ones too."""
    row = await db.one(_BY_ID, authorization_id)
    return _authorization(row) if row is not None else None


async def list_refresh_authorizations(
    db: Database | Transaction, *, account_id: int, client_id: str, organization_id: int
) -> Sequence[Authorization]:
    """The live authorizations that have a refresh token, oldest first."""
    rows = await db.all(
        f"SELECT {_COLUMNS} {STANDING_FROM} WHERE a.account_id = $1 AND a.client_id = $2"
        " AND a.organization_id = $3 AND a.refresh_hash IS NOT NULL AND a.revoked_at IS NULL"
        " ORDER BY a.created_at, a.id",
        account_id,
        client_id,
        organization_id,
    )
    return [_authorization(row) for row in rows]


class Held(NamedTuple):
    """One of the authorizations that a client holds for a person, as far as their number is concerned."""

    id: int
    created_at: int
    used_at: int


async def list_held(
    tx: Transaction, *, account_id: int, client_id: str, organization_id: int
) -> Sequence[Held]:
    """The same as `list_refresh_authorizations`, in short."""
    rows = await tx.all(
        "SELECT id, created_at, used_at FROM authorizations WHERE account_id = $1 AND client_id = $2"
        " AND organization_id = $3 AND refresh_hash IS NOT NULL AND revoked_at IS NULL"
        " ORDER BY created_at, id",
        account_id,
        client_id,
        organization_id,
    )
    return [Held(row[0], row[1], row[2]) for row in rows]


@dataclass(frozen=True, slots=True)
class NewAuthorization:
    """What a new row starts from."""

    client_id: str
    account_id: int
    organization_id: int
    kind: str
    """`refresh`, `online` or `client`."""
    scope: tuple[str, ...]
    asked_scope: tuple[str, ...]
    resources: tuple[str, ...]
    auth_time: int
    sid: str
    refresh_expires_at: int | None = None
    refresh_idle_seconds: int | None = None
    live_limit: int = 0

    @property
    def shared_key(self) -> str | None:
        """What finds the shared row again; None for one with a refresh token."""
        if self.kind == "refresh":
            return None
        return f"{self.kind} {self.client_id} {self.account_id} {self.organization_id}"


async def insert_authorization(tx: Transaction, new: NewAuthorization, now: int) -> tuple[int, int]:
    """Number and sequence of a new row, with its first sequence taken. No refresh is counted yet: a code is
    none. Where another transaction made the shared row meanwhile, its next sequence is taken."""
    row = await tx.one(
        "INSERT INTO authorizations (client_id, account_id, organization_id, kind, shared_key, scope,"
        " asked_scope, resources,"
        " auth_time, sid, refresh_expires_at, refresh_idle_seconds, successor_seen, sequence, live_limit,"
        " revoked_sequences,"
        " rate_started_at, rate_count, created_at, used_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 1, $13, '[]', $14, 0, $14, $14)"
        " ON CONFLICT (shared_key) DO UPDATE SET sequence = authorizations.sequence + 1, used_at = $14,"
        " auth_time = $9, sid = $10 RETURNING id, sequence",
        new.client_id,
        new.account_id,
        new.organization_id,
        new.kind,
        new.shared_key,
        " ".join(new.scope),
        " ".join(new.asked_scope),
        " ".join(new.resources),
        new.auth_time,
        new.sid,
        new.refresh_expires_at,
        new.refresh_idle_seconds,
        new.live_limit,
        now,
    )
    assert row is not None
    return row[0], row[1]


async def set_refresh_hash(tx: Transaction, authorization_id: int, refresh_hash: bytes) -> None:
    """Give a new row the hash of its refresh token, which carries the row's number."""
    await tx.run("UPDATE authorizations SET refresh_hash = $2 WHERE id = $1", authorization_id, refresh_hash)


_NEXT_SHARED: Final = (
    "UPDATE authorizations SET sequence = sequence + 1, used_at = $2, auth_time = $3, sid = $4"
    " WHERE shared_key = $1 AND revoked_at IS NULL"
)
_RETURNING: Final = " RETURNING id, sequence"
_CLIENT: Final = confirms(5)
_OF_CONFIRMED: Final = f"{_NEXT_SHARED} AND {_CLIENT}{_RETURNING}"
_OF_CONFIRMED_OWNER: Final = (
    f"{_NEXT_SHARED} AND {_CLIENT}"
    f" AND EXISTS (SELECT 1 FROM accounts p WHERE p.id = $9 AND p.disabled_at IS NULL){_RETURNING}"
)


async def next_shared_sequence(
    db: Database | Transaction, new: NewAuthorization, now: int
) -> tuple[int, int] | None:
    """Number and next sequence of the shared row, if there is a live one. One statement."""
    sql = _NEXT_SHARED + _RETURNING
    row = await db.one(sql, new.shared_key, now, new.auth_time, new.sid)
    return (row[0], row[1]) if row is not None else None


async def next_client_sequence(
    db: Database, client: Client, new: NewAuthorization, now: int
) -> tuple[int, int] | None:
    """`next_shared_sequence` for the client's own row, if the same statement confirms the client and, where
    it acts as one, the person."""
    parameters = (new.shared_key, now, new.auth_time, new.sid, *confirmation(client))
    if new.account_id:
        row = await db.one(_OF_CONFIRMED_OWNER, *parameters, new.account_id)
    else:
        row = await db.one(_OF_CONFIRMED, *parameters)
    return (row[0], row[1]) if row is not None else None


async def revoke_authorization(
    db: Database | Transaction, authorization_id: int, reason: str, now: int
) -> bool:
    """End the authorization and with it every token; False when it was dead already."""
    changed = await db.run(
        "UPDATE authorizations SET revoked_at = $2, revoked_reason = $3, shared_key = NULL, sealed_answer ="
        " NULL"
        " WHERE id = $1 AND revoked_at IS NULL",
        authorization_id,
        now,
        reason,
    )
    return changed == 1


async def revoke_sequence(
    db: Database, authorization_id: int, sequence: int, expires_at: int, now: int
) -> None:
    """End one access token. Ended ones are remembered until they would have expired; with more
    than a thousand of them everything that the row led to ends."""
    async with db.transaction() as tx:
        row = await tx.one(
            "SELECT revoked_sequences FROM authorizations WHERE id = $1 FOR UPDATE", authorization_id
        )
        if row is None:
            return
        ended = [pair for pair in _sequences(row[0]) if pair[1] > now and pair[0] != sequence]
        ended.append((sequence, expires_at))
        if len(ended) > MOST_REVOKED:
            await revoke_authorization(tx, authorization_id, "too_many_revocations", now)
            return
        rendered: Any = json.dumps(ended, separators=(",", ":"))
        await tx.run(
            "UPDATE authorizations SET revoked_sequences = $2 WHERE id = $1", authorization_id, rendered
        )


async def revoke_for_client(
    tx: Transaction, *, account_id: int, client_id: str, reason: str, now: int
) -> int:
    """End everything that the client holds for this person; gives how many authorizations."""
    return await tx.run(
        "UPDATE authorizations SET revoked_at = $3, revoked_reason = $4, shared_key = NULL, sealed_answer ="
        " NULL"
        " WHERE account_id = $1 AND client_id = $2 AND revoked_at IS NULL",
        account_id,
        client_id,
        now,
        reason,
    )
