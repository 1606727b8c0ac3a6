"""The metadata documents say what is there, and both say the same."""

import pytest

from grantline.oauth import names
from grantline.oauth.errors import OAuthError
from grantline.oauth.metadata import (
    authorization_server_metadata,
    authorization_server_metadata_url,
    check_issuer,
    openid_configuration,
    openid_configuration_url,
)
from grantline.oauth.parameters import Parameters
from grantline.oauth.pkce import s256
from grantline.oauth.requests import parse_authorization_request, parse_token_request

ISSUER = "https://accounts.us.example"
SCOPES = ("openid", "email", "CRM.modules.ALL")
DOCUMENT = openid_configuration(ISSUER, SCOPES)


def test_8414_2_f_both_documents_agree() -> None:
    """RFC 8414 §2."""
    assert authorization_server_metadata(ISSUER, iter(SCOPES)) == DOCUMENT


def test_8414_2_b_disc_3_b_what_must_be_there_is_there() -> None:
    """RFC 8414 §2, OpenID Connect Discovery §3."""
    assert DOCUMENT["issuer"] == ISSUER
    assert DOCUMENT["scopes_supported"] == list(SCOPES)
    assert DOCUMENT["subject_types_supported"] == ["public"]
    assert DOCUMENT["id_token_signing_alg_values_supported"] == ["RS256"]
    endpoints = {
        name: value for name, value in DOCUMENT.items() if name.endswith(("_endpoint", "_uri", "dc_info"))
    }
    assert endpoints == {
        "authorization_endpoint": f"{ISSUER}/oauth/v2/auth",
        "token_endpoint": f"{ISSUER}/oauth/v2/token",
        "userinfo_endpoint": f"{ISSUER}/oauth/v2/userinfo",
        "jwks_uri": f"{ISSUER}/oauth/v2/keys",
        "revocation_endpoint": f"{ISSUER}/oauth/v2/token/revoke",
        "introspection_endpoint": f"{ISSUER}/oauth/v2/introspect",
        "device_authorization_endpoint": f"{ISSUER}/oauth/v3/device/code",
        "end_session_endpoint": f"{ISSUER}/oauth/v2/logout",
        "dc_info": f"{ISSUER}/oauth/serverinfo",
    }


def test_8414_3_2_a_no_list_is_empty() -> None:
    """RFC 8414 §3.2."""
    bare = authorization_server_metadata(ISSUER, [])
    assert "scopes_supported" not in bare
    assert [] not in bare.values()


def test_8414_2_e_disc_3_f_defaults_that_bite_are_stated() -> None:
    """RFC 8414 §2, OpenID Connect Discovery §3."""
    assert DOCUMENT["response_modes_supported"] == ["query", "fragment"]
    assert DOCUMENT["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
        "none",
    ]
    assert DOCUMENT["introspection_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
    ]
    for name in (
        "request_uri_parameter_supported",
        "request_parameter_supported",
        "claims_parameter_supported",
    ):
        assert DOCUMENT[name] is False


def test_9700_2_1_1_e_pkce_is_discoverable() -> None:
    """RFC 9700 §2.1.1."""
    assert DOCUMENT["code_challenge_methods_supported"] == ["S256"]


def test_9207_2_3_a_the_issuer_in_answers_is_announced() -> None:
    """RFC 9207 §2.3."""
    assert DOCUMENT["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("response_type", DOCUMENT["response_types_supported"])
@pytest.mark.parametrize("prompt", DOCUMENT["prompt_values_supported"])
def test_8414_2_f_what_is_advertised_is_read(response_type: str, prompt: str) -> None:
    """RFC 8414 §2."""
    fields = {"client_id": "c", "response_type": response_type, "prompt": prompt, "nonce": "n"}
    fields |= {"code_challenge": s256("v" * 43), "code_challenge_method": "S256"}
    read = parse_authorization_request(Parameters(fields))
    assert read.response_mode in DOCUMENT["response_modes_supported"]


@pytest.mark.parametrize("grant_type", DOCUMENT["grant_types_supported"])
def test_8414_2_f_every_advertised_grant_type_is_known(grant_type: str) -> None:
    """RFC 8414 §2: implicit is one of the authorization endpoint."""
    fields = {"grant_type": grant_type, "code": "c", "refresh_token": "r", "device_code": "d"}
    if grant_type == names.GRANT_IMPLICIT:
        with pytest.raises(OAuthError):
            parse_token_request(Parameters(fields))
        assert "token" in DOCUMENT["response_types_supported"]
        return
    assert parse_token_request(Parameters(fields)).grant_type == grant_type


@pytest.mark.parametrize(
    ("issuer", "inserted", "appended"),
    [
        (
            "https://a.example",
            "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example:8443/t/1",
            "https://a.example:8443/.well-known/oauth-authorization-server/t/1",
            "https://a.example:8443/t/1/.well-known/openid-configuration",
        ),
        (
            "https://a.example/t/",
            "https://a.example/.well-known/oauth-authorization-server/t",
            "https://a.example/t/.well-known/openid-configuration",
        ),
    ],
)
def test_8414_3_1_a_disc_4_a_the_documents_have_their_addresses(
    issuer: str, inserted: str, appended: str
) -> None:
    """RFC 8414 §3.1 inserts, OpenID Connect Discovery §4 appends."""
    assert authorization_server_metadata_url(issuer) == inserted
    assert openid_configuration_url(issuer) == appended


@pytest.mark.parametrize(
    "issuer",
    [ISSUER, "https://a.example:8443/x", "http://127.0.0.1:8700", "http://[::1]:8700", "http://localhost"],
)
def test_8414_2_a_an_issuer_is_https_or_loopback(issuer: str) -> None:
    """RFC 8414 §2."""
    check_issuer(issuer)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://a.example",
        "https://a.example/",
        "https://a.example?x",
        "https://a.example#x",
        "https://A.example",
        "a",
        "",
    ],
)
def test_8414_2_a_another_issuer_is_refused(issuer: str) -> None:
    """RFC 8414 §2."""
    with pytest.raises(ValueError, match="issuer"):
        check_issuer(issuer)
