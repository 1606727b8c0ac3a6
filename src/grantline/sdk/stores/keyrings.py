"""The store's key in the keyring of the system, made there when there is none."""

import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from grantline.sdk.errors import StoreRefused
from grantline.sdk.record import Secret
from grantline.sdk.stores.places import data_folder, private_folder
from grantline.sdk.stores.turns import Turn

VARIABLE: Final = "GRANTLINE_STORE_KEY"
MAKE_KEY: Final = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
SERVICE: Final = "grantline"
NAME: Final = "store"
KEY_BYTES: Final = 32
PATIENCE_SECONDS = 120.0
"""As long as a person needs who is asked for the password of a locked keyring; nobody may be there."""
_MISSING: Final = f"Set {VARIABLE} (make it with: {MAKE_KEY}), or install grantline[keyring]."


def key_of_keyring() -> Secret:
    """The key. Raises StoreRefused when there is no keyring, or it does not answer in time."""
    try:
        import keyring
    except ImportError:
        raise StoreRefused("The store has no key to seal grants with.", fix=_MISSING) from None
    found: list[Secret | Exception] = []

    def look() -> None:
        try:
            found.append(Secret(_present_or_made(keyring)))
        except Exception as problem:  # backends raise what they like
            found.append(problem)

    looking = threading.Thread(target=look, name="grantline-keyring", daemon=True)
    looking.start()
    looking.join(PATIENCE_SECONDS)
    if not found:
        raise StoreRefused(
            "The keyring of the system does not answer; it may be locked.",
            fix=f"Unlock it and try again, or set {VARIABLE} (make it with: {MAKE_KEY}).",
        )
    if isinstance(found[0], StoreRefused):
        raise found[0]
    if isinstance(found[0], Exception):
        raise StoreRefused(
            f"The keyring of the system can't be used ({type(found[0]).__name__}).", fix=_MISSING
        )
    return found[0]


def _present_or_made(keyring: Any) -> str:
    if "Plaintext" in type(keyring.get_keyring()).__name__:  # whoever reads the grants' folder reads that too
        raise StoreRefused("The keyring of the system keeps what it has in a plain file.", fix=_MISSING)
    present: str | None = keyring.get_password(SERVICE, NAME)
    if present:
        return present
    with _alone():
        present = keyring.get_password(SERVICE, NAME)
        if present:
            return present
        made = secrets.token_urlsafe(KEY_BYTES)
        keyring.set_password(SERVICE, NAME, made)
        if keyring.get_password(SERVICE, NAME) != made:  # what is sealed with it could never be opened
            raise StoreRefused("The keyring of the system keeps nothing.", fix=_MISSING)
        return made


@contextmanager
def _alone() -> Iterator[None]:
    """Two programs that start at once make one key."""
    if sys.platform == "win32":  # where there are no turns
        yield
        return
    folder = data_folder()
    private_folder(folder)
    with Turn(folder / "key.turn").hold():
        yield
