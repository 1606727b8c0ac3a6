"""What is kept of a grant: the refresh token, the access tokens that still live, and where they are good."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

REDACTED: Final = "…"


class Secret:
    """A text that prints as nothing: not in `repr`, logs, tracebacks or pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def says(self, text: "str | Secret") -> bool:
        """Whether this is the text, in the same time for any text."""
        other = text._value if isinstance(text, Secret) else text
        return hmac.compare_digest(self._value.encode(), other.encode())

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.says(other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled; keep it in a store")


@dataclass(frozen=True, slots=True)
class Key:
    """Whose grant it is. The same person in two data centers is two keys."""

    issuer: str
    client_id: str
    subject: str = ""
    """The person's number; empty for the app's own."""
    organization: str = ""
    name: str = ""
    """Tells grants of one client apart that the app named itself."""

    @property
    def text(self) -> str:
        """The key as stores use it: 64 hexadecimal digits, nothing of the person in it."""
        parts = (self.issuer, self.client_id, self.subject, self.organization, self.name)
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token with its scopes and its end, in epoch seconds of the server's clock."""

    secret: Secret
    scope: tuple[str, ...]
    expires_at: int
    issued_at: int

    @property
    def value(self) -> str:
        """What goes into the header."""
        return self.secret.reveal()


@dataclass(frozen=True, slots=True)
class Record:
    """A stored grant. `version` rises with each write; a write over another version is refused."""

    key: Key
    scope: tuple[str, ...] = ()
    api_domain: str = ""
    email: str = ""
    refresh_token: Secret | None = None
    access_tokens: tuple[AccessToken, ...] = ()
    version: int = 0
    ended: str = ""
    """Why the grant is over; empty while it is not."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    told_api_domain: str = ""
    """What the server said last, where `api_domain` is another: nothing goes there before it is checked."""

    def token_for(self, scope: tuple[str, ...]) -> AccessToken | None:
        """The access token with exactly these scopes; without any, the one with all that was granted."""
        wanted = frozenset(scope or self.scope)
        return next((one for one in self.access_tokens if frozenset(one.scope) == wanted), None)

    def with_token(self, token: AccessToken) -> "Record":
        """The record with this token in the place of the one for the same scopes; dead ones go."""
        same = frozenset(token.scope)
        kept = [
            one
            for one in self.access_tokens
            if frozenset(one.scope) != same and one.expires_at > token.issued_at
        ]
        return replace(self, access_tokens=(*kept[-15:], token))

    def without_token(self, value: str) -> "Record":
        """The record without this access token, which was refused."""
        return replace(
            self, access_tokens=tuple(one for one in self.access_tokens if not one.secret.says(value))
        )


def dump(record: Record) -> dict[str, Any]:
    """The record as JSON types, tokens in the clear: for stores, which seal it."""
    return {
        "key": [
            record.key.issuer,
            record.key.client_id,
            record.key.subject,
            record.key.organization,
            record.key.name,
        ],
        "scope": list(record.scope),
        "api_domain": record.api_domain,
        "told_api_domain": record.told_api_domain,
        "email": record.email,
        "refresh_token": record.refresh_token.reveal() if record.refresh_token is not None else None,
        "access_tokens": [
            [one.value, list(one.scope), one.expires_at, one.issued_at] for one in record.access_tokens
        ],
        "version": record.version,
        "ended": record.ended,
        "extra": dict(record.extra),
    }


def load(members: Mapping[str, Any]) -> Record:
    """The record of these members. Raises KeyError, TypeError, ValueError."""
    refresh_token = members["refresh_token"]
    return Record(
        key=Key(*members["key"]),
        scope=tuple(members["scope"]),
        api_domain=members["api_domain"],
        told_api_domain=members.get("told_api_domain", ""),
        email=members["email"],
        refresh_token=Secret(refresh_token) if refresh_token is not None else None,
        access_tokens=tuple(
            AccessToken(Secret(value), tuple(scope), expires_at, issued_at)
            for value, scope, expires_at, issued_at in members["access_tokens"]
        ),
        version=members["version"],
        ended=members["ended"],
        extra=members["extra"],
    )
