"""Scopes that an API declares: people read what each gives, and one whose meaning changed is asked anew, so
that its owner can't win afterwards what nobody allowed (T22, T97)."""

from dataclasses import replace
from typing import Any

import pytest

from grantline.clients import Api, ApiDeclaration, ApiRefused, ApiScope, create_api, delete_api, update_api
from grantline.tokens import load_catalog
from tests.site import App, Site

BILLING = "https://billing.example.com"
NAME = "Billing.invoices.READ"
SCOPES = (ApiScope(NAME, "See your invoices"), ApiScope("Billing.orders.READ", "See your orders"))
PERSON = "See your name and e-mail address"


async def change(site: Site, api: Api, **changes: Any) -> Api:
    """The first scope of the API says something else, a minute later; and another minute passes."""
    site.clock.advance(60)
    scopes = (replace(api.scopes[0], **changes), *api.scopes[1:])
    changed = await update_api(site.db, api, replace(api.declaration, scopes=scopes), site.clock())
    site.mint.catalog = await load_catalog(site.db)
    site.clock.advance(60)
    return changed


async def told(site: Site, api: Api, secret: str, token: str) -> dict[str, Any]:
    """What the API is told about a token."""
    asked = {"client_id": api.client_id, "client_secret": secret, "token": token}
    members: dict[str, Any] = (await site.post("/oauth/v2/introspect", asked)).json()
    assert members["active"]
    return members


async def is_asked(site: Site, app: App, **changes: Any) -> bool:
    """Whether the person, who allowed the app something, sees the consent page now."""
    browser = await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app, **changes))
    return 'name="decision"' in page.text


async def refreshed(site: Site, app: App, refresh_token: str) -> str:
    members = (await site.token(app, grant_type="refresh_token", refresh_token=refresh_token)).json()
    return str(members["access_token"])


async def test_T97_an_api_is_told_nothing_of_people_who_allowed_it_before_it_asked_for_that(
    site: Site,
) -> None:
    api, secret = await site.api(BILLING, "Billing", scopes=SCOPES)
    app = await site.app("server-based")
    held = await site.tokens(app, scope=NAME)
    online = await site.tokens(app, scope=NAME, access_type="online")
    api = await change(site, api, shows_person=True)
    for token in (held["access_token"], online["access_token"]):
        assert "email" not in await told(site, api, secret, token)
    assert "email" not in await told(site, api, secret, await refreshed(site, app, held["refresh_token"]))
    assert await is_asked(site, app, scope=NAME)
    new = await site.tokens(app, scope=NAME)
    assert (await told(site, api, secret, new["access_token"]))["email"] == "mara@example.com"
    assert not await is_asked(site, app, scope=NAME)
    api = await change(site, api, sensitivity=4)
    assert "email" in await told(site, api, secret, new["access_token"])
    again = await site.tokens(app, scope=NAME, access_type="online")
    assert "email" in await told(site, api, secret, again["access_token"])


async def test_T22_a_page_about_another_scope_does_not_renew_what_changed_its_meaning(site: Site) -> None:
    api, _ = await site.api(BILLING, "Billing", scopes=SCOPES)
    app = await site.app("server-based")
    await site.tokens(app, scope=NAME)
    await change(site, api, sentence="See, add and delete your invoices")
    await site.tokens(app, scope="Billing.orders.READ")
    assert not await is_asked(site, app, scope="Billing.orders.READ")
    assert await is_asked(site, app, scope=NAME)


async def test_T22_who_takes_over_a_prefix_that_was_given_up_takes_over_no_consent(site: Site) -> None:
    api, _ = await site.api(BILLING, "Billing", scopes=SCOPES)
    app = await site.app("server-based")
    await site.tokens(app, scope=NAME)
    assert not await is_asked(site, app, scope=NAME)
    await delete_api(site.db, api.client_id, site.clock())
    site.clock.advance(60)
    await site.api("https://bills.example", "Billing", scopes=SCOPES)
    assert await is_asked(site, app, scope=NAME)


async def test_T22_the_page_says_what_an_api_is_told_of_the_person(site: Site) -> None:
    showing = (replace(SCOPES[0], shows_person=True), SCOPES[1])
    await site.api(BILLING, "Billing", scopes=showing)
    app = await site.app("server-based")
    browser = await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app, scope=NAME))
    assert PERSON in page.text
    page = await browser.get("/oauth/v2/auth", params=site.request(app, scope="Billing.orders.READ"))
    assert "See your orders" in page.text
    assert PERSON not in page.text


async def test_T136_a_workspace_has_a_bounded_number_of_apis(site: Site) -> None:
    """Every node holds every scope of every API in memory."""

    async def make(number: int, workspace_id: int) -> Api:
        said = ApiDeclaration(f"https://api-{number}.example", f"Api{number}", "API")
        made = await create_api(
            site.db, said=said, data_center="us", now=site.clock(), workspace_id=workspace_id, created_by=1
        )
        return made[0]

    first = await make(0, 1)
    for number in range(1, 30):
        await make(number, 1)
    with pytest.raises(ApiRefused, match="at most 30 APIs"):
        await make(30, 1)
    await make(30, 2)
    await make(31, 0)
    await delete_api(site.db, first.client_id, site.clock())
    await make(32, 1)
