"""JWTs: ours verify, and the corpus of forged and odd ones does not (T90, T91, T92)."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth import jwk, jwt
from grantline.oauth.jwt import JwtRefused
from tests.oauth.signing import (
    CLIENT,
    ISSUER,
    NOW,
    claims,
    ec_key,
    encode,
    es256,
    hmac_signed,
    jwks,
    rsa_key,
    signed,
    verify,
)

KID = jwk.public_jwk(ec_key())["kid"]
HEADER = {"alg": "ES256", "kid": KID, "typ": "JWT"}


def reason(token: str, keys: list[dict[str, str]] | None = None, **changes: Any) -> str:
    with pytest.raises(JwtRefused) as caught:
        verify(token, keys, **changes)
    return caught.value.reason


def ours(alg: str = "ES256", typ: str = "JWT", **changes: object) -> str:
    key = ec_key() if alg == "ES256" else rsa_key()
    return jwt.sign(claims(**changes), key, alg=alg, kid=jwk.public_jwk(key)["kid"], typ=typ)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_what_we_sign_verifies(alg: str) -> None:
    assert verify(ours(alg, name="Ева")) == claims(name="Ева")
    assert verify(ours(alg), algs={alg}) == claims()
    header = json.loads(urlsafe_b64decode(ours(alg).split(".")[0] + "=="))
    assert header == {"alg": alg, "kid": header["kid"], "typ": "JWT"}


def test_a_token_of_another_library_verifies() -> None:
    token = pyjwt.encode(claims(), rsa_key(), algorithm="RS256", headers={"kid": jwks()[0]["kid"]})
    assert verify(token) == claims()
    public = rsa_key().public_key()
    assert (
        pyjwt.decode(
            ours("RS256"),
            public,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
        )
        == claims()
    )


def test_an_ed25519_key_of_another_server_verifies() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    entry = {"kty": "OKP", "crv": "Ed25519", "x": encode(raw), "kid": "e"}
    message = f"{encode({'alg': 'EdDSA', 'kid': 'e'})}.{encode(claims())}"
    token = f"{message}.{encode(key.sign(message.encode()))}"
    assert verify(token, [entry], algs={"EdDSA"}) == claims()
    assert reason(token, [entry]) == "algorithm not expected"


def test_signing_refuses_what_must_not_be_signed() -> None:
    with pytest.raises(ValueError, match="not for RS256"):
        jwt.sign(claims(), ec_key(), alg="RS256", kid="k", typ="JWT")
    with pytest.raises(ValueError, match="null"):
        jwt.sign(claims(nonce=None), ec_key(), alg="ES256", kid="k", typ="JWT")
    with pytest.raises(ValueError, match="JSON"):
        jwt.sign(claims(x=float("nan")), ec_key(), alg="ES256", kid="k", typ="JWT")


def test_T90_8725_3_1_a_no_algorithm_but_the_expected_one_of_the_key() -> None:
    """RFC 8725 §3.1."""
    good = ours()
    _, payload, signature = good.split(".")
    for alg in ("none", "NoNe", "", "HS256", "RS256", "PS256", "es256"):
        for tail in (signature, "", encode(b"\0" * 64)):
            with pytest.raises(JwtRefused):
                verify(f"{encode({**HEADER, 'alg': alg})}.{payload}.{tail}")
    assert reason(good, algs={"RS256"}) == "algorithm not expected"
    for algs in ({"none"}, {"HS256"}, {"RS256", "HS256"}):
        with pytest.raises(ValueError, match="never allowed"):
            verify(good, algs=algs)


def test_T90_a_public_key_is_never_an_hmac_secret() -> None:
    """RFC 8725 §3.1: whatever spelling of the key is the secret, and even if the key set lists it as one."""
    public = rsa_key().public_key()
    formats = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, formats)
    der = public.public_bytes(serialization.Encoding.DER, formats)
    for secret in (pem, der, json.dumps(jwks()[0]).encode(), b""):
        for alg in ("HS256", "RS256", "ES256"):
            token = hmac_signed({"alg": alg, "kid": "k"}, claims(), secret)
            for keys in (jwks(), [{"kty": "oct", "k": encode(secret), "kid": "k"}], []):
                with pytest.raises(JwtRefused):
                    verify(token, keys)


@pytest.mark.parametrize("member", ["jwk", "x5c", "jku", "x5u"])
def test_T90_a_key_in_the_header_is_never_used(member: str) -> None:
    """RFC 8725 §3.1."""
    thief = ec.generate_private_key(ec.SECP256R1())
    entry = jwk.public_jwk(thief)
    value = {"jwk": entry, "x5c": ["MIIB"], "jku": "https://evil.example/k", "x5u": "https://evil.example/k"}[
        member
    ]
    message = f"{encode({'alg': 'ES256', 'typ': 'JWT', member: value})}.{encode(claims())}"
    assert reason(f"{message}.{es256(message, thief)}") == "signature does not hold"


def test_8725_3_3_a_every_changed_bit_breaks_a_token() -> None:
    """RFC 8725 §3.3."""
    token = ours()
    for position in range(0, len(token), 7):
        if token[position] != ".":
            changed = "A" if token[position] != "A" else "B"
            with pytest.raises(JwtRefused):
                verify(token[:position] + changed + token[position + 1 :])
    with pytest.raises(JwtRefused):
        verify(token[:-1])


def test_8725_3_3_a_a_key_that_is_no_point_is_refused() -> None:
    """RFC 8725 §3.3."""
    off_curve = {**jwks()[1], "x": encode(b"\x01" * 32), "y": encode(b"\x02" * 32)}
    for entry in (
        off_curve,
        {**jwks()[1], "x": "AA"},
        {**jwks()[1], "x": 7},
        {"kty": "EC", "crv": "P-256", "kid": KID},
    ):
        assert reason(ours(), [entry]) == "signature does not hold"  # type: ignore[list-item]


def test_fapi_5_4_1_a_short_rsa_key_is_refused() -> None:
    """FAPI 2.0 Security Profile §5.4.1."""
    short = rsa.generate_private_key(65537, 1024)
    with pytest.raises(ValueError, match="2048"):
        jwk.public_jwk(short)
    numbers = short.public_key().public_numbers()
    entry = {"kty": "RSA", "n": encode(numbers.n.to_bytes(128)), "e": "AQAB", "kid": "s"}
    message = {"alg": "RS256", "kid": "s"}
    assert reason(hmac_signed(message, claims(), b"x"), [entry]) == "key too short or too long"
    assert reason(hmac_signed(message, claims(), b"x"), [{"kty": "RSA", "e": "AQAB", "kid": "s"}])


def test_8725_3_8_a_a_key_of_another_issuer_does_not_do() -> None:
    """RFC 8725 §3.8."""
    other = jwk.public_jwk(ec_key("other"), kid=KID)
    assert reason(ours(), [other]) == "signature does not hold"
    assert reason(ours(), [jwk.public_jwk(ec_key("other"))]) == "no key, or more than one, fits"
    assert reason(ours(), []) == "no key, or more than one, fits"


@pytest.mark.parametrize("odd", [["RSA"], {"a": 1}, 5, True])
def test_an_odd_key_of_an_issuer_is_passed_over(odd: Any) -> None:
    for key in jwks():
        for member in ("kty", "crv", "alg", "use", "kid"):
            assert verify(ours(), [{**key, "kid": "odd", member: odd}, *jwks()])
            assert reason(ours(), [{**key, "kid": KID, member: odd}]) == "no key, or more than one, fits"


def test_a_key_is_taken_by_its_id_and_a_doubtful_one_not_at_all() -> None:
    both = [jwk.public_jwk(ec_key("other")), *jwks()]
    assert verify(ours(), both)
    nameless = signed({"alg": "ES256", "typ": "JWT"}, claims())
    assert verify(nameless)
    assert reason(nameless, both) == "no key, or more than one, fits"
    assert reason(ours(), [*jwks(), *jwks()]) == "no key, or more than one, fits"
    for change in ({"use": "enc"}, {"alg": "RS256"}, {"alg": "ES384"}):
        assert reason(ours(), [{**jwks()[1], **change}]) == "no key, or more than one, fits"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "not in compact form"),
        ("a.b", "not in compact form"),
        ("a.b.c.d", "not in compact form"),
        ("a.b.c.d.e", "not in compact form"),
        (json.dumps({"payload": encode(claims()), "signatures": []}), "not in compact form"),
        (json.dumps({"protected": "e30", "payload": "x.y.z", "signature": ""}), "not base64url"),
        ("..", "not base64url"),
        ("e30.e30.", "not base64url"),
        ("e30.e30.A", "not base64url"),
        ("e30=.e30.AA", "not base64url"),
        ("e3 0.e30.AA", "not base64url"),
        ("e30.e30.AA\n", "not base64url"),
        ("e30.e30.A+", "not base64url"),
        ("é30.e30.AA", "not base64url"),
        ("e30.e30.AB", "base64url not canonical"),
        ("e30.e30.AA", "algorithm missing"),
        ("x" * 8193, "too long"),
        (encode({"alg": "ES256", "x": "y" * 1_000_000}) + ".e30.AA", "too long"),
    ],
)
def test_T91_only_the_compact_form_is_read(token: str, why: str) -> None:
    """RFC 8725 §3.11."""
    assert reason(token) == why


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({**HEADER, "crit": ["x"]}, "header member not supported"),
        ({**HEADER, "crit": []}, "header member not supported"),
        ({**HEADER, "b64": False, "crit": ["b64"]}, "header member not supported"),
        ({**HEADER, "b64": True}, "header member not supported"),
        ({**HEADER, "enc": "A128GCM"}, "header member not supported"),
        ({**HEADER, "zip": "DEF"}, "header member not supported"),
        ({**HEADER, "kid": 7}, "header member of a wrong type"),
        ({**HEADER, "typ": ["JWT"]}, "header member of a wrong type"),
        ({**HEADER, "alg": ["ES256"]}, "algorithm missing"),
        ({**HEADER, "alg": None}, "algorithm missing"),
        ([HEADER], "not a JSON object"),
        (b'{"alg":"none","alg":"ES256"}', "a JSON member occurs twice"),
        (b'{"alg":"ES256"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"\xff", "not JSON"),
        ({**HEADER, "typ": "at+jwt"}, "another kind of token"),
        ({**HEADER, "typ": "jwt2"}, "another kind of token"),
    ],
)
def test_T91_odd_headers_are_refused_although_the_signature_holds(header: object, why: str) -> None:
    """RFC 7515 §4.1.11, RFC 7797 §3."""
    assert reason(signed(header, claims())) == why


def nested(depth: int) -> dict[str, object]:
    value: object = 1
    for _ in range(depth - 1):
        value = [value]
    return claims(x=value)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b'{"iss":"a","iss":"b"}', "a JSON member occurs twice"),
        (json.dumps(claims()).encode()[:-1] + b',"x":{"a":1,"a":2}}', "a JSON member occurs twice"),
        (json.dumps(claims()).encode()[:-1] + b',"x":NaN}', "a number that is not finite"),
        (json.dumps(claims()).encode()[:-1] + b',"x":-Infinity}', "a number that is not finite"),
        (json.dumps(claims()).encode()[:-1] + b',"x":1e999}', "a number that is not finite"),
        (json.dumps(claims()).encode()[:-1] + b',"x":' + b"9" * 5000 + b"}", "a number that is too long"),
        (json.dumps(claims()).encode()[:-1] + b',"x":"\\ud800"}', "text that is not Unicode"),
        (json.dumps(claims()).encode() + b"x", "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"7", "not a JSON object"),
        (nested(9), "JSON nested too deep"),
    ],
)
def test_T91_odd_payloads_are_refused_although_the_signature_holds(payload: object, why: str) -> None:
    """RFC 8725 §3.3."""
    assert reason(signed(HEADER, payload)) == why


def test_what_is_just_within_the_limits_passes() -> None:
    assert verify(signed(HEADER, nested(8)))
    assert verify(signed({**HEADER, "x-of-theirs": 1}, claims(x=1.5)))
    assert verify(signed({**HEADER, "typ": "application/jwt"}, claims()))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": ...}, "another issuer"),
        ({"iss": [ISSUER]}, "another issuer"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": "https://accounts.eu.example"}, "another issuer"),
        ({"sub": ...}, "no subject"),
        ({"sub": 42}, "no subject"),
        ({"sub": ""}, "no subject"),
        ({"sub": "4" * 256}, "no subject"),
        ({"aud": ...}, "no audience"),
        ({"aud": None}, "no audience"),
        ({"aud": []}, "no audience"),
        ({"aud": [CLIENT, 7]}, "no audience"),
        ({"aud": {"a": CLIENT}}, "no audience"),
        ({"aud": "glc_us_other"}, "another audience"),
        ({"aud": CLIENT + "x"}, "another audience"),
        ({"aud": [CLIENT, "glc_us_other"]}, "another authorized party"),
        ({"aud": [CLIENT, "glc_us_other"], "azp": "glc_us_other"}, "another authorized party"),
        ({"azp": "glc_us_other"}, "another authorized party"),
        ({"exp": ...}, "a time is missing"),
        ({"iat": ...}, "a time is missing"),
        ({"exp": True}, "exp of a wrong type"),
        ({"exp": str(NOW + 300)}, "exp of a wrong type"),
        ({"exp": NOW + 300.5}, "exp of a wrong type"),
        ({"exp": None}, "exp of a wrong type"),
        ({"iat": False}, "iat of a wrong type"),
        ({"nbf": "0"}, "nbf of a wrong type"),
        ({"auth_time": 1.0}, "auth_time of a wrong type"),
        ({"exp": NOW - 60}, "expired"),
        ({"exp": 0}, "expired"),
        ({"iat": NOW + 61}, "not valid yet"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"jti": 7}, "jti of a wrong type"),
        ({"nonce": ["n"]}, "nonce of a wrong type"),
    ],
)
def test_T92_claims_that_are_missing_or_of_a_wrong_type_are_refused(
    change: dict[str, object], why: str
) -> None:
    """RFC 8725 §3.9, OpenID Connect Core §3.1.3.7."""
    assert reason(signed(HEADER, claims(**change))) == why


def test_T92_the_clock_may_differ_by_a_minute() -> None:
    """OpenID Connect Core §3.1.3.7."""
    token = ours(exp=NOW, iat=NOW, nbf=NOW)
    assert verify(token, now=NOW + 59)
    assert verify(token, now=NOW - 60)
    assert reason(token, now=NOW + 60) == "expired"
    assert reason(token, now=NOW, leeway=0) == "expired"
    assert reason(token, now=NOW - 61) == "not valid yet"
    for leeway in (-1, 61):
        with pytest.raises(ValueError, match="never allowed"):
            verify(token, leeway=leeway)


def test_core_3_1_2_2_b_a_hint_may_have_expired_but_not_be_foreign() -> None:
    """OpenID Connect Core §3.1.2.2."""
    old = ours(exp=NOW - 10_000, iat=NOW - 20_000)
    assert verify(old, accept_expired=True)["sub"] == "42"
    assert verify(old, accept_expired=True, audience=None)["aud"] == CLIENT
    assert reason(signed(HEADER, claims(aud=...)), audience=None) == "no audience"
    assert reason(old, accept_expired=True, issuer="https://other.example") == "another issuer"
    assert reason(signed(HEADER, claims(exp=...)), accept_expired=True) == "a time is missing"


def test_an_audience_may_be_one_of_several_with_its_party_named() -> None:
    assert verify(ours(aud=[CLIENT]))
    assert verify(ours(aud=["https://api", CLIENT], azp=CLIENT))
    assert verify(ours(azp=CLIENT))


def test_8725_3_12_a_kinds_of_tokens_exclude_one_another() -> None:
    """RFC 8725 §3.12, RFC 9068 §4."""
    access = ours(typ="at+jwt", jti="j", client_id=CLIENT, aud=["https://api", "https://other"])
    assert verify(access, typ="at+jwt", audience="https://api")
    assert reason(access, audience="https://api") == "another kind of token"
    assert reason(ours(), typ="at+jwt") == "another kind of token"
    assert reason(signed({"alg": "ES256"}, claims()), typ="at+jwt") == "another kind of token"
    assert verify(signed({"alg": "ES256"}, claims()))
    for missing in ({"jti": "j"}, {"client_id": CLIENT}):
        token = ours(typ="at+jwt", **missing)
        assert reason(token, typ="at+jwt") == "a claim of access tokens is missing"
    full = signed({**HEADER, "typ": "application/AT+jwt"}, claims(jti="j", client_id=CLIENT))
    assert verify(full, typ="at+jwt")


@given(st.text(st.sampled_from("e30.AyJhbGciOiJFUzI1NiJ9=_- é"), max_size=80) | st.text(max_size=20))
def test_T91_any_text_is_refused_and_never_breaks(token: str) -> None:
    """RFC 8725 §3.3."""
    with pytest.raises(JwtRefused):
        verify(token)


def test_the_refusal_does_not_quote_the_token() -> None:
    """RFC 9700 §4.9.3."""
    for token in (ours(sub="", nonce="n-0S6"), signed(HEADER, b"n-0S6")):
        with pytest.raises(JwtRefused) as caught:
            verify(token)
        assert "n-0S6" not in str(caught.value)
        assert caught.value.__cause__ is None
