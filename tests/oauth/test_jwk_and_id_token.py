"""Public keys as JSON, and the claims of id_tokens."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from grantline.oauth.id_token import PROTOCOL_CLAIMS, id_token_claims, left_half_hash
from grantline.oauth.jwk import public_jwk, thumbprint
from tests.oauth.signing import CLIENT, ISSUER, NOW, ec_key, rsa_key


def test_disc_3_d_a_public_key_has_no_private_member() -> None:
    """OpenID Connect Discovery §3, RFC 8414 §2: kid, use and alg are there."""
    assert public_jwk(rsa_key()).keys() == {"kty", "n", "e", "kid", "use", "alg"}
    assert public_jwk(ec_key()).keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert public_jwk(rsa_key())["alg"] == "RS256"
    assert public_jwk(ec_key())["alg"] == "ES256"
    assert public_jwk(ec_key())["use"] == "sig"


def test_private_and_public_half_have_one_jwk_and_its_id_can_be_chosen() -> None:
    for key in (rsa_key(), ec_key()):
        whole = public_jwk(key)
        assert public_jwk(key.public_key()) == whole
        assert whole["kid"] == thumbprint(whole)
        assert public_jwk(key, kid="k") == {**whole, "kid": "k"}


def test_coordinates_keep_their_leading_zeros() -> None:
    key = ec.derive_private_key(201, ec.SECP256R1())
    for secret in range(1, 400):
        key = ec.derive_private_key(secret, ec.SECP256R1())
        if key.public_key().public_numbers().x < 2**248:
            break
    else:
        pytest.fail("no key of the series has a short coordinate")
    assert len(public_jwk(key)["x"]) == 43


def test_a_key_is_for_one_algorithm() -> None:
    with pytest.raises(ValueError, match="RS256"):
        public_jwk(rsa_key(), alg="ES256")
    with pytest.raises(ValueError, match="no algorithm"):
        public_jwk(ec.generate_private_key(ec.SECP384R1()))


def test_the_thumbprint_of_the_standard_comes_out() -> None:
    """RFC 7638 §3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi"
        "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb"
        "9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls"
        "1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    entry = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(entry) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    for odd in (
        {},
        {"kty": "oct", "k": "AA"},
        {"kty": "RSA", "n": n},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": "A"},
    ):
        with pytest.raises(ValueError, match="thumbprint"):
            thumbprint(odd)


def test_core_2_a_the_five_claims_are_always_there() -> None:
    """OpenID Connect Core §2."""
    made = id_token_claims(issuer=ISSUER, sub="42", aud=CLIENT, now=NOW, lifetime_seconds=300)
    assert made == {"iss": ISSUER, "sub": "42", "aud": CLIENT, "exp": NOW + 300, "iat": NOW}


def test_core_2_c_what_the_flow_brings_is_added_and_nothing_is_null() -> None:
    """OpenID Connect Core §2: nonce and auth_time unchanged."""
    made = id_token_claims(
        issuer=ISSUER,
        sub="42",
        aud=CLIENT,
        now=NOW,
        lifetime_seconds=300,
        auth_time=NOW - 9,
        nonce="n-0S6_WzA2Mj",
        access_token="gla_us_x",
        code="glg_us_y",
        sid="s",
        extra={"name": "Ева", "email_verified": False, "picture": None},
    )
    assert made["auth_time"] == NOW - 9
    assert made["nonce"] == "n-0S6_WzA2Mj"
    assert made["at_hash"] == left_half_hash("gla_us_x", "RS256")
    assert made["c_hash"] == left_half_hash("glg_us_y", "RS256")
    assert (made["sid"], made["name"], made["email_verified"]) == ("s", "Ева", False)
    assert "picture" not in made
    assert None not in made.values()


def test_core_3_1_3_6_a_the_hashes_of_the_standard_come_out() -> None:
    """OpenID Connect Core §3.1.3.6, with the examples of its appendix A."""
    assert left_half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert (
        left_half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "RS256")
        == "LDktKdoQak3Pk0cnXxCltA"
    )
    with pytest.raises(ValueError, match="signed"):
        left_half_hash("x", "none")


@pytest.mark.parametrize("sub", ["", "é", "4" * 256])
def test_core_2_a_a_subject_is_up_to_255_ascii_characters(sub: str) -> None:
    """OpenID Connect Core §2."""
    with pytest.raises(ValueError, match="subject"):
        id_token_claims(issuer=ISSUER, sub=sub, aud=CLIENT, now=NOW, lifetime_seconds=1)


@pytest.mark.parametrize("name", sorted(PROTOCOL_CLAIMS))
def test_a_claim_about_the_person_cannot_take_a_name_of_the_protocol(name: str) -> None:
    with pytest.raises(ValueError, match="protocol"):
        id_token_claims(issuer=ISSUER, sub="1", aud=CLIENT, now=NOW, lifetime_seconds=1, extra={name: "x"})
