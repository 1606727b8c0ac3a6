"""Sending one message to another data center."""

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

import httpx2

from grantline.datacenters import (
    ADDRESS,
    HEADER,
    MESSAGE_TYPE,
    Clock,
    DataCenter,
    claims_of_message,
)
from grantline.tokens import Mint

ANSWER_SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 512 * 1024


class Unreachable(Exception):
    """The data center gave no answer, or none that it can have meant; the same message may be sent again."""


class NotTaken(Exception):
    """The data center refused the message. `reason` is its word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sender:
    """Signs and sends what this data center says to others, over connections that are kept."""

    def __init__(self, mint: Mint, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._mint = mint
        self._clock = clock
        self._http = httpx2.AsyncClient(
            transport=transport, timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False
        )

    async def send(self, receiver: DataCenter, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the data center answers. Raises Unreachable, NotTaken."""
        content = json.dumps(body, separators=(",", ":")).encode()
        home = self._mint.home
        claims = claims_of_message(
            kind, content, home=home, receiver=receiver, id=secrets.token_urlsafe(18), now=self._clock()
        )
        try:
            token = self._mint.keyring.sign_message(claims, listed=home.keys, typ=MESSAGE_TYPE)
        except LookupError as problem:
            raise Unreachable(str(problem)) from None
        headers = {HEADER: token, "content-type": "application/json", "accept-encoding": "identity"}
        address = receiver.issuer + ADDRESS
        try:
            async with self._http.stream("POST", address, content=content, headers=headers) as answer:
                received = await _receive(answer)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as problem:
            raise Unreachable(f"no answer ({type(problem).__name__})") from None
        return _read(answer.status_code, received)

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()


async def _receive(answer: httpx2.Response) -> bytes:
    """The body, counted as it comes and not unpacked: even a listed data center may not fill our memory.
    Raises Unreachable."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Unreachable("a packed answer")
    received = bytearray()
    async for piece in answer.aiter_bytes():
        received += piece
        if len(received) > LARGEST_ANSWER:
            raise Unreachable("an answer without an end")
    return bytes(received)


def _read(status: int, body: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        members = None
    if status in (400, 403, 409) and isinstance(members, dict) and "reason" in members:
        raise NotTaken(str(members["reason"])[:200])
    if status != 200 or not isinstance(members, dict):
        raise Unreachable(f"answered {status}")
    return members
