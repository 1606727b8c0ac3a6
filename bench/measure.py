"""Measuring: warm up, run, and divide CPU time by requests answered."""

import json
import random
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.load import Cores, Load, drive
from bench.serving import Serving

_FEW: Final = 4


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request: its name in the report, how wrk walks the seeded file (`few`: `ask_few`), and the
    bars and goals in µs by the server's name."""

    name: str
    path: str
    mode: str
    file: str
    bars: tuple[tuple[str, int, int | None], ...] = ()
    """Server, bar, goal."""
    proof: str = ""
    """What a right answer contains, where an error has status 200 too."""
    most_seconds: int = 3600
    """How long a run may take, where what is used once is kept in memory."""

    def aims(self, server: str) -> tuple[int | None, int | None]:
        """Bar and goal for this server, if there are any."""
        return next(((bar, goal) for name, bar, goal in self.bars if name == server), (None, None))


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    warm_seconds: int
    run_seconds: int
    runs: int

    @property
    def batches(self) -> int:
        """Runs of wrk for each case, warm-up included: what can be used only once is seeded for each."""
        return self.runs + 1


@dataclass(frozen=True, slots=True)
class Figure:
    """What one kind of request costs on one server. Costs are CPU microseconds per request."""

    server: str
    name: str
    cost: float
    least: float
    most: float
    bar: int | None
    per_second: float
    p99_ms: float
    errors: int
    goal: int | None = None
    kinds: str = ""
    """The errors of the last run that had any, by kind."""
    database_cost: float | None = None
    """PostgreSQL's own, where it is behind the server."""
    log_bytes: float | None = None
    """Written for each request: to the write-ahead log of PostgreSQL, or to the disk by SQLite."""
    syncs: float | None = None
    """Waits of PostgreSQL for the disk, for each request."""


@dataclass(frozen=True, slots=True)
class _Reading:
    server: float
    database: float
    written: int
    syncs: int

    @classmethod
    def of(cls, serving: Serving) -> "_Reading":
        if serving.cluster is None:
            return cls(serving.tree.cpu_seconds(), 0, serving.tree.written_bytes(), 0)
        written = serving.cluster.written()
        return cls(
            serving.tree.cpu_seconds(), serving.cluster.tree.cpu_seconds(), written.bytes, written.syncs
        )


def measure(serving: Serving, case: Case, plan: Plan, data: Path, where: Cores) -> Figure:
    """Warm up, then run; the cost of each run is CPU time of the server over requests answered."""
    loads: list[Load] = []
    before, after = [], []
    if case.proof:
        prove(serving, case, data)
    for batch in range(plan.batches):
        seconds = min(plan.run_seconds if batch else plan.warm_seconds, case.most_seconds)
        file = data / f"{case.file}.{batch if case.mode in ('chain', 'once') else 0}"
        start = _Reading.of(serving)
        url = serving.url + case.path
        load = ask_few(url, file) if case.mode == "few" else drive(url, case.mode, file, seconds, where)
        if batch and not load.answered:
            raise RuntimeError(f"nothing was answered in {seconds} s")
        if batch:
            before.append(start)
            after.append(_Reading.of(serving))
            loads.append(load)
    runs = list(zip(before, after, loads, strict=True))
    costs = [(b.server - a.server) / load.answered * 1e6 for a, b, load in runs]
    behind = serving.cluster is not None
    database = median((b.database - a.database) / load.answered * 1e6 for a, b, load in runs)
    return Figure(
        serving.name,
        case.name,
        cost=median(costs),
        least=min(costs),
        most=max(costs),
        bar=case.aims(serving.name)[0],
        goal=case.aims(serving.name)[1],
        per_second=median(load.answered / load.seconds for load in loads),
        p99_ms=median(load.p99_ms for load in loads),
        errors=sum(load.errors for load in loads),
        kinds=next((load.kinds for load in reversed(loads) if load.errors), ""),
        database_cost=database if behind else None,
        log_bytes=median((b.written - a.written) / load.answered for a, b, load in runs),
        syncs=median((b.syncs - a.syncs) / load.answered for a, b, load in runs) if behind else None,
    )


def ask_few(url: str, file: Path) -> Load:
    """A few requests one after another, for answers that take most of a second: too long for runs by time."""
    bodies = random.sample(file.read_text().splitlines(), _FEW)
    begun = time.monotonic()
    for body in bodies:
        urllib.request.urlopen(url, body.encode(), timeout=120).close()
    seconds = time.monotonic() - begun
    return Load(_FEW, 0, "", seconds, seconds / _FEW * 1e3)


def prove(serving: Serving, case: Case, data: Path) -> None:
    """Ask with some of the bodies and look into the answers, since status 200 proves nothing here."""
    bodies = (data / f"{case.file}.0").read_text().splitlines()
    for body in random.sample(bodies, min(30, len(bodies))):
        with urllib.request.urlopen(serving.url + case.path, body.encode(), timeout=60) as answer:
            said = answer.read().decode()
        if case.proof not in json.dumps(json.loads(said), separators=(",", ":")):
            raise RuntimeError(f"{serving.name}, {case.name}: {said[:300]}")


def line(figure: Figure) -> str:
    """The figure in one line, to follow a run."""
    behind = f" + {figure.database_cost:.0f} PostgreSQL" if figure.database_cost is not None else ""
    bar = f", bar {figure.bar}" if figure.bar else ""
    return (
        f"{figure.server}: {figure.name}: {figure.cost:.0f} µs ({figure.least:.0f}–{figure.most:.0f})"
        f"{behind}{bar}, {figure.per_second:,.0f} per second, p99 {figure.p99_ms:.1f} ms,"
        f" {figure.errors} errors"
    )
