"""Generate code: a self client's grant token, shown once beside its command (R42–R44, R49, B1, B8)."""

import json
from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.clients import Client
from grantline.oauth.errors import InvalidScope
from grantline.oauth.scope import parse_scope
from grantline.tokens import AuthorizationCode, CodeLimitReached, generate_code, list_console_codes
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.credentials import check_owner
from grantline.web.console.place import Place
from grantline.web.console.scope_table import box_names, scope_tables
from grantline.web.console.snippets import scope_to_ask
from grantline.web.languages import _
from grantline.web.templating import render_duration
from grantline.web.vendor_wire import scope_aliases
from grantline.web.visit import Visit

MINUTES: Final = (3, 5, 7, 10)
LONGEST_DESCRIPTION: Final = 200
_EMPTY: Final[Mapping[str, str]] = {"scope": "", "minutes": str(MINUTES[0]), "description": ""}


async def show_code_form(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/code."""
    check_generates(place, client)
    return await code_page(visit, place, client)


async def generate(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/code: the answer shows the code, this once."""
    check_generates(place, client)
    boxes = box_names(visit.server.mint.catalog)
    fields = frozenset({"scope", "minutes", "description", PASSWORD, *boxes})
    form = await visit.form(f"code:{client.id}", fields=fields)
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}/code"):
        return asked_again
    kept = {name: form.get(name, "").strip() for name in _EMPTY}
    kept["scope"] = _with_boxes(kept["scope"], [scope for name, scope in boxes.items() if name in form])
    if kept["minutes"] not in {str(minutes) for minutes in MINUTES}:
        return await _page(
            visit,
            place,
            client,
            kept | {"minutes": _EMPTY["minutes"]},
            problem=_("Choose how long it is valid."),
        )
    if len(kept["description"]) > LONGEST_DESCRIPTION:
        problems = {"description": _("Use at most %(most)d characters.", most=LONGEST_DESCRIPTION)}
        return await _page(visit, place, client, kept, problems=problems)
    try:
        code = await issue_code(visit, place, client, kept)
    except InvalidScope as refused:
        return await _page(visit, place, client, kept, problems={"scope": scope_problem(refused)})
    except CodeLimitReached as limit:
        duration = render_duration(limit.wait_seconds)
        wait = _("Ten codes in ten minutes are the limit. Wait %(duration)s.", duration=duration)
        return await _page(visit, place, client, kept, problem=wait, status=429)
    return await _page(visit, place, client, kept, code=code)


async def issue_code(visit: Visit, place: Place, client: Client, form: Mapping[str, str]) -> str:
    """The code, written together with its audit event. Raises InvalidScope, CodeLimitReached."""
    mint = visit.server.mint
    resolved = mint.catalog.resolve(parse_scope(form["scope"]), scope_aliases(client))
    async with visit.server.db.transaction() as tx:
        code = await generate_code(
            mint,
            tx,
            client,
            resolved,
            now=visit.now,
            life_seconds=int(form["minutes"]) * 60,
            auth_time=visit.session.auth_at if visit.session is not None else visit.now,
            description=form["description"],
        )
        await record_change(
            tx,
            visit,
            place,
            "code.generated",
            client=client,
            after={"scope": list(resolved.names), "minutes": int(form["minutes"])},
        )
    return code


def check_generates(place: Place, client: Client) -> None:
    """Codes are generated for self clients alone, by their owner, for whom they act; for others the page
    does not exist (R45)."""
    check_owner(place, client)
    if client.type.name != "self-client":
        raise HTTPException(404)


async def code_page(
    visit: Visit, place: Place, client: Client, *, problem: str = "", status: int = 0
) -> Response:
    """The page with an empty form, and what went wrong."""
    empty = {**_EMPTY, "scope": ", ".join(scope_to_ask(client).split()), "fresh": "yes"}
    return await _page(visit, place, client, empty, problem=problem, status=status)


def _with_boxes(text: str, ticked: list[str]) -> str:
    """The text, and after it the ticked scopes that it does not name yet."""
    written = {word.lower() for word in text.replace(",", " ").split()}
    added = [scope for scope in ticked if scope.lower() not in written]
    return ", ".join(part for part in (text.rstrip(", "), *added) if part)


def scope_problem(refused: InvalidScope) -> str:
    """What is wrong with the scopes, and what to do."""
    if refused.code == "scope_missing":
        return _("Name at least one scope, or tick one.")
    if refused.received:
        return _(
            "There is no scope %(name)s. Look it up in the list of all scopes.", name=refused.received[:200]
        )
    return f"{_(refused.explanation.title)}. {_(refused.explanation.fix)}"


async def _page(
    visit: Visit,
    place: Place,
    client: Client,
    form: Mapping[str, str],
    *,
    problems: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 0,
    code: str = "",
) -> Response:
    catalog = visit.server.mint.catalog
    earlier = await list_console_codes(visit.server.db, client.id)
    # Who empties a fresh form's text has ticked nothing: there the script keeps the boxes in step.
    words = form["scope"].replace(",", " ").split() if "fresh" not in form else ()
    named = [scope.name for word in words if (scope := catalog.find(word))]
    return visit.render(
        "console/code.html",
        status=status or (400 if problem or problems else 200),
        **place.frame(visit),
        form=form,
        problems=problems or {},
        problem=problem,
        choices=MINUTES,
        token=visit.form_token(f"code:{client.id}"),
        table=scope_tables(catalog, named),
        command=_command(visit, client, '"$CODE"'),
        result=_result(visit, client, form, code) if code else None,
        earlier=[_earlier(known, visit.now) for known in earlier],
    )


def _command(visit: Visit, client: Client, code: str) -> str:
    """The exchange as one command; the secret comes from the shell that runs it."""
    lines = [
        f"curl {visit.server.issuer}/oauth/v2/token",
        "-d grant_type=authorization_code",
        f"-d client_id={client.id}",
        '-d client_secret="$GRANTLINE_CLIENT_SECRET"',
        f"-d code={code}",
    ]
    return " \\\n  ".join(lines)


def _result(visit: Visit, client: Client, form: Mapping[str, str], code: str) -> dict[str, object]:
    seconds = int(form["minutes"]) * 60
    endpoint = f"{visit.server.issuer}/oauth/v2/token"
    document = {
        "grant_type": "authorization_code",
        "client_id": client.id,
        "code": code,
        "scope": [name for name in form["scope"].replace(",", " ").split() if name],
        "expires_at": visit.now + seconds,
        "issuer": visit.server.issuer,
        "token_endpoint": endpoint,
    }
    return {
        "code": code,
        "expires_at": visit.now + seconds,
        "seconds_left": seconds,
        "seconds_whole": seconds,
        "command": _command(visit, client, code),
        "document": json.dumps(document, indent=2),
        "file_name": "grantline-code.json",
    }


def _earlier(code: AuthorizationCode, now: int) -> dict[str, object]:
    if code.consumed_at is not None:
        duration = render_duration(code.consumed_at - code.created_at)
        state, outcome = "done", _("Exchanged after %(duration)s", duration=duration)
    elif code.expires_at <= now:
        state, outcome = "stop", _("Expired unused")
    else:
        state, outcome = "now", _("Not used yet")
    return {
        "description": code.description,
        "scopes": code.scope,
        "made_at": code.created_at,
        "minutes": (code.expires_at - code.created_at) // 60,
        "state": state,
        "outcome": outcome,
    }
