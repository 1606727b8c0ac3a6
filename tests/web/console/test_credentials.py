"""A client's secrets in the console: two at a time, whose they are, which is in use, and what ends them."""

import re

import httpx2

from grantline.accounts import Account
from grantline.audit import list_client_events
from grantline.clients import find_client, lasting_secrets
from tests.site import App, Browser, Site
from tests.web.test_console import form_of, path_of, secret_in

DAY = 24 * 3600


async def press(browser: Browser, app: App, act: str, **fields: str) -> httpx2.Response:
    """Press one of the buttons of the page, with its form as it stands there."""
    page = await browser.get(f"{path_of(app)}/credentials")
    return await browser.post(f"{path_of(app)}/secrets/{act}", {**form_of(page, f"/secrets/{act}"), **fields})


async def use(site: Site, app: App, secret: str | None) -> int:
    """The status of a token request with this secret, which is counted."""
    answer = await site.post(
        "/oauth/v2/token",
        {
            "grant_type": "client_credentials",
            "client_id": app.id,
            "client_secret": secret,
            "scope": "CRM.org.READ",
        },
    )
    await site.server.counters.flush()
    return answer.status_code


async def join(site: Site, app: App, account: Account, role: str) -> None:
    """The account becomes a member of the workspace that the app is in."""
    await (await site.signed_in()).get("/console/clients")  # the owner's own workspace is there by now
    await site.db.run(
        "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at) VALUES ($1, $2, $3, $4)",
        account.id,
        app.client.workspace_id,
        role,
        site.clock(),
    )


async def secrets_of(site: Site, app: App) -> list[str]:
    client = await find_client(site.db, app.id)
    assert client is not None
    return [one.id for one in lasting_secrets(client, site.clock())]


async def test_the_old_secret_is_counted_until_nothing_uses_it_and_then_is_safe_to_revoke(
    site: Site,
) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    new = secret_in(await press(browser, app, "add"))
    old_id, new_id = await secrets_of(site, app)
    assert [await use(site, app, app.secret) for _ in range(3)] == [200] * 3
    assert await use(site, app, new) == 200
    page = await browser.get(f"{path_of(app)}/credentials")
    assert f"The old secret, {old_id}, was still used 3 times today." in page.text
    assert "Revoking it is safe" not in page.text
    site.clock.advance(DAY - site.clock() % DAY)  # a new day begins, and nothing has used it on that one
    page = await (await site.signed_in()).get(f"{path_of(app)}/credentials")
    assert f"The old secret, {old_id}, was still used in the last 24 hours." in page.text
    site.clock.advance(DAY)
    page = await (await site.signed_in()).get(f"{path_of(app)}/credentials")
    assert f"The old secret, {old_id}, was not used for 24 hours. Revoking it is safe." in page.text
    assert "was still used" not in page.text
    browser = await site.signed_in()
    revoked = await press(browser, app, "revoke", secret_id=old_id)
    assert revoked.headers["location"] == f"{path_of(app)}/credentials?done=revoked"
    assert "It stopped working" in (await browser.get(revoked.headers["location"])).text
    assert await use(site, app, app.secret) == 401
    assert await use(site, app, new) == 200
    assert await secrets_of(site, app) == [new_id]


async def test_the_list_tells_who_made_a_secret_and_when_it_was_used(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await browser.get(f"{path_of(app)}/credentials")
    assert "Not used yet" in page.text
    assert "Mara Lindqvist" in page.text.split("<tbody", 1)[1].split("</tbody>")[0]
    await use(site, app, app.secret)
    page = await browser.get(f"{path_of(app)}/credentials")
    assert "In use" in page.text
    assert "1 time today" in page.text


async def test_the_old_secret_may_get_an_end_when_another_is_added(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    new = secret_in(await press(browser, app, "add", old_ends="week"))
    page = await browser.get(f"{path_of(app)}/credentials")
    assert "Stops on" in page.text
    site.clock.advance(7 * DAY - 1)
    assert await use(site, app, app.secret) == 200
    site.clock.advance(1)
    assert await use(site, app, app.secret) == 401
    assert await use(site, app, new) == 200


async def test_an_end_that_was_not_offered_is_refused_and_nothing_is_added(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await press(browser, app, "add", old_ends="tomorrow")
    assert page.status_code == 400
    assert "Choose when the old secret stops." in page.text
    assert len(await secrets_of(site, app)) == 1


async def test_each_change_is_in_the_audit_with_the_ids_before_and_after_and_no_value(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    first = app.client.secrets[0].id
    values = [secret_in(await press(browser, app, "add"))]
    second = (await secrets_of(site, app))[1]
    await press(browser, app, "revoke", secret_id=first)
    values.append(secret_in(await press(browser, app, "reset")))
    [third] = await secrets_of(site, app)
    events = {event.kind: event for event in await list_client_events(site.db, app.id)}
    assert {kind: event.detail for kind, event in events.items()} == {
        "secret.added": {"before": {"secret_ids": [first]}, "after": {"secret_ids": [first, second]}},
        "secret.revoked": {"before": {"secret_ids": [first, second]}, "after": {"secret_ids": [second]}},
        "secret.reset": {"before": {"secret_ids": [second]}, "after": {"secret_ids": [third]}},
    }
    assert {event.account_id for event in events.values()} == {site.account.id}
    kept = " ".join(row[0] for row in await site.db.all("SELECT detail FROM audit"))
    assert third in kept
    assert not any(value in kept for value in values)


async def test_T6_the_page_with_a_new_secret_is_not_kept_and_holds_it_in_no_field(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await press(browser, app, "add")
    secret = secret_in(page)
    assert "no-store" in page.headers["cache-control"]
    assert f"GRANTLINE_CLIENT_SECRET={secret}" in page.text
    assert f"&#34;client_secret&#34;: &#34;{secret}&#34;" in page.text
    assert not re.search(rf"<(input|textarea|a)\b[^>]*{secret}", page.text)
    assert secret not in (await browser.get(f"{path_of(app)}/credentials")).text


async def test_R38_a_type_without_secrets_is_told_why(site: Site) -> None:
    for kind, told in (("client-based", "page source"), ("mobile", "works without one")):
        app = await site.app(kind)
        page = await (await site.signed_in()).get(f"{path_of(app)}/credentials")
        assert told in page.text, kind


async def test_R45_a_self_clients_secrets_and_codes_are_its_owners_alone(site: Site) -> None:
    """Even for somebody who came into the owner's workspace: the app acts for its owner."""
    app = await site.app("self-client")
    other = await site.person("olga@example.com")
    await join(site, app, other, "owner")
    browser = await site.signed_in("olga@example.com")
    assert (await browser.get(path_of(app))).status_code == 200
    for path in ("/credentials", "/code"):
        assert (await browser.get(f"{path_of(app)}{path}")).status_code == 404, path
    for path in ("/secrets/add", "/secrets/reset", "/secrets/revoke", "/code", "/code/exchange"):
        assert (await browser.post(f"{path_of(app)}{path}", {"token": "x"})).status_code == 404, path


async def test_a_viewer_sees_the_ids_and_no_button(site: Site) -> None:
    app = await site.app("server-based")
    viewer = await site.person("olga@example.com")
    await join(site, app, viewer, "viewer")
    page = await (await site.signed_in("olga@example.com")).get(f"{path_of(app)}/credentials")
    assert app.client.secrets[0].id in page.text
    assert "/secrets/" not in page.text
