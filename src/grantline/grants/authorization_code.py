"""The authorization code grant: a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6, OpenID Connect Core
§3.1.3)."""

from typing import Final

from grantline.accounts import lock_account
from grantline.audit import record_event
from grantline.datacenters import check_heard
from grantline.grants.exchange import Exchange, check_confirmed, check_kind
from grantline.oauth.errors import InvalidGrant
from grantline.oauth.pkce import check_code_verifier
from grantline.oauth.requests import AuthorizationCodeRequest
from grantline.oauth.responses import TokenResponse
from grantline.opaque import AUTHORIZATION_CODE
from grantline.tokens import (
    LONGEST_ACCESS_TOKEN_SECONDS,
    AuthorizationCode,
    Holder,
    Issued,
    NewAuthorization,
    PresentedCode,
    access_token_for,
    count_wrong_verifier,
    find_authorization,
    find_presented_code,
    id_token_for,
    issue_authorization,
    narrow,
    revoke_authorization,
    revoke_sequence,
    spend_authorization_code,
    spend_for_refresh_token,
    yield_of_code,
)

SAME_REQUEST_SECONDS: Final = 10
MOST_WRONG_VERIFIERS: Final = 5


async def redeem_authorization_code(exchange: Exchange, request: AuthorizationCodeRequest) -> TokenResponse:
    """Tokens for a code, once. A replay ends what the code yielded, unless it is the same request within ten
    seconds (T32)."""
    check_kind(exchange, request.code, AUTHORIZATION_CODE, "code_unknown")
    presented = await find_presented_code(exchange.mint.db, exchange.authenticated, request.code)
    if presented is None:
        check_confirmed(exchange)
        raise InvalidGrant("code_unknown")
    code = presented.code
    if code.client_id != exchange.client.id:
        raise InvalidGrant("code_other_client", hint="The code was issued to another client.")
    try:
        await _check_binding(exchange, code, request)
    except InvalidGrant:
        if code.consumed_at is not None:
            await _end_what_it_yielded(exchange, code)
        raise
    if code.consumed_at is not None:
        if exchange.now > code.consumed_at + SAME_REQUEST_SECONDS:
            await _end_what_it_yielded(exchange, code)
        raise InvalidGrant(
            "code_already_used", hint=f"It was used {exchange.now - code.consumed_at} seconds ago."
        )
    if exchange.now >= code.expires_at:
        raise InvalidGrant("code_expired", hint=f"It expired {exchange.now - code.expires_at} seconds ago.")
    _check_owner(exchange, presented)
    await check_heard(exchange.mint.db, exchange.mint.data_centers, exchange.client.data_center, exchange.now)
    scope, resources, _ = narrow(exchange.mint, code.scope, code.resources, None, request.resource)
    issued = await _spend(exchange, code)
    holder = Holder(exchange.client, code.account_id, code.organization_id, code.auth_time)
    minted = await access_token_for(
        exchange.mint, holder, issued.authorization_id, issued.sequence, scope, resources, exchange.now
    )
    id_token = None
    if "openid" in code.scope:
        id_token = id_token_for(
            exchange.mint,
            exchange.client,
            code.account_id,
            now=exchange.now,
            auth_time=code.auth_time,
            nonce=code.nonce,
            sid=code.sid or None,
            access_token=minted.token,
        )
    return TokenResponse(
        access_token=minted.token,
        expires_in=minted.expires_in,
        scope=" ".join(code.asked_scope if scope == code.scope else scope),
        api_domain=exchange.mint.home.api_domain,
        refresh_token=issued.refresh_token,
        id_token=id_token,
    )


async def _check_binding(
    exchange: Exchange, code: AuthorizationCode, request: AuthorizationCodeRequest
) -> None:
    """The redirect URI and the challenge that the code is bound to (RFC 6749 §4.1.3, T33, T34)."""
    # A code from the console came without a redirect, so whatever a library sends along means nothing.
    absent_before = code.redirect_uri is None and request.redirect_uri in (
        None,
        *exchange.client.redirect_uris,
    )
    if not code.from_console and not absent_before and request.redirect_uri != code.redirect_uri:
        raise InvalidGrant(
            "code_redirect_uri_mismatch",
            expected=code.redirect_uri or "nothing",
            received=request.redirect_uri or "nothing",
        )
    if code.wrong_verifiers >= MOST_WRONG_VERIFIERS:
        raise InvalidGrant("code_burned")
    if code.code_challenge is None:
        if request.code_verifier is not None:
            raise InvalidGrant("code_verifier_unexpected")
        return
    if request.code_verifier is None:
        raise InvalidGrant("code_verifier_missing")
    try:
        check_code_verifier(request.code_verifier, code.code_challenge)
    except InvalidGrant:
        check_confirmed(exchange)
        await count_wrong_verifier(exchange.mint.db, code.code_hash)
        raise


def _check_owner(exchange: Exchange, presented: PresentedCode) -> None:
    """The person is still there and in the organization, and a self client still theirs (T8, T50)."""
    code = presented.code
    if presented.account_gone:
        raise InvalidGrant("account_disabled")
    if code.from_console and exchange.client.owner_account_id != code.account_id:
        raise InvalidGrant("code_owner_changed")
    if not presented.is_member:
        raise InvalidGrant("code_owner_changed", hint="The person left the organization.")


async def _spend(exchange: Exchange, code: AuthorizationCode) -> Issued:
    """Spend the code and make its authorization in one transaction: one winner."""
    if code.refresh_token:
        issued = await spend_for_refresh_token(exchange.mint, exchange.client, code, exchange.now)
        if issued is not None:
            return issued
    new = NewAuthorization(
        client_id=code.client_id,
        account_id=code.account_id,
        organization_id=code.organization_id,
        kind="refresh" if code.refresh_token else "online",
        scope=code.scope,
        asked_scope=code.asked_scope,
        resources=code.resources,
        auth_time=code.auth_time,
        sid=code.sid,
    )
    async with exchange.mint.db.transaction() as tx:
        if code.refresh_token:
            await lock_account(tx, code.account_id)
        if not await spend_authorization_code(tx, code.code_hash, code.client_id, exchange.now):
            raise InvalidGrant("code_already_used", hint="Another request with the same code came first.")
        issued = await issue_authorization(
            tx, exchange.mint, exchange.client, new, exchange.now, request_id=exchange.request_id
        )
        await yield_of_code(tx, code.code_hash, issued.authorization_id, issued.sequence)
    return issued


async def _end_what_it_yielded(exchange: Exchange, code: AuthorizationCode) -> None:
    """A replayed code may be a stolen one: end its own authorization, or on a shared row the token that it
    yielded."""
    check_confirmed(exchange)
    mint, now = exchange.mint, exchange.now
    if code.authorization_id is None or code.sequence is None:
        return
    authorization = await find_authorization(mint.db, code.authorization_id)
    if authorization is None or authorization.revoked_at is not None:
        return
    if authorization.shared:
        await revoke_sequence(
            mint.db,
            authorization.id,
            code.sequence,
            (code.consumed_at or now) + LONGEST_ACCESS_TOKEN_SECONDS,
            now,
        )
    else:
        await revoke_authorization(mint.db, authorization.id, "code_replayed", now)
    await record_event(
        mint.db,
        "code.replayed",
        now=now,
        account_id=code.account_id,
        client_id=code.client_id,
        organization_id=code.organization_id,
        network=exchange.network,
        detail={"authorization": authorization.id},
    )
