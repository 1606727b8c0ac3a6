"""Scopes of a client: what it means to ask for, what it has and uses, and how people are asked."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from grantline.activity import list_used_scopes
from grantline.clients import Client, RegistrationRefused, registration_of
from grantline.oauth.errors import InvalidScope
from grantline.oauth.scope import covers, parse_scope
from grantline.scopes import Catalog
from grantline.tokens import list_asked_scopes
from grantline.web.console.changing import change_client
from grantline.web.console.client_form import tell
from grantline.web.console.place import Place
from grantline.web.console.preview import render_preview
from grantline.web.console.scope_table import box_names, scope_tables
from grantline.web.languages import _, mark
from grantline.web.vendor_wire import scope_aliases
from grantline.web.visit import Visit

_SINCE_SECONDS: Final = 90 * 24 * 3600
SENSITIVITY: Final = (
    mark("Signs in"),
    mark("Sees"),
    mark("Adds"),
    mark("Edits"),
    mark("Edits and deletes"),
    mark("Everything"),
)
"""A word for each step of `Scope.sensitivity`."""


async def show_scopes(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/scopes."""
    return await _page(visit, place, client)


async def save(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/scopes: saves them or, with `act` look, shows how it would be."""
    boxes = box_names(visit.server.mint.catalog)
    form = await visit.form(f"scopes:{client.id}", fields=frozenset({"scope", "act", *boxes}))
    text = _with_boxes(visit, form.get("scope", ""), list(form))
    try:
        names = _read(visit, client, text)
        if form.get("act") == "look":
            return await _page(visit, place, client, text=text)
        await change_client(visit, place, client, lambda base: replace(base, scopes=tuple(names)))
    except InvalidScope as refused:
        return await _page(visit, place, client, text=text, problem=_scope_problem(refused))
    except RegistrationRefused as refused:
        problem = " ".join(tell(problem) for problem in refused.problems)
        return await _page(visit, place, client, text=text, problem=problem)
    return visit.redirect(f"/console/clients/{client.id}/scopes?saved")


def _with_boxes(visit: Visit, text: str, fields: Sequence[str]) -> str:
    """The text, and after it the ticked scopes that it does not name yet."""
    boxes = box_names(visit.server.mint.catalog)
    written = {word.lower() for word in text.replace(",", " ").split()}
    added = [boxes[name] for name in fields if name in boxes and boxes[name].lower() not in written]
    return ", ".join(part for part in (text.strip().rstrip(", "), *added) if part)


def _read(visit: Visit, client: Client, text: str) -> Sequence[str]:
    """The catalogue's names; an empty text means none. Raises InvalidScope."""
    if not text.strip(", \t\r\n"):
        return ()
    resolved = visit.server.mint.catalog.resolve(parse_scope(text), scope_aliases(client))
    if resolved.ignored:  # what a request may pass over is a slip here
        raise InvalidScope("scope_unknown", received=resolved.ignored[0])
    return resolved.names


def _scope_problem(refused: InvalidScope) -> str:
    if refused.received:
        name = refused.received[:200]
        return _("There is no scope %(name)s. Look it up in the list of all scopes.", name=name)
    return f"{_(refused.explanation.title)}. {_(refused.explanation.fix)}"


async def _page(
    visit: Visit, place: Place, client: Client, *, text: str | None = None, problem: str = ""
) -> Response:
    server = visit.server
    catalog = server.mint.catalog
    asked = await list_asked_scopes(server.db, client.id)
    used = await list_used_scopes(server.db, client.id, visit.now - _SINCE_SECONDS)
    shown = ", ".join(client.scopes) if text is None else text
    named = [scope.name for word in shown.replace(",", " ").split() if (scope := catalog.find(word))]
    requested = list(dict.fromkeys(named or asked))
    return visit.render(
        "console/scopes.html",
        status=400 if problem else 200,
        **place.frame(visit),
        form={"scope": shown},
        problems={"scope": problem} if problem else {},
        done=_("Saved.") if "saved" in visit.request.query_params else "",
        looking=text is not None,
        table=scope_tables(catalog, named),
        chosen=_sentences(catalog, requested, used),
        from_tokens=not named and bool(asked),
        counts={"requests": len(requested), "uses": _count_used(requested, list(used))},
        preview=await render_preview(
            visit, place, client.type, registration_of(client), client=client, scopes=requested
        ),
        token=visit.form_token(f"scopes:{client.id}"),
    )


def _count_used(requested: Sequence[str], used: Sequence[str]) -> int:
    """How many of the requested ones cover something that an API needed."""
    return sum(any(name == need or covers(name, need) for need in used) for name in requested)


def _sentences(catalog: Catalog, names: Sequence[str], used: object) -> list[dict[str, object]]:
    """Each scope in words, the most sensitive first."""
    needed = list(used) if isinstance(used, dict) else []
    return [
        {
            "name": scope.name,
            "sentence": _(scope.sentence),
            "sensitivity": _(SENSITIVITY[scope.sensitivity]),
            "level": scope.sensitivity,
            "used": any(scope.name == need or covers(scope.name, need) for need in needed),
        }
        for scope in catalog.get(names)
    ]
