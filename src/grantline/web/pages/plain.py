"""Plain answers: what was refused before any page, or went wrong behind one."""

from starlette.requests import Request
from starlette.responses import Response

from grantline.web.errors import as_oauth_error
from grantline.web.visit import FormRefused, Visit, open_bare_visit


def plain(visit: Visit, status: int, *, incident: str = "", retry_after: int = 0) -> Response:
    """The page for a status."""
    html = visit.server.pages.render(
        "people/plain.html", page=visit.page, status=status, incident=incident, retry_after=retry_after
    )
    response = visit.render_text(html, status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


async def refused(request: Request) -> Response:
    """What the edge refused: its status is in the request's state."""
    visit = open_bare_visit(request)
    return plain(visit, request.state.refused or 404)


async def failed(request: Request, error: Exception) -> Response:
    """Any exception out of a page: an opaque answer, the rest in the log (R86)."""
    visit = open_bare_visit(request)
    if isinstance(error, FormRefused):
        return plain(visit, error.status)
    refusal = as_oauth_error(error, visit.request_id)
    incident = visit.request_id if refusal.status >= 500 else ""
    return plain(visit, refusal.status, incident=incident, retry_after=refusal.retry_after or 0)


async def not_found(request: Request, error: Exception) -> Response:
    """No such page."""
    return plain(open_bare_visit(request), 404)


async def wrong_method(request: Request, error: Exception) -> Response:
    """The page takes other methods."""
    return plain(open_bare_visit(request), 405)


async def too_large(request: Request, error: Exception) -> Response:
    """The body went over the limit."""
    return plain(open_bare_visit(request), 413)


async def cut_off(request: Request, error: Exception) -> Response:
    """The sender went away before the end of the form: nobody reads this, and nothing was done."""
    return plain(open_bare_visit(request), 400)
