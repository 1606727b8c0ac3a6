"""Rehearsed failures: the same answers as real ones, counted, over by themselves, and never for others."""

from typing import Any

import pytest

from grantline.activity import list_entries
from grantline.audit import list_client_events
from grantline.clients import REHEARSAL_SECONDS, find_client, find_rehearsal
from tests.site import App, Browser, Site, hidden_fields


def path_of(app: App) -> str:
    return f"/console/clients/{app.id}/rehearsal"


async def start(browser: Browser, app: App, failure: str, count: int = 1) -> Any:
    page = await browser.get(path_of(app))
    fields = {**hidden_fields(page), "act": "start", "failure": failure, "count": str(count)}
    return await browser.post(path_of(app), fields)


def without_request(answer: Any) -> tuple[int, dict[str, Any], str | None, str | None]:
    members = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, members, answer.headers.get("retry-after"), answer.headers.get("content-type")


async def test_an_expired_code_is_rehearsed_with_the_answer_of_a_really_expired_one(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    late = await site.code(app)
    site.clock.advance(120)
    real = await site.exchange(app, late)
    code = await site.code(app)
    assert (await start(browser, app, "code_expired")).status_code == 303
    rehearsed = await site.exchange(app, code)
    assert without_request(rehearsed) == without_request(real)
    assert rehearsed.json()["grantline_code"] == "code_expired"
    assert (await site.exchange(app, code)).status_code == 200  # the code was not touched


@pytest.mark.both_engines
async def test_a_revoked_refresh_token_is_rehearsed_for_a_remembered_client_at_once(site: Site) -> None:
    app, browser = await site.app("mobile"), await site.signed_in()
    tokens = await site.tokens(app)
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200  # remembered now
    await start(browser, app, "authorization_revoked", 3)
    refusals = [await site.refresh(app, tokens["refresh_token"]) for _ in range(4)]
    assert [answer.status_code for answer in refusals] == [400, 400, 400, 200]
    assert {answer.json().get("grantline_code") for answer in refusals[:3]} == {"authorization_revoked"}
    client = await find_client(site.db, app.id)
    assert client is not None
    assert client.rehearsal_until == 0  # free again after the last one


@pytest.mark.parametrize(
    ("failure", "status", "retry_after", "member"),
    [
        ("throttled", 429, "2", "error"),
        ("overloaded", 503, "2", "error"),
        ("client_wrong_data_center", 401, None, "expected_issuer"),
    ],
)
async def test_failures_of_any_token_request_have_their_status_and_what_an_app_needs(
    site: Site, failure: str, status: int, retry_after: str | None, member: str
) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await start(browser, app, failure)
    answer = await site.token(app, grant_type="client_credentials", scope="CRM.modules.leads.READ")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry_after)
    assert member in answer.json()
    again = await site.token(app, grant_type="client_credentials", scope="CRM.modules.leads.READ")
    assert again.status_code == 200


async def test_a_device_poll_meets_an_expired_code_and_other_requests_do_not(site: Site) -> None:
    app, browser = await site.app("non-browser"), await site.signed_in()
    tokens = (await site.device_tokens(app)).json()
    started = await site.device_start(app)
    await start(browser, app, "device_code_expired")
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200
    poll = await site.device_poll(app, started["device_code"])
    assert (poll.status_code, poll.json()["error"]) == (400, "expired_token")
    again = await site.device_poll(app, started["device_code"])
    assert again.json()["error"] == "authorization_pending"


async def test_a_wrong_secret_uses_no_rehearsed_answer_up_and_introspection_has_none(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    token = (await site.tokens(app))["access_token"]
    await start(browser, app, "overloaded")
    wrong = await site.post("/oauth/v2/token", {"client_id": app.id, "client_secret": "x", "grant_type": "x"})
    assert wrong.status_code == 401
    assert (await site.introspect(app, token))["active"]
    rehearsal = await find_rehearsal(site.db, app.id, site.clock())
    assert rehearsal is not None
    assert rehearsal.remaining == 1


async def test_a_rehearsal_is_over_after_an_hour(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await start(browser, app, "overloaded", 20)
    site.clock.advance(REHEARSAL_SECONDS)
    answer = await site.token(app, grant_type="client_credentials", scope="CRM.modules.leads.READ")
    assert answer.status_code == 200
    assert "See or stop it" not in (await browser.get(f"/console/clients/{app.id}")).text


@pytest.mark.both_engines
async def test_an_app_that_others_use_can_rehearse_nothing(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    fields = hidden_fields(await browser.get(path_of(app)))
    await site.person("tom@example.com")
    await site.authorize(app, browser=await site.signed_in("tom@example.com"))  # allowed, no token yet
    asked = {**fields, "act": "start", "failure": "overloaded", "count": "1"}
    assert (await browser.post(path_of(app), asked)).status_code == 400
    assert "Other people use this client" in (await browser.get(path_of(app))).text
    assert await find_rehearsal(site.db, app.id, site.clock()) is None


@pytest.mark.both_engines
async def test_a_rehearsal_ends_when_somebody_else_begins_to_use_the_app(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await start(browser, app, "code_expired", 20)
    await site.person("tom@example.com")
    code = await site.code(app, browser=await site.signed_in("tom@example.com"))
    assert (await site.exchange(app, code)).status_code == 200
    client = await find_client(site.db, app.id)
    assert client is not None
    assert client.rehearsal_until == 0


async def test_a_rehearsal_is_marked_in_activity_and_audit_and_banded_on_every_page(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    assert "See or stop it" not in (await browser.get(f"/console/clients/{app.id}")).text
    await start(browser, app, "overloaded", 3)
    await site.token(app, grant_type="client_credentials", scope="CRM.modules.leads.READ")
    await site.mint.recorder.flush()
    [entry] = await list_entries(site.db, app.id)
    assert entry.detail["rehearsed"] == "yes"
    assert "Rehearsal" in (await browser.get(f"/console/clients/{app.id}/activity")).text
    for page in ("", "/activity", "/rehearsal"):
        assert "See or stop it" in (await browser.get(f"/console/clients/{app.id}{page}")).text
    stop = {**hidden_fields(await browser.get(path_of(app))), "act": "stop"}
    assert (await browser.post(path_of(app), stop)).status_code == 303
    answer = await site.token(app, grant_type="client_credentials", scope="CRM.modules.leads.READ")
    assert answer.status_code == 200
    kinds = [event.kind for event in await list_client_events(site.db, app.id)]
    assert sorted(kind for kind in kinds if kind.startswith("rehearsal.")) == [
        "rehearsal.started",
        "rehearsal.stopped",
    ]


@pytest.mark.parametrize(
    "fields",
    [{"failure": "client_unknown"}, {"failure": "device_code_expired"}, {"count": "21"}, {"count": "0"}],
)
async def test_only_failures_of_the_type_and_at_most_twenty_requests_can_be_asked_for(
    site: Site, fields: dict[str, str]
) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    hidden = hidden_fields(await browser.get(path_of(app)))
    asked = {**hidden, "act": "start", "failure": "overloaded", "count": "1", **fields}
    assert (await browser.post(path_of(app), asked)).status_code == 400
    assert await find_rehearsal(site.db, app.id, site.clock()) is None
