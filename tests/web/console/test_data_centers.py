"""The data centers of a client in the console: the switch, the secret there, how far a change has got, and
which console is right."""

import re
from html import unescape

import httpx2
import pytest

from grantline.audit import list_client_events
from grantline.clients import delete_client, find_client, list_elsewhere
from grantline.opaque import CLIENT_ID, mint
from tests.centers import Sites
from tests.site import App, Browser, Site
from tests.web.console.test_credentials import join
from tests.web.test_console import form_of, path_of, secret_in


def told(page: httpx2.Response) -> str:
    """The words of a page's main part, with single blanks."""
    main = page.text.split('<main class="content"', 1)[1].split("<footer", 1)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


async def press(
    browser: Browser, app: App, act: str, *, center: str = "eu", **fields: str
) -> httpx2.Response:
    """Send one of the forms of the page, as it stands there for this data center."""
    page = await browser.get(f"{path_of(app)}/data-centers", {"center": center})
    if act == "switch" and fields.get("to") == "off":
        page = await browser.get(f"{path_of(app)}/data-centers/off", {"center": center})
    form = {**form_of(page, f"/data-centers/{act}"), "center": center, **fields}
    return await browser.post(f"{path_of(app)}/data-centers/{act}", form)


async def codes_of(site: Site, app: App) -> tuple[str, ...]:
    client = await find_client(site.db, app.id)
    assert client is not None
    return client.data_centers


@pytest.mark.both_engines
async def test_a_client_is_switched_on_and_off_in_another_data_center(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    page = await browser.get(path_of(app))
    assert f'href="{path_of(app)}/data-centers"' in page.text
    page = await browser.get(f"{path_of(app)}/data-centers")
    assert "Europe eu" in told(page)
    assert "Registered here" in told(page)
    on = await press(browser, app, "switch", to="on")
    assert on.headers["location"] == f"{path_of(app)}/data-centers?center=eu&done=on"
    assert await codes_of(us, app) == ("us", "eu")
    page = await browser.get(on.headers["location"])
    assert "Waiting since" in told(page)
    assert 'id="reach" aria-labelledby="reach-title" data-live=' in page.text
    asked = await browser.get(f"{path_of(app)}/data-centers/off?center=eu")
    assert "the tokens that it holds for them stop working" in told(asked)
    assert await codes_of(us, app) == ("us", "eu")
    off = await press(browser, app, "switch", to="off")
    assert off.headers["location"].endswith("done=off")
    assert await codes_of(us, app) == ("us",)
    assert "What people of Europe see" in told(await browser.get(off.headers["location"]))
    events = [event.detail for event in await list_client_events(us.db, app.id)]
    assert events == [
        {"before": {"data_centers": ["us", "eu"]}, "after": {"data_centers": ["us"]}},
        {"before": {"data_centers": ["us"]}, "after": {"data_centers": ["us", "eu"]}},
    ]


async def test_a_switch_that_stands_so_already_changes_and_audits_nothing(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    before = await find_client(us.db, app.id)
    page = await browser.get(f"{path_of(app)}/data-centers/off?center=eu")
    form = form_of(page, "/data-centers/switch")
    answer = await browser.post(f"{path_of(app)}/data-centers/switch", {**form, "to": "on"})
    assert answer.status_code == 303
    assert await find_client(us.db, app.id) == before
    assert len(await list_client_events(us.db, app.id)) == 1


async def test_a_data_center_that_nobody_lists_is_refused_in_words(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    answer = await press(browser, app, "switch", center="in", to="on")
    assert answer.status_code == 400
    assert "There is no data center in." in told(answer)
    assert await codes_of(us, app) == ("us",)


async def test_a_secret_of_its_own_is_shown_once_and_two_may_live(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    made = await press(browser, app, "secrets/add")
    value = secret_in(made)
    assert value.startswith("gls_eu_")
    assert "GRANTLINE_ISSUER=http://127.0.0.1:8701" in made.text
    assert "It works in Europe alone" in told(made)
    page = await browser.get(f"{path_of(app)}/data-centers?center=eu")
    assert value not in page.text
    assert "There it has a secret of its own" in told(page)
    second = secret_in(await press(browser, app, "secrets/add"))
    [row] = await list_elsewhere(us.db, app.id)
    assert row.secrets is not None
    assert len(row.secrets) == 2
    page = await browser.get(f"{path_of(app)}/data-centers?center=eu")
    assert "/secrets/add" not in page.text
    first_id = row.secrets[0].id
    revoked = await press(browser, app, "secrets/revoke", secret_id=first_id)
    assert revoked.headers["location"].endswith("done=revoked")
    refused = await press(browser, app, "secrets/revoke", secret_id=row.secrets[1].id)
    assert refused.status_code == 400
    assert "This is the only secret" in told(refused)
    third = secret_in(await press(browser, app, "secrets/reset"))
    assert len({value, second, third}) == 3
    shared = await press(browser, app, "secrets/share")
    assert shared.headers["location"].endswith("done=shared")
    [row] = await list_elsewhere(us.db, app.id)
    assert row.secrets is None
    kinds = [event.kind for event in await list_client_events(us.db, app.id)]
    added = ["secret.added", "secret.added", "client.updated"]
    assert kinds == ["secret.shared", "secret.reset", "secret.revoked", *added]
    kept = " ".join(row[0] for row in await us.db.all("SELECT detail FROM audit"))
    assert not any(one in kept for one in (value, second, third))
    assert '"data_center":"eu"' in kept.replace(" ", "")


async def test_a_reset_tells_how_far_it_has_got(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    page = await browser.get(f"{path_of(app)}/credentials")
    answer = await browser.post(f"{path_of(app)}/secrets/reset", form_of(page, "/secrets/reset"))
    assert "How far the last change has got" in told(answer)
    assert f'data-live="{path_of(app)}/data-centers"' in answer.text
    assert secret_in(answer) not in (await browser.get(f"{path_of(app)}/data-centers")).text


async def test_a_data_center_that_does_not_answer_is_named(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    sites.wires.cut = {"eu"}
    await press(browser, app, "switch", to="on")
    await sites.carry("us")
    page = told(await browser.get(f"{path_of(app)}/data-centers"))
    assert re.search(r"Waiting since [\d:]+ UTC: Europe does not answer\.", page)


async def test_a_client_that_was_deleted_is_listed_until_it_is_gone_everywhere(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    page = await browser.get(f"{path_of(app)}/settings")
    form = {**form_of(page, "/delete"), "typed_name": "Lead Desk"}
    assert (await browser.post(f"{path_of(app)}/delete", form)).status_code == 303
    page = await browser.get("/console/clients")
    assert f"Lead Desk {app.id}" in told(page)
    assert "Deleted, and not yet everywhere" in told(page)
    assert 'id="leaving" data-live="/console/clients"' in page.text
    await sites.carry("us")
    page = await browser.get("/console/clients")
    assert app.id not in page.text
    assert '<div id="leaving">' in page.text


async def test_T146_a_viewer_sees_where_it_works_and_no_button(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    await press(browser, app, "secrets/add")
    viewer = await us.person("olga@example.com")
    await join(us, app, viewer, "viewer")
    looking = await us.signed_in("olga@example.com")
    page = await looking.get(f"{path_of(app)}/data-centers?center=eu")
    assert "There it has a secret of its own" in told(page)
    assert "Switched on" in told(page)
    assert f"{path_of(app)}/data-centers/" not in page.text
    for path in ("off?center=eu", "switch", "secrets/add", "secrets/share"):
        get = path.startswith("off")
        address = f"{path_of(app)}/data-centers/{path}"
        answer = await (looking.get(address) if get else looking.post(address, {"token": "x"}))
        assert answer.status_code == 403, path


async def test_T143_a_stranger_hears_nothing_of_apps_that_leave(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    await delete_client(us.db, app.id, us.clock())
    assert app.id in (await browser.get("/console/clients")).text
    stranger = await us.person("olga@example.com")
    assert app.id not in (await (await us.signed_in(stranger.email)).get("/console/clients")).text


async def test_how_far_a_change_has_got_is_told_in_words(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    await sites.carry("us")
    sites.clock.advance(120)
    address = f"{path_of(app)}/data-centers"
    page = await browser.get(address)
    assert "Europe Confirmed 2 minutes ago" in told(page)
    assert "data-live" not in page.text
    assert "Europe Confirmed 2 minutes ago" in told(await browser.get(f"{path_of(app)}/settings"))
    await press(browser, app, "switch", to="off")
    await us.db.run("UPDATE client_elsewhere SET problem = 'It was deleted there and stays deleted.'")
    assert "Not taken there: It was deleted there and stays deleted. Waiting" in told(
        await browser.get(address)
    )
    german = await browser.get(address, headers={"Accept-Language": "de"})
    assert "Er wurde dort gelöscht und bleibt gelöscht." in told(german)
    await us.db.run("UPDATE data_centers SET listed = 0 WHERE code = 'eu'")
    assert "It is not in the registry any more" in told(await browser.get(address))


async def test_a_self_client_says_why_it_has_no_switch(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("self-client"), await us.signed_in()
    overview = await browser.get(path_of(app))
    assert "/data-centers" not in overview.text
    assert "a self client works with its owner’s data, which is here" in told(overview)
    page = await browser.get(f"{path_of(app)}/data-centers")
    assert "works with its owner’s data alone" in told(page)
    assert "/data-centers/switch" not in page.text
    form = {"token": "x", "center": "eu", "to": "on"}
    assert (await browser.post(f"{path_of(app)}/data-centers/switch", form)).status_code == 403


async def test_where_there_is_one_data_center_nothing_is_said_of_others(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    for path in ("", "/settings", "/credentials", "/scopes"):
        page = await browser.get(f"{path_of(app)}{path}")
        assert "data-centers" not in page.text, path
        assert "Each data center" not in page.text, path
        assert "How far the last change" not in page.text, path
    page = await browser.get(f"{path_of(app)}/data-centers")
    assert "There is one data center" in told(page)
    assert "http://127.0.0.1:8700/oauth/v2/token" in page.text


async def test_each_data_center_shows_the_addresses_that_an_app_needs(sites: Sites) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    for code, port in (("us", 8700), ("eu", 8701)):
        page = await browser.get(f"{path_of(app)}/data-centers", {"center": code})
        for path in (
            "/oauth/v2/auth",
            "/oauth/v2/token",
            "/oauth/v2/token/revoke",
            "/oauth/v2/introspect",
            "/oauth/v3/device/code",
            "/oauth/v2/userinfo",
            "/oauth/serverinfo",
        ):
            assert f"<code>http://127.0.0.1:{port}{path}</code>" in page.text, (code, path)
        assert f"<code>http://127.0.0.1:{port + 10}</code>" in page.text, code


async def test_R24_the_console_of_another_data_center_names_the_right_one_to_anyone(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    right = f"http://127.0.0.1:8700/console/clients/{app.id}/settings"
    for browser in (await sites["eu"].signed_in(), sites["eu"].browser()):
        page = await browser.get(f"{path_of(app)}/settings")
        assert page.status_code == 404
        assert "This client is managed in United States" in told(page)
        assert f'href="{right}"' in page.text
        assert "Lead Desk" not in page.text
    invented = await sites["eu"].browser().get(f"/console/clients/{mint(CLIENT_ID, 'us')}/settings")
    assert "This client is managed in United States" in told(invented)
    nowhere = await (await sites["eu"].signed_in()).get(f"/console/clients/{mint(CLIENT_ID, 'in')}")
    assert nowhere.status_code == 404
    assert "managed in" not in nowhere.text
    own = await (await sites["eu"].signed_in()).get(f"/console/clients/{mint(CLIENT_ID, 'eu')}")
    assert "managed in" not in own.text


async def test_R24_every_page_of_the_console_leads_to_the_consoles_of_the_others(sites: Sites) -> None:
    page = await (await sites["eu"].signed_in()).get("/console")
    assert 'href="http://127.0.0.1:8700/console"' in page.text
    assert "Console of United States" in page.text


@pytest.mark.parametrize("act", ["switch", "secrets/add", "secrets/reset", "secrets/revoke", "secrets/share"])
async def test_T5_without_a_late_sign_in_the_password_is_asked_first(sites: Sites, act: str) -> None:
    us = sites["us"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    await press(browser, app, "secrets/add")
    before = await list_elsewhere(us.db, app.id)
    page = await browser.get(f"{path_of(app)}/data-centers?center=eu")
    form = {**form_of(page, "/data-centers/secrets/add"), "center": "eu"}
    extra = {"switch": {"to": "off"}, "secrets/revoke": {"secret_id": "sec_0"}}.get(act, {})
    sites.clock.advance(700)
    answer = await browser.post(f"{path_of(app)}/data-centers/{act}", {**form, **extra})
    assert answer.status_code == 200
    assert 'name="password"' in answer.text
    assert await list_elsewhere(us.db, app.id) == before


async def test_what_the_page_before_switching_off_promises_holds(sites: Sites) -> None:
    """Tokens there stop, nobody there is asked to sign in, and all of it works again when it is on again."""
    us, eu = sites["us"], sites["eu"]
    app, browser = await us.app("server-based"), await us.signed_in()
    await press(browser, app, "switch", to="on")
    assert await sites.carry() == {}
    token = (await eu.tokens(app, scope="openid email"))["access_token"]

    async def who() -> int:
        answer = await eu.call("GET", "/oauth/v2/userinfo", headers={"Authorization": f"Bearer {token}"})
        return answer.status_code

    assert await who() == 200
    await press(browser, app, "switch", to="off")
    assert await who() == 200, "Europe has not heard of it yet"
    assert await sites.carry() == {}
    assert await who() == 401
    page = await eu.browser().get("/oauth/v2/auth", eu.request(app))
    assert page.status_code == 400
    assert "United States" in page.text
    assert 'name="password"' not in page.text
    await press(browser, app, "switch", to="on")
    assert await sites.carry() == {}
    assert await who() == 200
