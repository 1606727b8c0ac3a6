"""Activity: filtered, page by page, by cause; and the redirect URI that one's own request brought is added
with two presses, a stranger's never."""

import re
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from grantline.activity import Entry
from grantline.clients import find_client
from tests.site import PASSWORD, START, App, Browser, Site, hidden_fields

pytestmark = pytest.mark.both_engines


def _entry(app: App, number: int, **changes: Any) -> Entry:
    entry = Entry(
        f"req_us_{number:04}",
        app.id,
        True,
        START + number,
        "/oauth/v2/token",
        "invalid_grant",
        "code_expired",
        400,
        {},
    )
    return replace(entry, **changes)


async def _record(site: Site, *entries: Entry) -> None:
    for entry in entries:
        site.mint.recorder.record(entry)
    await site.mint.recorder.flush()


def ids_of(page: httpx2.Response) -> list[str]:
    """The request ids of the rows, in their order."""
    assert page.status_code == 200, page.text[:400]
    return re.findall(r'<li id="(req_\w+)"', page.text)


def link(page: httpx2.Response, words: str) -> str:
    """Where a link leads."""
    found = re.search(rf'href="([^"]+)"[^>]*>{words}<', page.text)
    assert found, words
    return found[1].replace("&amp;", "&")


async def test_a_filter_finds_what_it_names_and_signs_of_patterns_are_text(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    await _record(
        site,
        _entry(app, 1, detail={"received": "https://App.example/100%_done"}),
        _entry(app, 2, error="event", code="limit_near", status=200),
        _entry(app, 3, error="access_denied", code="consent_declined", endpoint="/oauth/v2/auth/decision"),
        _entry(app, 4, proven=False, error="invalid_client", code="client_secret_wrong"),
        _entry(app, 5, endpoint="/oauth/v3/device/token"),
    )
    path = f"/console/clients/{app.id}/activity"

    async def shown(**query: str) -> list[str]:
        return [id[-1] for id in ids_of(await browser.get(path, params=query))]

    assert await shown() == ["5", "4", "3", "2", "1"]
    assert await shown(q="app.EXAMPLE/100%") == ["1"]
    assert await shown(q="%") == ["1"]
    assert await shown(q="_done") == ["1"]
    assert await shown(q="client_secret") == ["4"]
    assert await shown(q="req_us_0003") == ["3"]
    assert await shown(outcome="refused") == ["5", "1"]
    assert await shown(outcome="unproven") == ["4"]
    assert await shown(outcome="declined") == ["3"]
    assert await shown(outcome="warning") == ["2"]
    assert await shown(step="sign-in") == ["3"]
    assert await shown(step="poll", outcome="refused") == ["5"]
    assert await shown(outcome="' OR 1=1", step="../") == ["5", "4", "3", "2", "1"]
    assert "Nothing matches" in (await browser.get(path, params={"q": "\\"})).text


async def test_pages_go_back_in_time_without_a_gap_or_a_double(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    await _record(site, *(_entry(app, n, at=START + n // 7) for n in range(120)))
    page = await browser.get(f"/console/clients/{app.id}/activity")
    seen = ids_of(page)
    while "Show older" in page.text:
        assert len(seen) < 120, link(page, "Show older")
        page = await browser.get(link(page, "Show older"))
        seen += ids_of(page)
    assert len(seen) == len(set(seen)) == 120
    assert "Back to the newest" in page.text


async def test_the_open_row_stands_in_the_address_and_what_is_new_is_counted(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    await _record(site, _entry(app, 1), _entry(app, 2))
    path = f"/console/clients/{app.id}/activity"
    page = await browser.get(path, params={"open": "req_us_0001"})
    assert page.text.count("<details open>") == 1
    assert page.text.index("req_us_0001") < page.text.index(
        "<details open>", page.text.index("req_us_0001") - 200
    )
    live = re.search(r'data-live="([^"]+)"', page.text)
    assert live
    await _record(site, _entry(app, 3), _entry(app, 4))
    fresh = await browser.get(live[1].replace("&amp;", "&"))
    assert 'data-new="2"' in fresh.text
    assert "2 new" in fresh.text


async def test_what_came_in_the_second_of_the_newest_entry_is_new_whatever_its_id(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    await _record(site, _entry(app, 5, at=START), _entry(app, 6, at=START))
    page = await browser.get(f"/console/clients/{app.id}/activity")
    live = re.search(r'data-live="([^"]+)"', page.text)
    assert live
    address = live[1].replace("&amp;", "&")
    assert 'data-new="0"' in (await browser.get(address)).text
    await _record(site, _entry(app, 1, at=START), _entry(app, 9, at=START))
    assert 'data-new="2"' in (await browser.get(address)).text
    for wrong in ("1.x", "1.", ".1", "1.99999", "x.1"):
        assert 'data-new="0"' in (await browser.get(f"{address.partition('?')[0]}?after={wrong}")).text


async def test_by_cause_tells_first_last_and_how_often_and_marks_what_anybody_may_have_sent(
    site: Site,
) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    await _record(
        site, *(_entry(app, n) for n in range(4)), _entry(app, 9, proven=False, code="code_unknown")
    )
    page = await browser.get(f"/console/clients/{app.id}/activity", params={"view": "causes"})
    assert re.search(r"<b>4</b>\s*times", page.text)
    assert page.text.count("· not proven ·") == 1
    assert "anybody can send such a request" in page.text


async def _mismatch(site: Site, app: App, browser: Browser, uri: str) -> str:
    """A refused sign-in request; gives its request id."""
    page = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=uri))
    assert page.status_code == 400
    await site.mint.recorder.flush()
    return page.headers["x-request-id"]


async def test_R85_the_address_of_ones_own_request_is_added_after_a_question(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await browser.get("/console")
    wanted = f"{app.redirect_uri}/"
    request_id = await _mismatch(site, app, browser, wanted)
    page = await browser.get(f"/console/clients/{app.id}/activity", params={"open": request_id})
    asked = await browser.get(link(page, "Add this redirect URI"))
    assert "Add it only if that is you." in asked.text
    changed = await find_client(site.db, app.id)
    assert changed is not None
    assert wanted not in changed.redirect_uris
    done = await browser.submit(
        asked, {"request_id": request_id}, path=f"/console/clients/{app.id}/activity/add"
    )
    assert done.status_code == 303, done.text[:400]
    changed = await find_client(site.db, app.id)
    assert changed is not None
    assert changed.redirect_uris == (*app.client.redirect_uris, wanted)
    assert "code" in (await site.authorize(app, redirect_uri=wanted)).headers["location"]
    row = await site.db.one("SELECT detail FROM audit WHERE kind = 'client.updated'")
    assert row is not None
    assert wanted in row[0]


async def test_T130_what_a_stranger_sent_is_not_offered_and_can_not_be_added(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await browser.get("/console")
    foreign = await _mismatch(site, app, site.browser(), "https://evil.example/callback")
    forbidden = await _mismatch(site, app, browser, "http://plain.example/callback")
    own = await _mismatch(site, app, browser, f"{app.redirect_uri}/")
    path = f"/console/clients/{app.id}/activity/add"
    token = hidden_fields(await browser.get(path, params={"request_id": own}))["token"]
    for request_id in (foreign, forbidden, "req_us_none", ""):
        asked = await browser.get(path, params={"request_id": request_id})
        assert asked.headers["location"] == f"/console/clients/{app.id}/activity"
        assert (await browser.post(path, {"token": token, "request_id": request_id})).status_code == 404
    page = await browser.get(f"/console/clients/{app.id}/activity", params={"open": foreign})
    assert "had not proven to be this client" in page.text
    assert page.text.count("activity/add?") == 1
    changed = await find_client(site.db, app.id)
    assert changed is not None
    assert changed.redirect_uris == app.client.redirect_uris


async def test_adding_asks_for_the_right_and_an_old_sign_in_for_the_password(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await browser.get("/console")
    own = await _mismatch(site, app, browser, f"{app.redirect_uri}/")
    path = f"/console/clients/{app.id}/activity/add"
    asked = await browser.get(path, params={"request_id": own})
    site.clock.advance(700)
    again = await browser.submit(asked, {"request_id": own}, path=path)
    assert 'name="password"' in again.text
    added = await browser.submit(again, {"request_id": own, "password": PASSWORD}, path=path)
    assert added.status_code == 303
    await site.db.run("UPDATE workspace_members SET role = 'viewer'")
    assert (await browser.get(path, params={"request_id": own})).status_code == 403
