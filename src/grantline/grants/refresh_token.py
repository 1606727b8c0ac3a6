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

from grantline.activity import Entry
from grantline.audit import record_event
from grantline.clients import Unconfirmed
from grantline.grants.exchange import Exchange, check_confirmed, check_kind
from grantline.oauth.errors import InvalidGrant, OAuthError, TemporarilyUnavailable, Throttled
from grantline.oauth.requests import RefreshRequest
from grantline.oauth.responses import TokenResponse
from grantline.opaque import REFRESH_TOKEN, digest
from grantline.tokens import (
    REFRESH_SPAN_SECONDS,
    REFRESHES,
    Authorization,
    Holder,
    Mint,
    Narrowed,
    Refreshed,
    Successor,
    access_token_for,
    find_authorization,
    find_moved,
    id_token_for,
    mint_refresh_token,
    narrow,
    open_answer,
    parse_refresh_token,
    refreshes_allowed,
    revoke_authorization,
    seal_answer,
    use_refresh_token,
)

LOST_ANSWER_SECONDS: Final = 60
MOVING_SECONDS: Final = 30
"""When to ask again for a person who is on the way to another data center."""

_REASONS: Final = MappingProxyType(
    {
        "evicted": "refresh_token_evicted",
        "consent_withdrawn": "consent_withdrawn",
        "refresh_token_reused": "refresh_token_reused",
    }
)


async def redeem_refresh_token(exchange: Exchange, request: RefreshRequest) -> TokenResponse:
    """A new access token and, where the client's tokens rotate, a new refresh token."""
    mint = exchange.mint
    presented = digest(request.refresh_token)
    token = parse_refresh_token(mint.keyring, mint.home.code, request.refresh_token)
    made_here = token is not None and token.made_here
    if token is not None and made_here and request.scope is None and not request.resource:
        # Then nothing has to be read before. The row's hash would prove the token alone; the MAC, checked
        # first, keeps whoever can write to the database from making one (T112).
        answer = await _use(exchange, request, token.authorization_id, presented, None)
        if answer is not None:
            return answer
    check_confirmed(exchange)
    if token is None:
        check_kind(exchange, request.refresh_token, REFRESH_TOKEN, "refresh_token_unknown")
    if token is None or not token.made_here:
        raise InvalidGrant("refresh_token_unknown")
    return await _look_first(exchange, request, token.authorization_id, presented)


async def _look_first(
    exchange: Exchange, request: RefreshRequest, authorization_id: int, presented: bytes
) -> TokenResponse:
    """What goes wrong and why; and the refresh itself where it asks for less than was granted."""
    mint, now = exchange.mint, exchange.now
    authorization = await find_authorization(mint.db, authorization_id)
    if authorization is None:
        await _check_moved(exchange, authorization_id)
        raise InvalidGrant("refresh_token_unknown", hint="Its authorization ended more than 30 days ago.")
    if authorization.client_id != exchange.client.id:
        raise InvalidGrant(
            "refresh_token_other_client", hint="The refresh token was issued to another client."
        )
    if not _same(authorization.refresh_hash, presented):
        return await _rotated_away(exchange, authorization, request, presented)
    try:
        _check_live(authorization, now)
        kept = narrow(
            mint,
            authorization.scope,
            authorization.resources,
            request.scope,
            request.resource,
            exchange.scope_aliases,
        )
        answer = await _use(exchange, request, authorization.id, presented, kept)
        return answer if answer is not None else await _lost_the_race(exchange, authorization.id, request)
    except OAuthError:
        # The token reached its holder: whoever has its predecessor can't claim a lost answer any more.
        if authorization.previous_hash is not None and not authorization.successor_seen:
            await mint.db.run(
                "UPDATE authorizations SET successor_seen = 1 WHERE id = $1 AND refresh_hash = $2",
                authorization.id,
                presented,
            )
        raise


async def _check_moved(exchange: Exchange, authorization_id: int) -> None:
    """Tell the app whose token it was that its person lives elsewhere now."""
    mint = exchange.mint
    code = await find_moved(mint.db, authorization_id, exchange.client.id, exchange.now)
    if code is None:
        return
    center = mint.data_centers.find(code)
    raise InvalidGrant(
        "account_moved",
        hint=f"This person has moved to {center.name if center else code.upper()}."
        " Send them through sign-in there.",
        members={"expected_issuer": center.issuer} if center else None,
    )


def _same(stored: bytes | None, presented: bytes) -> bool:
    return stored is not None and hmac.compare_digest(stored, presented)


def _check_live(authorization: Authorization, now: int) -> None:
    """Everything that can have ended it (T50, T52)."""
    if authorization.revoked_at is not None:
        reason = authorization.revoked_reason or ""
        raise InvalidGrant(_REASONS.get(reason, "authorization_revoked"), hint=f"Ended: {reason}.")
    if authorization.account_moving:
        raise TemporarilyUnavailable("account_moving", retry_after=MOVING_SECONDS)
    if authorization.account_gone:
        raise InvalidGrant("account_disabled")
    if authorization.refresh_expires_at is not None and now >= authorization.refresh_expires_at:
        raise InvalidGrant("refresh_token_expired")
    idle = authorization.refresh_idle_seconds
    if idle is not None and now >= authorization.used_at + idle:
        raise InvalidGrant(
            "refresh_token_idle", hint=f"It was last used {now - authorization.used_at} seconds ago."
        )


async def _use(
    exchange: Exchange,
    request: RefreshRequest,
    authorization_id: int,
    presented: bytes,
    kept: Narrowed | None,
) -> TokenResponse | None:
    """Use the token: for what is kept of the grant, or for all of it. None when nothing could be done."""
    mint = exchange.mint
    successor = sealed = None
    if exchange.rotate:
        successor = mint_refresh_token(mint.keyring, mint.home.code, authorization_id)
        told = json.dumps([successor, request.scope, request.resource])
        sealed = Successor(digest(successor), seal_answer(request.refresh_token, told.encode()))
    used = await use_refresh_token(mint, exchange.client, authorization_id, presented, sealed, exchange.now)
    if used is None:
        return None
    _warn_when_near(exchange, used.rate_count)
    kept = kept or (_meant(mint, used), used.resources, None)
    return await _answer(exchange, authorization_id, used, kept, successor, exchange.now)


def _meant(mint: Mint, used: Refreshed) -> tuple[str, ...]:
    """What the token of a refresh may say: all that was granted, for the APIs that it was granted for."""
    return mint.catalog.meant_for(used.resources, used.scope) if used.resources else used.scope


async def _answer(
    exchange: Exchange,
    authorization_id: int,
    held: Refreshed | Authorization,
    kept: Narrowed,
    successor: str | None,
    at: int,
) -> TokenResponse:
    """The tokens of a refresh that happened at this time: made again, they are the same."""
    mint, (scope, resources, asked) = exchange.mint, kept
    holder = Holder(exchange.client, held.account_id, held.organization_id, held.auth_time)
    minted = await access_token_for(mint, holder, authorization_id, held.sequence, scope, resources, at)
    return TokenResponse(
        access_token=minted.token,
        expires_in=minted.expires_in,
        scope=" ".join(asked or (held.asked_scope if scope == held.scope else scope)),
        api_domain=mint.home.api_domain,
        refresh_token=successor,
        id_token=_id_token(exchange, held, minted.token, at) if "openid" in scope else None,
    )


def _id_token(exchange: Exchange, held: Refreshed | Authorization, access_token: str, at: int) -> str:
    """An id_token of the same person and sign-in as the first, without its nonce (OpenID Connect Core
    §12.2)."""
    return id_token_for(
        exchange.mint,
        exchange.client,
        held.account_id,
        now=at,
        auth_time=held.auth_time,
        sid=held.sid or None,
        access_token=access_token,
    )


async def _lost_the_race(exchange: Exchange, authorization_id: int, request: RefreshRequest) -> TokenResponse:
    """Another request with the same token came first: the same answer for all."""
    authorization = await find_authorization(exchange.mint.db, authorization_id)
    if authorization is not None and not _same(authorization.refresh_hash, digest(request.refresh_token)):
        return await _rotated_away(exchange, authorization, request, digest(request.refresh_token))
    raise await _why_not(exchange, authorization_id)


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
            successor, asked, resource = json.loads(sealed)
            kept = narrow(
                mint,
                authorization.scope,
                authorization.resources,
                asked,
                tuple(resource),
                exchange.scope_aliases,
            )
            # The successor was not used, so the sequence is still that of the first answer.
            return await _answer(
                exchange, authorization.id, authorization, kept, successor, authorization.rotated_at
            )
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
    over = exchange.now - REFRESH_SPAN_SECONDS
    if authorization.rate_started_at <= over or authorization.rate_count < refreshes_allowed(exchange.mint):
        return Unconfirmed()  # something changed between two statements
    wait = max(1, authorization.rate_started_at + REFRESH_SPAN_SECONDS - exchange.now)
    return Throttled(
        "throttled",
        retry_after=wait,
        hint=f"More than {REFRESHES} access tokens in ten minutes for one refresh token.",
    )


def _warn_when_near(exchange: Exchange, used: int) -> None:
    """Tell the owner, once in ten minutes, that four fifths of the refreshes are used (B2)."""
    allowed = refreshes_allowed(exchange.mint)
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
            workspace_id=exchange.client.workspace_id,
        )
    )
