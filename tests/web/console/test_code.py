"""Generate code and Exchange now: a self client's first tokens, made in the console (R42–R45, R49)."""

import re
from html import unescape

import httpx2

from grantline.audit import list_client_events
from grantline.clients import set_disabled
from grantline.web.visit import RECENT_SECONDS
from tests.site import PASSWORD, App, Browser, Site
from tests.web.test_console import form_of, generate, path_of


async def exchange(browser: Browser, page: httpx2.Response, app: App, **fields: str) -> httpx2.Response:
    """Press *Exchange now* on the page that shows the code."""
    path = f"{path_of(app)}/code/exchange"
    return await browser.post(path, {**form_of(page, "/code/exchange"), **fields})


def token_in(page: httpx2.Response, kind: str) -> str:
    found = re.search(rf"{kind}_\w+", page.text)
    assert found, page.text[:2000]
    return found[0]


async def test_R49_a_code_is_exchanged_in_the_console_and_the_tokens_work(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    ready = await generate(browser, app, scope="AaaServer.profile.READ")
    page = await exchange(browser, ready, app)
    assert page.status_code == 200, page.text[:2000]
    assert "no-store" in page.headers["cache-control"]
    assert '"Email": "mara@example.com"' in unescape(page.text), "the first answer of the API"
    refreshed = await site.refresh(app, token_in(page, "glr"))
    assert refreshed.status_code == 200, refreshed.text
    called = await site.call(
        "GET", "/oauth/user/info", headers={"Authorization": f"Bearer {token_in(page, 'gla')}"}
    )
    assert called.json()["Email"] == "mara@example.com"


async def test_R44_a_code_is_exchanged_once_here_as_everywhere(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    ready = await generate(browser, app, scope="AaaServer.profile.READ")
    assert (await exchange(browser, ready, app)).status_code == 200
    again = await exchange(browser, ready, app)
    assert again.status_code == 400
    assert "gla_us_" not in again.text
    assert "<title>Problem: " in again.text
    ready = await generate(browser, app, scope="AaaServer.profile.READ")
    assert (await site.exchange(app, token_in(ready, "glg"))).status_code == 200
    assert (await exchange(browser, ready, app)).status_code == 400


async def test_R43_a_code_that_ran_out_is_not_exchanged(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    ready = await generate(browser, app, scope="AaaServer.profile.READ", minutes="3")
    site.clock.advance(180)
    refused = await exchange(browser, ready, app)
    assert refused.status_code == 400
    assert "gla_us_" not in refused.text


async def test_another_clients_code_and_other_kinds_of_secret_are_not_exchanged(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    other = await site.app("self-client", owner=await site.person("olga@example.com"))
    ready = await generate(browser, app, scope="AaaServer.profile.READ")
    for value in (await site.console_code(other), app.secret or "", "", "glg_us_nothing"):
        refused = await exchange(browser, ready, app, code=value)
        assert refused.status_code == 400, value
        assert "gla_us_" not in refused.text


async def test_the_exchange_is_in_the_audit_and_the_history_and_counts_as_the_first_token(
    site: Site,
) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    ready = await generate(browser, app, scope="AaaServer.profile.READ", description="By hand")
    page = await exchange(browser, ready, app)
    kinds = [event.kind for event in await list_client_events(site.db, app.id)]
    assert sorted(kinds) == ["code.exchanged", "code.generated"]
    kept = str(await site.db.all("SELECT detail FROM audit"))
    assert token_in(page, "glr") not in kept
    history = await browser.get(f"{path_of(app)}/code")
    assert "By hand" in history.text
    assert "Exchanged after" in history.text
    await site.server.counters.flush()
    assert "First token" in (await browser.get(f"{path_of(app)}/quickstart")).text


async def test_the_lines_beside_the_tokens_hold_no_secret(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    page = await exchange(browser, await generate(browser, app, scope="CRM.modules.ALL"), app)
    assert '"$GRANTLINE_CLIENT_SECRET"' in unescape(page.text)
    assert app.secret is not None
    assert app.secret not in page.text
    assert "The API answered" not in page.text, "an API of somebody else is not called from here"


async def test_a_fresh_form_asks_for_what_shows_that_it_works(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    page = await browser.get(f"{path_of(app)}/code")
    form = form_of(page, "/code")
    assert form["scope"] == "AaaServer.profile.READ"
    assert not [name for name in form if name.startswith("tick:")], "an emptied text must ask for nothing"


async def test_an_app_that_is_switched_off_gets_no_tokens_here_either(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    ready = await generate(browser, app, scope="AaaServer.profile.READ")
    await set_disabled(site.db, app.id, site.clock())
    refused = await exchange(browser, ready, app)
    assert refused.status_code == 401
    assert "gla_us_" not in refused.text


async def test_T5_an_exchange_needs_our_form_our_origin_and_a_fresh_password(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    ready = await generate(browser, app, scope="AaaServer.profile.READ", minutes="10")
    path, form = f"{path_of(app)}/code/exchange", form_of(ready, "/code/exchange")
    attempts = [
        await browser.post(path, {**form, "token": ""}),
        await browser.post(path, form, origin="https://evil.example"),
        await browser.post(path, form, origin=None),
        await (await site.signed_in()).post(path, form),
        await site.browser().post(path, form),
    ]
    assert [answer.status_code for answer in attempts] == [403] * 5
    assert (await browser.post(path, {**form, "account_id": "1"})).status_code == 400
    site.clock.advance(RECENT_SECONDS - 1)
    ready = await generate(browser, app, scope="AaaServer.profile.READ", minutes="10")
    form = form_of(ready, "/code/exchange")
    site.clock.advance(2)
    asked = await browser.post(path, form)
    assert "Enter your password again" in asked.text
    kept = form_of(asked, path)
    assert kept["code"] == form["code"]
    assert "gla_us_" in (await browser.post(path, {**kept, "password": PASSWORD})).text


async def test_R49_the_command_is_ready_before_the_clock_starts(site: Site) -> None:
    app, browser = await site.app("self-client"), await site.signed_in()
    page = unescape((await browser.get(f"{path_of(app)}/code")).text)
    assert f"-d client_id={app.id}" in page
    assert '-d client_secret="$GRANTLINE_CLIENT_SECRET"' in page
    assert '-d code="$CODE"' in page
