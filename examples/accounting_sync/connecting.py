"""The one sign-in: a page of this program on this computer, which sends the browser away and takes it back.

It is plain Python, to show that the client library needs no web framework: `start` gives an address and a
cookie, `finish` takes the address that the browser came back to, and its cookies.
"""

import threading
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

from grantline import GrantlineError, Session, WebApp

_HEADERS: Final = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


def connect(web: WebApp, redirect_uri: str) -> Session:
    """The session of whoever signs in first."""
    address = urlsplit(redirect_uri)
    home = f"{address.scheme}://{address.netloc}"
    done: list[Session] = []

    class Desk(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            status, text, headers = self.answer()
            self.send_response(status)
            for name, value in {**_HEADERS, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())
            if done:
                threading.Thread(target=server.shutdown).start()

        def answer(self) -> tuple[int, str, dict[str, str]]:
            asked = urlsplit(self.path).path
            if self.headers.get("Host") != address.netloc or asked not in ("/", address.path):
                return 404, "There is nothing here.", {}
            try:
                if asked == "/":
                    started = web.start(cookies=self.cookies())
                    cookie = _cookie(started.cookie_name, started.cookie_value, started.max_age)
                    return 303, "", {"Location": started.url, **cookie}
                finished = web.finish(f"{home}{self.path}", self.cookies())
            except GrantlineError as problem:
                return 400, f"{problem}\n\nBegin again: {home}/", {}
            print(f"Connected as {finished.identity.email}.", flush=True)
            done.append(finished.session)
            return 200, "Connected. You may close this window.", _cookie(finished.cookie_name)

        def cookies(self) -> dict[str, str]:
            try:
                found = SimpleCookie(self.headers.get("Cookie", ""))
            except CookieError:
                return {}
            return {name: one.value for name, one in found.items()}

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the address holds the code."""

    with ThreadingHTTPServer((address.hostname or "127.0.0.1", address.port or 80), Desk) as server:
        print(f"Sign in once: open {home}/ in your browser.", flush=True)
        server.serve_forever(poll_interval=0.1)
    return done[0]


def _cookie(name: str, value: str = "", max_age: int = 0) -> dict[str, str]:
    return {"Set-Cookie": f"{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}"}
