"""What a store is."""

from collections.abc import Sequence
from typing import Protocol

from grantline.sdk.record import Record


class Store(Protocol):
    """Keeps records by key (64 hexadecimal digits). Every method may be called by several threads at once.
    All raise StoreRefused when the store can't be used."""

    def get(self, key: str) -> Record | None:
        """The record, as it was written last."""
        ...

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """Write the record, if the one that is there has `expect_version` (0: there is none); False, and
        nothing is written, if not. What is read back has the version `expect_version + 1`. It is there whole
        or not at all, whatever happens meanwhile."""
        ...

    def delete(self, key: str) -> None:
        """Forget the record, if there is one."""
        ...

    def keys(self) -> Sequence[str]:
        """Every key."""
        ...

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """Take the lock of a key for `owner`, if nobody has it; again for the one who has it. It is free
        again when its owner's process is gone, or after `seconds`. Does not wait."""
        ...

    def unlock(self, key: str, owner: str) -> None:
        """Give the lock back, if it is still this owner's."""
        ...


class AsyncStore(Protocol):
    """The same for tasks; a store that never waits for long may be used as it is."""

    async def get(self, key: str) -> Record | None:
        """As in Store."""
        ...

    async def put(self, key: str, record: Record, expect_version: int) -> bool:
        """As in Store."""
        ...

    async def delete(self, key: str) -> None:
        """As in Store."""
        ...

    async def keys(self) -> Sequence[str]:
        """As in Store."""
        ...

    async def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """As in Store."""
        ...

    async def unlock(self, key: str, owner: str) -> None:
        """As in Store."""
        ...
