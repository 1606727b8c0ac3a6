"""Using a refresh token: one statement checks everything that can have ended it, and takes the next sequence.

The statement alone permits. Where it finds nothing to change, `grants.refresh_token` looks for the reason.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from grantline.clients import Client, confirmation, confirms
from grantline.db import Database
from grantline.tokens.mint import REFRESH_SPAN_SECONDS, REFRESHES, Mint

# That it was used shows that it reached its holder: its predecessor can't claim a lost answer any more (T46).
_KEEP: Final = "successor_seen = 1"
_ROTATE: Final = (
    "successor_seen = 0, refresh_hash = $10, sealed_answer = $11, previous_hash = $2, rotated_at = $3"
)
_CLIENT: Final = confirms(6)


_COUNT_AND_CHECK: Final = (
    ", sequence = sequence + 1, used_at = $3,"
    " rate_count = CASE WHEN rate_started_at <= $4 THEN 1 ELSE rate_count + 1 END,"
    " rate_started_at = CASE WHEN rate_started_at <= $4 THEN $3 ELSE rate_started_at END"
    " WHERE id = $1 AND refresh_hash = $2 AND revoked_at IS NULL AND client_id = $6"
    " AND (rate_started_at <= $4 OR rate_count < $5)"
    " AND (refresh_expires_at IS NULL OR refresh_expires_at > $3)"
    " AND (refresh_idle_seconds IS NULL OR used_at + refresh_idle_seconds > $3)"
    " AND EXISTS (SELECT 1 FROM accounts p WHERE p.id = authorizations.account_id"
    f" AND p.disabled_at IS NULL) AND {_CLIENT}"
    " RETURNING sequence, rate_count, account_id, scope, asked_scope, resources, auth_time, sid,"
    " organization_id"
)
_USE: Final = f"UPDATE authorizations SET {_KEEP}{_COUNT_AND_CHECK}"
_USE_AND_ROTATE: Final = f"UPDATE authorizations SET {_ROTATE}{_COUNT_AND_CHECK}"


class Refreshed(NamedTuple):
    """An authorization whose refresh token was just used."""

    sequence: int
    """Of the access token that may be made now."""
    rate_count: int
    account_id: int
    scope: tuple[str, ...]
    asked_scope: tuple[str, ...]
    resources: tuple[str, ...]
    auth_time: int
    sid: str
    organization_id: int


class Successor(NamedTuple):
    """The token that takes the place of the one presented, and what the holder of that may read again."""

    refresh_hash: bytes
    sealed_answer: bytes


def refreshes_allowed(mint: Mint) -> int:
    """How many in REFRESH_SPAN_SECONDS (B2)."""
    return int(REFRESHES * mint.limiter.factor) if mint.limiter.factor else 2**40


async def use_refresh_token(
    mint: Mint, client: Client, authorization_id: int, presented: bytes, successor: Successor | None, now: int
) -> Refreshed | None:
    """Use the refresh token with the hash `presented`; None, and nothing done, if anything is in the way: the
    client changed or is disabled, the token is not the present one, the authorization, the account or the
    time is over, the ten refreshes in ten minutes are used (B2, T47, T50, T51, T52)."""
    parameters = (
        authorization_id,
        presented,
        now,
        now - REFRESH_SPAN_SECONDS,
        refreshes_allowed(mint),
        *confirmation(client),
    )
    row = await _run(mint.db, parameters, successor)
    if row is None:
        return None
    sequence, rate_count, account_id, scope, asked_scope, resources, auth_time, sid, organization_id = row
    return Refreshed(
        sequence,
        rate_count,
        account_id,
        tuple(scope.split()),
        tuple(asked_scope.split()),
        tuple(resources.split()),
        auth_time,
        sid,
        organization_id,
    )


async def _run(db: Database, parameters: Sequence[object], successor: Successor | None) -> Any:
    if successor is None:
        return await db.one(_USE, *parameters)
    return await db.one(_USE_AND_ROTATE, *parameters, *successor)
