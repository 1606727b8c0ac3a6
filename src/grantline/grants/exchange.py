"""What every grant is handed: the mint, who asks, and the plain policy values that the edge decided."""

from collections.abc import Mapping
from typing import NamedTuple

from grantline.clients import Authenticated, Client, Unconfirmed
from grantline.oauth.errors import InvalidGrant
from grantline.opaque import recognise
from grantline.tokens import Mint


class Exchange(NamedTuple):
    """One request to the token endpoint, after the client authenticated."""

    mint: Mint
    authenticated: Authenticated
    now: int
    network: str
    request_id: str
    rotate: bool
    """Whether a refresh token is replaced at each use: the type's rule, with the edge's one exception."""
    scope_aliases: Mapping[str, str]
    """Other service prefixes that this client may use for ours."""

    @property
    def client(self) -> Client:
        """Who asks."""
        return self.authenticated.client


def check_confirmed(exchange: Exchange) -> None:
    """Nothing that a refusal leaves behind may be done for a client that is only remembered. Raises
    Unconfirmed."""
    if not exchange.authenticated.confirmed:
        raise Unconfirmed


def check_kind(exchange: Exchange, text: str, kind: str, unknown: str) -> None:
    """Refuse what is another kind of secret, or another data center's, before any look-up (T35, R84)."""
    recognised = recognise(text)
    if recognised is None:
        raise InvalidGrant(unknown)
    if recognised.kind != kind:
        raise InvalidGrant("token_wrong_kind", hint=f"A {recognised.kind}_ value came where {kind}_ is due.")
    if recognised.data_center != exchange.mint.home.code:
        issuer = exchange.mint.data_centers.issuers.get(recognised.data_center)
        members = {"expected_issuer": issuer} if issuer else None
        raise InvalidGrant("token_wrong_data_center", members=members)
