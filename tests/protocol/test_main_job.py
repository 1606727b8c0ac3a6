"""The main job of each client type, from registration to the API's word on the token, inside one process."""

import pytest

from tests.site import Site


@pytest.mark.parametrize(
    "type_name", ["server-based", "client-based", "self-client", "non-browser", "mobile"]
)
async def test_an_app_of_each_type_gets_tokens_refreshes_them_and_loses_them_with_the_consent(
    site: Site, type_name: str
) -> None:
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    assert await site.works(tokens["access_token"])
    refreshed = await site.refresh(app, tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    assert await site.works(refreshed.json()["access_token"])
    browser = await site.signed_in()
    page = await browser.get("/account/apps")
    assert app.client.name in page.text
    removed = await browser.submit(page, {"client_id": app.id}, path="/account/apps/remove")
    assert removed.status_code == 303
    assert not await site.works(refreshed.json()["access_token"])
    latest = refreshed.json().get("refresh_token", tokens["refresh_token"])
    dead = await site.refresh(app, latest)
    assert (dead.status_code, dead.json()["error"]) == (400, "invalid_grant")
