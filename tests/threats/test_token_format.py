"""Tokens changed by a bit, a letter or a neighbour, and tokens that were made narrow (T42–T45)."""

import asyncio
import zlib
from typing import Any

import pytest

from grantline.opaque import ACCESS_TOKEN, KINDS, decode, encode, recognise, render
from grantline.opaque.base62 import ALPHABET
from grantline.tokens import AccessToken, mint_access_token
from tests.site import API, SCOPE, App, Site

DESK = "https://desk.example"
INACTIVE = {"active": False}
BITS = 8 * 43


def with_right_checksum(text: str) -> str:
    """The text with its last six characters computed anew, as any forger can."""
    return text[:-6] + encode(zlib.crc32(text[:-6].encode()), 6)


def body_of(text: str) -> str:
    recognised = recognise(text)
    assert recognised is not None
    return recognised.body


def with_body(text: str, value: int) -> str:
    return render(ACCESS_TOKEN, "us", encode(value, KINDS[ACCESS_TOKEN]))


async def access_token(site: Site) -> tuple[App, str]:
    app = await site.app("server-based")
    return app, str((await site.tokens(app))["access_token"])


async def test_T42_an_access_token_with_any_bit_flipped_is_dead_whatever_its_checksum(site: Site) -> None:
    """OpenID Connect Core §16.3: everything that the token says is under its MAC."""
    _, token = await access_token(site)
    value = decode(body_of(token))
    assert with_body(token, value) == token
    for bit in range(BITS):
        forged = with_body(token, value ^ (1 << bit))
        assert recognise(forged) is not None, "its checksum is right"
        assert not await site.works(forged), bit
    assert await site.works(token)


async def test_T42_the_halves_of_two_tokens_make_no_third(site: Site) -> None:
    app, one = await access_token(site)
    other = str((await site.tokens(app))["access_token"])
    low = (1 << 160) - 1
    first, second = decode(body_of(one)), decode(body_of(other))
    for value in (first & ~low | second & low, second & ~low | first & low):
        assert not await site.works(with_body(one, value))


async def test_T42_what_never_was_a_token_and_what_no_longer_is_one_are_answered_alike(site: Site) -> None:
    """RFC 7662 §2.2: inactive, and nothing more."""
    app, token = await access_token(site)
    value = decode(body_of(token))
    forms = [
        "x",
        token[:-1],
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        with_body(token, value ^ 1),
        with_body(token, value ^ (1 << 200)),
        token.replace("gla_us", "gla_eu"),
        with_right_checksum(token.replace("gla_us", "gla_eu")),
        with_right_checksum(token.replace("gla_", "glr_")),
    ]
    assert (await site.introspect(app, token))["active"] is True
    for forged in forms:
        assert await site.introspect(app, forged) == INACTIVE, forged
    site.clock.advance(3600)
    assert await site.introspect(app, token) == INACTIVE


async def test_T42_a_token_of_another_data_center_is_nothing_here(site: Site) -> None:
    """RFC 6749 §10.3: the data center is under the MAC, even where the key and all numbers agree."""
    app, token = await access_token(site)
    row = AccessToken(1, 1, 1, site.clock() + 3600)
    foreign = mint_access_token(site.mint.keyring, "eu", row, site.clock())
    assert not await site.works(foreign)
    assert not await site.works(with_right_checksum(foreign.replace("gla_eu", "gla_us")))
    assert await site.introspect(app, foreign) == INACTIVE
    assert await site.works(mint_access_token(site.mint.keyring, "us", row, site.clock()))
    assert await site.works(token)


async def test_T42_the_checksum_alone_ends_no_authorization(site: Site) -> None:
    """RFC 9700 §4.14.2: a made-up refresh token is unknown, and no sign of reuse."""
    app = await site.app("mobile")
    token = (await site.tokens(app))["refresh_token"]
    for place in range(7, len(token) - 6, 3):
        other = ALPHABET[(ALPHABET.index(token[place]) + 1) % len(ALPHABET)]
        forged = with_right_checksum(token[:place] + other + token[place + 1 :])
        answer = await site.refresh(app, forged)
        assert answer.json()["grantline_code"] == "refresh_token_unknown", place
        await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": forged})
    assert (await site.refresh(app, token)).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_T43_a_token_has_one_spelling(site: Site, kind: str) -> None:
    """RFC 6749 §10.3: cut, padded, respelled or wrapped it is another string, so no list can be dodged."""
    app = await site.app("server-based")
    token = str((await site.tokens(app))[kind])
    changed = [token[:cut] for cut in range(len(token))]
    changed += [token[cut:] for cut in range(1, len(token))]
    changed += [token + tail for tail in ("=", ".", "0", " ", "\n", "\t", "\x00", token)]
    changed += [head + token for head in (" ", "0", "\ufeff", "Bearer ")]
    changed += [
        token.lower(),
        token.upper(),
        token.swapcase(),
        token.replace("_", "-"),
        token.replace("_", "%5F"),
    ]
    changed += ["".join(chr(ord(one) + 0xFEE0) if one.isalnum() else one for one in token)]
    for one in changed:
        assert recognise(one) is None
        assert not await site.works(one)
    assert (await site.introspect(app, token))["active"] is True
    assert await site.introspect(app, token + "=") == INACTIVE


async def two_apis(site: Site) -> tuple[dict[str, str], dict[str, str]]:
    """Two registered APIs, as their own credentials."""
    crm, crm_secret = await site.api()
    desk, desk_secret = await site.api(DESK, "Desk")
    return (
        {"client_id": crm.client_id, "client_secret": crm_secret},
        {"client_id": desk.client_id, "client_secret": desk_secret},
    )


async def told(site: Site, api: dict[str, str], token: str) -> dict[str, Any]:
    answer = await site.post("/oauth/v2/introspect", {**api, "token": token})
    members: dict[str, Any] = answer.json()
    return members


async def test_T44_a_narrowed_token_stays_narrow_for_everyone_who_asks(site: Site) -> None:
    """RFC 9700 §2.3: fewer scopes and one resource are all it gives, whatever its authorization has."""
    crm, desk = await two_apis(site)
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope=f"openid email {SCOPE} Desk.READ Desk.CREATE")
    narrow = (await site.refresh(app, tokens["refresh_token"], scope="Desk.READ", resource=DESK)).json()
    assert narrow["scope"] == "Desk.READ"
    seen = await told(site, desk, narrow["access_token"])
    assert (seen["scope"], seen["aud"]) == ("Desk.READ", DESK)
    assert await told(site, crm, narrow["access_token"]) == INACTIVE
    headers = {"Authorization": f"Bearer {narrow['access_token']}"}
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=headers)).status_code == 403
    wide = (await told(site, desk, tokens["access_token"]))["scope"].split()
    assert wide == ["openid", "email", SCOPE, "Desk.READ", "Desk.CREATE"]


async def test_T44_a_code_asked_for_one_resource_gives_tokens_for_that_one_alone(site: Site) -> None:
    """RFC 8707 §2.1."""
    crm, desk = await two_apis(site)
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope=f"{SCOPE} Desk.READ", resource=API)
    assert (await told(site, crm, tokens["access_token"]))["active"] is True
    assert await told(site, desk, tokens["access_token"]) == INACTIVE
    wider = await site.refresh(app, tokens["refresh_token"], resource=DESK)
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_target")


WIDER = ("CRM.modules.leads.ALL", "CRM.modules.ALL", f"{SCOPE} CRM.modules.contacts.READ", "openid", "CRM.x")


@pytest.mark.parametrize("type_name", ["server-based", "mobile", "self-client", "non-browser"])
async def test_T45_a_refresh_gives_no_scope_that_was_not_consented(site: Site, type_name: str) -> None:
    """RFC 6749 §6: names are compared exactly; a parent that covers the granted one is more, not the same."""
    app = await site.app(type_name)
    token = (await site.tokens(app))["refresh_token"]
    for scope in WIDER:
        refused = await site.refresh(app, token, scope=scope)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope"), scope
    fine = await site.refresh(app, token, scope=SCOPE.lower())
    assert (fine.status_code, fine.json()["scope"].lower()) == (200, SCOPE.lower())


async def test_T45_a_parent_scope_does_not_bring_its_children_by_name(site: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope="CRM.modules.ALL")
    assert (await site.refresh(app, tokens["refresh_token"], scope=SCOPE)).json()["error"] == "invalid_scope"
    assert (await site.refresh(app, tokens["refresh_token"])).json()["scope"] == "CRM.modules.ALL"


async def test_T45_a_narrowed_refresh_narrows_that_token_and_not_the_next(site: Site) -> None:
    """RFC 6749 §6: omitted means the scope that was granted."""
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope=f"{SCOPE} CRM.modules.contacts.READ")
    await site.refresh(app, tokens["refresh_token"], scope=SCOPE)
    again = (await site.refresh(app, tokens["refresh_token"])).json()
    assert again["scope"] == f"{SCOPE} CRM.modules.contacts.READ"


async def test_T45_app_scopes_narrow_what_the_app_gets_as_itself(site: Site) -> None:
    """RFC 6749 §4.4: exactly what was registered."""
    app = await site.app("server-based", app_scopes=(SCOPE,))
    ask = {"grant_type": "client_credentials"}
    for scope in ("CRM.modules.ALL", "CRM.modules.leads.ALL", "CRM.modules.contacts.READ"):
        assert (await site.token(app, **ask, scope=scope)).json()["error"] == "invalid_scope"
    first, second = await asyncio.gather(
        site.token(app, **ask, scope=SCOPE), site.token(app, **ask, scope=SCOPE)
    )
    assert (first.status_code, second.status_code) == (200, 200)
    assert "refresh_token" not in first.json()
