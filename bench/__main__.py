"""`python -m bench`: seed, serve, load, report."""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import report
from bench.load import Cores, Load, cores, drive
from bench.seed import Size, seed
from bench.serving import Serving, serve, serve_echo

RESULTS = Path(__file__).with_name("results.md")


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request: its name in the report, how wrk walks the seeded file, the bar on SQLite in µs."""

    name: str
    path: str
    mode: str
    file: str
    bar: int | None


ECHO = Case("echo: the least that the stack costs", "/", "get", "", None)
CASES = (
    Case("floor: GET /health/live", "/health/live", "get", "", None),
    Case("keys: GET /oauth/v2/keys", "/oauth/v2/keys", "get", "", None),
    Case("client credentials", "/oauth/v2/token", "any", "client_credentials", 95),
    Case("refresh, no rotation", "/oauth/v2/token", "any", "refresh", 95),
    Case("refresh with rotation", "/oauth/v2/token", "chain", "rotation", 190),
    Case("introspection by an API", "/oauth/v2/introspect", "any", "introspection_api", 65),
    Case("introspection by the app", "/oauth/v2/introspect", "any", "introspection_app", 65),
    Case("code to tokens", "/oauth/v2/token", "once", "codes", 230),
)


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


def measure(serving: Serving, case: Case, plan: Plan, data: Path, where: Cores) -> report.Figure:
    """Warm up, then run; the cost of each run is CPU time of the server over requests answered."""
    costs: list[float] = []
    loads: list[Load] = []
    for batch in range(plan.batches):
        seconds = plan.run_seconds if batch else plan.warm_seconds
        file = data / f"{case.file}.{batch if case.mode in ('chain', 'once') else 0}"
        before = serving.cpu_seconds()
        load = drive(serving.url + case.path, case.mode, file, seconds, where)
        spent = serving.cpu_seconds() - before
        if batch:
            costs.append(spent / load.answered * 1e6)
            loads.append(load)
    return report.Figure(
        case.name,
        cost=median(costs),
        least=min(costs),
        most=max(costs),
        bar=case.bar,
        per_second=median(load.answered / load.seconds for load in loads),
        p99_ms=median(load.p99_ms for load in loads),
        errors=sum(load.errors for load in loads),
    )


@contextlib.contextmanager
def folder(kept: Path | None) -> Iterator[Path]:
    """A new folder that goes when it is done, or the given one, which stays."""
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="grantline-bench-") as made:
            yield Path(made)
    else:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept


def main() -> None:
    """Run the bench as asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="CPU microseconds per request.")
    parser.add_argument("--quick", action="store_true", help="one run of 2 s each: to look, not to publish")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--data", type=Path, help="folder for the seeded files, kept and used again")
    parser.add_argument(
        "--no-report", action="store_true", help="print the figures and leave results.md as it is"
    )
    asked = parser.parse_args()
    plan = Plan(1, 2, 1) if asked.quick else Plan(3, 10, 3)
    chosen = [case for case in CASES if asked.only in case.name]
    size = Size(batches=plan.batches, codes=6000 * plan.run_seconds)
    where = cores()
    os.sched_setaffinity(0, {where.load})
    with folder(asked.data) as data:
        if not (data / "grantline.db").exists():
            print("seeding …", file=sys.stderr)
            asyncio.run(seed(data, size))
        with serve_echo(where.server) as echoing:
            figures = [measure(echoing, ECHO, plan, data, where)]
            print(report.line(figures[-1]), file=sys.stderr)
        with serve(data, where.server) as serving:
            for case in chosen:
                figures.append(measure(serving, case, plan, data, where))
                print(report.line(figures[-1]), file=sys.stderr)
            memory = serving.private_megabytes()
    if not asked.no_report:
        report.write(RESULTS, figures, plan=plan, size=size, where=where, memory=memory)


main()
