"""One at a time, among threads and processes: a lock on a file, which the system ends with its holder."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from grantline.sdk.errors import StoreRefused
from grantline.sdk.stores.places import open_private

SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.002


def lock_now(descriptor: int) -> bool:
    """Lock the open file, if nobody has; does not wait. Raises StoreRefused where the system can't."""
    if sys.platform == "win32":
        raise StoreRefused(
            "Files can't be shared between programs on this system.", fix="Use SqliteStore instead."
        )
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Turn:
    """Who holds it is alone; the others wait, and give up after some time. It is meant for an instant."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process = os.getpid()
        self._threads = threading.Lock()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be alone. Raises StoreRefused, OSError."""
        if self._process != os.getpid():  # after a fork: a thread that held it may not be here
            self._process, self._threads = os.getpid(), threading.Lock()
        threads = self._threads
        end = time.monotonic() + SECONDS
        if not threads.acquire(timeout=SECONDS):
            raise self._busy()
        try:
            descriptor = open_private(self._path)
            try:
                while not lock_now(descriptor):
                    if time.monotonic() > end:
                        raise self._busy()
                    time.sleep(LOOK_SECONDS)
                yield
            finally:
                os.close(descriptor)
        finally:
            threads.release()

    def _busy(self) -> StoreRefused:
        return StoreRefused(
            f"Another program holds {self._path}.", fix="End the program that hangs, then try again."
        )
