"""A server outside: an issuer and its API on one port of this machine, which say what a test tells them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from grantline.sdk import App, Grant, Key, MemoryStore, Record, Secret, Session
from grantline.sdk.clock import ServerClock
from grantline.sdk.events import Event, Events

SCOPE = "leads.READ"
INVALID = {"WWW-Authenticate": 'Bearer realm="leads", error="invalid_token"'}


@dataclass
class Call:
    """What came to the API."""

    path: str
    authorization: str
    body: bytes


@dataclass
class Outside:
    """An issuer whose tokens its own API takes while they are in `live`."""

    address: str
    says: dict[str, Any] = field(default_factory=dict)
    """More members of its token answers."""
    api_domains: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    """What the API answers at these paths, whatever the token."""
    live: set[str] = field(default_factory=set)
    renewed: int = 0
    asked: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    now: float = 1_800_000_000.0

    def answer(self, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """One request."""
        if path.startswith("/.well-known/") or path in ("/token", "/centers"):
            self.asked.append(path)
            return 200, {"Content-Type": "application/json"}, json.dumps(self._issuer(path, body)).encode()
        self.calls.append(Call(path, authorization, body))
        if path in self.answers:
            return self.answers[path]
        if authorization.removeprefix("Bearer ") in self.live:
            return 200, {}, b"leads:" + body
        return 401, INVALID, b""

    def _issuer(self, path: str, body: bytes) -> dict[str, Any]:
        if path == "/centers":
            return {"locations": {"us": self.address}, "api_domains": self.api_domains}
        if path != "/token":
            more = {"dc_info": f"{self.address}/centers"} if self.api_domains else {}
            return {"issuer": self.address, "token_endpoint": f"{self.address}/token", **more}
        assert parse_qs(body.decode())["refresh_token"] == ["the-refresh-token"]
        self.renewed += 1
        token = f"token-{self.renewed}-secret"
        self.live = {token}
        return {"access_token": token, "expires_in": 3600, "api_domain": self.address, **self.says}

    def session(self, store: MemoryStore | None = None, events: list[Event] | None = None) -> Session:
        """A session of a grant that this issuer gave."""
        clock = ServerClock(lambda: self.now)
        clock.learn = lambda date: None  # type: ignore[method-assign] # its Date is the machine's
        key = Key(self.address, "app", "1001")
        told = Events(events.append if events is not None else None)
        grant = Grant(App(self.address, "app", Secret("app-secret")), key, clock, events=told)
        store = store or MemoryStore()
        if store.get(key.text) is None:
            store.put(key.text, Record(key, (SCOPE,), refresh_token=Secret("the-refresh-token")), 0)
        return Session(grant, store)


@contextmanager
def outside() -> Iterator[Outside]:
    """A server of its own port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = found.answer(
                self.path, self.headers.get("Authorization", ""), self._body()
            )
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *args: object) -> None:
            """Nothing on the terminal."""

    class Listening(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Listening(("127.0.0.1", 0), Handler) as server:
        found = Outside(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
