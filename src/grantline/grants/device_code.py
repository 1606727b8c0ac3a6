"""The device code grant: a device asks whether its person has decided (RFC 8628 §3.4, RFC 8628 §3.5)."""

from grantline.accounts import find_account, lock_account
from grantline.datacenters import check_heard
from grantline.grants.exchange import Exchange, check_confirmed, check_form, check_made_here
from grantline.oauth.errors import AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown
from grantline.oauth.pkce import check_code_verifier
from grantline.oauth.requests import DeviceCodeRequest
from grantline.oauth.responses import TokenResponse
from grantline.opaque import DEVICE_CODE
from grantline.tokens import (
    DeviceCode,
    Holder,
    Issued,
    NewAuthorization,
    access_token_for,
    count_poll,
    find_device_code,
    id_token_for,
    issue_authorization,
    narrow,
    spend_device_code,
)


async def redeem_device_code(exchange: Exchange, request: DeviceCodeRequest) -> TokenResponse:
    """Tokens once the person allowed it; else the word of RFC 8628 §3.5 for where it stands."""
    check_confirmed(exchange)
    check_form(request.device_code, DEVICE_CODE, "device_code_unknown")
    mint, now = exchange.mint, exchange.now
    code = await find_device_code(mint.db, request.device_code)
    if code is None:  # only now, since one that was handed over to us keeps the name of its maker
        check_made_here(exchange, request.device_code, "device_code_unknown")
        raise InvalidGrant("device_code_unknown")
    if code.client_id != exchange.client.id:
        raise InvalidGrant("device_code_other_client", hint="The device code was issued to another client.")
    _check_verifier(code, request.code_verifier)
    if code.consumed_at is not None:
        raise InvalidGrant("device_code_already_used")
    if code.status == "denied":
        raise AccessDenied("device_declined")
    if code.status == "elsewhere":
        raise _elsewhere(exchange, code)
    if now >= code.expires_at:
        raise ExpiredToken("device_code_expired")
    if code.status != "approved":
        if not await count_poll(mint.db, code, now):
            raise SlowDown("slow_down")
        raise AuthorizationPending("authorization_pending")
    account = await find_account(mint.db, code.account_id)
    if account is None or account.disabled_at is not None:
        raise AccessDenied("device_declined", hint="The person's account is disabled.")
    scope, resources, _ = narrow(mint, code.scope, code.resources, None, request.resource)
    await check_heard(mint.db, mint.data_centers, exchange.client.data_center, now)
    issued = await _spend(exchange, code)
    holder = Holder(exchange.client, account.id, code.organization_id, code.auth_time)
    minted = await access_token_for(
        mint, holder, issued.authorization_id, issued.sequence, scope, resources, now
    )
    id_token = None
    if "openid" in code.scope:
        id_token = id_token_for(
            mint,
            exchange.client,
            account.id,
            now=now,
            auth_time=code.auth_time,
            access_token=minted.token,
        )
    return TokenResponse(
        access_token=minted.token,
        expires_in=minted.expires_in,
        scope=" ".join(code.asked_scope if scope == code.scope else scope),
        api_domain=mint.home.api_domain,
        refresh_token=issued.refresh_token,
        id_token=id_token,
    )


def _elsewhere(exchange: Exchange, code: DeviceCode) -> AccessDenied:
    """The person lives in another data center, and the device goes on there (B7)."""
    issuer = exchange.mint.data_centers.issuers.get(code.user_location)
    members = {"expected_issuer": issuer} if issuer else None
    return AccessDenied("device_elsewhere", expected=code.user_location, members=members)


def _check_verifier(code: DeviceCode, verifier: str | None) -> None:
    """PKCE, when the device sent a challenge (T64)."""
    if code.code_challenge is None:
        if verifier is not None:
            raise InvalidGrant("code_verifier_unexpected")
    elif verifier is None:
        raise InvalidGrant("code_verifier_missing")
    else:
        check_code_verifier(verifier, code.code_challenge)


async def _spend(exchange: Exchange, code: DeviceCode) -> Issued:
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
        if not await spend_device_code(tx, code.device_code_hash, code.client_id, exchange.now):
            raise InvalidGrant("device_code_already_used", hint="Another poll with the same code came first.")
        return await issue_authorization(
            tx, exchange.mint, exchange.client, new, exchange.now, request_id=exchange.request_id
        )
