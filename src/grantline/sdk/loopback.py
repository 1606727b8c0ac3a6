"""Where a browser brings its answer back to on this machine: a listener on the loopback address, for one
answer (RFC 8252 §7.3).

It listens to this machine alone, answers at one address, takes the first answer that has the attempt's
`state`, and sends the browser on to a page without the code in its address. What it shows has no script and
nothing of the answer in it.
"""

import html
import re
import secrets
import socket
import threading
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import Future
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs

from grantline.sdk.errors import CallbackRefused, ClientRejected

HOSTS: Final[Mapping[str, str]] = MappingProxyType(
    {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "[::1]": "::1"}
)
"""How an address may be written, and where is listened then."""
DEFAULT: Final = "http://127.0.0.1/callback"
PAGE_SECONDS: Final = 60.0
SHOWN_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 10.0
LONGEST: Final = 16 * 1024

_STYLE: Final = (
    ":root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;"
    "font:1.125rem/1.5 system-ui,sans-serif}main{max-width:32rem;padding:2rem}"
    "h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:0}"
)
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"
)
_ADDRESS: Final = re.compile(
    r"http://(127\.0\.0\.1|localhost|\[::1\])(?::([1-9][0-9]{0,4}))?((?:/[A-Za-z0-9._~%/-]*)?)"
)
_WORDS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = MappingProxyType(
    {
        "en": {
            "done": ("You are signed in", "You can close this window and go back to the app."),
            "failed": ("The sign-in did not work", "Go back to the app: it says why."),
            "not": ("Nothing is waiting here", "Start the sign-in again in the app."),
        },
        "de": {
            "done": ("Sie sind angemeldet", "Sie können dieses Fenster schließen und zur App zurückkehren."),
            "failed": ("Die Anmeldung hat nicht geklappt", "Kehren Sie zur App zurück: Sie nennt den Grund."),
            "not": ("Hier wartet nichts", "Beginnen Sie die Anmeldung in der App noch einmal."),
        },
    }
)


class Loopback:
    """A listener for one answer, on a free port. `redirect_uri` is as registered; its port, if it has one, is
    used where it is free, since servers take any port of this machine (RFC 8252 §7.3)."""

    def __init__(self, redirect_uri: str = "") -> None:
        self._host, port, self._path = _parts(redirect_uri or DEFAULT)
        self._state = ""
        self._answer: Future[str] = Future()
        self._verdict: Future[bool] = Future()
        self._shown = threading.Event()
        self._page = f"/{secrets.token_urlsafe(16)}"
        self._turn = threading.Lock()
        self._server = _listen(HOSTS[self._host], port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def authority(self) -> str:
        """Host and port as a browser sends them."""
        return f"{self._host}:{self.port}"

    @property
    def redirect_uri(self) -> str:
        """What the server is told."""
        return f"http://{self.authority}{self._path}"

    def expect(self, state: str) -> Future[str]:
        """Take the answer with this state, from now on; the address that the browser came to."""
        self._state = state
        return self._answer

    def show(self, done: bool) -> None:
        """Say in the browser how it went."""
        if not self._verdict.done():
            self._verdict.set_result(done)

    def close(self) -> None:
        """Stop listening, once the page is shown to a browser that waits for it."""
        if self._answer.done() and not self._answer.cancelled():
            self.show(False)
            self._shown.wait(SHOWN_SECONDS)
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What a browser asks for

    def respond(self, target: str) -> tuple[int, str, str]:
        """Status, where to go on, and which page, for a request target of ours."""
        path, _, query = target.partition("?")
        if path == self._page and self._answer.done():
            return 200, "", "done" if self._verdict.result(PAGE_SECONDS) else "failed"
        if path != (self._path or "/") or len(target) > LONGEST:
            return 404, "", "not"
        if not self._is_expected(query):
            return 400, "", "not"
        with self._turn:
            if self._answer.done():
                return 400, "", "not"
            self._answer.set_result(self.redirect_uri + "?" + query)
        return 303, self._page, "done"

    def page_was_sent(self, target: str) -> None:
        """Note that the browser has its last page."""
        if target == self._page:
            self._shown.set()

    def _is_expected(self, query: str) -> bool:
        try:
            states = parse_qs(query, max_num_fields=50).get("state", [])
        except ValueError:
            return False
        return bool(self._state) and secrets.compare_digest(
            "\n".join(states).encode(errors="replace"), self._state.encode()
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False  # on some systems it would let two programs have one port

    def __init__(self, address: tuple[str, int], loopback: Loopback) -> None:
        self.loopback = loopback
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without a question to the name service for our own name."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news, and a trace could hold the code."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """The only method there is."""
        loopback = self.server.loopback
        if self.headers.get_all("host") != [loopback.authority]:  # another name for this machine (rebinding)
            self._send(421, "", "not")
            return
        status, location, page = loopback.respond(self.path)
        self._send(status, location, page)
        loopback.page_was_sent(self.path)

    def _send(self, status: int, location: str, page: str) -> None:
        told = self.headers.get("accept-language", "") if hasattr(self, "headers") else ""
        language = "de" if told.lower().startswith("de") else "en"
        body = _rendered(language, page).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request of a browser gets the same page."""
        self._send(code, "", "not")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address holds the code."""


def _rendered(language: str, page: str) -> str:
    heading, sentence = (html.escape(text) for text in _WORDS[language][page])
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{heading}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<main><h1>{heading}</h1><p>{sentence}</p></main></html>"
    )


def _parts(redirect_uri: str) -> tuple[str, int, str]:
    """Host, port (0: any) and path. Raises ClientRejected for what is not on this machine."""
    found = _ADDRESS.fullmatch(redirect_uri)
    if found is None or int(found[2] or 0) > 65535:
        raise ClientRejected(
            f"{redirect_uri} is not an address of this machine.",
            fix=f"Register {DEFAULT} for the app, and give it as redirect_uri; any port of it will do.",
        )
    return found[1], int(found[2] or 0), found[3]


def _listen(address: str, port: int, loopback: Loopback) -> _Server:
    try:
        return _Server((address, port), loopback)
    except OSError:
        if not port:
            raise CallbackRefused(
                f"No port of {address} is free to wait for the browser.", fix="Check this machine's network."
            ) from None
    return _listen(address, 0, loopback)
