"""What the samples with pages share: where their facts come from, careful headers, templates, and a server
for this computer alone."""

import argparse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from examples.places import HERE
from grantline.sdk.setup import read_members

POLICY: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def read_config(name: str, *, port: int) -> tuple[Mapping[str, Any], int]:
    """The file that the console made for this sample, and the port of its page: what `--port` says, or that
    of the address in the file, or `port`."""
    parser = argparse.ArgumentParser(prog=f"./examples/run {name}")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, help=f"of the sample's page; without it {port}")
    given = parser.parse_args()
    config = read_members(given.config)
    registered = urlsplit(str(config.get("address") or config.get("redirect_uri") or "")).port
    return config, given.port or registered or port


class Pages:
    """The templates of one sample; what is in them is escaped."""

    def __init__(self, sample: str, **always: Any) -> None:
        self._always = always
        self._templates = Environment(
            loader=FileSystemLoader([HERE / sample, HERE]),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def text(self, template: str, **values: Any) -> str:
        """The filled template."""
        return self._templates.get_template(template).render(**self._always, **values)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The filled template as an answer."""
        return HTMLResponse(self.text(template, **values), status)


def site(sample: str, routes: Sequence[BaseRoute], **policy: str) -> Starlette:
    """The sample's application: its routes and files, with a content policy; `script_src="…"` and the like
    allow more."""
    allowed = dict(POLICY)
    for name, more in policy.items():
        directive = name.replace("_", "-")
        allowed[directive] = f"{POLICY.get(directive, '')} {more}".replace("'none'", "").strip()
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in allowed.items()),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }

    async def careful(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        """Other sites may not press our buttons: what changes something comes from a page of ours."""
        home = f"{request.url.scheme}://{request.url.netloc}"
        if request.method not in ("GET", "HEAD") and request.headers.get("origin") != home:
            return PlainTextResponse("This came from another site.", 403, headers)
        answer = await go_on(request)
        answer.headers.update(headers)
        return answer

    return Starlette(
        routes=[*routes, *_files(HERE / "style.css"), *_files(*sorted((HERE / sample).glob("static/*")))],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
            Middleware(BaseHTTPMiddleware, dispatch=careful),
        ],
    )


def _files(*paths: Path) -> list[Route]:
    def route(path: Path) -> Route:
        async def send(_: Request) -> Response:
            return FileResponse(path)

        return Route(f"/{path.name}", send)

    return [route(path) for path in paths]


def serve(name: str, app: Starlette, port: int) -> None:
    """Serve until Ctrl-C. No access log: addresses hold codes, which belong into no log."""
    print(f"{name}: open http://127.0.0.1:{port}/ in your browser. Ctrl-C stops it.", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
