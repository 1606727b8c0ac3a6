"""Refresh tokens: the lost answer, reuse, age, and what they must not become (T46, T52, T53)."""

from typing import Any

import pytest

from grantline.clients import CLIENT_TYPES
from grantline.opaque import encode, random_base62, render
from tests.conftest import SiteFactory
from tests.site import App, Site, answer_of

pytestmark = pytest.mark.both_engines

ROTATING = tuple(name for name, kind in CLIENT_TYPES.items() if kind.rotates)
LASTING = tuple(name for name, kind in CLIENT_TYPES.items() if not kind.rotates)
DAY = 24 * 3600


async def rotated(site: Site, app: App) -> tuple[str, dict[str, Any]]:
    """A refresh token that was used once, and the answer to that."""
    first = str((await site.tokens(app))["refresh_token"])
    answer = await site.refresh(app, first)
    assert answer.status_code == 200
    return first, answer.json()


async def is_dead(site: Site, app: App, answer: dict[str, Any]) -> bool:
    refused = await site.refresh(app, answer["refresh_token"])
    return refused.json().get("error") == "invalid_grant" and not await site.works(answer["access_token"])


@pytest.mark.parametrize("type_name", ROTATING)
@pytest.mark.parametrize("seconds", [0, 1, 59])
async def test_T46_a_lost_answer_is_given_once_more_and_counts_as_no_new_token(
    site: Site, type_name: str, seconds: int
) -> None:
    """RFC 9700 §4.14.2: whoever lost the answer, by a minute later, is not locked out."""
    app = await site.app(type_name)
    first, answer = await rotated(site, app)
    before = await site.db.one("SELECT sequence, rate_count FROM authorizations WHERE client_id = $1", app.id)
    site.clock.advance(seconds)
    for _ in range(3):
        again = await site.refresh(app, first)
        assert (again.status_code, again.json()) == (200, answer)
    after = await site.db.one("SELECT sequence, rate_count FROM authorizations WHERE client_id = $1", app.id)
    assert tuple(before) == tuple(after)
    assert (await site.refresh(app, answer["refresh_token"])).status_code == 200


@pytest.mark.parametrize("type_name", ROTATING)
async def test_T46_reuse_after_a_minute_ends_the_family_and_leaves_an_event(
    site: Site, type_name: str
) -> None:
    app = await site.app(type_name)
    first, answer = await rotated(site, app)
    site.clock.advance(60)
    replay = await site.refresh(app, first)
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    assert await is_dead(site, app, answer)
    events = await site.db.all("SELECT account_id, client_id FROM audit WHERE kind = 'refresh_token.reused'")
    assert [tuple(event) for event in events] == [(site.account.id, app.id)]


@pytest.mark.parametrize("type_name", ROTATING)
async def test_T46_reuse_within_the_minute_but_after_the_successor_was_used_ends_the_family(
    site: Site, type_name: str
) -> None:
    """RFC 9700 §4.14.2: once the successor has been seen nobody can have lost the answer."""
    app = await site.app(type_name)
    first, answer = await rotated(site, app)
    newest = (await site.refresh(app, answer["refresh_token"])).json()
    site.clock.advance(30)
    assert (await site.refresh(app, first)).json()["error"] == "invalid_grant"
    assert await is_dead(site, app, newest)


async def test_T46_a_successor_that_was_presented_in_vain_was_seen_all_the_same(site: Site) -> None:
    app = await site.app("mobile")
    first, answer = await rotated(site, app)
    vain = await site.refresh(app, answer["refresh_token"], scope="CRM.modules.ALL")
    assert vain.json()["error"] == "invalid_scope"
    assert (await site.refresh(app, first)).json()["error"] == "invalid_grant"
    assert await is_dead(site, app, answer)


async def test_T46_a_token_from_long_ago_is_told_from_a_made_up_one(site: Site) -> None:
    app = await site.app("mobile")
    first, answer = await rotated(site, app)
    for _ in range(5):
        site.clock.advance(3600)
        answer = (await site.refresh(app, answer["refresh_token"])).json()
    assert (await site.refresh(app, first)).json()["error"] == "invalid_grant"
    assert await is_dead(site, app, answer)


@pytest.mark.parametrize("type_name", ["mobile", "server-based"])
async def test_T46_a_made_up_token_is_unknown_and_ends_nothing(site: Site, type_name: str) -> None:
    """A right form, number and checksum are no proof; and no number is too great to be asked for."""
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    kind, data_center, _ = tokens["refresh_token"].split("_")
    row = await site.db.one("SELECT id FROM authorizations WHERE client_id = $1", app.id)
    for number in (row[0], 2**63 - 1, 2**63, 62**11 - 1):
        made_up = render(kind, data_center, encode(number, 11) + random_base62(65))
        refused = await site.refresh(app, made_up)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant"), number
    odd = tokens["refresh_token"][:8] + "é" + tokens["refresh_token"][9:]
    refused = await site.refresh(app, odd)
    assert refused.status_code == 400
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200


async def test_T46_no_other_token_opens_a_sealed_answer(site: Site) -> None:
    from grantline.tokens import open_answer

    app = await site.app("mobile")
    first, answer = await rotated(site, app)
    row = await site.db.one("SELECT sealed_answer FROM authorizations WHERE client_id = $1", app.id)
    for secret in (answer["access_token"], answer["refresh_token"]):
        assert secret.encode() not in row[0]
    assert open_answer(answer["refresh_token"], row[0]) is None
    assert open_answer(first, row[0]) is not None


async def test_T46_a_revoked_authorization_gives_no_lost_answer(site: Site) -> None:
    app = await site.app("mobile")
    first, answer = await rotated(site, app)
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": answer["refresh_token"]})
    assert (await site.refresh(app, first)).json()["error"] == "invalid_grant"
    row = await site.db.one("SELECT sealed_answer FROM authorizations WHERE client_id = $1", app.id)
    assert row[0] is None


@pytest.mark.parametrize("type_name", LASTING)
async def test_T46_a_confidential_clients_token_stays_the_same(site: Site, type_name: str) -> None:
    """RFC 9700 §2.2.2: the secret protects it."""
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    for _ in range(3):
        site.clock.advance(100)
        answer = await site.refresh(app, tokens["refresh_token"])
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


async def test_T51_a_repeated_answer_is_no_way_around_the_limit_of_refreshes(
    open_a_site: SiteFactory,
) -> None:
    async with open_a_site(limits="1") as site:
        app = await site.app("mobile")
        token, given = str((await site.tokens(app))["refresh_token"]), set()
        statuses = []
        for _ in range(12):
            answer = await site.refresh(app, token)
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                given.add(answer.json()["access_token"])
                token = answer.json()["refresh_token"]
        assert statuses == [200] * 10 + [429] * 2
        assert len(given) == 10
        site.clock.advance(600)
        assert (await site.refresh(app, token)).status_code == 200


@pytest.mark.parametrize(
    ("type_name", "idle"), [(name, CLIENT_TYPES[name].idle_seconds) for name in ROTATING]
)
async def test_T52_an_unused_refresh_token_of_a_public_client_ends(
    site: Site, type_name: str, idle: int
) -> None:
    """RFC 9700 §4.14.2: 30 days without use, a browser app's after one."""
    app = await site.app(type_name)
    assert idle == (DAY if type_name == "client-based" else 30 * DAY)
    tokens = await site.tokens(app)
    site.clock.advance(idle - 1)
    used = await site.refresh(app, tokens["refresh_token"])
    assert used.status_code == 200
    site.clock.advance(idle)
    over = await site.refresh(app, used.json()["refresh_token"])
    assert over.json()["grantline_code"] == "refresh_token_idle"


async def test_T52_a_browser_apps_refresh_tokens_end_after_fourteen_days_however_much_used(
    site: Site,
) -> None:
    app = await site.app("client-based")
    token = (await site.tokens(app))["refresh_token"]
    for _ in range(27):
        site.clock.advance(DAY // 2)
        answer = await site.refresh(app, token)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    site.clock.advance(DAY // 2)
    assert (await site.refresh(app, token)).json()["grantline_code"] == "refresh_token_expired"


@pytest.mark.parametrize("type_name", LASTING)
async def test_T52_a_confidential_clients_refresh_token_has_no_age(site: Site, type_name: str) -> None:
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    site.clock.advance(5 * 365 * DAY)
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200


async def test_T53_lasting_access_is_asked_for_anew_where_only_a_visit_was_allowed(site: Site) -> None:
    """RFC 6749 §10.4 and R20: online to offline is a new question, silently it is refused."""
    app, browser = await site.app("server-based"), await site.signed_in()
    online = (await site.exchange(app, await site.code(app, browser=browser))).json()
    assert "refresh_token" not in online
    request = site.request(app, access_type="offline")
    page = await browser.get("/oauth/v2/auth", params=request)
    assert page.status_code == 200
    assert 'name="decision"' in page.text
    silent = await browser.get("/oauth/v2/auth", params={**request, "prompt": "none"})
    assert answer_of(silent)["error"] == "consent_required"
    assert "code" in answer_of(await browser.get("/oauth/v2/auth", params=site.request(app)))
    await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert "code" in answer_of(await browser.get("/oauth/v2/auth", params={**request, "prompt": "none"}))


async def test_T53_the_openid_way_of_asking_for_lasting_access_is_no_way_around(site: Site) -> None:
    """OpenID Connect Core §11."""
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.code(app, browser=browser, scope="openid")
    request = site.request(app, scope="openid offline_access", prompt="none")
    assert answer_of(await browser.get("/oauth/v2/auth", params=request))["error"] == "consent_required"
