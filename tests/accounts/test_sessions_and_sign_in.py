"""Sessions by the clock, and the limits of guessing a password."""

import asyncio

import pytest

from grantline.accounts import (
    SESSION_IDLE_SECONDS,
    SESSION_LIFE_SECONDS,
    Account,
    SignInDelayed,
    disable_account,
    enable_account,
    end_other_sessions,
    end_session,
    find_session,
    list_sessions,
    set_password,
    sign_in,
    start_session,
)
from grantline.accounts.sign_in import NETWORK_LIMIT
from grantline.limits import reserve_for_network
from tests.site import PASSWORD, Site

pytestmark = pytest.mark.both_engines

WRONG = "wrong password"


async def start(site: Site) -> str:
    value, _ = await start_session(
        site.db, account_id=site.account.id, now=site.clock(), network="203.0.113.7", user_agent="x" * 999
    )
    return value


async def is_live(site: Site, value: str) -> bool:
    return await find_session(site.db, value, site.clock()) is not None


async def guess(
    site: Site,
    *,
    email: str = "mara@example.com",
    password: str = WRONG,
    network: str | None = None,
    known: bool = False,
) -> Account | int | None:
    """The account, None for a wrong password, or the seconds to wait."""
    try:
        return await sign_in(
            site.db,
            site.server.passwords,
            email=email,
            password=password,
            network=network,
            known_browser=known,
            factor=1,
            now=site.clock(),
        )
    except SignInDelayed as delay:
        return delay.wait_seconds


async def test_T82_a_session_ends_after_a_day_unused(site: Site) -> None:
    value = await start(site)
    site.clock.advance(SESSION_IDLE_SECONDS - 1)
    assert await is_live(site, value)
    site.clock.advance(SESSION_IDLE_SECONDS - 1)
    assert await is_live(site, value)
    site.clock.advance(SESSION_IDLE_SECONDS)
    assert not await is_live(site, value)


async def test_T82_a_session_ends_after_a_fortnight_however_much_it_is_used(site: Site) -> None:
    value = await start(site)
    for _ in range(27):
        site.clock.advance(SESSION_LIFE_SECONDS // 28)
        assert await is_live(site, value)
    site.clock.advance(SESSION_LIFE_SECONDS // 28)
    assert not await is_live(site, value)


async def test_T82_a_password_change_ends_every_session(site: Site) -> None:
    values = [await start(site) for _ in range(3)]
    await set_password(site.db, site.account.id, site.account.password_hash, site.clock())
    assert not any([await is_live(site, value) for value in values])


async def test_T82_disabling_ends_every_session_and_enabling_brings_none_back(site: Site) -> None:
    value = await start(site)
    await disable_account(site.db, site.account.id, site.clock())
    assert not await is_live(site, value)
    await enable_account(site.db, site.account.id)
    assert not await is_live(site, value)


async def test_T82_a_disabled_account_is_asked_at_each_request(site: Site) -> None:
    """Also where a row was left open by mistake."""
    value = await start(site)
    await site.db.run("UPDATE accounts SET disabled_at = 1 WHERE id = $1", site.account.id)
    assert not await is_live(site, value)


async def test_a_session_is_ended_by_its_own_account_alone(site: Site) -> None:
    value = await start(site)
    found = await find_session(site.db, value, site.clock())
    assert found is not None
    tom = await site.person("tom@example.com")
    assert not await end_session(site.db, tom.id, found.sid, site.clock())
    assert await is_live(site, value)
    assert await end_session(site.db, site.account.id, found.sid, site.clock())
    assert not await is_live(site, value)
    assert not await end_session(site.db, site.account.id, found.sid, site.clock())


async def test_ending_the_others_keeps_one(site: Site) -> None:
    values = [await start(site) for _ in range(3)]
    kept = await find_session(site.db, values[1], site.clock())
    assert kept is not None
    assert await end_other_sessions(site.db, site.account.id, kept.sid, site.clock()) == 2
    assert [await is_live(site, value) for value in values] == [False, True, False]
    assert [one.sid for one in await list_sessions(site.db, site.account.id, site.clock())] == [kept.sid]


async def test_T54_the_row_holds_a_hash_of_the_cookie_and_little_of_the_browser(site: Site) -> None:
    value = await start(site)
    row = await site.db.one("SELECT * FROM sessions")
    assert value not in repr(tuple(row))
    assert len(row["user_agent"]) == 200


@pytest.mark.parametrize("value", ["", "x", "'; --", "a\x00b", "\u00e9" * 50, "\ud800"])
async def test_a_made_up_cookie_is_no_session(site: Site, value: str) -> None:
    await start(site)
    assert not await is_live(site, value)


async def test_the_right_password_signs_in_and_every_other_does_not(site: Site) -> None:
    found = await guess(site, password=PASSWORD)
    assert isinstance(found, Account)
    assert found.id == site.account.id
    for password in ("", WRONG, PASSWORD + " ", PASSWORD.upper(), "x" * 5000):
        assert await guess(site, email="mara@example.com", password=password, known=True) is None


@pytest.mark.parametrize("email", ["", "nobody@example.com", "no address", "mara@example.com\n", "\ud800"])
async def test_what_is_no_account_is_a_wrong_password_and_no_error(site: Site, email: str) -> None:
    assert await guess(site, email=email, password=PASSWORD) is None


async def test_T76_an_account_is_slowed_and_not_locked(site: Site) -> None:
    for number in range(5):
        assert await guess(site, network=f"203.0.113.{number}") is None
    assert await guess(site, network="203.0.113.9", password=PASSWORD) == 2
    site.clock.advance(2)
    assert isinstance(await guess(site, network="203.0.113.9", password=PASSWORD), Account)


async def test_T76_the_owners_browser_is_not_slowed_by_what_strangers_try(site: Site) -> None:
    for number in range(12):
        await guess(site, network=f"203.0.113.{number}")
    assert await guess(site, network="203.0.113.99", password=PASSWORD) == 2
    assert isinstance(await guess(site, network="198.51.100.1", password=PASSWORD, known=True), Account)


async def spray(site: Site, network: str, tries: int) -> None:
    """So many tries of a network at other accounts; the hashing is left out, which took only time."""
    for _ in range(tries):
        assert await reserve_for_network(site.db, NETWORK_LIMIT, network, site.clock(), factor=1) == 0


async def test_T76_a_network_that_sprays_many_accounts_is_stopped(site: Site) -> None:
    await spray(site, "203.0.113.7", 28)
    results = [await guess(site, email=f"p{n}@example.com", network="203.0.113.7") for n in range(5)]
    assert results == [None, None, 900, 900, 900]
    assert await guess(site, email="p99@example.com", network="198.51.100.1") is None


async def test_T76_signing_in_to_ones_own_account_frees_no_network_to_go_on_guessing(site: Site) -> None:
    await site.person("tom@example.com")
    await spray(site, "203.0.113.7", 25)
    guessed = 0
    for number in range(8):
        guessed += await guess(site, email=f"p{number}@example.com", network="203.0.113.7") is None
        await guess(site, email="tom@example.com", password=PASSWORD, network="203.0.113.7", known=True)
    assert guessed == 5


async def test_T76_a_network_out_of_tries_cannot_slow_an_account_any_more(site: Site) -> None:
    await spray(site, "203.0.113.7", 30)
    for _ in range(20):
        assert await guess(site, network="203.0.113.7") == 900
    assert isinstance(await guess(site, password=PASSWORD, network="198.51.100.1"), Account)


async def test_T151_two_hundred_parallel_guesses_are_five_guesses(site: Site) -> None:
    """Nothing is evaluated beyond the limit, not even the right password."""
    results = await asyncio.gather(
        *(guess(site, network=f"203.0.{number}.1") for number in range(200)), return_exceptions=True
    )
    evaluated = [one for one in results if one is None]
    assert len(evaluated) <= 5
    assert not any(isinstance(one, Account) for one in results)


async def test_T149_limits_count_what_is_no_account_in_the_same_way(site: Site) -> None:
    for email in ("mara@example.com", "nobody@example.com"):
        results = [await guess(site, email=email, network=f"203.0.113.{n}") for n in range(6)]
        assert results == [None] * 5 + [2]


async def test_a_disabled_account_looks_like_a_wrong_password(site: Site) -> None:
    await disable_account(site.db, site.account.id, site.clock())
    assert await guess(site, password=PASSWORD) is None
