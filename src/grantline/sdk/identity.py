"""Who signed in: the claims of an id_token, believed only when everything about it holds.

The signature by the server's own key and that key's one algorithm, the issuer to the letter, this app as its
audience, this attempt's nonce, and its time (OpenID Connect Core §3.1.3.7; T56, T90, T96).
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final

from grantline.sdk.asking import Answer
from grantline.sdk.clock import ServerClock
from grantline.sdk.effects import Flow, Reply, Send
from grantline.sdk.errors import CallbackRefused, Unreachable
from grantline.sdk.metadata import Server, members_of
from grantline.sdk.record import Secret

KEYS_SECONDS: Final = 3600.0
SOON_SECONDS: Final = 60.0
MOST_KEYS: Final = 50
_HASHES: Final[Mapping[str, str]] = {"RS256": "sha256", "ES256": "sha256", "EdDSA": "sha512"}


@dataclass(frozen=True, slots=True)
class Identity:
    """A person, known by `issuer` and `subject` together; an address or a name is no key (OpenID Connect Core
    §5.7). What the server did not say is empty."""

    issuer: str
    subject: str = ""
    email: str = ""
    email_verified: bool = False
    name: str = ""
    organization: str = ""
    organization_name: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All that the id_token and the userinfo endpoint said."""


@dataclass(slots=True)
class Keys:
    """The public keys of servers, by their address. A key that is not there is looked for again, once a
    minute at most."""

    now: Callable[[], float]
    _found: dict[str, tuple[float, Sequence[Mapping[str, Any]]]] = field(default_factory=dict)

    def at(self, url: str, *, but_lacks: bool = False) -> Flow[Sequence[Mapping[str, Any]]]:
        """The keys. Raises Unreachable."""
        if url in self._found:
            at, keys = self._found[url]
            if self.now() - at <= (SOON_SECONDS if but_lacks else KEYS_SECONDS):
                return keys
        reply: Reply = yield Send("GET", url, None, {"accept": "application/json"})
        members = members_of(reply, url) if reply.status == 200 else {}
        found = members.get("keys")
        if not isinstance(found, list):
            raise Unreachable(f"{url} has no keys (answered {reply.status}).")
        keys = [key for key in found[:MOST_KEYS] if isinstance(key, dict)]
        self._found[url] = self.now(), keys
        return keys


def identify(
    server: Server, client_id: str, answer: Answer, clock: ServerClock, keys: Keys, *, nonce: str = ""
) -> Flow[Identity]:
    """The person whom the answer's id_token names; without one the issuer alone. Raises CallbackRefused,
    Unreachable."""
    if answer.id_token is None:
        return Identity(server.issuer)
    if not server.jwks_uri:
        raise Unreachable(f"The metadata of {server.issuer} names no keys to check an id_token with.")
    claims = yield from _verified(server, client_id, answer.id_token, clock, keys)
    if nonce and not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise refused("another attempt's, or nobody's")
    _check_hash(claims, answer)
    return _read(server.issuer, claims | (yield from _more(server, answer, claims)))


def _more(server: Server, answer: Answer, claims: Mapping[str, Any]) -> Flow[dict[str, Any]]:
    """What the server tells of the person at its userinfo endpoint alone (OpenID Connect Core §5.4). Nothing
    when it can't be had now: the person is known all the same."""
    asked = {"email": "email", "profile": "name"}
    wanted = any(scope in answer.scope and claim not in claims for scope, claim in asked.items())
    if not wanted or not server.userinfo_endpoint:
        return {}
    bearer = Secret(f"Bearer {answer.access_token.value}")
    try:
        reply: Reply = yield Send("GET", server.userinfo_endpoint, None, {"authorization": bearer})
        members = members_of(reply, server.userinfo_endpoint) if reply.status == 200 else {}
    except Unreachable:
        return {}
    if members and members.get("sub") != claims["sub"]:  # OpenID Connect Core §5.3.2
        raise refused("the userinfo endpoint tells of somebody else")
    return {name: value for name, value in members.items() if name not in claims}


def _verified(
    server: Server, client_id: str, id_token: Secret, clock: ServerClock, keys: Keys
) -> Flow[dict[str, Any]]:
    from grantline.oauth.jwt import ALGORITHMS, JwtRefused, KeyUnknown, verify

    for again in (False, True):
        found = yield from keys.at(server.jwks_uri, but_lacks=again)
        try:
            return verify(
                id_token.reveal(),
                found,
                algs=ALGORITHMS,
                typ="JWT",
                issuer=server.issuer,
                audience=client_id,
                now=int(clock.now()),
            )
        except KeyUnknown as unknown:
            if again:
                raise refused(unknown.reason) from None
        except JwtRefused as problem:
            raise refused(problem.reason) from None
    raise AssertionError("the second look returns or raises")


def refused(why: str) -> CallbackRefused:
    """The id_token can't be believed."""
    return CallbackRefused(
        f"The id_token is not to be believed: {why}.",
        fix="Start again. If it stays so, compare issuer and client ID with the console, and the clock.",
    )


def _check_hash(claims: Mapping[str, Any], answer: Answer) -> None:
    """An `at_hash` must be the access token's (OpenID Connect Core §3.1.3.8)."""
    said = claims.get("at_hash")
    if said is None or answer.id_token is None:
        return
    token = answer.access_token.value.encode()
    halves = set()
    for name in _HASHES.values():  # by the signature's algorithm, which was checked: one of them
        digest = hashlib.new(name, token).digest()
        halves.add(urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode())
    if said not in halves:
        raise refused("it came with another access token")


def _read(issuer: str, claims: Mapping[str, Any]) -> Identity:
    def text(name: str) -> str:
        value = claims.get(name)
        return value if isinstance(value, str) else ""

    return Identity(
        issuer,
        text("sub"),
        text("email"),
        claims.get("email_verified") is True,
        text("name"),
        text("organization"),
        text("organization_name"),
        claims,
    )
