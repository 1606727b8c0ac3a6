"""The difference of two addresses is told in a sentence and marked where it is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.redirect_uri import closest, difference

BASE = "https://app.example/callback"


@pytest.mark.parametrize(
    ("sent", "registered", "part", "split"),
    [
        (BASE + "/", BASE, "slash", ("https://app.example", "/callback", "/", "", "")),
        (BASE, BASE + "/", "slash", ("https://app.example", "/callback", "", "/", "")),
        ("http://a.example/cb", "https://a.example/cb", "scheme", ("", "http", "", "s", "://a.example/cb")),
        (
            "https://exmaple.com/cb",
            "https://example.com/cb",
            "host",
            ("https://", "ex", "ma", "am", "ple.com/cb"),
        ),
        (
            "http://localhost:8080/cb",
            "http://localhost:3080/cb",
            "port",
            ("http://localhost", ":", "8080", "3080", "/cb"),
        ),
        (
            "https://a/x/calback/y",
            "https://a/x/callback/y",
            "path",
            ("https://a/x", "/cal", "", "l", "back/y"),
        ),
        ("https://a/cb?x=1", "https://a/cb", "query", ("https://a", "/cb", "?x=1", "", "")),
        ("https://a/cb#x", "https://a/cb", "fragment", ("https://a", "/cb", "#x", "", "")),
    ],
)
def test_R85_the_part_that_differs_is_named_and_marked(
    sent: str, registered: str, part: str, split: tuple[str, str, str, str, str]
) -> None:
    found = difference(sent, registered)
    assert found.part == part
    marks = (found.common, found.shared_start, found.sent_mark, found.registered_mark, found.shared_end)
    assert marks == split


@pytest.mark.parametrize(
    ("sent", "registered", "sentence"),
    [
        (BASE + "/", BASE, "Your app sent an extra / at the end. Addresses must match exactly."),
        (BASE, BASE + "/", "Your app left out the / at the end. Addresses must match exactly."),
        (
            BASE.upper(),
            BASE,
            "Your app sent capital letters in other places, in the scheme. Addresses must match exactly.",
        ),
        ("https://b.example/callback", BASE, "Your app sent another host. Addresses must match exactly."),
    ],
)
def test_the_difference_is_said_in_a_sentence(sent: str, registered: str, sentence: str) -> None:
    assert difference(sent, registered).sentence == sentence


URIS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["https://", "http://", "com.example.app:/", "", "HTTPS://", "//"]),
    st.sampled_from(["a.example", "staging.secret.example", "localhost", "[::1]", "", "u@a"]),
    st.sampled_from(["", ":8080", ":8081", ":", ":x"]),
    st.sampled_from(["", "/", "/cb", "/cb/", "/secret/path", "/CB", "?a=1", "/cb?a=2", "/cb#f"]),
)


@given(URIS | st.text(max_size=20), URIS)
def test_T9_the_parts_make_up_both_addresses_and_the_sentence_holds_neither(
    sent: str, registered: str
) -> None:
    """A stranger may read the sentence (RFC 6749 §4.1.2.1)."""
    if sent == registered:
        with pytest.raises(ValueError, match="equal"):
            difference(sent, registered)
        return
    found = difference(sent, registered)
    assert found.common + found.sent_rest == sent
    assert found.common + found.registered_rest == registered
    assert found.sent_mark != found.registered_mark
    assert "secret" not in found.sentence
    assert "example" not in found.sentence


@pytest.mark.parametrize("filler", ["@", "[", ":", "/", "?", "a", "%2e", "&", "."])
def test_T135_long_addresses_are_compared_at_once(filler: str) -> None:
    """RFC 6749 §10.14: no pattern that backtracks, whatever was sent."""
    sent = "https://" + filler * 20_000
    started = time.perf_counter()
    assert closest(sent, [BASE, BASE + "/"]) is not None
    assert difference(sent, BASE).part
    assert time.perf_counter() - started < 0.5


def test_the_closest_address_shares_most_parts() -> None:
    registered = ["https://b.example/callback", "http://app.example/x", "https://app.example/callback/"]
    assert closest(BASE, registered) == "https://app.example/callback/"
    assert closest("http://app.example/y", registered) == "http://app.example/x"
    assert closest(BASE, []) is None
