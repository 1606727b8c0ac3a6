"""Answers are rendered to the letter, and errors tell the client no more than they may."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.errors import AccessDenied, InvalidClient, InvalidGrant
from grantline.oauth.responses import (
    TokenResponse,
    error_redirect_parameters,
    render_error_json,
    render_redirect,
)

ISSUER = "https://accounts.us.example"


def test_6749_5_1_a_a_token_answer_has_the_members_of_the_standard() -> None:
    """RFC 6749 §5.1: expires_in is a number; interop: no expires_in_sec beside it."""
    answer = TokenResponse("gla_us_x", 3600, "openid CRM.modules.ALL", "https://api.us.example")
    assert json.loads(answer.to_json()) == {
        "access_token": "gla_us_x",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "openid CRM.modules.ALL",
        "api_domain": "https://api.us.example",
    }
    whole = TokenResponse("a", 1, "s", "https://d", refresh_token="r", id_token="x.y.z")
    assert json.loads(whole.to_json())["refresh_token"] == "r"
    assert json.loads(whole.to_json())["id_token"] == "x.y.z"


@given(st.text(), st.integers(), st.text(), st.none() | st.text(), st.none() | st.text())
def test_the_fast_rendering_is_what_a_json_library_would_read(
    token: str, seconds: int, scope: str, refresh_token: str | None, id_token: str | None
) -> None:
    answer = TokenResponse(token, seconds, scope, "https://d", refresh_token, id_token)
    assert json.loads(answer.to_json()) == answer.members()


def test_6749_5_2_a_an_error_is_json_with_a_registered_code() -> None:
    """RFC 6749 §5.2."""
    error = InvalidClient("client_wrong_data_center", hint="inner", members={"expected_issuer": "https://eu"})
    assert json.loads(render_error_json(error, issuer=ISSUER, request_id="r7")) == {
        "error": "invalid_client",
        "error_description": error.explanation.description,
        "error_uri": f"{ISSUER}/errors/client_wrong_data_center",
        "grantline_code": "client_wrong_data_center",
        "request_id": "r7",
        "expected_issuer": "https://eu",
    }


def test_T40_an_error_does_not_tell_what_is_for_the_owner() -> None:
    """RFC 6749 §5.2."""
    error = InvalidGrant(
        "code_other_client", hint="of glc_us_z", expected="glc_us_z", received="glc_us_y"
    ).concerning("glc_us_y")
    other = InvalidGrant("code_unknown")
    shown = render_error_json(error, issuer=ISSUER, request_id="r")
    assert shown == render_error_json(other, issuer=ISSUER, request_id="r")
    assert b"glc_us" not in shown


def test_the_members_of_an_error_cannot_replace_those_of_the_standard() -> None:
    error = InvalidGrant("code_unknown", members={"error": "x", "request_id": "y"})
    shown = json.loads(render_error_json(error, issuer=ISSUER, request_id="r"))
    assert (shown["error"], shown["request_id"]) == ("invalid_grant", "r")


def test_9207_2_a_an_error_redirect_carries_state_and_issuer() -> None:
    """RFC 9207 §2, RFC 6749 §4.1.2.1."""
    error = AccessDenied("consent_declined")
    parameters = error_redirect_parameters(error, issuer=ISSUER, state="s")
    assert parameters == {
        "error": "access_denied",
        "error_description": error.description,
        "error_uri": f"{ISSUER}/errors/consent_declined",
        "state": "s",
        "iss": ISSUER,
    }
    assert "state" not in error_redirect_parameters(error, issuer=ISSUER, state=None)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://a.example/cb", "https://a.example/cb?code=x"),
        ("https://a.example/cb?a=1", "https://a.example/cb?a=1&code=x"),
        ("https://a.example/cb?", "https://a.example/cb?code=x"),
        ("https://a.example/cb?a=1&", "https://a.example/cb?a=1&code=x"),
        ("https://a.example/cb?a=%2F?&b", "https://a.example/cb?a=%2F?&b&code=x"),
        ("com.example.app:/cb", "com.example.app:/cb?code=x"),
    ],
)
def test_6749_3_1_2_b_the_query_of_a_redirect_uri_survives(uri: str, expected: str) -> None:
    """RFC 6749 §3.1.2."""
    assert render_redirect(uri, {"code": "x"}, "query") == expected


def test_6749_4_2_2_a_implicit_parameters_travel_in_the_fragment() -> None:
    """RFC 6749 §4.2.2."""
    uri = render_redirect(
        "https://a.example/cb?a=1", {"access_token": "t", "accounts-server": ISSUER}, "fragment"
    )
    parts = urlsplit(uri)
    assert parts.query == "a=1"
    assert dict(parse_qsl(parts.fragment)) == {"access_token": "t", "accounts-server": ISSUER}


@pytest.mark.parametrize(
    "uri", ["https://a/cb#x", "https://a/c b", "https://a/\r\nX: y", "https://é.example", "\x7f"]
)
def test_an_address_that_was_never_registered_is_a_bug(uri: str) -> None:
    with pytest.raises(ValueError, match="registered"):
        render_redirect(uri, {"code": "x"}, "query")


@given(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60),
    st.sampled_from(["query", "fragment"]),
)
def test_6749_4_1_2_e_state_comes_back_byte_for_byte(state: str, mode) -> None:  # type: ignore[no-untyped-def]
    """RFC 6749 §4.1.2."""
    uri = render_redirect("https://a.example/cb", {"state": state, "iss": ISSUER}, mode)
    assert not set(uri[len("https://a.example/cb") + 1 :]) - set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%=&"
    )
    parts = urlsplit(uri)
    text = parts.query if mode == "query" else parts.fragment
    assert dict(parse_qsl(text, keep_blank_values=True)) == {"state": state, "iss": ISSUER}
