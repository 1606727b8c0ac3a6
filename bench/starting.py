"""Starting: seconds until ready, and memory before any work."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.load import Cores
from bench.serving import Engine, serve

BAR_SECONDS: Final = 1.0
BAR_IDLE: Final = 64
BAR_LOADED: Final = 128
_SETTLES: Final = 1.0


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the start of the process until it says that it is ready, and its memory in megabytes a
    second later: PSS without pages of files. `loaded` is that after all cases were driven."""

    server: str
    ready: float
    least: float
    most: float
    idle: float
    loaded: float


def measure_start(engine: Engine, times: int, loaded: float, where: Cores) -> Start:
    """Start and stop the server so many times. The first start compiles its bytecode, as an installer does,
    and does not count."""
    seconds, idle = [], 0.0
    for number in range(times + 1):
        before = time.monotonic()
        with serve(engine, [where.server]) as serving:
            seconds.append(time.monotonic() - before)
            if number == times:
                time.sleep(_SETTLES)
                idle = serving.tree.private_megabytes()
    counted = seconds[1:]
    return Start(f"Grantline, {engine.name}", median(counted), min(counted), max(counted), idle, loaded)
