"""Client authentication (RFC 6749 §2.3): one `Authenticated` client out of a request, or InvalidClient.

The method comes from the stored type, never from what was sent (T29): confidential clients need a live
secret, by Basic or in the
body; public ones need none, and one that they send must still be right. Nothing after this reads `client_id`
again (T28).
"""

import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple

from grantline.clients.client import Client, find_client
from grantline.clients.imports import find_import
from grantline.clients.memory import ClientMemory
from grantline.db import Database
from grantline.limits import Limit, Limiter
from grantline.oauth.basic import parse_basic
from grantline.oauth.errors import (
    InvalidClient,
    InvalidRequest,
    OAuthError,
    TemporarilyUnavailable,
    Throttled,
)
from grantline.oauth.parameters import Parameters
from grantline.opaque import CLIENT_ID, CLIENT_SECRET, digest, recognise

PER_CLIENT: Final = Limit("failed-authentication", 20, 60)
PER_NETWORK: Final = Limit("failed-authentication-network", 60, 60)

_NOTHING: Final = bytes(32)
# Values that must not stand in an address, where every log on the way keeps them (R18, T38).
SECRETS_IN_QUERY: Final = frozenset(
    {"client_secret", "code", "code_verifier", "refresh_token", "token", "device_code", "client_assertion"}
)


class Authenticated(NamedTuple):
    """A client and how far it proved to be itself."""

    client: Client
    with_secret: bool
    in_query: bool = False
    """Credentials came in the query string, which its leniency allows; its owner is warned."""
    confirmed: bool = True
    """False: the client is as it was remembered, and nothing counts until a statement has confirmed it."""
    secret_id: str = ""
    """Which of its secrets it proved itself with."""


class Unconfirmed(TemporarilyUnavailable):
    """The client is not what it was taken for: read it anew, and start again."""

    def __init__(self) -> None:
        super().__init__("overloaded", retry_after=1)


def _presented(authorization: str | None, parameters: Parameters) -> tuple[str, str | None]:
    """Who the request says it is, and the secret. Raises InvalidRequest when it says so twice, or
    differently."""
    client_id = parameters.get("client_id")
    secret = parameters.get("client_secret")
    if authorization is not None and authorization.lower().split()[:1] == ["basic"]:
        basic_id, basic_secret = parse_basic(authorization)
        if secret is not None:
            raise InvalidRequest("two_authentication_methods")
        if client_id is not None and client_id != basic_id:
            raise InvalidRequest("client_id_conflict", expected=basic_id, received=client_id)
        return basic_id, basic_secret or None
    if client_id is None:
        raise InvalidRequest("client_id_missing")
    return client_id, secret


def recall(
    memory: ClientMemory, authorization: str | None, parameters: Parameters, now: int
) -> Authenticated | None:
    """The client that sent the request if it is remembered and all that it shows is right, to be confirmed by
    the statement that serves it. None says nothing: `authenticate` decides."""
    client_id, secret = _presented(authorization, parameters)
    client = memory.find(client_id)
    if parameters.in_query:
        return None
    if client is None or client.is_over(now):
        hmac.compare_digest(digest(secret or ""), _NOTHING)  # as much work as for a known one
        return None
    if secret is None:
        return Authenticated(client, with_secret=False, confirmed=False) if client.type.public else None
    secret_id = _find_live(client, secret, now)
    return Authenticated(client, True, confirmed=False, secret_id=secret_id) if secret_id else None


async def authenticate(
    db: Database,
    authorization: str | None,
    parameters: Parameters,
    *,
    issuers: Mapping[str, str],
    limiter: Limiter,
    network: str | None,
    now: int,
) -> Authenticated:
    """The client that sent the request.

    `issuers` maps data-center codes to issuers, `network` keys the limits (None: not limited). Raises
    InvalidClient,
    InvalidRequest, Throttled.
    """
    client_id, secret = _presented(authorization, parameters)
    client = await find_client(db, client_id)
    if client is None or client.is_over(now):
        hmac.compare_digest(digest(secret or ""), digest(client_id))  # as much work as for a known one
        _count_failure(limiter, None, network, now)
        raise unknown_client(client_id, issuers)
    in_query = bool(parameters.in_query & SECRETS_IN_QUERY)
    if in_query and client.type.name != "self-client" and not client.vendor_compatible:
        raise InvalidRequest("credentials_in_query").concerning(client.id)
    if not client.enabled:
        raise (await why_disabled(db, client, issuers)).concerning(client.id)
    problem = _problem(client, secret, issuers, now)
    if problem is None:
        secret_id = _find_live(client, secret, now) if secret is not None else ""
        return Authenticated(client, secret is not None, in_query, secret_id=secret_id)
    try:
        _count_failure(limiter, client, network, now)
        raise problem
    except OAuthError as error:
        raise error.concerning(client.id) from None


async def why_disabled(db: Database, client: Client, issuers: Mapping[str, str]) -> InvalidClient:
    """How a disabled client is refused. One of another data center that does not work here, or whose home is
    not listed any more, counts as unknown."""
    found = await find_import(db, client.id)
    if found is not None and (found.state == "off" or client.data_center not in issuers):
        return unknown_client(client.id, issuers)
    return InvalidClient("client_disabled")


def _count_failure(limiter: Limiter, client: Client | None, network: str | None, now: int) -> None:
    """Only failures count, and the right secret never waits: nobody can lock an app out by guessing (T36).

    Raises Throttled.
    """
    if network is None:
        return
    wait = limiter.take(PER_CLIENT, f"{client.id} {network}", now) if client is not None else 0
    wait = wait or limiter.take_for_network(PER_NETWORK, network, now)
    if wait:
        raise Throttled("throttled", retry_after=wait, hint="Too many failed authentications.")


def _find_live(client: Client, secret: str, now: int) -> str:
    """The id of the client's live secret with this value; empty when there is none."""
    hashed = digest(secret)
    found = ""
    for candidate in client.secrets:
        if candidate.is_live(now) and hmac.compare_digest(candidate.hash, hashed):
            found = candidate.id
    return found


def _problem(client: Client, secret: str | None, issuers: Mapping[str, str], now: int) -> OAuthError | None:
    live = client.live_secrets(now)
    if secret is None:
        return InvalidClient("client_secret_missing") if not client.type.public else None
    if not live:
        return (
            InvalidClient("client_secret_unexpected")
            if client.type.public
            else InvalidClient("client_secret_wrong")
        )
    if _find_live(client, secret, now):
        return None
    if secret.startswith("sec_"):
        return InvalidClient(
            "client_secret_is_its_id", hint="The secret's ID was sent in the place of its value."
        )
    stripped = digest(secret.strip())
    if any(hmac.compare_digest(candidate.hash, stripped) for candidate in live):
        return InvalidClient(
            "client_secret_wrong", hint="The secret was sent with a space or line break around it."
        )
    hashed = digest(secret)
    dead = [s.id for s in client.secrets if not s.is_live(now) and hmac.compare_digest(s.hash, hashed)]
    if dead:
        return InvalidClient("client_secret_wrong", hint=f"Secret {dead[0]} is no longer live.")
    return InvalidClient("client_secret_wrong", hint=_made_for(secret, issuers))


def _made_for(secret: str, issuers: Mapping[str, str]) -> str | None:
    """That a secret says another data center: an app may have one of its own for each."""
    recognised = recognise(secret)
    if recognised is None or recognised.kind != CLIENT_SECRET or recognised.data_center not in issuers:
        return None
    return f"The secret was made for {recognised.data_center.upper()}."


def unknown_client(client_id: str, issuers: Mapping[str, str]) -> InvalidClient:
    """Why an id is not known here: it names another data center (R84), or nobody."""
    recognised = recognise(client_id)
    if recognised is not None and recognised.kind == CLIENT_ID and recognised.data_center in issuers:
        return InvalidClient(
            "client_wrong_data_center",
            members={"expected_issuer": issuers[recognised.data_center]},
            received=client_id,
            hint=f"The client belongs to {recognised.data_center.upper()}.",
        )
    return InvalidClient("client_unknown")
