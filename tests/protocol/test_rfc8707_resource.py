"""Tokens for one API and not another (RFC 8707)."""

from typing import Any

import pytest

from tests.site import API, SCOPE, App, Site, answer_of

BOOKS = "https://books.example/api"
BOTH = f"{SCOPE} Books.READ"


async def two_apis(site: Site) -> App:
    await site.api()
    await site.api(BOOKS, "Books")
    return await site.app("server-based")


async def aud(site: Site, app: App, answer: dict[str, Any]) -> object:
    return (await site.introspect(app, answer["access_token"]))["aud"]


@pytest.mark.parametrize(
    "bad", ["/api", "books", "https://books.example/api#x", "https://unknown.example", " "]
)
async def test_8707_2_a_a_resource_is_a_registered_absolute_uri(site: Site, bad: str) -> None:
    """RFC 8707 §2: else invalid_target, at the authorization endpoint and at the token endpoint."""
    app = await two_apis(site)
    browser = await site.signed_in()
    answer = answer_of(await site.authorize(app, browser=browser, resource=bad))
    assert (answer["error"], answer["state"]) == ("invalid_target", "st-123")
    code = await site.code(app, browser=browser)
    assert (await site.exchange(app, code, resource=bad)).json()["error"] == "invalid_target"
    assert (await site.exchange(app, code, resource=API)).status_code == 200


async def test_8707_2_a_several_resources_may_be_named(site: Site) -> None:
    """RFC 8707 §2: the one parameter that may repeat; another bad one spoils them all."""
    app = await two_apis(site)
    browser = await site.signed_in()
    code = await site.code(app, browser=browser, scope=BOTH)
    tokens = (await site.exchange(app, code, resource=[API, BOOKS])).json()
    assert await aud(site, app, tokens) == [API, BOOKS]
    code = await site.code(app, browser=browser, scope=BOTH)
    mixed = await site.exchange(app, code, resource=[API, "https://unknown.example"])
    assert mixed.json()["error"] == "invalid_target"


async def test_8707_2_b_the_audience_is_the_resource(site: Site) -> None:
    """RFC 8707 §2: without one it is the APIs whose scopes the token has, else the issuer."""
    app = await two_apis(site)
    browser = await site.signed_in()

    async def audience(**changes: str) -> object:
        return await aud(site, app, await site.tokens(app, browser=browser, **changes))

    assert await audience(scope=BOTH, resource=BOOKS) == BOOKS
    assert await audience(scope=SCOPE, resource=API) == API
    assert await audience(scope=BOTH) == [API, BOOKS]
    assert await audience(scope="openid") == site.server.issuer


async def test_8707_2_2_a_each_refresh_may_narrow_and_the_grant_stays_whole(site: Site) -> None:
    """RFC 8707 §2.2: one subset, then another, and the scope left is told; beyond the grant is refused."""
    app = await two_apis(site)
    tokens = await site.tokens(app, scope=BOTH)
    token = tokens["refresh_token"]
    for resource, scope in ((API, SCOPE), (BOOKS, "Books.READ")):
        narrowed = (await site.refresh(app, token, resource=resource)).json()
        assert narrowed["scope"] == scope
        assert await aud(site, app, narrowed) == resource
        assert (await site.introspect(app, narrowed["access_token"]))["scope"] == scope
    whole = (await site.refresh(app, token)).json()
    assert whole["scope"] == BOTH
    assert await aud(site, app, whole) == [API, BOOKS]
    bound = await site.tokens(app, scope=BOTH, resource=API)
    beyond = await site.refresh(app, bound["refresh_token"], resource=BOOKS)
    assert (beyond.status_code, beyond.json()["error"]) == (400, "invalid_target")
    code = await site.code(app, scope=BOTH, resource=API)
    assert (await site.exchange(app, code, resource=BOOKS)).json()["error"] == "invalid_target"
    assert (await site.exchange(app, code, resource=API)).status_code == 200
