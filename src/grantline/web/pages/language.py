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
    """GET /language/{code}?back=…: answer in this language from now on, and back to where that was asked.

    It changes nothing but a preference of this browser, so it needs no form. `back` is a page of ours alone.
    """
    visit = open_bare_visit(request)
    code = request.path_params["code"]
    back = request.query_params.get("back", "")
    if code in LANGUAGES:
        visit.set_cookie_line(cookies.render(visit.server, "language", code, cookies.PREFERENCE_SECONDS))
    return visit.redirect(back if _OWN_ADDRESS.fullmatch(back) else "/")
