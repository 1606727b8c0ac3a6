"""The device authorization endpoint's work: check, and hand out a device code and a user code (RFC 8628
§3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grantline.clients import Client
from grantline.datacenters import check_heard
from grantline.limits import Limit
from grantline.oauth.errors import InvalidScope, Throttled, UnauthorizedClient
from grantline.oauth.requests import DeviceAuthorizationRequest
from grantline.oauth.scope import parse_scope
from grantline.tokens import Mint, TooManyDeviceCodes, issue_device_code, narrow, show_user_code

PER_NETWORK: Final = Limit("device", 10, 60)
PER_CLIENT: Final = Limit("device-client", 100, 60)
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What the device shows and polls with. Spans in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int
    interval: int

    @property
    def verification_uri_complete(self) -> str:
        """The address with the user code in it, for a QR code (RFC 8628 §3.3.1)."""
        return f"{self.verification_uri}?user_code={self.user_code}"


async def start_device(
    mint: Mint,
    client: Client,
    request: DeviceAuthorizationRequest,
    *,
    network: str | None,
    network_shown: str,
    user_agent: str,
    life_seconds: int,
    interval_seconds: int,
    scope_aliases: Mapping[str, str],
    now: int,
) -> DeviceAnswer:
    """A new pair of codes. `network` keys the limit (None: not limited). Raises UnauthorizedClient,
    InvalidScope, InvalidTarget, Throttled, TemporarilyUnavailable."""
    if GRANT not in client.type.grants:
        raise UnauthorizedClient("grant_type_not_allowed")
    if request.scope is None:
        raise InvalidScope("scope_missing")
    await check_heard(mint.db, mint.data_centers, client.data_center, now)
    resolved = mint.catalog.resolve(parse_scope(request.scope), scope_aliases)
    narrow(mint, resolved.names, (), None, request.resource)  # what can't be granted is told now
    # The network first: one that is out of calls must not use up those of the app any more.
    wait = mint.limiter.take_for_network(PER_NETWORK, network, now)
    wait = wait or mint.limiter.take(PER_CLIENT, client.id, now)
    if wait:
        raise Throttled("throttled", retry_after=wait, hint="Too many device authorizations were started.")
    online = request.access_type == "online" and "offline_access" not in resolved.names
    try:
        device_code, letters = await issue_device_code(
            mint,
            client_id=client.id,
            scope=resolved.names,
            asked_scope=resolved.asked,
            resources=request.resource,
            refresh_token=not online,
            code_challenge=request.code_challenge,
            network=network_shown,
            user_agent=user_agent,
            life_seconds=life_seconds,
            interval_seconds=interval_seconds,
            now=now,
        )
    except TooManyDeviceCodes:
        raise Throttled(
            "throttled", retry_after=60, hint="500 device codes of this client wait for a person."
        ) from None
    return DeviceAnswer(
        device_code, show_user_code(letters), f"{mint.home.issuer}/device", life_seconds, interval_seconds
    )
