"""An app's redirect address with a real server behind it, and the way of a person through our pages to it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page

from tests.browsing import sign_in_and_decide
from tests.running import Demo


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that reached the app; `target` is path and query, the headers' names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Arrivals:
    """Everything that arrived at an app's address so far, favicons apart."""

    address: str
    seen: list[Arrival] = field(default_factory=list)

    def the_only_one(self) -> Arrival:
        """What arrived, when it was exactly one request."""
        assert len(self.seen) == 1, self.seen
        return self.seen[0]


BLANK: Final = "<!doctype html><title>back at the app</title>"


@contextmanager
def listening(redirect_uri: str, html: str = BLANK) -> Iterator[Arrivals]:
    """A server at an app's redirect address on this machine. It answers everything with one page.

    The address may name port 0 or none: then a free one is taken and `address` says which (RFC 8252 §7.3).
    """
    parts = urlsplit(redirect_uri)
    arrivals = Arrivals("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path != "/favicon.ico":
                arrivals.seen.append(Arrival(self.command, self.path, headers, self.rfile.read(length)))
            page = html.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((parts.hostname or "127.0.0.1", parts.port or 0), Handler)
    arrivals.address = f"http://{parts.hostname}:{server.server_address[1]}{parts.path}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield arrivals
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def let_a_person_decide(
    page: Page, demo: Demo, url: str, decision: str = "allow", *, role: str = "user"
) -> str:
    """Lead a seeded person through sign-in and consent, as far as they come up; where the browser ends."""
    person = demo.user(role)
    return sign_in_and_decide(page, url, person["email"], person["password"], decision)


def answer_in(address: str) -> dict[str, str]:
    """The parameters that came back in a redirect, out of query and fragment."""
    parts = urlsplit(address)
    return dict(parse_qsl(parts.query) + parse_qsl(parts.fragment))
