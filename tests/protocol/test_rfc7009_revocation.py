"""Revocation: who may end which token, and what ends with it (RFC 7009)."""

import base64
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from tests.conftest import SiteFactory
from tests.site import App, Site

pytestmark = pytest.mark.both_engines

REVOKE = "/oauth/v2/token/revoke"


async def revoke(site: Site, token: str, credentials: Mapping[str, str], **fields: str) -> httpx2.Response:
    return await site.post(REVOKE, {**credentials, "token": token, **fields})


async def refresh_works(site: Site, app: App, tokens: Mapping[str, Any]) -> bool:
    return (await site.refresh(app, tokens["refresh_token"])).status_code == 200


async def test_7009_2_a_refresh_and_access_tokens_can_be_revoked(site: Site) -> None:
    """RFC 7009 §2: an access token ends alone, a refresh token stops renewing."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    other = (await site.refresh(app, tokens["refresh_token"])).json()
    assert (await revoke(site, tokens["access_token"], app.credentials)).status_code == 200
    assert not await site.works(tokens["access_token"])
    assert await site.works(other["access_token"])
    assert await refresh_works(site, app, tokens)
    assert (await revoke(site, tokens["refresh_token"], app.credentials)).status_code == 200
    refused = await site.refresh(app, tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("path", [REVOKE, "/oauth/v2/revoke/token"])
async def test_7009_2_b_the_endpoint_takes_a_posted_form(site: Site, path: str) -> None:
    """RFC 7009 §2: POST at an address without a fragment; nothing is revoked by GET."""
    app = await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    assert (await site.call("GET", path, params={**app.credentials, "token": token})).status_code == 405
    assert await site.works(token)
    assert (await site.post(path, {**app.credentials, "token": token})).status_code == 200
    assert not await site.works(token)
    document = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    assert document["revocation_endpoint"] == document["issuer"] + REVOKE
    assert "#" not in document["revocation_endpoint"]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_7009_2_1_a_a_client_revokes_its_own_tokens_alone(site: Site, kind: str) -> None:
    """RFC 7009 §2.1: the client authenticates, and another's token is refused and lives on."""
    app = await site.app("server-based")
    other = await site.app("server-based", name="Other")
    tokens = await site.tokens(app)
    foreign = await revoke(site, tokens[kind], other.credentials)
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    bare = await revoke(site, tokens[kind], {})
    assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")
    named = await revoke(site, tokens[kind], {"client_id": app.id})
    assert (named.status_code, named.json()["error"]) == (401, "invalid_client")
    assert await site.works(tokens["access_token"])
    assert await refresh_works(site, app, tokens)
    assert (await revoke(site, tokens[kind], app.credentials)).status_code == 200
    assert not await site.works(tokens["access_token"])


@pytest.mark.parametrize("type_name", ["client-based", "self-client", "non-browser", "mobile"])
async def test_7009_2_1_a_possession_is_enough_for_public_and_self_clients(
    site: Site, type_name: str
) -> None:
    """RFC 7009 §2.1: a public client has nothing to authenticate with; libraries send the bare token."""
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    assert (await revoke(site, tokens["access_token"], {})).status_code == 200
    assert not await site.works(tokens["access_token"])
    assert (await revoke(site, tokens["refresh_token"], {})).status_code == 200
    assert not await refresh_works(site, app, tokens)


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("refresh_token", "access_token"), ("access_token", "refresh_token"), ("access_token", "saml2_token")],
)
async def test_7009_2_1_b_a_wrong_hint_does_not_hide_a_token(site: Site, kind: str, hint: str) -> None:
    """RFC 7009 §2.1: the search goes on over all kinds of token, and an unknown hint is ignored."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    answer = await revoke(site, tokens[kind], app.credentials, token_type_hint=hint)
    assert answer.status_code == 200
    assert not await site.works(tokens["access_token"])


async def test_7009_2_1_c_a_revocation_holds_at_once(site: Site) -> None:
    """RFC 7009 §2.1: introspection and userinfo refuse the token in the same second."""
    app = await site.app("server-based")
    token = (await site.tokens(app, scope="openid"))["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    assert (await site.introspect(app, token))["active"] is True
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=header)).status_code == 200
    await revoke(site, token, app.credentials)
    assert await site.introspect(app, token) == {"active": False}
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=header)).status_code == 401


async def test_7009_2_1_d_a_refresh_token_takes_its_access_tokens_along(site: Site) -> None:
    """RFC 7009 §2.1: those of the same authorization, and no others."""
    app = await site.app("server-based")
    apart = await site.tokens(app)
    tokens = await site.tokens(app)
    second = (await site.refresh(app, tokens["refresh_token"])).json()
    await revoke(site, tokens["refresh_token"], app.credentials)
    assert not await site.works(tokens["access_token"])
    assert not await site.works(second["access_token"])
    assert await site.works(apart["access_token"])


async def test_7009_2_2_a_a_token_that_is_no_more_is_no_error(site: Site) -> None:
    """RFC 7009 §2.2: unknown, expired and revoked tokens get the answer of a live one."""
    app = await site.app("server-based")
    other = await site.app("server-based", name="Other")
    tokens = await site.tokens(app)
    live = await revoke(site, tokens["access_token"], app.credentials)
    again = await revoke(site, tokens["access_token"], app.credentials)
    unknown = await revoke(site, "no-such-token", app.credentials)
    altered = await revoke(site, tokens["refresh_token"][:-1] + "!", app.credentials)
    expired = await site.tokens(app)
    site.clock.advance(3601)
    answers = [live, again, unknown, altered, await revoke(site, expired["access_token"], app.credentials)]
    # Another client learns nothing about what is dead, and a bare call neither.
    answers += [
        await revoke(site, expired["access_token"], other.credentials),
        await revoke(site, expired["access_token"], {}),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, live.content)}


async def test_7009_2_2_1_a_errors_are_those_of_the_token_endpoint(site: Site) -> None:
    """RFC 7009 §2.2.1: a missing token is invalid_request, a bad client invalid_client with a challenge."""
    app = await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    missing = await site.post(REVOKE, app.credentials)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    wrong = base64.b64encode(f"{app.id}:wrong".encode()).decode()
    basic = await site.post(REVOKE, {"token": token}, headers={"Authorization": f"Basic {wrong}"})
    unknown = await revoke(site, token, {"client_id": "nobody", "client_secret": "wrong"})
    for answer in (basic, unknown):
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["error_description"]
    assert await site.works(token)
    assert (await revoke(site, token, app.credentials)).status_code == 200


async def test_7009_5_a_guessing_a_secret_is_throttled_here_too(open_a_site: SiteFactory) -> None:
    """RFC 7009 §5: wrong secrets run into 429, the right one never waits."""
    async with open_a_site(limits="1") as site:
        site.peer = "203.0.113.9"
        app = await site.app("server-based")
        token = (await site.tokens(app))["access_token"]
        wrong = {**app.credentials, "client_secret": "wrong"}
        statuses = [(await revoke(site, token, wrong)).status_code for _ in range(21)]
        assert statuses == [401] * 20 + [429]
        last = await revoke(site, token, wrong)
        assert int(last.headers["retry-after"]) > 0
        assert (await revoke(site, token, app.credentials)).status_code == 200
        assert not await site.works(token)
