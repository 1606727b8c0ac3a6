"""The error catalogue is complete, and each entry is raised by the class of its registered code."""

import re

import pytest

from grantline.oauth import errors
from grantline.oauth.errors import CATALOGUE, NotRedirectable, OAuthError

CLASSES = sorted(
    (cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, OAuthError)),
    key=lambda cls: cls.__name__,
)
UNREDIRECTABLE = {"invalid_request", "invalid_client"}


def raisers(code: str) -> list[type[OAuthError]]:
    found = []
    for cls in CLASSES:
        try:
            cls(code)
        except AssertionError:
            continue
        found.append(cls)
    return found


def test_a_code_is_raised_by_the_one_class_of_its_error() -> None:
    for code in CATALOGUE:
        able = raisers(code)
        proper = [cls for cls in able if cls is not NotRedirectable]
        assert len(proper) == 1
        assert proper[0].error == CATALOGUE[code].error == proper[0](code).error
        assert (NotRedirectable in able) == (CATALOGUE[code].error in UNREDIRECTABLE)


def test_an_unknown_code_is_a_bug() -> None:
    assert not raisers("no_such_code")


def test_the_key_of_an_entry_is_its_code_and_nothing_is_said_twice() -> None:
    assert all(code == entry.code for code, entry in CATALOGUE.items())
    assert len({entry.description for entry in CATALOGUE.values()}) == len(CATALOGUE)
    assert len({entry.title for entry in CATALOGUE.values()}) == len(CATALOGUE)


def test_the_parts_of_the_catalogue_do_not_overwrite_one_another() -> None:
    from grantline.oauth.explanations import authorization, clients, console_api, grants, requests

    total = sum(len(part.EXPLANATIONS) for part in (authorization, clients, console_api, grants, requests))
    assert total == len(CATALOGUE)


def test_6749_4_1_2_1_b_descriptions_and_codes_stay_in_their_characters() -> None:
    """RFC 6749 §4.1.2.1 and RFC 6749 §5.2: visible ASCII without quote and backslash."""
    for code in CATALOGUE:
        entry = CATALOGUE[code]
        assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,160}", entry.description)
        assert re.fullmatch(r"[a-z0-9_]+", entry.error)
        assert re.fullmatch(r"[a-z0-9_]+", code)


def test_the_sentences_keep_to_the_rules_of_copy() -> None:
    for code in CATALOGUE:
        entry = CATALOGUE[code]
        text = " ".join((entry.title, entry.description, entry.cause, entry.fix))
        assert not re.search(r"!|\b(please|simply|oops|zoho)\b", text, re.IGNORECASE)
        assert "  " not in text
        assert not entry.title.endswith(".")
        assert all(sentence.endswith(".") for sentence in (entry.description, entry.cause, entry.fix))


def test_T40_codes_that_tell_whose_a_secret_is_are_not_shown() -> None:
    """An unproven holder learns only that the value does not work (RFC 6749 §5.2)."""
    hidden = {
        "code_other_client": "code_unknown",
        "refresh_token_other_client": "refresh_token_unknown",
        "device_code_other_client": "device_code_unknown",
        "account_disabled": "authorization_revoked",
    }
    assert {code: entry.public for code, entry in CATALOGUE.items() if entry.public} == hidden
    for code, public in hidden.items():
        shown, truth = errors.InvalidGrant(code), errors.InvalidGrant(public)
        assert shown.code == code
        assert (shown.public_code, shown.description) == (truth.public_code, truth.description)
        assert CATALOGUE[public].error == CATALOGUE[code].error
        assert CATALOGUE[public].public is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidRequest("token_missing"), 400),
        (errors.InvalidClient("client_unknown"), 401),
        (errors.InvalidToken("token_invalid"), 401),
        (errors.InsufficientScope("scope_insufficient"), 403),
        (errors.OriginRefused("origin_not_registered"), 403),
        (errors.Throttled("throttled", retry_after=7), 429),
        (errors.ServerError("unexpected"), 500),
        (errors.TemporarilyUnavailable("overloaded"), 503),
        (errors.NotRedirectable("client_unknown"), 400),
    ],
)
def test_6750_3_1_a_each_error_has_its_status(error: OAuthError, status: int) -> None:
    """RFC 6750 §3.1 and RFC 6749 §5.2."""
    assert error.status == status


def test_an_error_keeps_what_the_owner_may_see() -> None:
    error = errors.InvalidGrant("code_expired", hint="42 s", expected="a", received="b", members={"m": 1})
    assert (error.hint, error.expected, error.received, error.members["m"]) == ("42 s", "a", "b", 1)
    assert error.concerning("glc_us_x", proven=True) is error
    assert (error.client_id, error.proven) == ("glc_us_x", True)
    assert "42 s" not in str(error)
