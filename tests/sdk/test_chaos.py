"""Many processes, threads and tasks on one store, answers that are lost, and processes that die before they
write: nobody notices, and no refresh token is lost."""

import asyncio
import json
import secrets
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from grantline.sdk import App, Grant, Record, Secret, Session
from grantline.sdk.driving import AsyncHttpWire
from grantline.web.templating import Pages
from tests.cluster import Cluster
from tests.running import ROOT, environment, free_ports
from tests.sdk.crowd import DIED, STORES, key_of
from tests.site import SCOPE, Clock, Site, open_site

LIFE_SECONDS = 2
THREADS_AND_TASKS = 16
SMALL = {"processes": 2, "calls": 96, "grants": 4, "pause": 0.4, "lose": 0.1, "die": 0.03}
SHORT = {"processes": 3, "calls": 240, "grants": 6, "pause": 0.4, "lose": 0.1, "die": 0.03}
WHOLE = {"processes": 8, "calls": 10_000, "grants": 16, "pause": 0.5, "lose": 0.05, "die": 0.01}


class RealClock(Clock):
    """The time as it is."""

    def __call__(self) -> int:
        return int(time.time())


async def serve(app: Any, port: int) -> tuple[uvicorn.Server, asyncio.Task[None]]:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        lifespan="off",
        ws="none",
        interface="asgi3",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    return server, task


async def one_process(plan_path: Path, key: str, number: int, calls: int) -> None:
    """A process of the crowd, started anew with what is left whenever it dies."""
    said, start = plan_path.parent / f"said-{number}.jsonl", 0
    while True:
        left = calls - sum(("ok" in line or "refused" in line) for line in lines_of(said))
        if left <= 0:
            return
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.sdk.crowd", str(plan_path), str(number), str(left), str(start)),
            cwd=ROOT,
            env=environment({"GRANTLINE_STORE_KEY": key, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}),
        )
        assert await process.wait() in (0, DIED)
        start += 1


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def everything_said(folder: Path) -> list[dict[str, Any]]:
    return [line for path in folder.glob("said-*.jsonl") for line in lines_of(path)]


def renewals_too_early(said: list[dict[str, Any]]) -> list[Any]:
    """Renewals that were asked for while the token before them, which is in the store, had more than a
    quarter of its life before it."""
    found = []
    for key, lines in by_grant(said, "renewed").items():
        lines.sort(key=lambda line: line["version"])
        asks = by_grant(said, "asks")[key]
        for before, after in pairwise(lines):
            if after["version"] == before["version"] + 1:
                window = before["life"][1] - (before["life"][1] - before["life"][0]) / 4
                found += [
                    (before, ask) for ask in asks if before["at"] < ask["at"] < min(after["at"], window)
                ]
    return found


def asked_at_once(said: list[dict[str, Any]]) -> list[Any]:
    """Pairs of requests about one grant of which the second came before the first was answered. Who died
    before an answer waits for none."""
    answered = {line["number"]: line["at"] for line in said if "answered" in line}
    found = []
    for asks in by_grant(said, "asks").values():
        asks.sort(key=lambda line: line["at"])
        for one, other in pairwise(asks):
            if other["at"] < answered.get(one["number"], 0.0):
                found.append((one, other))
    return found


def by_grant(said: list[dict[str, Any]], what: str) -> Mapping[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for line in said:
        if what in line:
            found[line[what]].append(line)
    return found


class Counting:
    """The application, and how often it was asked to refresh."""

    def __init__(self, app: Any) -> None:
        self.app, self.refreshes = app, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.refreshes += scope["path"] == "/oauth/v2/token"
        await self.app(scope, receive, send)


async def put_grants(site: Site, store: Any, plan: Mapping[str, Any]) -> list[Grant]:
    app = await site.app("mobile")
    grants = []
    for number in range(plan["grants"]):
        grant = Grant(App(site.issuer, app.id), key_of(plan, number))
        tokens = await site.tokens(app)
        refresh_token = Secret(tokens["refresh_token"])
        assert store.put(grant.key.text, Record(grant.key, (SCOPE,), refresh_token=refresh_token), 0)
        grants.append(grant)
    return grants


async def revoked(site: Site) -> int:
    row = await site.db.one("SELECT COUNT(*) FROM authorizations WHERE revoked_at IS NOT NULL")
    count: int = row[0]
    return count


async def each_can_be_renewed(grants: list[Grant], store: Any) -> None:
    wire = AsyncHttpWire()
    for grant in grants:
        session = Session(grant, store, async_wire=wire)
        assert not session.status().ended
        held = await session.atoken()
        assert (await session.atoken(refused=held.value)) != held
    await wire.close()


@pytest.fixture
def place(store_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the store keeps its grants."""
    if store_name == "redis":
        yield request.getfixturevalue("redis_url")
    elif store_name == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        name = cluster.new_database()
        yield cluster.url(name).replace("postgresql", "postgresql+psycopg")
        cluster.drop_database(name)
    else:
        yield str(tmp_path / "store")


@pytest.mark.parametrize(
    ("store_name", "size"),
    [
        *(("files", SHORT), ("sqlite", SMALL), ("redis", SMALL)),
        *(
            pytest.param(name, WHOLE, marks=[pytest.mark.soak, pytest.mark.timeout(900)], id=f"{name}-whole")
            for name in STORES
        ),
    ],
)
async def test_a_crowd_that_loses_answers_and_dies_loses_no_grant(
    size: Mapping[str, Any],
    store_name: str,
    place: str,
    tmp_path: Path,
    password_hash: str,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    key, port = secrets.token_urlsafe(32), free_ports(1)
    monkeypatch.setenv("GRANTLINE_STORE_KEY", key)
    issuer = f"http://127.0.0.1:{port}"
    async with open_site(
        tmp_path, pages=Pages(), password_hash=password_hash, clock=RealClock(), public_url=issuer
    ) as site:
        site.mint.access_token_seconds = LIFE_SECONDS
        plan = {
            **size,
            "folder": str(tmp_path),
            "place": place,
            "store": store_name,
            "issuer": issuer,
            "client_id": (await site.app("mobile")).id,
            "subject": site.account.sub,
        }
        store = STORES[store_name](place)
        grants = await put_grants(site, store, plan)
        plan_path = tmp_path / "plan.json"
        plan_path.write_text(json.dumps(plan))
        counting = Counting(site.edge)
        server, serving = await serve(counting, port)
        try:
            calls = plan["calls"] // plan["processes"]
            began = time.monotonic()
            await asyncio.gather(
                *(one_process(plan_path, key, number, calls) for number in range(plan["processes"]))
            )
            took, refreshes = time.monotonic() - began, counting.refreshes
            assert await revoked(site) == 0
            await each_can_be_renewed(grants, store)
        finally:
            server.should_exit = True
            await serving
            if store_name != "files":
                store.close()
    said = everything_said(tmp_path)
    counts = Counter(
        name
        for line in said
        for name in ("ok", "refused", "asks", "answered", "renewed", "lost", "died")
        if name in line
    )
    record_property("counted", f"{dict(counts)}, {refreshes} refreshes in {took:.1f} s")
    assert {line["refused"] for line in said if "refused" in line} <= {"Unreachable"}
    assert counts["ok"] + counts["refused"] >= plan["calls"]
    assert counts["lost"]
    assert counts["died"]
    assert not renewals_too_early(said)
    assert not asked_at_once(said)
    assert counts["renewed"] <= refreshes <= counts["asks"]
    # An answer is written, lost or the last thing of a process; a death takes what others wait for with it.
    answered = counts["answered"] - counts["renewed"] - counts["lost"] - counts["died"]
    assert answered <= counts["died"] * THREADS_AND_TASKS
