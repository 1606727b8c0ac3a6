"""Parameters are read once and strictly, and bad ones are always InvalidRequest."""

from collections.abc import Callable
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.errors import InvalidRequest
from grantline.oauth.parameters import KNOWN, Parameters, from_fields, merge, parse_digits, parse_form

FREE_TEXT = {"login_hint", "user_code", "username", "password", "display", "ui_locales", "claims_locales"}
PROTOCOL = KNOWN - FREE_TEXT - {"acr_values", "claims", "registration", "logout_hint"}
VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(InvalidRequest) as caught:
        act()
    return caught.value.code


def test_a_plain_body_is_read() -> None:
    read = parse_form(b"grant_type=refresh_token&client_id=glc_us_a&refresh_token=glr_us_b")
    assert dict(read) == {
        "grant_type": "refresh_token",
        "client_id": "glc_us_a",
        "refresh_token": "glr_us_b",
    }
    assert read.in_query == frozenset()
    assert read.get("scope") is None
    assert "scope" not in read
    assert len(read) == 3


def test_an_empty_body_holds_nothing() -> None:
    assert not parse_form(b"")
    assert dict(parse_form(b"&&")) == {}


def test_a_value_may_hold_an_equals_sign() -> None:
    assert parse_form(b"state=a=b==")["state"] == "a=b=="


@pytest.mark.parametrize("body", [b"scope=&code=x", b"scope&code=x", b"code=x&scope="])
def test_6749_3_1_e_an_empty_value_is_an_absent_one(body: bytes) -> None:
    """RFC 6749 §3.1."""
    assert dict(parse_form(body)) == {"code": "x"}


def test_6749_3_1_f_unknown_parameters_do_no_harm_even_twice() -> None:
    """RFC 6749 §3.1."""
    assert parse_form(b"foo=1&foo=2&code=x")["code"] == "x"
    assert parse_form("foo=é&code=x".encode())["code"] == "x"


@pytest.mark.parametrize(
    "pair", ["{0}=a&{0}=b", "{0}=a&{0}=a", "{0}=a&x=%20&{0}=b", "{0}=&{0}=a", "{0}=a&{0}="]
)
def test_6749_3_1_g_no_known_parameter_occurs_twice(pair: str) -> None:
    """RFC 6749 §3.1, T13."""
    for name in KNOWN - {"resource"}:
        assert refusal(lambda name=name: parse_form(pair.format(name).encode())) == "parameter_repeated"


def test_T13_a_name_is_repeated_also_if_it_is_encoded() -> None:
    """Two spellings of one name are one name (RFC 6749 §3.1)."""
    assert refusal(lambda: parse_form(b"client_id=a&client%5Fid=b")) == "parameter_repeated"


def test_T13_a_known_parameter_stands_in_query_or_body_not_in_both() -> None:
    """RFC 6749 §3.1."""
    for name in KNOWN - {"resource"}:
        query, body = parse_form(f"{name}=a".encode(), in_query=True), parse_form(f"{name}=a".encode())
        with pytest.raises(InvalidRequest) as caught:
            merge(query, body)
        assert caught.value.code == "parameter_repeated"
        assert caught.value.members == {"parameter": name}


def test_query_and_body_are_joined_and_the_query_is_remembered() -> None:
    query = parse_form(b"client_secret=s&resource=https://a", in_query=True)
    both = merge(query, parse_form(b"code=x&resource=https://b"))
    assert dict(both)["client_secret"] == "s"
    assert both["code"] == "x"
    assert both.in_query == {"client_secret", "resource"}
    assert both.all("resource") == ("https://a", "https://b")


def test_8707_2_a_resource_may_repeat() -> None:
    """RFC 8707 §2."""
    read = parse_form(b"resource=https://a&resource=https://b&resource=")
    assert read.all("resource") == ("https://a", "https://b")
    assert read["resource"] == "https://a"
    assert read.all("code") == ()
    assert parse_form(b"code=x").all("code") == ("x",)
    assert parse_form(b"resource=https://a").all("resource") == ("https://a",)
    assert Parameters({"resource": "https://a"}).all("resource") == ("https://a",)


def test_scope_may_repeat_with_equal_values_where_that_is_allowed() -> None:
    allowed = frozenset({"scope"})
    read = parse_form(b"scope=a&scope=a&code=x", may_repeat_equal=allowed)
    assert (read["scope"], read.repeated_equal) == ("a", {"scope"})
    assert parse_form(b"scope=a&code=x", may_repeat_equal=allowed).repeated_equal == frozenset()
    for body in (b"scope=a&scope=b", b"code=x&code=x"):
        assert refusal(lambda body=body: parse_form(body, may_repeat_equal=allowed)) == "parameter_repeated"


@pytest.mark.parametrize(
    "body",
    [
        b"code=%",
        b"code=%0",
        b"code=%G0",
        b"code=%u0041",
        b"code=%C3",
        b"code=%ED%A0%80",
        b"code=\xff",
        b"%ff=1",
        b"code=%C0%80",
        b"code=\xc3",
        b"code=a%00b",
        b"code=a\x00b",
        b"code=%0d%0a",
        b"foo=%00",
        b"foo=\x1f",
        b"code=%7F",
        b"foo%0a=1",
        b"code=%C3%A9",
        "code=é".encode(),
        b"login_hint=%0A",
        b"user_code=%00",
    ],
)
def test_T37_what_cannot_be_read_safely_is_malformed(body: bytes) -> None:
    """Strict UTF-8, no control characters, ASCII in protocol fields (RFC 6749 §3.1)."""
    assert refusal(lambda: parse_form(body)) == "parameter_malformed"


def test_T24_a_state_that_could_break_a_header_is_refused() -> None:
    """Printable ASCII of at most 2,048 characters (RFC 6749 §4.1.1)."""
    for value in ("%0D%0A", "%00", "%C3%A9", "\x7f"):
        assert refusal(lambda value=value: parse_form(f"state={value}".encode())) == "state_malformed"
    assert len(parse_form(b"state=" + b"s" * 2048)["state"]) == 2048
    assert refusal(lambda: parse_form(b"state=" + b"s" * 2049)) == "parameter_too_long"


@pytest.mark.parametrize(
    ("name", "most"), [("nonce", 512), ("redirect_uri", 2000), ("code", 8192), ("foo", 8192)]
)
def test_T24_long_values_are_refused(name: str, most: int) -> None:
    """RFC 6749 §10.14."""
    assert len(parse_form(f"{name}={'x' * most}".encode())[name]) == most
    assert refusal(lambda: parse_form(f"{name}={'x' * (most + 1)}".encode())) == "parameter_too_long"


def test_T135_large_requests_are_refused() -> None:
    """64 KiB and 100 fields."""
    assert len(parse_form("&".join(f"f{n}=1" for n in range(100)).encode())) == 100
    assert (
        refusal(lambda: parse_form("&".join(f"f{n}=1" for n in range(101)).encode())) == "request_too_large"
    )
    many = ((f"f{n}", "x" * 8000) for n in range(100))
    assert refusal(lambda: from_fields(many)) == "request_too_large"
    assert refusal(lambda: parse_form(b"a" * 65537)) == "request_too_large"


def test_6749_App_B_a_text_is_form_encoded_utf8() -> None:
    """RFC 6749 §App-B: a space is a plus sign or %20."""
    assert parse_form(b"scope=openid+email%20a%2Bb&login_hint=%C3%A9va%40example.com") == {
        "scope": "openid email a+b",
        "login_hint": "éva@example.com",
    }


def test_multipart_fields_obey_the_same_rules() -> None:
    assert dict(from_fields([("code", "x"), ("scope", "")])) == {"code": "x"}
    assert from_fields([("code", "x")], in_query=True).in_query == {"code"}
    assert refusal(lambda: from_fields([("code", "x"), ("code", "x")])) == "parameter_repeated"
    assert refusal(lambda: from_fields([("foo", "\ud800")])) == "parameter_malformed"
    assert refusal(lambda: from_fields([("\ud800", "foo")])) == "parameter_malformed"
    assert refusal(lambda: from_fields([("code", "é")])) == "parameter_malformed"


def test_a_printed_form_shows_no_value() -> None:
    assert repr(parse_form(b"client_secret=gls_us_x&code=y")) == "Parameters(client_secret, code)"


@pytest.mark.parametrize("text", ["0", "7", "0123456789", "9999999999"])
def test_ascii_digits_are_a_number(text: str) -> None:
    assert parse_digits(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "１２", "1_0", " 5", "5 ", "5\n", "-5", "+5", "1.0", "1e3", "12345678901", "²"]
)
def test_T37_odd_numbers_are_no_numbers(text: str) -> None:
    """Python's int() would take several of these (OpenID Connect Core §3.1.2.1, max_age)."""
    assert parse_digits(text) is None


@given(st.binary(max_size=600), st.booleans())
def test_T37_any_bytes_give_parameters_or_an_invalid_request(body: bytes, in_query: bool) -> None:
    """Never another exception (RFC 6749 §5.2)."""
    try:
        read = parse_form(body, in_query=in_query)
    except InvalidRequest:
        return
    assert all(value for value in read.values())
    assert all(value.isprintable() and value.isascii() for name, value in read.items() if name in PROTOCOL)


@given(
    st.lists(
        st.tuples(st.sampled_from([*sorted(KNOWN), "foo", "", "é"]), st.text(max_size=30) | VISIBLE),
        max_size=6,
    )
)
def test_any_fields_give_the_same_by_both_ways_in(fields: list[tuple[str, str]]) -> None:
    try:
        encoded = urlencode(fields, quote_via=quote_plus).encode()
    except UnicodeEncodeError:
        with pytest.raises(InvalidRequest):
            from_fields(fields)
        return
    try:
        one = from_fields(fields)
    except InvalidRequest:
        with pytest.raises(InvalidRequest):
            parse_form(encoded)
        return
    other = parse_form(encoded)
    assert dict(one) == dict(other)
    assert one.all("resource") == other.all("resource")


@given(st.dictionaries(st.sampled_from(sorted(KNOWN - {"resource"})), VISIBLE.filter(bool), max_size=8))
def test_what_was_encoded_comes_back(fields: dict[str, str]) -> None:
    assert dict(parse_form(urlencode(fields).encode())) == fields
