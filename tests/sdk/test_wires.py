"""How requests go out: from many threads at once, from one event loop after another, and after a fork."""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator

import httpx2
import pytest

from grantline import __version__
from grantline.sdk import Event, MemoryStore
from grantline.sdk.driving import AsyncHttpWire, HttpWire
from grantline.sdk.effects import Send
from grantline.sdk.flights import FLIGHTS
from tests.sdk.outside import Outside, outside


@pytest.fixture
def home() -> Iterator[Outside]:
    with outside() as found:
        yield found


def test_a_server_can_tell_that_the_library_asks() -> None:
    seen = list[str]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["user-agent"])
        return httpx2.Response(200)

    transport, asked = httpx2.MockTransport(answer), Send("GET", "https://accounts.example/")
    HttpWire(transport).send(asked)
    asyncio.run(AsyncHttpWire(transport).send(asked))
    assert seen == [f"grantline-python/{__version__}"] * 2


def test_threads_that_come_first_together_are_served_and_renew_once(home: Outside) -> None:
    wire, replies = HttpWire(), list[int]()
    store, together, values = MemoryStore(), threading.Barrier(12), list[str]()

    def work() -> None:
        together.wait()
        replies.append(wire.send(Send("GET", f"{home.address}/centers")).status)
        values.append(home.session(store).token().value)

    home.session(store)
    threads = [threading.Thread(target=work) for _ in range(12)]
    patience = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that each is interrupted everywhere
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(patience)
    assert replies == [200] * 12
    assert len(set(values)) == home.renewed == 1
    wire.close()
    assert wire.send(Send("GET", f"{home.address}/centers")).status == 200
    wire.close()


def test_tasks_of_one_loop_after_another_and_of_two_at_once_are_served(home: Outside) -> None:
    wire = AsyncHttpWire()
    request = Send("GET", f"{home.address}/centers")

    together = threading.Barrier(2)

    async def ask(*, beside: bool = False) -> int:
        if beside:
            await wire.send(request)
            together.wait()
            assert len(wire._clients) == 2
            together.wait()
        replies = await asyncio.gather(*(wire.send(request) for _ in range(5)))
        return sum(reply.status == 200 for reply in replies)

    found = [asyncio.run(ask()), asyncio.run(ask())]
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(ask(beside=True)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [5] * 4
    asyncio.run(ask())
    assert len(wire._clients) == 1
    gc.collect()  # a connection left open would be told now


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # that is what is tried here
def test_a_forked_process_makes_its_own_client_and_waits_for_no_thread_that_it_lacks(home: Outside) -> None:
    store = MemoryStore()
    session = home.session(store)
    session.token()
    flight, mine = FLIGHTS.join(session._flight_key(()))  # as if a thread were renewing
    assert mine
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(60)  # it must not stay behind if it waits for ever
            said = {"token": session.token(refused=session.token().value).value}
            said["clients"] = str(os.getpid() in session._wire._clients)  # type: ignore[attr-defined]
            os.write(writing, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = json.loads(os.read(reading, 1000) or b"{}")
    os.close(reading)
    with FLIGHTS.flying(session._flight_key(()), flight):
        pass
    assert said == {"token": "token-2-secret", "clients": "True"}


def test_a_session_tells_what_happens_without_a_secret_and_survives_who_listens(
    home: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    events = list[Event]()
    session = home.session(events=events)
    session.token()
    home.now += 3300
    address, home.address = session.grant.key.issuer, "gone"
    session.grant.server = None
    home.answers.clear()
    assert session.token().value == "token-1-secret"
    home.address = address
    assert [event.name for event in events] == ["renewed", "postponed"]
    assert events[0].seconds == 3600

    def fail(event: Event) -> None:
        raise RuntimeError(session.token().value)

    session.grant.events._hook = fail
    with caplog.at_level("DEBUG"):
        session.token(refused="token-1-secret")
    assert "renewed: app" in caplog.text
    assert "on_event failed with RuntimeError" in caplog.text
    for secret in ("token-1", "token-2", "the-refresh-token", "app-secret"):
        assert secret not in caplog.text + repr(events)
