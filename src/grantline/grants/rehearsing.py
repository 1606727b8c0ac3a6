"""Answering with a rehearsed failure: the error that the real failure raises, marked for the activity."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from grantline.clients import take_rehearsed
from grantline.grants.exchange import Exchange, check_confirmed
from grantline.oauth.errors import (
    ExpiredToken,
    InvalidClient,
    InvalidGrant,
    OAuthError,
    TemporarilyUnavailable,
    Throttled,
)

RETRY_SECONDS: Final = 2

_MAKERS: Final[Mapping[str, Callable[[str], OAuthError]]] = MappingProxyType(
    {
        "code_expired": lambda _issuer: InvalidGrant("code_expired"),
        "authorization_revoked": lambda _issuer: InvalidGrant("authorization_revoked"),
        "device_code_expired": lambda _issuer: ExpiredToken("device_code_expired"),
        "throttled": lambda _issuer: Throttled("throttled", retry_after=RETRY_SECONDS),
        "overloaded": lambda _issuer: TemporarilyUnavailable("overloaded", retry_after=RETRY_SECONDS),
        "client_wrong_data_center": lambda issuer: InvalidClient(
            "client_wrong_data_center", members={"expected_issuer": issuer}
        ),
    }
)


async def rehearse(exchange: Exchange, grant_type: str) -> None:
    """Raise the failure that the app's developers asked for, if this request is to meet one.

    An app without a rehearsal never comes here. Raises OAuthError.
    """
    check_confirmed(exchange)
    code = await take_rehearsed(exchange.mint.db, exchange.client, grant_type, exchange.now)
    if code is not None:
        failure = _MAKERS[code](exchange.mint.home.issuer)
        failure.rehearsed = True
        raise failure
