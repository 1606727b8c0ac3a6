"""The token on its way to APIs, in every HTTP library: to its own address alone, after a 401 once more."""

import asyncio
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import httpx2
import pytest
import requests

from grantline.resource_server.refusals import Refusal, Wording
from grantline.sdk import (
    AddressRefused,
    GrantlineError,
    MemoryStore,
    ReconnectRequired,
    ScopeMissing,
    Session,
    Unreachable,
    WrongDataCenter,
)
from grantline.sdk.api_domain import fits
from grantline.sdk.challenge import bearer_challenge
from grantline.sdk.metadata import DataCenters
from grantline.sdk.vendor import known_centers
from tests.sdk.outside import INVALID, SCOPE, Outside, outside

Ask = Callable[..., tuple[int, bytes]]


@pytest.fixture
def world() -> Iterator[tuple[Outside, Outside]]:
    """The issuer with its API, and a stranger."""
    with outside() as home, outside() as stranger:
        yield home, stranger


def test_auth_may_be_taken_before_the_library_that_gets_it_is_imported() -> None:
    program = """
from grantline.sdk import App, Grant, Key, MemoryStore, Session
key = Key("http://127.0.0.1", "one")
auth = Session(Grant(App(key.issuer, key.client_id), key), MemoryStore()).auth
import httpx, httpx2
httpx.Client(auth=auth), httpx2.Client(auth=auth)
assert isinstance(auth, httpx.Auth) and isinstance(auth, httpx2.Auth)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def with_client(library: Any) -> Ask:
    def ask(auth: Any, url: str, *, method: str = "GET", **more: Any) -> tuple[int, bytes]:
        with library.Client(auth=auth, verify=False, follow_redirects=True) as http:
            answer = http.request(method, url, **more)
            return answer.status_code, answer.content

    return ask


def with_async_client(library: Any) -> Ask:
    def ask(auth: Any, url: str, *, method: str = "GET", **more: Any) -> tuple[int, bytes]:
        async def go() -> tuple[int, bytes]:
            async with library.AsyncClient(auth=auth, verify=False, follow_redirects=True) as http:
                answer = await http.request(method, url, **more)
                return answer.status_code, answer.content

        return asyncio.run(go())

    return ask


def with_requests(auth: Any, url: str, *, method: str = "GET", **more: Any) -> tuple[int, bytes]:
    if "content" in more:
        more["data"] = more.pop("content")
    with requests.Session() as http:
        answer = http.request(method, url, auth=auth, **more)
        return answer.status_code, answer.content


LIBRARIES: dict[str, Ask] = {
    "httpx2": with_client(httpx2),
    "httpx": with_client(httpx),
    "async httpx2": with_async_client(httpx2),
    "async httpx": with_async_client(httpx),
    "requests": with_requests,
}
every_library = pytest.mark.parametrize("ask", LIBRARIES.values(), ids=list(LIBRARIES))


@every_library
def test_a_call_that_was_led_on_is_repeated_where_it_was_led(
    ask: Ask, world: tuple[Outside, Outside]
) -> None:
    home, _ = world
    session = home.session()
    home.answers["/moved"] = 303, {"Location": "/leads"}, b""
    session.token()
    home.live.clear()
    assert ask(session.auth, f"{home.address}/moved", method="POST", content=b"y") == (200, b"leads:")
    assert [call.path for call in home.calls] == ["/moved", "/leads", "/leads"]
    assert home.renewed == 2


def names(events: list[Any]) -> list[str]:
    return [event.name for event in events]


@every_library
def test_T110_a_token_goes_to_its_api_and_nowhere_else(ask: Ask, world: tuple[Outside, Outside]) -> None:
    home, stranger = world
    session = home.session()
    assert ask(session.auth, f"{home.address}/leads", method="POST", content=b"x") == (200, b"leads:x")
    for url in (stranger.address, home.address.replace("127.0.0.1", "localhost")):
        with pytest.raises(AddressRefused) as refused:
            ask(session.auth, f"{url}/leads")
        assert str(refused.value).count("\n") == 1
    assert stranger.calls == []
    home.answers["/away"] = 302, {"Location": f"{stranger.address}/leads"}, b""
    stranger.answers["/leads"] = 401, INVALID, b""
    assert ask(session.auth, f"{home.address}/away") == (401, b"")
    assert [call.authorization for call in stranger.calls] == [""]
    assert home.renewed == 1
    own = session.auth_for(stranger.address)
    assert "secret" not in repr(own) + repr(session.auth)
    stranger.answers["/leads"] = 200, {}, b"fine"
    assert ask(own, f"{stranger.address}/leads") == (200, b"fine")
    with pytest.raises(AddressRefused):
        ask(own, f"{home.address}/leads")
    with pytest.raises(AddressRefused) as refused:
        session.auth_for("https://me:hidden@api.example/leads?key=hidden")
    assert "hidden" not in str(refused.value)


@every_library
def test_a_refused_token_is_renewed_once_and_a_newer_one_of_somebody_else_is_used(
    ask: Ask, world: tuple[Outside, Outside]
) -> None:
    home, _ = world
    store, events = MemoryStore(), list[Any]()
    session, other = home.session(store, events), home.session(store)
    url = f"{home.address}/leads"
    session.token()
    home.live.clear()
    assert ask(session.auth, url, method="POST", content=b"y") == (200, b"leads:y")
    assert [call.body for call in home.calls] == [b"y", b"y"]
    assert home.renewed == 2
    assert names(events) == ["renewed", "renewed"]
    assert ask(other.auth, url) == (200, b"leads:")
    other.token(refused=other.token().value)
    assert ask(session.auth, url) == (200, b"leads:")
    assert home.renewed == 3
    assert len(home.calls) == 2 + 1 + 2


@every_library
def test_an_api_that_takes_no_token_does_not_have_one_made_with_each_call(
    ask: Ask, world: tuple[Outside, Outside]
) -> None:
    home, _ = world
    session, url = home.session(), f"{home.address}/shut"
    home.answers["/shut"] = 401, {}, b'{"code": "INVALID_TOKEN"}'
    for _ in range(3):
        assert ask(session.auth, url)[0] == 401
    assert (home.renewed, len(home.calls)) == (2, 4)
    home.now += 61
    assert ask(session.auth, url)[0] == 401
    assert (home.renewed, len(home.calls)) == (3, 6)


@every_library
def test_a_body_that_is_used_up_is_not_sent_again_and_the_next_call_has_a_new_token(
    ask: Ask, world: tuple[Outside, Outside]
) -> None:
    home, _ = world
    events = list[Any]()
    session, url = home.session(events=events), f"{home.address}/leads"
    session.token()
    home.live.clear()

    def pieces() -> Iterator[bytes]:
        yield from (b"1", b"2")

    async def late_pieces() -> Any:
        for piece in pieces():
            yield piece

    body = late_pieces() if ask in (LIBRARIES["async httpx2"], LIBRARIES["async httpx"]) else pieces()
    assert ask(session.auth, url, method="POST", content=body)[0] == 401
    assert [call.body for call in home.calls] == [b"12"]
    assert names(events) == ["renewed", "renewed", "not repeated"]
    home.live, files = {"none"}, {"file": ("a.txt", io.BytesIO(b"rows"))}
    assert ask(session.auth, url, method="POST", files=files)[0] == 200
    assert home.calls[-1].body == home.calls[-2].body
    assert b"rows" in home.calls[-1].body


def refused_by_the_kit(refusal: Refusal) -> tuple[int, dict[str, str], bytes]:
    return refusal.status, refusal.headers(), refusal.body(vendor=False)


@every_library
def test_what_no_new_token_cures_is_said_and_not_tried(ask: Ask, world: tuple[Outside, Outside]) -> None:
    home, _ = world
    session = home.session(events=(events := []))
    says = Wording("leads", f"{home.address}/metadata")
    home.answers |= {
        "/scope": refused_by_the_kit(says.scope_missing(("a.READ", SCOPE))),
        "/vendor": (401, {}, b'{"code":"OAUTH_SCOPE_MISMATCH","status":"error"}'),
        "/elsewhere": refused_by_the_kit(says.invalid_token(expected_issuer="https://eu.example")),
        "/busy": (429, {"Retry-After": "7"}, b"wait"),
        "/right": (403, refused_by_the_kit(says.no_permission("No."))[1], b"no"),
        "/basic": (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"no"),
    }
    for path, needed in (("/scope", ("a.READ", SCOPE)), ("/vendor", ())):
        with pytest.raises(ScopeMissing) as missing:
            ask(session.auth, home.address + path)
        assert (missing.value.needed, missing.value.have) == (needed, (SCOPE,))
    with pytest.raises(WrongDataCenter) as wrong:
        ask(session.auth, f"{home.address}/elsewhere")
    assert wrong.value.expected == "https://eu.example"
    assert ask(session.auth, f"{home.address}/busy") == (429, b"wait")
    assert (events[-1].name, events[-1].seconds) == ("throttled", 7.0)
    assert ask(session.auth, f"{home.address}/right") == (403, b"no")
    assert ask(session.auth, f"{home.address}/basic") == (401, b"no")
    assert home.renewed == 1
    assert len(home.calls) == 6


def test_problems_of_the_server_come_out_of_calls_as_they_are(world: tuple[Outside, Outside]) -> None:
    home, _ = world
    session = home.session()
    nobody = Session(replace(session.grant, key=replace(session.grant.key, name="nobody")), MemoryStore())
    for ask in LIBRARIES.values():
        with pytest.raises(ReconnectRequired):
            ask(nobody.auth, f"{home.address}/leads")
    assert home.asked == home.calls == []


@pytest.mark.parametrize(
    ("told", "listed", "believed"),
    [
        ("{stranger}", {"us": "{home}"}, False),
        ("{stranger}", {"us": "{home}", "eu": "{stranger}"}, True),
        ("{stranger}", {}, True),
        ("https://api.example.com", {}, False),
        ("{stranger}#x", {}, False),
        ("javascript:alert(1)", {}, False),
    ],
)
async def test_T110_an_api_domain_that_no_list_has_gets_no_token(
    told: str, listed: dict[str, str], believed: bool, world: tuple[Outside, Outside]
) -> None:
    home, stranger = world
    places = {"home": home.address, "stranger": stranger.address}
    home.says["api_domain"] = told.format(**places)
    home.api_domains = {code: address.format(**places) for code, address in listed.items()}
    stranger.answers["/leads"] = 200, {}, b"fine"
    store = MemoryStore()
    for session in (home.session(store), home.session(store)):
        if believed:
            with session.api() as api:
                assert api.get("/leads").text == "fine"
            async with session.aapi() as aapi:
                assert (await aapi.get("leads")).text == "fine"
        else:
            with pytest.raises(AddressRefused):
                session.api()
            with pytest.raises(AddressRefused):
                await session.aapi().get("/leads")
            assert session.status().api_domain == ""
    assert home.renewed == 1
    assert home.asked.count("/centers") == (0 if not listed else 1 if believed else 4)
    assert not stranger.calls or believed


@pytest.mark.parametrize(
    ("issuer", "told", "believed"),
    [
        ("https://accounts.example.com", "https://api.example.com", True),
        ("https://accounts.example.com", "https://accounts.example.com", True),
        ("https://example.com", "https://api.example.com:8443", True),
        ("https://accounts.example.co.uk", "https://api.example.co.uk", True),
        ("https://accounts.example.com", "https://api.example.com.evil.net", False),
        ("https://accounts.example.com", "https://badexample.com", False),
        ("https://accounts.example.com", "http://api.example.com", False),
        ("https://accounts.example.com", "https://127.0.0.1", False),
        ("https://one.co.uk", "https://two.co.uk", False),
        ("https://10.1.2.3", "https://11.1.2.3", False),
        ("https://intern", "https://other", False),
        ("http://127.0.0.1:8700", "http://localhost:8702", True),
        ("http://127.0.0.1:8700", "https://api.example.com", False),
    ],
)
def test_T110_without_a_list_an_api_domain_is_at_the_servers_own_site(
    issuer: str, told: str, believed: bool
) -> None:
    assert fits(told, issuer, DataCenters(issuer)) is believed


def test_T110_the_vendors_list_is_known_without_asking() -> None:
    centers = known_centers("https://accounts.zoho.eu")
    assert centers is not None
    assert fits("https://www.zohoapis.eu", centers.home, centers)
    assert not fits("https://www.zohoapis.eu.example.com", centers.home, centers)
    assert not fits("https://accounts.zoho.eu", centers.home, centers)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", None),
        ("Bearer", {}),
        ('bearer realm="a, \\"b\\"", ERROR=invalid_token', {"realm": 'a, "b"', "error": "invalid_token"}),
        ('Negotiate abc==, Basic realm="x", Bearer error="e", error="f", DPoP algs="ES256"', {"error": "e"}),
        ('Basic realm="Bearer error=x"', None),
        ("Bearer " + "a=b," * 3000, None),
    ],
)
def test_6750_3_a_the_bearer_challenge_is_found_among_others(
    header: str, found: dict[str, str] | None
) -> None:
    """RFC 6750 §3, RFC 9110 §11.6.1."""
    assert bearer_challenge(header) == found


def test_errors_of_calls_are_of_the_tree() -> None:
    assert issubclass(AddressRefused, GrantlineError)
    assert not issubclass(AddressRefused, Unreachable)
