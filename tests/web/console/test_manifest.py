"""A client's manifest on its pages: downloaded, compared, applied."""

import httpx2
import pytest

from grantline.audit import list_client_events
from grantline.clients import CLIENT_TYPES, find_client, parse_manifest
from tests.site import App, Browser, Site
from tests.web.test_console import form_of, path_of


async def send(browser: Browser, app: App, text: str, act: str = "compare") -> httpx2.Response:
    path = f"{path_of(app)}/manifest"
    form = form_of(await browser.get(path), path)
    return await browser.post(path, {**form, "manifest": text, "act": act})


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_what_is_downloaded_changes_nothing_when_it_is_applied(site: Site, kind: str) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    file = await browser.get(f"{path_of(app)}/manifest.yaml")
    assert file.headers["content-disposition"] == f'attachment; filename="{app.id}.yaml"'
    assert parse_manifest(file.text).type_name == kind
    assert "Nothing would change" in (await send(browser, app, file.text)).text
    assert (await send(browser, app, file.text, "apply")).status_code == 303
    assert await find_client(site.db, app.id) == app.client


async def test_a_difference_is_shown_first_and_done_when_it_is_applied(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    text = "name: Lead Two\nredirect_uris: [https://app.example/new]\nvendor_compatible: true"
    page = (await send(browser, app, text)).text
    assert "3 changes" in page
    for mark, line in (
        ("del", "Lead Desk"),
        ("ins", "Lead Two"),
        ("ins", "https://app.example/new"),
        ("ins", "true"),
    ):
        assert f"</span>{line}</{mark}>" in page
    assert await find_client(site.db, app.id) == app.client
    applied = await send(browser, app, text, "apply")
    assert applied.headers["location"].endswith("/settings?done=manifest")
    client = await find_client(site.db, app.id)
    assert client is not None
    assert (client.name, client.redirect_uris) == ("Lead Two", ("https://app.example/new",))
    assert client.post_logout_redirect_uris == app.client.post_logout_redirect_uris
    [event, *_] = await list_client_events(site.db, app.id)
    assert event.kind == "client.updated"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("type: mobile", "the type can&#39;t change"),
        ("name: Grantline", "looks like Grantline"),
        ("redirect_uris: [http://app.example/cb]", "It uses http"),
        ("origins: [https://app.example]", "have no JavaScript origins"),
        ("data_centers: [eu]", "There is no data center eu"),
        ("owner_account_id: 1", "There is no key owner_account_id"),
    ],
)
@pytest.mark.parametrize("act", ["compare", "apply"])
async def test_T4_a_manifest_sets_no_more_than_the_form_may(
    site: Site, text: str, told: str, act: str
) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await send(browser, app, text, act)
    assert page.status_code == 400
    assert told in page.text
    assert form_of(page, "/manifest")["manifest"] == text
    assert await find_client(site.db, app.id) == app.client
