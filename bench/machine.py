"""The machine and the versions, as the report states them."""

import os
import platform
import sqlite3
import subprocess
import sysconfig
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.load import Cores

ROOT: Final = Path(__file__).resolve().parents[1]
_PACKAGES: Final = ("uvicorn", "uvloop", "httptools", "starlette", "cryptography", "asyncpg", "argon2-cffi")


def commit() -> str:
    """The commit that is measured, and whether the source has changed since."""
    changed = _git("status", "--porcelain", "--", "src")
    return _git("rev-parse", "--short", "HEAD") + (" with changes on top" if changed else "")


def describe(where: Cores) -> list[str]:
    """Processor, system, interpreter and packages, in sentences."""
    shared = " (the same core: figures are too high)" if where.server == where.load else ""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    optimised = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    build = "with" if optimised else "without"
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}."
        f" Server on core {where.server}, load and PostgreSQL on core {where.load}{shared}."
        f" Load average at the end: {load}.",
        f"Python {platform.python_version()} built {build} profile-guided optimization, SQLite"
        f" {sqlite3.sqlite_version}, {packages}; {_wrk()}.",
    ]


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    for entry in Path("/proc/cpuinfo").read_text().splitlines():
        if entry.startswith("model name"):
            return entry.partition(":")[2].strip()
    return platform.machine()


def _wrk() -> str:
    said = subprocess.run(["wrk", "--version"], capture_output=True, text=True).stdout.split()
    return " ".join(said[:2])
