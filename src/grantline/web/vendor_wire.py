"""The vendor's wire, for clients whose *vendor compatibility* switch is on: what comes in, what goes out, and
the policy values.

Nothing below `web` knows the switch (T41). An unknown client never gets this: the switch is read from a
client that was found.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grantline.clients import Authenticated, Client
from grantline.device import DeviceAnswer
from grantline.oauth.errors import InvalidRequest, OAuthError, Throttled
from grantline.oauth.parameters import Parameters
from grantline.tokens import DEVICE_CODE_SECONDS, POLL_SECONDS
from grantline.web.call import Answer

VENDOR_POLL_SECONDS: Final = 30
VENDOR_DEVICE_SECONDS: Final = 300
_ALIASES: Final[Mapping[str, str]] = MappingProxyType({"zohocrm": "CRM", "zohofiles": "CRM"})
_NONE: Final[Mapping[str, str]] = MappingProxyType({})

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_secret_missing": "invalid_client_secret",
        "client_secret_wrong": "invalid_client_secret",
        "client_secret_is_its_id": "invalid_client_secret",
        "client_secret_unexpected": "invalid_client_secret",
        "code_redirect_uri_mismatch": "invalid_redirect_uri",
        "grant_type_unknown": "invalid_client",
        "device_code_expired": "expired",
    }
)
_BAD_REQUESTS: Final = frozenset({"grant_type_missing", "token_other_client"})


def scope_aliases(client: Client) -> Mapping[str, str]:
    """Service prefixes that this client may use in the place of ours."""
    return _ALIASES if client.vendor_compatible else _NONE


def rotates(authenticated: Authenticated) -> bool:
    """Whether the client's refresh tokens rotate: not where the switch is on and a secret was shown."""
    client = authenticated.client
    return client.type.rotates and not (client.vendor_compatible and authenticated.with_secret)


def check_repeats(client: Client | None, parameters: Parameters) -> None:
    """A repeated, equal `scope` passes with the switch alone. Raises InvalidRequest (T13)."""
    if not parameters.repeated_equal or (client is not None and client.vendor_compatible):
        return
    refusal = InvalidRequest("parameter_repeated")
    raise refusal.concerning(client.id) if client is not None else refusal


def may_have_refresh_token(client: Client, *, asked: bool, just_consented: bool) -> bool:
    """Whether a code yields a refresh token: with the switch only when the person was just asked."""
    return asked and (just_consented or not client.vendor_compatible)


def device_times(client: Client) -> tuple[int, int]:
    """Life of a device code and interval of its polls, in seconds."""
    if client.vendor_compatible:
        return VENDOR_DEVICE_SECONDS, VENDOR_POLL_SECONDS
    return DEVICE_CODE_SECONDS, POLL_SECONDS


def device_members(client: Client, answer: DeviceAnswer) -> Mapping[str, object]:
    """The device answer; with the switch its times are in milliseconds."""
    unit = 1000 if client.vendor_compatible else 1
    return {
        "device_code": answer.device_code,
        "user_code": answer.user_code,
        "verification_uri": answer.verification_uri,
        "verification_url": answer.verification_uri,
        "verification_uri_complete": answer.verification_uri_complete,
        "expires_in": answer.expires_in * unit,
        "interval": answer.interval * unit,
    }


def revoked(client: Client | None, *, found: bool) -> Answer:
    """The answer to a revocation; with the switch an unknown token is told with 400."""
    if client is not None and client.vendor_compatible and not found:
        return _render(400, {"error": "invalid_code", "status": "failure"}, client)
    members = {"status": "success"}
    return Answer(200, json.dumps(members).encode(), client_id=client.id if client is not None else None)


def render_error(client: Client, error: OAuthError, address: str) -> Answer:
    """An error in the vendor's words: status 200, but 400 for the limits and for a token that can't be
    revoked at this address."""
    if isinstance(error, Throttled):
        members = {"error": "Access Denied", "error_description": error.description, "status": "failure"}
        return _render(400, members, client, retry_after=error.retry_after)
    if error.code == "device_elsewhere":
        return _other_data_center(client, error)
    word = _WORDS.get(error.code)
    if error.code == "parameter_missing" and error.members.get("parameter") in ("code", "refresh_token"):
        word = "invalid_code"
    if word is None:
        word = "invalid_code" if error.error == "invalid_grant" else error.error
    not_revoked = error.code == "token_wrong_data_center" and "/revoke" in address
    kept = error.status >= 500 or error.code in _BAD_REQUESTS or not_revoked
    status = error.status if kept else 200
    members = {"error": word, "error_description": error.description}
    if error.expected_issuer:
        members["expected_issuer"] = error.expected_issuer
    return _render(status, members, client)


def silent_renewal_word(error: str) -> str:
    """The words of the silent renewal: not granted in this session, or a page would be needed."""
    return {"login_required": "client_not_granted", "consent_required": "prompt_required"}.get(error, error)


def _other_data_center(client: Client, error: OAuthError) -> Answer:
    """The device goes on polling with the same code where its person lives (B7)."""
    members = {"error": "other_dc", "user_location": error.expected or ""}
    return _render(200, {**error.members, **members}, client)


def hands_devices_over(client: Client) -> bool:
    """Whether the app's devices go on elsewhere with the code that they have; others start again there."""
    return client.vendor_compatible


def _render(
    status: int, members: Mapping[str, object], client: Client, *, retry_after: int | None = None
) -> Answer:
    headers = (("retry-after", str(retry_after)),) if retry_after is not None else ()
    body = json.dumps(dict(members), separators=(",", ":")).encode()
    return Answer(status, body, headers, client_id=client.id, content_type="application/json;charset=UTF-8")
