"""Quickstart: a program for this client in the reader's language, and whether its first request came (R49,
R50)."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response

from grantline.activity import list_entries, list_firsts
from grantline.clients import Client
from grantline.oauth.errors import CATALOGUE, OAuthError
from grantline.oauth.scope import parse_scope
from grantline.web.browser_sdk import ADDRESS, MODULE
from grantline.web.console.place import Place
from grantline.web.console.postman import render_collection
from grantline.web.console.snippets import (
    FLOWS,
    LANGUAGES,
    app_values,
    env_file,
    first_call,
    json_file,
    redirect_uri_of,
    render_snippet,
    scope_to_ask,
)
from grantline.web.console.type_words import TYPE_WORDS
from grantline.web.headers import page_headers
from grantline.web.languages import _, mark
from grantline.web.vendor_wire import scope_aliases
from grantline.web.visit import Visit

_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {"curl": "quickstart.sh", "python": "quickstart.py", "javascript": "quickstart.mjs"}
)
_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "authorization_request": mark("First sign-in request"),
        "token": mark("First token"),
        "api_call": mark("First API call"),
        "refresh": mark("First refresh"),
    }
)
_NEEDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "redirect": mark("It prints an address for the browser, and asks where the browser ended."),
        "code": mark("It asks for a grant token. Generate one when the program waits for it."),
        "device": mark("It prints a code to enter on another screen, and waits."),
        "page": mark("Serve it at your redirect URI: the page signs the person in, and calls the API."),
    }
)
_LONGEST_SCOPE: Final = 2000


async def show_quickstart(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/quickstart: ?language=, ?scope= and ?redirect_uri= choose what the program says."""
    asked = visit.request.query_params
    language = asked.get("language", "")
    language = language if language in LANGUAGES else _usual_language(client)
    scope, problem = _scope(visit, client)
    values = _values(visit, client, scope)
    module = visit.server.pages.browser_files[ADDRESS + MODULE]
    flow = FLOWS[client.type.name]
    if client.type.name == "client-based" and language == "javascript":
        flow = "page"
    return visit.render(
        "console/quickstart.html",
        status=400 if problem else 200,
        **place.frame(visit),
        flow_sentence=_(TYPE_WORDS[client.type.name].flow),
        languages=[
            {"value": value, "title": title, "current": value == language}
            for value, title in LANGUAGES.items()
        ],
        chosen_language=language,
        snippet="" if language == "postman" else render_snippet(client, language, module=module, **values),
        file_name="quickstart.html" if flow == "page" else _FILES.get(language, ""),
        needs=_(_NEEDS[flow]),
        has_secret=client.type.secret == "required",
        generates=client.type.name == "self-client",
        redirect_uris=list(client.redirect_uris),
        redirect_uri=values["redirect_uri"],
        scope=asked.get("scope", "") if problem else scope,
        problem=problem,
        env=env_file(app_values(client, visit.server.issuer, scope, None, values["redirect_uri"])),
        **await _seen(visit, client),
    )


async def _seen(visit: Visit, client: Client) -> Mapping[str, Any]:
    """What the server saw of this client so far: the steps, and while there is none, what was refused."""
    firsts = await list_firsts(visit.server.db, client.id)
    entries = await list_entries(visit.server.db, client.id, limit=1) if not firsts else []
    refused = None
    if entries:
        explanation = CATALOGUE.get(entries[0].code)
        title = _(explanation.title) if explanation is not None else _("Something to look at")
        refused = {"title": title, "request_id": entries[0].id}
    return {
        "seen": [{"words": _(words), "at": firsts[step]} for step, words in _STEPS.items() if step in firsts],
        "refused": refused,
    }


async def download_env(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/quickstart/env: the same values as a file, without the secret; with `form=json` as the client
    library reads them."""
    scope, _problem = _scope(visit, client)
    chosen = _values(visit, client, scope)["redirect_uri"]
    values = app_values(client, visit.server.issuer, scope, None, chosen)
    if visit.request.query_params.get("form") == "json":
        return _file(json_file(values), "application/json", "grantline.json")
    return _file(env_file(values), "text/plain; charset=utf-8", "grantline.env")


async def download_collection(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/quickstart/postman: the collection as a file."""
    scope, _problem = _scope(visit, client)
    collection = render_collection(client, **_values(visit, client, scope))
    return _file(json.dumps(collection, indent=2), "application/json", "grantline.postman_collection.json")


def _file(text: str, content_type: str, name: str) -> Response:
    headers = {
        **page_headers(),
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(text.encode(), headers=headers)


def _usual_language(client: Client) -> str:
    return "javascript" if client.type.name == "client-based" else "curl"


def _values(visit: Visit, client: Client, scope: str) -> dict[str, Any]:
    mint = visit.server.mint
    return {
        "issuer": visit.server.issuer,
        "scope": scope,
        "redirect_uri": redirect_uri_of(client, visit.request.query_params.get("redirect_uri", "")),
        "call": first_call(scope, mint.catalog, mint.home.api_domain),
    }


def _scope(visit: Visit, client: Client) -> tuple[str, str]:
    """The scopes that were asked for in the address if they exist, else the client's; and what is wrong."""
    catalog = visit.server.mint.catalog
    usual = scope_to_ask(client)
    asked = visit.request.query_params.get("scope", "").strip()[:_LONGEST_SCOPE]
    if not asked:
        return usual, ""
    try:
        names: Sequence[str] = catalog.resolve(parse_scope(asked), scope_aliases(client)).asked
    except OAuthError as refused:
        received = f"{refused.received[:200]}: " if refused.received else ""
        return usual, f"{received}{_(refused.explanation.title)}. {_(refused.explanation.fix)}"
    return " ".join(names), ""
