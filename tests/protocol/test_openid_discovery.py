"""OpenID Connect Discovery: what a client that knows the issuer alone finds (OpenID Connect Discovery)."""

from typing import Any

import pytest

from tests.protocol.relying_party import claims_of, jwks_of
from tests.site import ISSUER, SPA, Site

DOCUMENT = "/.well-known/openid-configuration"


async def document_of(site: Site) -> dict[str, Any]:
    members: dict[str, Any] = (await site.call("GET", DOCUMENT)).json()
    return members


async def test_disc_3_a_the_issuer_is_the_one_of_the_id_tokens_and_of_the_address(site: Site) -> None:
    """OpenID Connect Discovery §3."""
    tokens = await site.tokens(await site.app("server-based"), scope="openid")
    document = await document_of(site)
    assert document["issuer"] + DOCUMENT == ISSUER + DOCUMENT
    assert claims_of(tokens["id_token"])["iss"] == document["issuer"]


async def test_disc_3_b_what_must_be_there_is_there(site: Site) -> None:
    """OpenID Connect Discovery §3."""
    document = await document_of(site)
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert document[name].startswith(ISSUER + "/"), name
    assert {"code", "id_token token"} <= set(document["response_types_supported"])
    assert document["subject_types_supported"] == ["public"]


async def test_disc_3_c_rs256_is_listed_and_none_is_nowhere(site: Site) -> None:
    """OpenID Connect Discovery §3: as an algorithm; as a way to authenticate it means a public client."""
    document = await document_of(site)
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    named = [value for name, value in document.items() if "_alg_values_supported" in name]
    assert named
    assert not [values for values in named if "none" in values]


async def test_disc_3_d_the_keys_are_public(site: Site) -> None:
    """OpenID Connect Discovery §3: no private member, and no symmetric key."""
    keys = (await jwks_of(site))["keys"]
    assert len(keys) == 2
    for key in keys:
        assert key["kty"] in ("RSA", "EC")
        assert {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}.isdisjoint(key)


async def test_disc_3_e_openid_is_supported(site: Site) -> None:
    """OpenID Connect Discovery §3."""
    document = await document_of(site)
    assert "openid" in document["scopes_supported"]
    tokens = await site.tokens(await site.app("server-based"), scope="openid")
    path = document["userinfo_endpoint"].removeprefix(ISSUER)
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await site.call("GET", path, headers=header)).json() == {"sub": site.account.sub}


async def test_disc_3_f_what_absence_would_mean_is_said(site: Site) -> None:
    """OpenID Connect Discovery §3: request_uri would be taken as supported."""
    document = await document_of(site)
    assert document["request_uri_parameter_supported"] is False
    assert document["request_parameter_supported"] is False
    assert document["claims_parameter_supported"] is False
    assert document["require_request_uri_registration"] is False


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/oauth/v2/token", SPA),
        ("/oauth/v2/userinfo", SPA),
        ("/oauth/v2/keys", "*"),
        (DOCUMENT, "*"),
        ("/oauth/v2/auth", None),
        ("/signin", None),
    ],
)
async def test_disc_3_g_browser_apps_may_call_the_endpoints_but_not_the_pages(
    site: Site, path: str, allowed: str | None
) -> None:
    """OpenID Connect Discovery §3: by pre-flight, from an origin that an app registered."""
    await site.app("client-based")
    headers = {
        "Origin": SPA,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = await site.call("OPTIONS", path, headers=headers)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert (answer.status_code == 204) is (allowed is not None)
    stranger = await site.call("OPTIONS", path, headers={**headers, "Origin": "https://evil.example"})
    assert stranger.headers.get("access-control-allow-origin") == ("*" if allowed == "*" else None)


async def test_disc_4_a_the_document_is_the_issuer_with_the_path_appended(site: Site) -> None:
    """OpenID Connect Discovery §4."""
    assert (await document_of(site))["issuer"] == ISSUER
    assert (await site.call("GET", f"{DOCUMENT}/")).status_code == 404


async def test_disc_4_2_a_the_answer_is_json_without_empty_lists(site: Site) -> None:
    """OpenID Connect Discovery §4.2."""
    answer = await site.call("GET", DOCUMENT)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert [name for name, value in answer.json().items() if value in ([], None, "")] == []
