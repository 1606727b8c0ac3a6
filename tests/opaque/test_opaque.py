"""Opaque strings: what they say of themselves, and that nothing but exactly that is recognised."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.opaque import (
    ACCESS_TOKEN,
    KINDS,
    Recognised,
    body_of,
    decode,
    digest,
    encode,
    mint,
    random_base62,
    recognise,
    render,
)
from grantline.opaque.base62 import ALPHABET

DATA_CENTERS = st.from_regex(r"[a-z]{2,4}", fullmatch=True)
RANDOM_KINDS = sorted(KINDS)


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_a_minted_string_says_what_it_is(kind: str) -> None:
    text = mint(kind, "us")
    found = recognise(text)
    assert found == Recognised(kind, "us", text[len(kind) + 4 : -6])
    assert text.startswith(f"{kind}_us_")
    assert len(text) == len(kind) + 4 + KINDS[kind] + 6


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_T43_every_flip_of_a_bit_is_noticed(kind: str) -> None:
    """Bits of prefix, data center, body and checksum alike."""
    raw = mint(kind, "us").encode()
    for position in range(len(raw)):
        for bit in range(8):
            altered = bytearray(raw)
            altered[position] ^= 1 << bit
            assert recognise(altered.decode("latin-1")) is None, (position, bit)


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_T43_every_other_character_in_the_checksum_is_noticed(kind: str) -> None:
    text = mint(kind, "eu")
    for position in range(len(text) - 6, len(text)):
        for letter in ALPHABET:
            if letter != text[position]:
                assert recognise(text[:position] + letter + text[position + 1 :]) is None


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_T43_nothing_may_be_cut_off_or_added(kind: str) -> None:
    text = mint(kind, "us")
    for cut in range(1, len(text) + 1):
        assert recognise(text[:-cut]) is None
        assert recognise(text[cut:]) is None
    for tail in ("=", ".", " ", "\n", "\x00", "0", "A", text):
        assert recognise(text + tail) is None
        assert recognise(tail + text) is None


@given(kind=st.sampled_from(RANDOM_KINDS), data_center=DATA_CENTERS)
def test_what_is_minted_is_recognised_again(kind: str, data_center: str) -> None:
    found = recognise(mint(kind, data_center))
    assert found is not None
    assert (found.kind, found.data_center, len(found.body)) == (kind, data_center, KINDS[kind])


@given(text=st.text(max_size=250) | st.text(alphabet=ALPHABET + "_", max_size=250))
def test_any_text_is_none_of_ours_unless_it_renders_to_itself(text: str) -> None:
    found = recognise(text)
    assert found is None or render(found.kind, found.data_center, found.body) == text


@given(
    kind=st.sampled_from(RANDOM_KINDS),
    data_center=DATA_CENTERS,
    body=st.text(alphabet=ALPHABET + "_-+ é²", min_size=20, max_size=90),
)
def test_who_knows_what_to_expect_is_told_the_same(kind: str, data_center: str, body: str) -> None:
    """Checksums are right here: form and length alone decide."""
    for text in (render(kind, data_center, body[: KINDS[kind]]), mint(kind, data_center), body):
        found = recognise(text)
        expected = found.body if found is not None and found.kind == kind else None
        assert body_of(text, kind, data_center) == expected
        assert body_of(text, kind, "zzzz" if data_center != "zzzz" else "us") is None


@pytest.mark.parametrize("text", ["", "gl", "gla", "gla_us_", "glz_us_" + "0" * 49, "a" * 10**6])
def test_what_only_resembles_us_is_not_recognised(text: str) -> None:
    assert recognise(text) is None


def test_another_kind_with_a_right_checksum_has_another_length() -> None:
    """A body of one kind under the name of another is refused before its checksum matters."""
    body = random_base62(KINDS[ACCESS_TOKEN])
    assert recognise(render(ACCESS_TOKEN, "us", body)) is not None
    for kind, length in KINDS.items():
        if length != KINDS[ACCESS_TOKEN]:
            assert recognise(render(kind, "us", body)) is None


def test_secrets_do_not_repeat_and_carry_256_bits() -> None:
    made = {mint("gls", "us") for _ in range(2000)}
    assert len(made) == 2000
    assert 62 ** KINDS["gls"] > 2**255
    assert {letter for text in made for letter in text[7:-6]} == set(ALPHABET)


@given(value=st.integers(min_value=0, max_value=62**40), extra=st.integers(min_value=0, max_value=9))
def test_base62_comes_back_as_it_went(value: int, extra: int) -> None:
    text = encode(value, 41 + extra)
    assert decode(text) == value
    assert len(text) == 41 + extra
    assert set(text) <= set(ALPHABET)


@given(length=st.integers(min_value=1, max_value=60), data=st.data())
def test_each_text_of_a_length_stands_for_one_number(length: int, data: st.DataObject) -> None:
    text = data.draw(st.text(alphabet=ALPHABET, min_size=length, max_size=length))
    assert encode(decode(text), length) == text


@pytest.mark.parametrize("length", range(1, 30))
def test_the_largest_number_fits_and_the_next_does_not(length: int) -> None:
    assert encode(62**length - 1, length) == "z" * length
    with pytest.raises(OverflowError):
        encode(62**length, length)


@pytest.mark.parametrize("text", ["-", "a b", "é1", "１2", "ab=", "\n0"])
def test_other_characters_are_no_base62(text: str) -> None:
    with pytest.raises(ValueError, match="not base62"):
        decode(text)


def test_a_digest_is_sha256_and_takes_any_text() -> None:
    assert digest("abc") == hashlib.sha256(b"abc").digest()
    assert digest("a\ud800") != digest("a\ud801")
