"""The answer that goes back to the app: a code in the query, or a token in the fragment (RFC 6749 §4.1.2, RFC
6749 §4.2.2)."""

from grantline.accounts import Account
from grantline.authorize.check import CheckedRequest, check_response_type
from grantline.db import Transaction
from grantline.oauth.errors import OAuthError
from grantline.oauth.responses import error_redirect_parameters, render_redirect
from grantline.tokens import (
    Holder,
    Mint,
    NewAuthorization,
    ScopeSet,
    access_token_of,
    claims_for,
    id_token_for,
    issue_authorization,
    issue_authorization_code,
    narrow,
    scope_set_for,
)


async def prepare_answer(mint: Mint, checked: CheckedRequest) -> ScopeSet:
    """What the answer needs that must not be made inside its transaction: the row of the token's scopes and
    audience."""
    scope, resources, _ = narrow(mint, checked.scope, (), None, checked.request.resource)
    return await scope_set_for(mint, scope, resources)


async def answer_request(
    tx: Transaction,
    mint: Mint,
    checked: CheckedRequest,
    account: Account,
    *,
    organization_id: int,
    auth_time: int,
    sid: str,
    refresh_token: bool,
    scope_set: ScopeSet,
    now: int,
) -> str:
    """The address to send the browser to, with the code or token in it. Raises what issuing raises; then
    nothing was made.

    `refresh_token` is the edge's word on whether the code may yield one; `scope_set` comes from
    `prepare_answer`.
    """
    check_response_type(checked.client, checked.request.response_type)
    home = mint.home
    parameters: dict[str, str] = {}
    if checked.request.state is not None:
        parameters["state"] = checked.request.state
    if checked.request.response_type == "code":
        parameters["code"] = await issue_authorization_code(
            mint,
            tx,
            client_id=checked.client.id,
            account_id=account.id,
            organization_id=organization_id,
            redirect_uri=checked.redirect_uri if checked.request.redirect_uri is not None else None,
            scope=checked.scope,
            asked_scope=checked.asked_scope,
            resources=checked.request.resource,
            refresh_token=refresh_token,
            code_challenge=checked.request.code_challenge,
            nonce=checked.request.nonce,
            auth_time=auth_time,
            sid=sid,
            now=now,
        )
    else:
        parameters |= await _token_parameters(
            tx,
            mint,
            checked,
            account,
            organization_id=organization_id,
            auth_time=auth_time,
            sid=sid,
            scope_set=scope_set,
            now=now,
        )
    parameters |= {"location": home.code, "accounts-server": home.issuer, "iss": home.issuer}
    return render_redirect(
        checked.redirect_uri, parameters, "fragment" if checked.request.in_fragment else "query"
    )


async def _token_parameters(
    tx: Transaction,
    mint: Mint,
    checked: CheckedRequest,
    account: Account,
    *,
    organization_id: int,
    auth_time: int,
    sid: str,
    scope_set: ScopeSet,
    now: int,
) -> dict[str, str]:
    """The fragment of the implicit flow: never a refresh token (RFC 6749 §4.2.2)."""
    new = NewAuthorization(
        client_id=checked.client.id,
        account_id=account.id,
        organization_id=organization_id,
        kind="online",
        scope=checked.scope,
        asked_scope=checked.asked_scope,
        resources=checked.request.resource,
        auth_time=auth_time,
        sid=sid,
    )
    issued = await issue_authorization(tx, mint, checked.client, new, now)
    holder = Holder(checked.client, account.id, organization_id, auth_time)
    minted = access_token_of(mint, holder, issued.authorization_id, issued.sequence, scope_set, now)
    parameters = {
        "access_token": minted.token,
        "token_type": "Bearer",
        "expires_in": str(minted.expires_in),
        "scope": " ".join(checked.asked_scope if scope_set.scope == checked.scope else scope_set.scope),
        "api_domain": mint.home.api_domain,
    }
    if checked.openid or {"email", "profile"} & set(checked.scope):
        # The described browser flow reads the person's address out of the id_token (R59).
        told = checked.request.response_type == "token"
        vendor = checked.client.vendor_compatible
        claims = claims_for(account, checked.scope, vendor_names=vendor) if told else {}
        parameters["id_token"] = id_token_for(
            mint,
            checked.client,
            account.id,
            now=now,
            auth_time=auth_time,
            nonce=checked.request.nonce,
            sid=sid,
            access_token=minted.token,
            claims=claims,
        )
    return parameters


def error_answer(
    mint: Mint, redirect_uri: str, error: OAuthError, *, state: str | None, in_fragment: bool
) -> str:
    """The address to send the browser to with an error (RFC 6749 §4.1.2.1); state comes back, and nothing
    secret is in it."""
    parameters = error_redirect_parameters(error, issuer=mint.home.issuer, state=state)
    return render_redirect(redirect_uri, parameters, "fragment" if in_fragment else "query")
