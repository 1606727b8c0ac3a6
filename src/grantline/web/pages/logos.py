"""Logos of apps at addresses of our own: no page of ours loads anything foreign (T87)."""

import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from grantline.clients import find_logo

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


def logo_address(digest: str) -> str:
    """Where the picture of this digest is; empty without one."""
    return f"/logos/{digest}" if digest else ""


async def serve_logo(request: Request) -> Response:
    """GET /logos/{digest}."""
    digest = request.path_params["digest"]
    found = await find_logo(request.state.server.db, digest) if _DIGEST.fullmatch(digest) else None
    if found is None:
        raise HTTPException(404)
    content, content_type = found
    return Response(content, media_type=content_type, headers=_HEADERS)
