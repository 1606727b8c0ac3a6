"""Personal access tokens: shown once, for one workspace, with no more than their person may, on the API."""

import re

import httpx2
import pytest

from grantline.opaque import ACCESS_TOKEN, REFRESH_TOKEN, body_of, recognise, render
from grantline.web.visit import RECENT_SECONDS
from grantline.workspaces import TOKEN_SCOPES
from tests.console_api.calling import V1, program
from tests.site import PASSWORD, Browser, Site, hidden_fields

KEYS = "/console/keys"


async def make(browser: Browser, **fields: str) -> httpx2.Response:
    """Make a token on the page."""
    page = await browser.get(KEYS)
    asked = {"name": "Deploy script", "days": "30", "scope:clients:read": "yes", **fields}
    return await browser.post(KEYS, {"token": hidden_fields(page)["token"], **asked})


def value_in(page: httpx2.Response) -> str:
    """The token that the page shows."""
    [value] = set(re.findall(r"glp_us_[0-9A-Za-z]+", page.text))
    assert isinstance(value, str)
    return value


async def ask(site: Site, value: str, path: str = "/clients", **options: object) -> httpx2.Response:
    """What the API says to this token."""
    return await site.call("GET", f"{V1}{path}", headers={"Authorization": f"Bearer {value}"}, **options)


async def test_T6_a_token_is_shown_once_and_kept_as_a_hash(site: Site) -> None:
    browser = await site.signed_in()
    page = await make(browser)
    value = value_in(page)
    assert recognise(value) is not None
    assert page.headers["cache-control"] == "no-store"
    assert value not in (await browser.get(KEYS)).text
    [row] = await site.db.all("SELECT id, token_hash, scopes, expires_at FROM personal_tokens")
    assert row["id"] in (await browser.get(KEYS)).text
    assert value.encode() not in bytes(row["token_hash"])
    assert (row["scopes"], row["expires_at"]) == ("clients:read", site.clock() + 30 * 86400)
    assert (await ask(site, value)).status_code == 200
    [event] = await site.db.all("SELECT detail FROM audit WHERE kind = 'key.created'")
    assert row["id"] in event["detail"]
    assert value not in event["detail"]


async def test_T5_an_old_sign_in_asks_for_the_password_before_a_token_is_made(site: Site) -> None:
    browser = await site.signed_in()
    site.clock.advance(RECENT_SECONDS + 1)
    asked = await make(browser)
    assert "glp_" not in asked.text
    assert not await site.db.all("SELECT 1 FROM personal_tokens")
    kept = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', asked.text))
    assert kept["scope:clients:read"] == "yes"
    made = await browser.post(KEYS, {**kept, "password": PASSWORD})
    assert value_in(made)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": " "}, "Name it with 1 to 60"),
        ({"name": "x" * 61}, "Name it with 1 to 60"),
        ({"name": "a\u202eb"}, "Name it with 1 to 60"),
        ({"days": "366"}, "Choose 7, 30, 90 or 365 days"),
        ({"days": ""}, "Choose 7, 30, 90 or 365 days"),
        ({"days": "３０"}, "Choose 7, 30, 90 or 365 days"),
    ],
)
async def test_a_refused_form_says_what_is_wrong_and_keeps_the_rest(
    site: Site, fields: dict[str, str], sentence: str
) -> None:
    page = await make(await site.signed_in(), **fields)
    assert page.status_code == 400
    assert sentence in page.text
    assert 'name="scope:clients:read" value="yes" checked' in page.text
    assert not await site.db.all("SELECT 1 FROM personal_tokens")


async def test_T4_no_scope_is_made_up_and_none_is_above_the_role(site: Site) -> None:
    browser = await site.signed_in()
    assert (await make(browser, **{"scope:admin": "yes"})).status_code == 400
    await site.db.run("UPDATE workspace_members SET role = 'viewer'")
    page = await browser.get(KEYS)
    assert "scope:clients:write" not in page.text
    value = value_in(await make(browser, **{"scope:clients:write": "yes", "scope:team:write": "yes"}))
    [row] = await site.db.all("SELECT scopes FROM personal_tokens")
    assert row["scopes"] == "clients:read"
    assert (await ask(site, value)).status_code == 200


async def test_a_revoked_an_expired_and_an_unknown_token_get_the_same_answer(site: Site) -> None:
    browser = await site.signed_in()
    revoked = value_in(await make(browser))
    page = await browser.get(KEYS)
    form = dict(re.findall(r'name="(token|key)" value="([^"]*)"', page.text))
    assert (await browser.post(f"{KEYS}/revoke", form)).status_code == 303
    expired = (await program(site, days=7)).value
    gone = (await program(site, account_id=(await site.person("gone@example.com")).id)).value
    site.clock.advance(7 * 86400)
    await site.db.run("UPDATE accounts SET disabled_at = 1 WHERE email = 'gone@example.com'")
    unknown = render("glp", "us", "x" * 43)
    bodies = set()
    for value in (revoked, expired, gone, unknown, unknown[:-1], "", "glp_us_1", f"{unknown} {unknown}"):
        answer = await ask(site, value)
        assert answer.status_code == 401, value
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        bodies.add(re.sub(r'"request_id":"[^"]+"', "", answer.text))
    assert len(bodies) == 1


async def test_T143_nobody_revokes_or_sees_a_token_of_somebody_else(site: Site) -> None:
    other = await program(site, account_id=(await site.person("olga@example.com")).id)
    browser = await site.signed_in()
    page = await browser.get(KEYS)
    assert other.token.id not in page.text
    form = {"token": hidden_fields(page)["token"], "key": other.token.id}
    assert (await browser.post(f"{KEYS}/revoke", form)).status_code == 404
    assert (await ask(site, other.value)).status_code == 200


async def test_a_token_has_the_rights_of_its_person_at_that_moment_and_no_more(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    path = f"/clients/{app.id}/secrets"
    assert (await caller.call("POST", path, json={})).status_code == 201
    await site.db.run("UPDATE workspace_members SET role = 'developer'")
    refused = await caller.call("DELETE", f"/clients/{app.id}")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_insufficient")
    await site.db.run("UPDATE workspace_members SET role = 'viewer'")
    refused = await caller.call("POST", f"{path}/reset")
    assert (refused.status_code, refused.json()["needed"]) == (403, "change")
    assert (await caller.call("GET", f"/clients/{app.id}")).status_code == 200
    await site.db.run("DELETE FROM workspace_members")
    assert (await caller.call("GET", f"/clients/{app.id}")).status_code == 401


async def test_the_last_use_is_written_at_most_once_a_minute(site: Site) -> None:
    caller = await program(site)

    async def used_at() -> int | None:
        row = await site.db.one("SELECT used_at FROM personal_tokens")
        return row[0] if row is not None else None

    assert await used_at() is None
    await caller.get("/clients")
    first = await used_at()
    assert first == site.clock()
    site.clock.advance(59)
    await caller.get("/clients")
    assert await used_at() == first
    site.clock.advance(1)
    await caller.get("/clients")
    assert await used_at() == site.clock()


async def test_T35_no_other_kind_passes_as_a_token_and_a_token_as_no_other_kind(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    tokens = await site.tokens(app)
    body = body_of(caller.value, "glp", "us") or ""
    others = [tokens["access_token"], tokens["refresh_token"], app.secret or "", app.id]
    others += [render(ACCESS_TOKEN, "us", body), render(REFRESH_TOKEN, "us", body), render("glp", "eu", body)]
    for value in others:
        assert (await ask(site, value)).status_code == 401
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=_bearer(caller.value))).status_code == 401
    assert (await site.refresh(app, caller.value)).status_code == 400
    assert (await site.introspect(app, caller.value)) == {"active": False}
    exchanged = await site.exchange(app, caller.value)
    assert exchanged.json()["error"] == "invalid_grant"
    as_secret = {"client_id": app.id, "client_secret": caller.value, "grant_type": "client_credentials"}
    assert (await site.post("/oauth/v2/token", as_secret)).status_code == 401


def _bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


async def test_T58_cookies_open_nothing_on_the_api_and_a_token_opens_no_page(site: Site) -> None:
    browser, caller = await site.signed_in(), await program(site)
    assert (await browser.get(f"{V1}/clients")).status_code == 401
    assert (await browser.http.post(f"{V1}/clients", json={"type": "self-client"})).status_code == 401
    for path in ("/console/clients", KEYS, "/account"):
        assert (await site.call("GET", path, headers=_bearer(caller.value))).status_code == 303
    for options in (
        {"params": {"access_token": caller.value}},
        {"headers": {"Cookie": f"session={caller.value}"}},
        {"headers": {"Authorization": f"Zoho-oauthtoken {caller.value}"}},
        {"headers": {"Authorization": f"Basic {caller.value}"}},
    ):
        assert (await site.call("GET", f"{V1}/clients", **options)).status_code == 401


async def test_every_scope_is_offered_with_a_sentence(site: Site) -> None:
    page = await (await site.signed_in()).get(KEYS)
    for scope in TOKEN_SCOPES:
        assert f'name="scope:{scope}"' in page.text
    assert f"--server {site.server.issuer}" in page.text


async def test_fifty_tokens_are_enough(site: Site) -> None:
    for _ in range(50):
        await program(site)
    page = await make(await site.signed_in())
    assert page.status_code == 400
    assert "Revoke one first" in page.text
