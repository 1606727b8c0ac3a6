"""Keys and CLI: a person's tokens for the console's API, and the commands to use them with."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.place import Place
from grantline.web.languages import _, mark
from grantline.web.visit import Visit
from grantline.workspaces import (
    TOKEN_DAYS,
    TOKEN_SCOPES,
    PersonalToken,
    PersonalTokenRefused,
    create_personal_token,
    list_personal_tokens,
    revoke_personal_token,
)

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "clients:read": mark("See clients, their settings and their manifests"),
        "clients:write": mark("Register, change and delete clients, and take access back from people"),
        "secrets:write": mark("Add, reset and revoke client secrets"),
        "codes:write": mark("Generate codes for your self client, which reach your own data"),
        "activity:read": mark("See what was refused and why, who uses a client, and how much"),
        "team:read": mark("See who is in the workspace"),
        "team:write": mark("Invite people, change their roles and remove them"),
        "audit:read": mark("See every change in the workspace"),
    }
)
_TICK: Final = "scope:"
_FIELDS: Final = frozenset({"name", "days", *(f"{_TICK}{scope}" for scope in TOKEN_SCOPES)})
_DAYS: Final = "30"
_BACK: Final = "/console/keys"
_REFUSALS: Final = (
    mark("Name it with 1 to 60 letters, digits or signs."),
    mark("Choose at least one of the permissions in the list."),
    mark("Choose 7, 30, 90 or 365 days."),
    mark("You have 50 tokens that work. Revoke one first."),
)
"""What a PersonalTokenRefused may say, for the catalogues of the languages."""


async def show_keys(visit: Visit, place: Place) -> Response:
    """GET /console/keys."""
    done = _("The token was revoked. It stopped working.") if "revoked" in visit.request.query_params else ""
    return await _page(visit, place, {"days": _DAYS}, done=done)


async def create(visit: Visit, place: Place) -> Response:
    """POST /console/keys: the answer shows the token, this once (T6)."""
    form = await visit.form("keys", fields=_FIELDS | {PASSWORD})
    if asked_again := await confirm(visit, place, form, back=_BACK):
        return asked_again
    days = form.get("days", "")
    try:
        async with visit.server.db.transaction() as tx:
            value, token = await create_personal_token(
                tx,
                account_id=place.account.id,
                workspace_id=place.workspace_id,
                name=form.get("name", ""),
                scopes=[scope for scope in _offered(place) if f"{_TICK}{scope}" in form],
                days=int(days) if days in {str(choice) for choice in TOKEN_DAYS} else 0,
                data_center=visit.server.code,
                now=visit.now,
            )
            await record_change(tx, visit, place, "key.created", after=_told(token))
    except PersonalTokenRefused as refused:
        return await _page(visit, place, form, problems={refused.field: _(str(refused))})
    return await _page(
        visit, place, {"days": _DAYS}, made={"id": token.id, "name": token.name, "value": value}
    )


async def revoke(visit: Visit, place: Place) -> Response:
    """POST /console/keys/revoke: one of the person's own tokens, whichever workspace it is for."""
    form = await visit.form("keys", fields=frozenset({"key"}))
    async with visit.server.db.transaction() as tx:
        token = await revoke_personal_token(tx, place.account.id, form.get("key", ""), visit.now)
        if token is None:
            raise HTTPException(404)
        home = next((one for one in place.memberships if one.workspace_id == token.workspace_id), None)
        if home is not None:
            here = Place(place.account, home, place.memberships)
            await record_change(tx, visit, here, "key.revoked", before=_told(token))
    return visit.redirect(f"{_BACK}?revoked")


def _told(token: PersonalToken) -> Mapping[str, Any]:
    return {"key": token.id, "name": token.name, "scopes": list(token.scopes), "expires_at": token.expires_at}


def _offered(place: Place) -> list[str]:
    """The scopes that the person's role allows."""
    return [scope for scope, right in TOKEN_SCOPES.items() if place.membership.may(right)]


async def _page(
    visit: Visit,
    place: Place,
    form: Mapping[str, str],
    *,
    problems: Mapping[str, str] | None = None,
    made: Mapping[str, str] | None = None,
    done: str = "",
) -> Response:
    tokens = await list_personal_tokens(visit.server.db, place.account.id, visit.now)
    names = {known.workspace_id: place.name_of(known) for known in place.memberships}
    issuer = visit.server.issuer
    return visit.render(
        "console/keys.html",
        status=400 if problems else 200,
        **place.frame(visit),
        form={"name": form.get("name", ""), "days": form.get("days", "")},
        choices=[
            {"name": f"{_TICK}{scope}", "scope": scope, "sentence": _(SENTENCES[scope])}
            | {"ticked": f"{_TICK}{scope}" in form}
            for scope in _offered(place)
        ],
        withheld=len(_offered(place)) < len(TOKEN_SCOPES),
        days=[str(choice) for choice in TOKEN_DAYS],
        problems=problems or {},
        made=made,
        done=done,
        keys=[_row(token, names, visit.now) for token in tokens],
        token=visit.form_token("keys"),
        commands=[
            {
                "title": _("Read the token into your shell"),
                "text": "read -rs GRANTLINE_TOKEN; export GRANTLINE_TOKEN",
            },
            {
                "title": _("List your clients"),
                "text": f'curl -H "Authorization: Bearer $GRANTLINE_TOKEN" {issuer}/console/api/v1/clients',
            },
            {
                "title": _("See what a manifest would change, then apply it"),
                "text": f"grantline client apply manifest.yaml --server {issuer} --dry-run\n"
                f"grantline client apply manifest.yaml --server {issuer}",
            },
        ],
    )


def _row(token: PersonalToken, names: Mapping[int, str], now: int) -> Mapping[str, Any]:
    """One token for the table; in a workspace that the person left it does nothing."""
    name = names.get(token.workspace_id)
    if now >= token.expires_at:
        state, word = "open", _("Expired")
    elif name is None:
        state, word = "stop", _("You left its workspace")
    else:
        state, word = "done", _("Works")
    return {
        "id": token.id,
        "name": token.name,
        "workspace": name or "",
        "scopes": token.scopes,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "used_at": token.used_at,
        "state": state,
        "word": word,
    }
