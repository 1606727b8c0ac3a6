"""Where the samples keep tokens: files that are sealed with a key."""

import secrets
import sys

from examples.places import data_folder, write_private
from grantline.sdk import FileStore, Secret, StoreRefused
from grantline.sdk.stores.sealing import find_key


def open_store(name: str) -> FileStore:
    """The store of the sample `name`. Its key is in the keyring of the system (or in GRANTLINE_STORE_KEY);
    where there is none, in a file beside the grants that only its owner may read."""
    folder = data_folder(name)
    file, key = folder / "store.key", None
    if not file.exists():
        try:
            find_key()
        except StoreRefused:
            write_private(file, secrets.token_urlsafe(32))
    if file.exists():
        key = Secret(file.read_text())
        print(f"Tokens are sealed with the key in {file}: there is no keyring here.", file=sys.stderr)
    return FileStore(folder / "grants", key=key)
