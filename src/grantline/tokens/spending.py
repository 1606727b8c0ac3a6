"""Spending an authorization code for an authorization with a refresh token, in one round trip.

The statements alone permit. They do so where nothing has to be ended or told: the person has few refresh
tokens of the app. Else they do nothing, and `grants.authorization_code` goes the long way.
"""

from typing import Final

from grantline.clients import Client
from grantline.db import Pair
from grantline.opaque import digest
from grantline.tokens.authorization_codes import AuthorizationCode
from grantline.tokens.issue import NEARLY_ALL_REFRESH_TOKENS, NEW_REFRESH_TOKENS, Issued
from grantline.tokens.mint import LIVE_ACCESS_TOKENS, Mint
from grantline.tokens.refresh_tokens import mint_refresh_token

_SPEND: Final = Pair(
    # What a person has is counted here, so two exchanges must not count at once.
    lock="SELECT 1 FROM accounts WHERE id = $1",
    first="UPDATE authorization_codes SET consumed_at = $4, authorization_id = $5, sequence = 1"
    " WHERE code_hash = $2 AND client_id = $3 AND account_id = $1 AND consumed_at IS NULL AND expires_at > $4"
    " AND wrong_verifiers < 5 AND (SELECT COUNT(*) FROM authorizations a WHERE a.account_id = $1"
    " AND a.client_id = $3 AND a.organization_id = authorization_codes.organization_id"
    " AND a.refresh_hash IS NOT NULL AND a.revoked_at IS NULL) < $6",
    gives="client_id, account_id, organization_id, scope, asked_scope, resources, auth_time, sid",
    second="INSERT INTO authorizations (id, client_id, account_id, organization_id, kind, scope, asked_scope,"
    " resources, auth_time, sid, refresh_hash, refresh_expires_at, refresh_idle_seconds, successor_seen,"
    " sequence, live_limit, revoked_sequences, rate_started_at, rate_count, created_at, used_at)"
    " SELECT $5, client_id, account_id, organization_id, 'refresh', scope, asked_scope, resources, auth_time,"
    " sid, $7, $8, $9, 0, 1, $10, '[]', $4, 0, $4, $4 FROM changed",
)


async def spend_for_refresh_token(
    mint: Mint, client: Client, code: AuthorizationCode, now: int
) -> Issued | None:
    """Spend the code and make its authorization, with the refresh token that the code stands for; one winner
    (T31, T32). None, and nothing done, where the code can't be spent now or there is more to do than that."""
    number = await mint.numbers.take()
    token = mint_refresh_token(mint.keyring, mint.home.code, number)
    kind = client.type
    made = await mint.db.pair(
        _SPEND,
        code.account_id,
        code.code_hash,
        client.id,
        now,
        number,
        _few(mint),
        digest(token),
        now + kind.absolute_seconds if kind.absolute_seconds else None,
        kind.idle_seconds,
        LIVE_ACCESS_TOKENS,
    )
    return Issued(number, 1, token) if made else None


def _few(mint: Mint) -> int:
    """With fewer refresh tokens of one person and app there is none to be ended, and nobody to be told or to
    wait (B3)."""
    few = NEARLY_ALL_REFRESH_TOKENS - 1
    return min(few, mint.limiter.allowed(NEW_REFRESH_TOKENS)) if mint.limiter.factor else few
