"""The programs for Node.js, and the packages that they import."""

import fcntl
import shutil
import subprocess
from pathlib import Path

from tests.running import ROOT

SOURCES = Path(__file__).with_name("node")


def programs_folder() -> Path:
    """The folder with programs and packages, made again when the lock changes; one test worker makes it."""
    folder = ROOT / ".cache" / "node-clients"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = folder / "installed-lock.json"
        wanted = (SOURCES / "package-lock.json").read_bytes()
        for source in SOURCES.iterdir():
            shutil.copy(source, folder)
        if not installed.exists() or installed.read_bytes() != wanted:
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                cwd=folder,
                check=True,
                timeout=300,
            )
            installed.write_bytes(wanted)
    return folder
