"""Where the store's key comes from: a real keyring, locked ones and none at all; and how it is changed."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyrings.alt.file import PlaintextKeyring

from grantline.sdk import AsyncSqlAlchemyStore, FileStore, Secret, SqliteStore, StoreRefused
from grantline.sdk.stores import keyrings, reseal
from grantline.sdk.stores.conformance import KEY, a_record

Use = Callable[[KeyringBackend], None]


class Locked(KeyringBackend):
    """Asks for a password in a window that nobody sees."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(3600)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("nothing is written over what can't be read")

    def delete_password(self, service: str, username: str) -> None:
        raise AssertionError("nothing is deleted")


class Broken(Locked):
    """Fails in a way of its own."""

    def get_password(self, service: str, username: str) -> str | None:
        raise ZeroDivisionError("and what a person typed")


class Slow(PlaintextKeyring):
    """So slow that programs which start at once all find nothing."""

    def get_password(self, service: str, username: str) -> str | None:
        found: str | None = super().get_password(service, username)
        time.sleep(0.03)
        return found


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Chooses the keyring of this process; there is no other key, and a home of its own."""
    monkeypatch.delenv("GRANTLINE_STORE_KEY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_real_keyring_keeps_the_one_key_that_is_made_first(use: Use, tmp_path: Path) -> None:
    backend = Slow()
    backend.file_path = str(tmp_path / "keyring.cfg")
    use(backend)
    keys = [replace(KEY, name=str(number)) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:  # each with a store of its own, as four programs that start at once
        assert all(pool.map(lambda key: FileStore().put(key.text, a_record(key), 0), keys))
    for key in keys:
        assert FileStore().get(key.text) == replace(a_record(key), version=1)
    kept = keyring.get_password("grantline", "store")
    assert kept is not None
    assert len(kept) == 43


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (fail.Keyring, "can't be used (NoKeyringError)"),
        (null.Keyring, "keeps nothing"),
        (PlaintextKeyring, "in a plain file"),
        (Broken, "can't be used (ZeroDivisionError)"),
        (Locked, "may be locked"),
    ],
)
def test_a_keyring_that_is_of_no_use_is_refused_with_what_to_do(
    use: Use, tmp_path: Path, backend: type[KeyringBackend], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(backend())
    if backend is Locked:
        monkeypatch.setattr(keyrings, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(StoreRefused) as refused:
        FileStore().put(KEY.text, a_record(), 0)
    what, fix = str(refused.value).split("\n")
    assert said in what
    assert "GRANTLINE_STORE_KEY (make it with: " in fix
    assert "typed" not in repr(refused.value.__context__)
    assert not list(tmp_path.rglob("*.grant"))


async def test_tasks_go_on_while_a_keyring_waits_for_a_person(
    use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Locked())
    monkeypatch.setattr(keyrings, "PATIENCE_SECONDS", 0.3)
    store = AsyncSqlAlchemyStore(f"sqlite+aiosqlite:///{tmp_path}/one.db")
    writing = asyncio.create_task(store.put(KEY.text, a_record(), 0))
    ticks = 0
    while not writing.done():
        await asyncio.sleep(0.01)
        ticks += 1
    with pytest.raises(StoreRefused, match="may be locked"):
        await writing
    assert ticks > 2
    await store.aclose()


@pytest.mark.parametrize("kind", [FileStore, SqliteStore])
def test_a_key_is_changed_without_an_end_of_service(
    kind: type[FileStore | SqliteStore], tmp_path: Path
) -> None:
    old, new = secrets.token_urlsafe(32), secrets.token_hex(32)
    at = partial(kind, tmp_path / "own" / "grants")
    other = replace(KEY, name="second")
    before = at(key=Secret(old))
    assert before.put(KEY.text, a_record(), 0)
    assert before.put(other.text, a_record(other), 0)
    both = at(key=Secret(f"{new}, {old}"))
    assert both.get(KEY.text) == replace(a_record(), version=1)
    assert both.put(KEY.text, a_record(), 1), "what is written is sealed with the first"
    with pytest.raises(StoreRefused, match="another key"):
        before.get(KEY.text)
    assert reseal(both) == 2
    after = at(key=Secret(new))
    assert after.get(KEY.text) == replace(a_record(), version=3)
    assert after.get(other.text) == replace(a_record(other), version=2)


def test_of_several_keys_each_must_be_one(tmp_path: Path) -> None:
    good = secrets.token_urlsafe(32)
    for text in (f"{good},", f",{good}", f"{good},short", ","):
        with pytest.raises(StoreRefused, match="32 bytes") as refused:
            FileStore(tmp_path, key=Secret(text)).put(KEY.text, a_record(), 0)
        assert good not in str(refused.value)
