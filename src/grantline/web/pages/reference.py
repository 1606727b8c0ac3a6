"""What anyone may read: the start page, the scopes (R11), the errors (R88)."""

from starlette.requests import Request
from starlette.responses import Response

from grantline.oauth.errors import CATALOGUE
from grantline.web.languages import mark
from grantline.web.pages.plain import plain
from grantline.web.visit import open_visit


async def start(request: Request) -> Response:
    """GET /."""
    visit = await open_visit(request)
    return visit.render("reference/start.html", person=visit.person)


async def scopes(request: Request) -> Response:
    """GET /scopes."""
    visit = await open_visit(request)
    catalog = visit.server.mint.catalog
    openid = [scope for scope in catalog.scopes if scope.service == "OpenID"]
    services: list[dict[str, object]] = [
        {
            "code": "OpenID",
            "title": mark("Sign-in"),
            "description": mark("Who the person is (OpenID Connect). Spelled exactly so."),
            "resources": [{"title": mark("The person"), "scopes": [_scope(scope) for scope in openid]}],
        }
    ]
    for service in catalog.services:
        resources = [
            {
                "title": resource.title,
                "scopes": [
                    _scope(scope)
                    for scope in catalog.scopes
                    if scope.service == service.prefix and scope.resource == resource.path
                ],
            }
            for resource in service.resources
        ]
        services.append(
            {"code": service.prefix, "title": service.title, "description": "", "resources": resources}
        )
    return visit.render("reference/scopes.html", script=True, person=visit.person, services=services)


def _scope(scope: object) -> dict[str, str]:
    return {name: str(getattr(scope, name)) for name in ("name", "operation", "sentence")}


async def errors(request: Request) -> Response:
    """GET /errors."""
    visit = await open_visit(request)
    groups: dict[str, list[dict[str, str]]] = {}
    for entry in CATALOGUE.values():
        groups.setdefault(entry.error, []).append({"code": entry.code, "title": entry.title})
    listed = [{"error": error, "entries": entries} for error, entries in groups.items()]
    return visit.render("reference/errors.html", script=True, person=visit.person, groups=listed)


async def error(request: Request) -> Response:
    """GET /errors/{code}."""
    visit = await open_visit(request)
    entry = CATALOGUE.get(request.path_params["code"])
    if entry is None:
        return plain(visit, 404)
    related = [
        {"code": other.code, "title": other.title}
        for other in CATALOGUE.values()
        if other.error == entry.error and other.code != entry.code
    ]
    return visit.render(
        "reference/error.html", script=True, person=visit.person, entry=entry, related=related
    )
