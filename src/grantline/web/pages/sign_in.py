"""Signing in and out (R52). Where to go on afterwards is a stored flow, never an address that the browser
brings (T80)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from grantline.accounts import (
    Account,
    EmailUnusable,
    PasswordsBusy,
    SignInDelayed,
    email_key,
    end_session,
    sign_in,
    start_session,
)
from grantline.audit import record_event
from grantline.authorize import PendingFlow, find_flow, move_flows, park_flow
from grantline.clients import find_client
from grantline.web.embedded import is_embedded
from grantline.web.languages import _, mark
from grantline.web.pages.offers import Offers, find_offers
from grantline.web.visit import FormRefused, Visit, form_target, open_visit

OTHER_TAB: Final = mark("Somebody signed in here in another tab meanwhile. Enter your password once more.")
WRONG: Final = mark("That e-mail and password don’t go together. Check both, then try again.")


async def show_sign_in(request: Request) -> Response:
    """GET /signin."""
    visit = await open_visit(request)
    handle = request.query_params.get("flow", "")
    flow = await find_flow(visit.server.db, handle, visit.browser, visit.now) if handle else None
    if flow is None and visit.account is not None:
        return visit.redirect("/account")
    return await sign_in_page(visit, handle if flow else "", flow)


async def sign_in_page(
    visit: Visit,
    handle: str,
    flow: PendingFlow | None,
    *,
    email: str = "",
    problem: str = "",
    wait_seconds: int = 0,
    status: int = 200,
    other: bool = False,
    elsewhere: str = "",
) -> Response:
    """The sign-in form, for a flow or by itself. `other`: the person wants another account than the present
    one; `elsewhere`: why they can't go on in the data center that they chose."""
    client = (
        await find_client(visit.server.db, flow.client_id) if flow is not None and flow.client_id else None
    )
    if is_embedded(visit.request.headers.get("user-agent", "")):
        app = client.name if client is not None else None
        return visit.render("people/open_in_browser.html", status=403, app=app)
    again = visit.account is not None and not other
    if again and (flow is None or flow.kind == "page"):
        offers = Offers(visit.server.mint.home.name)  # a page of the person who is signed in here
    else:
        offers = await find_offers(visit, flow, client)
    failed = problem == WRONG
    target = form_target(flow.redirect_uri) if flow is not None and flow.redirect_uri else ""
    return visit.render(
        "people/signin.html",
        status=status,
        form_action=" ".join(source for source in (target, offers.sources) if source),
        opener=client is not None and client.type.origins,
        app=client.name if client is not None else None,
        flow=handle,
        token=visit.form_token("signin"),
        email=email[:254],
        problem=_(problem),
        wait_seconds=wait_seconds,
        again=again,
        offers=offers.together() if failed else offers,
        failed=failed,
        elsewhere=_(elsewhere),
    )


async def take_sign_in(request: Request) -> Response:
    """POST /signin."""
    visit = await open_visit(request)
    try:
        form = await visit.form("signin", fields=frozenset({"email", "password"}))
    except FormRefused as refused:
        if visit.account is None or refused.status != 403:
            raise
        return await _signed_in_meanwhile(visit, visit.account)
    server, email, handle = visit.server, form.get("email", "").strip(), form.get("flow", "")
    flow = await find_flow(server.db, handle, visit.browser, visit.now) if handle else None
    handle = handle if flow is not None else ""
    try:
        known = visit.knows_email(email_key(email))
    except EmailUnusable:
        known = False
    try:
        account = await sign_in(
            server.db,
            server.passwords,
            email=email,
            password=form.get("password", ""),
            network=visit.peer.network,
            known_browser=known,
            factor=server.mint.limiter.factor,
            now=visit.now,
        )
    except SignInDelayed as delay:
        page = await sign_in_page(
            visit, handle, flow, email=email, wait_seconds=delay.wait_seconds, status=429
        )
        page.headers["Retry-After"] = str(delay.wait_seconds)
        return page
    except PasswordsBusy:
        page = await sign_in_page(visit, handle, flow, email=email, wait_seconds=2, status=503)
        page.headers["Retry-After"] = "2"
        return page
    if account is None:
        await record_event(server.db, "sign_in.failed", now=visit.now, network=visit.peer.shown)
        return await sign_in_page(visit, handle, flow, email=email, problem=WRONG, status=400)
    await _open_session(visit, account)
    return visit.redirect(_after(flow, handle) if flow is not None else "/account")


async def _signed_in_meanwhile(visit: Visit, account: Account) -> Response:
    """The form is older than a sign-in in another tab: go on as that person, if it is the one meant.

    Nothing of the form is acted on. Raises FormRefused when it came from another site.
    """
    visit.check_origin()
    form = await visit.read_form()
    email, handle = form.get("email", "").strip(), form.get("flow", "")
    flow = await find_flow(visit.server.db, handle, visit.browser, visit.now) if handle else None
    try:
        same = email_key(email) == email_key(account.email)
    except EmailUnusable:
        same = False
    if same:
        return visit.redirect(_after(flow, handle) if flow is not None else "/account")
    return await sign_in_page(
        visit, handle if flow is not None else "", flow, email=email, problem=OTHER_TAB, status=400
    )


async def _open_session(visit: Visit, account: Account) -> None:
    """A new session and a new browser id; what waited in this browser waits for the new id (T73)."""
    value, session = await start_session(
        visit.server.db,
        account_id=account.id,
        now=visit.now,
        network=visit.peer.shown,
        user_agent=visit.request.headers.get("user-agent", ""),
        replaces=visit.session.id_hash if visit.session is not None else None,
    )
    await record_event(
        visit.server.db, "sign_in.succeeded", now=visit.now, account_id=account.id, network=visit.peer.shown
    )
    visit.set_session(value, session, account)
    old_browser = visit.renew_browser()
    visit.remember_email(email_key(account.email))
    visit.choose_data_center(visit.server.code)
    await move_flows(visit.server.db, from_browser=old_browser, to_browser=visit.browser)


def _after(flow: PendingFlow, handle: str) -> str:
    """Where a flow goes on: our own addresses alone."""
    if flow.kind == "authorize":
        return f"/oauth/v2/auth/continue?flow={handle}"
    if flow.kind == "device":
        return f"/oauth/v3/device/confirm?flow={handle}"
    return flow.request


async def ask_to_sign_in(visit: Visit, path: str) -> Response:
    """To the sign-in page, and afterwards to `path`, a page of ours."""
    handle = await park_flow(visit.server.db, browser=visit.browser, kind="page", request=path, now=visit.now)
    return visit.redirect(f"/signin?flow={handle}")


async def show_sign_out(request: Request) -> Response:
    """GET /signout: ask."""
    visit = await open_visit(request)
    if visit.account is None:
        return visit.render("people/signed_out.html", app=None)
    return visit.render(
        "people/signout_ask.html", app=None, person=visit.person, flow="", token=visit.form_token("signout")
    )


async def take_sign_out(request: Request) -> Response:
    """POST /signout: the person said yes."""
    visit = await open_visit(request)
    form = await visit.form("signout", fields=frozenset())
    flow = (
        await find_flow(visit.server.db, form.get("flow", ""), visit.browser, visit.now)
        if form.get("flow")
        else None
    )
    await sign_out(visit)
    if flow is not None and flow.kind == "logout" and flow.redirect_uri:
        return visit.leave(flow.redirect_uri)
    client = (
        await find_client(visit.server.db, flow.client_id) if flow is not None and flow.client_id else None
    )
    app = (
        {"name": client.name, "url": client.homepage_url}
        if client is not None and client.homepage_url
        else None
    )
    return visit.render("people/signed_out.html", app=app)


async def sign_out(visit: Visit) -> None:
    """End the session of this browser."""
    if visit.session is not None and visit.account is not None:
        await end_session(visit.server.db, visit.account.id, visit.session.sid, visit.now)
        await record_event(
            visit.server.db, "sign_out", now=visit.now, account_id=visit.account.id, network=visit.peer.shown
        )
    visit.forget_session()
    visit.renew_browser()
