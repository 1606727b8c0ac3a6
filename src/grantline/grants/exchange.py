"""What every grant is handed: the mint, who asks, and the plain policy values that the edge decided."""

from collections.abc import Mapping
from typing import NamedTuple

from grantline.clients import Authenticated, Client, Unconfirmed
from grantline.oauth.errors import InvalidGrant
from grantline.opaque import recognise
from grantline.tokens import Mint, issuer_elsewhere


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
    check_form(text, kind, unknown)
    check_made_here(exchange, text, unknown)


def check_form(text: str, kind: str, unknown: str) -> None:
    """Refuse what is no secret of ours, or another kind of one (T35)."""
    recognised = recognise(text)
    if recognised is None:
        raise InvalidGrant(unknown)
    if recognised.kind != kind:
        raise InvalidGrant("token_wrong_kind", hint=f"A {recognised.kind}_ value came where {kind}_ is due.")


def check_made_here(exchange: Exchange, text: str, unknown: str) -> None:
    """Refuse what another data center made; one that is not in the registry is none (R84)."""
    mint = exchange.mint
    if (issuer := issuer_elsewhere(mint, text)) is not None:
        raise InvalidGrant("token_wrong_data_center", members={"expected_issuer": issuer})
    recognised = recognise(text)
    if recognised is None or recognised.data_center != mint.home.code:
        raise InvalidGrant(unknown, hint="Its name says a data center that is not known here.")
