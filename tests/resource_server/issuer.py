"""An authorization server outside the kit: it introspects, publishes keys, signs, and counts what it is
asked."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from grantline.oauth.jwk import PrivateKey, public_jwk
from grantline.oauth.jwt import sign
from grantline.resource_server import Wire

ISSUER = "https://accounts.example.com"
API = "https://leads.example.com"
CLIENT_ID = "glc_us_leads"
CLIENT_SECRET = "a secret with : and %"
NOW = 1_800_000_000
READ = "CRM.modules.leads.READ"
CREATE = "CRM.modules.leads.CREATE"
USERS = "CRM.users.READ"


@dataclass
class Clock:
    """Epoch seconds that a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def claims(**more: Any) -> dict[str, Any]:
    """What the server says about a token of a person who may read leads; None takes a claim away."""
    said = {
        "iss": ISSUER,
        "aud": API,
        "sub": "500000001",
        "client_id": "glc_us_app",
        "scope": READ,
        "iat": NOW - 10,
        "exp": NOW + 3600,
        "organization": "700000001",
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


@dataclass
class Issuer:
    """Answers as the server does; `broken` is what it answers instead, and an exception is raised."""

    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, PrivateKey] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    broken: httpx2.Response | Exception | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0

    def active(self, token: str, **more: Any) -> str:
        """Make an opaque token active."""
        self.tokens[token] = {"active": True, "token_type": "Bearer", **claims(**more)}
        return token

    def new_key(self, *, rsa_bits: int = 0) -> str:
        """Publish one key more; its name."""
        key: PrivateKey = ec.generate_private_key(ec.SECP256R1())
        if rsa_bits:
            key = rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
        kid = public_jwk(key)["kid"]
        self.keys[kid] = key
        return kid

    def sign(self, *, kid: str = "", typ: str = "at+jwt", alg: str = "ES256", **more: Any) -> str:
        """A JWT access token of this server."""
        kid = kid or next(iter(self.keys), "") or self.new_key()
        said = {**claims(**{"jti": "j1", **more})}
        return sign(said, self.keys[kid], alg=alg, kid=kid, typ=typ)

    def wire(self) -> Wire:
        """The way to this server, for both kinds of driver."""
        transport = httpx2.MockTransport(self.answer)
        return Wire(transport=transport, blocking_transport=transport)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """One request."""
        self.addresses.append(str(request.url))
        if self.seconds:
            time.sleep(self.seconds)
        if isinstance(self.broken, Exception):
            raise self.broken
        if self.broken is not None:
            return self.broken
        path = request.url.path
        if path == "/oauth/v2/introspect":
            fields = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
            self.asked.append(fields)
            return _json(self.tokens.get(fields["token"], {"active": False}))
        if path == "/.well-known/oauth-authorization-server":
            return _json({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/oauth/v2/keys", **self.metadata})
        if path == "/oauth/v2/keys":
            return _json({"keys": [public_jwk(key, kid=kid) for kid, key in self.keys.items()]})
        return httpx2.Response(404)

    def count(self, part: str) -> int:
        """How many requests went to addresses that contain this."""
        return sum(part in address for address in self.addresses)


def _json(document: object) -> httpx2.Response:
    return httpx2.Response(200, content=json.dumps(document), headers={"content-type": "application/json"})
