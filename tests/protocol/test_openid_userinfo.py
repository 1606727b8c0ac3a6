"""Userinfo: the person's claims for whoever holds a token for them (OpenID Connect Core §5)."""

from typing import Any

import httpx2
import pytest

from tests.protocol.relying_party import claims_of
from tests.site import SCOPE, SPA, Site, answer_of

USERINFO = "/oauth/v2/userinfo"
ALL = "openid email profile"


async def userinfo(site: Site, token: str, method: str = "GET", **headers: str) -> httpx2.Response:
    return await site.call(method, USERINFO, headers={"Authorization": f"Bearer {token}", **headers})


async def token_of(site: Site, scope: str = ALL, type_name: str = "server-based") -> str:
    return str((await site.tokens(await site.app(type_name), scope=scope))["access_token"])


async def test_core_5_1_a_claims_have_their_types(site: Site) -> None:
    """OpenID Connect Core §5.1: verified is a boolean, updated_at a number, the rest text."""
    members = (await userinfo(site, await token_of(site))).json()
    assert {name: type(value) for name, value in members.items()} == {
        **dict.fromkeys(("sub", "name", "given_name", "family_name", "email", "organization"), str),
        "email_verified": bool,
        "updated_at": int,
    }
    assert members["name"] == "Mara Lindqvist"


async def test_core_5_3_a_get_and_post_with_bearer_and_from_browser_apps(site: Site) -> None:
    """OpenID Connect Core §5.3: CORS for the app's own origin, and for no other."""
    token = await token_of(site, type_name="client-based")
    got, posted = await userinfo(site, token, Origin=SPA), await userinfo(site, token, "POST")
    assert got.status_code == posted.status_code == 200
    assert got.json() == posted.json()
    assert got.headers["access-control-allow-origin"] == SPA
    stranger = await userinfo(site, token, Origin="https://evil.example")
    assert "access-control-allow-origin" not in stranger.headers
    preflight = {"Origin": SPA, "Access-Control-Request-Method": "GET"}
    answer = await site.call("OPTIONS", USERINFO, headers=preflight)
    assert answer.headers["access-control-allow-origin"] == SPA
    assert "authorization" in answer.headers["access-control-allow-headers"]


async def test_core_5_3_2_a_sub_is_that_of_the_id_token(site: Site) -> None:
    """OpenID Connect Core §5.3.2: for each app."""
    for type_name in ("server-based", "mobile"):
        tokens = await site.tokens(await site.app(type_name), scope="openid")
        members = (await userinfo(site, tokens["access_token"])).json()
        assert members == {"sub": claims_of(tokens["id_token"])["sub"]}


async def test_core_5_3_2_b_the_answer_is_json_without_what_is_not_known(site: Site) -> None:
    """OpenID Connect Core §5.3.2: a person without a family name has no such member, and nothing is null."""
    await site.person("cher@example.com", given_name="Cher", family_name="")
    app = await site.app("server-based")
    browser = await site.signed_in("cher@example.com")
    token = (await site.tokens(app, browser=browser, scope=ALL))["access_token"]
    answer = await userinfo(site, token)
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "application/json",
        "no-store",
    )
    assert answer.json()["given_name"] == "Cher"
    assert "family_name" not in answer.json()
    assert not {None, ""} & set(answer.json().values())


async def test_core_5_3_3_a_errors_are_those_of_bearer_tokens(site: Site) -> None:
    """OpenID Connect Core §5.3.3: 401 for a bad token, 403 for one without openid, a bare 401 without any."""
    good, other = await token_of(site), await token_of(site, SCOPE)
    bad = await userinfo(site, good[:-1] + ("x" if good[-1] != "x" else "y"))
    assert bad.status_code == 401
    assert 'error="invalid_token"' in bad.headers["www-authenticate"]
    narrow = await userinfo(site, other)
    assert narrow.status_code == 403
    assert 'error="insufficient_scope"' in narrow.headers["www-authenticate"]
    assert 'scope="openid"' in narrow.headers["www-authenticate"]
    bare = await site.call("GET", USERINFO)
    assert bare.status_code == 401
    assert "error=" not in bare.headers["www-authenticate"]
    assert (await userinfo(site, good)).status_code == 200
    site.clock.advance(3600)
    assert (await userinfo(site, good)).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"request": "eyJhbGciOiJub25lIn0.e30."},
        {"request_uri": "https://app.example/request.jwt"},
        {"request_uri": "http://169.254.169.254/latest"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:abc"},
    ],
)
async def test_core_6_1_a_request_objects_are_refused_in_their_own_words(
    site: Site, changes: dict[str, Any]
) -> None:
    """OpenID Connect Core §6.1: with state, and nothing is fetched."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    answer = answer_of(await browser.get("/oauth/v2/auth", params=site.request(app, **changes)))
    assert answer["error"] == f"{next(iter(changes))}_not_supported"
    assert answer["state"] == "st-123"
    assert "code" in answer_of(await site.authorize(app, browser=browser))


async def test_the_claims_parameter_changes_nothing(site: Site) -> None:
    """OpenID Connect Core §5.5: it is announced as not supported, so it is passed over."""
    app = await site.app("server-based")
    asked = '{"userinfo":{"email":{"essential":true}},"id_token":{"sub":{"value":"1"},"email":null}}'
    tokens = await site.tokens(app, scope="openid", claims=asked)
    assert (await userinfo(site, tokens["access_token"])).json() == {"sub": site.account.sub}
    assert "email" not in claims_of(tokens["id_token"])


async def test_subjects_are_public_and_pairwise_is_not_announced(site: Site) -> None:
    """OpenID Connect Core §8: two apps on two hosts see one subject."""
    document = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert document["subject_types_supported"] == ["public"]
    subjects = {
        (await userinfo(site, await token_of(site, "openid", type_name))).json()["sub"]
        for type_name in ("server-based", "client-based")
    }
    assert subjects == {site.account.sub}


async def test_no_client_authenticates_with_a_jwt(site: Site) -> None:
    """OpenID Connect Core §9: an assertion does not stand for the secret, nor beside it for anything."""
    app = await site.app("server-based")
    fields = {
        "grant_type": "client_credentials",
        "scope": SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "eyJhbGciOiJIUzI1NiJ9.e30.x",
    }
    alone = await site.post("/oauth/v2/token", {"client_id": app.id, **fields})
    assert (alone.status_code, alone.json()["error"]) == (401, "invalid_client")
    assert (await site.token(app, grant_type="client_credentials", scope=SCOPE)).status_code == 200
