"""Load: wrk with `load.lua`, on a core of its own."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CONNECTIONS: Final = 32
SCRIPT: Final = Path(__file__).with_name("load.lua")


class LoadFailed(RuntimeError):
    """wrk could not run; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core serves and which one drives; the same where there is only one."""

    server: int
    load: int


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw. `errors`: answers that were not 2xx, and broken connections."""

    answered: int
    errors: int
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
    threads = CONNECTIONS if mode == "chain" else 1
    command = [
        "taskset",
        "-c",
        str(where.load),
        "wrk",
        f"-t{threads}",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
    ]
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), url, "--", mode, str(file), str(threads)],
        capture_output=True,
        text=True,
    )
    try:
        seen = json.loads(done.stdout.rpartition("\n@")[2])
    except ValueError:
        raise LoadFailed(done.stdout[-800:] + done.stderr[-800:]) from None
    return Load(**seen)
