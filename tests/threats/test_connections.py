"""Connections: whoever is slow, greedy or endless loses theirs, and everybody else is served (T133, T134)."""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest

from grantline.web.connections import MOST_CONNECTIONS, MOST_HEAD, MOST_PER_ADDRESS, Connection, Patience
from grantline.web.listen import KEEP_ALIVE_SECONDS, Listener, listener
from tests.conftest import ServerFactory
from tests.running import free_ports
from tests.site import Site

SHORT: Final = Patience(head=0.4, body=0.4, write=0.4, look=0.1)
HEAD: Final = b"POST /oauth/v2/token HTTP/1.1\r\nHost: 127.0.0.1:8700\r\n"
FORM: Final = b"Content-Type: application/x-www-form-urlencoded\r\n"


@dataclass(frozen=True, slots=True)
class Place:
    """A site that listens on a real port."""

    site: Site
    server: Listener
    port: int

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def until_closed(self, pieces: list[bytes], pause: float = 0.05) -> tuple[float, bytes]:
        """Seconds until the other side closed, sending a piece now and then, and what it said."""
        reader, writer = await self.open()
        started = time.perf_counter()

        async def send() -> None:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)

        sending = asyncio.create_task(send())
        try:
            async with asyncio.timeout(10):
                told = await reader.read()
        except OSError:
            told = b""
        sending.cancel()
        await drop(writer)
        return time.perf_counter() - started, told

    async def answers(self) -> float:
        """Seconds that one healthy token call took."""
        app = await self.site.app("self-client")
        async with httpx2.AsyncClient() as http:
            started = time.perf_counter()
            answer = await http.post(
                f"http://127.0.0.1:{self.port}/oauth/v2/token",
                data={**app.credentials, "grant_type": "client_credentials", "scope": "CRM.modules.READ"},
                headers={"Host": "127.0.0.1:8700"},
            )
            seconds = time.perf_counter() - started
        assert answer.status_code == 200
        return seconds


async def drop(*writers: asyncio.StreamWriter) -> None:
    """Close our ends, and wait until they are."""
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def listening(site: Site, patience: Patience = SHORT) -> AsyncIterator[Place]:
    port = free_ports(1)
    server = listener(site.edge, host="127.0.0.1", port=port, patience=patience)
    server.config.lifespan = "off"
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Place(site, server, port)
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    async with listening(site) as opened:
        yield opened


async def test_T134_a_head_has_its_time(place: Place) -> None:
    """One byte now and then does not lengthen it."""
    drip = [bytes([byte]) for byte in HEAD + b"X-A: " + b"a" * 200]
    for pieces in ([], [HEAD], drip):
        seconds, told = await place.until_closed(pieces)
        assert 0.3 < seconds < 2, pieces[:1]
        assert told == b""


async def test_T134_a_body_has_its_time(place: Place) -> None:
    drip = [HEAD + FORM + b"Content-Length: 500\r\n\r\n", *[b"a"] * 300]
    chunks = [HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\na\r\n"] * 300]
    for pieces in (drip[:1], drip, chunks):
        seconds, told = await place.until_closed(pieces)
        assert 0.3 < seconds < 2
        assert b"200 OK" not in told


async def test_T134_a_reader_that_does_not_read_is_let_go(place: Place) -> None:
    """Requests in a row whose answers nobody takes: the connection is dropped, not kept in memory."""
    _, writer = await place.open()
    ask = b"GET /scopes HTTP/1.1\r\nHost: 127.0.0.1:8700\r\n\r\n"
    with pytest.raises((ConnectionError, TimeoutError)):
        async with asyncio.timeout(8):
            while True:
                writer.write(ask * 50)
                await writer.drain()
                await asyncio.sleep(0.01)
    await drop(writer)
    deadline = time.perf_counter() + 4
    while place.server.server_state.connections and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    assert not place.server.server_state.connections


@pytest.mark.parametrize(
    "endless",
    [
        [b"GET /" + b"a" * 16_384] + [b"a" * 16_384] * 30,
        [HEAD + b"X-A: "] + [b"a" * 16_384] * 30,
        [HEAD] + [b"X-A: a\r\n" * 2000] * 30,
        [b"\r\n" * 16_384] * 30,
    ],
    ids=["address", "one header", "many headers", "blank lines"],
)
async def test_T133_a_head_that_does_not_end_is_refused(site: Site, endless: list[bytes]) -> None:
    """What nobody behind ever sees must not fill the memory either; its time is not waited for."""
    async with listening(site, Patience(head=60)) as place:
        seconds, told = await place.until_closed(endless, pause=0.001)
        assert seconds < 5
        assert told == b"" or told.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
        assert not place.server.server_state.connections


async def test_T133_a_head_a_little_too_long_gets_a_page_of_ours(place: Place) -> None:
    ask = b"GET /signin HTTP/1.1\r\nHost: 127.0.0.1:8700\r\nConnection: close\r\nX-A: " + b"a" * 20_000
    _, told = await place.until_closed([ask + b"\r\n\r\n"])
    assert told.startswith(b"HTTP/1.1 431 ")
    assert b"content-security-policy" in told
    assert MOST_HEAD > 24 * 1024


async def test_T134_slow_clients_do_not_hold_up_the_others(site: Site) -> None:
    async with listening(site, Patience(head=3, body=3, look=0.5)) as place:
        await place.answers()
        slow = [await place.open() for _ in range(300)]
        for _, writer in slow:
            writer.write(b"POST /oauth/v2/token HTTP/1.1\r\nX")
        times = [await place.answers() for _ in range(5)]
        assert sorted(times)[2] < 0.1
        await drop(*(writer for _, writer in slow))


async def test_T134_a_crowd_of_connections_is_bounded(site: Site) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))  # both ends are in this process
    async with listening(site, Patience(head=20)) as place:
        opened = [await place.open() for _ in range(MOST_CONNECTIONS + 20)]
        await asyncio.sleep(0.2)
        assert len(place.server.server_state.connections) == MOST_CONNECTIONS
        await drop(*(writer for _, writer in opened))


class Line(asyncio.Transport):
    """The end of a connection from an address of the test's own choice."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 4000), "sockname": ("127.0.0.1", 8700)})
        self.dropped = False

    def abort(self) -> None:
        self.dropped = True

    def is_closing(self) -> bool:
        return self.dropped

    def close(self) -> None:
        self.dropped = True


@pytest.mark.parametrize(
    ("addresses", "kept"),
    [
        (["203.0.113.7"] * 60, MOST_PER_ADDRESS),
        ([f"2001:db8:7:1::{number:x}" for number in range(60)], MOST_PER_ADDRESS),
        ([f"203.0.113.{number}" for number in range(60)], 60),
        (["127.0.0.1"] * 60, 60),
        (["10.0.0.9"] * 60, 60),
    ],
    ids=["one address", "one IPv6 line", "many addresses", "loopback", "a trusted proxy"],
)
async def test_T134_one_address_takes_a_few_connections_alone(
    place: Place, addresses: list[str], kept: int
) -> None:
    from ipaddress import ip_network

    lines = [Line(address) for address in addresses]
    connections = []
    for line in lines:
        one = Connection(
            config=place.server.config,
            server_state=place.server.server_state,
            app_state={},
            proxies=(ip_network("10.0.0.0/8"),),
            patience=Patience(look=60),
        )
        one.connection_made(line)
        connections.append(one)
        if line.dropped:
            one.connection_lost(None)
    assert sum(not line.dropped for line in lines) == kept
    for one in connections:
        one.connection_lost(None)


@pytest.mark.parametrize("reads_on", [True, False])
async def test_T134_answers_wait_for_a_reader_for_a_while(place: Place, reads_on: bool) -> None:
    """The time runs while the buffer stays full, and not while it empties now and then."""
    line = Line("203.0.113.7")
    one = Connection(
        config=place.server.config,
        server_state=place.server.server_state,
        app_state={},
        patience=Patience(head=60, write=0.3, look=0.05),
    )
    one.connection_made(line)
    for _ in range(6):
        one.pause_writing()
        await asyncio.sleep(0.1)
        if reads_on:
            one.resume_writing()
    assert line.dropped != reads_on
    one.connection_lost(None)


def test_T134_the_times_are_those_of_the_table() -> None:
    assert (Patience().head, Patience().body, Patience().write, KEEP_ALIVE_SECONDS) == (10, 15, 15, 20)


async def test_a_connection_that_is_used_again_and_again_is_kept(place: Place) -> None:
    """Longer than any of the times above, since each request keeps to its own."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{place.port}") as http:
        started = time.perf_counter()
        while time.perf_counter() - started < 1:
            answer = await http.get("/health/live", headers={"Host": "127.0.0.1:8700"})
            assert answer.status_code == 200
            await asyncio.sleep(0.1)
        assert len(place.server.server_state.connections) == 1


def test_an_answer_does_not_wait_until_its_head_is_confirmed(server_process: ServerFactory) -> None:
    """Forty milliseconds on each request of a kept connection, where small writes are held back."""
    with httpx2.Client(base_url=server_process().issuer) as http:
        times = []
        for _ in range(20):
            started = time.perf_counter()
            assert http.get("/health/live").status_code == 200
            times.append(time.perf_counter() - started)
    assert sorted(times)[10] < 0.03
