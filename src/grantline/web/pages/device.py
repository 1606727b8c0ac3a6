"""The device page (RFC 8628 §3.3): the code first, then who, when and where, then a decision that only its
claimer can make."""

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from grantline.accounts import Account, Session, lock_account, personal_organization
from grantline.activity import ALLOWED, DECLINED
from grantline.audit import record_event
from grantline.authorize import PendingFlow, consume_flow, find_flow, park_flow
from grantline.clients import Client, find_client, serves
from grantline.consent import Asked, allow
from grantline.limits import (
    StoredLimit,
    give_back,
    give_back_for_network,
    reserve,
    reserve_for_network,
)
from grantline.tokens import (
    WRONG_USER_CODES,
    DeviceCode,
    claim_device_code,
    decide_device_code,
    find_by_user_code,
    hash_user_code,
    read_user_code,
    release_device_code,
    show_user_code,
)
from grantline.web.languages import _, mark
from grantline.web.pages.consent import app_of, person_of
from grantline.web.pages.sign_in import sign_in_page
from grantline.web.templating import render_duration
from grantline.web.visit import FormRefused, Visit, browser_hash, open_visit
from grantline.web.words import render_groups, render_rest

PER_BROWSER: Final = StoredLimit("user-code-browser", 5, 600)
PER_NETWORK: Final = StoredLimit("user-code-network", 10, 600)
FRESH_SECONDS: Final = 900
NOT_FOUND: Final = mark(
    "No device waits with this code. It may have a typing error, be used already, or be too old."
)

OTHER_NETWORK: Final = mark(
    "The device asks from another network than the one you are on. Go on only if that is right."
)
ASKED_ELSEWHERE: Final = mark(
    "The device asked in %(name)s, and where it is was not passed on. Go on only if you see the code on a"
    " screen in front of you."
)


async def show_device(request: Request) -> Response:
    """GET /oauth/v3/device and /device: the link with the code in it only fills the form (T61)."""
    visit = await open_visit(request)
    letters = read_user_code(request.query_params.get("user_code", "")[:40])
    return enter_page(visit, show_user_code(letters) if letters else "")


def enter_page(visit: Visit, user_code: str, problem: str = "", status: int = 200) -> Response:
    """The form for the code that a device shows."""
    return visit.render(
        "people/device_enter.html",
        status=status,
        user_code=user_code[:40],
        problem=_(problem),
        token=visit.form_token("device"),
    )


async def take_user_code(request: Request) -> Response:
    """POST /oauth/v3/device: look the code up, within limits, and go on to the question."""
    visit = await open_visit(request)
    form = await visit.form("device", fields=frozenset({"user_code"}))
    typed = form.get("user_code", "")
    if wait := await _reserve_try(visit):
        page = enter_page(
            visit,
            typed,
            _("There were too many tries. Wait %(time)s, then try again.", time=render_duration(wait)),
            429,
        )
        page.headers["Retry-After"] = str(wait)
        return page
    letters = read_user_code(typed)
    if letters is None or await _find(visit, letters) is None:
        await _count_wrong_code(visit)
        return enter_page(visit, typed, NOT_FOUND, 400)
    await _give_try_back(visit)
    handle = await park_flow(
        visit.server.db, browser=visit.browser, kind="device", request=letters, now=visit.now
    )
    if visit.session is None or visit.session.auth_at <= visit.now - FRESH_SECONDS:
        flow = await find_flow(visit.server.db, handle, visit.browser, visit.now)
        return await sign_in_page(visit, handle, flow)
    return visit.redirect(f"/oauth/v3/device/confirm?flow={handle}")


async def _reserve_try(visit: Visit) -> int:
    """Seconds to wait before another code may be tried (T63)."""
    db, factor = visit.server.db, visit.server.mint.limiter.factor
    wait = await reserve_for_network(db, PER_NETWORK, visit.peer.network, visit.now, factor=factor)
    return wait or await reserve(db, PER_BROWSER, browser_hash(visit).hex(), visit.now, factor=factor)


async def _give_try_back(visit: Visit) -> None:
    """The code was right: the limits are on wrong ones."""
    await give_back_for_network(visit.server.db, PER_NETWORK, visit.peer.network)
    await give_back(visit.server.db, PER_BROWSER, browser_hash(visit).hex())


async def _count_wrong_code(visit: Visit) -> None:
    """Too many wrong codes in an hour, from wherever, make new codes longer; nobody is kept from the page."""
    db, factor = visit.server.db, visit.server.mint.limiter.factor
    if await reserve(db, WRONG_USER_CODES, "all", visit.now, factor=factor):
        structlog.get_logger().warning("user codes are being guessed", network=visit.peer.shown)


async def _find(visit: Visit, letters: str) -> DeviceCode | None:
    return await find_by_user_code(
        visit.server.db, hash_user_code(visit.server.mint.keyring, letters), visit.now
    )


async def confirm(request: Request) -> Response:
    """GET /oauth/v3/device/confirm: claim the code for this person in this browser, and ask."""
    visit = await open_visit(request)
    handle = request.query_params.get("flow", "")
    flow = await find_flow(visit.server.db, handle, visit.browser, visit.now)
    if flow is None or flow.kind != "device":
        return visit.redirect("/device")
    if visit.account is None or visit.session is None or visit.session.auth_at <= visit.now - FRESH_SECONDS:
        return await sign_in_page(visit, handle, flow)
    code = await _find(visit, flow.request)
    client = await find_client(visit.server.db, code.client_id) if code is not None else None
    if (
        code is None
        or client is None
        or not client.enabled
        or not serves(client, visit.account.id, visit.now)
    ):
        return enter_page(visit, "", NOT_FOUND, 400)
    if not await claim_device_code(
        visit.server.db, code, account_id=visit.account.id, browser_hash=browser_hash(visit), now=visit.now
    ):
        return enter_page(visit, "", NOT_FOUND, 404)
    catalog = visit.server.mint.catalog
    return visit.render(
        "people/device_confirm.html",
        user_code=show_user_code(flow.request),
        app=app_of(client),
        person=await person_of(visit, visit.account),
        groups=render_groups(catalog.get(code.scope)),
        scopes=list(code.scope),
        could_not=render_rest(catalog, code.scope),
        device=code.user_agent[:40],
        started_at=code.created_at,
        seconds_ago=visit.now - code.created_at,
        device_network=code.network,
        own_network=visit.peer.shown,
        warning=_warning(visit, code),
        seconds_left=code.expires_at - visit.now,
        flow=handle,
        token=visit.form_token(f"device {handle}"),
    )


def _warning(visit: Visit, code: DeviceCode) -> str:
    """What should make the person look twice at where the device is; empty when nothing should (T60)."""
    if code.started_in:
        name = _name_of(visit, code.started_in)
        return _(ASKED_ELSEWHERE, name=name)
    elsewhere = code.network not in (visit.peer.shown, "127.0.0.1", "::1")
    return _(OTHER_NETWORK) if elsewhere else ""


def _name_of(visit: Visit, data_center: str) -> str:
    found = visit.server.mint.data_centers.find(data_center)
    return found.name if found is not None else data_center.upper()


async def decide_device(request: Request) -> Response:
    """POST /oauth/v3/device/decision."""
    visit = await open_visit(request)
    handle = (await visit.read_form()).get("flow", "")
    form = await visit.form(f"device {handle}", fields=frozenset({"decision"}))
    flow = await find_flow(visit.server.db, handle, visit.browser, visit.now)
    if flow is None or flow.kind != "device" or visit.account is None or visit.session is None:
        raise FormRefused(403)
    code = await _find(visit, flow.request)
    client = await find_client(visit.server.db, code.client_id) if code is not None else None
    if code is None or client is None or not serves(client, visit.account.id, visit.now):
        return enter_page(visit, "", NOT_FOUND, 400)
    if form.get("decision") == "switch":
        await release_device_code(
            visit.server.db, code, account_id=visit.account.id, browser_hash=browser_hash(visit)
        )
        return await sign_in_page(visit, handle, flow, other=True)
    allowed = form.get("decision") == "allow"
    await _write_decision(visit, visit.account, visit.session, flow, code, client, allowed=allowed)
    visit.server.counters.add(client.id, ALLOWED if allowed else DECLINED, visit.now)
    person = await person_of(visit, visit.account)
    return visit.render("people/device_done.html", allowed=allowed, app=client.name, person=person)


async def _write_decision(
    visit: Visit,
    account: Account,
    session: Session,
    flow: PendingFlow,
    code: DeviceCode,
    client: Client,
    *,
    allowed: bool,
) -> None:
    """Decision, consent and audit in one transaction. Raises FormRefused when it is not theirs to make."""
    organization = await personal_organization(visit.server.db, account.id)
    async with visit.server.db.transaction() as tx:
        await lock_account(tx, account.id)
        decided = await consume_flow(tx, flow, visit.now) and await decide_device_code(
            tx,
            code,
            allow=allowed,
            account_id=account.id,
            browser_hash=browser_hash(visit),
            organization_id=organization.id,
            auth_time=session.auth_at,
            sid=session.sid,
            now=visit.now,
        )
        if not decided:
            raise FormRefused(404)
        if allowed:
            await allow(
                tx,
                account_id=account.id,
                client=client,
                organization_id=organization.id,
                asked=Asked(
                    code.scope, code.refresh_token, "", code.resources, visit.server.mint.catalog.meant_since
                ),
                network=visit.peer.shown,
                now=visit.now,
            )
        else:
            await record_event(
                tx,
                "device.refused",
                now=visit.now,
                account_id=account.id,
                client_id=client.id,
                network=visit.peer.shown,
                detail={"started_from": code.network or code.started_in},
            )
