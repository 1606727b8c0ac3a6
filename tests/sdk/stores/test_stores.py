"""Every store keeps to the same rules; those that seal keep tokens from other eyes (T123)."""

import os
import secrets
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from grantline.sdk import FileStore, MemoryStore, PlainTextWarning, Secret, SqliteStore, Store, StoreRefused
from grantline.sdk.stores.conformance import CHECKS, KEY, REFRESH_TOKEN, Candidate, Check, a_record
from grantline.sdk.stores.living import is_gone, this_process

Make = Callable[[Path], Candidate]
Sealing = Callable[..., Store]


def contents(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


def memory(folder: Path) -> Candidate:
    return Candidate(MemoryStore, processes=False)


def files(folder: Path) -> Candidate:
    return Candidate(partial(FileStore, folder / "grants"), raw=partial(contents, folder))


def sqlite(folder: Path) -> Candidate:
    return Candidate(partial(SqliteStore, folder / "grants.sqlite3"), raw=partial(contents, folder))


def plain_files(folder: Path) -> Candidate:
    return Candidate(partial(FileStore, folder / "grants", insecure_plain_text=True))


@pytest.fixture(autouse=True)
def store_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTLINE_STORE_KEY", secrets.token_urlsafe(32))


@pytest.fixture(params=[FileStore, SqliteStore])
def sealing(request: pytest.FixtureRequest, tmp_path: Path) -> Sealing:
    return partial(request.param, tmp_path / "own" / "grants")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", [memory, files, sqlite])
def test_a_store_keeps_to_the_rules(make: Make, check: Check, tmp_path: Path) -> None:
    check(make(tmp_path))


@pytest.mark.parametrize("check", CHECKS[:6], ids=lambda check: check.__name__)
@pytest.mark.filterwarnings("ignore::grantline.sdk.PlainTextWarning")
def test_a_store_in_plain_text_keeps_to_the_rules(check: Check, tmp_path: Path) -> None:
    check(plain_files(tmp_path))


def test_T123_plain_text_is_kept_only_by_name_and_with_a_warning(sealing: Sealing, tmp_path: Path) -> None:
    with pytest.warns(PlainTextWarning, match="plain text"):
        store = sealing(insecure_plain_text=True)
    assert store.put(KEY.text, a_record(), 0)
    assert any(REFRESH_TOKEN.encode() in data for data in contents(tmp_path))
    with pytest.raises(StoreRefused, match="not sealed"):
        sealing().get(KEY.text)


def test_T123_files_are_their_owners_alone(sealing: Sealing, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = sealing()
        assert store.put(KEY.text, a_record(), 0)
        assert store.try_lock(KEY.text, "a", 60)
    finally:
        os.umask(before)
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert paths
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700


def test_T123_a_folder_in_which_others_write_is_refused(sealing: Sealing, tmp_path: Path) -> None:
    for folder in (tmp_path / "own", tmp_path / "own" / "grants"):
        if sealing.func is SqliteStore and folder.name == "grants":  # type: ignore[attr-defined]
            continue
        folder.mkdir(mode=0o700)
        folder.chmod(0o770)
    with pytest.raises(StoreRefused, match="Others may write"):
        sealing().get(KEY.text)


def test_T123_a_record_under_another_key_does_not_open(tmp_path: Path) -> None:
    store, other = FileStore(tmp_path), replace(KEY, subject="1002").text
    assert store.put(KEY.text, a_record(), 0)
    (tmp_path / f"{KEY.text}.grant").rename(tmp_path / f"{other}.grant")
    with pytest.raises(StoreRefused, match="another key, or was changed"):
        store.get(other)


def test_a_changed_or_cut_file_is_refused_in_two_lines(tmp_path: Path) -> None:
    store, path = FileStore(tmp_path), tmp_path / f"{KEY.text}.grant"
    assert store.put(KEY.text, a_record(), 0)
    whole = path.read_bytes()
    for damaged in (b"", whole[:10], whole[:25], whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(StoreRefused) as refused:
            store.get(KEY.text)
        assert str(refused.value).count("\n") == 1
    store.delete(KEY.text)
    assert store.put(KEY.text, a_record(), 0)


def test_another_key_opens_nothing_and_overwrites_nothing(sealing: Sealing) -> None:
    assert sealing().put(KEY.text, a_record(), 0)
    stranger = sealing(key=Secret(secrets.token_hex(32)))
    with pytest.raises(StoreRefused, match="another key"):
        stranger.get(KEY.text)
    assert sealing().get(KEY.text) == replace(a_record(), version=1)


@pytest.mark.parametrize("text", ["short", "g" * 64, "!" * 43, "A" * 44, "ü" * 43])
def test_what_is_no_key_is_said_without_being_quoted(sealing: Sealing, text: str) -> None:
    with pytest.raises(StoreRefused, match="32 bytes") as refused:
        sealing(key=Secret(text)).put(KEY.text, a_record(), 0)
    assert text not in str(refused.value)


def test_without_a_key_nothing_is_written_and_it_is_said_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRANTLINE_STORE_KEY")
    monkeypatch.setitem(sys.modules, "keyring", None)  # not installed
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with pytest.raises(StoreRefused) as refused:
        FileStore().put(KEY.text, a_record(), 0)
    assert "GRANTLINE_STORE_KEY" in str(refused.value)
    assert "secrets.token_urlsafe(32)" in str(refused.value)
    assert (tmp_path / "data" / "grantline" / "grants").is_dir()
    assert not list(tmp_path.rglob("*.grant"))


def test_a_name_that_is_no_key_leads_out_of_no_folder(tmp_path: Path) -> None:
    for name in ("../x", "", "A" * 64, "g" * 64, "a" * 63 + "/"):
        with pytest.raises(StoreRefused, match="no key"):
            FileStore(tmp_path).get(name)


def test_a_link_in_the_place_of_a_grant_is_not_followed(tmp_path: Path) -> None:
    store, path = FileStore(tmp_path / "grants"), tmp_path / "grants" / f"{KEY.text}.grant"
    assert store.put(KEY.text, a_record(), 0)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreRefused, match="can't be used"):
        store.get(KEY.text)


def test_a_write_that_was_cut_off_leaves_the_record_before_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    assert store.put(KEY.text, a_record(), 0)
    (tmp_path / f"{KEY.text}.new").write_bytes(b"half")
    assert store.get(KEY.text) == replace(a_record(), version=1)
    assert list(store.keys()) == [KEY.text]
    assert store.put(KEY.text, a_record(), 1)


def test_locks_leave_no_files_and_no_descriptors(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for number in range(50):
        assert store.try_lock(KEY.text, f"{number}", 60)
        assert not store.try_lock(KEY.text, "other", 60)
        store.unlock(KEY.text, f"{number}")
    assert [path.name for path in tmp_path.iterdir()] == ["turn"]
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "grants").write_text("no database " * 100)
    with pytest.raises(StoreRefused, match="can't be used"):
        SqliteStore(tmp_path / "grants").get(KEY.text)


def test_a_process_is_known_to_be_gone_only_when_it_is() -> None:
    assert not is_gone(this_process())
    assert not is_gone("")
    assert not is_gone("another-machine 1 1")
    here, number, start = this_process().split(" ")
    assert is_gone(f"{here} {number} {start}0"), "another one has its number by now"
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert is_gone(f"{here} {child.pid} 1")
