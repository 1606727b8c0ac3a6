"""Users and tokens: masked people page by page, and revoking one token, one person or all, from the next
request on."""

import re

import httpx2
import pytest

from grantline.web.console.users import mask_email
from tests.site import App, Browser, Site

pytestmark = pytest.mark.both_engines


def link(page: httpx2.Response, pattern: str) -> str:
    found = re.search(rf'href="([^"]*{pattern}[^"]*)"', page.text)
    assert found, pattern
    return found[1].replace("&amp;", "&")


async def _revoke(browser: Browser, app: App, address: str) -> httpx2.Response:
    asked = await browser.get(address)
    assert asked.status_code == 200, asked.text[:300]
    fields = dict(re.findall(r'name="(authorization|person)" value="(\d*)"', asked.text))
    return await browser.submit(asked, fields, path=f"/console/clients/{app.id}/users/revoke")


async def _three(site: Site, app: App) -> list[dict[str, str]]:
    """Two tokens of Mara and one of Tom."""
    await site.person("tom.berg@example.com")
    tom = await site.signed_in("tom.berg@example.com")
    return [await site.tokens(app), await site.tokens(app), await site.tokens(app, browser=tom)]


async def _live(site: Site, tokens: list[dict[str, str]]) -> list[bool]:
    return [await site.works(one["access_token"]) for one in tokens]


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("mara@example.com", "m…a@example.com"),
        ("ab@example.com", "a…@example.com"),
        ("a@example.com", "a…@example.com"),
        ("", "…"),
    ],
)
def test_an_address_is_masked(email: str, shown: str) -> None:
    assert mask_email(email) == shown


async def test_people_are_masked_and_their_tokens_stand_against_the_limit(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await _three(site, app)
    page = await browser.get(f"/console/clients/{app.id}/users")
    assert "m…a@example.com" in page.text.replace("<wbr>", "").replace('<span class="whole">', "")
    assert "tom.berg" not in page.text
    assert "2 of 20" in page.text
    assert "for 2 people" in page.text
    opened = await browser.get(link(page, rf"person={site.account.id}"))
    assert opened.text.count("Revoke this one") == 2


async def test_one_token_one_person_and_all_end_with_the_next_request(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    tokens = await _three(site, app)
    path = f"/console/clients/{app.id}/users"
    opened = await browser.get(path, params={"person": str(site.account.id)})
    assert (await _revoke(browser, app, link(opened, r"revoke\?authorization="))).status_code == 303
    assert sorted(await _live(site, tokens[:2])) == [False, True]
    assert (await _live(site, tokens))[2]
    await _revoke(browser, app, f"{path}/revoke?person={site.account.id}")
    assert await _live(site, tokens) == [False, False, True]
    await _revoke(browser, app, f"{path}/revoke")
    assert await _live(site, tokens) == [False, False, False]
    assert (await site.refresh(app, tokens[2]["refresh_token"])).status_code == 400
    rows = await site.db.all("SELECT detail FROM audit WHERE kind = 'tokens.revoked' ORDER BY at, id")
    assert len(rows) == 3


async def test_T143_nothing_of_another_client_ends(site: Site) -> None:
    app, other = await site.app("server-based"), await site.app("mobile")
    browser = await site.signed_in()
    tokens = await site.tokens(other)
    await site.tokens(app)
    row = await site.db.one("SELECT id FROM authorizations WHERE client_id = $1", other.id)
    assert row is not None
    answer = await _revoke(browser, app, f"/console/clients/{app.id}/users/revoke?authorization={row[0]}")
    assert answer.status_code == 404
    assert await site.works(tokens["access_token"])
    stranger = await site.person("eve@example.com")
    assert stranger.id != site.account.id
    eve = await site.signed_in("eve@example.com")
    assert (await eve.get(f"/console/clients/{app.id}/users")).status_code == 404


async def test_T4_a_number_that_is_none_never_means_all(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    tokens = await site.tokens(app)
    path = f"/console/clients/{app.id}/users/revoke"
    asked = await browser.get(path)
    for fields in ({"person": "x", "authorization": ""}, {"person": "", "authorization": "-1"}):
        assert (await browser.submit(asked, fields, path=path)).status_code == 404
    assert await site.works(tokens["access_token"])


async def test_a_viewer_sees_people_and_ends_nothing(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.tokens(app)
    await browser.get("/console")
    await site.db.run("UPDATE workspace_members SET role = 'viewer'")
    page = await browser.get(f"/console/clients/{app.id}/users")
    assert "1 of 20" in page.text
    assert "/users/revoke" not in page.text
    assert (await browser.get(f"/console/clients/{app.id}/users/revoke")).status_code == 403


async def test_pages_of_people_follow_one_another(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    tokens = await site.tokens(app)
    assert tokens
    await site.db.run(
        "INSERT INTO authorizations (client_id, account_id, organization_id, kind, scope, asked_scope,"
        " resources, auth_time, sid, successor_seen, sequence, live_limit, revoked_sequences,"
        " rate_started_at, rate_count, created_at, used_at)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)"
        " SELECT client_id, i, organization_id, kind, scope, asked_scope, resources, auth_time, sid, 0, 1, 0,"
        " '[]', 0, 0, created_at, used_at FROM authorizations CROSS JOIN n WHERE client_id = $1",
        app.id,
    )
    seen: list[str] = []
    page = await browser.get(f"/console/clients/{app.id}/users")
    seen += re.findall(r'id="person-(\d+)"', page.text)
    while "Show more" in page.text:
        found = re.search(r'href="([^"]+)">Show more<', page.text)
        assert found
        page = await browser.get(found[1])
        seen += re.findall(r'id="person-(\d+)"', page.text)
    assert len(seen) == len(set(seen)) == 121
