"""Code challenges are S256, and a verifier is needed exactly where a challenge was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.errors import InvalidGrant, InvalidRequest
from grantline.oauth.pkce import check_code_challenge, check_code_verifier, s256

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_7636_4_2_b_the_vector_of_the_standard_holds() -> None:
    """RFC 7636 §4.2 with the example of its appendix B."""
    assert s256(VERIFIER) == CHALLENGE
    assert check_code_challenge(CHALLENGE, "S256") == CHALLENGE
    check_code_verifier(VERIFIER, CHALLENGE)


@pytest.mark.parametrize("method", [None, "", "plain", "s256", "S512", "S256 "])
def test_7636_4_3_a_a_method_that_is_missing_or_another_is_refused(method: str | None) -> None:
    """RFC 7636 §4.3, T18: it is never taken for S256."""
    with pytest.raises(InvalidRequest) as caught:
        check_code_challenge(CHALLENGE, method)
    assert caught.value.code == "code_challenge_method_not_s256"


@pytest.mark.parametrize(
    "challenge",
    ["x" * 42, "x" * 44, CHALLENGE + "=", CHALLENGE[:-1] + "=", CHALLENGE[:-1] + "+", CHALLENGE + "\n", "x"],
)
def test_7636_4_4_1_a_a_challenge_of_another_form_is_refused(challenge: str) -> None:
    """RFC 7636 §4.4.1, T18: 43 characters of base64url."""
    with pytest.raises(InvalidRequest) as caught:
        check_code_challenge(challenge, "S256")
    assert caught.value.code == "code_challenge_malformed"


@pytest.mark.parametrize("challenge", [None, ""])
def test_9700_2_1_1_a_a_missing_challenge_is_refused_where_it_is_required(challenge: str | None) -> None:
    """RFC 9700 §2.1.1."""
    with pytest.raises(InvalidRequest) as caught:
        check_code_challenge(challenge, "S256")
    assert caught.value.code == "pkce_required"


@pytest.mark.parametrize("verifier", [None, ""])
def test_7636_4_5_a_a_challenge_makes_the_verifier_necessary(verifier: str | None) -> None:
    """RFC 7636 §4.5, T33."""
    with pytest.raises(InvalidGrant) as caught:
        check_code_verifier(verifier, CHALLENGE)
    assert caught.value.code == "code_verifier_missing"


@pytest.mark.parametrize("verifier", ["", "x", VERIFIER])
def test_9700_2_1_1_d_a_verifier_without_a_challenge_is_refused(verifier: str) -> None:
    """RFC 9700 §2.1.1, T33: somebody may have taken the challenge out."""
    with pytest.raises(InvalidGrant) as caught:
        check_code_verifier(verifier, None)
    assert caught.value.code == "code_verifier_unexpected"


@pytest.mark.parametrize(
    "verifier", ["a" * 42, "a" * 129, "a" * 43 + "=", "é" * 43, "a" * 43 + "\n", "None", "+" * 43]
)
def test_7636_4_1_a_a_verifier_has_43_to_128_unreserved_characters(verifier: str) -> None:
    """RFC 7636 §4.1, T33."""
    with pytest.raises(InvalidGrant) as caught:
        check_code_verifier(verifier, CHALLENGE)
    assert caught.value.code == "code_verifier_malformed"


@pytest.mark.parametrize("verifier", [CHALLENGE, VERIFIER[:-1] + "l", VERIFIER + "k", VERIFIER.swapcase()])
def test_7636_4_6_a_a_wrong_verifier_is_an_invalid_grant(verifier: str) -> None:
    """RFC 7636 §4.6, T33."""
    with pytest.raises(InvalidGrant) as caught:
        check_code_verifier(verifier, CHALLENGE)
    assert caught.value.code == "code_verifier_wrong"


def test_neither_challenge_nor_verifier_is_fine() -> None:
    check_code_verifier(None, None)


@given(st.text(st.sampled_from("abzAZ09-._~"), min_size=43, max_size=128))
def test_every_verifier_fits_its_own_challenge(verifier: str) -> None:
    check_code_verifier(verifier, check_code_challenge(s256(verifier), "S256"))
