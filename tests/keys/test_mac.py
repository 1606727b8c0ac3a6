"""HMAC-SHA256 with prepared keys is HMAC-SHA256 (RFC 2104)."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from grantline.keys import PreparedMac


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=300))
def test_a_mac_is_that_of_the_standard_library(key: bytes, message: bytes) -> None:
    prepared = PreparedMac(key)
    for _ in range(2):
        assert prepared.digest(message) == hmac.digest(key, message, "sha256")
