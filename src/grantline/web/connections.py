"""Connections: whoever is slow, greedy or endless loses theirs, also without a proxy in front (T133, T134).

uvicorn reads heads of any length for any time. Here a head and a body have a time and a head has a length, a
reader who does not read is let go, and no address and no crowd of them takes every connection.
"""

from asyncio import Transport
from dataclasses import dataclass
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from grantline.web.peer import Network, find_peer

MOST_CONNECTIONS: Final = 1000
MOST_PER_ADDRESS: Final = 50
MOST_HEAD: Final = 32 * 1024
"""A little more than the edge lets through, which answers with a page of ours."""
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


class Connection(HttpToolsProtocol):
    """One connection. Loopback and trusted proxies may have as many as there are."""

    def __init__(
        self, *args: Any, proxies: tuple[Network, ...] = (), patience: Patience | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._proxies = proxies
        self._patience = patience or Patience()
        self.network: str | None = None
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
        if stuck or (self._deadline is not None and now >= self._deadline):
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

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._deadline = self.loop.time() + self._patience.head

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head = False
        self._deadline = self.loop.time() + self._patience.body
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there: from now on it is our turn."""
        self._deadline = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The other side does not read."""
        super().pause_writing()
        if self._stuck_since is None:
            self._stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._stuck_since = None
