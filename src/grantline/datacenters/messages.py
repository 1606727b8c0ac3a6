"""Messages between data centers: signed by the sender, meant for one receiver, taken once (T109).

The body is JSON. Beside it goes a JWT (EdDSA, `typ` of its own) with the sender as `iss`, the receiver as
`aud`, the kind of message as `sub` and the SHA-256 of the body; it lives two minutes. The keys are those that
the registry lists for the sender, and no others.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from grantline.datacenters.data_center import DataCenter, DataCenters
from grantline.db import Transaction
from grantline.oauth import jwt
from grantline.oauth.jwk import encode_base64url, thumbprint

TYPE: Final = "grantline-message+jwt"
LIFE_SECONDS: Final = 120
LONGEST_LIFE_SECONDS: Final = 300
LARGEST_BODY: Final = 512 * 1024
"""Room for an app with its logo."""
ADDRESS: Final = "/oauth/data-centers/messages"
HEADER: Final = "grantline-message"


class MessageRefused(ValueError):
    """A message that must not be acted on. `reason` is a constant, for the log, the audit and the answer."""

    def __init__(self, reason: str, sender: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.sender = sender
        """The data center whose signature held; empty when none did."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message whose signature held."""

    sender: DataCenter
    kind: str
    id: str
    body: Mapping[str, Any]
    expires_at: int


def public_jwk_of(key: str) -> dict[str, str]:
    """The JWK (RFC 8037) of a key as the registry spells it."""
    members = {"kty": "OKP", "crv": "Ed25519", "x": key}
    return {**members, "kid": thumbprint(members), "alg": "EdDSA", "use": "sig"}


def claims_of_message(
    kind: str, body: bytes, *, home: DataCenter, receiver: DataCenter, id: str, now: int
) -> dict[str, object]:
    """What the sender signs."""
    return {
        "iss": home.issuer,
        "sub": kind,
        "aud": receiver.issuer,
        "iat": now,
        "exp": now + LIFE_SECONDS,
        "jti": id,
        "digest": _digest(body),
    }


def verify_message(token: str, body: bytes, centers: DataCenters, now: int) -> Message:
    """The message, if a data center of the registry signed exactly this for this one, lately. Raises
    MessageRefused."""
    sender = _find_sender(token, centers)
    try:
        claims = jwt.verify(
            token,
            [public_jwk_of(key) for key in sender.keys],
            algs=("EdDSA",),
            typ=TYPE,
            issuer=sender.issuer,
            audience=centers.home.issuer,
            now=now,
        )
    except jwt.JwtRefused as refused:
        raise MessageRefused(refused.reason) from None
    if claims["aud"] != centers.home.issuer:
        raise MessageRefused("another audience", sender.code)
    if not 0 < claims["exp"] - claims["iat"] <= LONGEST_LIFE_SECONDS:
        raise MessageRefused("too long a life", sender.code)
    if not 0 < len(str(claims.get("jti", ""))) <= 64:
        raise MessageRefused("no id", sender.code)
    if not hmac.compare_digest(str(claims.get("digest", "")).encode(), _digest(body).encode()):
        raise MessageRefused("another body", sender.code)
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        raise MessageRefused("not JSON", sender.code) from None
    if not isinstance(members, dict):
        raise MessageRefused("not a JSON object", sender.code)
    if not _can_be_kept(members):
        raise MessageRefused("a sign that no text has", sender.code)
    return Message(sender, claims["sub"], str(claims["jti"]), members, claims["exp"])


def _can_be_kept(members: object) -> bool:
    """Whether a database takes all texts in it: no NUL and no half of a surrogate pair."""
    waiting = [members]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and ("\0" in one or not _is_whole(one)):
            return False
    return True


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


async def take_message(tx: Transaction, message: Message) -> None:
    """Take a message, once; in the transaction that acts on it. Raises MessageRefused for the second time."""
    taken = await tx.run(
        "INSERT INTO messages_taken (sender, id, expires_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (sender, id) DO NOTHING",
        message.sender.code,
        message.id,
        # As long as a clock that is off by the leeway would still accept it.
        message.expires_at + 2 * jwt.MAX_LEEWAY_SECONDS,
    )
    if not taken:
        raise MessageRefused("a replay", message.sender.code)


def _find_sender(token: str, centers: DataCenters) -> DataCenter:
    """Who it says it is from; nothing is believed yet."""
    try:
        issuer = jwt.unverified_issuer(token)
    except jwt.JwtRefused as refused:
        raise MessageRefused(refused.reason) from None
    for center in centers.others:
        if center.issuer == issuer:
            return center
    raise MessageRefused("a sender that is not in the registry")


def _digest(body: bytes) -> str:
    return encode_base64url(hashlib.sha256(body).digest())
