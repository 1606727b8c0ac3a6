"""The samples: what the console registers for each, and the one file that starts it (R97)."""

import json
import re
from html import unescape
from typing import Any

import httpx2
import pytest

from grantline.audit import list_client_events
from grantline.clients import find_client, list_workspace_clients
from grantline.scopes import Catalog
from grantline.web.console.samples import SAMPLES
from grantline.web.visit import RECENT_SECONDS
from grantline.workspaces import create_workspace
from tests.conftest import SiteFactory
from tests.site import PASSWORD, Browser, Site
from tests.web.test_console import form_of


@pytest.fixture
async def crm(site: Site) -> Site:
    """The site, with the API that the samples call."""
    await site.api()
    return site


async def press(browser: Browser, name: str, **fields: str) -> httpx2.Response:
    """Open the sample's page and press its button."""
    path = f"/console/samples/{name}"
    page = await browser.get(path)
    assert page.status_code == 200, page.text[:2000]
    return await browser.post(path, {**form_of(page, path), **fields})


def file_of(page: httpx2.Response) -> dict[str, Any]:
    """The file that the page offers."""
    assert page.status_code == 200, page.text[:3000]
    assert "no-store" in page.headers["cache-control"]
    found = re.search(r'<pre id="document">(.*?)</pre>', page.text, re.DOTALL)
    assert found, page.text[:3000]
    members: dict[str, Any] = json.loads(unescape(found[1]))
    return members


async def test_R97_one_press_registers_each_sample_and_gives_the_file_that_starts_it(crm: Site) -> None:
    browser = await crm.signed_in()
    listed = unescape((await browser.get("/console/samples")).text)
    for name, sample in SAMPLES.items():
        assert f'href="/console/samples/{name}"' in listed
        assert f"<code>./examples/run {name}</code>" in listed
        new = {"secret": "new"} if name == "reporting" else {}  # the self client is there by then
        page = await press(browser, name, **new)
        members = file_of(page)
        client = await find_client(crm.db, members["client_id"])
        assert client is not None
        assert client.type is sample.kind
        assert members["issuer"] == crm.issuer
        assert members["scope"].split() == list(sample.asked.scopes)
        assert bool(members.get("client_secret")) is (
            sample.kind.name in {"server-based", "self-client", "non-browser"}
        )
        assert ("code" in members) is (name in {"data_sync", "reporting"})
        assert f"./examples/run {name} --config ~/Downloads/{name}.json" in page.text
        assert members.get("address", "") == (f"http://127.0.0.1:{8700 + sample.port}" if sample.port else "")
        assert ("redirect_uri" in members) is (sample.kind.redirect_uris != "none")
        assert members.get("redirect_uri", "") in (*client.redirect_uris, "")


async def test_the_file_of_a_self_client_holds_a_code_that_is_exchanged_with_its_secret(crm: Site) -> None:
    browser = await crm.signed_in()
    members = file_of(await press(browser, "data_sync"))
    assert members["expires_at"] == crm.clock() + 600
    form = {name: members[name] for name in ("client_id", "client_secret", "code")}
    tokens = await crm.post("/oauth/v2/token", {"grant_type": "authorization_code", **form})
    assert tokens.status_code == 200, tokens.text
    assert tokens.json()["scope"].split() == members["scope"].split()
    kinds = [event.kind for event in await list_client_events(crm.db, members["client_id"])]
    assert sorted(kinds) == ["client.created", "code.generated"]


async def test_a_self_client_that_is_there_keeps_its_secret_unless_another_is_asked_for(crm: Site) -> None:
    browser = await crm.signed_in()
    first = file_of(await press(browser, "data_sync"))
    known = file_of(await press(browser, "reporting", secret="known"))
    assert (known["client_id"], known["client_secret"]) == (first["client_id"], "")
    assert known["code"] != first["code"]
    added = file_of(await press(browser, "reporting", secret="new"))
    assert added["client_secret"] not in ("", first["client_secret"])
    full = await browser.get("/console/samples/reporting")
    assert 'value="new"' not in full.text
    refused = await press(browser, "reporting", secret="new")
    assert refused.status_code == 400
    assert "Two secrets are live already" in refused.text
    kinds = [event.kind for event in await list_client_events(crm.db, first["client_id"])]
    assert kinds.count("secret.added") == 1


async def test_a_sample_that_was_registered_before_is_named_and_may_be_registered_again(crm: Site) -> None:
    browser = await crm.signed_in()
    first = file_of(await press(browser, "lead_desk"))["client_id"]
    page = await browser.get("/console/samples/lead_desk")
    assert f'href="/console/clients/{first}"' in page.text
    assert "Register another for me" in page.text
    assert file_of(await press(browser, "lead_desk"))["client_id"] != first


async def test_a_form_that_is_sent_twice_makes_one_client_and_gives_no_second_secret(crm: Site) -> None:
    browser = await crm.signed_in()
    form = form_of(await browser.get("/console/samples/lead_desk"), "/console/samples/lead_desk")
    first, second = [file_of(await browser.post("/console/samples/lead_desk", form)) for _ in range(2)]
    assert second == {**first, "client_secret": ""}
    assert len(await list_workspace_clients(crm.db, crm.account.id)) == 1


async def test_T5_registering_a_sample_needs_our_form_and_a_fresh_password(crm: Site) -> None:
    browser = await crm.signed_in()
    path = "/console/samples/data_sync"
    form = form_of(await browser.get(path), path)
    assert (await browser.post(path, {**form, "token": ""})).status_code == 403
    assert (await browser.post(path, form, origin="https://evil.example")).status_code == 403
    assert (await browser.post(path, {**form, "scope": "CRM.modules.ALL"})).status_code == 400
    crm.clock.advance(RECENT_SECONDS + 1)
    asked = await browser.post(path, form)
    assert "Enter your password again" in asked.text
    assert not await list_workspace_clients(crm.db, crm.account.id)
    assert file_of(await browser.post(path, {**form_of(asked, path), "password": PASSWORD}))["code"]


async def test_a_sample_whose_scopes_no_api_answers_to_says_so_and_is_not_registered(crm: Site) -> None:
    browser = await crm.signed_in()
    path = "/console/samples/data_sync"
    form = form_of(await browser.get(path), path)
    crm.mint.catalog = Catalog(())
    for page in (await browser.get(path), await browser.post(path, form)):
        assert "No API here answers to CRM.modules.products.READ" in page.text
        assert f'action="{path}"' not in page.text
    assert not await list_workspace_clients(crm.db, crm.account.id)


async def test_a_file_without_a_code_says_when_there_may_be_one_again(open_a_site: SiteFactory) -> None:
    async with open_a_site(limits="1") as site:
        await site.api()
        browser = await site.signed_in()
        for _ in range(10):
            file_of(await press(browser, "data_sync", secret="known"))
        page = await press(browser, "data_sync", secret="known")
        assert page.status_code == 429
        assert "Ten codes in ten minutes are the limit." in page.text
        assert "&#34;code&#34;" not in page.text


async def test_the_self_client_of_somebody_in_a_team_stays_their_own(crm: Site) -> None:
    async with crm.db.transaction() as tx:
        team = (await create_workspace(tx, crm.account.id, "Southgate Works", crm.clock())).workspace_id
    browser = await crm.signed_in()
    form = form_of(await browser.get("/console/samples"), "/console/workspace")
    assert (await browser.post("/console/workspace", {**form, "workspace": str(team)})).status_code == 303
    alone = await find_client(crm.db, file_of(await press(browser, "data_sync"))["client_id"])
    shared = await find_client(crm.db, file_of(await press(browser, "lead_desk"))["client_id"])
    assert alone is not None
    assert shared is not None
    assert (alone.workspace_id, shared.workspace_id) == (crm.account.id, team)
