"""Redirect URIs: what may be registered, and which received address is a registered one."""

import re
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.redirect_uri import (
    FORBIDDEN_SCHEMES,
    RESERVED_IN_QUERY,
    RedirectKind,
    RedirectUriProblem,
    check_origin,
    check_redirect_uri,
    matches,
)

WEB, NATIVE = RedirectKind.WEB, RedirectKind.NATIVE


def problem(uri: str, kind: RedirectKind = WEB) -> str:
    with pytest.raises(RedirectUriProblem) as caught:
        check_redirect_uri(uri, kind=kind)
    assert caught.value.sentence.endswith(".")
    assert caught.value.fix.endswith(".")
    return caught.value.code


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback",
        "https://app.example",
        "https://app.example/",
        "https://app.example:8443/a/b;c=d/e?x=1&y=%2F..&z=code",
        "https://APP.example/cb",
        "https://xn--bcher-kva.example/cb",
        "https://203.0.113.7/cb",
        "https://[2001:db8::1]:8443/cb",
        "https://localhost/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:8704/callback",
        "http://[::1]:1/cb",
        "http://localhost:65535",
        "https://app.example/a@b:c/...",
        "https://app.example/cb?codes=1&statement=2",
    ],
)
def test_a_proper_web_address_passes_for_both_kinds(uri: str) -> None:
    check_redirect_uri(uri, kind=WEB)
    check_redirect_uri(uri, kind=NATIVE)


@pytest.mark.parametrize(
    "uri",
    ["com.example.app:/cb", "com.example.app://callback", "com.example.app://host/cb?a=1", "a.b-c+d:/x"],
)
def test_8252_7_a_a_native_app_may_have_a_scheme_of_its_own(uri: str) -> None:
    """RFC 8252 §7."""
    check_redirect_uri(uri, kind=NATIVE)
    assert problem(uri, WEB) == "scheme_not_for_type"


@pytest.mark.parametrize("uri", ["myapp:/cb", "myapp://cb", "a.:/cb", ".a:/cb", "a..b:/cb"])
def test_8252_7_1_a_a_scheme_of_its_own_has_a_domain_in_it(uri: str) -> None:
    """RFC 8252 §7.1."""
    assert problem(uri, NATIVE) in {"scheme_without_domain", "scheme_missing"}


@pytest.mark.parametrize("scheme", sorted(FORBIDDEN_SCHEMES))
def test_T1_schemes_that_run_code_or_leave_the_browser_are_refused(scheme: str) -> None:
    """RFC 9700 §4.1."""
    for uri in (f"{scheme}:alert(1)", f"{scheme}://a.example/x", f"{scheme.upper()}:/x"):
        assert problem(uri, NATIVE) == "scheme_forbidden"
        assert problem(uri, WEB) == "scheme_forbidden"


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("", "empty"),
        ("/cb", "scheme_missing"),
        ("app.example/cb", "scheme_missing"),
        ("127.0.0.1:8080/cb", "scheme_missing"),
        ("//app.example/cb", "scheme_missing"),
        ("localhost:8080/cb", "scheme_not_for_type"),
        ("HTTPS://app.example/cb", "scheme_case"),
        ("https://app.example/#x", "fragment"),
        ("https://app.example/cb#", "fragment"),
        ("https://*.app.example/cb", "wildcard"),
        ("https://app.example/*", "wildcard"),
        ("https://user@app.example/cb", "userinfo"),
        ("https://app.example:x@evil.example/cb", "userinfo"),
        ("https://@app.example/cb", "userinfo"),
        ("https://a.example\\@b.example/cb", "backslash"),
        ("https://\u0430.example/cb", "not_ascii"),
        ("https://app.example/\u2025/cb", "not_ascii"),
        ("https://app.example/\tx", "blank_or_control"),
        ("https://app.example/ x", "blank_or_control"),
        ("https://app.example/cb\n", "blank_or_control"),
        ("https://app.example/\x7f", "blank_or_control"),
        ("https://app.example/<x>", "character"),
        ("https://app.example/%0d%0a", "escape"),
        ("https://app.example/%00", "escape"),
        ("https://app.example/%zz", "escape"),
        ("https://app.example/100%", "escape"),
        ("https://app.example/cb/..", "dot_segment"),
        ("https://app.example/./cb", "dot_segment"),
        ("https://app.example/cb/..;/x", "dot_segment"),
        ("https://app.example/cb/%2e%2E/x", "dot_segment"),
        ("https://app.example/cb/.%2e;a=b/x", "dot_segment"),
        ("https://app.example/cb%2f..%2fx", "dot_segment"),
        ("https://app.example/cb/..%5cx", "dot_segment"),
        ("https:app.example/cb", "host_missing"),
        ("https:///cb", "host_missing"),
        ("https://", "host_missing"),
        ("https://:443/cb", "host_missing"),
        ("https://app.example:/cb", "port"),
        ("https://app.example:0/cb", "port"),
        ("https://app.example:080/cb", "port"),
        ("https://app.example:65536/cb", "port"),
        ("https://app.example:80:81/cb", "port"),
        ("https://app.example:8x/cb", "port"),
        ("https://app..example/cb", "host"),
        ("https://app.example./cb", "host"),
        ("https://-app.example/cb", "host"),
        ("https://app_x.example/cb", "host"),
        ("https://app%2eexample/cb", "host"),
        ("https://" + "a" * 64 + ".example/cb", "host"),
        ("https://" + "a." * 127 + "example/cb", "host"),
        ("https://127.1/cb", "host"),
        ("https://0x7f.0.0.1/cb", "host"),
        ("https://2130706433/cb", "host"),
        ("https://0177.0.0.1/cb", "host"),
        ("https://[::1/cb", "host"),
        ("https://[::1]x/cb", "host"),
        ("https://[fe80::1%25eth0]/cb", "host"),
        ("https://[" + ":" * 1900 + "]/cb", "host"),
        ("http://app.example/cb", "http_not_loopback"),
        ("http://127.0.0.2/cb", "http_not_loopback"),
        ("http://LOCALHOST/cb", "http_not_loopback"),
        ("http://[0:0:0:0:0:0:0:1]/cb", "http_not_loopback"),
        ("http://localhost.example/cb", "http_not_loopback"),
        ("https://app.example/" + "x" * 2000, "too_long"),
    ],
)
def test_T2_an_address_that_two_readers_could_read_differently_is_refused(uri: str, code: str) -> None:
    """RFC 9700 §4.1, RFC 6749 §3.1.2."""
    assert problem(uri) == code
    if code != "scheme_not_for_type":
        assert problem(uri, NATIVE) == code


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("com.example.app:cb", "path_missing"),
        ("com.example.app:", "path_missing"),
        ("com.example.app://", "path_missing"),
        ("com.example.app:///", "path_missing"),
        ("com.example.app://user@host/cb", "userinfo"),
        ("com.example.app:/a/../b", "dot_segment"),
        ("com.example.app:/cb?code=1", "reserved_name"),
        ("com.example.app:/cb#x", "fragment"),
        ("com.example.app://ho_st/cb", "host"),
        ("Com.example.app:/cb", "scheme_case"),
    ],
)
def test_8252_8_4_a_an_own_scheme_needs_a_whole_address(uri: str, code: str) -> None:
    """RFC 8252 §8.4."""
    assert problem(uri, NATIVE) == code


@pytest.mark.parametrize("name", sorted(RESERVED_IN_QUERY))
@pytest.mark.parametrize("query", ["{}=x", "a=1&{}", "a=1;{}=x", "+{}=x"])
def test_T13_no_registered_query_holds_a_name_of_ours(name: str, query: str) -> None:
    """RFC 6749 §3.1.2."""
    assert problem(f"https://app.example/cb?{query.format(name)}") == "reserved_name"
    assert (
        problem(f"https://app.example/cb?{query.format('%' + f'{ord(name[0]):x}' + name[1:])}")
        == "reserved_name"
    )


@given(
    st.text(max_size=50)
    | st.text("htps:/.a1@[]%2e#?&=;\\*\t é", max_size=50).map("https://a.example".__add__)
)
def test_T2_any_text_outside_the_grammar_is_refused(text: str) -> None:
    """RFC 6749 §3.1.2: what passes, a strict reading of RFC 3986 §4.3 reads in the same way."""
    try:
        check_redirect_uri(text, kind=NATIVE)
    except RedirectUriProblem:
        return
    assert re.fullmatch(r"[a-z][a-z0-9+.-]*:[A-Za-z0-9._~:/?\[\]@!$&'()+,;=%-]+", text)
    assert len(text) <= 2000
    parts = urlsplit(text)
    assert parts.username is None
    assert not parts.fragment
    assert not {".", ".."} & set(parts.path.split("/"))
    if parts.scheme == "http":
        assert parts.hostname in {"127.0.0.1", "::1", "localhost"}


HOSTS = st.sampled_from(
    ["127.0.0.1", "[::1]", "localhost", "127.1", "a.example", "127.0.0.1.a.example", "localhost@a"]
)
PORTS = st.sampled_from(["", ":", ":0", ":80", ":8080", ":65535", ":65536", ":080", ":８０", ":8x"])
TAILS = st.sampled_from(["", "/", "/cb", "/cb?a", "?a", "/cb/", "/CB", "#x"])
URIS = st.builds("{}://{}{}{}".format, st.sampled_from(["http", "https"]), HOSTS, PORTS, TAILS)


@given(URIS, URIS)
def test_T12_only_the_port_of_one_loopback_literal_is_free(registered: str, received: str) -> None:
    """RFC 8252 §7.3."""
    assert matches(registered, received, any_loopback_port=False) == (registered == received)
    if registered == received or not matches(registered, received, any_loopback_port=True):
        return
    ours, theirs = urlsplit(registered), urlsplit(received)
    assert (ours.scheme, ours.hostname, ours.path, ours.query) == (
        "http",
        theirs.hostname,
        theirs.path,
        theirs.query,
    )
    assert theirs.scheme == "http"
    assert ours.hostname in {"127.0.0.1", "::1", "localhost"}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_8252_7_3_a_any_port_matches_on_loopback(host: str) -> None:
    """RFC 8252 §7.3."""
    for registered in (f"http://{host}/cb", f"http://{host}:3000/cb"):
        for port in ("", ":1", ":8080", ":65535"):
            assert matches(registered, f"http://{host}{port}/cb", any_loopback_port=True)
    assert matches(f"http://{host}", f"http://{host}:5", any_loopback_port=True)
    assert matches(f"http://{host}?a=1", f"http://{host}:5?a=1", any_loopback_port=True)
    assert not matches(f"http://{host}:3000/cb", f"http://{host}:3001/cb", any_loopback_port=False)


@pytest.mark.parametrize(
    "received",
    [
        "https://127.0.0.1/cb",
        "http://127.0.0.1:80/cb?x",
        "http://localhost/cb",
        "http://127.1/cb",
        "http://[::1]/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://127.0.0.1:８０/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1/",
        "http://127.0.0.1",
        "http://127.0.0.1:5/CB",
        "HTTP://127.0.0.1/cb",
        "http://127.0.0.1:5@evil.example/cb",
        "http://127.0.0.1:5/cb\n",
        "http://x@127.0.0.1:5/cb",
        "",
    ],
)
def test_T12_nothing_else_matches_on_loopback(received: str) -> None:
    """RFC 8252 §8.3."""
    assert not matches("http://127.0.0.1/cb", received, any_loopback_port=True)
    assert not matches("https://127.0.0.1/cb", "https://127.0.0.1:5/cb", any_loopback_port=True)


@pytest.mark.parametrize(
    "received",
    [
        "https://app.example/cb.evil",
        "https://app.example/cb/..;/x",
        "https://app.example/cb%2e%2e",
        "https://app.example/cb?x",
        "https://app.example/CB",
        "https://app.example:443/cb",
        "https://app.example/cb/",
        "https://app.example@evil.example/cb",
        "https://fooapp.example/cb",
        "https://APP.example/cb",
        "https://app.example",
        "https://app.example/c%62",
        "http://app.example/cb",
        "https://app.example/cb#",
        "https://app.example/cb ",
    ],
)
def test_6749_3_1_2_3_b_addresses_are_compared_character_by_character(received: str) -> None:
    """RFC 6749 §3.1.2.3, T11."""
    for any_loopback_port in (False, True):
        assert not matches("https://app.example/cb", received, any_loopback_port=any_loopback_port)


def test_T12_a_long_odd_host_is_answered_at_once() -> None:
    """RFC 8252 §8.3: no pattern that backtracks."""
    received = "http://[" + ":" * 1980 + "]/cb"
    started = time.perf_counter()
    assert not matches("http://[::1]/cb", received, any_loopback_port=True)
    assert problem(received) == "host"
    assert time.perf_counter() - started < 0.05


@pytest.mark.parametrize(
    "origin", ["https://app.example", "https://app.example:8443", "http://localhost:5173", "http://[::1]:1"]
)
def test_an_origin_as_browsers_spell_it_passes(origin: str) -> None:
    check_origin(origin)


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("https://app.example/", "origin_path"),
        ("https://app.example/x", "origin_path"),
        ("https://app.example?x", "origin_path"),
        ("https://App.example", "origin_case"),
        ("https://app.example:443", "origin_port"),
        ("http://localhost:80", "origin_port"),
        ("https://[2001:DB8::1]", "origin_case"),
        ("https://[2001:db8:0::1]", "origin_host"),
        ("http://app.example", "http_not_loopback"),
        ("https://*.app.example", "wildcard"),
        ("null", "scheme_missing"),
        ("com.example.app://x", "scheme_not_for_type"),
    ],
)
def test_another_spelling_of_an_origin_is_refused(origin: str, code: str) -> None:
    with pytest.raises(RedirectUriProblem) as caught:
        check_origin(origin)
    assert caught.value.code == code
