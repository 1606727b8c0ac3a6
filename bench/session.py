"""A session of the bench: the folder, the databases, and one method for each section that can be measured."""

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.cases import CASES, CLIENT_CREDENTIALS, ECHO, REFRESH
from bench.cluster import SETTINGS, Postgres, postgres
from bench.console import PageTime, measure_console
from bench.copying import copy_rows
from bench.kit import KitCost, measure_kit
from bench.latency import SHARES, Latency, latencies
from bench.load import Cores
from bench.measure import Case, Figure, Plan, line, measure
from bench.peers import PEERS, Missing, serve_peer
from bench.processes import NotReady
from bench.rows import RowSize, add_visits, measure_rows
from bench.scaling import ONE, TWO_NODES, TWO_WORKERS, Scale, measure_layout
from bench.sdk import SdkCost, measure_sdk
from bench.seed import Size, open_engine, seed
from bench.serving import Engine, Serving, serve, serve_echo
from bench.sign_in import Flood, SignIn, measure_flood, measure_sign_in
from bench.starting import Start, measure_start
from bench.workspace import Amounts


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Session:
    """What every section needs, and what they found out."""

    data: Path
    port: int
    plan: Plan
    size: Size
    where: Cores
    only: str
    postgres: Postgres | None = None
    engines: list[Engine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences on what was left out."""
    figures: list[Figure] = field(default_factory=list)
    loaded: dict[str, float] = field(default_factory=dict)
    """Megabytes after the cases, by engine."""

    def chosen(self) -> list[Case]:
        """The cases that were asked for."""
        return [case for case in CASES if self.only in case.name]

    def note(self, sentence: str) -> None:
        """Keep a sentence for the report."""
        say(sentence)
        self.notes.append(sentence)

    def echo(self) -> None:
        """The least that the stack can cost, to read the others by."""
        with serve_echo(self.port, self.where.server) as serving:
            self._measure(serving, ECHO, self.data)

    def cases(self) -> None:
        """Every case on both engines."""
        for engine in self.engines:
            with serve(engine, [self.where.server]) as serving:
                for case in self.chosen():
                    self._measure(serving, case, engine.data)
                self.loaded[engine.name] = serving.tree.private_megabytes()

    def peers(self) -> None:
        """The other servers, one after another, with the cases that each has."""
        for number, name in enumerate(PEERS):
            folder = self.data / f"peer{number}"
            try:
                with serve_peer(name, self.port, folder, self.size, self.postgres, self.where) as (
                    peer,
                    cases,
                ):
                    for warning in (line for line in peer.tree.said if "WARNING" in line):
                        self.note(f"It said at its start: {warning.strip()}")
                    for case in cases:
                        if self.only in case.name:
                            self._measure(peer, case, folder)
            except Missing as missing:
                self.note(str(missing))
            except NotReady as problem:
                self.note(f"{name} did not start: {str(problem).strip()[-300:]}")

    def latency(self) -> list[Latency]:
        """Latency against load, for client credentials and refreshing."""
        curves = []
        shares = SHARES if self.plan.runs > 1 else (30, 70)
        for engine in self.engines:
            with serve(engine, [self.where.server]) as serving:
                for case in self._two():
                    at_most = self._saturation(serving, case, engine.data)
                    seconds = self.plan.run_seconds
                    curves += latencies(serving, case, at_most, shares, seconds, engine.data, self.where)
                    say(f"{serving.name}: {case.name}: {curves[-1]}")
        return curves

    def starts(self) -> list[Start]:
        """Seconds until ready, and memory."""
        times = 5 if self.plan.runs > 1 else 1
        return [
            measure_start(engine, times, self.loaded.get(engine.name, 0), self.where)
            for engine in self.engines
        ]

    def people(self) -> tuple[list[SignIn], list[Flood]]:
        """Signing in, and token requests beside a flood of it."""
        sign_ins, floods = [], []
        (case,) = self._by_name(CLIENT_CREDENTIALS)
        for engine in self.engines:
            with serve(engine, [self.where.server]) as serving:
                at_most = self._saturation(serving, case, engine.data)
                seconds = max(3, self.plan.run_seconds)
                floods.append(measure_flood(serving, case, at_most, seconds, engine.data, self.where))
                sign_ins.append(measure_sign_in(serving, seconds, engine.data, self.where))
                say(f"{floods[-1]}\n{sign_ins[-1]}")
        return sign_ins, floods

    def console(self) -> list[PageTime]:
        """The console's pages in a workspace of ten thousand clients."""
        found = measure_console(self.data / "console", Amounts())
        say("\n".join(str(page) for page in found))
        return found

    def kit(self) -> list[KitCost]:
        """What checking a token adds to a request to an API."""
        found = measure_kit(400 if self.plan.runs > 1 else 100)
        say("\n".join(str(one) for one in found))
        return found

    def sdk(self) -> list[SdkCost]:
        """What the client library adds to a call, and what its import takes."""
        found = measure_sdk(1000 if self.plan.runs > 1 else 100)
        say("\n".join(str(one) for one in found))
        return found

    def rows(self) -> list[RowSize]:
        """Bytes for each row of each table: of a copy, so that nothing else is measured with more rows."""
        file = self.data / "rows" / "grantline.db"
        file.parent.mkdir(exist_ok=True)
        sqlite = next(engine for engine in self.engines if engine.cluster is None)
        with closing(sqlite3.connect(self.data / "grantline.db")) as opened:
            opened.execute("VACUUM INTO ?1", (str(file),))
        asyncio.run(add_visits(replace(sqlite, url=f"sqlite://{file}")))
        if self.postgres is not None:
            url = self.postgres.create("rows")
            asyncio.run(_fill(replace(sqlite, name="PostgreSQL", url=url, cluster=self.postgres), file))
        found = measure_rows(file, self.postgres, "rows")
        file.unlink()
        say("\n".join(str(row) for row in found))
        return found

    def scales(self) -> list[Scale]:
        """Two workers and two nodes on PostgreSQL, against one."""
        found: list[Scale] = []
        for engine in self.engines:
            if engine.cluster is None:
                continue
            engine.cluster.keep_to(self.where.both)
            cases = self._two()
            for layout in (ONE, TWO_WORKERS, TWO_NODES):
                try:
                    found += measure_layout(engine, layout, cases, self.plan, self.where)
                except NotReady as refused:
                    self.note(f"{layout.capitalize()} were not measured: {str(refused).strip()}")
                say(f"{layout}: {found[-1]}")
            engine.cluster.keep_to([self.where.load])
        return found

    def _saturation(self, serving: Serving, case: Case, data: Path) -> float:
        """What the server carried in the case; measured now if it was not yet."""
        for figure in self.figures:
            if (figure.server, figure.name) == (serving.name, case.name):
                return figure.per_second
        return measure(serving, case, Plan(1, 2, 1), data, self.where).per_second

    def _two(self) -> list[Case]:
        """The cases of the long sections; one alone in a quick run."""
        return self._by_name(*((CLIENT_CREDENTIALS, REFRESH) if self.plan.runs > 1 else (REFRESH,)))

    def _by_name(self, *names: str) -> list[Case]:
        return [case for case in CASES if case.name in names]

    def _measure(self, serving: Serving, case: Case, data: Path) -> None:
        figure = self.measured(serving, case, data)
        if figure is not None:
            self.figures.append(figure)

    def measured(self, serving: Serving, case: Case, data: Path) -> Figure | None:
        """The figure; a case that can't be measured is said, and does not take the others with it."""
        try:
            figure = measure(serving, case, self.plan, data, self.where)
        except (RuntimeError, OSError) as problem:
            self.note(f"{serving.name}: {case.name} could not be measured: {problem}")
            say("".join(serving.tree.said))
            return None
        say(line(figure))
        if figure.errors:
            self.note(f"{serving.name}: {case.name} had errors: {figure.kinds}.")
            say("".join(serving.tree.said))
        return figure


@contextlib.contextmanager
def session(prepare: Callable[[], Session], *, with_postgres: bool) -> Iterator[Session]:
    """A session whose databases are filled: SQLite through the product's functions, PostgreSQL with the same
    rows."""
    made = prepare()
    with contextlib.ExitStack() as stack:
        if with_postgres:
            try:
                made.postgres = stack.enter_context(postgres(made.where.load))
            except FileNotFoundError as missing:
                made.note(f"PostgreSQL was left out: {missing}")
        file = made.data / "grantline.db"
        sqlite = Engine("SQLite", f"sqlite://{file}", made.data, made.port)
        if not file.exists():
            say("seeding …")
            asyncio.run(seed(sqlite, made.size))
        made.engines = [sqlite]
        if made.postgres is not None:
            behind = replace(
                sqlite, name="PostgreSQL", url=made.postgres.create("bench"), cluster=made.postgres
            )
            asyncio.run(_fill(behind, file))
            made.engines = [behind, sqlite]
        yield made


async def _fill(engine: Engine, source: Path) -> None:
    """The tables as the product makes them, with the rows that were seeded into SQLite."""
    server = await open_engine(engine)
    await server.close()
    await copy_rows(source, engine.url)


def postgres_settings(running: Postgres | None) -> list[str]:
    """The PostgreSQL of the session, in a sentence."""
    if running is None:
        return []
    chosen = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())
    return [
        f"PostgreSQL {running.version}, reached over TCP on this machine; {chosen}; otherwise as shipped."
    ]
