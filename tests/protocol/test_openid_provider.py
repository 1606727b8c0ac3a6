"""What every OpenID provider has to handle (OpenID Connect Core §15, §16)."""

import hmac
from typing import Any

import pytest

from grantline.oauth import pkce
from tests.protocol.relying_party import claims_of
from tests.site import VERIFIER, Site, answer_of


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "none"},
        {"prompt": "login"},
        {"prompt": "consent"},
        {"display": "popup"},
        {"display": "wap"},
        {"ui_locales": "de-CH fr"},
        {"claims_locales": "de"},
        {"max_age": "3600"},
        {"acr_values": "1 2"},
        {"login_hint": "mara@example.com"},
        {"id_token_hint": "own"},
    ],
)
async def test_core_15_1_a_what_every_provider_must_take_is_taken(
    site: Site, changes: dict[str, str]
) -> None:
    """OpenID Connect Core §15.1: one request each, to its id_token with auth_time, signed with RS256."""
    app, browser = await site.app("server-based"), await site.signed_in()
    first = await site.tokens(app, browser=browser, scope="openid")
    if "id_token_hint" in changes:
        changes = {"id_token_hint": first["id_token"]}
    code = await site.code(app, browser=browser, scope="openid", **changes)
    claims = claims_of((await site.exchange(app, code)).json()["id_token"])
    assert claims["auth_time"] == site.clock()


async def test_core_15_1_a_a_login_hint_fills_the_form(site: Site) -> None:
    """OpenID Connect Core §15.1: escaped, and never as somebody's name."""
    app = await site.app("server-based")
    hint = '"><b>mara@example.com'
    page = await site.browser().get("/oauth/v2/auth", params=site.request(app, login_hint=hint))
    assert 'value="&#34;&gt;&lt;b&gt;mara@example.com"' in page.text
    assert "<b>mara" not in page.text


async def test_core_15_2_a_we_do_not_call_ourselves_a_dynamic_provider(site: Site) -> None:
    """OpenID Connect Core §15.2: nothing that such a one needs is announced, and all of it is refused."""
    document = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert "registration_endpoint" not in document
    assert "id_token" not in document["response_types_supported"]
    assert document["request_uri_parameter_supported"] is False
    app, browser = await site.app("client-based"), await site.signed_in()
    for changes in ({"response_type": "id_token"}, {"request_uri": "https://app.example/r"}):
        asked = site.request(app, scope="openid", nonce="n", **changes)
        assert "error" in answer_of(await browser.get("/oauth/v2/auth", params=asked))
    assert (await site.post("/oauth/v2/register", {})).status_code == 404


async def test_core_16_12_a_secrets_are_compared_in_constant_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenID Connect Core §16.12: each kind by `hmac.compare_digest`, seen at work."""
    app, mobile = await site.app("server-based"), await site.app("mobile")
    code = await site.code(mobile, access_type="offline")
    refresh_token = (await site.tokens(app))["refresh_token"]
    browser = await site.signed_in()
    page = await browser.get("/account/apps")
    seen = 0
    compare = hmac.compare_digest

    def counting(one: Any, other: Any) -> bool:
        nonlocal seen
        seen += 1
        return compare(one, other)

    async def comparisons(work: Any) -> int:
        nonlocal seen
        seen = 0
        await work
        return seen

    monkeypatch.setattr(hmac, "compare_digest", counting)
    monkeypatch.setattr(pkce, "compare_digest", counting)
    secret = await comparisons(site.token(app, grant_type="refresh_token", refresh_token="x"))
    assert secret >= 1
    # The secret and the token's MAC; then its SHA-256 is part of what finds the row, as a code's is.
    assert await comparisons(site.refresh(app, refresh_token)) >= 2
    assert await comparisons(site.exchange(mobile, code, code_verifier=VERIFIER[:-1] + "x")) >= 1
    assert await comparisons(site.works("gla_us_x")) == 0
    token = (await site.tokens(app))["access_token"]
    assert await comparisons(site.works(token)) >= 1
    assert await comparisons(browser.submit(page, {"client_id": app.id}, path="/account/apps/remove")) >= 1


async def test_core_16_18_a_lasting_access_is_named_and_can_be_taken_back(site: Site) -> None:
    """OpenID Connect Core §16.18: at consent in words, afterwards under connected apps."""
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app, access_type="offline"))
    assert "It keeps this access until you remove it, also while you are away." in page.text
    assert 'href="/account/apps"' in page.text
    short = await browser.get("/oauth/v2/auth", params=site.request(app))
    assert "while you are away" not in short.text
    tokens = await site.tokens(app, browser=browser)
    apps = await browser.get("/account/apps")
    assert app.client.name in apps.text
    await browser.submit(apps, {"client_id": app.id}, path="/account/apps/remove")
    assert not await site.works(tokens["access_token"])
    assert (await site.refresh(app, tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert app.client.name not in (await browser.get("/account/apps")).text
