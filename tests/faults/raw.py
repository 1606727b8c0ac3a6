"""Requests made of raw bytes, straight to the application: what no well-behaved client library would send."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from tests.site import ISSUER, Site

HOST: Final = ISSUER.partition("://")[2].encode()
FORM: Final = b"application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.body)
        return members


async def ask(
    site: Site,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
    body: bytes | Sequence[bytes] = b"",
    host: bytes = HOST,
    peer: str | None = None,
) -> Answer:
    """The answer to one request; `body` as a sequence comes in so many pieces. Whatever the application lets
    out as an exception fails the test, and so does an answer that is none."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces[:-1]]
    messages.append({"type": "http.request", "body": pieces[-1] if pieces else b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await site.edge(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", host), *headers],
            "client": (peer or site.peer, 40000),
            "server": ("127.0.0.1", 8700),
            "state": {},
        },
        receive,
        send,
    )
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1, sent
    return Answer(
        starts[0]["status"],
        {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in starts[0]["headers"]},
        b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body"),
    )


def encode(fields: Sequence[tuple[str | bytes, str | bytes]]) -> bytes:
    """Fields as an urlencoded form; bytes and lone surrogates go along as they are."""

    def one(text: str | bytes) -> str:
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        return quote_from_bytes(raw, safe="")

    return "&".join(f"{one(name)}={one(value)}" for name, value in fields).encode()


async def post_form(
    site: Site,
    path: str,
    fields: Sequence[tuple[str | bytes, str | bytes]],
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
    query: bytes = b"",
) -> Answer:
    """A POST of a form."""
    return await ask(
        site,
        "POST",
        path,
        query=query,
        headers=[(b"content-type", FORM), *headers],
        body=encode(fields),
    )
