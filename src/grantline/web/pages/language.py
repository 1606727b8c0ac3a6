"""The language of the pages in this browser."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from grantline.web import cookies
from grantline.web.languages import LANGUAGES
from grantline.web.visit import open_bare_visit

_OWN_ADDRESS: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,4000}")


async def choose_language(request: Request) -> Response:
    """GET /language/{code}: answer in this language from now on, and back to the page that the link was on.

    It changes nothing but a preference of this browser, so it needs no form. Which page it was the Referer
    says, so that no page repeats its own address; and it is a page of ours alone.
    """
    visit = open_bare_visit(request)
    code = request.path_params["code"]
    issuer = visit.server.issuer
    referer = request.headers.get("referer", "")
    back = referer.removeprefix(issuer) if referer.startswith(f"{issuer}/") else ""
    if code in LANGUAGES:
        visit.set_cookie_line(cookies.render(visit.server, "language", code, cookies.PREFERENCE_SECONDS))
    return visit.redirect(back if _OWN_ADDRESS.fullmatch(back) else "/")
