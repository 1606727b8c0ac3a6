"""Introspection: who may ask, and how little an inactive answer says (RFC 7662)."""

from typing import Any

import httpx2
import pytest

from grantline.tokens import AccessToken, mint_access_token
from tests.conftest import SiteFactory
from tests.site import API, SCOPE, Site

pytestmark = pytest.mark.both_engines

INTROSPECT = "/oauth/v2/introspect"
INACTIVE = b'{"active":false}'
OTHER_API = "https://other.example"


async def as_api(site: Site, api: tuple[Any, str], token: str) -> httpx2.Response:
    registered, secret = api
    return await site.post(
        INTROSPECT, {"client_id": registered.client_id, "client_secret": secret, "token": token}
    )


async def test_7662_2_a_the_endpoint_takes_a_posted_form(site: Site) -> None:
    """RFC 7662 §2."""
    app = await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    fields = {**app.credentials, "token": token}
    assert (await site.call("GET", INTROSPECT, params=fields)).status_code == 405
    assert (await site.call("POST", INTROSPECT, json=fields)).status_code == 400
    answer = await site.post(INTROSPECT, fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["active"] is True


async def test_7662_2_1_a_nobody_asks_without_credentials(site: Site) -> None:
    """RFC 7662 §2.1: neither a stranger, nor a client by its name alone, nor a public one."""
    app, public = await site.app("server-based"), await site.app("mobile")
    token = (await site.tokens(app))["access_token"]
    for fields in ({}, {"client_id": app.id}, {"client_id": public.id}):
        answer = await site.post(INTROSPECT, {**fields, "token": token})
        assert answer.status_code in (400, 401), fields
        assert "active" not in answer.json()
    with_bearer = await site.post(INTROSPECT, {"token": token}, headers={"Authorization": f"Bearer {token}"})
    assert with_bearer.status_code in (400, 401)
    assert (await site.introspect(app, token))["active"] is True


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
async def test_7662_2_1_b_a_wrong_hint_widens_the_search(site: Site, hint: str) -> None:
    """RFC 7662 §2.1."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    for kind in ("access_token", "refresh_token"):
        assert (await site.introspect(app, tokens[kind], token_type_hint=hint))["active"] is True
    assert (await site.introspect(app, "gla_us_nothing", token_type_hint=hint))["active"] is False


async def test_7662_2_2_a_active_is_always_there_and_a_boolean(site: Site) -> None:
    """RFC 7662 §2.2: with the other members of their types."""
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope=f"openid {SCOPE}")
    answer = await site.introspect(app, tokens["access_token"])
    assert answer["active"] is True
    assert answer["scope"] == f"openid {SCOPE}"
    assert (answer["client_id"], answer["token_type"], answer["iss"]) == (
        app.id,
        "Bearer",
        site.server.issuer,
    )
    assert answer["sub"] == site.account.sub
    assert (answer["iat"], answer["exp"]) == (site.clock(), site.clock() + 3600)
    refresh = await site.introspect(app, tokens["refresh_token"])
    assert refresh["active"] is True
    assert "token_type" not in refresh  # it opens nothing by itself
    for token in ("x", "gla_us_x", tokens["access_token"][:-1], tokens["access_token"] + "x"):
        assert (await site.introspect(app, token))["active"] is False


async def test_7662_2_2_b_whatever_is_wrong_with_a_token_the_answer_is_the_same(site: Site) -> None:
    """RFC 7662 §2.2: unknown, expired, revoked and another's, byte for byte."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Other")
    expired = await site.tokens(app)
    site.clock.advance(3600)
    foreign = (await site.tokens(other))["access_token"]
    assert await site.works(foreign)
    revoked = (await site.tokens(app))["access_token"]
    alive = (await site.refresh(app, expired["refresh_token"])).json()["access_token"]
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": revoked})
    for token in ("unknown", expired["access_token"], revoked, foreign):
        answer = await site.post(INTROSPECT, {**app.credentials, "token": token})
        assert (answer.status_code, answer.content) == (200, INACTIVE)
    assert (await site.introspect(app, alive))["active"] is True


async def test_7662_2_2_c_an_inactive_answer_does_not_say_why(site: Site) -> None:
    """RFC 7662 §2.2: one member, for an access token and for a refresh token."""
    app, mobile = await site.app("server-based"), await site.app("mobile")
    tokens, foreign = await site.tokens(app), await site.tokens(mobile)
    assert len(await site.introspect(app, tokens["access_token"])) > 5
    for token in (foreign["access_token"], foreign["refresh_token"], tokens["access_token"].swapcase()):
        assert await site.introspect(app, token) == {"active": False}


async def test_7662_2_3_a_bad_credentials_are_401_and_a_bad_token_never_is(site: Site) -> None:
    """RFC 7662 §2.3."""
    app = await site.app("server-based")
    wrong = await site.post(INTROSPECT, {**app.credentials, "client_secret": "wrong", "token": "x"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic ")
    right = await site.post(INTROSPECT, {**app.credentials, "token": "x"})
    assert (right.status_code, right.content) == (200, INACTIVE)
    assert (await site.post(INTROSPECT, app.credentials)).json()["error"] == "invalid_request"


async def test_7662_4_a_an_altered_token_is_inactive(site: Site) -> None:
    """RFC 7662 §4: its integrity is checked over every character."""
    app = await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    assert (await site.introspect(app, token))["active"] is True
    for index in range(len(token)):
        changed = token[:index] + ("0" if token[index] != "0" else "1") + token[index + 1 :]
        assert not await site.works(changed), index


async def test_7662_4_a_everything_that_can_end_a_token_is_checked(site: Site) -> None:
    """RFC 7662 §4: expiry to the second, the key's number, authorization, sequence and audience."""
    app = await site.app("server-based")
    api = await site.api()
    other_api = await site.api(OTHER_API, "Books")
    token = (await site.tokens(app))["access_token"]
    assert (await as_api(site, api, token)).json()["active"] is True
    assert (await as_api(site, other_api, token)).content == INACTIVE
    row = await site.db.one("SELECT id, sequence FROM authorizations WHERE client_id = $1", app.id)
    scope_set = (await site.db.one("SELECT id FROM scope_sets LIMIT 1"))[0]
    right = AccessToken(row[0], row[1], scope_set, site.clock() + 60)

    def minted(**changes: int) -> str:
        return mint_access_token(site.mint.keyring, "us", right._replace(**changes), site.clock())

    assert await site.works(minted())
    for changes in (
        {"authorization_id": row[0] + 999},
        {"sequence": row[1] + 1},
        {"sequence": 0},
        {"scope_set_id": 999_999},
        {"expires_at": site.clock()},
    ):
        assert not await site.works(minted(**changes)), changes
    site.clock.advance(3599)
    assert (await site.introspect(app, token))["active"] is True
    site.clock.advance(1)
    assert await site.introspect(app, token) == {"active": False}


async def test_7662_4_b_scanning_is_throttled(open_a_site: SiteFactory) -> None:
    """RFC 7662 §4: whoever guesses an API's secret gets 429, and the API itself does not."""
    async with open_a_site(limits="1") as site:
        site.peer = "203.0.113.9"
        api, secret = await site.api()
        statuses = [(await as_api(site, (api, f"guess{number}"), "x")).status_code for number in range(21)]
        assert statuses == [401] * 20 + [429]
        assert (await as_api(site, (api, secret), "x")).status_code == 200


async def test_7662_5_a_personal_data_goes_to_the_apis_that_may_know_it(site: Site) -> None:
    """RFC 7662 §5: by the scopes of the token, and to APIs alone."""
    app = await site.app("server-based")
    api = await site.api()
    plain = (await site.tokens(app, scope="CRM.modules.leads.READ email"))["access_token"]
    personal = (await site.tokens(app, scope="CRM.users.READ"))["access_token"]
    members = (await as_api(site, api, plain)).json()
    assert members["active"] is True
    assert members["organization"]
    assert {"email", "name", "given_name"}.isdisjoint(members)
    assert (await as_api(site, api, personal)).json()["email"] == "mara@example.com"
    own = await site.introspect(app, personal)
    assert {"email", "name", "organization", "organization_name"}.isdisjoint(own)
    assert own["aud"] == API
