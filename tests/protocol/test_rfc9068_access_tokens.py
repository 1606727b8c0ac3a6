"""JWT access tokens (RFC 9068): for APIs that take them, with everything that an access token is."""

import base64
import json
from typing import Any

import jwt as pyjwt
import pytest

from grantline.clients import ApiScope
from grantline.keys import load_keyring, rotate_keys
from tests.site import API, SCOPE, Site, answer_of

BILLING = "https://billing.example"
SCOPES = (
    ApiScope("Billing.invoices.READ", "See your invoices", 2),
    ApiScope("Billing.invoices.ALL", "See, add, edit and delete your invoices", 5),
)


async def public_key(site: Site, token: str) -> Any:
    """The key that a foreign library picks out of our JWKS by the token's `kid`."""
    keys = (await site.call("GET", "/oauth/v2/keys")).json()["keys"]
    kid = pyjwt.get_unverified_header(token)["kid"]
    return pyjwt.PyJWK(next(key for key in keys if key["kid"] == kid)).key


async def claims_of(site: Site, token: str, algorithm: str = "ES256") -> dict[str, Any]:
    """The claims, verified by a library that we did not write, at the site's time."""
    found: dict[str, Any] = pyjwt.decode(
        token,
        await public_key(site, token),
        algorithms=[algorithm],
        issuer=site.issuer,
        options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
    )
    return found


@pytest.fixture
async def billing(site: Site) -> tuple[str, str]:
    """An API with scopes and JWTs of its own: its client id and secret."""
    api, secret = await site.api(BILLING, "Billing", scopes=SCOPES, token_format="jwt-es256")
    return api.client_id, secret


async def ask(site: Site, api: tuple[str, str], token: str) -> dict[str, Any]:
    response = await site.post("/oauth/v2/introspect", {"token": token}, auth=api)
    members: dict[str, Any] = response.json()
    return members


async def test_9068_2_1_a_the_token_is_signed_and_says_that_it_is_an_access_token(
    site: Site, billing: tuple[str, str]
) -> None:
    """RFC 9068 §2.1."""
    app = await site.app("server-based")
    answer = await site.tokens(app, scope="Billing.invoices.READ")
    header = pyjwt.get_unverified_header(answer["access_token"])
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    await claims_of(site, answer["access_token"])


async def test_9068_2_1_a_rs256_is_there_for_the_api_that_wants_it(site: Site) -> None:
    """RFC 9068 §2.1."""
    await site.api(BILLING, "Billing", scopes=SCOPES, token_format="jwt-rs256")
    answer = await site.tokens(await site.app("server-based"), scope="Billing.invoices.READ")
    assert (await claims_of(site, answer["access_token"], "RS256"))["aud"] == BILLING


async def test_9068_2_2_a_a_persons_token_has_every_claim(site: Site, billing: tuple[str, str]) -> None:
    """RFC 9068 §2.2."""
    app = await site.app("server-based")
    answer = await site.tokens(app, scope="Billing.invoices.READ")
    claims = await claims_of(site, answer["access_token"])
    assert claims["sub"] == site.account.sub
    assert claims["client_id"] == app.id
    assert claims["aud"] == BILLING
    assert claims["scope"] == "Billing.invoices.READ"
    assert claims["exp"] - claims["iat"] == answer["expires_in"] == 3600
    assert claims["jti"]
    assert claims["auth_time"] == site.clock()
    assert "email" not in claims


async def test_9068_2_2_a_an_apps_own_token_has_the_client_as_subject(
    site: Site, billing: tuple[str, str]
) -> None:
    """RFC 9068 §2.2."""
    app = await site.app("server-based")
    answer = await site.token(app, grant_type="client_credentials", scope="Billing.invoices.READ")
    claims = await claims_of(site, answer.json()["access_token"])
    assert (claims["sub"], claims["client_id"]) == (app.id, app.id)
    assert "auth_time" not in claims


async def test_9068_2_2_3_a_each_api_sees_the_scopes_that_are_its_own(
    site: Site, billing: tuple[str, str]
) -> None:
    """RFC 9068 §2.2.3."""
    await site.api()
    app = await site.app("server-based")
    both = await site.tokens(app, scope=f"Billing.invoices.READ {SCOPE}")
    one = await site.token(
        app, grant_type="refresh_token", refresh_token=both["refresh_token"], resource=BILLING
    )
    claims = await claims_of(site, one.json()["access_token"])
    assert (claims["aud"], claims["scope"]) == (BILLING, "Billing.invoices.READ")
    other = await site.token(
        app, grant_type="refresh_token", refresh_token=both["refresh_token"], resource=API
    )
    assert other.json()["access_token"].startswith("gla_")


async def test_9068_2_2_3_a_what_was_granted_for_one_api_says_nothing_about_another(
    site: Site, billing: tuple[str, str]
) -> None:
    """RFC 9068 §2.2.3: at the code, and at each refresh; what the issuer itself answers stays."""
    await site.api()
    app = await site.app("server-based")
    answer = await site.tokens(app, scope=f"openid Billing.invoices.READ {SCOPE}", resource=BILLING)
    again = await site.token(app, grant_type="refresh_token", refresh_token=answer["refresh_token"])
    for told in (answer, again.json()):
        claims = await claims_of(site, told["access_token"])
        assert claims["scope"] == told["scope"] == "openid Billing.invoices.READ"
        assert claims["aud"] == [BILLING, site.issuer]


async def test_9068_3_a_a_token_for_two_apis_with_clashing_scopes_is_not_made(site: Site) -> None:
    """RFC 9068 §3."""
    await site.api(BILLING, "Billing", scopes=SCOPES, token_format="jwt-es256")
    await site.api("https://billing2.example", "Billing")
    app = await site.app("server-based")
    asked = {"grant_type": "client_credentials", "scope": "Billing.invoices.READ"}
    refused = await site.token(app, **asked)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    assert (await site.token(app, **asked, resource=BILLING)).status_code == 200


async def test_9068_5_a_different_resources_have_different_audiences(
    site: Site, billing: tuple[str, str]
) -> None:
    """RFC 9068 §5."""
    await site.api("https://shop.example", "Shop", token_format="jwt-es256")
    app = await site.app("server-based")
    found = set()
    for scope in ("Billing.invoices.READ", "Shop.READ"):
        answer = await site.token(app, grant_type="client_credentials", scope=scope)
        found.add((await claims_of(site, answer.json()["access_token"]))["aud"])
    assert found == {BILLING, "https://shop.example"}


async def test_a_jwt_is_good_at_introspection_and_dies_with_its_authorization(
    site: Site, billing: tuple[str, str]
) -> None:
    app = await site.app("server-based")
    answer = await site.tokens(app, scope="Billing.invoices.READ")
    members = await ask(site, billing, answer["access_token"])
    assert (members["active"], members["aud"], members["sub"]) == (True, BILLING, site.account.sub)
    assert members["exp"] - members["iat"] == 3600
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": answer["refresh_token"]})
    assert await ask(site, billing, answer["access_token"]) == {"active": False}


async def test_a_jwt_is_revoked_by_itself(site: Site, billing: tuple[str, str]) -> None:
    app = await site.app("server-based")
    answer = await site.tokens(app, scope="Billing.invoices.READ")
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": answer["access_token"]})
    assert await ask(site, billing, answer["access_token"]) == {"active": False}
    again = await site.token(app, grant_type="refresh_token", refresh_token=answer["refresh_token"])
    assert (await ask(site, billing, again.json()["access_token"]))["active"] is True


async def test_T42_a_jwt_that_was_changed_anywhere_is_worth_nothing(
    site: Site, billing: tuple[str, str]
) -> None:
    answer = await site.tokens(await site.app("server-based"), scope="Billing.invoices.READ")
    token = answer["access_token"]
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    raised = json.dumps({**claims, "scope": "Billing.invoices.ALL"}).encode()
    forged = base64.urlsafe_b64encode(raised).rstrip(b"=").decode()
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    for wrong in (
        f"{header}.{forged}.{signature}",
        f"{unsigned}.{payload}.",
        f"{unsigned}.{payload}.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        token[:-1],
        token + "A",
    ):
        assert await ask(site, billing, wrong) == {"active": False}


async def test_T95_an_id_token_is_no_access_token(site: Site, billing: tuple[str, str]) -> None:
    answer = await site.tokens(await site.app("server-based"), scope="openid Billing.invoices.READ")
    assert await ask(site, billing, answer["id_token"]) == {"active": False}
    assert (await ask(site, billing, answer["access_token"]))["active"] is True
    userinfo = await site.call(
        "GET", "/oauth/v2/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"}
    )
    assert userinfo.json()["sub"] == site.account.sub


async def test_the_life_that_an_api_wants_holds_for_its_tokens_of_either_form(site: Site) -> None:
    await site.api(BILLING, "Billing", scopes=SCOPES, token_format="jwt-es256", token_seconds=120)
    api, secret = await site.api(API, "CRM", token_seconds=300)
    app = await site.app("server-based")
    answer = await site.token(app, grant_type="client_credentials", scope="Billing.invoices.READ")
    claims = await claims_of(site, answer.json()["access_token"])
    assert (answer.json()["expires_in"], claims["exp"] - claims["iat"]) == (120, 120)
    answer = await site.token(app, grant_type="client_credentials", scope=SCOPE)
    members = await ask(site, (api.client_id, secret), answer.json()["access_token"])
    assert answer.json()["expires_in"] == 300
    assert (members["exp"] - site.clock(), members["iat"]) == (300, site.clock())
    site.clock.advance(300)
    assert await ask(site, (api.client_id, secret), answer.json()["access_token"]) == {"active": False}


async def test_the_implicit_flow_gives_a_jwt_too_with_the_origins_of_the_app(
    site: Site, billing: tuple[str, str]
) -> None:
    app = await site.app("client-based")
    page = await site.authorize(app, response_type="token", scope="Billing.invoices.READ")
    claims = await claims_of(site, answer_of(page)["access_token"])
    assert claims["origins"] == list(app.client.origins)


async def test_a_compromised_key_ends_every_jwt_that_it_signed(site: Site, billing: tuple[str, str]) -> None:
    answer = await site.tokens(await site.app("server-based"), scope="Billing.invoices.READ")
    await rotate_keys(site.db, site.server.envelope, site.clock(), compromised=True)
    await site.server.reload()
    assert await ask(site, billing, answer["access_token"]) == {"active": False}


@pytest.mark.parametrize(("policy", "told"), [("none", []), ("any", ["*"]), ("registered", None)])
async def test_R60_an_api_is_told_which_web_pages_may_call_it_as_it_declared(
    site: Site, policy: str, told: list[str] | None
) -> None:
    api, secret = await site.api(token_format="opaque", origins_policy=policy)
    for type_name in ("server-based", "client-based"):
        app = await site.app(type_name)
        wanted = list(app.client.origins) if policy == "registered" and app.client.origins else told
        answer = await site.tokens(app)
        members = await ask(site, (api.client_id, secret), answer["access_token"])
        assert members["active"]
        assert members.get("origins") == wanted


async def test_a_jwt_that_another_node_signed_with_a_key_of_now_is_known(
    site: Site, billing: tuple[str, str]
) -> None:
    mine = site.mint.keyring
    await rotate_keys(site.db, site.server.envelope, site.clock(), compromised=True)
    site.mint.keyring = await load_keyring(site.db, site.server.envelope)
    answer = await site.tokens(await site.app("server-based"), scope="Billing.invoices.READ")
    site.mint.keyring = mine
    assert (await ask(site, billing, answer["access_token"]))["active"] is True
