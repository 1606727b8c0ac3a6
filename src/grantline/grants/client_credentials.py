"""The client credentials grant (RFC 6749 §4.4): a self client as its owner, a server-based app as itself
(T30)."""

from grantline.accounts import find_account
from grantline.grants.exchange import Exchange, check_confirmed
from grantline.oauth.errors import InvalidGrant, InvalidScope, InvalidTarget, UnauthorizedClient
from grantline.oauth.requests import ClientCredentialsRequest
from grantline.oauth.responses import TokenResponse
from grantline.scopes import Resolved
from grantline.tokens import (
    Holder,
    NewAuthorization,
    access_token_for,
    issue_authorization,
    narrow,
    next_client_sequence,
)


async def redeem_client_credentials(exchange: Exchange, request: ClientCredentialsRequest) -> TokenResponse:
    """An access token without a refresh token, for the client's own organization, in whose data center it is
    alone."""
    client, mint, now = exchange.client, exchange.mint, exchange.now
    if (abroad := mint.data_centers.find(client.data_center)) is not None:
        raise UnauthorizedClient("client_credentials_elsewhere", members={"expected_issuer": abroad.issuer})
    if request.scope is None:
        raise InvalidScope("scope_missing")
    resolved = mint.catalog.read(request.scope, exchange.scope_aliases)
    as_owner = client.type.name == "self-client"
    _check_scopes(exchange, resolved, as_owner=as_owner)
    if request.soid is not None and request.soid.rpartition(".")[2] != str(client.organization_id):
        raise InvalidTarget("soid_mismatch", received=request.soid, expected=str(client.organization_id))
    if as_owner and exchange.authenticated.confirmed:
        await _check_owner(exchange)
    scope, resources, _ = narrow(mint, resolved.names, (), None, request.resource)
    new = NewAuthorization(
        client_id=client.id,
        account_id=client.owner_account_id if as_owner else 0,
        organization_id=client.organization_id,
        kind="client",
        scope=(),
        asked_scope=(),
        resources=(),
        auth_time=0,
        sid="",
    )
    joined = await next_client_sequence(mint.db, client, new, now) or await _join_anew(exchange, new)
    holder = Holder(client, new.account_id, client.organization_id, 0)
    minted = await access_token_for(mint, holder, joined[0], joined[1], scope, resources, now)
    return TokenResponse(
        access_token=minted.token,
        expires_in=minted.expires_in,
        scope=" ".join(resolved.asked if scope == resolved.names else scope),
        api_domain=mint.home.api_domain,
    )


async def _check_owner(exchange: Exchange) -> None:
    account = await find_account(exchange.mint.db, exchange.client.owner_account_id)
    if account is None or account.disabled_at is not None:
        raise InvalidGrant("account_disabled")


async def _join_anew(exchange: Exchange, new: NewAuthorization) -> tuple[int, int]:
    """The client's row where one statement did not do: the first time, or something is in the way."""
    mint, now = exchange.mint, exchange.now
    check_confirmed(exchange)
    async with mint.db.transaction() as tx:
        issued = await issue_authorization(tx, mint, exchange.client, new, now)
    return issued.authorization_id, issued.sequence


def _check_scopes(exchange: Exchange, resolved: Resolved, *, as_owner: bool) -> None:
    """API scopes alone; for an app as itself those that no person need stand behind, and only those that it
    registered."""
    for name in resolved.names:
        scope = exchange.mint.catalog.find(name)
        if scope is None or scope.service == "OpenID" or (not as_owner and not scope.for_apps):
            raise InvalidScope("scope_not_for_apps", received=name)
        if not as_owner and exchange.client.app_scopes and name not in exchange.client.app_scopes:
            raise InvalidScope(
                "scope_not_for_apps", received=name, expected=" ".join(exchange.client.app_scopes)
            )
