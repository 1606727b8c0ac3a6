"""The limits of the described system, loud (B1 to B5), and how long refresh tokens live (R4, R19, R61)."""

from typing import Any

import pytest

from tests.conftest import SiteFactory
from tests.protocol.wire import code_of, refusal
from tests.site import Site, answer_of

pytestmark = pytest.mark.both_engines

DAY = 86_400
YEAR = 365 * DAY


async def told(site: Site, client_id: str) -> list[tuple[str, str]]:
    """What the owner's activity says, as (sub-code, sentence)."""
    await site.mint.recorder.flush()
    rows = await site.db.all("SELECT code, detail FROM activity WHERE client_id = $1", client_id)
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("type_name", ["server-based", "self-client", "client-based", "non-browser"])
async def test_B2_the_eleventh_refresh_in_ten_minutes_waits(open_a_site: SiteFactory, type_name: str) -> None:
    """429 with Retry-After, nothing lost, and a warning before it comes to that (B2, B4)."""
    async with open_a_site(limits="1") as site:
        app = await site.app(type_name)
        token = (await site.tokens(app))["refresh_token"]
        for count in range(1, 11):
            site.clock.advance(1)
            answer = await site.refresh(app, token)
            assert answer.status_code == 200, count
            token = answer.json().get("refresh_token", token)
            near = [sentence for code, sentence in await told(site, app.id) if code == "limit_near"]
            assert len(near) == (1 if count >= 8 else 0), count
        assert "8 of 10" in near[0]
        throttled = await site.refresh(app, token)
        assert refusal(throttled) == (429, "temporarily_unavailable")
        wait = int(throttled.headers["retry-after"])
        assert 0 < wait <= 600
        assert "throttled" in {code for code, _ in await told(site, app.id)}
        site.clock.advance(wait)
        assert (await site.refresh(app, token)).status_code == 200


async def test_B2_the_sixteenth_access_token_ends_the_oldest(site: Site) -> None:
    """Fifteen live ones for each refresh token; those of another refresh token are left alone (B2)."""
    app = await site.app("server-based")
    other = await site.tokens(app)
    first = await site.tokens(app)
    tokens = [first["access_token"]]
    for _ in range(14):
        tokens.append((await site.refresh(app, first["refresh_token"])).json()["access_token"])
    assert all([await site.works(token) for token in tokens])
    tokens.append((await site.refresh(app, first["refresh_token"])).json()["access_token"])
    assert [await site.works(token) for token in tokens] == [False] + [True] * 15
    assert await site.works(other["access_token"])


async def test_B3_the_twenty_first_refresh_token_ends_the_first_and_says_so(site: Site) -> None:
    """With its access tokens; audit and activity name it, and the app is told why (B3)."""
    await site.person("tom@example.com")
    app = await site.app("server-based")
    browser, toms = await site.signed_in(), await site.signed_in("tom@example.com")
    foreign = await site.tokens(app, browser=toms)
    held = [await site.tokens(app, browser=browser) for _ in range(20)]
    codes = [code for code, _ in await told(site, app.id)]
    assert codes == ["limit_near"], "a warning at sixteen"
    assert await site.works(held[0]["access_token"])
    last = await site.tokens(app, browser=browser)
    assert not await site.works(held[0]["access_token"])
    dead = await site.refresh(app, held[0]["refresh_token"])
    assert (refusal(dead), code_of(dead)) == ((400, "invalid_grant"), "refresh_token_evicted")
    for alive in (held[1], held[19], last, foreign):
        assert (await site.refresh(app, alive["refresh_token"])).status_code == 200
    assert "refresh_token_evicted" in [code for code, _ in await told(site, app.id)]
    event = await site.db.one("SELECT account_id, detail FROM audit WHERE kind = 'refresh_token.evicted'")
    assert (event[0], '"authorization"' in event[1]) == (site.account.id, True)


async def test_B1_thirty_codes_by_redirect_in_ten_minutes(open_a_site: SiteFactory) -> None:
    """The next one is refused by redirect, for this person and app alone (B1)."""
    async with open_a_site(limits="1") as site:
        await site.person("tom@example.com")
        app = await site.app("server-based")
        browser = await site.signed_in()
        for _ in range(30):
            assert "code" in answer_of(await site.authorize(app, browser=browser))
        over = answer_of(await site.authorize(app, browser=browser))
        assert (over["error"], over["state"]) == ("temporarily_unavailable", "st-123")
        toms = await site.signed_in("tom@example.com")
        assert "code" in answer_of(await site.authorize(app, browser=toms))
        site.clock.advance(601)
        assert "code" in answer_of(await site.authorize(app, browser=browser))


async def test_B1_ten_generated_codes_in_ten_minutes(open_a_site: SiteFactory) -> None:
    """The eleventh is refused with how long to wait; each works once, for three minutes by default (B1)."""
    async with open_a_site(limits="1") as site:
        app = await site.app("self-client")
        codes = [await site.console_code(app) for _ in range(10)]
        with pytest.raises(Exception, match="possible in 600 s"):
            await site.console_code(app)
        assert (await site.exchange(app, codes[0])).status_code == 200
        site.clock.advance(180)
        assert code_of(await site.exchange(app, codes[1])) == "code_expired"
        site.clock.advance(420)
        assert await site.console_code(app)


async def test_new_refresh_tokens_have_a_limit_of_their_own(open_a_site: SiteFactory) -> None:
    """Ten in ten minutes, so that nobody pushes out the older ones in a moment (B3)."""
    async with open_a_site(limits="1") as site:
        app = await site.app("server-based")
        browser = await site.signed_in()
        for _ in range(10):
            await site.tokens(app, browser=browser)
        code = await site.code(app, browser=browser, access_type="offline")
        throttled = await site.exchange(app, code)
        assert refusal(throttled) == (429, "temporarily_unavailable")
        assert 0 < int(throttled.headers["retry-after"]) <= 600


async def test_limits_can_be_widened_or_switched_off(open_a_site: SiteFactory) -> None:
    """A factor for all counts (requirements, limits)."""
    for limits, allowed in (("2", 20), ("off", 30)):
        async with open_a_site(limits=limits) as site:
            app = await site.app("self-client")
            token = (await site.tokens(app))["refresh_token"]
            statuses = [(await site.refresh(app, token)).status_code for _ in range(30)]
            assert statuses == [200] * allowed + [429] * (30 - allowed)


@pytest.mark.parametrize(
    ("type_name", "idle", "end"),
    [
        ("server-based", None, None),
        ("self-client", None, None),
        ("client-based", DAY, 14 * DAY),
        ("mobile", 30 * DAY, None),
        ("non-browser", 30 * DAY, None),
    ],
)
async def test_R19_a_refresh_token_lives_as_its_type_says(
    site: Site, type_name: str, idle: int | None, end: int | None
) -> None:
    """None for confidential clients, an idle limit for public ones, 14 days in a browser (R19, R61)."""
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    if idle is None:
        site.clock.advance(10 * YEAR)
        answer = (await site.refresh(app, tokens["refresh_token"])).json()
        assert answer["expires_in"] == 3600
        assert "refresh_token" not in answer, "and the same token stays"
        return
    token, forgotten = tokens["refresh_token"], (await site.tokens(app))["refresh_token"]
    steps = 0
    while steps * (idle - 1) < (end or 4 * idle) - idle:
        site.clock.advance(idle - 1)
        steps += 1
        refreshed = await site.refresh(app, token)
        assert refreshed.status_code == 200
        token = refreshed.json()["refresh_token"]
    assert code_of(await site.refresh(app, forgotten)) in ("refresh_token_idle", "refresh_token_expired")
    site.clock.advance(idle)
    expected = "refresh_token_expired" if end else "refresh_token_idle"
    dead = await site.refresh(app, token)
    assert (refusal(dead), code_of(dead)) == ((400, "invalid_grant"), expected)


async def test_B5_refresh_tokens_end_with_what_they_rest_on(site: Site) -> None:
    """Revoked by the app, removed in Connected apps; app disabled or deleted, person disabled (B5)."""
    from grantline.clients import delete_client, set_disabled

    async def revoke(app: Any, tokens: dict[str, Any]) -> None:
        await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": tokens["refresh_token"]})

    async def remove(app: Any, tokens: dict[str, Any]) -> None:
        browser = await site.signed_in()
        page = await browser.get("/account/apps")
        await browser.submit(page, {"client_id": app.id}, path="/account/apps/remove")

    async def disable(app: Any, tokens: dict[str, Any]) -> None:
        await set_disabled(site.db, app.id, site.clock())

    async def delete(app: Any, tokens: dict[str, Any]) -> None:
        await delete_client(site.db, app.id, site.clock())

    async def disable_person(app: Any, tokens: dict[str, Any]) -> None:
        await site.db.run("UPDATE accounts SET disabled_at = $1", site.clock())

    for end, error in (
        (revoke, "invalid_grant"),
        (remove, "invalid_grant"),
        (disable, "invalid_client"),
        (delete, "invalid_client"),
        (disable_person, "invalid_grant"),
    ):
        app = await site.app("server-based", name=f"App {end.__name__.replace('_', ' ')}")
        tokens = await site.tokens(app)
        assert await site.works(tokens["access_token"])
        await end(app, tokens)
        assert (await site.refresh(app, tokens["refresh_token"])).json()["error"] == error, end.__name__
        assert not await site.works(tokens["access_token"]), end.__name__
