"""The refresh token grant (RFC 6749 §6, RFC 9700 §4.14).

Confidential clients keep their token. Public ones get a new one each time; who lost the answer may ask again
within a minute and
gets the same answer, as long as the new token has not been used. Reuse beyond that ends the authorization
(T46).
"""

import hmac
import json
from types import MappingProxyType
from typing import Final

from grantline.accounts import find_account
from grantline.activity import Entry
from grantline.audit import record_event
from grantline.grants.exchange import Exchange, check_kind
from grantline.oauth.errors import InvalidGrant, OAuthError, Throttled
from grantline.oauth.requests import RefreshRequest
from grantline.oauth.responses import TokenResponse
from grantline.opaque import REFRESH_TOKEN, digest
from grantline.tokens import (
    REFRESH_SPAN_SECONDS,
    REFRESHES,
    Authorization,
    access_token_for,
    find_authorization,
    id_token_for,
    mint_refresh_token,
    narrow,
    open_answer,
    parse_refresh_token,
    revoke_authorization,
    seal_answer,
)

LOST_ANSWER_SECONDS: Final = 60

_REASONS: Final = MappingProxyType(
    {
        "evicted": "refresh_token_evicted",
        "consent_withdrawn": "consent_withdrawn",
        "refresh_token_reused": "refresh_token_reused",
    }
)


async def redeem_refresh_token(exchange: Exchange, request: RefreshRequest) -> TokenResponse:
    """A new access token and, where the client's tokens rotate, a new refresh token."""
    mint, now = exchange.mint, exchange.now
    token = parse_refresh_token(mint.keyring, mint.home.code, request.refresh_token)
    if token is None:
        check_kind(exchange, request.refresh_token, REFRESH_TOKEN, "refresh_token_unknown")
    if token is None or not token.made_here:
        raise InvalidGrant("refresh_token_unknown")
    authorization = await find_authorization(mint.db, token.authorization_id)
    if authorization is None:
        raise InvalidGrant("refresh_token_unknown", hint="Its authorization ended more than 30 days ago.")
    if authorization.client_id != exchange.client.id:
        raise InvalidGrant(
            "refresh_token_other_client", hint="The refresh token was issued to another client."
        )
    presented = digest(request.refresh_token)
    if not _same(authorization.refresh_hash, presented):
        return await _rotated_away(exchange, authorization, request, presented)
    try:
        _check_live(authorization, now)
        scope, resources, asked = narrow(
            mint,
            authorization.scope,
            authorization.resources,
            request.scope,
            request.resource,
            exchange.scope_aliases,
        )
        return await _refresh(exchange, authorization, request, scope, resources, asked)
    except OAuthError:
        # The token reached its holder: whoever has its predecessor can't claim a lost answer any more.
        if authorization.previous_hash is not None and not authorization.successor_seen:
            await mint.db.run(
                "UPDATE authorizations SET successor_seen = 1 WHERE id = $1 AND refresh_hash = $2",
                authorization.id,
                presented,
            )
        raise


def _same(stored: bytes | None, presented: bytes) -> bool:
    return stored is not None and hmac.compare_digest(stored, presented)


def _check_live(authorization: Authorization, now: int) -> None:
    """Everything that can have ended it (T50, T52)."""
    if authorization.revoked_at is not None:
        reason = authorization.revoked_reason or ""
        raise InvalidGrant(_REASONS.get(reason, "authorization_revoked"), hint=f"Ended: {reason}.")
    if authorization.account_gone:
        raise InvalidGrant("account_disabled")
    if authorization.refresh_expires_at is not None and now >= authorization.refresh_expires_at:
        raise InvalidGrant("refresh_token_expired")
    idle = authorization.refresh_idle_seconds
    if idle is not None and now >= authorization.used_at + idle:
        raise InvalidGrant(
            "refresh_token_idle", hint=f"It was last used {now - authorization.used_at} seconds ago."
        )


async def _refresh(
    exchange: Exchange,
    authorization: Authorization,
    request: RefreshRequest,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
    asked: tuple[str, ...] | None,
) -> TokenResponse:
    mint = exchange.mint
    successor = (
        mint_refresh_token(mint.keyring, mint.home.code, authorization.id) if exchange.rotate else None
    )
    # When it rotates, the sequence is known before it is taken: only the bearer of the present token can.
    sequence = authorization.sequence + 1 if successor else await _take_sequence(exchange, authorization)
    access_token = await access_token_for(mint, authorization.id, sequence, scope, resources, exchange.now)
    answer = TokenResponse(
        access_token=access_token,
        expires_in=mint.access_token_seconds,
        scope=" ".join(asked or (authorization.asked_scope if scope == authorization.scope else scope)),
        api_domain=mint.home.api_domain,
        refresh_token=successor,
        id_token=await _id_token(exchange, authorization, scope, access_token),
    )
    if successor is None:
        return answer
    sealed = seal_answer(request.refresh_token, json.dumps(answer.members()).encode())
    if await _rotate(exchange, authorization, digest(successor), sealed):
        return answer
    return await _lost_the_race(exchange, authorization, request)


async def _id_token(
    exchange: Exchange, authorization: Authorization, scope: tuple[str, ...], access_token: str
) -> str | None:
    """With `openid`, an id_token of the same person and sign-in as the first, without its nonce (OpenID
    Connect Core §12.2)."""
    if "openid" not in scope:
        return None
    account = await find_account(exchange.mint.db, authorization.account_id)
    if account is None:
        return None
    return id_token_for(
        exchange.mint,
        exchange.client,
        account,
        scope,
        now=exchange.now,
        auth_time=authorization.auth_time,
        sid=authorization.sid or None,
        access_token=access_token,
    )


async def _take_sequence(exchange: Exchange, authorization: Authorization) -> int:
    """The next sequence and one of the ten refreshes per ten minutes, in one statement (B2, T47, T51)."""
    limiter, now = exchange.mint.limiter, exchange.now
    allowed = int(REFRESHES * limiter.factor) if limiter.factor else 2**40
    row = await exchange.mint.db.one(
        "UPDATE authorizations SET sequence = sequence + 1, used_at = $2,"
        " rate_count = CASE WHEN rate_started_at <= $3 THEN 1 ELSE rate_count + 1 END,"
        " rate_started_at = CASE WHEN rate_started_at <= $3 THEN $2 ELSE rate_started_at END"
        " WHERE id = $1 AND refresh_hash = $4 AND revoked_at IS NULL AND (rate_started_at <= $3 OR"
        " rate_count < $5)"
        " RETURNING sequence, rate_count",
        authorization.id,
        now,
        now - REFRESH_SPAN_SECONDS,
        authorization.refresh_hash,
        allowed,
    )
    if row is None:
        raise await _why_not(exchange, authorization.id)
    _warn_when_near(exchange, row[1], allowed)
    return int(row[0])


async def _rotate(exchange: Exchange, authorization: Authorization, successor: bytes, sealed: bytes) -> bool:
    """Put the successor in the place of the presented token: compare and swap in one statement."""
    limiter, now = exchange.mint.limiter, exchange.now
    allowed = int(REFRESHES * limiter.factor) if limiter.factor else 2**40
    changed = await exchange.mint.db.run(
        "UPDATE authorizations SET sequence = sequence + 1, used_at = $2,"
        " rate_count = CASE WHEN rate_started_at <= $3 THEN 1 ELSE rate_count + 1 END,"
        " rate_started_at = CASE WHEN rate_started_at <= $3 THEN $2 ELSE rate_started_at END,"
        " refresh_hash = $6, previous_hash = $4, rotated_at = $2, successor_seen = 0, sealed_answer = $7"
        " WHERE id = $1 AND refresh_hash = $4 AND sequence = $8 AND revoked_at IS NULL"
        " AND (rate_started_at <= $3 OR rate_count < $5)",
        authorization.id,
        now,
        now - REFRESH_SPAN_SECONDS,
        authorization.refresh_hash,
        allowed,
        successor,
        sealed,
        authorization.sequence,
    )
    if changed:
        fresh = authorization.rate_started_at <= now - REFRESH_SPAN_SECONDS
        _warn_when_near(exchange, 1 if fresh else authorization.rate_count + 1, allowed)
    return changed == 1


async def _lost_the_race(exchange: Exchange, before: Authorization, request: RefreshRequest) -> TokenResponse:
    """Another request with the same token came first: the same answer for all."""
    authorization = await find_authorization(exchange.mint.db, before.id)
    if authorization is not None and not _same(authorization.refresh_hash, digest(request.refresh_token)):
        return await _rotated_away(exchange, authorization, request, digest(request.refresh_token))
    raise await _why_not(exchange, before.id)


async def _rotated_away(
    exchange: Exchange, authorization: Authorization, request: RefreshRequest, presented: bytes
) -> TokenResponse:
    """A token that was rotated: the lost answer once more, or the end of the authorization (RFC 9700
    §4.14.2)."""
    mint, now = exchange.mint, exchange.now
    _check_live(authorization, now)
    if (
        _same(authorization.previous_hash, presented)
        and not authorization.successor_seen
        and authorization.rotated_at is not None
        and now < authorization.rotated_at + LOST_ANSWER_SECONDS
        and authorization.sealed_answer is not None
    ):
        sealed = open_answer(request.refresh_token, authorization.sealed_answer)
        if sealed is not None:
            return TokenResponse(**json.loads(sealed))
    async with mint.db.transaction() as tx:
        if await revoke_authorization(tx, authorization.id, "refresh_token_reused", now):
            await record_event(
                tx,
                "refresh_token.reused",
                now=now,
                account_id=authorization.account_id,
                client_id=authorization.client_id,
                organization_id=authorization.organization_id,
                network=exchange.network,
                detail={"authorization": authorization.id},
            )
    raise InvalidGrant(
        "refresh_token_reused", hint="A rotated refresh token came again, so everything it led to was ended."
    )


async def _why_not(exchange: Exchange, authorization_id: int) -> OAuthError:
    """Why the statement found no row to change: it ended meanwhile, or the limit of refreshes is reached."""
    authorization = await find_authorization(exchange.mint.db, authorization_id)
    if authorization is None:
        return InvalidGrant("authorization_revoked")
    try:
        _check_live(authorization, exchange.now)
    except InvalidGrant as error:
        return error
    wait = max(1, authorization.rate_started_at + REFRESH_SPAN_SECONDS - exchange.now)
    return Throttled(
        "throttled",
        retry_after=wait,
        hint=f"More than {REFRESHES} access tokens in ten minutes for one refresh token.",
    )


def _warn_when_near(exchange: Exchange, used: int, allowed: int) -> None:
    """Tell the owner, once in ten minutes, that four fifths of the refreshes are used (B2)."""
    if not exchange.mint.limiter.factor or not (used - 1) * 5 < allowed * 4 <= used * 5:
        return
    sentence = f"{used} of {allowed} refreshes in ten minutes are used."
    exchange.mint.recorder.record(
        Entry(
            id=exchange.request_id,
            client_id=exchange.client.id,
            proven=True,
            at=exchange.now,
            endpoint="token",
            error="event",
            code="limit_near",
            status=200,
            detail={"hint": sentence},
        )
    )
