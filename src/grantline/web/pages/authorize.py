"""The authorization endpoint's pages (RFC 6749 §3.1): check, then sign in, ask, or answer."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from grantline.accounts import lock_account, personal_organization
from grantline.activity import ALLOWED, ANY_TOKEN, DECLINED, FAILED, STARTED, token_kind, workspace_key
from grantline.authorize import (
    CheckedRequest,
    PendingFlow,
    Step,
    Target,
    answer_request,
    check_request,
    check_target,
    consume_flow,
    error_answer,
    find_flow,
    judge_request,
    next_step,
    park_flow,
    park_request,
    prepare_answer,
    read_parked,
)
from grantline.clients import serves
from grantline.consent import Asked, allow, find_consent, must_ask
from grantline.datacenters import check_heard
from grantline.db import Database, Transaction
from grantline.limits import Limit
from grantline.oauth.errors import AccessDenied, ConsentRequired, NotRedirectable, OAuthError, Throttled
from grantline.oauth.parameters import Parameters, from_fields, merge, parse_form
from grantline.oauth.requests import AuthorizationRequest, answers_in_fragment
from grantline.tokens import CodeLimitReached
from grantline.web import vendor_wire
from grantline.web.errors import as_oauth_error, record_failure
from grantline.web.pages.consent import consent_page
from grantline.web.pages.logout import read_hint
from grantline.web.pages.sign_in import sign_in_page
from grantline.web.pages.stopped import stopped_page
from grantline.web.visit import FormRefused, Visit, open_visit

PER_NETWORK: Final = Limit("authorize", 120, 60)


async def authorize(request: Request) -> Response:
    """GET and POST /oauth/v2/auth."""
    visit = await open_visit(request)
    try:
        _limit(visit)
        parameters = parse_form(request.scope["query_string"])
        if request.method == "POST":
            parameters = merge(parameters, parse_form(await request.body()))
        target = await _find_target(visit, parameters)
    except OAuthError as error:
        return await stopped_page(visit, error, status=429 if isinstance(error, Throttled) else 400)
    return await _check_and_go_on(visit, target, parameters)


async def renew(request: Request) -> Response:
    """GET /oauth/v2/auth/refresh: the vendor's silent renewal for browser apps, which is `prompt=none` by
    another name."""
    visit = await open_visit(request)
    try:
        _limit(visit)
        fields = [
            (name, value)
            for name, value in parse_form(request.scope["query_string"]).items()
            if name != "prompt"
        ]
        parameters = from_fields([*fields, ("prompt", "none")])
        target = await _find_target(visit, parameters)
    except OAuthError as error:
        return await stopped_page(visit, error, status=429 if isinstance(error, Throttled) else 400)
    return await _check_and_go_on(visit, target, parameters, renewal=True)


async def _find_target(visit: Visit, parameters: Parameters) -> Target:
    """Where the request goes. The copy of an app that serves one person's trial run is unknown to anybody
    else, and when its time is over. Raises NotRedirectable."""
    target = await check_target(visit.server.mint, parameters)
    person = visit.account.id if visit.account is not None else target.client.owner_account_id
    if not serves(target.client, person, visit.now):
        raise NotRedirectable("client_unknown", received=target.client.id)
    return target


def _limit(visit: Visit) -> None:
    if wait := visit.server.mint.limiter.take_for_network(PER_NETWORK, visit.peer.network, visit.now):
        raise Throttled("throttled", retry_after=wait)


async def _check_and_go_on(
    visit: Visit, target: Target, parameters: Parameters, *, renewal: bool = False
) -> Response:
    started = False
    try:
        aliases = vendor_wire.scope_aliases(target.client)
        checked = check_request(visit.server.mint, target, parameters, aliases)
        visit.server.counters.add(target.client.id, STARTED, visit.now)
        started = True
        # Nobody can have signed in for a request that has just come, not even within the same second (T23).
        text = park_request(checked.request, parameters)
        return await _go_on(visit, checked, started_at=visit.now + 1, handle=None, flow=None, text=text)
    except Exception as error:
        return _send_back(
            visit,
            target,
            as_oauth_error(error, visit.request_id),
            state=parameters.get("state"),
            in_fragment=answers_in_fragment(parameters),
            renewal=renewal,
            started=started,
        )


async def resume(request: Request) -> Response:
    """GET /oauth/v2/auth/continue: a parked request, after the person signed in."""
    visit = await open_visit(request)
    handle = request.query_params.get("flow", "")
    flow = await find_flow(visit.server.db, handle, visit.browser, visit.now)
    if flow is None or flow.kind != "authorize":
        return visit.redirect("/")  # answered, over, or another browser's (T73)
    try:
        target, parked = await _unpark(visit, flow)
    except NotRedirectable as error:
        return await stopped_page(visit, error)
    try:
        checked = _judge(visit, target, parked)
        return await _go_on(visit, checked, started_at=flow.created_at, handle=handle, flow=flow)
    except Exception as error:
        return _send_back_parked(visit, target, parked, as_oauth_error(error, visit.request_id))


async def _unpark(visit: Visit, flow: PendingFlow) -> tuple[Target, AuthorizationRequest]:
    """The parked request and where it goes, proven again by what is registered. Raises NotRedirectable."""
    fields = [("client_id", flow.client_id), ("redirect_uri", flow.redirect_uri)]
    target = await _find_target(visit, from_fields(fields))
    return target, read_parked(flow.request)


def _judge(visit: Visit, target: Target, parked: AuthorizationRequest) -> CheckedRequest:
    """The parked request, judged again by what is registered now (T14)."""
    return judge_request(visit.server.mint, target, parked, vendor_wire.scope_aliases(target.client))


async def _check_heard(visit: Visit, checked: CheckedRequest) -> None:
    """Nobody signs in or allows anything while the app's home is silent (T113)."""
    mint = visit.server.mint
    await check_heard(mint.db, mint.data_centers, checked.client.data_center, visit.now)


async def _go_on(
    visit: Visit,
    checked: CheckedRequest,
    *,
    started_at: int,
    handle: str | None,
    flow: PendingFlow | None,
    text: str = "",
) -> Response:
    """Sign in, ask, or answer; `text` is what is parked for that. Raises OAuthError for what is to be sent
    back."""
    await _check_heard(visit, checked)
    consented = True
    if visit.account is not None:
        organization = await personal_organization(visit.server.db, visit.account.id)
        consented = await _consented(visit, visit.server.db, checked, organization.id)
    step = next_step(
        checked.request,
        auth_at=visit.session.auth_at if visit.session is not None else None,
        same_person=_same_person(visit, checked),
        must_ask=not consented,
        started_at=started_at,
        now=visit.now,
    )
    if step is Step.ANSWER:
        return await _answer(visit, checked, flow, just_consented=False)
    if handle is None:
        handle = await park_flow(
            visit.server.db,
            browser=visit.browser,
            kind="authorize",
            request=text,
            client_id=checked.client.id,
            redirect_uri=checked.redirect_uri,
            now=visit.now,
        )
        flow = await find_flow(visit.server.db, handle, visit.browser, visit.now)
    if step is Step.SIGN_IN:
        return await sign_in_page(visit, handle, flow, email=checked.request.login_hint or "")
    return await consent_page(visit, checked, handle)


def _same_person(visit: Visit, checked: CheckedRequest) -> bool:
    """Whether `id_token_hint`, if there is one, names who is signed in (OpenID Connect Core §3.1.2.2)."""
    hint = read_hint(visit, checked.request.id_token_hint)
    return hint is None or visit.account is None or hint["sub"] == visit.account.sub


async def _consented(
    visit: Visit, db: Database | Transaction, checked: CheckedRequest, organization_id: int
) -> bool:
    assert visit.account is not None
    consent = await find_consent(db, visit.account.id, checked.client.id, organization_id)
    return not must_ask(consent, checked.client, _asked(visit, checked))


def _asked(visit: Visit, checked: CheckedRequest) -> Asked:
    since = visit.server.mint.catalog.meant_since
    return Asked(checked.scope, checked.offline, checked.redirect_uri, checked.request.resource, since)


async def _answer(
    visit: Visit, checked: CheckedRequest, flow: PendingFlow | None, *, just_consented: bool
) -> Response:
    """Send the browser back with the code or token; consent, spent flow and code are one transaction."""
    server, account, session = visit.server, visit.account, visit.session
    assert account is not None
    assert session is not None
    organization = await personal_organization(server.db, account.id)
    scope_set = await prepare_answer(server.mint, checked)
    refresh_token = vendor_wire.may_have_refresh_token(
        checked.client, asked=checked.offline, just_consented=just_consented
    )
    try:
        async with server.db.transaction() as tx:
            await lock_account(tx, account.id)
            if flow is not None and not await consume_flow(tx, flow, visit.now):
                return visit.redirect("/")
            if not just_consented and not await _consented(visit, tx, checked, organization.id):
                raise ConsentRequired("consent_required")  # taken back while this was under way (T47)
            if just_consented:
                await allow(
                    tx,
                    account_id=account.id,
                    client=checked.client,
                    organization_id=organization.id,
                    asked=_asked(visit, checked),
                    network=visit.peer.shown,
                    now=visit.now,
                )
            address = await answer_request(
                tx,
                server.mint,
                checked,
                account,
                organization_id=organization.id,
                auth_time=session.auth_at,
                sid=session.sid,
                refresh_token=refresh_token,
                scope_set=scope_set,
                now=visit.now,
            )
    except CodeLimitReached as limit:
        raise Throttled(
            "throttled", retry_after=limit.wait_seconds, hint="Too many codes for one person."
        ) from None
    _count_answer(visit, checked)
    return visit.leave(address)


def _count_answer(visit: Visit, checked: CheckedRequest) -> None:
    counters, client = visit.server.counters, checked.client
    counters.add(client.id, ALLOWED, visit.now)
    if checked.request.response_type != "code":
        counters.add(client.id, token_kind("implicit"), visit.now)
        counters.add(workspace_key(client.workspace_id), ANY_TOKEN, visit.now)


async def decide(request: Request) -> Response:
    """POST /oauth/v2/auth/decision: Allow, Don't allow, or another account."""
    visit = await open_visit(request)
    handle = (await visit.read_form()).get("flow", "")
    form = await visit.form(f"consent {handle}", fields=frozenset({"decision"}))
    flow = await find_flow(visit.server.db, handle, visit.browser, visit.now)
    if flow is None or flow.kind != "authorize" or visit.account is None or visit.session is None:
        raise FormRefused(403)
    try:
        target, parked = await _unpark(visit, flow)
    except NotRedirectable as error:
        return await stopped_page(visit, error)
    decision = form.get("decision")
    if decision == "switch":
        return await sign_in_page(visit, handle, flow, other=True)
    try:
        if decision != "allow":
            async with visit.server.db.transaction() as tx:
                if not await consume_flow(tx, flow, visit.now):
                    return visit.redirect("/")
            raise AccessDenied("consent_declined")
        checked = _judge(visit, target, parked)
        await _check_heard(visit, checked)
        # The session may have changed since the page was shown: judge once more, consent apart (T23, T83).
        step = next_step(
            parked,
            auth_at=visit.session.auth_at,
            same_person=_same_person(visit, checked),
            must_ask=True,
            started_at=flow.created_at,
            now=visit.now,
        )
        if step is Step.SIGN_IN:
            return await sign_in_page(visit, handle, flow)
        return await _answer(visit, checked, flow, just_consented=True)
    except Exception as error:
        return _send_back_parked(visit, target, parked, as_oauth_error(error, visit.request_id))


def _send_back_parked(
    visit: Visit, target: Target, parked: AuthorizationRequest, error: OAuthError
) -> Response:
    return _send_back(visit, target, error, state=parked.state, in_fragment=parked.in_fragment)


def _send_back(
    visit: Visit,
    target: Target,
    error: OAuthError,
    *,
    state: str | None,
    in_fragment: bool,
    renewal: bool = False,
    started: bool = True,
) -> Response:
    """The error, to the app (RFC 6749 §4.1.2.1). `started`: the request itself was in order."""
    if started:
        kind = DECLINED if error.code == "consent_declined" else FAILED
        visit.server.counters.add(target.client.id, kind, visit.now)
    record_failure(
        visit.server,
        error.concerning(target.client.id),
        endpoint=visit.request.url.path,
        request_id=visit.request_id,
        network=visit.peer.shown,
        now=visit.now,
        workspace_id=target.client.workspace_id,
    )
    if renewal and target.client.vendor_compatible:
        error.error = vendor_wire.silent_renewal_word(error.error)
    address = error_answer(
        visit.server.mint, target.redirect_uri, error, state=state, in_fragment=in_fragment
    )
    return visit.leave(address)
