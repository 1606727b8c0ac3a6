"""The metadata document, and whether it is true (RFC 8414)."""

from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from grantline.oauth.id_token import PROTOCOL_CLAIMS
from grantline.settings import Settings
from tests.conftest import SiteFactory
from tests.protocol.relying_party import claims_of
from tests.site import ISSUER, SCOPE, Site, answer_of

DOCUMENT = "/.well-known/oauth-authorization-server"
ENDPOINTS = (
    *("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint"),
    *("introspection_endpoint", "device_authorization_endpoint", "end_session_endpoint"),
)


async def document_of(site: Site) -> dict[str, Any]:
    members: dict[str, Any] = (await site.call("GET", DOCUMENT)).json()
    return members


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://accounts.example", "https://accounts.example?x=1", "https://accounts.example#x"),
        *("https://accounts.example/", "https://me@accounts.example", "ftp://accounts.example", "accounts"),
    ],
)
def test_8414_2_a_the_server_starts_under_no_other_issuer_than_a_plain_https_one(issuer: str) -> None:
    """RFC 8414 §2: without query and fragment; http on loopback alone."""
    with pytest.raises(ValidationError):
        Settings(public_url=issuer)
    assert Settings(public_url="https://accounts.example:8443").public_url == "https://accounts.example:8443"
    assert Settings(public_url="http://[::1]:8700").public_url == "http://[::1]:8700"


async def test_8414_2_a_the_document_names_the_issuer_that_was_set(open_a_site: SiteFactory) -> None:
    """RFC 8414 §2: and every address of it is https with the issuer."""
    issuer = "https://accounts.example"
    async with (
        open_a_site(public_url=issuer) as site,
        httpx2.AsyncClient(transport=site.transport, base_url=issuer) as http,
    ):
        document = (await http.get(DOCUMENT)).json()
    assert document["issuer"] == issuer
    assert [document[name] for name in ENDPOINTS if not document[name].startswith(issuer + "/")] == []


async def test_8414_2_b_what_must_be_there_is_there(site: Site) -> None:
    """RFC 8414 §2."""
    document = await document_of(site)
    assert document["issuer"] == ISSUER
    assert set(ENDPOINTS) <= set(document)
    assert "code" in document["response_types_supported"]


async def test_8414_2_d_every_key_says_what_it_is_for(site: Site) -> None:
    """RFC 8414 §2: `kid`, `use` and `alg` on each, at the address that the document gives."""
    document = await document_of(site)
    assert document["jwks_uri"].startswith(ISSUER + "/")
    keys = (await site.call("GET", document["jwks_uri"].removeprefix(ISSUER))).json()["keys"]
    assert {(key["kty"], key["alg"], key["use"]) for key in keys} == {
        ("RSA", "RS256", "sig"),
        ("EC", "ES256", "sig"),
    }
    assert len({key["kid"] for key in keys}) == len(keys)


async def test_8414_2_e_no_list_is_left_to_its_default(site: Site) -> None:
    """RFC 8414 §2: an absent list would mean query and fragment, code and implicit, client_secret_basic."""
    document = await document_of(site)
    assert document["response_modes_supported"] == ["query", "fragment"]
    assert "authorization_code" in document["grant_types_supported"]
    for endpoint in ("token", "revocation", "introspection"):
        assert "client_secret_basic" in document[f"{endpoint}_endpoint_auth_methods_supported"]
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]


async def test_8414_2_1_a_no_signed_metadata_is_claimed(site: Site) -> None:
    """RFC 8414 §2.1: the document is plain, so it has no member that would need a signature."""
    document = await document_of(site)
    assert "signed_metadata" not in document
    assert (await site.call("GET", DOCUMENT)).headers["content-type"] == "application/json"


async def test_8414_3_a_the_document_is_at_the_root_because_no_issuer_has_a_path(site: Site) -> None:
    """RFC 8414 §3: inserted and appended are the same place, and nothing answers below it."""
    with pytest.raises(ValidationError):
        Settings(public_url="https://accounts.example/tenant")
    assert (await site.call("GET", DOCUMENT)).status_code == 200
    assert (await site.call("GET", f"{DOCUMENT}/tenant")).status_code == 404
    assert (await site.call("GET", f"/tenant{DOCUMENT}")).status_code == 404


async def test_8414_3_1_a_the_document_is_read_by_get(site: Site) -> None:
    """RFC 8414 §3.1: for both spellings of the issuer, since the final slash goes first."""
    for issuer in (ISSUER, ISSUER + "/"):
        address = issuer.removesuffix("/") + DOCUMENT
        assert (await site.call("GET", address)).json()["issuer"] == ISSUER
    assert (await site.call("POST", DOCUMENT)).status_code == 405


async def test_8414_3_2_a_the_answer_is_json_without_empty_lists(site: Site) -> None:
    """RFC 8414 §3.2."""
    answer = await site.call("GET", DOCUMENT)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "max-age" in answer.headers["cache-control"]
    assert [name for name, value in answer.json().items() if value in ([], None, "")] == []


async def test_8414_2_f_both_documents_are_one(site: Site) -> None:
    """RFC 8414 §2."""
    other = await site.call("GET", "/.well-known/openid-configuration")
    assert other.json() == await document_of(site)


async def test_8414_2_f_every_address_answers(site: Site) -> None:
    """RFC 8414 §2: with something else than 404 and 405."""
    document = await document_of(site)
    for name in (*ENDPOINTS, "dc_info"):
        path = document[name].removeprefix(ISSUER)
        method = "GET" if name in ("jwks_uri", "dc_info", "authorization_endpoint") else "POST"
        status = (await site.call(method, path, data={} if method == "POST" else None)).status_code
        assert status in (200, 303, 400, 401), (name, status)


async def test_8414_2_f_every_response_type_and_mode_works_and_no_other(site: Site) -> None:
    """RFC 8414 §2."""
    document = await document_of(site)
    app = await site.app("client-based")
    browser = await site.signed_in()

    async def ask(**changes: Any) -> dict[str, str]:
        return answer_of(await site.authorize(app, browser=browser, scope="openid", nonce="n", **changes))

    listed = document["response_types_supported"]
    for response_type in listed:
        mode = "query" if response_type == "code" else "fragment"
        answer = await ask(response_type=response_type, response_mode=mode)
        assert "error" not in answer, response_type
    for response_type in ("id_token", "code token", "code id_token", "code id_token token", "none"):
        assert response_type not in listed
        assert (await ask(response_type=response_type))["error"] == "unsupported_response_type"
    for mode in ("form_post", "web_message", "jwt", "query.jwt", "okta_post_message"):
        assert mode not in document["response_modes_supported"]
        assert (await ask(response_mode=mode))["error"] == "invalid_request"


async def test_8414_2_f_every_grant_type_works_and_no_other(site: Site) -> None:
    """RFC 8414 §2: `implicit` is the fragment's, above."""
    document = await document_of(site)
    app, device = await site.app("server-based"), await site.app("non-browser")
    tokens = await site.tokens(app)
    works = {"implicit", "authorization_code"}
    if (await site.refresh(app, tokens["refresh_token"])).status_code == 200:
        works.add("refresh_token")
    if (await site.token(app, grant_type="client_credentials", scope=SCOPE)).status_code == 200:
        works.add("client_credentials")
    if (await site.device_tokens(device)).status_code == 200:
        works.add("urn:ietf:params:oauth:grant-type:device_code")
    assert set(document["grant_types_supported"]) == works
    urn = "urn:ietf:params:oauth:grant-type:"
    for grant in ("password", f"{urn}jwt-bearer", f"{urn}saml2-bearer", f"{urn}token-exchange", "urn:x"):
        refused = await site.token(app, grant_type=grant, username="a", password="b", assertion="c")
        assert refused.json()["error"] == "unsupported_grant_type", grant


async def test_8414_2_f_every_way_to_authenticate_works_and_no_other(site: Site) -> None:
    """RFC 8414 §2: private_key_jwt is neither listed nor taken, so no algorithm for it is named."""
    document = await document_of(site)
    app, public = await site.app("server-based"), await site.app("mobile")
    assert app.secret is not None
    basic = httpx2.BasicAuth(app.id, app.secret)
    assert document["token_endpoint_auth_methods_supported"] == [
        *("client_secret_basic", "client_secret_post", "none")
    ]
    fields = {"grant_type": "client_credentials", "scope": SCOPE}
    async with httpx2.AsyncClient(transport=site.transport, base_url=ISSUER) as http:
        assert (await http.post("/oauth/v2/token", data=fields, auth=basic)).status_code == 200
    assert (await site.token(app, **fields)).status_code == 200
    assert (await site.exchange(public, await site.code(public))).status_code == 200
    assertion = {
        "client_id": app.id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "e30.e30.e30",
    }
    refused = await site.token(None, **fields, **assertion)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert [name for name in document if "signing_alg" in name] == ["id_token_signing_alg_values_supported"]


async def test_8414_2_f_every_scope_prompt_and_method_works_and_no_other(site: Site) -> None:
    """RFC 8414 §2."""
    document = await document_of(site)
    app = await site.app("mobile")
    browser = await site.signed_in()
    granted = (await site.tokens(app, scope=" ".join(document["scopes_supported"])))["scope"]
    assert granted.split() == document["scopes_supported"]
    for prompt in document["prompt_values_supported"]:
        answer = answer_of(await site.authorize(app, browser=browser, prompt=prompt))
        assert ("code" in answer) or answer["error"].endswith("_required"), prompt
    other = answer_of(await site.authorize(app, browser=browser, prompt="create"))
    assert other["error"] == "invalid_request"
    assert document["code_challenge_methods_supported"] == ["S256"]
    for method in ("plain", "S512", "s256"):
        answer = answer_of(await site.authorize(app, browser=browser, code_challenge_method=method))
        assert answer["error"] == "invalid_request"


async def test_8414_2_f_every_claim_is_given_and_no_other(site: Site) -> None:
    """RFC 8414 §2: by the id_token or by userinfo."""
    document = await document_of(site)
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope="openid email profile", nonce="n")
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = set((await site.call("GET", "/oauth/v2/userinfo", headers=header)).json())
    told |= set(claims_of(tokens["id_token"]))
    assert told == set(document["claims_supported"])
    assert told >= PROTOCOL_CLAIMS - {"acr", "amr", "azp", "c_hash", "jti", "nbf"}
    assert document["claim_types_supported"] == ["normal"]


async def test_what_is_not_built_is_absent_from_the_metadata(site: Site) -> None:
    """RFC 8414 §2: an absent member means no, and what must be said is said."""
    document = await document_of(site)
    for absent in (
        *("registration_endpoint", "pushed_authorization_request_endpoint", "check_session_iframe"),
        *("require_pushed_authorization_requests", "dpop_signing_alg_values_supported"),
        *("token_endpoint_auth_signing_alg_values_supported", "tls_client_certificate_bound_access_tokens"),
        *("mtls_endpoint_aliases", "authorization_details_types_supported", "acr_values_supported"),
        *(
            "backchannel_logout_supported",
            "frontchannel_logout_supported",
            "userinfo_signing_alg_values_supported",
        ),
        *("request_object_signing_alg_values_supported", "client_id_metadata_document_supported"),
        *("backchannel_authentication_endpoint", "protected_resources"),
    ):
        assert absent not in document, absent
    for path in ("/oauth/v2/par", "/oauth/v2/register"):
        assert (await site.post(path, {"client_id": "x"})).status_code == 404
