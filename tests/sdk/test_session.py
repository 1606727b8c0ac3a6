"""Sessions over the real server: one renewal for many, ahead of time, through refusals and lost answers."""

import asyncio
import pickle
from dataclasses import replace

import httpx2
import pytest

from grantline.sdk import (
    App,
    Grant,
    Key,
    MemoryStore,
    ReconnectRequired,
    Record,
    ScopeMissing,
    Secret,
    Session,
    Unreachable,
)
from grantline.sdk.clock import ServerClock
from grantline.sdk.driving import AsyncHttpWire
from grantline.tokens import find_live_token
from tests.site import SCOPE, Site


class Line(httpx2.AsyncBaseTransport):
    """The way to the site: counts token requests, and loses answers when told to."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.asked = 0
        self.lose = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.site.transport.handle_async_request(request)
        if request.url.path.endswith("/token"):
            self.asked += 1
            if self.lose:
                self.lose -= 1
                raise httpx2.ReadError("lost")
        return response


class Made:
    """A session with a grant of the site's account, and the way it goes."""

    def __init__(self, site: Site, grant: Grant, store: MemoryStore) -> None:
        self.site, self.grant, self.store = site, grant, store
        self.line = Line(site)
        self.session = self.another()

    def another(self) -> Session:
        """The same grant in another process, as far as memory goes."""
        return Session(self.grant, self.store, async_wire=AsyncHttpWire(self.line))


async def make(site: Site, type_name: str = "server-based") -> Made:
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    own = App(site.issuer, app.id, Secret(app.secret) if app.secret else None)
    clock = ServerClock(lambda: float(site.clock()))
    clock.learn = lambda date: None  # type: ignore[method-assign] # the site's Date is the machine's
    grant = Grant(own, Key(site.issuer, app.id, site.account.sub), clock)
    store = MemoryStore()
    record = Record(grant.key, (SCOPE,), refresh_token=Secret(tokens["refresh_token"]))
    store.put(grant.key.text, record, 0)
    return Made(site, grant, store)


@pytest.fixture
async def made(site: Site) -> Made:
    return await make(site)


async def live(site: Site, token: str) -> bool:
    return await find_live_token(site.mint, token, site.clock()) is not None


async def test_a_token_is_made_once_and_kept(made: Made) -> None:
    first = await made.session.atoken()
    assert await live(made.site, first.value)
    assert await made.session.atoken() is first
    assert await made.another().atoken() == first
    assert made.line.asked == 1
    assert (
        await made.session.aapi_domain() == made.session.status().api_domain == made.site.mint.home.api_domain
    )


async def test_a_hundred_tasks_of_four_sessions_refresh_once(made: Made) -> None:
    sessions = [made.another() for _ in range(4)]
    found = await asyncio.gather(*(sessions[n % 4].atoken() for n in range(100)))
    assert len({token.value for token in found}) == 1
    assert made.line.asked == 1


async def test_early_one_renews_while_the_others_go_on(made: Made) -> None:
    first = await made.session.atoken()
    made.site.clock.advance(3600 - 300)
    found = await asyncio.gather(*(made.session.atoken() for _ in range(20)))
    assert made.line.asked == 2
    assert {token.value for token in found} >= {first.value}
    assert (await made.session.atoken()).value != first.value


async def test_a_renewal_ahead_of_time_may_fail_and_one_that_must_be_may_not(made: Made) -> None:
    first = await made.session.atoken()
    made.site.clock.advance(3600 - 300)
    made.line.lose = 3
    assert await made.session.atoken() == first
    made.site.clock.advance(290)
    made.line.lose = 3
    with pytest.raises(Unreachable):
        await made.session.atoken()
    assert await made.session.atoken() != first


async def test_a_lost_answer_is_asked_again_and_no_rotated_token_is_lost(site: Site) -> None:
    made = await make(site, "mobile")
    made.line.lose = 2
    first = await made.session.atoken()
    assert await live(site, first.value)
    assert made.line.asked == 3
    site.clock.advance(3600)
    assert (await made.another().atoken()).value != first.value


async def test_a_refused_token_is_renewed_only_while_it_is_the_newest(made: Made) -> None:
    first = await made.session.atoken()
    other = made.another()
    second = await other.atoken(refused=first.value)
    assert second != first
    assert await made.session.atoken(refused=first.value) == second
    assert made.line.asked == 2


async def test_a_grant_that_is_over_is_said_once_and_then_known(made: Made) -> None:
    record = made.store.get(made.grant.key.text)
    assert record is not None
    assert record.refresh_token is not None
    app = await made.site.app("server-based")
    await made.site.post(
        "/oauth/v2/token/revoke", {**app.credentials, "token": record.refresh_token.reveal()}
    )
    for _ in range(3):
        with pytest.raises(ReconnectRequired) as refused:
            await made.session.atoken()
        assert str(refused.value).count("\n") == 1
    assert made.line.asked == 1
    assert made.session.status().ended


async def test_a_scope_that_was_not_granted_is_said_without_asking(made: Made) -> None:
    with pytest.raises(ScopeMissing) as missing:
        await made.session.atoken(scope=("CRM.modules.ALL",))
    assert missing.value.needed == ("CRM.modules.ALL",)
    assert made.line.asked == 0


async def test_a_cancelled_renewal_leaves_the_others_and_no_lock(made: Made) -> None:
    tasks = [asyncio.create_task(made.session.atoken()) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert len({token.value for token in found[1:] if not isinstance(token, BaseException)}) == 1
    assert made.store.try_lock(made.grant.key.text, "somebody", 1)


async def test_revoking_ends_the_grant_there_and_forgets_it_here(made: Made) -> None:
    token = await made.session.atoken()
    await made.session.arevoke()
    assert not await live(made.site, token.value)
    assert made.store.keys() == []
    with pytest.raises(ReconnectRequired):
        await made.session.atoken()


async def test_an_apps_own_tokens_need_no_grant(site: Site) -> None:
    app = await site.app("server-based")
    own = App(site.issuer, app.id, Secret(str(app.secret)))
    grant = Grant(own, Key(site.issuer, app.id), own=True, own_scope=(SCOPE,))
    line = Line(site)
    session = Session(grant, MemoryStore(), async_wire=AsyncHttpWire(line))
    found = await asyncio.gather(*(session.atoken() for _ in range(10)))
    assert len({token.value for token in found}) == line.asked == 1


async def test_no_secret_is_in_repr_errors_or_pickles(made: Made) -> None:
    token = await made.session.atoken()
    record = made.store.get(made.grant.key.text)
    assert record is not None
    assert record.refresh_token is not None
    secrets = (token.value, record.refresh_token.reveal(), str(made.grant.app.client_secret and "gls_"))
    for shown in (repr(made.session), repr(token), repr(record), repr(made.grant), f"{made.grant.app}"):
        assert not any(secret in shown for secret in secrets)
    for thing in (made.session, token, record, made.grant.app):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


def test_a_key_says_nothing_of_its_person_and_two_data_centers_are_two_keys() -> None:
    one = Key("https://us.example", "glc_us_x", "1001")
    assert "1001" not in one.text
    assert one.text != replace(one, issuer="https://eu.example").text
