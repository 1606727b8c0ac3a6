"""Stores that fail at the worst moment, slow renewals and wrong clocks: no grant is lost, none comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx2
import pytest

from grantline.sdk import App, Key, MemoryStore, ReconnectRequired, Record, Secret, StoreRefused, saving
from grantline.sdk.asking import Answer
from grantline.sdk.clock import ServerClock
from grantline.sdk.driving import AsyncHttpWire, HttpWire, InThreads, arun, run
from grantline.sdk.record import AccessToken
from grantline.sdk.renewing import Grant, keep, renew
from tests.sdk.test_session import Line, Made, live, make
from tests.site import Site


class FailingStore(MemoryStore):
    """Fails where it is told to, as many times."""

    def __init__(self) -> None:
        super().__init__()
        self.fail: dict[str, int] = {}
        self.after = False
        """Whether it does what was asked, and loses the answer."""

    def _failing(self, what: str) -> bool:
        left = self.fail.get(what, 0)
        self.fail[what] = max(0, left - 1)
        return left > 0

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        failing = self._failing("put")
        done = super().put(key, record, expect_version) if self.after or not failing else False
        if failing:
            raise StoreRefused("The store is full.")
        return done

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        done = super().try_lock(key, owner, seconds)
        if self._failing("try_lock"):
            raise StoreRefused("The answer was lost.")
        return done

    def unlock(self, key: str, owner: str) -> None:
        if self._failing("unlock"):
            raise StoreRefused("The store is gone.")
        super().unlock(key, owner)


class SlowLine(Line):
    """An answer is held back until something else has happened."""

    meanwhile: Callable[[], object] | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if self.meanwhile is not None and request.url.path.endswith("/token"):
            happening, self.meanwhile = self.meanwhile, None
            done = happening()
            if asyncio.iscoroutine(done):
                await done
        return response


@pytest.fixture
async def made(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Made]:
    """A grant whose refresh token is a new one each time, in a store that can fail."""
    monkeypatch.setattr(saving, "PAUSES", (0.0, 0.0))
    found = await make(site, "mobile")
    record = found.store.get(found.grant.key.text)
    assert record is not None
    found.store = FailingStore()
    found.store.put(found.grant.key.text, replace(record, version=0), 0)
    found.line = SlowLine(site)
    found.session = found.another()
    yield found
    saving._LEFT.clear()


def record_of(made: Made) -> Record:
    found = made.store.get(made.grant.key.text)
    assert found is not None
    return found


def over_now(made: Made) -> None:
    """Let all access tokens end, and the minute in which a refresh is answered alike."""
    made.site.clock.advance(3600)


async def test_a_store_that_fails_for_a_moment_is_tried_again(made: Made) -> None:
    made.store.fail["put"] = 2
    token = await made.session.atoken()
    assert made.line.asked == 1
    assert record_of(made).access_tokens[-1] == token


@pytest.mark.parametrize("after", [False, True])
async def test_a_refresh_token_that_the_store_did_not_take_is_stored_by_the_next_renewal(
    made: Made, after: bool
) -> None:
    before, made.store.after = record_of(made), after
    made.store.fail["put"] = 3
    with pytest.raises(StoreRefused):
        await made.session.atoken()
    over_now(made)  # with the old refresh token the server would end the grant now
    token = await made.another().atoken()
    assert await live(made.site, token.value)
    assert record_of(made).refresh_token not in (None, before.refresh_token)
    over_now(made)
    assert await live(made.site, (await made.another().atoken()).value)


async def test_what_is_left_does_not_go_over_a_grant_that_was_made_anew(made: Made) -> None:
    made.store.fail["put"] = 3
    with pytest.raises(StoreRefused):
        await made.session.atoken()
    other = await make(made.site, "mobile")
    anew = replace(record_of(made), refresh_token=record_of(other).refresh_token)
    assert made.store.put(made.grant.key.text, anew, 1)
    await made.another().atoken()
    assert made.line.asked == 2
    assert not saving._LEFT


async def test_an_unlock_that_fails_takes_no_token_away(made: Made) -> None:
    made.store.fail["unlock"] = 1
    assert await live(made.site, (await made.session.atoken()).value)


async def test_a_lock_whose_answer_was_lost_is_given_back(made: Made) -> None:
    made.store.fail["try_lock"] = 1
    with pytest.raises(StoreRefused):
        await made.session.atoken()
    assert made.store.try_lock(made.grant.key.text, "somebody", 60)


async def test_who_lost_the_lock_to_a_faster_one_takes_what_that_one_stored(made: Made) -> None:
    faster = replace(made.grant)

    async def outrun() -> None:
        made.store._locks.clear()  # its time is over
        for _ in range(2):  # what comes late is older than what is there
            await arun(renew(faster), InThreads(made.store), AsyncHttpWire(Line(made.site)))
            over_now(made)

    made.line.meanwhile = outrun
    assert await live(made.site, (await made.session.atoken()).value)
    over_now(made)
    assert await live(made.site, (await made.another().atoken()).value)
    assert made.store.try_lock(made.grant.key.text, "somebody", 60)


async def test_a_grant_that_was_taken_away_meanwhile_does_not_come_back(made: Made) -> None:
    made.line.meanwhile = lambda: made.store.delete(made.grant.key.text)
    with pytest.raises(ReconnectRequired, match="taken away"):
        await made.session.atoken()
    assert made.store.keys() == []


async def test_a_grant_that_was_made_anew_while_the_old_one_was_refused_goes_on(made: Made) -> None:
    other = await make(made.site, "mobile")
    old = record_of(made).refresh_token
    assert old is not None
    app = made.grant.app.client_id
    await made.site.post("/oauth/v2/token/revoke", {"client_id": app, "token": old.reveal()})
    anew = replace(record_of(made), refresh_token=record_of(other).refresh_token)
    made.line.meanwhile = lambda: made.store.put(made.grant.key.text, anew, 1)
    assert await live(made.site, (await made.session.atoken()).value)
    assert not record_of(made).ended


@pytest.mark.parametrize("seconds", [-7200, 7200])
async def test_a_clock_that_is_wrong_costs_one_renewal_and_no_grant(made: Made, seconds: int) -> None:
    first = await made.session.atoken()
    clock = ServerClock(lambda: float(made.site.clock()) + seconds)
    clock.learn = lambda date: setattr(clock, "offset", float(-seconds))  # type: ignore[method-assign]
    made.grant.clock = clock
    other = made.another()
    token = await other.atoken()
    assert (token != first) is (seconds > 0), "a fast one renews too early, a slow one too late"
    if seconds < 0:
        over_now(made)
        assert await other.atoken() == first
        token = await other.atoken(refused=first.value)
    assert await live(made.site, token.value)
    assert await other.atoken() == token
    assert made.line.asked == 2


@pytest.mark.parametrize(
    ("subject", "organization", "scope", "one_person", "goes_on"),
    [
        ("1", "acme", "a", False, True),
        ("1", "other", "a", False, False),
        ("1", "acme", "a b", False, False),
        ("", "acme", "a", False, False),
        ("", "acme", "a", True, True),
    ],
)
def test_T123_a_refresh_token_goes_on_only_for_whom_it_was_given(
    subject: str, organization: str, scope: str, one_person: bool, goes_on: bool
) -> None:
    """A server may give none with a later sign-in; then who signs in may not be who was there before."""
    store = MemoryStore()
    key = Key("https://accounts.example", "app", subject, name="" if subject else "desktop")
    grant = Grant(App(key.issuer, key.client_id), key)

    def sign_in(organization: str, scope: str, refresh_token: Secret | None) -> Record:
        scopes = tuple(scope.split())
        answer = Answer(AccessToken(Secret("at"), scopes, 2**31, 0), refresh_token, scopes, "", None)
        extra = {"organization": organization}
        return run(keep(grant, answer, extra=extra, one_person=one_person), store, HttpWire())

    first = sign_in("acme", "a", Secret("rt"))
    assert first.refresh_token == Secret("rt")
    assert sign_in(organization, scope, None).refresh_token == (Secret("rt") if goes_on else None)
