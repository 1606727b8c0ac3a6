"""Many at once, and crashes: one winner, nothing forgotten (T32, T46, T47, T48, T51, T64)."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grantline.accounts import lock_account
from grantline.tokens import LIVE_ACCESS_TOKENS
from grantline.web.templating import Pages
from tests.conftest import SiteFactory
from tests.site import App, Browser, Site, answer_of, open_site
from tests.threats.crashing import victim

pytestmark = pytest.mark.both_engines

CALLERS = 64
AT_ONCE = 16
TOKEN = "/oauth/v2/token"


async def outcomes(calls: list[Any]) -> Counter[tuple[int, str]]:
    """How many of the responses had which status and error."""
    responses = await asyncio.gather(*calls)
    return Counter((one.status_code, one.json().get("error", "")) for one in responses)


@pytest.mark.parametrize("type_name", ["server-based", "mobile", "client-based"])
async def test_T32_sixty_four_redemptions_of_one_code_have_one_winner_whose_tokens_live(
    site: Site, type_name: str
) -> None:
    """RFC 6749 §4.1.2: a code is used once, by many at the same moment too; the same request is no theft."""
    app = await site.app(type_name)
    code = await site.code(app, access_type="offline")
    responses = await asyncio.gather(*(site.exchange(app, code) for _ in range(CALLERS)))
    winners = [one.json() for one in responses if one.status_code == 200]
    losers = Counter((one.status_code, one.json()["error"]) for one in responses if one.status_code != 200)
    assert len(winners) == 1
    assert losers == {(400, "invalid_grant"): CALLERS - 1}
    assert await site.works(winners[0]["access_token"])
    assert (await site.refresh(app, winners[0]["refresh_token"])).status_code == 200
    row = await site.db.one("SELECT COUNT(*) FROM authorizations WHERE client_id = $1", app.id)
    assert row[0] == 1


async def test_T32_the_console_code_of_a_self_client_has_one_winner_too(site: Site) -> None:
    app = await site.app("self-client")
    code = await site.console_code(app)
    counted = await outcomes([site.exchange(app, code) for _ in range(CALLERS)])
    assert counted == {(200, ""): 1, (400, "invalid_grant"): CALLERS - 1}


async def test_T64_sixty_four_polls_after_the_approval_have_one_winner(site: Site) -> None:
    """RFC 8628 §3.4: an approved device code yields tokens once."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    await site.device_decide(started["user_code"], "allow")
    responses = await asyncio.gather(*(site.device_poll(app, started["device_code"]) for _ in range(CALLERS)))
    winners = [one.json() for one in responses if one.status_code == 200]
    assert len(winners) == 1
    assert {one.json()["error"] for one in responses if one.status_code != 200} == {"invalid_grant"}
    assert await site.works(winners[0]["access_token"])


@pytest.mark.parametrize("type_name", ["mobile", "client-based", "non-browser"])
async def test_T46_sixty_four_callers_of_a_rotating_refresh_token_get_one_and_the_same_answer(
    site: Site, type_name: str
) -> None:
    """RFC 9700 §4.14.2: a lost race must not fork the family."""
    app = await site.app(type_name)
    first = (await site.tokens(app))["refresh_token"]
    responses = await asyncio.gather(*(site.refresh(app, first) for _ in range(CALLERS)))
    assert {one.status_code for one in responses} == {200}
    assert len({one.text for one in responses}) == 1
    answer = responses[0].json()
    assert await site.works(answer["access_token"])
    assert (await site.refresh(app, answer["refresh_token"])).status_code == 200


@pytest.mark.parametrize("type_name", ["server-based", "self-client"])
async def test_T51_a_lasting_refresh_token_gives_ten_answers_and_fifty_four_times_429(
    open_a_site: SiteFactory, type_name: str
) -> None:
    async with open_a_site(limits="1") as site:
        app = await site.app(type_name)
        tokens = await site.tokens(app)
        site.clock.advance(601)
        responses = await asyncio.gather(
            *(site.refresh(app, tokens["refresh_token"]) for _ in range(CALLERS))
        )
        counted = Counter(one.status_code for one in responses)
        assert counted == {200: 10, 429: 54}
        refused = next(one for one in responses if one.status_code == 429)
        assert refused.json()["error"] == "temporarily_unavailable"
        assert 0 < int(refused.headers["retry-after"]) <= 600
        answers = [one.json()["access_token"] for one in responses if one.status_code == 200]
        assert len(set(answers)) == 10
        assert all([await site.works(token) for token in answers])


async def test_T51_with_the_limits_off_all_sixty_four_are_answered_and_fifteen_tokens_live(
    site: Site,
) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    responses = await asyncio.gather(*(site.refresh(app, tokens["refresh_token"]) for _ in range(CALLERS)))
    assert {one.status_code for one in responses} == {200}
    live = [await site.works(one.json()["access_token"]) for one in responses]
    assert sum(live) == LIVE_ACCESS_TOKENS
    assert not await site.works(tokens["access_token"])


async def test_T51_minting_by_one_person_pushes_out_nobody_elses_tokens(site: Site) -> None:
    app = await site.app("server-based")
    await site.person("tom@example.com")
    other = await site.exchange(
        app, await site.code(app, browser=await site.signed_in("tom@example.com"), access_type="offline")
    )
    mine = await site.tokens(app)
    await asyncio.gather(*(site.refresh(app, mine["refresh_token"]) for _ in range(30)))
    browser = await site.signed_in()
    for _ in range(21):
        await site.tokens(app, browser=browser, prompt="consent")
    assert not await site.works(mine["access_token"])
    assert await site.works(other.json()["access_token"])
    assert (await site.refresh(app, other.json()["refresh_token"])).status_code == 200


async def revoke_by_app(site: Site, app: App, refresh_token: str) -> int:
    form = {**app.credentials, "token": refresh_token}
    return (await site.post("/oauth/v2/token/revoke", form)).status_code


async def remove_access(site: Site, app: App, refresh_token: str) -> int:
    from grantline.consent import remove_access

    assert await remove_access(site.db, site.account.id, app.id, "test", site.clock())
    return 200


@pytest.mark.parametrize("type_name", ["server-based", "mobile"])
@pytest.mark.parametrize("revoke", [revoke_by_app, remove_access])
async def test_T47_no_refresh_under_way_outlives_a_revocation(
    site: Site, type_name: str, revoke: Any
) -> None:
    """RFC 7009 §2: after revocation no token of the authorization works, however the calls interleave."""
    app, browser = await site.app(type_name), await site.signed_in()
    for place in range(0, AT_ONCE, 3):
        tokens = await site.tokens(app, browser=browser, prompt="consent")
        calls = [site.refresh(app, tokens["refresh_token"]) for _ in range(AT_ONCE)]
        calls.insert(place, revoke(site, app, tokens["refresh_token"]))
        done = await asyncio.gather(*calls)
        assert done[place] == 200
        answers = [one.json() for one in done if one != 200 and one.status_code == 200]
        for answer in [tokens, *answers]:
            assert not await site.works(answer["access_token"])
            refused = await site.refresh(app, answer.get("refresh_token", tokens["refresh_token"]))
            assert refused.json()["error"] == "invalid_grant"


async def test_B3_codes_exchanged_at_the_same_moment_leave_twenty_refresh_tokens(site: Site) -> None:
    """Each exchange counts what the person has: no two may count at once."""
    app = await site.app("self-client")
    codes = [await site.console_code(app) for _ in range(28)]
    done = await asyncio.gather(*(site.exchange(app, code) for code in codes))
    assert {one.status_code for one in done} == {200}
    live = "SELECT COUNT(*) FROM authorizations WHERE refresh_hash IS NOT NULL AND revoked_at IS NULL"
    assert (await site.db.one(live))[0] == 20


async def test_T47_no_exchange_under_way_outlives_the_removal_of_access(site: Site) -> None:
    """RFC 6749 §4.1.2: whether the code or the removal comes first, nothing works afterwards."""
    app, browser = await site.app("server-based"), await site.signed_in()
    for place in range(0, 8, 2):
        codes = [await site.code(app, browser=browser, access_type="offline") for _ in range(8)]
        calls: list[Any] = [site.exchange(app, code) for code in codes]
        calls.insert(place, remove_access(site, app, ""))
        done = await asyncio.gather(*calls)
        answers = [one.json() for one in done if one != 200 and one.status_code == 200]
        assert not any([await site.works(answer["access_token"]) for answer in answers])
        for code in codes:
            assert (await site.exchange(app, code)).json()["error"] == "invalid_grant"


async def test_T47_a_code_of_removed_access_fails_an_exchange_that_began_a_second_before(site: Site) -> None:
    app = await site.app("server-based")
    code = await site.code(app)
    site.clock.advance(5)
    await remove_access(site, app, "")
    site.clock.advance(-1)
    refused = await site.exchange(app, code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_T47_a_silent_request_under_way_gets_no_code_once_the_access_is_removed(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: `none` needs live consent at the moment of the answer."""
    app, browser = await site.app("server-based"), await site.signed_in()
    scopes = [f"CRM.modules.{name}.READ" for name in ("leads", "contacts", "products")]
    await site.tokens(app, browser=browser, scope=" ".join(scopes))
    silent = site.request(app, prompt="none", scope=scopes[0])
    async with site.db.transaction() as tx:
        # Somebody writes about this person. The request finds its consent, then waits before it makes a code;
        # the removal waits as well.
        await lock_account(tx, site.account.id)
        asked = asyncio.ensure_future(browser.get("/oauth/v2/auth", params=silent))
        await asyncio.sleep(0.05)
        removal = asyncio.ensure_future(remove_access(site, app, ""))
        await asyncio.sleep(0.05)
        assert not asked.done()
    assert await removal == 200
    answer = answer_of(await asked)
    if "code" in answer:  # it came first, so the removal found the code
        assert (await site.exchange(app, answer["code"])).json()["error"] == "invalid_grant"
    else:
        assert answer["error"] == "consent_required"
    now = site.clock()
    left = "SELECT 1 FROM authorization_codes WHERE consumed_at IS NULL AND expires_at > $1"
    assert not await site.db.all(left, now)


@dataclass(frozen=True)
class Crash:
    """What the process had been asked, and what it had answered, when it was killed."""

    code: str
    old: str
    doomed: dict[str, Any]
    exchanged: tuple[int, dict[str, Any]]
    rotated: tuple[int, dict[str, Any]]
    revoked: tuple[int, dict[str, Any]]


async def crash(site: Site, folder: Path, browser: Browser, app: App, rotating: App) -> Crash:
    """A code, a rotation and a revocation are answered, then the process is killed."""
    code = await site.code(app, browser=browser)
    old = (await site.tokens(rotating, browser=browser))["refresh_token"]
    doomed = await site.tokens(app, browser=browser)
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    with victim(folder) as process:
        answers = (
            process.post(TOKEN, {**app.credentials, **exchange}),
            process.post(
                TOKEN, {**rotating.credentials, "grant_type": "refresh_token", "refresh_token": old}
            ),
            process.post(f"{TOKEN}/revoke", {**app.credentials, "token": doomed["refresh_token"]}),
        )
        process.kill()
    return Crash(code, old, doomed, *answers)


async def check_what_is_left(after: Site, app: App, rotating: App, before: Crash) -> None:
    assert (before.exchanged[0], before.rotated[0], before.revoked[0]) == (200, 200, 200)
    assert await after.works(before.exchanged[1]["access_token"])
    assert (await after.exchange(app, before.code)).json()["error"] == "invalid_grant"
    again = await after.refresh(rotating, before.old)
    assert again.json() == before.rotated[1], "it leads to the one successor that was answered"
    assert (await after.refresh(rotating, before.rotated[1]["refresh_token"])).status_code == 200
    assert (await after.refresh(rotating, before.old)).json()["error"] == "invalid_grant"
    assert not await after.works(before.doomed["access_token"])
    dead = await after.refresh(app, before.doomed["refresh_token"])
    assert dead.json()["error"] == "invalid_grant"


@pytest.mark.sqlite_only
@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
async def test_T48_kill_9_after_the_answer_forgets_no_use_rotation_or_revocation(
    open_a_site: SiteFactory, tmp_path: Path, rounds: int
) -> None:
    """RFC 6749 §10.5: an answer leaves after its commit, so what a client was told outlives a crash."""
    for number in range(1, rounds + 1):
        folder = tmp_path / f"site{number}"
        async with open_a_site() as site:
            app, rotating = await site.app("server-based"), await site.app("mobile")
            browser = await site.signed_in()
            crashes = [await crash(site, folder, browser, app, rotating) for _ in range(20)]
        async with open_site(folder, pages=Pages(), password_hash="") as after:
            for one in crashes:
                await check_what_is_left(after, app, rotating, one)
