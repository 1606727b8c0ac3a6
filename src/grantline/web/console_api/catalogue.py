"""The error catalogue: the same texts as in answers, on pages and in the documentation (R88)."""

from grantline.oauth.errors import CATALOGUE
from grantline.oauth.explanation import Explanation
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.operations import Operation, Reply, Shown
from grantline.web.console_api.problems import not_found


class ErrorShown(Shown):
    """One error of the catalogue."""

    code: str
    error: str
    title: str
    description: str
    cause: str
    fix: str
    page: str


class ErrorsShown(Shown):
    """The whole catalogue."""

    errors: list[ErrorShown]


def _show(caller: Caller, entry: Explanation) -> ErrorShown:
    return ErrorShown(
        code=entry.code,
        error=entry.error,
        title=entry.title,
        description=entry.description,
        cause=entry.cause,
        fix=entry.fix,
        page=f"{caller.server.issuer}/errors/{entry.code}",
    )


async def index(caller: Caller) -> Reply:
    """GET /errors."""
    return Reply(ErrorsShown(errors=[_show(caller, entry) for entry in CATALOGUE.values()]))


async def read(caller: Caller, code: str) -> Reply:
    """GET /errors/{code}."""
    entry = CATALOGUE.get(code)
    if entry is None:
        raise not_found()
    return Reply(_show(caller, entry))


OPERATIONS = (
    Operation("GET", "/errors", index, "activity:read", "List the error catalogue", ErrorsShown),
    Operation("GET", "/errors/{code}", read, "activity:read", "Read one error", ErrorShown),
)
