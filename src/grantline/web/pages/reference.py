"""What anyone may read: the start page, the scopes (R11), the errors (R88)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from grantline.oauth.errors import CATALOGUE, Explanation
from grantline.web.languages import _, mark
from grantline.web.pages.plain import plain
from grantline.web.visit import open_visit

LONGEST_SEARCH: Final = 200


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
    return visit.render(
        "reference/scopes.html",
        script=True,
        person=visit.person,
        look_up_token=visit.form_token("look-up"),
        services=services,
    )


def _scope(scope: object) -> dict[str, str]:
    return {name: str(getattr(scope, name)) for name in ("name", "operation", "sentence")}


async def errors(request: Request) -> Response:
    """GET /errors, all of them or those that hold the words of ?q=."""
    visit = await open_visit(request)
    asked = request.query_params.get("q", "").strip()[:LONGEST_SEARCH]
    groups: dict[str, list[dict[str, str]]] = {}
    for entry in search_catalogue(asked) if asked else CATALOGUE.values():
        groups.setdefault(entry.error, []).append({"code": entry.code, "title": _(entry.title)})
    listed = [{"error": error, "entries": entries} for error, entries in groups.items()]
    return visit.render(
        "reference/errors.html",
        script=True,
        person=visit.person,
        look_up_token=visit.form_token("look-up"),
        asked=asked,
        groups=listed,
    )


def search_catalogue(text: str) -> list[Explanation]:
    """The errors whose words hold all of these, those that have them in code or title first."""
    words = text.lower().split()[:10]
    ranked = []
    for number, entry in enumerate(CATALOGUE.values()):
        name = f"{entry.code} {entry.error} {_(entry.title)}".lower()
        whole = f"{name} {entry.description} {_(entry.cause)} {_(entry.fix)}".lower()
        if words and all(word in whole for word in words):
            ranked.append((-sum(word in name for word in words), number, entry))
    return [entry for _rank, _number, entry in sorted(ranked, key=lambda one: one[:2])]


async def error(request: Request) -> Response:
    """GET /errors/{code}."""
    visit = await open_visit(request)
    entry = CATALOGUE.get(request.path_params["code"])
    if entry is None:
        return plain(visit, 404)
    related = [
        {"code": other.code, "title": _(other.title)}
        for other in CATALOGUE.values()
        if other.error == entry.error and other.code != entry.code
    ]
    return visit.render(
        "reference/error.html",
        script=True,
        person=visit.person,
        look_up_token=visit.form_token("look-up"),
        entry=entry,
        related=related,
    )
