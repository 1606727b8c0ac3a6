"""Whether a store is one that nobody else reads or writes, and whether its key opens what is in it."""

import os
import stat
import sys
from pathlib import Path
from typing import Final

from grantline.sdk.doctor import Check
from grantline.sdk.errors import StoreRefused
from grantline.sdk.stores.file import FileStore
from grantline.sdk.stores.keyrings import VARIABLE
from grantline.sdk.stores.protocol import Store
from grantline.sdk.stores.sealing import find_key

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def check_store(store: Store) -> Check:
    """The store as it is, read alone."""
    if not isinstance(store, FileStore):
        return Check("store", "ok", f"Grants are kept in {store!r}.")
    key = f"the key of {VARIABLE}" if os.environ.get(VARIABLE) else "the key of the system's keyring"
    try:
        find_key()
        present = store.keys()
        count = sum(store.get(one) is not None for one in present)
    except StoreRefused as problem:
        return Check("store", "failed", problem.what, problem.hint)
    open_paths = _open_to_others(store.folder)
    if open_paths:
        many = f" and {len(open_paths) - 1} more" if len(open_paths) > 1 else ""
        return Check(
            "store",
            "failed",
            f"Others may read or write {open_paths[0]}{many}.",
            f"Take that from them: chmod -R go= {store.folder}",
        )
    return Check(
        "store", "ok", f"{store.folder} is for its owner alone; grants in it: {count}, sealed with {key}."
    )


def _open_to_others(folder: Path) -> list[Path]:
    """What in the folder somebody else may read or write, or owns. Systems without modes tell nothing."""
    if sys.platform == "win32":
        return []
    found = []
    for path in (folder, *sorted(folder.iterdir())):
        try:
            facts = path.lstat()
        except FileNotFoundError:
            continue
        if facts.st_mode & _OTHERS or facts.st_uid != os.geteuid():
            found.append(path)
    return found
