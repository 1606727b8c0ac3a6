"""The report: `results.md`, whose first part the bench writes and whose second people do."""

import os
import platform
import sqlite3
import subprocess
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench.load import CONNECTIONS, Cores

ROOT: Final = Path(__file__).resolve().parents[1]
BY_HAND: Final = "<!-- From here on written by people; the bench leaves it alone. -->"
_PACKAGES: Final = ("uvicorn", "uvloop", "httptools", "starlette", "cryptography", "structlog")


@dataclass(frozen=True, slots=True)
class Figure:
    """The cost of one kind of request, in CPU microseconds of the server."""

    name: str
    cost: float
    least: float
    most: float
    bar: int | None
    per_second: float
    p99_ms: float
    errors: int


def line(figure: Figure) -> str:
    """One row of the table."""
    bar = str(figure.bar) if figure.bar else "–"
    return (
        f"| {figure.name} | {figure.cost:.0f} | {figure.least:.0f}–{figure.most:.0f} | {bar} |"
        f" {figure.per_second:,.0f} | {figure.p99_ms:.1f} | {figure.errors} |"
    )


def write(path: Path, figures: list[Figure], *, plan: Any, size: Any, where: Cores, memory: float) -> None:
    """Replace the first part of the file; what people wrote below stays."""
    by_hand = path.read_text().partition(BY_HAND)[2] if path.exists() else "\n"
    parts = [_head(plan), _table(figures), _settings(size, where, memory), BY_HAND]
    path.write_text("\n\n".join(parts) + by_hand)


def _head(plan: Any) -> str:
    runs = f"{plan.runs} of {plan.run_seconds} s after {plan.warm_seconds} s of warm-up"
    return f"""# What a request costs

Written by `make bench`. CPU µs per request: user and system time of the server's processes over requests
answered, at {CONNECTIONS} connections that stay open, on one core. Runs: {runs}; the median, and least–most.
Above the bar a profile must say why. The echo is the same listener with an application that answers at once:
read the others by it, since a shared machine makes all of them dearer. Requests per second and p99 are taken
at saturation. Errors must be 0."""


def _table(figures: list[Figure]) -> str:
    head = "| request | CPU µs | least–most | bar | per second | p99 ms | errors |"
    return "\n".join((head, "| --- | --: | --: | --: | --: | --: | --: |", *map(line, figures)))


def _settings(size: Any, where: Cores, memory: float) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    shared = " (the same core: figures are too high)" if where.server == where.load else ""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    optimised = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    build = "with" if optimised else "without"
    clients = size.confidential_clients + size.public_clients
    authorizations = size.authorizations + size.batches * size.rotating
    return f"""## Where and how

- Commit {_commit()}.
- {_processor()}, {os.cpu_count()} cores, Linux {platform.release().split("-")[0]}.
  Server on core {where.server}, load on core {where.load}{shared}. Load average at the end: {load}.
- Python {platform.python_version()} built {build} profile-guided optimization, SQLite
  {sqlite3.sqlite_version}, {packages}; {_wrk()}.
- `grantline serve` as shipped, `GRANTLINE_LIMITS=off`; SQLite file, write-ahead log, `synchronous=FULL`.
- {clients:,} clients, {size.accounts:,} accounts, {authorizations:,} authorizations with a refresh token,
  touched at random. Credentials in the body, one scope, opaque tokens, codes with PKCE and without `openid`.
- Private memory of the server after all that: {memory:.0f} MB."""


def _commit() -> str:
    def git(*args: str) -> str:
        return subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (
        " with changes on top" if git("status", "--porcelain", "--", "src") else ""
    )


def _processor() -> str:
    for entry in Path("/proc/cpuinfo").read_text().splitlines():
        if entry.startswith("model name"):
            return entry.partition(":")[2].strip()
    return platform.machine()


def _wrk() -> str:
    said = subprocess.run(["wrk", "--version"], capture_output=True, text=True).stdout.split()
    return " ".join(said[:2])
