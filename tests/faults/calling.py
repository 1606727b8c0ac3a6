"""Calls to a server that may die at any moment: the answer, or that there was none."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

ANSWER_SECONDS: Final = 60
"""Longer than any server takes to refuse, so that a call that was given up is never still at work."""

REST_SECONDS: Final = 10
"""How long a connection is kept without use: half as long as servers do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; status 0 is a connection that was refused, or broke before the whole answer was
    there."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def known(self) -> bool:
        """Whether it tells what happened. After a 503 or a broken connection nobody knows."""
        return self.status not in (0, 503)

    @property
    def json(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.body)
        return members

    @property
    def text(self) -> str:
        return self.body.decode()


BROKEN: Final = Reply(0)


class Caller:
    """Calls one process, on connections that are kept."""

    def __init__(self, port: int, issuer: str) -> None:
        self.port = port
        self._issuer = issuer
        self._host = issuer.partition("://")[2]
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []

    async def call(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request: a form when there are fields."""
        body = urlencode(fields).encode() if fields is not None else b""
        lines = {"Host": self._host, "Content-Length": str(len(body)), **(headers or {})}
        if fields is not None:
            lines |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._issuer}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return await self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def send(self, request: bytes) -> Reply:
        """The answer to one whole request."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = self._rested() or await self._open()
                try:
                    writer.write(request)
                    reply = await _read(reader)
                except BaseException:
                    writer.transport.abort()
                    raise
        except (OSError, EOFError):
            return BROKEN
        if reply.headers.get("connection") == "close":
            writer.close()
        else:
            self._free.append((reader, writer, time.monotonic()))
        return reply

    def _rested(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection that is kept and still good."""
        while self._free:
            reader, writer, since = self._free.pop()
            if not reader.at_eof() and time.monotonic() < since + REST_SECONDS:
                return reader, writer
            writer.transport.abort()
        return None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        """Let every connection go."""
        for _, writer, _ in self._free:
            writer.transport.abort()
        self._free.clear()


async def _read(reader: asyncio.StreamReader) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    cookies: dict[str, str] = {}
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        if name.lower() == "set-cookie":
            key, _, rest = value.strip().partition("=")
            cookies[key] = rest.partition(";")[0]
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(head[0].split(" ")[1]), headers, cookies, body)
