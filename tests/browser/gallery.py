"""Every page with rich sample contexts, rendered and served with the headers that the product sends.

The marker test of the templates uses the same contexts, so a template without a sample is noticed there.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from grantline.web.languages import speak, translate
from grantline.web.templating import Pages
from tests.browser import (
    apps_samples,
    centers_samples,
    console_samples,
    credentials_samples,
    machines_samples,
    making_samples,
    seeing_samples,
    teams_samples,
    trying_samples,
)
from tests.browser import samples as people_samples
from tests.browser.samples import Sample

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
CONSOLE_POLICY = f"{POLICY}; script-src 'self'; connect-src 'self'"


def samples() -> list[Sample]:
    """Every page, some of them in several states."""
    return [
        *people_samples.people(),
        *people_samples.account(),
        *people_samples.reference(),
        *console_samples.console(),
        *credentials_samples.credentials(),
        *centers_samples.centers(),
        *machines_samples.machines(),
        *machines_samples.apis(),
        *making_samples.making(),
        *apps_samples.apps(),
        *seeing_samples.seeing(),
        *teams_samples.teams(),
        *trying_samples.trying(),
    ]


def rendered(pages: Pages, sample: Sample, language: str = "en") -> str:
    """The page in this language; sentences of its context too, where the catalogue has them."""
    speak(language)
    try:
        return pages.render(sample.template, **{name: _said(value) for name, value in sample.context.items()})
    finally:
        speak("en")


def _said(value: object) -> object:
    if isinstance(value, str):
        return translate(value) if " " in value else value
    if isinstance(value, Mapping):
        return {name: _said(inner) for name, inner in value.items()}
    return [_said(inner) for inner in value] if type(value) in (list, tuple) else value


@contextmanager
def served(language: str = "en") -> Iterator[str]:
    """The pages at `{address}/<name>` and their static files, on a free port of this machine."""
    pages = Pages()
    bodies = {
        f"/{sample.name}": (
            rendered(pages, sample, language).encode(),
            "text/html; charset=utf-8",
            CONSOLE_POLICY if sample.scripts else POLICY,
        )
        for sample in samples()
    }
    bodies.update({path: (content, kind, POLICY) for path, (content, kind) in pages.static_files().items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, kind, policy = bodies.get(self.path.partition("?")[0], (b"", "text/plain", POLICY))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            """Takes any form, so that a test sees where it went."""
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
