"""The database can't be written: pages and endpoints say 503 and when to come back, and nothing is lost."""

from pathlib import Path

import pytest

from tests.db.holding import held_by_another_process
from tests.site import App, Site, answer_of


def file_of(site: Site) -> Path:
    return Path(site.server.settings.database.removeprefix("sqlite://"))


async def test_T137_a_page_that_has_to_write_is_503_with_retry_after(site: Site) -> None:
    """A session that was not seen for a while is written to by every page."""
    browser = await site.signed_in()
    site.clock.advance(3600)
    with held_by_another_process(file_of(site)):
        page = await browser.get("/account")
        missing = await browser.get("/nothing")
        anonymous = await site.browser().get("/scopes")
    assert (page.status_code, int(page.headers["retry-after"]) > 0) == (503, True)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert (missing.status_code, anonymous.status_code) == (404, 200)
    assert (await browser.get("/account")).status_code == 200


@pytest.mark.parametrize("type_name", ["server-based", "mobile"])
async def test_T137_reading_endpoints_answer_while_the_file_is_held(site: Site, type_name: str) -> None:
    app = await site.app(type_name)
    reader = await site.app("self-client")
    token = (await site.tokens(app, scope="openid CRM.modules.READ", nonce="n"))["access_token"]
    own = (await site.tokens(reader))["access_token"]
    with held_by_another_process(file_of(site)):
        told = await site.call("GET", "/oauth/v2/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert told.status_code == 200
        assert (await site.introspect(reader, own))["active"]
        for path in ("/oauth/v2/keys", "/.well-known/openid-configuration", "/health/ready"):
            assert (await site.call("GET", path)).status_code == 200


async def test_T137_sign_in_and_consent_wait_and_go_on_afterwards(site: Site) -> None:
    app: App = await site.app("server-based")
    browser = site.browser()
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    with held_by_another_process(file_of(site)):
        refused = await browser.sign_in(page)
    assert refused.status_code == 503
    assert "gl_us_session" not in browser.http.cookies
    page = await browser.get((await browser.sign_in(page)).headers["location"])
    with held_by_another_process(file_of(site)):
        told = answer_of(await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision"))
    assert told["error"] == "temporarily_unavailable"
    assert "code" not in told
    answer = answer_of(await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision"))
    assert (await site.exchange(app, answer["code"])).status_code == 200
