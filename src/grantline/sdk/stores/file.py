"""A store in a folder: one file per grant, sealed.

One file each, so that a write touches no grant but its own, what is damaged is one grant, and the name says
nothing of the person. All changes take turns; a file is written beside the old one, brought to disk, and put
in its place, so that it is there whole or not at all.

The lock of a key is a file too. Who has it keeps it open and locked by the system (flock), which ends with
the process; in it stand its owner and its end. After its end another one takes it away, which no longer
troubles the first.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from grantline.sdk.errors import StoreRefused
from grantline.sdk.record import Record, Secret
from grantline.sdk.stores.places import NO_LINK, data_folder, open_private, private_folder
from grantline.sdk.stores.sealing import Seal
from grantline.sdk.stores.turns import Turn, lock_now

KEY_DIGITS: Final = 64
ENDING: Final = ".grant"


class FileStore:
    """Keeps grants in a folder of one machine, for any number of its threads and processes."""

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        key: Secret | None = None,
        insecure_plain_text: bool = False,
    ) -> None:
        self.folder = Path(folder) if folder is not None else data_folder() / "grants"
        self._seal = Seal(key, insecure_plain_text=insecure_plain_text, place=self)
        self._process = os.getpid()
        self._open: dict[str, int] = {}
        """The descriptors of the locks that this store has, by path and owner."""
        with self._refusing():
            private_folder(self.folder)
        self._turn = Turn(self.folder / "turn")

    def __repr__(self) -> str:
        return f"FileStore({str(self.folder)!r})"

    def get(self, key: str) -> Record | None:
        """See Store."""
        with self._refusing():
            return self._read(key)

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        written = self._seal.close(key, replace(record, version=expect_version + 1))
        with self._changing():
            present = self._read(key)
            if (present.version if present is not None else 0) != expect_version:
                return False
            self._write(key, written)
            return True

    def delete(self, key: str) -> None:
        """See Store."""
        with self._changing():
            self._path(key, ENDING).unlink(missing_ok=True)
            self._to_disk()

    def keys(self) -> Sequence[str]:
        """See Store."""
        with self._refusing():
            return sorted(path.stem for path in self.folder.glob("*" + ENDING))

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store."""
        path = self._path(key, ".lock")
        self._seal.check()
        with self._changing():
            descriptor = open_private(path)
            try:
                whose, end = _lease(descriptor)
                if whose != owner and not lock_now(descriptor):
                    if end > time.time():
                        return False
                    path.unlink()  # its owner lives, but took too long
                    old, descriptor = descriptor, open_private(path)
                    os.close(old)
                if whose != owner:
                    lock_now(descriptor)
                    self._forget(key, whose)
                    self._open[key + owner] = os.dup(descriptor)
                _write_lease(descriptor, owner, time.time() + seconds)
            finally:
                os.close(descriptor)
            return True

    def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        path = self._path(key, ".lock")
        with self._changing():
            try:
                descriptor = os.open(path, os.O_RDONLY | NO_LINK)
            except FileNotFoundError:
                whose = ""
            else:
                whose, _ = _lease(descriptor)
                os.close(descriptor)
            if whose == owner:
                path.unlink()
            self._forget(key, owner)

    def _path(self, key: str, ending: str) -> Path:
        if len(key) != KEY_DIGITS or not set(key) <= set("0123456789abcdef"):
            raise StoreRefused("This is no key of a grant.", fix="Use the text of a Key.")
        return self.folder / (key + ending)

    def _read(self, key: str) -> Record | None:
        try:
            descriptor = os.open(self._path(key, ENDING), os.O_RDONLY | NO_LINK)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            data = file.read()
        return self._seal.open(key, data)

    def _write(self, key: str, data: bytes) -> None:
        beside = self._path(key, ".new")
        beside.unlink(missing_ok=True)  # of a process that ended while it wrote
        with open(open_private(beside, os.O_EXCL), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path(key, ENDING))
        self._to_disk()

    def _to_disk(self) -> None:
        """Bring the folder's names to disk."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _forget(self, key: str, owner: str) -> None:
        descriptor = self._open.pop(key + owner, None)
        if descriptor is not None:
            os.close(descriptor)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._refusing(), self._turn.hold():
            if self._process != os.getpid():  # after a fork: these locks are the parent's
                for descriptor in self._open.values():
                    os.close(descriptor)
                self._process, self._open = os.getpid(), {}
            yield

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise StoreRefused(f"{self.folder} can't be used: {problem.strerror}.") from None


def _lease(descriptor: int) -> tuple[str, float]:
    """Owner and end, as a lock's file says."""
    try:
        owner, end = json.loads(os.pread(descriptor, 1000, 0))
        return str(owner), float(end)
    except (ValueError, TypeError):
        return "", 0.0


def _write_lease(descriptor: int, owner: str, end: float) -> None:
    data = json.dumps([owner, end]).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, data, 0)
