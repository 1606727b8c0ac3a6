"""Requests are read into one frozen value per kind, or refused with the error that the standard names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    NotRedirectable,
    OAuthError,
    UnsupportedGrantType,
    UnsupportedResponseType,
)
from grantline.oauth.parameters import Parameters
from grantline.oauth.pkce import s256
from grantline.oauth.requests import (
    AuthorizationCodeRequest,
    AuthorizationRequest,
    ClientCredentialsRequest,
    DeviceCodeRequest,
    RefreshRequest,
    answers_in_fragment,
    parse_authorization_request,
    parse_device_authorization_request,
    parse_introspection_request,
    parse_revocation_request,
    parse_token_request,
)

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CHALLENGE = s256("v" * 43)


def authorize(**changes: str) -> AuthorizationRequest:
    fields = {
        "client_id": "glc_us_a",
        "response_type": "code",
        "redirect_uri": "https://a.example/cb",
    } | changes
    return parse_authorization_request(Parameters({name: value for name, value in fields.items() if value}))


def refused(**changes: str) -> str:
    with pytest.raises(OAuthError) as caught:
        authorize(**changes)
    return caught.value.code


@pytest.mark.parametrize(
    ("fields", "request_"),
    [
        (
            {
                "grant_type": "authorization_code",
                "code": "c",
                "redirect_uri": "https://a",
                "code_verifier": "v",
            },
            AuthorizationCodeRequest("c", "https://a", "v"),
        ),
        ({"grant_type": "authorization_code", "code": "c"}, AuthorizationCodeRequest("c", None, None)),
        (
            {"grant_type": "refresh_token", "refresh_token": "r", "scope": "a b"},
            RefreshRequest("r", "a b"),
        ),
        (
            {"grant_type": "client_credentials", "soid": "CRM.1", "resource": "https://api.example"},
            ClientCredentialsRequest(None, ("https://api.example",), "CRM.1"),
        ),
        ({"grant_type": DEVICE, "device_code": "d"}, DeviceCodeRequest("d", None)),
    ],
)
def test_a_token_request_is_read(fields: dict[str, str], request_: object) -> None:
    read = parse_token_request(Parameters(fields))
    assert read == request_
    assert read.grant_type == fields["grant_type"]


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"grant_type": "authorization_code"}, "code"),
        ({"grant_type": "refresh_token"}, "refresh_token"),
        ({"grant_type": DEVICE}, "device_code"),
    ],
)
def test_a_missing_parameter_is_named(fields: dict[str, str], missing: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_token_request(Parameters(fields))
    assert (caught.value.code, caught.value.members) == ("parameter_missing", {"parameter": missing})


def test_a_token_request_needs_a_grant_type() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_token_request(Parameters({"code": "c"}))
    assert caught.value.code == "grant_type_missing"


@pytest.mark.parametrize(
    "grant_type", ["password", "implicit", "foo", "device_token", "Refresh_token", DEVICE + " "]
)
def test_9700_2_4_a_another_grant_type_is_not_supported(grant_type: str) -> None:
    """RFC 9700 §2.4, RFC 6749 §5.2: there is no password grant."""
    with pytest.raises(UnsupportedGrantType):
        parse_token_request(Parameters({"grant_type": grant_type, "username": "a", "password": "b"}))


@pytest.mark.parametrize(
    "resource", ["api", "/api", "https://a#x", "https://a b", "https:", "1https://a", "//a"]
)
def test_8707_2_a_a_resource_is_an_absolute_uri_without_fragment(resource: str) -> None:
    """RFC 8707 §2."""
    parameters = Parameters({"grant_type": "client_credentials", "resource": resource})
    with pytest.raises(InvalidTarget) as caught:
        parse_token_request(parameters)
    assert caught.value.code == "resource_malformed"
    assert refused(resource=resource) == "resource_malformed"


def test_ten_resources_are_enough() -> None:
    def ask(count: int) -> tuple[str, ...]:
        resources = tuple(f"https://a/{n}" for n in range(count))
        return parse_token_request(
            Parameters({"grant_type": "client_credentials"}, resources=resources + resources[:1])
        ).resource

    assert len(ask(9)) == 9
    with pytest.raises(InvalidTarget):
        ask(10)


def test_an_authorization_request_is_read_whole() -> None:
    read = authorize(
        scope="openid,CRM.modules.ALL",
        state="s",
        nonce="n",
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
        access_type="offline",
        prompt="login consent",
        max_age="0",
        login_hint="éva",
        response_mode="query",
        resource="https://api.example",
        id_token_hint="a.b.c",
    )
    assert read == AuthorizationRequest(
        client_id="glc_us_a",
        response_type="code",
        redirect_uri="https://a.example/cb",
        scope="openid,CRM.modules.ALL",
        state="s",
        nonce="n",
        code_challenge=CHALLENGE,
        access_type="offline",
        prompt=frozenset({"login", "consent"}),
        max_age=0,
        login_hint="éva",
        response_mode="query",
        resource=("https://api.example",),
        id_token_hint="a.b.c",
    )
    assert not read.in_fragment
    assert AuthorizationRequest.from_json(read.to_json()) == read


def test_what_is_not_sent_is_none() -> None:
    read = authorize(redirect_uri="")
    assert (read.redirect_uri, read.scope, read.state, read.max_age) == (None, None, None, None)
    assert (read.prompt, read.resource) == (frozenset(), ())
    assert AuthorizationRequest.from_json(read.to_json()) == read


def test_6749_3_1_1_a_a_missing_or_unknown_response_type_is_an_error() -> None:
    """RFC 6749 §3.1.1."""
    assert refused(response_type="") == "response_type_missing"
    for text in (
        "foo",
        "code token",
        "id_token",
        "code id_token",
        "code code",
        "Code",
        " ",
        "code  ",
        "token token",
    ):
        with pytest.raises(UnsupportedResponseType):
            authorize(response_type=text, nonce="n")


def test_6749_3_1_1_b_the_order_in_a_response_type_means_nothing() -> None:
    """RFC 6749 §3.1.1."""
    assert authorize(response_type="token id_token", nonce="n") == authorize(
        response_type="id_token token", nonce="n"
    )
    assert authorize(response_type="token id_token", nonce="n").response_type == "id_token token"


def test_mrt_4_a_the_response_type_none_is_not_supported() -> None:
    """OAuth 2.0 Multiple Response Types §4."""
    assert refused(response_type="none") == "response_type_unknown"


@pytest.mark.parametrize(
    ("response_type", "response_mode"),
    [("code", mode) for mode in ("fragment", "form_post", "jwt", "query.jwt", "web_message", "Query", "foo")]
    + [("token", mode) for mode in ("query", "form_post", "web_message")]
    + [("id_token token", "query")],
)
def test_T15_mrt_2_1_a_a_response_mode_that_does_not_fit_is_refused(
    response_type: str, response_mode: str
) -> None:
    """OAuth 2.0 Multiple Response Types §2.1 and §3: no token in a query."""
    assert (
        refused(response_type=response_type, response_mode=response_mode, nonce="n")
        == "response_mode_not_allowed"
    )


def test_the_default_response_mode_may_be_said() -> None:
    assert authorize(response_mode="query").response_mode == "query"
    implicit = authorize(response_type="token", response_mode="fragment")
    assert implicit.in_fragment
    assert authorize(response_type="token").in_fragment


def test_6749_4_2_2_1_a_errors_of_implicit_requests_go_into_the_fragment() -> None:
    """RFC 6749 §4.2.2.1; an unknown combination too, by what it would have carried."""
    for text in ("token", "id_token token", "code token", "id_token"):
        assert answers_in_fragment(Parameters({"response_type": text}))
    for fields in ({"response_type": "code"}, {"response_type": "foo", "response_mode": "fragment"}, {}):
        assert not answers_in_fragment(Parameters(fields))


def test_7636_4_4_1_a_challenge_and_method_come_together() -> None:
    """RFC 7636 §4.4.1."""
    assert refused(code_challenge=CHALLENGE) == "code_challenge_method_not_s256"
    assert (
        refused(code_challenge=CHALLENGE, code_challenge_method="plain") == "code_challenge_method_not_s256"
    )
    assert refused(code_challenge="x", code_challenge_method="S256") == "code_challenge_malformed"
    assert refused(code_challenge_method="S256") == "code_challenge_malformed"
    assert authorize().code_challenge is None


def test_core_3_2_2_1_a_an_id_token_in_the_redirect_needs_a_nonce() -> None:
    """OpenID Connect Core §3.2.2.1."""
    assert refused(response_type="id_token token") == "nonce_required"
    assert authorize(response_type="id_token token", nonce="n").nonce == "n"
    assert authorize(response_type="token").nonce is None


def test_core_3_1_2_1_f_prompt_none_stands_alone() -> None:
    """OpenID Connect Core §3.1.2.1."""
    assert refused(prompt="none login") == "prompt_none_with_others"
    assert authorize(prompt="none").prompt == {"none"}
    for text in ("foo", "login foo", "None", "login,consent", "create"):
        assert refused(prompt=text) == "prompt_malformed"


@pytest.mark.parametrize("text", ["-1", "1.5", "１２", "1_0", "12345678901", "x"])
def test_a_max_age_is_ascii_digits(text: str) -> None:
    assert refused(max_age=text) == "max_age_malformed"


def test_core_6_1_a_request_objects_are_refused_in_their_own_words() -> None:
    """OpenID Connect Core §6.1."""
    assert refused(request="a.b.c") == "request_not_supported"
    assert refused(request_uri="https://a/b") == "request_uri_not_supported"


def test_core_3_1_2_1_k_what_we_do_not_support_of_openid_is_no_error() -> None:
    """OpenID Connect Core §3.1.2.1."""
    odd = dict.fromkeys(("display", "ui_locales", "claims_locales", "acr_values", "claims"), "nonsense é")
    assert authorize(**odd) == authorize()


def test_the_rest_of_a_request_is_checked_too() -> None:
    assert refused(access_type="Offline") == "access_type_malformed"
    assert refused(scope='a"b') == "scope_malformed"
    assert refused(client_id="") == "client_id_missing"
    with pytest.raises(NotRedirectable):
        authorize(client_id="")


def test_8628_3_1_a_a_device_request_is_read() -> None:
    """RFC 8628 §3.1."""
    read = parse_device_authorization_request(
        Parameters({"client_id": "c", "scope": "a", "access_type": "offline", "prompt": "consent"})
    )
    assert (read.client_id, read.scope, read.access_type) == ("c", "a", "offline")
    assert (read.prompt, read.code_challenge) == ({"consent"}, None)
    assert parse_device_authorization_request(Parameters({})).client_id is None
    with pytest.raises(InvalidScope):
        parse_device_authorization_request(Parameters({"scope": "\\"}))


@pytest.mark.parametrize("parse", [parse_revocation_request, parse_introspection_request])
def test_7009_2_2_1_a_a_token_is_needed(parse) -> None:  # type: ignore[no-untyped-def]
    """RFC 7009 §2.2.1."""
    read = parse(Parameters({"token": "t", "token_type_hint": "foo"}))
    assert (read.token, read.token_type_hint) == ("t", "foo")
    with pytest.raises(InvalidRequest) as caught:
        parse(Parameters({"token_type_hint": "access_token"}))
    assert caught.value.code == "token_missing"


NAMES = "response_type response_mode scope prompt max_age access_type code_challenge code_challenge_method"


@given(
    st.dictionaries(
        st.sampled_from(NAMES.split()),
        st.sampled_from(
            ["code", "token id_token", "query", "none", "S256", CHALLENGE, "a b", "7", "https://a"]
        )
        | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12),
    )
)
def test_T37_any_request_is_read_or_refused_in_protocol_words(fields: dict[str, str]) -> None:
    """RFC 6749 §4.1.2.1."""
    try:
        read = authorize(**fields)
    except OAuthError:
        return
    assert AuthorizationRequest.from_json(read.to_json()) == read
    assert read.response_mode == ("query" if read.response_type == "code" else "fragment")
