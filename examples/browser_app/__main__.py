"""Lead Board's files, and the client's facts. Everything else happens in the browser."""

import httpx2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from examples.serving import Pages, read_config, serve, site

config, port = read_config("browser_app", port=8706)
issuer = config["issuer"]
# The console's Quickstart shows the module's lasting address and its hash: an app of yours writes them down.
try:
    module = httpx2.get(f"{issuer}/sdk/grantline.js").raise_for_status()
    centers = httpx2.get(f"{issuer}/oauth/serverinfo").raise_for_status().json()
except httpx2.HTTPError as problem:
    raise SystemExit(f"{issuer} does not answer ({type(problem).__name__}). Start it with ./run.") from None
pinned = issuer + module.headers["content-location"]
pages = Pages(
    "browser_app",
    issuer=issuer,
    module=pinned,
    integrity=module.headers["etag"].strip('"'),
    facts={name: config[name] for name in ("issuer", "client_id", "redirect_uri", "scope")},
)


async def board(request: Request) -> Response:
    """GET / and /callback: the page."""
    return pages.page("board.html")


async def silent(request: Request) -> Response:
    """GET /silent: an empty page, for answers that come without the person."""
    return Response(media_type="text/html")


everywhere = " ".join([*centers["locations"].values(), *centers["api_domains"].values()])
serve("Lead Board", site(
    "browser_app",
    [Route("/", board), Route("/callback", board), Route("/silent", silent)],
    script_src=pinned,
    style_src=f"{issuer}/sdk/login-button.css",
    connect_src=everywhere,
    frame_src=f"'self' {' '.join(centers['locations'].values())}",  # the silent sign-in after a reload
    frame_ancestors="'self'",
), port)  # fmt: skip
