"""The overview of a client: its checklist turns green as the server sees each step, causes come with the way
out, and the day is drawn."""

import re

import httpx2
import pytest

from tests.site import API, App, Browser, Site

pytestmark = pytest.mark.both_engines


async def overview(site: Site, app: App, browser: Browser) -> httpx2.Response:
    await site.server.counters.flush()
    await site.mint.recorder.flush()
    page = await browser.get(f"/console/clients/{app.id}")
    assert page.status_code == 200, page.text[:400]
    return page


def steps_of(page: httpx2.Response) -> dict[str, str]:
    """The state of each step, by its title."""
    found = re.findall(r'<li class="(done|now|todo)".*?<b>([^<]+)</b>', page.text, re.DOTALL)
    return {title: state for state, title in found}


async def test_each_step_turns_green_when_it_is_seen_and_the_next_one_opens(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    api, secret = await site.api()
    page = await overview(site, app, browser)
    assert steps_of(page) == {
        "Registered": "done",
        "First sign-in request": "now",
        "First token": "todo",
        "First API call": "todo",
        "First refresh": "todo",
    }
    assert "Check again" in page.text
    assert "data-live" in page.text
    tokens = await site.tokens(app)
    assert steps_of(await overview(site, app, browser))["First API call"] == "now"
    await site.refresh(app, tokens["refresh_token"])
    page = await overview(site, app, browser)
    assert (steps_of(page)["First API call"], steps_of(page)["First refresh"]) == ("now", "done")
    asking = {"client_id": api.client_id, "client_secret": secret, "token": tokens["access_token"]}
    await site.post("/oauth/v2/introspect", asking)
    page = await overview(site, app, browser)
    assert set(steps_of(page).values()) == {"done"}
    assert "data-live" not in page.text
    assert "live.js" not in page.text


@pytest.mark.parametrize(
    ("kind", "missing", "there"),
    [
        ("self-client", "First sign-in request", "First refresh"),
        ("non-browser", "First sign-in request", "First device code"),
        ("mobile", "First device code", "First sign-in request"),
    ],
)
async def test_a_type_has_the_steps_that_it_can_do(site: Site, kind: str, missing: str, there: str) -> None:
    steps = steps_of(await overview(site, await site.app(kind), await site.signed_in()))
    assert missing not in steps
    assert there in steps


async def test_a_cause_says_how_often_what_differs_and_offers_the_way_out(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await browser.get("/console")
    for _ in range(3):
        await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=f"{app.redirect_uri}/"))
    page = await overview(site, app, browser)
    assert re.search(r"<b>3</b>\s*times", page.text)
    assert "Your app sent an extra / at the end." in page.text
    assert "Add this redirect URI" in page.text
    assert "<polyline" not in page.text
    await site.tokens(app)
    page = await overview(site, app, browser)
    assert "<polyline" in page.text
    assert "Show as table" in page.text


async def test_a_viewer_is_offered_nothing_that_changes(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await browser.get("/console")
    await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=f"{app.redirect_uri}/"))
    assert "Add this redirect URI" in (await overview(site, app, browser)).text
    await site.db.run("UPDATE workspace_members SET role = 'viewer'")
    page = await overview(site, app, browser)
    assert "Add this redirect URI" not in page.text
    assert "Edit the redirect URIs" in page.text


async def test_what_an_api_saw_in_use_is_set_against_what_the_app_asks_for(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    api, secret = await site.api()
    token = (await site.tokens(app))["access_token"]
    asking = {"client_id": api.client_id, "client_secret": secret, "token": token}
    await site.post("/oauth/v2/introspect", {**asking, "needed_scope": "CRM.modules.leads.READ"})
    assert api.identifier == API
    assert "APIs saw one used in 30 days." in (await overview(site, app, browser)).text
