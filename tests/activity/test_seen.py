"""What the server saw of an app: the first of each step, what people answered, what APIs needed, what was
refused and why."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from grantline.activity import (
    ALLOWED,
    API_CALL,
    DECLINED,
    FAILED,
    REFUSED,
    REFUSED_UNPROVEN,
    STARTED,
    Entry,
    Recorder,
    count_since,
    last_used,
    list_causes,
    list_firsts,
    list_usage,
    list_used_scopes,
    list_workspace_causes,
    secret_kind,
)
from grantline.clients import add_secret, delete_client, find_client
from grantline.web.background import sweep
from tests.site import SCOPE, START, App, Site, answer_of

pytestmark = pytest.mark.both_engines
HOUR = 3600
DAY = 24 * HOUR


async def counts(site: Site, app: App) -> dict[str, int]:
    await flush(site)
    found: dict[str, int] = {}
    for one in await list_usage(site.db, app.id, 0):
        found[one.kind] = found.get(one.kind, 0) + one.count
    return found


async def flush(site: Site) -> None:
    await site.server.counters.flush()
    await site.server.mint.recorder.flush()


async def test_each_step_is_seen_once_with_its_time(site: Site) -> None:
    app = await site.app("server-based")
    assert await list_firsts(site.db, app.id) == {}
    tokens = await site.tokens(app)
    await flush(site)
    assert await list_firsts(site.db, app.id) == {"authorization_request": START, "token": START}
    site.clock.advance(60)
    await site.refresh(app, tokens["refresh_token"])
    await site.refresh(app, tokens["refresh_token"])
    await flush(site)
    site.clock.advance(60)
    await site.refresh(app, tokens["refresh_token"])
    await flush(site)
    firsts = await list_firsts(site.db, app.id)
    assert firsts["refresh"] == START + 60
    assert firsts["token"] == START


async def test_the_questions_that_people_were_asked_and_their_answers_are_counted(site: Site) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    for decision in ("deny", "allow"):
        page = await browser.get("/oauth/v2/auth", params=site.request(app))
        answer_of(await browser.submit(page, {"decision": decision}, path="/oauth/v2/auth/decision"))
    assert "code" in answer_of(await site.authorize(app, browser=browser))
    answer = answer_of(await site.authorize(app, browser=site.browser(), prompt="none"))
    assert answer["error"] == "login_required"
    await site.authorize(app, browser=site.browser(), redirect_uri="https://elsewhere.example")
    found = await counts(site, app)
    assert [found[kind] for kind in (STARTED, ALLOWED, DECLINED, FAILED)] == [4, 2, 1, 1]
    assert found[REFUSED_UNPROVEN] == 2


async def test_a_device_is_an_authorization_too(site: Site) -> None:
    app = await site.app("non-browser")
    await site.device_decide((await site.device_start(app))["user_code"], "deny")
    await site.device_tokens(app)
    found = await counts(site, app)
    assert [found[kind] for kind in (STARTED, ALLOWED, DECLINED)] == [2, 1, 1]
    assert found["token.device_code"] == 1


async def test_an_api_that_asks_about_a_token_is_a_call_and_says_which_scope_it_needs(site: Site) -> None:
    app = await site.app("self-client")
    api, secret = await site.api()
    token = (await site.tokens(app))["access_token"]
    of_the_api = {"client_id": api.client_id, "client_secret": secret}
    for needed in (SCOPE, SCOPE.lower(), "made.up.scope", f"{SCOPE} CRM.users.READ", ""):
        await site.post("/oauth/v2/introspect", {**of_the_api, "token": token, "needed_scope": needed})
    await site.post("/oauth/v2/introspect", {**of_the_api, "token": "no token", "needed_scope": SCOPE})
    await site.introspect(app, token, needed_scope=SCOPE)
    found = await counts(site, app)
    assert found[API_CALL] == 5
    assert await list_used_scopes(site.db, app.id, START) == {SCOPE: 3, "CRM.users.READ": 1}
    assert (await list_firsts(site.db, app.id))["api_call"] == START


async def test_an_api_that_judges_tokens_itself_reports_many_calls_with_one_question(site: Site) -> None:
    app = await site.app("self-client")
    api, secret = await site.api()
    token = (await site.tokens(app))["access_token"]
    asked = {"client_id": api.client_id, "client_secret": secret, "token": token, "needed_scope": SCOPE}
    for count in ("17", "0", "-5", "1e9", "", "x", "٣", "99999", "1" * 5000):
        answer = await site.post("/oauth/v2/introspect", {**asked, "needed_count": count})
        assert answer.json()["active"] is True
    await site.introspect(app, token, needed_scope=SCOPE, needed_count="17")
    found = await counts(site, app)
    assert found[API_CALL] == 17 + 7 + 10_000
    assert await list_used_scopes(site.db, app.id, START) == {SCOPE: 17 + 7 + 10_000}


async def test_the_use_of_each_secret_is_counted_and_an_old_one_is_told_of_once_an_hour(site: Site) -> None:
    app = await site.app("self-client")
    tokens = await site.tokens(app)
    old = app.client.secrets[0].id
    site.clock.advance(1)
    client = await find_client(site.db, app.id)
    assert client is not None
    value, new = await add_secret(site.db, client, site.server.code, site.clock.now)
    await site.refresh(app, tokens["refresh_token"])
    await site.refresh(app, tokens["refresh_token"])
    site.clock.advance(1)
    await site.refresh(App(client, value), tokens["refresh_token"])
    await flush(site)
    assert await count_since(site.db, app.id, secret_kind(old), START) == 3
    assert await last_used(site.db, app.id, secret_kind(old)) == START + 1
    assert await last_used(site.db, app.id, secret_kind(new.id)) == START + 2
    assert [(one.code, one.count) for one in await list_causes(site.db, app.id)] == [("old_secret_used", 1)]


async def test_what_was_refused_is_added_up_by_cause_and_by_whether_it_was_proven(site: Site) -> None:
    app = await site.app("self-client")
    for n in range(3):
        site.clock.advance(n)
        await site.refresh(app, "wrong")
    await site.token(client_id=app.id, client_secret="wrong", grant_type="refresh_token", refresh_token="x")
    found = await counts(site, app)
    assert found == {REFUSED: 3, REFUSED_UNPROVEN: 1}
    causes = {one.code: one for one in await list_causes(site.db, app.id)}
    wrong = causes["client_secret_wrong"]
    assert (wrong.proven, wrong.count, wrong.error) == (False, 1, "invalid_client")
    [other] = [one for one in causes.values() if one.proven]
    assert (other.count, other.first_at, other.last_at) == (3, START, START + 3)
    told = await list_workspace_causes(site.db, app.client.workspace_id, START, limit=10)
    assert {one.code for one in told} == set(causes)
    assert await list_workspace_causes(site.db, app.client.workspace_id, START + 100, limit=10) == []


def _entry(number: int, **changes: Any) -> Entry:
    entry = Entry(
        f"req_{number}", "a", True, START, "/oauth/v2/token", "invalid_grant", "code_expired", 400, {}
    )
    return replace(entry, **changes)


async def test_several_nodes_add_up_one_cause_and_an_entry_that_is_there_counts_once(site: Site) -> None:
    nodes = [Recorder(site.db, "us") for _ in range(3)]
    for number, node in enumerate(nodes * 4):
        node.record(_entry(number, at=START + number))
        node.record(_entry(number + 100, at=START + number, code="code_unknown"))
        node.record(_entry(999))
    await asyncio.gather(*(node.flush() for node in nodes))
    causes = {one.code: one for one in await list_causes(site.db, "a")}
    assert (causes["code_expired"].count, causes["code_unknown"].count) == (13, 12)
    assert (causes["code_expired"].first_at, causes["code_expired"].last_at) == (START, START + 11)
    assert causes["code_expired"].last_id == "req_11"


async def test_a_refusal_by_a_person_and_a_warning_are_causes_but_no_failures(site: Site) -> None:
    recorder = Recorder(site.db, "us")
    recorder.record(_entry(1, error="access_denied", code="consent_declined"))
    recorder.record(_entry(2, error="event", code="limit_near"))
    await recorder.flush()
    assert len(await list_causes(site.db, "a")) == 2
    assert await list_usage(site.db, "a", 0) == []


async def test_what_was_counted_goes_with_its_app_and_after_ninety_days(site: Site) -> None:
    kept, deleted = await site.app("self-client"), await site.app("server-based")
    for app in (kept, deleted):
        await site.tokens(app)
        await site.refresh(app, "wrong")
    await flush(site)
    await delete_client(site.db, deleted.id, site.clock.now)
    await sweep(site.db, site.clock.now)
    for table in ("client_usage", "client_causes", "client_firsts"):
        rows = await site.db.all(f"SELECT DISTINCT client_id FROM {table} WHERE client_id LIKE 'glc%'")
        assert [row[0] for row in rows] == [kept.id]
    await sweep(site.db, START + 91 * DAY)
    assert await list_causes(site.db, kept.id) == []
    assert await list_firsts(site.db, kept.id) != {}


async def test_an_address_that_the_team_tried_itself_is_proven_and_a_strangers_is_not(site: Site) -> None:
    app = await site.app("server-based")
    await site.person("tom@example.com")
    browsers = (site.browser(), await site.signed_in("tom@example.com"), await site.signed_in())
    await browsers[2].get("/console")
    for browser in browsers:
        page = await site.authorize(app, browser=browser, redirect_uri="https://app.example/callback/")
        assert page.status_code == 400
    await flush(site)
    causes = {one.proven: one for one in await list_causes(site.db, app.id)}
    assert {one.code for one in causes.values()} == {"redirect_uri_mismatch"}
    assert (causes[True].count, causes[False].count) == (1, 2)
