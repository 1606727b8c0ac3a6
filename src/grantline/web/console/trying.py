"""Try it: the real flow of this app's type, step by step, every request shown, nothing left behind.

The run uses a copy of the app (`clients/trials.py`), so the app itself is neither changed nor counted.
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from grantline.accounts import personal_organization
from grantline.clients import (
    TRIAL_SECONDS,
    Client,
    Trial,
    end_trial,
    find_trial,
    find_trial_by_state,
    start_trial,
)
from grantline.limits import Limit
from grantline.oauth.errors import InvalidScope
from grantline.oauth.scope import parse_scope
from grantline.opaque import digest
from grantline.tokens import CodeLimitReached
from grantline.web.console.changes import record_change
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.entrance import check_limit
from grantline.web.console.place import Place
from grantline.web.console.trial_export import render_script
from grantline.web.console.trial_steps import (
    CALLBACK,
    next_step,
    record_return,
    take_step,
)
from grantline.web.console.trial_view import (
    render_claims,
    render_facts,
    render_refusal,
    render_step,
    render_upcoming,
)
from grantline.web.console.trials import Run, client_of, keep_run, new_run, open_run, save_run
from grantline.web.languages import _
from grantline.web.templating import render_duration
from grantline.web.vendor_wire import scope_aliases
from grantline.web.visit import FormRefused, Visit

STARTS: Final = Limit("trials", 20, 600)
LONGEST_SCOPE: Final = 2000


async def show_try(visit: Visit, place: Place, client: Client) -> Response:
    """GET …/try: the way to begin, or how far the run is."""
    trial, run = await _find(visit, client)
    if trial is None or run is None:
        return _start_page(visit, place, client, _scope_of(client))
    return await _run_page(visit, place, client, trial, run)


async def change_try(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/try: start a run, do its next step or all of them, end it."""
    form = await visit.form(f"try:{client.id}", fields=frozenset({"act", "scope", "at", PASSWORD}))
    match form.get("act"):
        case "start":
            return await _start(visit, place, client, form)
        case "step" | "all" as act:
            return await _go_on(visit, place, client, form.get("at", ""), everything=act == "all")
        case "end":
            return await _end(visit, place, client)
    raise FormRefused(400)


async def _find(visit: Visit, client: Client) -> tuple[Trial | None, Run | None]:
    assert visit.account is not None
    trial = await find_trial(visit.server.db, visit.account.id, client.id, visit.now)
    return trial, open_run(visit.server, trial) if trial is not None else None


def _scope_of(client: Client) -> str:
    """What a run asks for at first: who the person is, and what the app says that it asks for."""
    names = dict.fromkeys(("openid", "email", *client.scopes))
    return " ".join(names)[:LONGEST_SCOPE]


async def _start(visit: Visit, place: Place, client: Client, form: Mapping[str, str]) -> Response:
    asked = form.get("scope", "").strip()
    try:
        resolved = visit.server.mint.catalog.resolve(
            parse_scope(asked[:LONGEST_SCOPE]), scope_aliases(client)
        )
    except InvalidScope as refused:
        problem = (
            _(
                "There is no scope %(name)s. Look it up in the list of all scopes.",
                name=refused.received[:200],
            )
            if refused.received
            else _("Name at least one scope.")
        )
        return _start_page(visit, place, client, asked, problem=problem)
    # What comes of a code generated for oneself is as good as a sign-in (T5).
    if client.type.redirect_uris == "none" and (
        asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}/try")
    ):
        return asked_again
    check_limit(visit, STARTS, str(place.account.id))
    organization = await personal_organization(visit.server.db, place.account.id)
    trial, secret = await start_trial(
        visit.server.db,
        client,
        account_id=place.account.id,
        organization_id=organization.id,
        callback=f"{visit.server.issuer}{CALLBACK}",
        origin=visit.server.issuer,
        data_center=visit.server.code,
        now=visit.now,
    )
    run = new_run(" ".join(resolved.asked), secret)
    await keep_run(visit.server, trial, run, visit.now)
    await record_change(
        visit.server.db, visit, place, "trial.started", client=client, after={"scope": list(resolved.names)}
    )
    return _back(visit, client)


async def _go_on(visit: Visit, place: Place, client: Client, at: str, *, everything: bool) -> Response:
    """The next step, if the page that asked for it is the newest: pressed twice, it is done once."""
    trial, run = await _find(visit, client)
    copy = await client_of(visit.server, trial) if trial is not None else None
    if trial is None or run is None or copy is None or at != str(trial.version):
        return _back(visit, client)
    try:
        while (kind := next_step(visit, copy, run)) not in ("over", "authorize"):
            await take_step(visit, copy, run, kind)
            if not everything or kind in ("device", "poll"):
                break
    except CodeLimitReached as limit:
        wait = render_duration(limit.wait_seconds)
        problem = _("Ten codes in ten minutes are the limit. Wait %(time)s.", time=wait)
        return await _run_page(visit, place, client, trial, run, problem=problem)
    await save_run(visit.server, trial, run)
    return _back(visit, client)


async def _end(visit: Visit, place: Place, client: Client) -> Response:
    trial, _run = await _find(visit, client)
    if trial is not None:
        async with visit.server.db.transaction() as tx:
            await end_trial(tx, trial.client_id, visit.now)
            await record_change(tx, visit, place, "trial.ended", client=client)
    return visit.redirect(f"/console/clients/{client.id}/try?ended")


async def take_return(visit: Visit, place: Place) -> Response:
    """GET /console/try/callback: the browser comes back from the authorization endpoint, as to any app."""
    query = list(visit.request.query_params.items())
    trial = await find_trial_by_state(
        visit.server.db, place.account.id, digest(dict(query).get("state", "")), visit.now
    )
    run = open_run(visit.server, trial) if trial is not None else None
    copy = await client_of(visit.server, trial) if trial is not None else None
    if trial is None or run is None or copy is None:
        return visit.redirect("/console/clients")
    if not run.code and not run.refused:
        record_return(visit, copy, run, query[:20])
        await save_run(visit.server, trial, run)
    return visit.redirect(f"/console/clients/{trial.trial_of}/try")


def _back(visit: Visit, client: Client) -> Response:
    return visit.redirect(f"/console/clients/{client.id}/try")


def _start_page(visit: Visit, place: Place, client: Client, scope: str, problem: str = "") -> Response:
    return visit.render(
        "console/try.html",
        status=400 if problem else 200,
        **place.frame(visit),
        run=None,
        scope=scope,
        problem=problem,
        ended="ended" in visit.request.query_params,
        minutes=TRIAL_SECONDS // 60,
        token=visit.form_token(f"try:{client.id}"),
    )


async def _run_page(
    visit: Visit, place: Place, client: Client, trial: Trial, run: Run, problem: str = ""
) -> Response:
    copy = await client_of(visit.server, trial)
    upcoming = next_step(visit, copy, run) if copy is not None else "over"
    title = _("%(name)s: the flow of a %(type)s client", name=client.name, type=_(client.type.title))
    return visit.render(
        "console/try.html",
        status=429 if problem else 200,
        **place.frame(visit),
        run={
            "at": trial.version,
            "ends_at": trial.ends_at,
            "client_id": trial.client_id,
            "scope": run.scope,
            "steps": [
                render_step(step, is_open=number == len(run.steps))
                for number, step in enumerate(run.steps, 1)
            ],
            "next": render_upcoming(visit, copy, run, upcoming),
            "refused": render_refusal(run.refused) if run.refused else None,
            "screen": {"user_code": run.user_code, "uri": run.verification_uri} if run.user_code else None,
            "facts": await render_facts(visit, run),
            "claims": render_claims(run.id_token),
            "script": render_script(client, run.steps, issuer=visit.server.issuer, title=title),
            "file_name": f"try-{client.type.name}.sh",
        },
        problem=problem,
        ended=False,
        token=visit.form_token(f"try:{client.id}"),
    )
