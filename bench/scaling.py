"""Scaling: two workers, and two nodes, on one PostgreSQL, against one of each."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load import Cores, drive_all
from bench.measure import Case, Plan
from bench.serving import Engine, Serving, serve

ONE: Final = "one"
TWO_WORKERS: Final = "two workers"
TWO_NODES: Final = "two nodes"
BAR: Final = 1.8


@dataclass(frozen=True, slots=True)
class Scale:
    """One kind of request on a layout of servers, all of them and PostgreSQL free to use every core."""

    layout: str
    name: str
    per_second: float
    cost: float
    database_cost: float
    p99_ms: float
    errors: int


@contextlib.contextmanager
def serve_layout(engine: Engine, layout: str, where: Cores) -> Iterator[list[Serving]]:
    """The servers of a layout. Two nodes are two processes with ports of their own. Raises NotReady."""
    with contextlib.ExitStack() as stack:
        workers = 2 if layout == TWO_WORKERS else 1
        servings = [stack.enter_context(serve(engine, where.both, workers=workers))]
        if layout == TWO_NODES:
            servings.append(stack.enter_context(serve(engine, where.both, port=engine.port + 1)))
        yield servings


def measure_layout(engine: Engine, layout: str, cases: list[Case], plan: Plan, where: Cores) -> list[Scale]:
    """Warm up and run once, with the connections divided among the nodes. Raises NotReady."""
    assert engine.cluster is not None
    with serve_layout(engine, layout, where) as servings:
        return [_measure(servings, layout, case, plan, engine.data, where) for case in cases]


def _measure(servings: list[Serving], layout: str, case: Case, plan: Plan, data: Path, where: Cores) -> Scale:
    cluster = servings[0].cluster
    assert cluster is not None
    urls, file = [serving.url + case.path for serving in servings], data / f"{case.file}.0"
    drive_all(urls, case.mode, file, plan.warm_seconds, where)
    before = sum(serving.tree.cpu_seconds() for serving in servings), cluster.tree.cpu_seconds()
    loads = drive_all(urls, case.mode, file, plan.run_seconds, where)
    after = sum(serving.tree.cpu_seconds() for serving in servings), cluster.tree.cpu_seconds()
    answered = sum(load.answered for load in loads)
    return Scale(
        layout,
        case.name,
        sum(load.answered / load.seconds for load in loads),
        (after[0] - before[0]) / answered * 1e6,
        (after[1] - before[1]) / answered * 1e6,
        max(load.p99_ms for load in loads),
        sum(load.errors for load in loads),
    )
