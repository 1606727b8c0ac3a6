"""A guide for each client type: who takes part, what happens, and what holds for it (R50)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from grantline.clients import CLIENT_TYPES, ClientType
from grantline.web.console.type_flows import render_flow
from grantline.web.console.type_words import TYPE_WORDS
from grantline.web.languages import _, mark
from grantline.web.templating import render_duration
from grantline.web.visit import open_visit

_REDIRECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "none": mark("None: people never come back to it by a redirect."),
        "web": mark(
            "https addresses, matched sign by sign; http for this computer alone, with its exact port."
        ),
        "native": mark("A scheme of your own, an https link that opens the app, or this device on any port."),
    }
)
_SECRETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "required": mark(
            "Required, in the body or as HTTP Basic. Two can live at a time, so that one follows another."
        ),
        "optional": mark("Not needed. One that is sent must be right."),
        "none": mark("None: anyone could read it. PKCE takes its place."),
    }
)


async def show_guide(request: Request) -> Response:
    """GET /guides/{type}."""
    visit = await open_visit(request)
    kind = CLIENT_TYPES.get(request.path_params["type"])
    if kind is None:
        raise HTTPException(404)
    return visit.render(
        "reference/guide.html",
        script=True,
        person=visit.person,
        type={"value": kind.name, "title": _(kind.title), "who": f"{_(kind.best_for)}."},
        flow=render_flow(kind.name),
        absent=_(TYPE_WORDS[kind.name].absent),
        facts=_facts(kind),
        others=[
            {"value": other.name, "title": _(other.title)}
            for other in CLIENT_TYPES.values()
            if other is not kind
        ],
    )


def _facts(kind: ClientType) -> list[dict[str, str]]:
    facts = [
        (_("Needs"), f"{_(kind.needs)}."),
        (_("Gets"), f"{_(kind.gets)}."),
        (_("Redirect URIs"), _(_REDIRECTS[kind.redirect_uris])),
        (_("Secret"), _(_SECRETS[kind.secret])),
        (_("PKCE"), _("Required, with S256.") if kind.pkce_required else _("Possible, and then checked.")),
        (_("Refresh token"), _refresh(kind)),
        (_("Grant types"), ", ".join(sorted(kind.grants))),
    ]
    if kind.redirect_uris == "none":
        facts = [fact for fact in facts if fact[0] != _("PKCE")]
    return [{"label": label, "value": value} for label, value in facts]


def _refresh(kind: ClientType) -> str:
    told = [_("A new one with each use.") if kind.rotates else _("The same one, as long as it is used.")]
    if kind.idle_seconds:
        told.append(_("It ends after %(time)s without use.", time=render_duration(kind.idle_seconds)))
    if kind.absolute_seconds:
        told.append(_("It ends after %(time)s in any case.", time=render_duration(kind.absolute_seconds)))
    return " ".join(told)
