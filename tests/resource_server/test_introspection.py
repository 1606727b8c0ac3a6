"""Asking about tokens: with every call, or kept for some seconds; once where it is the same question."""

import asyncio
import threading
import time
from typing import Any

import httpx2
import pytest

from grantline.resource_server import Introspection, Wire
from grantline.resource_server.asking import Asker, AsyncAsker
from grantline.resource_server.memory import Known, Memory
from grantline.resource_server.steps import Share, Steps
from grantline.resource_server.token import read_token
from tests.resource_server.apps import plain_asgi
from tests.resource_server.conftest import Protect
from tests.resource_server.issuer import (
    API,
    CLIENT_ID,
    CLIENT_SECRET,
    CREATE,
    ISSUER,
    NOW,
    READ,
    Clock,
    Issuer,
    claims,
)


def kept(seconds: int) -> Introspection:
    return Introspection(CLIENT_ID, CLIENT_SECRET, cache_seconds=seconds)


async def test_T98_without_a_cache_a_revoked_token_stops_with_the_next_call(
    protect: Protect, issuer: Issuer
) -> None:
    call = plain_asgi(protect())
    issuer.active("good")
    assert (await call("GET", "/leads", "good")).status_code == 200
    del issuer.tokens["good"]
    assert (await call("GET", "/leads", "good")).status_code == 401
    assert len(issuer.asked) == 2


async def test_T98_with_a_cache_a_revoked_token_stops_within_its_seconds(
    protect: Protect, issuer: Issuer, clock: Clock
) -> None:
    call = plain_asgi(protect(kept(10), report_seconds=3600))
    issuer.active("good")
    for _ in range(5):
        assert (await call("GET", "/leads", "good")).status_code == 200
    assert len(issuer.asked) == 1
    del issuer.tokens["good"]
    clock.now += 9.9
    assert (await call("GET", "/leads", "good")).status_code == 200
    clock.now += 0.1
    assert (await call("GET", "/leads", "good")).status_code == 401


async def test_T98_a_kept_answer_holds_claims_and_no_decision(protect: Protect, issuer: Issuer) -> None:
    call = plain_asgi(protect(kept(30)))
    issuer.active("good", scope=READ)
    assert (await call("GET", "/leads", "good")).status_code == 200
    assert (await call("POST", "/leads", "good")).status_code == 403
    assert (await call("GET", "/leads", "good")).status_code == 200


async def test_7662_4_c_a_kept_answer_is_never_used_past_the_tokens_end(
    protect: Protect, issuer: Issuer, clock: Clock
) -> None:
    """RFC 7662 §4."""
    call = plain_asgi(protect(kept(30)))
    issuer.active("short", exp=NOW + 5)
    assert (await call("GET", "/leads", "short")).status_code == 200
    clock.now += 5
    assert (await call("GET", "/leads", "short")).status_code == 401


async def test_T98_a_refusal_is_kept_for_five_seconds_at_most(
    protect: Protect, issuer: Issuer, clock: Clock
) -> None:
    call = plain_asgi(protect(kept(30)))
    for _ in range(3):
        assert (await call("GET", "/leads", "late")).status_code == 401
    assert len(issuer.asked) == 1
    issuer.active("late")
    clock.now += 5
    assert (await call("GET", "/leads", "late")).status_code == 200


@pytest.mark.parametrize("seconds", [-1, 31])
def test_a_cache_is_30_seconds_long_at_most(seconds: int) -> None:
    with pytest.raises(ValueError, match="30"):
        kept(seconds)


def test_each_way_says_what_it_guarantees() -> None:
    assert kept(0).guarantee == "A revoked token stops working with the next call."
    assert kept(7).guarantee == "A revoked token stops working within 7 seconds."


def test_a_secret_is_not_shown() -> None:
    assert CLIENT_SECRET not in repr(kept(0))
    assert "gla" not in repr(Memory(API)._known)


WRONG: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://other.example.com"},
    "no audience": {"aud": None},
    "an audience of a wrong type": {"aud": {"0": API}},
    "another issuer": {"iss": "https://evil.example.com"},
    "expired": {"exp": NOW},
    "no end": {"exp": None},
    "an end that is no number": {"exp": True},
    "not valid yet": {"nbf": NOW + 61},
    "a start of a wrong type": {"nbf": True},
    "a refresh token": {"token_type": "refresh_token"},
    "no type": {"token_type": ""},
}


@pytest.mark.parametrize("case", WRONG)
async def test_T99_an_active_token_that_is_not_for_this_api_opens_nothing(
    protect: Protect, issuer: Issuer, case: str
) -> None:
    issuer.active("odd", **WRONG[case])
    issuer.tokens["odd"] = {name: value for name, value in issuer.tokens["odd"].items() if value is not None}
    for check in (kept(0), kept(30)):
        assert (await plain_asgi(protect(check))("GET", "/leads", "odd")).status_code == 401


@pytest.mark.parametrize("odd", [{"client_id": None}, {"client_id": 5}, {"origins": "*"}])
async def test_an_answer_that_cannot_be_read_is_a_503(
    protect: Protect, issuer: Issuer, odd: dict[str, Any]
) -> None:
    issuer.active("odd", **odd)
    assert (await plain_asgi(protect())("GET", "/leads", "odd")).status_code == 503
    assert (await plain_asgi(protect())("GET", "/leads", issuer.active("good"))).status_code == 200


async def test_a_token_of_any_length_is_refused_before_it_is_asked_about(
    protect: Protect, issuer: Issuer
) -> None:
    call = plain_asgi(protect())
    assert (await call("GET", "/leads", "a" * 4097)).status_code == 401
    assert not issuer.asked
    assert (await call("GET", "/leads", issuer.active("a" * 4096))).status_code == 200


async def test_a_token_of_several_apis_opens_each(protect: Protect, issuer: Issuer) -> None:
    issuer.active("both", aud=["https://other.example.com", API])
    assert (await plain_asgi(protect())("GET", "/leads", "both")).status_code == 200


async def test_a_client_that_acts_for_itself_is_no_person() -> None:
    token = read_token(claims(sub="glc_us_app"))
    assert token.account is None
    assert not token.is_person
    assert read_token(claims()).account == "500000001"
    assert read_token(claims()).allows(READ)
    assert not read_token(claims()).allows(READ, CREATE)


class Gate:
    """An authorization server that answers when a test lets it."""

    def __init__(self) -> None:
        self.asked = 0
        self.waits: list[asyncio.Future[None]] = []
        self.active = True

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        active = self.active
        wait: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waits.append(wait)
        await wait
        said = {"active": True, "token_type": "Bearer", **claims()} if active else {"active": False}
        return httpx2.Response(200, json=said)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_identical_questions_of_one_moment_are_asked_once_and_never_answered_from_before(
    protect: Protect,
) -> None:
    gate = Gate()
    call = plain_asgi(protect(wire=Wire(transport=httpx2.MockTransport(gate))))
    first = asyncio.ensure_future(call("GET", "/leads", "good"))
    await settle()
    assert gate.asked == 1
    gate.active = False  # revoked, while the answer of before is on its way
    later = [asyncio.ensure_future(call("GET", "/leads", "good")) for _ in range(20)]
    await settle()
    gate.waits[0].set_result(None)
    await settle()
    assert (await first).status_code == 200
    assert gate.asked == 2
    gate.waits[1].set_result(None)
    assert [answer.status_code for answer in await asyncio.gather(*later)] == [401] * 20
    assert gate.asked == 2


async def test_with_a_cache_those_who_come_later_wait_for_the_question_on_its_way(protect: Protect) -> None:
    gate = Gate()
    call = plain_asgi(protect(kept(5), wire=Wire(transport=httpx2.MockTransport(gate))))
    calls = [asyncio.ensure_future(call("GET", "/leads", "good")) for _ in range(20)]
    await settle()
    gate.waits[0].set_result(None)
    assert [answer.status_code for answer in await asyncio.gather(*calls)] == [200] * 20
    assert gate.asked == 1


async def test_a_caller_who_hangs_up_does_not_take_the_others_along(protect: Protect) -> None:
    gate = Gate()
    call = plain_asgi(protect(kept(5), wire=Wire(transport=httpx2.MockTransport(gate))))
    calls = [asyncio.ensure_future(call("GET", "/leads", "good")) for _ in range(3)]
    await settle()
    calls[0].cancel()
    await settle()
    gate.waits[0].set_result(None)
    assert [(await one).status_code for one in calls[1:]] == [200, 200]


@pytest.mark.parametrize("sent_before", [True, False])
def test_threads_share_one_question_too(sent_before: bool) -> None:
    asker, started, go = Asker(Wire()), threading.Event(), threading.Event()
    runs: list[int] = []

    def work() -> Steps[int]:
        runs.append(len(runs))
        started.set()
        go.wait(10)
        return len(runs)
        yield

    def ask() -> Steps[int]:
        found: int = yield Share("one", work, sent_before)
        return found

    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(asker.run(ask()))) for _ in range(8)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    while not sent_before and "one" not in asker._next:
        time.sleep(0.01)
    go.set()
    for thread in threads:
        thread.join()
    asker.close()
    if sent_before:
        assert runs == [0]
    else:
        assert 2 <= len(runs) <= 8
        assert sorted(results)[0] == 1


async def test_a_failure_inside_a_shared_question_reaches_everybody_and_is_over_then() -> None:
    asker = AsyncAsker(Wire())

    def work() -> Steps[int]:
        raise KeyError("broken")
        yield

    def ask() -> Steps[int]:
        found: int = yield Share("one", work, True)
        return found

    for _ in range(2):
        failed = await asyncio.gather(*(asker.run(ask()) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in failed] == [KeyError] * 3
    await asker.close()
    blocking = Asker(Wire())
    for _ in range(2):
        with pytest.raises(KeyError):
            blocking.run(ask())
    blocking.close()


def test_what_is_kept_is_bounded_and_holds_no_token() -> None:
    memory, token = Memory(API, most=3), read_token(claims())
    keys = [memory.key(f"token {number}") for number in range(5)]
    for key in keys:
        memory.keep(key, Known(token, NOW + 10))
    assert len(memory) == 3
    assert [memory.find(key, NOW) is None for key in keys] == [True, True, False, False, False]
    assert memory.find(keys[4], NOW + 10) is None
    assert Memory("https://b.example").key("token 4") != keys[4]
    assert Memory(API).key("token 4") == keys[4]


@pytest.mark.parametrize(
    "wrong",
    [
        {"resource": ""},
        {"resource": "http://leads.example.com"},
        {"resource": f"{API}#x"},
        {"resource": f"{API}?x"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": "http://accounts.example.com"},
        {"realm": 'a"b'},
        {"origins": ("*",)},
        {"origins": ("null",)},
    ],
)
def test_T99_a_kit_that_is_told_something_wrong_does_not_start(
    protect: Protect, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        protect(**wrong)


def test_T99_a_kit_without_its_resource_does_not_start() -> None:
    from grantline.resource_server import ProtectedResource

    with pytest.raises(TypeError, match="resource"):
        ProtectedResource(issuer=ISSUER, check=kept(0))  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="client_id"):
        Introspection("", "")
