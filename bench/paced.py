"""A driver that keeps to a rate, which wrk can't.

`python -m bench.paced URL FILE RATE SECONDS CONNECTIONS HEADER`, where the header may be empty.

Requests fall due at even distances, whatever the server does; each is timed from when it was due, so a server
that falls behind is seen to. With rate 0 every connection sends as soon as it was answered. Bodies are lines
of FILE at random. Answers of the first half second count, their times do not.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any, Final
from urllib.parse import urlsplit

import uvloop

from bench.load import Cores
from bench.processes import pinned

_TICK: Final = 0.0005
_LEAD: Final = 0.5


@dataclass(frozen=True, slots=True)
class Paced:
    """What a paced run saw. `refused`: answers 429 and 503, which are no errors under a flood."""

    answered: int
    refused: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float


def start_pacing(
    url: str,
    file: Path,
    rate: float,
    seconds: float,
    where: Cores,
    *,
    connections: int = 64,
    header: str = "",
) -> "subprocess.Popen[str]":
    """Begin a paced run on the core of the load."""
    asked = [url, str(file), str(rate), str(seconds), str(connections), header]
    command = pinned([where.load], [sys.executable, "-m", "bench.paced", *asked])
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish_pacing(process: "subprocess.Popen[str]") -> Paced:
    """Wait for a paced run and give what it saw."""
    output, _ = process.communicate(timeout=600)
    return Paced(**json.loads(output))


class _Run:
    """One run: what is due, what is idle, and what was seen."""

    def __init__(self, requests: list[bytes], rate: float, seconds: float) -> None:
        self.requests, self.rate, self.seconds = requests, rate, seconds
        self.loop = asyncio.get_running_loop()
        # In turn, so that none rests longer than a server lets it.
        self.idle: deque[_Connection] = deque()
        self.late: deque[float] = deque()
        self.latencies: list[float] = []
        self.answered = self.refused = self.errors = self.sent = 0
        self.begun = self.loop.time()

    async def pace(self) -> None:
        """Send what falls due until the time is over."""
        while (passed := self.loop.time() - self.begun) < self.seconds:
            while self.sent < passed * self.rate:
                due = self.begun + self.sent / self.rate
                self.sent += 1
                if self.idle:
                    self.idle.popleft().send(due)
                else:
                    self.late.append(due)
            await asyncio.sleep(_TICK)
        self.latencies += [
            self.begun + self.seconds - due for due in self.late
        ]  # they took that long at least

    def take(self, connection: "_Connection", status: int, due: float) -> None:
        """Count an answer and give the connection its next request."""
        now = self.loop.time()
        if now - self.begun > self.seconds:
            return
        if status in (429, 503):
            self.refused += 1
        elif status >= 400:
            self.errors += 1
        else:
            self.answered += 1
            if now - self.begun > _LEAD:
                self.latencies.append(now - due)
        if self.rate == 0:
            connection.send(now)
        elif self.late:
            connection.send(self.late.popleft())
        else:
            self.idle.append(connection)

    def seen(self) -> Paced:
        """The figures."""
        cuts = quantiles(self.latencies, n=100) if len(self.latencies) > 1 else [0.0] * 99
        return Paced(
            self.answered,
            self.refused,
            self.errors,
            self.seconds,
            cuts[49] * 1e3,
            cuts[98] * 1e3,
        )


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way. Answers have a Content-Length."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.due = 0.0
        self.received = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self.run.rate:
            self.run.idle.append(self)
        else:
            self.send(self.run.begun)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.run.loop.time() - self.run.begun < self.run.seconds:
            self.run.errors += 1
            if self in self.run.idle:
                self.run.idle.remove(self)

    def send(self, due: float) -> None:
        """Send one of the requests, due at that moment."""
        self.due = due
        self.transport.write(random.choice(self.run.requests))

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        length = lower.partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or 0):
            self.received = b""
            self.run.take(self, int(head[9:12]), self.due)


def _requests(url: str, file: Path, header: str) -> list[bytes]:
    parts = urlsplit(url)
    more = f"{header}\r\n" if header else ""
    return [
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{more}"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        for body in file.read_text().splitlines()
    ]


async def _main() -> None:
    url, file, rate, seconds, connections, header = sys.argv[1:]
    requests = _requests(url, Path(file), header)
    run = _Run(requests, float(rate), float(seconds))
    parts = urlsplit(url)
    opened = [
        await run.loop.create_connection(lambda: _Connection(run), parts.hostname, parts.port)
        for _ in range(int(connections))
    ]
    run.begun = run.loop.time()
    await run.pace()
    for transport, _ in opened:
        transport.close()
    seen = run.seen()
    print(json.dumps({name: getattr(seen, name) for name in Paced.__slots__}))


if __name__ == "__main__":
    uvloop.run(_main())
