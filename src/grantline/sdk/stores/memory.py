"""A store in memory: for tests, and for programs that make their grant anew each time."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from grantline.sdk.record import Record


class MemoryStore:
    """Forgets everything at the end of the process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._records: dict[str, Record] = {}
        self._locks: dict[str, tuple[str, float]] = {}

    def get(self, key: str) -> Record | None:
        """See Store."""
        return self._records.get(key)

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        with self._turn:
            present = self._records.get(key)
            if (present.version if present is not None else 0) != expect_version:
                return False
            self._records[key] = replace(record, version=expect_version + 1)
            return True

    def delete(self, key: str) -> None:
        """See Store."""
        with self._turn:
            self._records.pop(key, None)

    def keys(self) -> Sequence[str]:
        """See Store."""
        return list(self._records)

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store."""
        now = time.monotonic()
        with self._turn:
            held = self._locks.get(key)
            if held is not None and held[0] != owner and held[1] > now:
                return False
            self._locks[key] = owner, now + seconds
            return True

    def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        with self._turn:
            if self._locks.get(key, ("", 0.0))[0] == owner:
                del self._locks[key]
