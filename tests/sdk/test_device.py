"""Devices that sign in by a short code, over the real server: how often they ask, what they make of each
answer, and where they go on (RFC 8628)."""

import asyncio
import pickle
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from grantline.sdk import (
    CallbackRefused,
    ClientRejected,
    GrantTokenUnusable,
    ReconnectRequired,
    ScopeMissing,
    Unreachable,
    WrongDataCenter,
)
from grantline.sdk.device import Device
from grantline.sdk.doctor import examine
from grantline.sdk.polling import times
from grantline.sdk.stored import grant_to_tell
from tests.centers import Sites
from tests.sdk.waiting import VENDOR, Counted, Lines, Vendor, counted
from tests.site import Site
from tests.threats.test_data_centers_devices import decided, device_app, handed_over
from tests.threats.test_data_centers_people import EU


class Tv:
    """A device of the site, its way, and its time."""

    def __init__(self, setup: Counted, lines: Lines) -> None:
        self.setup, self.lines = setup, lines
        self.device = Device(setup)


async def make(site: Site, **changes: Any) -> Tv:
    lines = Lines(site)
    return Tv(counted(site, await site.app("non-browser", **changes), lines), lines)


@pytest.fixture
async def tv(site: Site) -> Tv:
    return await make(site)


def answer(status: int = 200, **members: Any) -> httpx2.Response:
    return httpx2.Response(status, json=members)


def words(tv: Tv, *said: httpx2.Response | Exception | None) -> None:
    """Let the polls be answered by these, one after the other; then by the site."""
    left = list(said)

    def bend(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.endswith("/token") or not left:
            return None
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    tv.lines.bend = bend


async def test_a_person_answers_and_the_device_has_a_session_that_a_later_start_finds(
    site: Site, tv: Tv
) -> None:
    assert await tv.device.asession() is None
    async with await tv.device.alogin() as login:
        assert login.verification_uri == f"{site.issuer}/device"
        assert login.user_code in login.verification_uri_complete
        assert login.expires_at == site.clock() + 600
        assert login.user_code not in repr(login)
        assert await login.poll() is None
        assert tv.lines.polls == [], "not before the interval is over"
        tv.setup.wait(5)
        assert await login.poll() is None
        assert len(tv.lines.polls) == 1
        assert (await site.device_decide(login.user_code, "allow")).status_code == 200
        session = await login.wait()
    assert tv.setup.slept == [5, 5]
    assert len(tv.lines.polls) == 2
    assert await site.works((await session.atoken()).value)
    assert session.status().renewable
    with pytest.raises(GrantTokenUnusable):
        await login.wait()
    found = await Device(tv.setup).asession()
    assert found is not None
    assert (await found.atoken()).value == (await session.atoken()).value
    await session.arevoke()
    assert await tv.device.asession() is None


async def test_a_grant_that_was_taken_back_is_not_the_last_session_any_more(site: Site, tv: Tv) -> None:
    login = await tv.device.alogin()
    await site.device_decide(login.user_code, "allow")
    session = await login.wait()
    record = tv.setup.store.get(session.grant.key.text)
    assert record is not None
    assert record.refresh_token is not None
    await site.post(
        "/oauth/v2/token/revoke", {"client_id": record.key.client_id, "token": record.refresh_token.reveal()}
    )
    site.clock.advance(3600)
    with pytest.raises(ReconnectRequired):
        await session.atoken()
    assert await tv.device.asession() is None
    told = grant_to_tell(tv.setup)
    assert told is not None
    assert told.ended
    assert [
        check.verdict for check in (await tv.setup.arun(examine(tv.setup, told))) if check.name == "token"
    ] == ["failed"]


async def test_threads_have_the_same_and_a_poll_of_a_page_asks_no_faster(site: Site, tv: Tv) -> None:
    login = await asyncio.to_thread(tv.device.login)
    await site.device_decide(login.user_code, "allow")
    tv.setup.wait(5)

    def polled() -> Any:
        with login:
            return login.poll()

    session = await asyncio.to_thread(polled)
    assert await site.works((await session.atoken()).value)
    again = await asyncio.to_thread(tv.device.login)
    await site.device_decide(again.user_code, "allow")
    assert await site.works((await asyncio.to_thread(again.wait)).token().value)
    assert tv.device.session() is not None
    with pytest.raises(TypeError):
        pickle.dumps(again)


async def test_8628_3_1_c_nothing_is_asked_before_somebody_wants_to_sign_in(tv: Tv) -> None:
    """RFC 8628 §3.1."""
    assert tv.lines.asked == []
    login = await tv.device.alogin()
    assert [url.rpartition("/")[2] for url, _ in tv.lines.asked] == ["oauth-authorization-server", "code"]
    assert login.user_code


async def test_8628_3_5_c_slow_down_is_for_good(site: Site, tv: Tv) -> None:
    """RFC 8628 §3.5."""
    slow, pending = answer(400, error="slow_down"), answer(400, error="authorization_pending")
    words(tv, pending, slow, pending, slow, pending)
    login = await tv.device.alogin()
    await site.device_decide(login.user_code, "allow")
    session = await login.wait()
    assert tv.setup.slept == [5, 5, 10, 10, 15, 15]
    assert await site.works((await session.atoken()).value)


async def test_8628_3_5_e_silence_makes_the_pauses_longer(site: Site, tv: Tv) -> None:
    """RFC 8628 §3.5."""
    pending = answer(400, error="authorization_pending")
    lost, ill = httpx2.ConnectError("no"), httpx2.Response(503, json={"error": "temporarily_unavailable"})
    busy = httpx2.Response(429, json={"error": "temporarily_unavailable"}, headers={"retry-after": "90"})
    words(tv, lost, lost, ill, lost, lost, busy, pending)
    login = await tv.device.alogin()
    await site.device_decide(login.user_code, "allow")
    session = await login.wait()
    assert tv.setup.slept == [5, 10, 20, 40, 60, 60, 90, 5]
    assert await site.works((await session.atoken()).value)


async def test_a_code_that_nobody_entered_says_to_start_again(site: Site, tv: Tv) -> None:
    login = await tv.device.alogin()
    with pytest.raises(GrantTokenUnusable, match="Start again: the device shows a new code"):
        await login.wait()
    assert sum(tv.setup.slept) == 600
    login = await tv.device.alogin()
    words(tv, *[httpx2.ConnectError("no")] * 100)
    with pytest.raises(Unreachable, match="gave no answer"):
        await login.wait()
    assert sum(tv.setup.slept) == 1200
    words(tv, answer(400, error="expired_token"))
    login = await tv.device.alogin()
    with pytest.raises(GrantTokenUnusable, match="Start again: the device shows a new code"):
        await login.wait()
    assert sum(tv.setup.slept) == 1205


async def test_8628_3_5_d_any_other_answer_ends_it(site: Site, tv: Tv) -> None:
    """RFC 8628 §3.5."""
    login = await tv.device.alogin()
    await site.device_decide(login.user_code, "deny")
    with pytest.raises(CallbackRefused, match="did not allow"):
        await login.wait()
    asked = len(tv.lines.polls)
    with pytest.raises(GrantTokenUnusable):
        await login.wait()
    tv.lines.bend = lambda request: (
        answer(400, error="invalid_grant", error_description=tv.lines.asked[-1][1])
        if request.url.path.endswith("/token")
        else None
    )
    login = await tv.device.alogin()
    with pytest.raises(GrantTokenUnusable, match="client_id") as told:
        await login.wait()
    asked += 1
    assert parse_qs(tv.lines.asked[-1][1])["device_code"][0] not in str(told.value), "it was repeated"
    for said, kind in (
        (answer(400, error="invalid_grant"), GrantTokenUnusable),
        (answer(401, error="invalid_client"), ClientRejected),
        (answer(400, error="unheard_of"), Exception),
        (answer(200, error="expired"), GrantTokenUnusable),
        (answer(200, access_token=""), Unreachable),
    ):
        words(tv, said)
        login = await tv.device.alogin()
        with pytest.raises(kind):
            await login.wait()
        asked += 1
        assert len(tv.lines.polls) == asked


async def test_a_start_that_is_refused_says_why(site: Site, tv: Tv) -> None:
    with pytest.raises(ScopeMissing):
        await tv.device.alogin(scope=("CRM.no.SUCH",))
    other = await make(site)
    other.setup.app = tv.setup.app.__class__(site.issuer, (await site.app("mobile")).id)
    with pytest.raises(ClientRejected):
        await other.device.alogin()
    start = {"device_code": "d", "user_code": "u", "verification_uri": f"{site.issuer}/device"}
    for wrong in (
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": f"{site.issuer}/device\x1b]0;told\x07"},
        {"verification_uri": "https://evil.example\\.accounts.example/"},
        {"verification_uri_complete": "http://tv.example/"},
        {"user_code": "\x1b[2J"},
        {"user_code": "a" * 101},
        {"device_code": ""},
    ):
        members = {**start, **wrong}
        tv.lines.bend = lambda request, members=members: (  # type: ignore[misc]
            answer(**members) if request.url.path.endswith("/code") else None
        )
        with pytest.raises(Unreachable):
            await tv.device.alogin()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"expires_in": 600}, (5, 600)),
        ({"expires_in": 600, "interval": 7}, (7, 600)),
        ({"expires_in": 300000, "interval": 30000}, (30, 300)),
        ({"expires_in": 300000}, (5, 300)),
        ({"expires_in": 1800, "interval": 0}, (5, 1800)),
        ({"expires_in": "600", "interval": "x"}, (5, 600)),
        ({"expires_in": 600, "interval": 0.001}, (1, 600)),
        ({"expires_in": 1e300, "interval": True}, (5, 300)),
        ({}, (5, 300)),
    ],
)
def test_8628_3_2_b_times_are_seconds_or_the_vendors_milliseconds(
    said: dict[str, Any], expected: tuple[float, float]
) -> None:
    """RFC 8628 §3.2: five seconds where nothing is said."""
    assert times(said) == expected


async def test_a_person_of_another_data_center_is_told_where_to_start_again(sites: Sites) -> None:
    app = await device_app(sites, vendor=False)
    lines = Lines(sites["us"], sites["eu"])
    setup = counted(sites["us"], app, lines)
    login = await Device(setup).alogin()
    await handed_over(sites, {"user_code": login.user_code})
    with pytest.raises(WrongDataCenter, match=EU) as told:
        await login.wait()
    assert told.value.expected == EU
    assert not [url for url, _ in lines.asked if url.startswith(EU)], "nothing is sent there by itself"


async def test_on_the_vendors_wire_the_device_goes_on_where_its_person_lives(sites: Sites) -> None:
    app = await device_app(sites)
    lines = Vendor(sites["us"], sites["eu"])
    setup = counted(sites["us"], app, lines, issuer="https://accounts.zoho.com")
    tv = Device(setup)
    login = await tv.alogin()
    assert (login.interval, login.seconds_left) == (30, 300)
    url, body = lines.asked[-1]
    assert url == "https://accounts.zoho.com/oauth/v3/device/code"
    assert parse_qs(body)["grant_type"] == ["device_request"]
    setup.wait(30)
    assert await login.poll() is None
    assert (await handed_over(sites, {"user_code": login.user_code})).status_code == 303
    assert (await decided(sites["eu"], login.user_code)).status_code == 200
    session = await login.wait()
    assert {url.split("/oauth")[0] for url in lines.polls} == set(VENDOR.values())
    assert all(url.endswith("/oauth/v3/device/token") for url in lines.polls)
    assert session.status().issuer == "https://accounts.zoho.eu"
    assert await sites["eu"].works((await session.atoken()).value)
    found = await tv.asession()
    assert found is not None
    assert found.status().issuer == "https://accounts.zoho.eu"


async def test_T110_a_data_center_that_the_own_one_does_not_list_is_not_asked(sites: Sites) -> None:
    app = await device_app(sites)
    lines = Lines(sites["us"], sites["eu"])
    setup = counted(sites["us"], app, lines)
    tv = Tv(setup, lines)
    for location in ("xx", "", "https://evil.example", "us"):
        words(tv, answer(error="other_dc", user_location=location, expected_issuer="https://evil.example"))
        login = await tv.device.alogin()
        with pytest.raises(CallbackRefused, match="lists"):
            await login.wait()
    assert all(url.startswith(sites["us"].issuer + "/") for url, _ in lines.asked)
    silent = [httpx2.ConnectError("no")]

    def bend(request: httpx2.Request) -> None:
        if request.url.port == 8701 and silent:
            raise silent.pop()

    lines.bend = bend
    setup.slept.clear()
    login = await tv.device.alogin()
    await handed_over(sites, {"user_code": login.user_code})
    await decided(sites["eu"], login.user_code)
    session = await login.wait()
    assert session.status().issuer == EU
    assert setup.slept == [30, 60, 30], "the other data center was silent at first"
