"""Connections: whoever is slow, greedy or endless loses theirs, also without a proxy in front (T133, T134).

uvicorn reads heads of any length for any time. Here a head and a body have a time and a head has a length, a
reader who does not read is let go, and no address and no crowd of them takes every connection.

A connection also takes an answer as a whole (`Cycle.answer`) and writes it at once, which costs a quarter of
what sending its parts does; that is offered to the application as an extension of ASGI.
"""

from asyncio import Event, Transport
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from grantline.web.peer import Network, find_peer

MOST_CONNECTIONS: Final = 1000
MOST_PER_ADDRESS: Final = 50
MOST_HEAD: Final = 32 * 1024
"""A little more than the edge lets through, which answers with a page of ours."""
ANSWER: Final = "grantline.answer"
"""The extension's name in the scope of a request."""
SHORT_URL: Final = 64
MOST_URLS: Final = 64
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection may take for what, in seconds, and how often that is looked at."""

    head: float = 10
    body: float = 15
    write: float = 15
    look: float = 2.5


class Shared:
    """What the connections of a listener need not work out each for itself."""

    def __init__(self) -> None:
        self._urls: dict[bytes, tuple[str, bytes, bytes]] = {}
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._lines = b""

    def common_lines(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The lines that every answer has (its date). Their headers are replaced as a whole once a second."""
        if headers is not self._headers:
            self._headers = headers
            self._lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._lines

    def parse_url(self, url: bytes) -> tuple[str, bytes, bytes]:
        """Path, raw path and query. Short ones, which come again and again, are remembered."""
        known = self._urls.get(url)
        if known is None:
            parsed = httptools.parse_url(url)
            path = parsed.path.decode("ascii")
            known = (unquote(path) if "%" in path else path), parsed.path, parsed.query or b""
            if len(url) <= SHORT_URL and len(self._urls) < MOST_URLS:
                self._urls[url] = known
        return known


class Connection(HttpToolsProtocol):
    """One connection. Loopback and trusted proxies may have as many as there are."""

    def __init__(
        self,
        *args: Any,
        proxies: tuple[Network, ...] = (),
        patience: Patience | None = None,
        shared: Shared | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._proxies = proxies
        self._patience = patience or Patience()
        self.shared = shared or Shared()
        self.network: str | None = None
        self._idle = self._heard_all = False
        self._in_head = True
        self._head_bytes = 0
        self._deadline: float | None = None
        self._stuck_since: float | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take the connection, or drop it where there are too many."""
        super().connection_made(transport)
        self.network = find_peer(
            self.client[0] if self.client else None, "http", None, None, self._proxies
        ).network
        if len(self.connections) > MOST_CONNECTIONS or self._too_many_of_one():
            transport.abort()
            return
        self._deadline = self.loop.time() + self._patience.head
        self.loop.call_later(self._patience.look, self._look)

    def _too_many_of_one(self) -> bool:
        if self.network is None:
            return False
        same = [
            one for one in self.connections if isinstance(one, Connection) and one.network == self.network
        ]
        return len(same) > MOST_PER_ADDRESS

    def _look(self) -> None:
        """Once in a while, which costs less than a timer for each request."""
        if self.transport.is_closing():
            return
        now = self.loop.time()
        stuck = self._stuck_since is not None and now >= self._stuck_since + self._patience.write
        late = self._deadline is not None and now >= self._deadline
        if late and self._idle:
            self.transport.close()
            return
        if stuck or late:
            self.transport.abort()
            return
        self.loop.call_later(self._patience.look, self._look)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that does not end is answered here, since nothing behind ever sees it."""
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The other side has said all it will: what it asked is still answered, where the transport can."""
        self._heard_all = True
        cycle = cast("Cycle | None", self.cycle)
        waiting = cycle is not None and not cycle.response_complete and not cycle.more_body
        return waiting and self.scheme == "http"

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._idle, self._in_head, self._head_bytes = False, True, 0
        self._deadline = self.loop.time() + self._patience.head

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head = False
        self._deadline = self.loop.time() + self._patience.body
        scope, version = self.scope, self.parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["path"], scope["raw_path"], scope["query_string"] = self.shared.parse_url(self.url)
        before = cast("Cycle | None", self.cycle)
        self.cycle = cycle = Cycle(self, keep_alive=version != "1.0" and self.parser.should_keep_alive())
        scope["extensions"] = {ANSWER: cycle.answer}  # type: ignore[dict-item]
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:  # requests in a row wait for their turn
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_message_complete(self) -> None:
        """All of it is there: from now on it is our turn."""
        super().on_message_complete()
        if self.cycle.response_complete:  # it was refused by its head alone
            self._rest()
        else:
            self._deadline = None

    def on_response_complete(self) -> None:
        """The answer is out: the next request in a row, or a rest."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._heard_all:
            self.transport.close()
        elif self._deadline is None:  # else the next request is arriving already
            self._rest()

    def _rest(self) -> None:
        """Nothing is asked: that may last a while, which `_look` ends."""
        self._idle = True
        self._deadline = self.loop.time() + self.timeout_keep_alive

    def pause_writing(self) -> None:
        """The other side does not read."""
        super().pause_writing()
        if self._stuck_since is None:
            self._stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._stuck_since = None


class _NobodyWaits(Event):
    """In the place of an event, until somebody waits for a part of a request: hardly anyone ever does."""

    def set(self) -> None:
        """Nobody is there to be told."""

    def clear(self) -> None:
        """Nothing was told."""


_NOBODY_WAITS: Final = _NobodyWaits()


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    def __init__(self, connection: Connection, *, keep_alive: bool) -> None:
        # All that the parent's own has, set here: calling it costs more than it does.
        self.scope, self.transport, self.flow = connection.scope, connection.transport, connection.flow
        self.logger, self.access_logger = connection.logger, connection.access_logger
        self.access_log = False
        self.default_headers = connection.server_state.default_headers
        self.message_event = _NOBODY_WAITS
        self.on_response = connection.on_response_complete
        self.disconnected, self.keep_alive = False, keep_alive
        self.waiting_for_100_continue = connection.expect_100_continue
        self.body, self.more_body = bytearray(), True
        self.response_started = self.response_complete = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        self.taken = False
        self._shared = connection.shared

    async def receive(self) -> Any:
        """The next message. A body that is there as a whole, as nearly all are, is handed over at once."""
        if self.more_body or self.taken or self.disconnected or self.response_complete:
            if self.message_event is _NOBODY_WAITS:
                self.message_event = Event()
                if not self.taken and (self.body or not self.more_body):
                    self.message_event.set()
            message = await super().receive()
            self.taken = not self.more_body
            return message
        self.taken = True
        self.message_event.clear()
        return {"type": "http.request", "body": bytes(self.body), "more_body": False}

    def answer(self, status: int, lines: bytes, body: bytes) -> bool:
        """Send a whole answer in one piece: header lines that are rendered and end with their line's end, and
        a body of the length that they tell. False when it must go the ordinary way."""
        if self.response_started or self.disconnected or not self.keep_alive or self.flow.write_paused:
            return False
        self.response_started = self.response_complete = True
        if self.scope["method"] == "HEAD":
            body = b""
        common = self._shared.common_lines(self.default_headers)
        self.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[status], common, lines, body))
        self.message_event.set()
        self.on_response()
        return True
