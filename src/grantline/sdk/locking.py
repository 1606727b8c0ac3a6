"""The store's lock of a key, waited for."""

from typing import Final

from grantline.sdk.effects import Flow, Sleep, TryLock
from grantline.sdk.errors import StoreRefused
from grantline.sdk.renewing import LOCK_SECONDS, LONGEST_WAIT_SECONDS, LOOK_SECONDS

BUSY: Final = "Another program works on this grant and does not come to an end."


def take_lock(key: str, owner: str) -> Flow[None]:
    """Have the lock. Who takes it gives it back (Unlock), whatever happens. Raises StoreRefused."""
    waited = 0.0
    while not (yield TryLock(key, owner, LOCK_SECONDS)):
        if waited > LONGEST_WAIT_SECONDS:
            raise StoreRefused(BUSY)
        yield Sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
