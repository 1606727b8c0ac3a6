"""`python -m bench`: seed, serve, load, report."""

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import machine, peers, report
from bench.growth import AMOUNTS, QUICK_AMOUNTS, measure_growth
from bench.load import Cores, cores
from bench.measure import Plan
from bench.seed import Size
from bench.session import Session, postgres_settings, session
from bench.store import Results

SECTIONS = ("cases", "peers", "latency", "people", "starts", "scales", "rows", "console", "kit", "sdk")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    quick: bool
    growth: bool
    amounts: tuple[int, ...]
    only: str
    sections: tuple[str, ...]
    port: int
    data: Path | None
    no_report: bool
    no_postgres: bool

    def plan(self) -> Plan:
        """How long and how often."""
        return Plan(1, 1, 1) if self.quick else Plan(3, 10, 3)

    def size(self) -> Size:
        """How much is seeded."""
        plan = self.plan()
        if self.growth:  # the rest is added in bulk
            few = {"accounts": 1000, "authorizations": 5000, "introspected": 1, "rotating": 1000}
            return Size(batches=plan.batches, codes=1, **few)
        if self.quick:
            few = {"accounts": 1000, "authorizations": 5000, "introspected": 3000, "rotating": 800}
            return Size(batches=plan.batches, codes=6000, **few)
        return Size(batches=plan.batches, codes=8000 * plan.run_seconds)


def ask() -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="CPU microseconds per request.")
    add = parser.add_argument
    add("--quick", action="store_true", help="short runs on little data: to look, not to publish")
    add(
        "--growth",
        action="store_true",
        help="instead of the others: the cost with up to 5 million authorizations",
    )
    add("--amounts", default="", help="with --growth: these numbers of authorizations, rising")
    add("--only", default="", help="cases whose name contains this")
    add("--sections", default=",".join(SECTIONS), help="some of: " + ", ".join(SECTIONS))
    add("--port", type=int, default=8790, help="the first of three ports")
    add("--data", type=Path, help="folder for the seeded files, kept and used again")
    add("--no-report", action="store_true", help="print the figures and leave the report as it is")
    add("--no-postgres", action="store_true", help="SQLite alone")
    given = vars(parser.parse_args())
    usual = QUICK_AMOUNTS if given["quick"] else AMOUNTS
    given["amounts"] = tuple(int(one) for one in given["amounts"].split(",") if one) or usual
    given["sections"] = tuple(given["sections"].split(","))
    return Asked(**given)


@contextlib.contextmanager
def folder(kept: Path | None) -> Iterator[Path]:
    """A new folder that goes when it is done, or the given one, which stays."""
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="grantline-bench-") as made:
            yield Path(made)
    else:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()


def run(found: Session, asked: Asked, results: Results) -> None:
    """Measure the sections that were asked for."""
    runs = f"{asked.plan().runs} × {asked.plan().run_seconds} s after {asked.plan().warm_seconds} s"
    taken = f"{time.strftime('%Y-%m-%d', time.gmtime())}, commit {machine.commit()}, {runs}"
    if asked.growth:
        results.put("growth", measure_growth(found, asked.amounts), taken)
        return
    if "cases" in asked.sections:
        found.echo()
        found.cases()
    if "peers" in asked.sections:
        found.peers()
    if found.figures:
        results.put("cases", found.figures, taken)
    for name in ("latency", "starts", "scales", "rows", "console", "kit", "sdk"):
        if name in asked.sections:
            results.put(name, getattr(found, name)(), taken)
    if "people" in asked.sections:
        sign_ins, floods = found.people()
        results.put("sign_ins", sign_ins, taken)
        results.put("floods", floods, taken)
    results.settings["notes"] = found.notes


def describe(found: Session, where: Cores) -> list[str]:
    """Where and how it was measured, line by line."""
    size = found.size
    clients = size.confidential_clients + size.public_clients
    authorizations = size.authorizations + size.batches * size.rotating
    return [
        *machine.describe(where),
        *postgres_settings(found.postgres),
        "`grantline serve` as shipped, one worker, `GRANTLINE_LIMITS=off`; SQLite file, write-ahead log,"
        " `synchronous=FULL`.",
        f"{clients:,} clients, {size.accounts:,} accounts, {authorizations:,} authorizations with a"
        " refresh token, touched at random. Credentials in the body, one scope, opaque tokens, codes with"
        " PKCE and without `openid`. PostgreSQL holds the same rows as SQLite.",
        "Peers: " + (", ".join(peers.versions()) or "none is installed") + ".",
    ]


def finish(results: Results, asked: Asked) -> None:
    """Print the report, or write it."""
    if asked.no_report:
        print(report.render(results))
    else:
        results.save()
        report.write(results)


def main() -> None:
    """Run the bench as asked for on the command line."""
    asked = ask()
    where = cores()
    os.sched_setaffinity(0, {where.load})
    results = Results(None) if asked.no_report else Results()
    if asked.sections == ("sdk",):  # it needs neither servers nor data
        quick_session = Session(Path(), asked.port, asked.plan(), asked.size(), where, asked.only)
        run(quick_session, asked, results)
        finish(results, asked)
        return
    with folder(asked.data) as data:

        def prepare() -> Session:
            return Session(data, asked.port, asked.plan(), asked.size(), where, asked.only)

        with session(prepare, with_postgres=not asked.no_postgres) as found:
            run(found, asked, results)
            if not asked.growth:
                results.settings["where"] = describe(found, where)
    finish(results, asked)


main()
