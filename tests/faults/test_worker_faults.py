"""Processes of Grantline that die or are told to end under load: what was acknowledged is not forgotten, and
what was accepted is answered."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tests.cluster import Cluster, cluster
from tests.faults.calling import BROKEN
from tests.faults.center import Center, make_codes, open_center
from tests.faults.load import load_on
from tests.faults.person import TOKEN

SOAK = (pytest.mark.soak, pytest.mark.timeout(1800))
Count = Callable[[str, object], None]


@pytest.fixture(scope="module")
async def center(
    tmp_path_factory: pytest.TempPathFactory, password_hash: str
) -> AsyncIterator[tuple[Center, Cluster]]:
    """Two nodes on one PostgreSQL that syncs."""
    with cluster(durable=True) as postgres:
        folder = tmp_path_factory.mktemp("center")
        async with open_center(folder, postgres.url(), password_hash) as opened:
            yield opened, postgres


@pytest.mark.parametrize(("kills", "seconds"), [(4, 0.5), pytest.param(100, 0.6, marks=SOAK)])
async def test_T48_kill_9_of_one_of_two_nodes_under_load_loses_nothing(
    center: tuple[Center, Cluster], record_property: Count, kills: int, seconds: float
) -> None:
    """While one node is dead the other one goes on, and each request is acknowledged or open, never lost."""
    nodes, chance, back = center[0].nodes, random.Random(kills), []
    async with load_on(center[0], f"one of {kills}") as load:
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


@pytest.mark.parametrize(("kills", "seconds"), [(4, 0.5), pytest.param(100, 0.6, marks=SOAK)])
async def test_T48_kill_9_of_every_node_at_once_under_load_loses_nothing(
    center: tuple[Center, Cluster], record_property: Count, kills: int, seconds: float
) -> None:
    """With nobody left to answer, what was acknowledged before is all in the database."""
    nodes, chance, back = center[0].nodes, random.Random(kills), []
    async with load_on(center[0], f"all of {kills}") as load:
        for _ in range(kills // len(nodes)):
            await load.run_for(seconds * chance.random())
            for node in nodes:
                node.running.popen.kill()
            for node in nodes:
                await node.kill()
                node.begin()
            began = time.monotonic()
            for node in nodes:
                while not await load.is_ready(node):
                    pass
            back.append(time.monotonic() - began)
    record_property(
        "counted", f"{kills} kills, started again within {max(back):.1f} s; {load.ledger.render()}"
    )


@pytest.mark.parametrize(("rounds", "seconds"), [(2, 0.5), pytest.param(40, 0.6, marks=SOAK)])
async def test_SIGTERM_under_load_loses_no_request(
    center: tuple[Center, Cluster], record_property: Count, rounds: int, seconds: float
) -> None:
    """Each node in turn ends in peace and comes back: what it had accepted is answered, 503 is nobody's
    answer, and whoever is not answered was not heard."""
    nodes, chance = center[0].nodes, random.Random(rounds)
    async with load_on(center[0], f"in turn {rounds}") as load:
        for number in range(rounds):
            node = nodes[number % len(nodes)]
            await load.run_for(seconds * chance.random())
            assert await node.stop() == 0
            node.begin()
            while not await load.is_ready(node):
                pass
    assert load.ledger.asked["503"] == 0
    record_property("counted", f"{rounds} ends in peace; {load.ledger.render()}")


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=SOAK)])
async def test_after_SIGTERM_a_code_without_an_answer_is_still_unspent(
    center: tuple[Center, Cluster], record_property: Count, rounds: int
) -> None:
    """RFC 6749 §4.1.2: a request is answered, or its connection closes before anything was done."""
    node, answered, unheard = center[0].nodes[0], 0, 0
    for _ in range(rounds):
        codes = await make_codes(center[0], 120)
        fields = [
            {**center[0].apps["self-client"].credentials, "grant_type": "authorization_code", "code": code}
            for code in codes
        ]
        calls = [asyncio.create_task(node.caller.call("POST", TOKEN, one)) for one in fields[:100]]
        while sum(call.done() for call in calls) < 10:
            await asyncio.sleep(0)
        node.running.popen.terminate()
        calls += [asyncio.create_task(node.caller.call("POST", TOKEN, one)) for one in fields[100:]]
        replies = list(await asyncio.gather(*calls))
        assert await node.stop() == 0
        node.begin()
        await node.until_ready()
        for reply, one in zip(replies, fields, strict=True):
            if reply == BROKEN:
                unheard += 1
                reply = await node.caller.call("POST", TOKEN, one)
            assert reply.status == 200, reply.text
        answered += len(replies)
    record_property("counted", f"{answered} codes, {unheard} of them unheard at the end and good afterwards")


async def test_after_SIGTERM_a_request_whose_head_was_sent_is_heard_to_its_end(
    center: tuple[Center, Cluster],
) -> None:
    """The head and half of the body are there when the end is called for; the rest comes later."""
    node = center[0].nodes[0]
    code = (await make_codes(center[0], 1))[0]
    app = center[0].apps["self-client"]
    body = f"grant_type=authorization_code&client_id={app.id}&client_secret={app.secret}&code={code}".encode()
    head = (
        f"POST {TOKEN} HTTP/1.1\r\nHost: {center[0].issuer.partition('://')[2]}\r\n"
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
