"""A verified access token, as the API's own code gets to see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from grantline.oauth import covers


@dataclass(frozen=True, slots=True)
class Token:
    """Who is calling and what they may do, as the authorization server says; nothing of it comes from the
    call.

    `subject` is the account's number, or the client's id when it acts for itself; then `account` is None.
    `organization` is the only one whose data this call may touch. `scopes` are those that were granted: ask
    `allows`, which knows that ALL covers READ. `expires_at` and `issued_at` are epoch seconds. E-mail address
    and names are there only if the token's scopes let this API know them. `origins`: the web origins that a
    browser app registered; None for every other kind of client. `claims` is everything that was said.
    """

    client_id: str
    subject: str
    organization: str | None
    scopes: tuple[str, ...]
    expires_at: int
    audience: tuple[str, ...]
    organization_name: str | None = None
    issued_at: int | None = None
    email: str | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    origins: tuple[str, ...] | None = None
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def account(self) -> str | None:
        """The number of the person's account; None when a client acts for itself."""
        return None if self.subject == self.client_id else self.subject

    @property
    def is_person(self) -> bool:
        """Whether a person let the client act for them."""
        return self.subject != self.client_id

    def allows(self, *needed: str) -> bool:
        """Whether every one of these scopes was granted, by its own name or by one that covers it (R9)."""
        return not self.missing(needed)

    def missing(self, needed: Iterable[str]) -> tuple[str, ...]:
        """Those of the needed scopes that nothing granted covers."""
        held = self.scopes
        return tuple(
            name for name in needed if name not in held and not any(covers(one, name) for one in held)
        )


class UnreadableClaims(ValueError):
    """The authorization server said something that no decision can rest on."""


def read_token(claims: Mapping[str, object]) -> Token:
    """The token that these claims describe, by introspection or in a JWT; who it is meant for was checked.

    Raises UnreadableClaims.
    """
    client_id = _text(claims, "client_id")
    expires_at = claims.get("exp")
    if client_id is None or type(expires_at) is not int:
        raise UnreadableClaims("client_id or exp is missing")
    issued_at = claims.get("iat")
    return Token(
        client_id=client_id,
        subject=_text(claims, "sub") or client_id,
        organization=_text(claims, "organization"),
        scopes=tuple((_text(claims, "scope") or "").split()),
        expires_at=expires_at,
        audience=read_audience(claims),
        organization_name=_text(claims, "organization_name"),
        issued_at=issued_at if type(issued_at) is int else None,
        email=_text(claims, "email"),
        name=_text(claims, "name"),
        given_name=_text(claims, "given_name"),
        family_name=_text(claims, "family_name"),
        origins=_origins(claims),
        claims=MappingProxyType(dict(claims)),
    )


def read_audience(claims: Mapping[str, object]) -> tuple[str, ...]:
    """The APIs that the token is meant for; one that is no text is none."""
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return tuple(one for one in named if isinstance(one, str))


def _text(claims: Mapping[str, object], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None


def _origins(claims: Mapping[str, object]) -> tuple[str, ...] | None:
    listed = claims.get("origins")
    if listed is None:
        return None
    if not isinstance(listed, list):
        raise UnreadableClaims("origins are no list")
    return tuple(origin for origin in listed if isinstance(origin, str))
