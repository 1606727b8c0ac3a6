"""The envelope: sealed values open in their own place alone, and the master key's file is kept like one."""

import os
import secrets
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.keys import Envelope, EnvelopeBroken, load_master_key

KEY = secrets.token_bytes(32)
PLACE = "keys|one|sealed"


@given(value=st.binary(max_size=300), place=st.text(max_size=40))
def test_a_sealed_value_opens_in_its_place(value: bytes, place: str) -> None:
    envelope = Envelope(KEY, "us")
    assert envelope.open(envelope.seal(value, place), place) == value


@pytest.mark.parametrize("place", ["keys|two|sealed", "keys|one|other", "other|one|sealed", "", PLACE + " "])
def test_T121_a_sealed_value_that_is_copied_elsewhere_does_not_open(place: str) -> None:
    envelope = Envelope(KEY, "us")
    sealed = envelope.seal(b"secret", PLACE)
    assert envelope.open(sealed, PLACE) == b"secret"
    with pytest.raises(EnvelopeBroken):
        envelope.open(sealed, place)


def test_every_bit_of_a_sealed_value_counts() -> None:
    envelope = Envelope(KEY, "us")
    sealed = envelope.seal(b"secret", PLACE)
    for position in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[position // 8] ^= 1 << position % 8
        with pytest.raises(EnvelopeBroken):
            envelope.open(bytes(altered), PLACE)
    for cut in range(len(sealed)):
        with pytest.raises(EnvelopeBroken):
            envelope.open(sealed[:cut], PLACE)


def test_T112_another_master_key_or_data_center_opens_nothing() -> None:
    sealed = Envelope(KEY, "us").seal(b"secret", PLACE)
    for other in (Envelope(KEY, "eu"), Envelope(secrets.token_bytes(32), "us")):
        with pytest.raises(EnvelopeBroken):
            other.open(sealed, PLACE)


def test_sealing_twice_gives_two_texts() -> None:
    envelope = Envelope(KEY, "us")
    assert envelope.seal(b"secret", PLACE) != envelope.seal(b"secret", PLACE)


def test_T112_derived_keys_differ_by_purpose_and_data_center() -> None:
    """HKDF labels: no two purposes and no two data centers share a key."""
    purposes = ("refresh-token", "form-token", "user-code", "known-browser", "envelope")
    made = {Envelope(KEY, center).derive(purpose) for center in ("us", "eu") for purpose in purposes}
    assert len(made) == 10
    assert all(len(key) == 32 for key in made)
    assert KEY not in made


def test_T122_a_new_master_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key = load_master_key(tmp_path / "deep" / "master.key", create=True)
    finally:
        os.umask(before)
    file = tmp_path / "deep" / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in file.parent.iterdir()] == ["master.key"]
    assert load_master_key(file, create=True) == load_master_key(file, create=False) == key


def test_T122_a_link_in_the_place_of_the_master_key_is_refused(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere", tmp_path / "master.key"
    link.symlink_to(target)
    with pytest.raises(ValueError, match="link"):
        load_master_key(link, create=True)
    assert not target.exists()
    target.write_text("00" * 32)
    with pytest.raises(ValueError, match="link"):
        load_master_key(link, create=True)


@pytest.mark.parametrize(
    "text", ["", "abc", "00" * 31, "00" * 33, "zz" * 32, "１" * 64, "00" * 32 + "\nmore"]
)
def test_what_is_no_master_key_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "master.key"
    file.write_text(text)
    with pytest.raises(ValueError, match="64 hexadecimal digits") as refused:
        load_master_key(file, create=False)
    assert len(text) < 4 or text not in str(refused.value)


def test_a_missing_master_key_is_not_made_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_master_key(tmp_path / "master.key", create=False)


def test_several_that_make_the_master_key_at_once_get_the_same(tmp_path: Path) -> None:
    found: list[bytes] = []
    gate = threading.Barrier(8)

    def make() -> None:
        gate.wait()
        found.append(load_master_key(tmp_path / "master.key", create=True))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
