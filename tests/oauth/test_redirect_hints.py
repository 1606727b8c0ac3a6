"""Hints about addresses: what is said of each kind, and what is offered in the place of a refused one."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.redirect_hints import decode_host, mend, review_addresses
from grantline.oauth.redirect_uri import RedirectKind, RedirectUriProblem, check_redirect_uri

WEB = partial(check_redirect_uri, kind=RedirectKind.WEB)
NATIVE = partial(check_redirect_uri, kind=RedirectKind.NATIVE)


def codes(*addresses: str, any_port: bool = False) -> list[list[str]]:
    check = NATIVE if any_port else WEB
    reviews = review_addresses(addresses, check, any_port=any_port)
    return [
        [review.problem.code] if review.problem else [hint.code for hint in review.hints]
        for review in reviews
    ]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://app.example/cb", []),
        ("https://app.example", ["no_twin"]),
        ("https://app.example/cb/", ["no_twin"]),
        ("https://app.example:443/cb", ["default_port"]),
        ("https://App.example/cb", ["capitals"]),
        ("https://192.0.2.7/cb", ["ip_address"]),
        ("https://[2001:db8::1]/cb", ["ip_address"]),
        ("https://xn--bcher-kva.example/cb", ["punycode"]),
        ("http://127.0.0.1:5000/cb", ["loopback_exact_port"]),
        ("http://127.0.0.1/cb", ["loopback_no_port"]),
        ("http://[::1]:5000/cb", ["loopback_exact_port"]),
        ("http://localhost:5000/cb", ["loopback_exact_port", "localhost"]),
    ],
)
def test_an_address_that_may_be_registered_is_explained(address: str, told: list[str]) -> None:
    assert codes(address) == [told]


def test_loopback_takes_any_port_for_native_apps_alone() -> None:
    assert codes("http://127.0.0.1/cb", any_port=True) == [["loopback_any_port"]]
    assert codes("com.example.app:/cb", any_port=True) == [["private_scheme"]]


def test_two_addresses_that_differ_by_the_last_slash_are_pointed_out() -> None:
    assert codes("https://app.example/cb", "https://app.example/cb/") == [["twin"], ["twin"]]


def test_a_host_in_punycode_is_shown_in_its_letters() -> None:
    [review] = review_addresses(["https://xn--pple-43d.example/"], WEB, any_port=False)
    assert "\u0430pple.example" in review.hints[0].sentence
    assert decode_host("xn--99999999999.example") == "xn--99999999999.example"


@pytest.mark.parametrize(
    ("address", "mended"),
    [
        ("http://app.example/cb", "https://app.example/cb"),
        ("HTTPS://app.example/cb", "https://app.example/cb"),
        ("https://app.example/cb#top", "https://app.example/cb"),
        ("https://mara@app.example/cb", "https://app.example/cb"),
        ("https://*.app.example/cb", "https://app.example/cb"),
        ("https:\\\\app.example\\cb", "https://app.example/cb"),
        ("app.example/cb", "https://app.example/cb"),
        (" https://app.example/cb ", "https://app.example/cb"),
        ("https://b\u00fccher.example/cb", "https://xn--bcher-kva.example/cb"),
        ("javascript:alert(1)", ""),
        ("https://app.example/../cb", ""),
    ],
)
def test_a_refused_address_is_offered_as_it_is_probably_meant(address: str, mended: str) -> None:
    assert mend(address, WEB) == mended


def test_a_mended_line_that_is_there_already_can_go() -> None:
    second = review_addresses(["https://app.example/cb", "http://app.example/cb"], WEB, any_port=False)[1]
    assert second.problem is not None
    assert second.problem.code == "http_not_loopback"
    assert second.hints[0].sentence == "https://app.example/cb stands on line 1 already: this one can go."


@given(st.lists(st.text(max_size=60) | st.from_regex(r"https?://[a-z0-9.@:\[\]-]{1,20}/?.{0,9}"), max_size=4))
def test_any_text_is_reviewed_and_what_is_offered_passes(addresses: list[str]) -> None:
    for review in review_addresses(addresses, WEB, any_port=False):
        assert all(hint.sentence for hint in review.hints)
        if review.mended:
            try:
                WEB(review.mended)
            except RedirectUriProblem as problem:
                pytest.fail(str(problem))
