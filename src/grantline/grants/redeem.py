"""The table of grant types, and the phases that all of them share."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from grantline.grants.authorization_code import redeem_authorization_code
from grantline.grants.client_credentials import redeem_client_credentials
from grantline.grants.device_code import redeem_device_code
from grantline.grants.exchange import Exchange
from grantline.grants.refresh_token import redeem_refresh_token
from grantline.grants.rehearsing import rehearse
from grantline.oauth.errors import OAuthError, UnauthorizedClient
from grantline.oauth.requests import TokenRequest
from grantline.oauth.responses import TokenResponse

_GRANTS: Final[Mapping[str, Callable[[Exchange, Any], Awaitable[TokenResponse]]]] = MappingProxyType(
    {
        "authorization_code": redeem_authorization_code,
        "refresh_token": redeem_refresh_token,
        "client_credentials": redeem_client_credentials,
        "urn:ietf:params:oauth:grant-type:device_code": redeem_device_code,
    }
)


async def redeem(exchange: Exchange, request: TokenRequest) -> TokenResponse:
    """The answer to a token request. Raises OAuthError; what it raises concerns the client and is told to its
    owner."""
    grant = _GRANTS[request.grant_type]
    try:
        if request.grant_type not in exchange.client.type.grants:
            raise UnauthorizedClient("grant_type_not_allowed", received=request.grant_type)
        if exchange.client.rehearsal_until > exchange.now:
            await rehearse(exchange, request.grant_type)
        return await grant(exchange, request)
    except OAuthError as error:
        raise error.concerning(exchange.client.id, proven=exchange.authenticated.with_secret) from None
