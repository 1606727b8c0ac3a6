"""Folders and files that belong to one person of this machine alone."""

import os
import stat
import sys
from pathlib import Path

from grantline.sdk.errors import StoreRefused

NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def data_folder() -> Path:
    """Where this system keeps what programs store for a person."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "grantline"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "grantline"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "grantline"


def private_folder(folder: Path) -> None:
    """Make the folder for its owner alone, if it is not there. Raises StoreRefused when others may write in
    one that is there: they could put their grants in the place of ours."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)
    if sys.platform != "win32" and folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreRefused(
            f"Others may write in {folder}.", fix=f"Take that from them (chmod 700 {folder}), or use another."
        )


def open_private(path: Path, flags: int = 0) -> int:
    """A descriptor of a file that its owner alone reads and writes; made if it is not there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK | flags, 0o600)
