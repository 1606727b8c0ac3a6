"""The id_token, as a client of somebody else's making reads it (OpenID Connect Core §2)."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from grantline.clients import RegistrationRefused
from tests.protocol.relying_party import claims_of, half_hash, header_of, jwks_of, verified
from tests.site import SCOPE, App, Site, answer_of

NONCE = "n-0S6_WzA2Mj~.%"


async def id_token_of(site: Site, app: App, **changes: Any) -> str:
    return str((await site.tokens(app, **{"scope": "openid", **changes}))["id_token"])


@pytest.mark.parametrize(
    "type_name", ["server-based", "client-based", "self-client", "non-browser", "mobile"]
)
async def test_core_2_a_an_id_token_of_every_flow_verifies(site: Site, type_name: str) -> None:
    """OpenID Connect Core §2: the five claims, for this client, about this person, for an hour."""
    app = await site.app(type_name)
    claims = await verified(site, app, await id_token_of(site, app))
    assert claims["sub"] == site.account.sub
    assert claims["sub"].isascii()
    assert len(claims["sub"]) <= 255
    assert claims["aud"] == app.id
    assert (claims["iat"], claims["exp"]) == (site.clock(), site.clock() + 3600)


async def test_core_2_a_the_subject_stays_the_persons_own(site: Site) -> None:
    """OpenID Connect Core §2: the same for every app, another for another person."""
    app, other = await site.app("server-based"), await site.app("mobile")
    await site.person("tom@example.com")
    mine = claims_of(await id_token_of(site, app))["sub"]
    assert claims_of(await id_token_of(site, other))["sub"] == mine
    theirs = await id_token_of(site, app, browser=await site.signed_in("tom@example.com"))
    assert claims_of(theirs)["sub"] != mine


async def test_core_2_b_auth_time_is_when_the_person_signed_in(site: Site) -> None:
    """OpenID Connect Core §2: with max_age and without."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    signed_in_at = site.clock()
    site.clock.advance(50)
    for changes in ({}, {"max_age": "60"}):
        claims = claims_of(await id_token_of(site, app, browser=browser, **changes))
        assert (claims["auth_time"], claims["iat"]) == (signed_in_at, site.clock())
    site.clock.advance(50)
    anew = claims_of(await id_token_of(site, app, browser=browser, max_age="60"))
    assert anew["auth_time"] == site.clock()


async def test_core_2_c_the_nonce_comes_back_unchanged(site: Site) -> None:
    """OpenID Connect Core §2: from the token endpoint and in the fragment; without one there is none."""
    app, browser_app = await site.app("server-based"), await site.app("client-based")
    assert (await verified(site, app, await id_token_of(site, app, nonce=NONCE)))["nonce"] == NONCE
    assert "nonce" not in claims_of(await id_token_of(site, app))
    answer = answer_of(
        await site.authorize(browser_app, response_type="id_token token", scope="openid", nonce=NONCE)
    )
    assert (await verified(site, browser_app, answer["id_token"]))["nonce"] == NONCE


async def test_core_2_d_an_id_token_is_always_signed(site: Site) -> None:
    """OpenID Connect Core §2: with RS256, whatever a request asks for; an unsigned copy verifies nowhere."""
    app = await site.app("server-based")
    token = await id_token_of(site, app, id_token_signed_response_alg="none")
    assert header_of(token)["alg"] == "RS256"
    assert await verified(site, app, token)
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    with pytest.raises((jwt.InvalidTokenError, KeyError)):
        await verified(site, app, f"{header}.{token.split('.')[1]}.")


async def test_core_2_e_header_and_payload_hold_no_more_than_they_should(site: Site) -> None:
    """OpenID Connect Core §2: no x5u, x5c, jku, jwk, and no null."""
    app = await site.app("self-client")
    token = await id_token_of(site, app, scope="openid email profile")
    assert set(header_of(token)) == {"alg", "kid", "typ"}
    assert header_of(token)["typ"] == "JWT"
    assert None not in claims_of(token).values()
    assert claims_of(token)


async def test_core_3_1_2_1_b_without_openid_there_is_no_id_token(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: neither for `profile` alone, nor in the device flow."""
    app, device = await site.app("server-based"), await site.app("non-browser")
    assert "id_token" not in await site.tokens(app, scope="profile email")
    assert "id_token" not in await site.tokens(app, scope=SCOPE)
    assert "id_token" not in await site.tokens(device, scope="profile")
    assert "id_token" in await site.tokens(app, scope="openid")


async def test_core_3_1_3_2_a_the_redirect_uri_is_sent_again_and_the_code_is_ones_own(site: Site) -> None:
    """OpenID Connect Core §3.1.3.2: even with a single one registered; the right exchange goes through."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Other")
    code = await site.code(app, scope="openid")
    for changes in ({"redirect_uri": None}, {"redirect_uri": app.redirect_uri + "/"}):
        refused = await site.exchange(app, code, **changes)
        assert refused.json()["error"] == "invalid_grant"
    assert (await site.exchange(other, code)).json()["error"] == "invalid_grant"
    assert "id_token" in (await site.exchange(app, code)).json()
    assert (await site.exchange(app, code)).json()["error"] == "invalid_grant"
    without_openid = (await site.exchange(app, await site.code(app))).json()
    assert "id_token" not in without_openid


async def test_core_3_1_3_3_a_the_token_answer_has_its_form(site: Site) -> None:
    """OpenID Connect Core §3.1.3.3: id_token, Bearer, no-store."""
    app = await site.app("server-based")
    answer = await site.exchange(app, await site.code(app, scope="openid"))
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["id_token"].count(".") == 2
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


async def test_core_3_1_3_6_a_at_hash_is_that_of_the_access_token(site: Site) -> None:
    """OpenID Connect Core §3.1.3.6: from the token endpoint, for a code and for a refresh."""
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope="openid")
    assert claims_of(tokens["id_token"])["at_hash"] == half_hash(tokens["access_token"])
    again = (await site.refresh(app, tokens["refresh_token"])).json()
    assert claims_of(again["id_token"])["at_hash"] == half_hash(again["access_token"])


async def test_core_10_1_a_the_key_id_tells_which_key_signed(site: Site) -> None:
    """OpenID Connect Core §10.1: it is in the header, once in the set, and that key is one for signing."""
    app = await site.app("server-based")
    token = await id_token_of(site, app)
    fitting = [key for key in (await jwks_of(site))["keys"] if key["kid"] == header_of(token)["kid"]]
    assert [(key["alg"], key["use"]) for key in fitting] == [("RS256", "sig")]
    foreign = jwt.encode(
        claims_of(token),
        rsa.generate_private_key(65537, 2048),
        algorithm="RS256",
        headers={"kid": header_of(token)["kid"]},
    )
    with pytest.raises(jwt.InvalidSignatureError):
        await verified(site, app, foreign)


async def test_core_10_1_b_no_secret_signs_an_id_token(site: Site) -> None:
    """OpenID Connect Core §10.1: a public client gets RS256, and no symmetric key is published."""
    app = await site.app("mobile", legacy_secret=True)
    token = await id_token_of(site, app)
    assert header_of(token)["alg"] == "RS256"
    document = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert not [alg for alg in document["id_token_signing_alg_values_supported"] if alg.startswith("HS")]
    assert json.dumps(await jwks_of(site)).count('"oct"') == 0


@pytest.mark.parametrize("type_name", ["server-based", "mobile"])
async def test_core_12_2_a_a_refreshed_id_token_is_about_the_same_sign_in(site: Site, type_name: str) -> None:
    """OpenID Connect Core §12.2: same iss, sub, aud and auth_time, new iat, no nonce; only with openid."""
    app = await site.app(type_name)
    browser = await site.signed_in()
    site.clock.advance(100)
    tokens = await site.tokens(app, browser=browser, scope=f"openid {SCOPE}", nonce="n-1")
    first = await verified(site, app, tokens["id_token"])
    site.clock.advance(1000)
    refreshed = (await site.refresh(app, tokens["refresh_token"])).json()
    second = await verified(site, app, refreshed["id_token"])
    same = ("iss", "sub", "aud", "auth_time", "sid")
    assert [second[name] for name in same] == [first[name] for name in same]
    assert second["iat"] == site.clock() == first["iat"] + 1000
    assert "nonce" not in second
    latest = refreshed.get("refresh_token", tokens["refresh_token"])
    narrowed = (await site.refresh(app, latest, scope=SCOPE)).json()
    assert "id_token" not in narrowed


async def test_nobody_registers_an_app_with_unsigned_id_tokens(site: Site) -> None:
    """OpenID Connect Core §2: there is no such field, and an unknown type is refused."""
    with pytest.raises(TypeError):
        await site.app("server-based", id_token_signed_response_alg="none")
    with pytest.raises(RegistrationRefused):
        await site.app("server-based", implicit=True)
