"""Basic and Bearer headers are read strictly, and challenges keep to their grammar."""

import re
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.basic import parse_basic, render_basic
from grantline.oauth.bearer import Authorization, parse_authorization, render_challenge
from grantline.oauth.errors import InsufficientScope, InvalidRequest, InvalidToken

TEXT = st.text(st.characters(blacklist_categories=["Cs"], min_codepoint=0x20).filter(lambda c: c != "\x7f"))


def encoded(text: str | bytes) -> str:
    return "Basic " + b64encode(text.encode() if isinstance(text, str) else text).decode()


@given(TEXT.filter(bool), TEXT)
def test_6749_2_3_1_b_any_id_and_secret_survive_the_header(client_id: str, secret: str) -> None:
    """RFC 6749 §2.3.1: form-encoded before Base64, decoded after."""
    assert parse_basic(render_basic(client_id, secret)) == (client_id, secret)


def test_6749_2_3_1_a_plain_credentials_need_no_encoding() -> None:
    """RFC 6749 §2.3.1; the scheme is case-insensitive."""
    header = encoded("glc_us_a:gls_us_b:c")
    assert parse_basic(header) == ("glc_us_a", "gls_us_b:c")
    assert parse_basic("bAsIc  " + header[6:]) == ("glc_us_a", "gls_us_b:c")
    assert parse_basic(encoded("glc_us_a:")) == ("glc_us_a", "")
    assert parse_basic(encoded("a%20b:c+d%2B")) == ("a b", "c d+")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer YTpi",
        "BasicYTpi",
        "Basic YTpi YTpi",
        "Basic YTpi\n",
        "Basic Y!pi",
        "Basic YTp",
        "Basic YTpi=",
        "Basic YQ==",
        "Basic YTq=",
        "Basic YTr=",
        "Basic ＹＴpi",
        "Basic YT-_",
        encoded(":secret"),
        encoded("no colon"),
        encoded("a:%"),
        encoded("a:%zz"),
        encoded("a:b\n"),
        encoded("a%00:b"),
        encoded(b"a:\xff"),
        encoded("a:%ff"),
        encoded("a:" + "b" * 4096),
    ],
)
def test_T37_a_malformed_basic_header_is_an_invalid_request(header: str) -> None:
    """RFC 6749 §5.2."""
    with pytest.raises(InvalidRequest) as caught:
        parse_basic(header)
    assert caught.value.code == "authorization_header_malformed"
    assert caught.value.__cause__ is None


@given(st.text() | st.text("Basicer +/=:AYTpi%\n").map("Basic ".__add__))
def test_T37_any_header_is_read_or_refused(header: str) -> None:
    """RFC 6749 §5.2."""
    for parse in (parse_basic, parse_authorization):
        try:
            parse(header)
        except InvalidRequest as error:
            found = error.code
        else:
            continue
        assert found == "authorization_header_malformed"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_6750_2_1_a_the_scheme_is_case_insensitive(scheme: str) -> None:
    """RFC 6750 §2.1."""
    assert parse_authorization(f"{scheme} gla_us_x") == Authorization("Bearer", "gla_us_x")


def test_the_word_of_the_official_sdks_is_taken_too() -> None:
    assert parse_authorization("zoho-oauthtoken gla_us_x") == Authorization("Zoho-oauthtoken", "gla_us_x")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "DPoP x",
        "gla_us_x",
        "Bearer a b",
        "Bearer a,b",
        "Bearer é",
        "Bearer x\n",
    ],
)
def test_another_authorization_header_is_malformed(header: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_authorization(header)
    assert caught.value.code == "authorization_header_malformed"


def test_6750_3_1_b_without_a_token_the_challenge_has_no_error() -> None:
    """RFC 6750 §3.1."""
    assert render_challenge("CRM") == 'Bearer realm="CRM"'
    shown = render_challenge("CRM", resource_metadata="https://api/.well-known/x")
    assert shown == 'Bearer realm="CRM", resource_metadata="https://api/.well-known/x"'


def test_6750_3_c_a_bad_token_is_told_why() -> None:
    """RFC 6750 §3."""
    error = InvalidToken("token_invalid", hint="secret hint")
    assert render_challenge("CRM", error) == (
        f'Bearer realm="CRM", error="invalid_token", error_description="{error.description}"'
    )


def test_6750_3_b_each_attribute_occurs_once_in_its_characters() -> None:
    """RFC 6750 §3."""
    shown = render_challenge("CRM", InsufficientScope("scope_insufficient"), scope="CRM.modules.ALL a")
    names = re.findall(r'(\w+)="[\x20\x21\x23-\x5b\x5d-\x7e]*"(?:, |$)', shown)
    assert names == ["realm", "error", "error_description", "scope"]
    for text in ('a"b', "a\\b", "a\r\nb", "é"):
        with pytest.raises(ValueError, match="scope"):
            render_challenge("CRM", scope=text)
        with pytest.raises(ValueError, match="realm"):
            render_challenge(text)


def test_6749_5_2_b_the_challenge_of_basic_is_its_realm() -> None:
    """RFC 6749 §5.2."""
    shown = render_challenge("Grantline", InvalidToken("token_invalid"), scheme="Basic")
    assert shown == 'Basic realm="Grantline"'
