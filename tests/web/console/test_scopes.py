"""Scopes of a client: chosen by text or boxes, told in words, beside what tokens hold and APIs needed."""

import pytest

from grantline.clients import find_client
from tests.site import App, Browser, Site
from tests.web.test_console import form_of, path_of


async def scopes_of(site: Site, app: App) -> tuple[str, ...]:
    client = await find_client(site.db, app.id)
    assert client is not None
    return client.scopes


async def save(browser: Browser, app: App, **fields: str) -> str:
    path = f"{path_of(app)}/scopes"
    form = form_of(await browser.get(path), path)
    page = await browser.post(path, {**form, **fields})
    return page.text if page.status_code != 303 else "saved"


async def test_scopes_are_chosen_by_text_and_by_boxes(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    boxes = {"tick:CRM.users.READ": "x", "tick:CRM.modules.leads.READ": "x"}
    assert await save(browser, app, scope="crm.modules.leads.read, openid", **boxes) == "saved"
    assert await scopes_of(site, app) == ("CRM.modules.leads.READ", "openid", "CRM.users.READ")
    page = await browser.get(f"{path_of(app)}/scopes")
    assert 'value="CRM.users.READ" data-scope-box checked' in page.text
    assert "See your CRM users" in page.text
    form = form_of(page, "/scopes") | {"scope": ""}
    cleared = {name: value for name, value in form.items() if not name.startswith("tick:")}
    assert (await browser.post(f"{path_of(app)}/scopes", cleared)).status_code == 303
    assert await scopes_of(site, app) == ()


@pytest.mark.parametrize("text", ["CRM.modules.leeds.READ", 'CRM."x', "<b>x</b>", "x" * 3000])
async def test_an_unknown_scope_is_named_and_nothing_is_lost(site: Site, text: str) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await save(browser, app, scope=f"openid {text}")
    assert "<title>Problem: " in page
    assert "<b>x</b>" not in page
    assert await scopes_of(site, app) == ()


async def test_a_look_shows_others_and_saves_nothing(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await save(browser, app, scope="CRM.modules.ALL", act="look")
    assert "Nothing is saved yet" in page
    assert "See, add, edit and delete your records" in page
    assert await scopes_of(site, app) == ()


@pytest.mark.both_engines
async def test_requests_and_uses_are_counted_apart(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    path = f"{path_of(app)}/scopes"
    assert "has no tokens yet" in (await browser.get(path)).text
    asked = "CRM.modules.ALL CRM.users.READ CRM.org.READ"
    await site.tokens(app, scope=asked)
    page = (await browser.get(path)).text
    assert "It requests 3, and no API said yet which were needed" in page
    assert "what its tokens hold" in page
    site.server.counters.add(app.id, "scope:CRM.modules.leads.READ", site.clock())
    await site.server.counters.flush()
    assert "It requests 3 and uses 1." in (await browser.get(path)).text
    await save(browser, app, scope="CRM.modules.leads.READ, CRM.users.READ")
    page = (await browser.get(path)).text
    assert "It requests 2 and uses 1." in page
    assert "what its tokens hold" not in page


async def test_the_quickstart_asks_for_what_was_chosen(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await save(browser, app, scope="CRM.bulk.READ")
    assert "CRM.bulk.READ" in (await browser.get(f"{path_of(app)}/quickstart")).text
