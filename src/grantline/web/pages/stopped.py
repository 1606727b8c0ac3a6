"""The page for what must not be redirected (RFC 6749 §4.1.2.1): the person learns what happened, the app's
owner also why (R85, T9)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from grantline.clients import Client, find_client, find_client_for
from grantline.oauth.errors import OAuthError
from grantline.oauth.redirect_difference import closest, difference
from grantline.web.errors import record_failure
from grantline.web.languages import _, mark
from grantline.web.server import Server
from grantline.web.visit import Visit
from grantline.web.words import render_difference

_HEADINGS: Mapping[str, tuple[str, str]] = {
    "redirect_uri_mismatch": (
        mark("%(app)s sent you here with an address we don’t know"),
        mark("at an address that is not registered"),
    ),
    "redirect_uri_missing": (
        mark("%(app)s sent you here without saying where to go back to"),
        mark("without an address to go back to"),
    ),
    "client_disabled": (mark("%(app)s is switched off"), mark("is switched off")),
    "client_unknown": (mark("%(app)s is not registered here"), mark("not registered here")),
    "client_wrong_data_center": (
        mark("%(app)s can’t be used in %(ours)s"),
        mark("registered in %(theirs)s"),
    ),
    "logout_redirect_mismatch": (
        mark("%(app)s asked to send you to an address we don’t know"),
        mark("at an address that is not registered"),
    ),
}
_OTHER: Final = (mark("%(app)s sent a request that we can’t read"), mark("sent a broken request"))


async def stopped_page(visit: Visit, error: OAuthError, *, status: int = 400) -> Response:
    """Say what stopped, to the person and to the developers; the registered addresses only to the owner, and
    in the demo."""
    server = visit.server
    client = None
    # An app that is switched off here looks like one that is not known here at all.
    if error.client_id is not None and error.code != "client_wrong_data_center":
        client = await find_client(server.db, error.client_id)
    own = None
    if client is not None and visit.account is not None:
        found = await find_client_for(server.db, visit.account.id, client.id)
        own = found[0] if found is not None else None
    # In the browser of somebody of the app's team it is their own try, and no stranger's (T130).
    error.proven = error.proven or own is not None
    record_failure(
        server,
        error,
        endpoint=visit.request.url.path,
        request_id=visit.request_id,
        network=visit.peer.shown,
        now=visit.now,
        workspace_id=client.workspace_id if client is not None else 0,
    )
    elsewhere = _elsewhere(server, error)
    names = elsewhere or {"ours": server.mint.home.name, "theirs": "–"}  # it left the registry meanwhile
    heading, app_side = _HEADINGS.get(error.code, _OTHER)
    return visit.render(
        "people/stopped.html",
        status=status,
        heading=_(heading, app=client.name if client is not None else _("The app"), **names),
        consequence=_("So we stopped. You are not signed in to the app, and nothing was shared with it."),
        app={"name": client.name} if client is not None else None,
        person=visit.person,
        reference=visit.request_id,
        app_side=_(app_side, **names),
        code=error.public_code,
        difference=_compare(error, client, shown=own is not None or server.settings.demo),
        owner=_owner(server.issuer, error, own),
        elsewhere=elsewhere,
    )


def _elsewhere(server: Server, error: OAuthError) -> Mapping[str, str] | None:
    """Which data center the client's ID names, when it is not this one; and where its owner may let it work
    here, too (R84). All of it out of the ID: whether there is such a client is not known."""
    expected = error.members.get("expected_issuer")
    centers = server.mint.data_centers
    found = next((center for center in centers.others if center.issuer == expected), None)
    if found is None:
        return None
    return {
        "ours": centers.home.name,
        "theirs": found.name,
        "issuer": found.issuer,
        "switch": f"{found.console}/clients/{quote(error.received or '')}/data-centers",
    }


def _owner(issuer: str, error: OAuthError, own: Client | None) -> Mapping[str, str] | None:
    if own is None:
        return None
    return {
        "fix": error.explanation.fix,
        "console_url": f"{issuer}/console/clients/{own.id}",
        "client_id": own.id,
    }


def _compare(error: OAuthError, client: Client | None, *, shown: bool) -> Mapping[str, object] | None:
    """The difference; strangers see what was sent and which part differs, never what is registered (T9)."""
    if error.code != "redirect_uri_mismatch" or client is None or not error.received:
        return None
    nearest = closest(error.received, client.redirect_uris)
    if nearest is None or nearest == error.received:
        return None
    if shown:
        return render_difference(error.received, nearest)
    found = difference(error.received, nearest)
    sentence = _(
        "%(sentence)s The part that differs: %(part)s.", sentence=_(found.sentence), part=_(found.part)
    )
    return {"sentence": sentence, "sent": [{"text": error.received, "kind": "same"}], "registered": []}
