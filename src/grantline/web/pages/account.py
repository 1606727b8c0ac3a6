"""A person's own pages: what they allowed and where they are signed in, and taking either back (R3, R55)."""

from starlette.requests import Request
from starlette.responses import Response

from grantline.accounts import end_session, list_sessions
from grantline.audit import record_event
from grantline.clients import find_client
from grantline.consent import list_connected_apps, remove_access
from grantline.web.languages import _
from grantline.web.pages.consent import person_of
from grantline.web.pages.sign_in import ask_to_sign_in
from grantline.web.visit import FormRefused, open_visit
from grantline.web.words import host_of, render_groups


async def home(request: Request) -> Response:
    """GET /account."""
    visit = await open_visit(request)
    if visit.account is None:
        return await ask_to_sign_in(visit, "/account")
    apps = await list_connected_apps(visit.server.db, visit.account.id)
    sessions = await list_sessions(visit.server.db, visit.account.id, visit.now)
    return visit.render(
        "people/account.html",
        person=await person_of(visit, visit.account),
        apps_count=len(apps),
        sessions_count=len(sessions),
        may_use_console=True,
    )


async def apps(request: Request) -> Response:
    """GET /account/apps: the connected apps."""
    visit = await open_visit(request)
    if visit.account is None:
        return await ask_to_sign_in(visit, "/account/apps")
    catalog = visit.server.mint.catalog
    connected = await list_connected_apps(visit.server.db, visit.account.id)
    removed = request.query_params.get("removed", "")
    client = await find_client(visit.server.db, removed) if removed else None
    return visit.render(
        "people/connected_apps.html",
        person=visit.person,
        apps=[
            {
                "client_id": app.client_id,
                "name": app.name,
                "host": host_of(app.homepage_url),
                "groups": render_groups(catalog.get(app.scope)),
                "since_at": app.since,
                "last_used_at": app.used_at,
            }
            for app in connected
        ],
        removed=client.name
        if client is not None and client.id not in {app.client_id for app in connected}
        else "",
        token=visit.form_token("apps"),
    )


async def remove_app(request: Request) -> Response:
    """POST /account/apps/remove: from the next request on nothing of that app works with this person's
    data."""
    visit = await open_visit(request)
    form = await visit.form("apps", fields=frozenset({"client_id"}))
    if visit.account is None:
        raise FormRefused(403)
    client_id = form.get("client_id", "")
    if not await remove_access(visit.server.db, visit.account.id, client_id, visit.peer.shown, visit.now):
        raise FormRefused(404)
    return visit.redirect(f"/account/apps?removed={client_id}")


async def sessions(request: Request) -> Response:
    """GET /account/sessions."""
    visit = await open_visit(request)
    if visit.account is None or visit.session is None:
        return await ask_to_sign_in(visit, "/account/sessions")
    return visit.render(
        "people/sessions.html",
        person=visit.person,
        sessions=[
            {
                "id": session.sid,
                "browser": _browser(session.user_agent),
                "network": session.network,
                "started_at": session.created_at,
                "last_seen_at": session.seen_at,
                "current": session.sid == visit.session.sid,
            }
            for session in await list_sessions(visit.server.db, visit.account.id, visit.now)
        ],
        token=visit.form_token("sessions"),
    )


async def end_one_session(request: Request) -> Response:
    """POST /account/sessions/end."""
    visit = await open_visit(request)
    form = await visit.form("sessions", fields=frozenset({"session"}))
    if visit.account is None:
        raise FormRefused(403)
    if not await end_session(visit.server.db, visit.account.id, form.get("session", ""), visit.now):
        raise FormRefused(404)
    await record_event(
        visit.server.db, "session.ended", now=visit.now, account_id=visit.account.id, network=visit.peer.shown
    )
    return visit.redirect("/account/sessions")


def _browser(user_agent: str) -> str:
    """A user agent in two words, as far as it can be told."""
    names = (
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
    )
    name = next((name for mark, name in names if mark in user_agent), _("A browser"))
    system = next((system for mark, system in (*systems, ("Linux", "Linux")) if mark in user_agent), "")
    return _("%(browser)s on %(system)s", browser=name, system=system) if system else name
