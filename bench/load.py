"""Load: wrk with `load.lua`, on a core of its own."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.processes import pinned

CONNECTIONS: Final = 32
SCRIPT: Final = Path(__file__).with_name("load.lua")


class LoadFailed(RuntimeError):
    """wrk could not run; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core serves and which one drives; the same where there is only one. A database works beside the
    load."""

    server: int
    load: int

    @property
    def both(self) -> list[int]:
        """Both of them."""
        return sorted({self.server, self.load})


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw. `errors`: answers that were not 2xx or 3xx, and broken connections."""

    answered: int
    errors: int
    kinds: str
    """The errors by kind."""
    seconds: float
    p99_ms: float


def cores() -> Cores:
    """The first and the last core that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[-1])


def drive(url: str, mode: str, file: Path, seconds: int, where: Cores) -> Load:
    """Load the address for so long, over CONNECTIONS connections that stay open. Raises LoadFailed.

    `mode` is `get` (no body), `any` (lines of the file at random), `once` (each line one time) or `chain`
    (each answer's refresh token is the next request's; wrk has no state per connection, so each connection
    gets a thread).
    """
    return drive_all([url], mode, file, seconds, where)[0]


def drive_all(urls: list[str], mode: str, file: Path, seconds: int, where: Cores) -> list[Load]:
    """Load several addresses at once, each with its share of the connections. Raises LoadFailed."""
    # All nodes are one issuer and answer to its name alone: that of the first.
    host = f"Host: {urlsplit(urls[0]).netloc}"
    each = CONNECTIONS // len(urls)
    threads = each if mode == "chain" else 1
    wrk = ["wrk", f"-t{threads}", f"-c{each}", f"-d{seconds}s", "--timeout", "60s", "-H", host]
    running = [
        subprocess.Popen(
            pinned([where.load], [*wrk, "-s", str(SCRIPT), url, "--", mode, str(file), str(threads)]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for url in urls
    ]
    return [_seen(*process.communicate()) for process in running]


def _seen(output: str, complaint: str) -> Load:
    try:
        return Load(**json.loads(output.rpartition("\n@")[2]))
    except ValueError:
        raise LoadFailed(output[-800:] + complaint[-800:]) from None
