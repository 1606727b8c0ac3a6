"""Keys that rotate under running clients, and tokens of one kind in the place of another
(OpenID Connect Core §10.1.1, RFC 8725)."""

import base64
import hmac
import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from grantline.keys import rotate_keys
from grantline.oauth import jwt
from grantline.oauth.jwk import public_jwk
from tests.protocol.relying_party import claims_of, header_of, jwks_of, verified
from tests.site import ISSUER, App, Site, answer_of

DAY = 24 * 3600


async def rotate(site: Site, *, compromised: bool = False) -> None:
    """`grantline keys rotate`, and the server takes up what another process wrote."""
    await rotate_keys(site.db, site.server.envelope, site.clock(), compromised=compromised)
    await site.server.reload()


async def kids(site: Site) -> list[str]:
    return [key["kid"] for key in (await jwks_of(site))["keys"] if key["alg"] == "RS256"]


async def id_token_of(site: Site, app: App) -> str:
    return str((await site.tokens(app, scope="openid"))["id_token"])


async def test_core_10_1_1_a_a_new_key_is_published_a_day_before_it_signs(site: Site) -> None:
    """OpenID Connect Core §10.1.1: and the old one stays until what it signed is over."""
    app = await site.app("server-based")
    (old,) = await kids(site)
    await rotate(site)
    assert len(await kids(site)) == 2
    assert (await kids(site))[0] == old  # some libraries take the first that fits
    site.clock.advance(DAY - 1)
    last = await id_token_of(site, app)
    assert header_of(last)["kid"] == old
    site.clock.advance(1)
    first = await id_token_of(site, app)
    assert header_of(first)["kid"] != old
    for token in (last, first):
        assert await verified(site, app, token)
    site.clock.advance(3598)
    assert await verified(site, app, last)
    site.clock.advance(DAY)
    assert await kids(site) == [header_of(first)["kid"]]
    with pytest.raises(KeyError):
        await verified(site, app, last)


async def test_core_10_1_1_a_the_keys_may_be_cached_for_less_than_the_overlap(site: Site) -> None:
    """OpenID Connect Core §10.1.1: Cache-Control on the set, far below the day of notice."""
    answer = await site.call("GET", "/oauth/v2/keys")
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_tokens_outlive_an_ordinary_rotation_and_end_with_a_compromised_key(site: Site) -> None:
    """Access tokens are MACed with a key that rotates too (T127)."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    tokens = await site.tokens(app, scope="openid", browser=browser)
    await rotate(site)
    assert await site.works(tokens["access_token"])
    newer = (await site.refresh(app, tokens["refresh_token"])).json()
    assert await site.works(newer["access_token"])
    await rotate(site, compromised=True)
    assert not await site.works(tokens["access_token"])
    assert not await site.works(newer["access_token"])
    assert await site.introspect(app, newer["access_token"]) == {"active": False}
    assert len(await kids(site)) == 1
    with pytest.raises(KeyError):
        await verified(site, app, tokens["id_token"])
    hinted = site.request(app, scope="openid", prompt="none", id_token_hint=tokens["id_token"])
    assert answer_of(await browser.get("/oauth/v2/auth", params=hinted))["error"] == "invalid_request"
    # Who holds a refresh token and the client's secret goes on, with new keys.
    latest = (await site.refresh(app, tokens["refresh_token"])).json()
    assert await site.works(latest["access_token"])
    assert await verified(site, app, latest["id_token"])


async def test_two_rotations_within_a_day_leave_no_gap(site: Site) -> None:
    """At every moment there is one key that signs, published a day before."""
    app = await site.app("server-based")
    await rotate(site)
    site.clock.advance(3600)
    await rotate(site)
    published = {kid: site.clock() for kid in await kids(site)}
    assert len(published) == 3
    for _ in range(6):
        site.clock.advance(DAY // 3)
        token = await id_token_of(site, app)
        assert await verified(site, app, token)
        assert header_of(token)["kid"] in published
    assert len(await kids(site)) == 1


def hint_fields(site: Site, app: App, token: str) -> dict[str, str]:
    return site.request(app, scope="openid", prompt="none", id_token_hint=token)


async def test_8725_3_1_a_the_algorithm_is_ours_to_choose(site: Site) -> None:
    """RFC 8725 §3.1: a token of ours, signed anew with another algorithm and our public key, is nothing."""
    app, browser = await site.app("server-based"), await site.signed_in()
    tokens = await site.tokens(app, scope="openid", browser=browser)
    own = tokens["id_token"]
    right = await browser.get("/oauth/v2/auth", params=hint_fields(site, app, own))
    assert "code" in answer_of(right)
    (key,) = [key for key in (await jwks_of(site))["keys"] if key["alg"] == "RS256"]
    pem = pyjwt.PyJWK(key).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = {"alg": "HS256", "kid": key["kid"], "typ": "JWT"}
    for secret in (pem, json.dumps(key).encode(), b"", app.secret):
        signed = hs256(
            header, own.split(".")[1], secret.encode() if isinstance(secret, str) else secret or b""
        )
        answer = answer_of(await browser.get("/oauth/v2/auth", params=hint_fields(site, app, signed)))
        assert answer["error"] == "invalid_request"
    for alg in ("none", "None", "nOnE", "ES256", "RS512"):
        changed = _segment({**header_of(own), "alg": alg}) + own[own.index(".") :]
        answer = answer_of(await browser.get("/oauth/v2/auth", params=hint_fields(site, app, changed)))
        assert answer["error"] == "invalid_request", alg


def hs256(header: dict[str, str], payload: str, secret: bytes) -> str:
    signed = f"{_segment(header)}.{payload}"
    mac = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _segment(members: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


async def test_8725_3_8_a_a_key_speaks_for_its_own_issuer(site: Site) -> None:
    """RFC 8725 §3.8: our key under another issuer, and another's key under ours, are refused."""
    app, browser = await site.app("server-based"), await site.signed_in()
    own = claims_of((await site.tokens(app, scope="openid", browser=browser))["id_token"])
    sign = site.mint.keyring.sign
    foreign_key = rsa.generate_private_key(65537, 2048)
    foreign = jwt.sign(own, foreign_key, alg="RS256", kid=public_jwk(foreign_key)["kid"], typ="JWT")
    other_issuer = sign({**own, "iss": "https://eu.example"}, alg="RS256", typ="JWT", now=site.clock())
    no_subject = {name: value for name, value in own.items() if name != "sub"}
    nobody = sign(no_subject, alg="RS256", typ="JWT", now=site.clock())
    for token in (foreign, other_issuer, nobody):
        answer = answer_of(await browser.get("/oauth/v2/auth", params=hint_fields(site, app, token)))
        assert answer["error"] == "invalid_request"
    same = sign(own, alg="RS256", typ="JWT", now=site.clock())
    assert "code" in answer_of(await browser.get("/oauth/v2/auth", params=hint_fields(site, app, same)))


async def test_8725_3_9_a_a_token_without_audience_is_refused(site: Site) -> None:
    """RFC 8725 §3.9: as a hint, and as one to sign out with, where the audience is who asks."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Other")
    browser = await site.signed_in()
    own = claims_of((await site.tokens(app, scope="openid", browser=browser))["id_token"])
    for audience in (None, [], 7, ""):
        claims = {**own, "aud": audience}
        if audience is None:
            del claims["aud"]
        token = site.mint.keyring.sign(claims, alg="RS256", typ="JWT", now=site.clock())
        answer = answer_of(await browser.get("/oauth/v2/auth", params=hint_fields(site, app, token)))
        assert answer["error"] == "invalid_request", audience
    mine = site.mint.keyring.sign(own, alg="RS256", typ="JWT", now=site.clock())
    fields = {"id_token_hint": mine, "client_id": other.id}
    assert (await browser.get("/oauth/v2/logout", params=fields)).status_code == 400
    assert (await browser.get("/account")).status_code == 200


async def test_8725_3_12_a_no_token_passes_for_one_of_another_kind(site: Site) -> None:
    """RFC 8725 §3.12: every kind that we hand out, offered where every other is expected."""
    app, browser = await site.app("server-based"), await site.signed_in()
    code = await site.code(app, browser=browser, scope="openid", access_type="offline")
    tokens = await site.tokens(app, browser=browser, scope="openid")
    claims = {**claims_of(tokens["id_token"]), "jti": "1", "client_id": app.id}
    typed = site.mint.keyring.sign(claims, alg="RS256", typ="at+jwt", now=site.clock())
    access, refresh, id_token = (tokens[name] for name in ("access_token", "refresh_token", "id_token"))
    for token in (refresh, id_token, code, typed, app.secret):
        header = {"Authorization": f"Bearer {token}"}
        assert (await site.call("GET", "/oauth/v2/userinfo", headers=header)).status_code == 401
    for token in (access, id_token, code, typed):
        assert (await site.refresh(app, token)).json()["error"] == "invalid_grant"
    for token in (access, refresh, id_token, typed):
        assert (await site.exchange(app, token)).json()["error"] == "invalid_grant"
    for token in (access, refresh, code, typed):
        answer = answer_of(await browser.get("/oauth/v2/auth", params=hint_fields(site, app, token)))
        assert answer["error"] == "invalid_request"
    for token in (id_token, code, typed):
        assert await site.introspect(app, token) == {"active": False}
    header = {"Authorization": f"Bearer {access}"}
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=header)).status_code == 200
    assert (await site.refresh(app, refresh)).status_code == 200
    assert (await site.exchange(app, code)).status_code == 200
    assert claims["iss"] == ISSUER
