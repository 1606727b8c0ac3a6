"""Trial runs: the real flow for each type, useless to anybody else, and gone at its end."""

import asyncio
import re
import shutil
from html import unescape
from pathlib import Path

import httpx2
import pytest

from grantline.audit import list_client_events
from grantline.clients import (
    CLIENT_TYPES,
    SETTLE_SECONDS,
    TRIAL_SECONDS,
    Client,
    clear_trials,
    find_client,
    has_trials,
    list_clients,
    list_workspace_clients,
)
from grantline.consent import list_connected_apps
from grantline.db.tables import list_tables
from grantline.jobs import do_due_jobs
from grantline.web.background import jobs
from tests.site import App, Browser, Site, hidden_fields

KINDS = list(CLIENT_TYPES)


def path_of(app: App) -> str:
    return f"/console/clients/{app.id}/try"


async def press(browser: Browser, app: App, act: str, **fields: str) -> httpx2.Response:
    page = await browser.get(path_of(app))
    at = re.search(r'name="at" value="(\d+)"', page.text)
    sent = {**hidden_fields(page), "act": act, **({"at": at[1]} if at else {}), **fields}
    answer = await browser.post(path_of(app), sent)
    assert answer.status_code == 303, answer.text[:2000]
    return await browser.get(answer.headers["location"])


async def start(browser: Browser, app: App, scope: str = "openid email") -> httpx2.Response:
    return await press(browser, app, "start", scope=scope)


async def copy_in(site: Site, page: httpx2.Response) -> Client:
    row = await site.db.one("SELECT id FROM clients WHERE trial_of <> '' AND deleted_at IS NULL")
    client = await find_client(site.db, row[0])
    assert client is not None
    assert client.id in page.text
    return client


def sign_in_link(page: httpx2.Response) -> str:
    found = re.search(r'href="(/oauth/v2/auth\?[^"]+)"', page.text)
    assert found, page.text[:3000]
    return unescape(found[1])


async def person_allows(site: Site, browser: Browser, page: httpx2.Response) -> httpx2.Response:
    """The person's part of the flow, whichever it is; the run's page after it."""
    if 'href="/oauth/v2/auth?' in page.text:
        asked = await browser.get(sign_in_link(page))
        assert 'name="decision"' in asked.text, asked.text[:2000]
        back = await browser.submit(asked, {"decision": "allow"}, path="/oauth/v2/auth/decision")
        returned = await browser.get(back.headers["location"])
        assert "code=" not in returned.headers["location"]
        return await browser.get(returned.headers["location"])
    return page


async def run_to_the_end(
    site: Site, app: App, browser: Browser, scope: str = "openid email"
) -> httpx2.Response:
    page = await person_allows(site, browser, await start(browser, app, scope))
    if app.client.type.name == "non-browser":
        page = await press(browser, app, "step")
        user_code = re.search(r"<code>([A-Z]{4}-[A-Z]{4})</code>", page.text)
        assert user_code, page.text[:3000]
        page = await press(browser, app, "step")
        assert "authorization_pending" in page.text
        await site.device_decide(user_code[1], "allow", browser=browser)
        site.clock.advance(10)
        await press(browser, app, "step")
    return await press(browser, app, "all")


async def rows_naming(site: Site, value: str) -> dict[str, int]:
    """How many rows of each table hold this text, the audit apart."""
    await site.mint.recorder.flush()
    await site.server.counters.flush()
    found = {}
    for table in await list_tables(site.db):
        select = table.select_all_in_sqlite if site.db.engine == "sqlite" else table.select_all
        rows = await site.db.all(select())
        count = sum(any(value in cell for cell in tuple(row) if isinstance(cell, str)) for row in rows)
        if count and table.name != "audit":
            found[table.name] = count
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_a_run_goes_through_the_whole_flow_of_its_type(site: Site, kind: str) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    page = await run_to_the_end(site, app, browser)
    text = unescape(page.text)
    for shown in (
        '"access_token": "gla_us_',
        "POST /oauth/v2/token HTTP/1.1",
        "grant_type=refresh_token",
        "Authorization: Bearer $ACCESS_TOKEN",
        '"email": "mara@example.com"',
        "POST /oauth/v2/token/revoke HTTP/1.1",
        "HTTP/1.1 401",
        "That is the whole flow",
    ):
        assert shown in text, shown
    assert ("client_secret=$CLIENT_SECRET" in text) is (not app.client.type.public)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_page_of_a_run_holds_a_secret_or_a_whole_token(site: Site, kind: str) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    page = await run_to_the_end(site, app, browser)
    assert not re.search(r"gl[sgardp]_us_\w{20,}|eyJ[\w-]{20,}", page.text)


@pytest.mark.both_engines
@pytest.mark.parametrize("kind", KINDS)
async def test_a_run_leaves_nothing_behind_but_a_line_of_the_audit(site: Site, kind: str) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    before = await rows_naming(site, app.id)
    counted = await usage(site)
    page = await run_to_the_end(site, app, browser)
    copy = await copy_in(site, page)
    assert "authorizations" in await rows_naming(site, copy.id)
    await press(browser, app, "end")
    site.clock.advance(SETTLE_SECONDS)
    await clear_trials(site.db, site.clock(), between=_at_once)
    assert await rows_naming(site, copy.id) == {}
    assert await rows_naming(site, app.id) == before
    assert await usage(site) == counted
    assert await find_client(site.db, app.id) == app.client
    kinds = {event.kind for event in await list_client_events(site.db, app.id)}
    assert {"trial.started", "trial.ended"} <= kinds


async def usage(site: Site) -> list[tuple[str, str, int]]:
    """Everything that is counted, of apps and of workspaces."""
    await site.mint.recorder.flush()
    await site.server.counters.flush()
    rows = await site.db.all("SELECT client_id, kind, count FROM client_usage ORDER BY client_id, kind")
    return [(row[0], row[1], row[2]) for row in rows]


async def _at_once() -> None:
    """Nothing between two steps."""


async def test_the_copy_stands_in_no_list(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await person_allows(site, browser, await start(browser, app))
    copy = await copy_in(site, page)
    await press(browser, app, "step")
    assert copy.id not in {one.id for one in await list_workspace_clients(site.db, site.account.id)}
    assert copy.id not in {one.id for one in await list_clients(site.db)}
    assert copy.id not in {one.client_id for one in await list_connected_apps(site.db, site.account.id)}
    for address in (f"/console/clients/{copy.id}", f"/console/clients/{copy.id}/try"):
        assert (await browser.get(address)).status_code == 404


async def test_nobody_else_can_sign_in_to_the_copy(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    link = sign_in_link(await start(browser, app))
    await site.person("tom@example.com")
    other = await site.signed_in("tom@example.com")
    refused = await other.get(link)
    assert refused.status_code == 400
    assert 'name="decision"' not in refused.text
    stranger = site.browser()
    asked = await stranger.get(link)
    signed_in = await stranger.sign_in(asked, email="tom@example.com")
    refused = await stranger.get(signed_in.headers["location"])
    assert refused.status_code == 400
    assert 'name="decision"' not in refused.text
    assert (await other.get(path_of(app))).status_code == 404


async def test_nobody_else_can_allow_the_device_of_a_run(site: Site) -> None:
    app, browser = await site.app("non-browser"), await site.signed_in()
    await start(browser, app)
    page = await press(browser, app, "step")
    user_code = re.search(r"<code>([A-Z]{4}-[A-Z]{4})</code>", page.text)
    assert user_code
    await site.person("tom@example.com")
    other = await site.signed_in("tom@example.com")
    entered = await other.submit(
        await other.get("/device"), {"user_code": user_code[1]}, path="/oauth/v3/device"
    )
    asked = await other.get(entered.headers["location"])
    assert asked.status_code == 400
    assert 'name="decision"' not in asked.text


async def test_anothers_return_does_not_reach_the_run(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    link = sign_in_link(await start(browser, app))
    state = re.search(r"state=([^&]+)", link)
    assert state
    await site.person("tom@example.com")
    other = await site.signed_in("tom@example.com")
    await other.get("/console/try/callback", params={"state": state[1], "code": "glg_us_planted"})
    await browser.get("/console/try/callback", params={"state": "made-up", "code": "glg_us_planted"})
    assert sign_in_link(await browser.get(path_of(app))) == link


async def test_the_copy_is_unknown_from_the_moment_that_its_time_is_over(site: Site) -> None:
    app, browser = await site.app("mobile"), await site.signed_in()
    page = await start(browser, app)
    copy, link = await copy_in(site, page), sign_in_link(page)
    site.clock.advance(TRIAL_SECONDS)
    refused = await browser.get(link)
    assert refused.status_code == 400
    answer = await site.post(
        "/oauth/v2/token", {"client_id": copy.id, "grant_type": "authorization_code", "code": "x"}
    )
    assert answer.json()["grantline_code"] == "client_unknown"
    assert "Start a run" in (await browser.get(path_of(app))).text
    assert await has_trials(site.db)


@pytest.mark.parametrize("way", ["end", "time"])
async def test_tokens_of_a_run_die_with_it(site: Site, way: str) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await person_allows(site, browser, await start(browser, app))
    copy = await copy_in(site, page)
    await press(browser, app, "step")
    row = await site.db.one("SELECT id FROM authorizations WHERE client_id = $1", copy.id)
    assert row is not None
    if way == "end":
        await press(browser, app, "end")
    else:
        site.clock.advance(TRIAL_SECONDS)
        await clear_trials(site.db, site.clock(), between=_at_once)
    gone = await site.db.one("SELECT deleted_at, secrets FROM clients WHERE id = $1", copy.id)
    assert (gone[0], gone[1]) == (site.clock(), "[]")


async def test_the_work_in_the_background_clears_a_run_whose_time_is_over(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    copy = await copy_in(site, await start(browser, app))
    known = [
        job
        for job in jobs(site.db, site.server.envelope, site.server.settings.audit_path)
        if job.name == "clear-trials"
    ]
    assert await do_due_jobs(site.db, known, "here", site.clock) == ["clear-trials"]
    assert await find_client(site.db, copy.id) is not None
    for _ in range(2):
        site.clock.advance(TRIAL_SECONDS)
        assert await do_due_jobs(site.db, known, "here", site.clock) == ["clear-trials"]
    assert await rows_naming(site, copy.id) == {}
    site.clock.advance(TRIAL_SECONDS)
    assert await do_due_jobs(site.db, known, "here", site.clock) == []  # nothing to do, nothing written


async def test_a_second_run_ends_the_first(site: Site) -> None:
    one, other = await site.app("server-based"), await site.app("mobile")
    browser = await site.signed_in()
    first = await copy_in(site, await start(browser, one))
    await start(browser, other)
    assert await find_client(site.db, first.id) is None
    assert "Start a run" in (await browser.get(path_of(one))).text


async def test_a_copy_has_no_more_rights_than_a_new_app_of_the_person(site: Site) -> None:
    app, browser = await site.app("server-based", app_scopes=("CRM.modules.ALL",)), await site.signed_in()
    copy = await copy_in(site, await start(browser, app))
    assert copy.owner_account_id == site.account.id
    assert copy.workspace_id == 0
    assert copy.app_scopes == ()
    assert copy.redirect_uris == ("http://127.0.0.1:8700/console/try/callback",)
    rows = await site.db.all("SELECT 1 FROM client_origins WHERE client_id = $1", copy.id)
    assert list(rows) == []


async def test_a_step_pressed_twice_is_done_once(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    page = await start(browser, app)
    at = re.search(r'name="at" value="(\d+)"', page.text)
    assert at
    sent = {**hidden_fields(page), "act": "step", "at": at[1]}
    await browser.post(path_of(app), sent)
    await browser.post(path_of(app), sent)
    shown = await browser.get(path_of(app))
    assert shown.text.count('<span class="what">') == 1


async def test_a_person_who_says_no_ends_the_run_with_the_reason(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    asked = await browser.get(sign_in_link(await start(browser, app)))
    back = await browser.submit(asked, {"decision": "deny"}, path="/oauth/v2/auth/decision")
    await browser.get(back.headers["location"])
    page = await browser.get(path_of(app))
    assert "The person did not allow it" in page.text
    assert 'value="step"' not in page.text


async def test_unknown_scopes_are_refused_and_kept(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    shown = await browser.get(path_of(app))
    sent = {**hidden_fields(shown), "act": "start", "scope": "CRM.modules.leeds.READ"}
    page = await browser.post(path_of(app), sent)
    assert page.status_code == 400
    assert "There is no scope CRM.modules.leeds.READ" in page.text
    assert not await has_trials(site.db)


async def test_a_self_client_run_asks_an_old_sign_in_for_the_password(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    shown = await browser.get(path_of(app))
    site.clock.advance(700)
    page = await browser.post(path_of(app), {**hidden_fields(shown), "act": "start", "scope": "openid"})
    assert page.status_code == 200
    assert 'name="password"' in page.text
    assert not await has_trials(site.db)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_script_of_a_run_is_sound_and_names_the_app_itself(
    site: Site, kind: str, tmp_path: Path
) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    page = await run_to_the_end(site, app, browser, "openid $(touch${IFS}evil)")
    copy = await copy_in(site, page)
    found = re.search(r'<pre id="script">(.*?)</pre>', page.text, re.DOTALL)
    assert found
    script = unescape(found[1])
    assert app.id in script
    assert copy.id not in script
    assert "touch" not in script
    path = tmp_path / "run.sh"
    path.write_text(script)
    shell = shutil.which("sh")
    assert shell
    checking = await asyncio.create_subprocess_exec(shell, "-n", str(path))
    assert await checking.wait() == 0
