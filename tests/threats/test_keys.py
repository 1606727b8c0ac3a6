"""Signatures and keys: what we did not sign says nothing here, and no key leaves (T90–T96).

The consumer is our own sign-out, which trusts an id_token as a hint: a forged one would end a session.
"""

import base64
import hashlib
import hmac
import json
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, RSAKey

from grantline.datacenters import ADDRESS
from grantline.web.app import CONSOLE, PEOPLE
from grantline.web.routes import PROGRAMS
from tests.site import ISSUER, Browser, Site

PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


def b64(value: bytes | str | dict[str, Any]) -> str:
    raw = json.dumps(value) if isinstance(value, dict) else value
    return base64.urlsafe_b64encode(raw.encode() if isinstance(raw, str) else raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    return (
        json.loads(base64.urlsafe_b64decode(header + "==")),
        json.loads(base64.urlsafe_b64decode(payload + "==")),
        signature,
    )


async def given(site: Site) -> tuple[Browser, str]:
    """Somebody who is signed in, and the id_token of an app in this very session."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    answer = await site.exchange(app, await site.code(app, browser=browser, scope="openid", nonce="n-1"))
    return browser, answer.json()["id_token"]


async def is_trusted(browser: Browser, hint: str) -> bool:
    """Whether the hint alone signs the person out; a signed-out browser is of no use afterwards."""
    page = await browser.http.post("/oauth/v2/logout", data={"id_token_hint": hint})
    assert page.status_code in (200, 303, 400)
    return (await browser.get("/account")).status_code != 200


async def forged(site: Site, token: str) -> dict[str, str]:
    """Every way to sign without the key, or to say that no signature is due."""
    header, payload, signature = parts(token)
    jwk = next(key for key in site.mint.keyring.jwks(site.clock())["keys"] if key["kid"] == header["kid"])
    public = RSAKey.import_key(dict(jwk))
    own = rsa.generate_private_key(65537, 2048)
    own_jwk = RSAKey.import_key(own).as_dict(private=False)
    body = b64(payload)
    tokens = {
        f"alg {name}": f"{b64({**header, 'alg': name})}.{body}."
        for name in ("none", "NoNe", "NONE", "", "None")
    }
    tokens |= {
        f"alg {name} with the signature": f"{b64({**header, 'alg': name})}.{body}.{signature}"
        for name in ("none", "RS512", "PS256", "ES256", "HS256", "rs256")
    }
    texts = {
        "PEM": public.as_pem(private=False),
        "DER": public.raw_value.public_bytes(  # type: ignore[union-attr]
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "JWK": json.dumps(dict(jwk)).encode(),
        "empty": b"",
    }
    for name, secret in texts.items():
        signed = f"{b64({**header, 'alg': 'HS256'})}.{body}"
        tokens[f"HS256 with {name}"] = f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"
    for name, extra in {
        "own key": {},
        "own key in jwk": {"jwk": own_jwk},
        "own key by jku": {"jku": "https://evil.example/jwks"},
        "own key in x5c": {"x5c": ["MIIB"]},
        "own key without kid": {"kid": None},
    }.items():
        signed = f"{b64({n: v for n, v in {**header, **extra}.items() if v is not None})}.{body}"
        tokens[name] = f"{signed}.{b64(own.sign(signed.encode(), PKCS1v15(), SHA256()))}"
    return tokens


async def test_T90_no_token_is_believed_that_our_key_did_not_sign(site: Site) -> None:
    """RFC 8725 §3.1, RFC 8725 §3.2: the algorithm comes from our key, never from the token."""
    browser, token = await given(site)
    for name, hint in (await forged(site, token)).items():
        assert not await is_trusted(browser, hint), name
    assert await is_trusted(browser, token)


def shapes(token: str) -> dict[str, str]:
    """The signed token in other clothes."""
    header, payload, signature = token.split(".")
    decoded, _, _ = parts(token)
    json_form = {"payload": payload, "signatures": []}
    flat = {"payload": payload, "protected": header, "signature": signature}
    return {
        "JSON without signatures": json.dumps(json_form),
        "flattened JSON": json.dumps(flat),
        "JSON with its signature": json.dumps(
            {"payload": payload, "signatures": [{"protected": header, "signature": signature}]}
        ),
        "crit": f"{b64({**decoded, 'crit': ['x']})}.{payload}.{signature}",
        "b64": f"{b64({**decoded, 'b64': False, 'crit': ['b64']})}.{payload}.{signature}",
        "padding": f"{header}.{payload}.{signature}==",
        "padded payload": f"{header}.{payload}=.{signature}",
        "a fourth part": f"{token}.x",
        "five parts": f"{token}.x.y",
        "two parts": f"{header}.{payload}",
        "no signature": f"{header}.{payload}.",
        "trailing space": f"{token} ",
        "leading space": f" {token}",
        "standard alphabet": token.replace("-", "+").replace("_", "/") + "+",
        "twice": f"{token}{token}",
        "too long": f"{b64({**decoded, 'x': 'a' * 9000})}.{payload}.{signature}",
        "an empty object": f"{b64('{}')}.{b64('{}')}.{b64('x')}",
        "no object": f"{b64('[]')}.{b64('[]')}.{b64('x')}",
        "deep": f"{b64('[' * 2000 + ']' * 2000)}.{payload}.{signature}",
        "dots": "...",
        "nothing": "x",
    }


async def test_T91_a_token_has_one_form(site: Site) -> None:
    """RFC 7515 §3.1 alone: compact, canonical, without extensions that we do not know."""
    browser, token = await given(site)
    for name, hint in shapes(token).items():
        assert not await is_trusted(browser, hint), name
    assert await is_trusted(browser, token)


def claims_that_do_not_count(site: Site, payload: dict[str, Any]) -> dict[str, dict[str, Any]]:
    without = {
        f"no {name}": {n: v for n, v in payload.items() if n != name}
        for name in ("iss", "sub", "aud", "exp", "iat")
    }
    return without | {
        "list as iss": {**payload, "iss": [ISSUER]},
        "another issuer": {**payload, "iss": "https://eu.example"},
        "issuer with a slash": {**payload, "iss": ISSUER + "/"},
        "sub as a number": {**payload, "sub": site.account.id},
        "exp true": {**payload, "exp": True},
        "exp as text": {**payload, "exp": str(payload["exp"])},
        "exp as a fraction": {**payload, "exp": payload["exp"] + 0.5},
        "iat to come": {**payload, "iat": payload["iat"] + 3600},
        "aud empty": {**payload, "aud": []},
        "aud as a mapping": {**payload, "aud": {}},
    }


async def test_T92_claims_of_the_wrong_kind_count_for_nothing(site: Site) -> None:
    """Signed with our own key, which a bug elsewhere might do: types and presence are checked still."""
    browser, token = await given(site)
    _, payload, _ = parts(token)
    keyring, now = site.mint.keyring, site.clock()
    for name, claims in claims_that_do_not_count(site, payload).items():
        hint = keyring.sign(claims, alg="RS256", typ="JWT", now=now)
        assert not await is_trusted(browser, hint), name
    for typ in ("at+jwt", "logout+jwt", "client-authentication+jwt", "jwt "):
        hint = keyring.sign(payload, alg="RS256", typ=typ, now=now)
        assert not await is_trusted(browser, hint), typ
    assert await is_trusted(browser, keyring.sign(payload, alg="ES256", typ="JWT", now=now))


@pytest.mark.parametrize(
    "kid",
    ["../../dev/null", "' OR '1'='1", "https://evil.example/key", "", "a" * 5000, 5, None, ["x"], {"x": 1}],
)
async def test_T93_a_kid_is_looked_up_and_nothing_else(site: Site, kid: object) -> None:
    """RFC 8725 §3.10."""
    browser, token = await given(site)
    header, payload, signature = parts(token)
    assert not await is_trusted(browser, f"{b64({**header, 'kid': kid})}.{b64(payload)}.{signature}")
    assert await is_trusted(browser, token)


def members(value: object) -> set[str]:
    """Every member name, at any depth."""
    if isinstance(value, dict):
        return set(value) | {name for one in value.values() for name in members(one)}
    if isinstance(value, list):
        return {name for one in value for name in members(one)}
    return set()


async def test_T94_no_address_gives_a_private_key_away(site: Site) -> None:
    """Every route, to somebody who is signed in and owns apps."""
    app = await site.app("self-client")
    browser = await site.signed_in()
    places = {"{client_id}": app.id, "{type}": "mobile", "{code}": "code_unknown"}
    for path in [*PROGRAMS, *(route.path for route in (*PEOPLE, *CONSOLE))]:
        for place, value in places.items():
            path = path.replace(place, value)
        answer = await browser.get(path)
        assert "PRIVATE KEY" not in answer.text
        if answer.headers.get("content-type", "").startswith("application/json"):
            assert not members(answer.json()) & set(PRIVATE), path
    keys = (await site.call("GET", "/oauth/v2/keys")).json()["keys"]
    for key in keys:
        kind: Any = RSAKey if key["kty"] == "RSA" else ECKey
        assert isinstance(kind.import_key(key).raw_value, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)


async def test_T95_nothing_but_an_access_token_opens_userinfo(site: Site) -> None:
    """RFC 8725 §3.12: every other value that the same person and app got, presented as one."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    code = await site.code(app, browser=browser, scope="openid", access_type="offline")
    tokens = (await site.exchange(app, code)).json()
    others = {
        "id_token": tokens["id_token"],
        "refresh token": tokens["refresh_token"],
        "code": code,
        "secret": app.secret,
        "client id": app.id,
        "session": browser.http.cookies["gl_us_session"],
        "browser": browser.http.cookies["gl_us_browser"],
        "own JWT": site.mint.keyring.sign(
            parts(tokens["id_token"])[1], alg="RS256", typ="at+jwt", now=site.clock()
        ),
    }
    for name, value in others.items():
        for scheme in ("Bearer", "Zoho-oauthtoken"):
            answer = await site.call(
                "GET", "/oauth/v2/userinfo", headers={"Authorization": f"{scheme} {value}"}
            )
            assert answer.status_code == 401, name
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        if name != "refresh token":  # whose state its own client may ask for (RFC 7662 §2.1)
            assert await site.introspect(app, str(value)) == {"active": False}, name
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=headers)).status_code == 200


async def test_T95_no_token_passes_for_a_session(site: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope="openid", nonce="n")
    for value in (*tokens.values(), app.secret, app.id):
        browser = site.browser()
        browser.http.cookies.set("gl_us_session", str(value), domain="127.0.0.1", path="/")
        assert (await browser.get("/account")).status_code == 303


async def test_T58_a_session_opens_no_endpoint_for_programs(site: Site) -> None:
    """RFC 6750 §5.3: the cookies of somebody who is signed in, and nothing else."""
    browser = await site.signed_in()
    for path, program in PROGRAMS.items():
        if program.cors == "public" or path.startswith(("/health", "/metrics")):
            continue
        for answer in (await browser.get(path), await browser.post(path, {"token": "x"})):
            # A token is revoked by whoever holds it (RFC 7009 §2.1); everything else asks who it is.
            expected = (403, 405) if path == ADDRESS else (400, 401, 405)  # a message without a signature
            assert answer.status_code in expected or path.endswith(("/revoke", "/revoke/token")), path
            assert "set-cookie" not in answer.headers


async def test_T96_an_id_token_is_tied_to_its_attempt_and_its_access_token(site: Site) -> None:
    """OpenID Connect Core §3.2.2.1, OpenID Connect Core §3.2.2.9."""
    browser_app, server_app = await site.app("client-based"), await site.app("server-based")
    refused = await site.authorize(browser_app, response_type="id_token token", scope="openid")
    assert "error=invalid_request" in refused.headers["location"]
    assert "token=" not in refused.headers["location"].partition("#")[2].replace("token_type", "")
    for odd in ("n-1", "a b!~", "x" * 512):
        answer = await site.exchange(server_app, await site.code(server_app, scope="openid", nonce=odd))
        _, payload, _ = parts(answer.json()["id_token"])
        assert payload["nonce"] == odd
        assert payload["at_hash"] == jwt_half(answer.json()["access_token"])
    answer = await site.exchange(server_app, await site.code(server_app, scope="openid"))
    assert "nonce" not in parts(answer.json()["id_token"])[1]


def jwt_half(token: str) -> str:
    """The left half of the SHA-256 of a token, written out here anew (OpenID Connect Core §3.1.3.6)."""
    return b64(hashlib.sha256(token.encode()).digest()[:16])
