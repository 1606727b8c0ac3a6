"""The kit for APIs: the CPU that checking a token adds to a request, beside what others take for the same.

Everything runs in this process, without a server or a socket: an application that answers at once is called
with and without the check, and the difference is the check's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any, Final

import flask
import httpx2
import jwt as pyjwt
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc.jwk import KeySet

from grantline.oauth.jwk import public_jwk
from grantline.oauth.jwt import sign
from grantline.resource_server import AsgiProtection, Introspection, Offline, ProtectedResource, Token, Wire
from grantline.resource_server import fastapi as kit_for_fastapi
from grantline.resource_server import flask as kit_for_flask

ISSUER: Final = "https://accounts.example.com"
API: Final = "https://leads.example.com"
READ: Final = "CRM.modules.leads.READ"
NEW_BAR: Final = 110
KNOWN_BAR: Final = 15
_TOGETHER: Final = 32
_REPEATS: Final = 7

Call = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class KitCost:
    """CPU µs that a check adds to a request, and the questions to the authorization server for one request.

    `bar` None: somebody else's, or there is none.
    """

    name: str
    cost: float
    least: float
    most: float
    bar: float | None = None
    questions: float | None = None


class Maker:
    """Signs tokens that nobody has seen, and answers for the issuer."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.jwk = public_jwk(self.key)
        self.made = 0
        self.asked = 0

    def tokens(self, count: int) -> list[str]:
        """So many new tokens."""
        now, found = int(time.time()), []
        for _ in range(count):
            self.made += 1
            claims = {
                "iss": ISSUER,
                "aud": API,
                "sub": "500000001",
                "client_id": "glc_us_app",
                "iat": now,
                "exp": now + 3600,
                "jti": f"{self.made}",
                "organization": "700000001",
                "scope": f"{READ} CRM.users.READ CRM.org.READ",
            }
            found.append(sign(claims, self.key, alg="ES256", kid=self.jwk["kid"], typ="at+jwt"))
        return found

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        """What the issuer says: metadata, keys, and that every opaque token is good."""
        if request.url.path == "/oauth/v2/introspect":
            self.asked += 1
            now = int(time.time())
            said = {
                "active": True,
                "iss": ISSUER,
                "aud": API,
                "sub": "500000001",
                "client_id": "glc_us_app",
                "scope": READ,
                "token_type": "Bearer",
                "exp": now + 3600,
                "organization": "700000001",
            }
            await asyncio.sleep(0)
            return httpx2.Response(200, json=said)
        if request.url.path == "/oauth/v2/keys":
            return httpx2.Response(200, json={"keys": [self.jwk]})
        return httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/oauth/v2/keys"})

    def resource(self, check: Introspection | Offline) -> ProtectedResource:
        """An API of this issuer."""
        wire = Wire(transport=httpx2.MockTransport(self.answer))
        return ProtectedResource(resource=API, issuer=ISSUER, check=check, wire=wire)


def _asgi(app: Any) -> Call:
    """Calls an ASGI application, and wants a 200."""
    status = 0

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def call(token: str) -> None:
        headers = [
            (b"host", b"leads.example.com"),
            (b"accept", b"application/json"),
            (b"user-agent", b"bench"),
            (b"authorization", b"Bearer " + token.encode()),
        ]
        scope = {"type": "http", "method": "GET", "path": "/leads", "headers": headers, "query_string": b""}
        await app({**scope, "http_version": "1.1", "scheme": "https", "root_path": ""}, receive, send)
        assert status == 200, status

    return call


def _wsgi(app: Any) -> Call:
    """Calls a WSGI application, and wants a 200."""
    answered: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        answered[:] = [status]

    async def call(token: str) -> None:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/leads",
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "leads.example.com",
            "SERVER_PORT": "443",
            "wsgi.url_scheme": "https",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
        }
        for _ in app(environ, start_response):
            pass
        assert answered[0].startswith("200"), answered

    return call


async def _hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def _rule(method: str, path: str) -> Sequence[str]:
    return (READ,)


def _bare_fastapi() -> Any:
    app = FastAPI()

    @app.get("/leads")
    async def leads() -> Any:
        return {}

    return app


def _kit_fastapi(maker: Maker) -> Any:
    app = FastAPI()

    @app.get("/leads")
    async def leads(token: Annotated[Token, kit_for_fastapi.require(READ)]) -> Any:
        return {}

    kit_for_fastapi.protect(app, maker.resource(Offline()))
    return app


def _pyjwt_fastapi(maker: Maker) -> Any:
    """As FastAPI's guide and PyJWT's show it, with the key at hand and the checks that the kit makes."""
    app, bearer, key = FastAPI(), HTTPBearer(), pyjwt.PyJWK(maker.jwk).key

    async def claims(found: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> Any:
        try:
            said = pyjwt.decode(
                found.credentials,
                key,
                algorithms=["ES256"],
                audience=API,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except pyjwt.InvalidTokenError:
            raise HTTPException(401) from None
        if READ not in said["scope"].split():
            raise HTTPException(403)
        return said

    @app.get("/leads")
    async def leads(token: Annotated[Any, Depends(claims)]) -> Any:
        return {}

    return app


def _flask(require: Any = None) -> Any:
    app = flask.Flask("leads")

    def leads() -> Any:
        return {}

    app.add_url_rule("/leads", "leads", require(leads) if require else leads)
    return app


def _kit_flask(maker: Maker) -> Any:
    wire = Wire(blocking_transport=httpx2.MockTransport(_blocking(maker)))
    resource = ProtectedResource(resource=API, issuer=ISSUER, check=Offline(), wire=wire)
    app = _flask(kit_for_flask.require(READ))
    kit_for_flask.protect(app, resource)
    return app


def _blocking(maker: Maker) -> Callable[[httpx2.Request], httpx2.Response]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/v2/keys":
            return httpx2.Response(200, json={"keys": [maker.jwk]})
        return httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/oauth/v2/keys"})

    return answer


def _authlib_flask(maker: Maker) -> Any:
    """Authlib's ResourceProtector with its validator for RFC 9068, its keys at hand."""
    keys = KeySet.import_key_set({"keys": [dict(maker.jwk)]})

    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
        def get_jwks(self) -> Any:
            return keys

    protector = ResourceProtector()
    protector.register_token_validator(Validator(issuer=ISSUER, resource_server=API))
    return _flask(protector([READ]))


async def _spent(call: Call, tokens: Sequence[str]) -> float:
    """CPU µs for one of these calls."""
    began = time.process_time_ns()
    for token in tokens:
        await call(token)
    return (time.process_time_ns() - began) / len(tokens) / 1000


async def _added(
    name: str, bare: Call, checked: Call, sets: Sequence[Sequence[str]], bar: float | None = None
) -> KitCost:
    """What the check adds, set by set, after the first, which warms up."""
    found = []
    for tokens in sets:
        without = await _spent(bare, tokens)
        found.append(await _spent(checked, tokens) - without)
    counted = found[1:]
    return KitCost(name, median(counted), min(counted), max(counted), bar)


async def _questions(maker: Maker, count: int) -> KitCost:
    """Introspection without a cache: its cost with the client that asks, and questions for one request."""
    call = _asgi(AsgiProtection(_hello, maker.resource(Introspection("id", "secret")), _rule))
    sets = [[f"opaque-{number}-{n}" for n in range(count)] for number in range(3)]
    one = await _added("introspection, no cache: one after another", _asgi(_hello), call, sets)
    return KitCost(one.name, one.cost, one.least, one.most, None, maker.asked / (3 * count))


async def _together(maker: Maker, count: int) -> KitCost:
    """The same token in many calls at once."""
    call = _asgi(AsgiProtection(_hello, maker.resource(Introspection("id", "secret")), _rule))
    before, costs = maker.asked, []
    for _ in range(count):
        began = time.process_time_ns()
        await asyncio.gather(*(call("opaque-shared") for _ in range(_TOGETHER)))
        costs.append((time.process_time_ns() - began) / _TOGETHER / 1000)
    questions = (maker.asked - before) / (count * _TOGETHER)
    name = f"introspection, no cache: one token, {_TOGETHER} calls at once"
    return KitCost(name, median(costs), min(costs), max(costs), None, questions)


def _signature(maker: Maker, count: int) -> KitCost:
    """A signature alone, by which the others are read."""
    signed, _, signature = maker.tokens(1)[0].rpartition(".")
    raw = pyjwt.utils.base64url_decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public, costs = maker.key.public_key(), []
    for _ in range(_REPEATS):
        began = time.process_time_ns()
        for _ in range(count):
            public.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
        costs.append((time.process_time_ns() - began) / count / 1000)
    return KitCost("one ES256 signature verified, nothing else", median(costs), min(costs), max(costs))


async def _measure(count: int) -> list[KitCost]:
    maker = Maker()

    def new() -> list[list[str]]:
        return [maker.tokens(count) for _ in range(_REPEATS + 1)]

    known = [maker.tokens(1) * (5 * count)] * (_REPEATS + 1)
    plain = _asgi(_hello)
    offline = _asgi(AsgiProtection(_hello, maker.resource(Offline()), _rule))
    kept = _asgi(
        AsgiProtection(_hello, maker.resource(Introspection("id", "secret", cache_seconds=30)), _rule)
    )
    fast, bare_fast = _asgi(_kit_fastapi(maker)), _asgi(_bare_fastapi())
    ours, bare_flask = _wsgi(_kit_flask(maker)), _wsgi(_flask())
    theirs = _wsgi(_authlib_flask(maker))
    checks = [
        _added("offline, a token not seen before", plain, offline, new(), NEW_BAR),
        _added("offline, a token verified before", plain, offline, known, KNOWN_BAR),
        _added("introspection, kept for some seconds", plain, kept, known, KNOWN_BAR),
        _questions(maker, count),
        _together(maker, 20),
        _added("FastAPI with the kit, not seen before", bare_fast, fast, new()),
        _added("FastAPI with the kit, verified before", bare_fast, fast, known),
        _added("FastAPI with PyJWT", bare_fast, _asgi(_pyjwt_fastapi(maker)), new()),
        _added("Flask with the kit, not seen before", bare_flask, ours, new()),
        _added("Flask with the kit, verified before", bare_flask, ours, known),
        _added("Flask with Authlib's ResourceProtector", bare_flask, theirs, new()),
    ]
    signatures, found = [], []
    for check in checks:  # a signature between any two, since a shared machine changes its pace
        signatures.append(_signature(maker, count))
        found.append(await check)
    return [_all_of(signatures), *found]


def _all_of(found: Sequence[KitCost]) -> KitCost:
    costs = [one.cost for one in found]
    return KitCost(
        found[0].name, median(costs), min(one.least for one in found), max(one.most for one in found)
    )


def measure_kit(count: int) -> list[KitCost]:
    """What each way to check adds; `count` calls at a time."""
    return asyncio.run(_measure(count))
