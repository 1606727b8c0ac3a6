"""Processes of Grantline that die or are told to end under load: what was acknowledged is not forgotten, and
what was accepted is answered."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.cluster import Cluster, cluster
from tests.faults.center import Center, make_codes, open_center
from tests.faults.load import load_on
from tests.faults.person import TOKEN

WORKERS = 2
SOAK = (pytest.mark.soak, pytest.mark.timeout(1800))
Count = Callable[[str, object], None]


@pytest.fixture(scope="module")
async def crowd(
    tmp_path_factory: pytest.TempPathFactory, password_hash: str, postgres_that_syncs: Cluster
) -> AsyncIterator[Center]:
    """One server with two workers."""
    folder, workers = tmp_path_factory.mktemp("crowd"), {"GRANTLINE_WORKERS": str(WORKERS)}
    url = postgres_that_syncs.url(postgres_that_syncs.new_database())
    async with open_center(folder, url, password_hash, nodes=1, env=workers) as opened:
        yield opened


@pytest.fixture(scope="module")
def postgres_that_syncs() -> Iterator[Cluster]:
    with cluster(durable=True) as running:
        yield running


@pytest.fixture(scope="module")
async def center(
    tmp_path_factory: pytest.TempPathFactory, password_hash: str, postgres_that_syncs: Cluster
) -> AsyncIterator[Center]:
    """Two nodes on one database."""
    url = postgres_that_syncs.url(postgres_that_syncs.new_database())
    async with open_center(tmp_path_factory.mktemp("center"), url, password_hash) as opened:
        yield opened


@pytest.mark.parametrize(("kills", "at_once"), [(10, 1), (10, WORKERS)])
async def test_T48_kill_9_of_workers_under_load_loses_nothing(
    crowd: Center, record_property: Count, kills: int, at_once: int
) -> None:
    """One worker or all of them at any moment: others take their places, and each request is acknowledged or
    open, never lost."""
    await kill_workers(crowd, record_property, kills, at_once)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kills", "at_once"), [(100, 1), (100, WORKERS)])
async def test_T48_kill_9_of_workers_under_long_load_loses_nothing(
    crowd: Center, record_property: Count, kills: int, at_once: int
) -> None:
    """The same for more than a minute."""
    await kill_workers(crowd, record_property, kills, at_once)


async def kill_workers(crowd: Center, record_property: Count, kills: int, at_once: int) -> None:
    """So many kills, so many of them at the same moment; then everything acknowledged is there."""
    node, chance, back = crowd.nodes[0], random.Random(kills), []
    async with load_on(crowd, f"{at_once} of {kills}") as load:
        for _ in range(kills // at_once):
            await load.run_for(0.6 * chance.random())
            for worker in chance.sample(node.workers(), at_once):
                os.kill(worker, signal.SIGKILL)
            began = time.monotonic()
            while len(node.workers()) < WORKERS or not await load.is_ready(node):
                await load.run_for(0.02)
            back.append(time.monotonic() - began)
    record_property("counted", f"{kills} kills, replaced within {max(back):.1f} s; {load.ledger.render()}")


@pytest.mark.parametrize(("kills", "seconds"), [(2, 0.5), pytest.param(20, 0.6, marks=SOAK)])
async def test_T48_kill_9_of_one_of_two_nodes_under_load_loses_nothing(
    center: Center, record_property: Count, kills: int, seconds: float
) -> None:
    """While one node is dead the other one goes on, with all that both acknowledged."""
    nodes, chance, back = center.nodes, random.Random(kills), []
    async with load_on(center, f"one of {kills}") as load:
        for number in range(kills):
            node = nodes[number % len(nodes)]
            await load.run_for(seconds * chance.random())
            await node.kill()
            began = time.monotonic()
            node.begin()
            while not await load.is_ready(node):
                pass
            back.append(time.monotonic() - began)
    record_property(
        "counted", f"{kills} kills, started again within {max(back):.1f} s; {load.ledger.render()}"
    )


@pytest.mark.parametrize(("rounds", "seconds"), [(2, 0.5), pytest.param(20, 0.6, marks=SOAK)])
async def test_SIGTERM_under_load_loses_no_request(
    center: Center, record_property: Count, rounds: int, seconds: float
) -> None:
    """Each node in turn ends in peace and comes back, while the other one goes on."""
    nodes, chance = center.nodes, random.Random(rounds)
    async with load_on(center, f"in turn {rounds}") as load:
        for number in range(rounds):
            node = nodes[number % len(nodes)]
            await load.run_for(seconds * chance.random())
            assert await node.stop() == 0
            node.begin()
            while not await load.is_ready(node):
                pass
    record_property("counted", f"{rounds} ends in peace; {load.ledger.render()}")


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=SOAK)])
async def test_after_SIGTERM_a_code_without_an_answer_is_still_unspent(
    center: Center, record_property: Count, rounds: int
) -> None:
    """RFC 6749 §4.1.2: a request is answered, or its connection closes before anything was done."""
    node, app, heard, unheard = center.nodes[0], center.apps["self-client"], 0, list[dict[str, str]]()

    async def redeem(forms: list[dict[str, str]]) -> None:
        nonlocal heard
        while forms:
            form = forms.pop()
            reply = await node.caller.call("POST", TOKEN, form)
            if reply.known:
                assert reply.status == 200, reply.text
                heard += 1
            else:
                unheard.append(form)

    for _ in range(rounds):
        given = {**app.credentials, "grant_type": "authorization_code"}
        forms = [{**given, "code": code} for code in await make_codes(center, 150)]
        callers = [asyncio.create_task(redeem(forms)) for _ in range(16)]
        while len(forms) > 100:
            await asyncio.sleep(0.005)
        node.running.popen.terminate()
        await asyncio.gather(*callers)
        assert await node.stop() == 0
        node.begin()
        await node.until_ready()
        while unheard:
            again, unheard = unheard, []
            await redeem(again)
    record_property("counted", f"{heard} codes, each of them redeemed")


async def test_after_SIGTERM_a_request_whose_head_was_sent_is_heard_to_its_end(
    center: Center,
) -> None:
    """The head and half of the body are there when the end is called for; the rest comes later."""
    node = center.nodes[0]
    code = (await make_codes(center, 1))[0]
    app = center.apps["self-client"]
    body = f"grant_type=authorization_code&client_id={app.id}&client_secret={app.secret}&code={code}".encode()
    head = (
        f"POST {TOKEN} HTTP/1.1\r\nHost: {center.issuer.partition('://')[2]}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", node.caller.port)
    writer.write(head.encode() + body[:20])
    await node.caller.call("GET", "/health/live")  # the process has seen what came before
    node.running.popen.terminate()
    await until_refused(node.caller.port)
    writer.write(body[20:])
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert await node.stop() == 0
    node.begin()
    await node.until_ready()


async def until_refused(port: int) -> None:
    """Return once nobody listens there any more."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        writer.close()
        await asyncio.sleep(0.01)
