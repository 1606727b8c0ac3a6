"""APIs that a workspace declares: what they are, their scopes, the tokens that they take, and how to protect
them."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.clients import (
    Api,
    ApiDeclaration,
    ApiRefused,
    ApiScope,
    Client,
    SecretRefused,
    add_secret,
    create_api,
    delete_api,
    find_api,
    find_client,
    list_workspace_apis,
    render_api_manifest,
    reset_secrets,
    revoke_secret,
    update_api,
    usual_sensitivity,
)
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

BLANK_ROWS: Final = 3
MOST_ROWS: Final = 100
_TEXTS: Final = ("name", "identifier", "scope_prefix", "token_format", "token_seconds", "origins_policy")
_ROW: Final = ("name", "sentence", "level", "person", "alone")
_FIELDS: Final = frozenset(
    (*_TEXTS, PASSWORD, *(f"scope-{row}-{part}" for row in range(MOST_ROWS) for part in _ROW))
)
FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "opaque": (
        mark("Opaque"),
        mark("Your API asks about each token, so one that is revoked stops working at once."),
    ),
    "jwt-es256": (
        mark("JWT, ES256"),
        mark("Your API checks the signature by itself. A token that is revoked works until it expires."),
    ),
    "jwt-rs256": (mark("JWT, RS256"), mark("The same, for libraries that know RS256 alone.")),
}
POLICIES: Final[Mapping[str, str]] = {
    "registered": mark("Pages at the domains that the app registered"),
    "none": mark("No web pages"),
    "any": mark("Any web page"),
}
LEVELS: Final[Mapping[str, str]] = {
    "1": mark("1, harmless"),
    "2": mark("2"),
    "3": mark("3, personal"),
    "4": mark("4"),
    "5": mark("5, everything"),
}


async def show_apis(visit: Visit, place: Place) -> Response:
    """GET /console/apis."""
    apis = await list_workspace_apis(visit.server.db, place.workspace_id)
    done = _("The API was deleted. Its scopes can’t be asked for any more.")
    return visit.render(
        "console/apis.html",
        **place.frame(visit),
        apis=[api_row(api) for api in apis],
        done=done if "deleted" in visit.request.query_params else "",
    )


def api_row(api: Api) -> Mapping[str, Any]:
    return {
        "id": api.client_id,
        "name": api.name,
        "identifier": api.identifier,
        "prefix": api.scope_prefix,
        "scopes": len(api.scopes),
        "format": _(FORMATS[api.token_format][0]),
        "created_at": api.created_at,
    }


async def show_new(visit: Visit, place: Place) -> Response:
    """GET /console/apis/new."""
    return _form_page(visit, place, ApiDeclaration("", "", ""))


async def create(visit: Visit, place: Place) -> Response:
    """POST /console/apis/new: the answer shows the secret, this once (T6)."""
    form = await visit.form("apis", fields=_FIELDS)
    if asked_again := await confirm(visit, place, form, back="/console/apis"):
        return asked_again
    said, typed = _read(form), _typed_rows(form)
    try:
        api, value = await create_api(
            visit.server.db,
            said=said,
            data_center=visit.server.code,
            now=visit.now,
            workspace_id=place.workspace_id,
            created_by=place.account.id,
        )
    except ApiRefused as refused:
        return _form_page(visit, place, said, refused=refused, typed=typed)
    await record_change(visit.server.db, visit, place, "api.created", after=_told(api))
    await visit.server.node.catch_up()
    return await _one_page(visit, place, api, secret=value)


async def show_one(visit: Visit, place: Place) -> Response:
    """GET /console/apis/{api_id}."""
    done = _("Saved. Tokens that were made before stay as they are.")
    return await _one_page(
        visit, place, await _find(visit, place), done=done if "saved" in visit.request.query_params else ""
    )


async def save(visit: Visit, place: Place) -> Response:
    """POST /console/apis/{api_id}."""
    api = await _find(visit, place)
    form = await visit.form("apis", fields=_FIELDS)
    said = _read(form, api.scope_prefix)
    try:
        changed = await update_api(visit.server.db, api, said, visit.now)
    except ApiRefused as refused:
        return await _one_page(visit, place, api, said=said, refused=refused, typed=_typed_rows(form))
    except LookupError:
        raise HTTPException(404) from None
    before, after = _told(api), _told(changed)
    if before != after:
        await record_change(visit.server.db, visit, place, "api.updated", before=before, after=after)
    await visit.server.node.catch_up()
    return visit.redirect(f"/console/apis/{api.client_id}?saved")


async def change_secret(visit: Visit, place: Place) -> Response:
    """POST /console/apis/{api_id}/secrets: another one, or one instead of all."""
    api = await _find(visit, place)
    form = await visit.form("apis", fields=frozenset({"act", "secret_id", PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/apis/{api.client_id}"):
        return asked_again
    client = await find_client(visit.server.db, api.client_id)
    if client is None:
        raise HTTPException(404)
    try:
        value = await _change(visit, place, api, client, form)
    except SecretRefused as refused:
        return await _one_page(visit, place, api, problem=_(str(refused)))
    done = "" if value else _("The secret was revoked. It stopped working.")
    return await _one_page(visit, place, api, secret=value, done=done)


async def _change(visit: Visit, place: Place, api: Api, client: Client, form: Mapping[str, str]) -> str:
    """Do what the form wants with the secrets; gives the new one's value, if there is one. Raises
    SecretRefused."""
    act, id, value = form.get("act"), form.get("secret_id", ""), ""
    by = place.account.id
    async with visit.server.db.transaction() as tx:
        if act == "revoke":
            kind = "secret.revoked"
            await revoke_secret(tx, client, id, visit.now)
        elif act == "reset":
            kind = "secret.reset"
            value, made = await reset_secrets(tx, client, visit.server.code, visit.now, created_by=by)
            id = made.id
        else:
            kind = "secret.added"
            value, made = await add_secret(tx, client, visit.server.code, visit.now, created_by=by)
            id = made.id
        side = "before" if act == "revoke" else "after"
        told = {side: {"secret_id": id, "name": api.name}}
        await record_change(tx, visit, place, kind, before=told.get("before"), after=told.get("after"))
    return value


async def delete(visit: Visit, place: Place) -> Response:
    """POST /console/apis/{api_id}/delete."""
    api = await _find(visit, place)
    form = await visit.form("apis", fields=frozenset({"sure", PASSWORD}))
    if form.get("sure") != "yes":
        problem = _("Tick the box first: apps that ask for these scopes are refused afterwards.")
        return await _one_page(visit, place, api, problem=problem)
    if asked_again := await confirm(visit, place, form, back=f"/console/apis/{api.client_id}"):
        return asked_again
    await delete_api(visit.server.db, api.client_id, visit.now)
    await record_change(visit.server.db, visit, place, "api.deleted", before=_told(api))
    await visit.server.node.catch_up()
    return visit.redirect("/console/apis?deleted")


async def _find(visit: Visit, place: Place) -> Api:
    """The API of the address; of another workspace is the same as missing (T143)."""
    api = await find_api(visit.server.db, visit.request.path_params["api_id"])
    if api is None or api.workspace_id != place.workspace_id:
        raise HTTPException(404)
    return api


def _told(api: Api) -> Mapping[str, Any]:
    """What the audit says of it."""
    return {
        "name": api.name,
        "identifier": api.identifier,
        "token_format": api.token_format,
        "token_seconds": api.token_seconds,
        "origins_policy": api.origins_policy,
        "scopes": [scope.name for scope in api.scopes],
    }


def _read(form: Mapping[str, str], prefix: str | None = None) -> ApiDeclaration:
    """What was typed; an empty row is none. What is wrong with it is said when it is checked."""
    prefix = prefix if prefix is not None else form.get("scope_prefix", "").strip()
    seconds = form.get("token_seconds", "").strip() or "0"
    return ApiDeclaration(
        identifier=form.get("identifier", "").strip(),
        scope_prefix=prefix,
        name=form.get("name", "").strip(),
        scopes=tuple(_read_rows(form, prefix)),
        token_format=form.get("token_format", "opaque"),
        token_seconds=int(seconds) if seconds.isascii() and seconds.isdecimal() and len(seconds) < 7 else -1,
        origins_policy=form.get("origins_policy", "registered"),
    )


def _read_rows(form: Mapping[str, str], prefix: str) -> list[ApiScope]:
    found = []
    for row in range(MOST_ROWS):
        name = form.get(f"scope-{row}-name", "").strip()
        sentence = form.get(f"scope-{row}-sentence", "").strip()
        if not name and not sentence:
            continue
        if name and prefix and not name.lower().startswith(f"{prefix.lower()}."):
            name = f"{prefix}.{name}"
        level = form.get(f"scope-{row}-level", "")
        found.append(
            ApiScope(
                name,
                sentence,
                int(level) if level in LEVELS else usual_sensitivity(name),
                for_apps=f"scope-{row}-alone" in form,
                shows_person=f"scope-{row}-person" in form,
            )
        )
    return found


def _typed_rows(form: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The rows as they were typed, for a form that comes back. Nothing is added to a name and no level is
    chosen, since the prefix or the operation may be what is mended.
    """
    return [
        {
            "name": form.get(f"scope-{row}-name", ""),
            "sentence": form.get(f"scope-{row}-sentence", ""),
            "level": form.get(f"scope-{row}-level", ""),
            "person": f"scope-{row}-person" in form,
            "alone": f"scope-{row}-alone" in form,
        }
        for row in range(MOST_ROWS)
        if form.get(f"scope-{row}-name", "").strip() or form.get(f"scope-{row}-sentence", "").strip()
    ]


def api_fields(
    said: ApiDeclaration, refused: ApiRefused | None, typed: Sequence[Mapping[str, Any]] | None = None
) -> Mapping[str, Any]:
    """What parts/api_fields.html needs; `typed` are the rows of a form that was refused."""
    rows: list[Mapping[str, Any]] = list(typed or ()) or [
        {
            "name": scope.name,
            "sentence": scope.sentence,
            "level": str(scope.sensitivity),
            "person": scope.shows_person,
            "alone": scope.for_apps,
        }
        for scope in said.scopes
    ]
    blank = {"name": "", "sentence": "", "level": "", "person": False, "alone": True}
    rows += [blank] * max(0, min(BLANK_ROWS, MOST_ROWS - len(rows)))
    return {
        "said": {
            "name": said.name,
            "identifier": said.identifier,
            "scope_prefix": said.scope_prefix,
            "token_format": said.token_format,
            "token_seconds": str(said.token_seconds) if said.token_seconds > 0 else "",
            "origins_policy": said.origins_policy,
        },
        "rows": rows,
        "formats": [{"value": v, "title": _(w[0]), "hint": _(w[1])} for v, w in FORMATS.items()],
        "policies": [{"value": value, "title": _(words)} for value, words in POLICIES.items()],
        "levels": [{"value": value, "title": _(words)} for value, words in LEVELS.items()],
        "problems": {refused.field or "name": _(refused.text, **refused.values)}
        if refused is not None
        else {},
    }


def _form_page(
    visit: Visit,
    place: Place,
    said: ApiDeclaration,
    *,
    refused: ApiRefused | None = None,
    typed: Sequence[Mapping[str, Any]] = (),
) -> Response:
    return visit.render(
        "console/api_new.html",
        status=400 if refused else 200,
        **place.frame(visit),
        **api_fields(said, refused, typed),
        token=visit.form_token("apis"),
    )


async def _one_page(
    visit: Visit,
    place: Place,
    api: Api,
    *,
    said: ApiDeclaration | None = None,
    refused: ApiRefused | None = None,
    typed: Sequence[Mapping[str, Any]] = (),
    secret: str = "",
    done: str = "",
    problem: str = "",
) -> Response:
    client = await find_client(visit.server.db, api.client_id)
    live = client.live_secrets(visit.now) if client is not None else ()
    return visit.render(
        "console/api_one.html",
        status=400 if refused or problem else 200,
        **place.frame(visit),
        **api_fields(said or api.declaration, refused, typed),
        token=visit.form_token("apis"),
        api=api_row(api),
        secret={"id": live[-1].id, "value": secret} if secret else None,
        secrets=[{"id": one.id, "created_at": one.created_at} for one in live],
        done=done,
        problem=problem,
        manifest=render_api_manifest(api.declaration),
        snippet=snippet(api, visit.server.issuer),
    )


def snippet(api: Api, issuer: str) -> str:
    """The lines that protect this API; a guide says more."""
    scope = api.scopes[0].name if api.scopes else f"{api.scope_prefix}.READ"
    if api.algorithm:
        algorithms = "" if api.algorithm == "ES256" else f'algs=("{api.algorithm}",)'
        kind, check = "Offline", f"Offline({algorithms})"
    else:
        kind = "Introspection"
        check = f'Introspection("{api.client_id}", os.environ["CLIENT_SECRET"])'
    needs_os = "" if api.algorithm else "import os\n"
    return needs_os + textwrap.dedent(
        f"""\
        from typing import Annotated

        from grantline.resource_server import {kind}, ProtectedResource
        from grantline.resource_server.fastapi import Token, protect, require

        protect(app, ProtectedResource(
            resource="{api.identifier}",
            issuer="{issuer}",
            check={check},
        ))

        @app.get("/things")
        async def things(token: Annotated[Token, require("{scope}")]):
            ...
        """
    )
