"""Signs and verifies JWTs, in compact form and with one algorithm per key (RFC 7519, RFC 8725).

Everything that a library has got wrong somewhere is checked here first: a token reaches it only when its
form, its JSON and its algorithm are what they must be (T90, T91, T92).
"""

import binascii
import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NoReturn, cast

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from grantline.oauth.jwk import PrivateKey, algorithm_of

MAX_LENGTH = 8192
MAX_DEPTH = 8
MAX_LEEWAY_SECONDS = 60
ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_LAST: Final = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}
_PADDING: Final = ("", "", "==", "=")
_MAX_DIGITS = 15
_RSA_BITS = range(2048, 8192 + 1)
_KEY_KINDS: Final = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
_KEY_TYPES: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class JwtRefused(ValueError):
    """A token that does not verify. `reason` is a constant for logs; it never quotes the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeyUnknown(JwtRefused):
    """No key of those given is the token's, or several are: newer ones may be there."""


class ImportedJwk(dict[str, object]):
    """A public JWK that was made ready once, for those who verify many tokens with it.

    Raises JwtRefused for one that is no key for RS256, ES256 or EdDSA.
    """

    __slots__ = ("key",)

    def __init__(self, jwk: Mapping[str, object]) -> None:
        super().__init__(jwk)
        alg = _KEY_KINDS.get(_kind_of(jwk))
        if alg is None or jwk.get("alg", alg) != alg:
            raise JwtRefused("no key of ours")
        self.key: Final = _import_key(jwk, alg)


class _Registry(jws.JWSRegistry):
    # The library's own limits are tighter than ours in the header and wider elsewhere.
    max_header_length = MAX_LENGTH
    max_payload_length = MAX_LENGTH

    def get_alg(self, name: str) -> Any:
        """Return the one algorithm of this registry, without the library's advice on newer names."""
        if name not in (self.allowed or ()):
            raise JwtRefused("algorithm not expected")
        return self.algorithms[name]


def sign(claims: Mapping[str, object], key: PrivateKey, *, alg: str, kid: str, typ: str) -> str:
    """Return the claims as a JWT in compact form, signed with RS256, ES256 or EdDSA.

    A key that is not for `alg`, and a claim that is null, are bugs further up: ValueError.
    """
    if algorithm_of(key) != alg:
        raise ValueError(f"the key is not for {alg}")
    if any(value is None for value in claims.values()):
        raise ValueError("a claim that is absent is left out, not null")
    payload = json.dumps(claims, separators=(",", ":"), allow_nan=False)
    header = {"alg": alg, "kid": kid, "typ": typ}
    # The raw key is both the key and its origin to the library: nothing is parsed again.
    library_key = _KEY_TYPES[alg](cast(Any, key), key)
    return jws.serialize_compact(header, payload, library_key, registry=_Registry(algorithms=[alg]))


def verify(
    token: str,
    keys: Iterable[Mapping[str, object]],
    *,
    algs: Collection[str],
    typ: str,
    issuer: str,
    audience: str | None,
    now: int,
    leeway: int = MAX_LEEWAY_SECONDS,
    accept_expired: bool = False,
) -> dict[str, Any]:
    """Return the claims of a token that verifies; else raise JwtRefused.

    `keys` are public JWKs of that issuer, one of which signed; `algs` are those that the caller expects,
    `typ` is `JWT` or `at+jwt`. `iss`, `sub`, `aud`, `exp` and `iat` must be there and right; `audience` None
    leaves the judgement of a well-formed `aud` to the caller. `leeway` is in seconds, at most 60.
    `accept_expired` is for an `id_token_hint` (OpenID Connect Core §3.1.2.2) and skips `exp` alone.
    """
    if not ALGORITHMS.issuperset(algs) or not 0 <= leeway <= MAX_LEEWAY_SECONDS:
        raise ValueError("an algorithm or leeway that is never allowed")
    header, claims = _parse(token)
    alg = header["alg"]
    if alg not in algs:
        raise JwtRefused("algorithm not expected")
    _check_type(header, typ)
    _check_signature(token, alg, _pick_key(keys, alg, header.get("kid")))
    _check_claims(claims, typ, issuer, audience)
    _check_times(claims, now, leeway, accept_expired=accept_expired)
    return claims


def unverified_issuer(token: str) -> str:
    """What a token says its issuer is, to look up the keys that it must verify with; nothing of it may be
    believed before that. Raises JwtRefused."""
    issuer = _parse(token)[1].get("iss")
    return issuer if isinstance(issuer, str) else ""


def unverified_type(token: str) -> str:
    """What a token says it is (`typ`). Raises JwtRefused."""
    return str(_parse(token)[0].get("typ", ""))


def _parse(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(token) > MAX_LENGTH:
        raise JwtRefused("too long")
    segments = token.split(".")
    if len(segments) != 3:
        raise JwtRefused("not in compact form")
    header, payload, _ = (_decode(segment) for segment in segments)
    members = _parse_object(header)
    if not isinstance(members.get("alg"), str):
        raise JwtRefused("algorithm missing")
    if "crit" in members or "b64" in members or "enc" in members or "zip" in members:
        raise JwtRefused("header member not supported")
    if not all(isinstance(members.get(name, ""), str) for name in ("kid", "typ")):
        raise JwtRefused("header member of a wrong type")
    return members, _parse_object(payload)


def _decode(segment: str) -> bytes:
    if not _SEGMENT.fullmatch(segment):
        raise JwtRefused("not base64url")
    rest = len(segment) % 4
    if rest == 1:
        raise JwtRefused("not base64url")
    # Bits of the last character that nothing is made of are zero, or one text could be spelled many ways.
    if rest and segment[-1] not in _LAST[rest]:
        raise JwtRefused("base64url not canonical")
    return binascii.a2b_base64(segment.replace("-", "+").replace("_", "/") + _PADDING[rest])


def _parse_object(data: bytes) -> dict[str, Any]:
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except JwtRefused:
        raise
    except (ValueError, RecursionError):
        raise JwtRefused("not JSON") from None
    if not isinstance(value, dict):
        raise JwtRefused("not a JSON object")
    # Halves of surrogate pairs come as escapes alone, and depth needs brackets: most objects have neither.
    if b"\\u" in data or data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        _check_text_and_depth(value, 1)
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JwtRefused("a JSON member occurs twice")
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise JwtRefused("a number that is not finite")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JwtRefused("a number that is not finite")
    return number


def _short(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise JwtRefused("a number that is too long")
    return int(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_short
)


def _check_text_and_depth(value: object, depth: int) -> None:
    if isinstance(value, str) and _SURROGATE.search(value):
        raise JwtRefused("text that is not Unicode")
    if not isinstance(value, dict | list):
        return
    if depth > MAX_DEPTH:
        raise JwtRefused("JSON nested too deep")
    for inner in (*value, *value.values()) if isinstance(value, dict) else value:
        _check_text_and_depth(inner, depth + 1)


def _check_type(header: Mapping[str, Any], typ: str) -> None:
    got = header.get("typ")
    # OpenID Connect leaves `typ` of id_tokens open, so only they may lack it.
    if got is None and typ == "JWT":
        return
    if got is None or got.lower().removeprefix("application/") != typ.lower():
        raise JwtRefused("another kind of token")


def _pick_key(keys: Iterable[Mapping[str, object]], alg: str, kid: str | None) -> Mapping[str, object]:
    # A key has one algorithm, by its type and its entry; symmetric ones never fit (RFC 8725 §3.1).
    fitting = [key for key in keys if (kid is None or key.get("kid") == kid) and _fits(key, alg)]
    if len(fitting) != 1:
        raise KeyUnknown("no key, or more than one, fits")
    return fitting[0]


def _fits(key: Mapping[str, object], alg: str) -> bool:
    return (
        _KEY_KINDS.get(_kind_of(key)) == alg and key.get("alg", alg) == alg and key.get("use", "sig") == "sig"
    )


def _kind_of(key: Mapping[str, object]) -> tuple[str, str | None]:
    curve = key.get("crv")
    return str(key.get("kty")), curve if curve is None else str(curve)


def _check_signature(token: str, alg: str, jwk: Mapping[str, object]) -> None:
    key = jwk.key if isinstance(jwk, ImportedJwk) else _import_key(jwk, alg)
    # The form was checked above, more strictly than the library would do it: only the signature is left.
    signed, _, signature = token.rpartition(".")
    if not jws.JWSRegistry.algorithms[alg].verify(signed.encode("ascii"), _decode(signature), key):
        raise JwtRefused("signature does not hold")


def _import_key(jwk: Mapping[str, object], alg: str) -> RSAKey | ECKey | OKPKey:
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    if alg == "RS256" and int.from_bytes(_decode(str(jwk.get("n")))).bit_length() not in _RSA_BITS:
        raise JwtRefused("key too short or too long")
    try:
        key = _KEY_TYPES[alg].import_key(cast(Any, public))
        key.get_op_key("verify")  # a point that is not on the curve shows here
    except (JoseError, ValueError, TypeError, UnsupportedAlgorithm):
        raise JwtRefused("signature does not hold") from None
    return key


def _check_claims(claims: Mapping[str, Any], typ: str, issuer: str, audience: str | None) -> None:
    if claims.get("iss") != issuer:
        raise JwtRefused("another issuer")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise JwtRefused("no subject")
    for name in ("jti", "nonce", "azp", "sid", "client_id"):
        if name in claims and not isinstance(claims[name], str):
            raise JwtRefused(f"{name} of a wrong type")
    if typ == "at+jwt" and not ("jti" in claims and "client_id" in claims):
        raise JwtRefused("a claim of access tokens is missing")
    audiences = claims.get("aud")
    if isinstance(audiences, str):
        audiences = [audiences]
    if not isinstance(audiences, list) or not audiences:
        raise JwtRefused("no audience")
    if not all(isinstance(one, str) and one for one in audiences):
        raise JwtRefused("no audience")
    if audience is None:
        return
    if audience not in audiences:
        raise JwtRefused("another audience")
    if typ == "JWT" and (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != audience:
        raise JwtRefused("another authorized party")


def _check_times(claims: Mapping[str, Any], now: int, leeway: int, *, accept_expired: bool) -> None:
    for name in ("exp", "iat", "nbf", "auth_time"):
        # bool is an int to Python, and `exp: true` would be a second after 1970.
        if name in claims and type(claims[name]) is not int:
            raise JwtRefused(f"{name} of a wrong type")
    if "exp" not in claims or "iat" not in claims:
        raise JwtRefused("a time is missing")
    if not accept_expired and now >= claims["exp"] + leeway:
        raise JwtRefused("expired")
    if claims["iat"] > now + leeway or claims.get("nbf", 0) > now + leeway:
        raise JwtRefused("not valid yet")
