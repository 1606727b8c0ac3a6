"""The limits of table c, met from outside: forwarded addresses through a trusted proxy, with the factor 1."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest

from tests.conftest import SiteFactory
from tests.site import App, Site

pytestmark = pytest.mark.both_engines

STRANGER: Final = "203.0.113.7"


@pytest.fixture
async def strict(open_a_site: SiteFactory) -> AsyncIterator[Site]:
    """A site with the limits as shipped, behind a proxy on this machine."""
    async with open_a_site(limits="1", trusted_proxies="127.0.0.0/8") as site:
        yield site


async def post(site: Site, path: str, data: dict[str, Any], network: str = STRANGER) -> httpx2.Response:
    return await site.post(path, data, headers={"X-Forwarded-For": network})


async def fail(site: Site, app: App, network: str = STRANGER) -> httpx2.Response:
    """A wrong secret."""
    return await post(
        site, "/oauth/v2/introspect", {"client_id": app.id, "client_secret": "wrong", "token": "x"}, network
    )


def check_throttled(answer: httpx2.Response) -> int:
    """A 429 with when to come back, in the form of an error; gives the seconds."""
    assert answer.status_code == 429
    told = answer.json()
    assert (told["error"], told["grantline_code"]) == ("temporarily_unavailable", "throttled")
    return int(answer.headers["retry-after"])


async def test_T36_twenty_wrong_secrets_a_minute_for_a_client_and_a_network(strict: Site) -> None:
    app = await strict.app("server-based")
    assert [(await fail(strict, app)).status_code for _ in range(20)] == [401] * 20
    assert check_throttled(await fail(strict, app)) == 60
    assert (await fail(strict, app, "198.51.100.1")).status_code == 401
    right = await post(strict, "/oauth/v2/introspect", {**app.credentials, "token": "x"})
    assert right.status_code == 200
    strict.clock.advance(60)
    assert (await fail(strict, app)).status_code == 401


async def test_T36_sixty_wrong_credentials_a_minute_for_a_network(strict: Site) -> None:
    """Whatever the clients, known or not."""
    apps = [await strict.app("server-based", name=f"App {number}") for number in range(3)]
    for number in range(60):
        if number % 2:
            answer = await fail(strict, apps[number % 3])
        else:
            answer = await post(
                strict, "/oauth/v2/token", {"client_id": f"nobody{number}", "grant_type": "x"}
            )
        assert answer.status_code == 401
    check_throttled(await fail(strict, apps[0]))
    check_throttled(await post(strict, "/oauth/v2/token", {"client_id": "nobody", "grant_type": "x"}))
    assert (await fail(strict, apps[0], "198.51.100.1")).status_code == 401


async def test_T151_parallel_failures_pass_no_limit(strict: Site) -> None:
    app = await strict.app("server-based")
    answers = await asyncio.gather(*(fail(strict, app) for _ in range(100)))
    assert sorted(answer.status_code for answer in answers) == [401] * 20 + [429] * 80


async def test_T68_a_provider_of_many_lines_is_limited_as_one(strict: Site) -> None:
    """Eight times as much for a /48 of IPv6."""
    app = await strict.app("server-based")
    body = {"client_id": "nobody", "grant_type": "x"}
    statuses = [
        (await post(strict, "/oauth/v2/token", body, f"2001:db8:7:{number:x}::1")).status_code
        for number in range(500)
    ]
    assert statuses == [401] * 480 + [429] * 20
    assert (await post(strict, "/oauth/v2/token", body, "2001:db8:8::1")).status_code == 401
    assert (await post(strict, "/oauth/v2/introspect", {**app.credentials, "token": "x"})).status_code == 200


async def test_table_c_a_hundred_and_twenty_authorization_requests_a_minute(strict: Site) -> None:
    app = await strict.app("server-based")
    headers = {"X-Forwarded-For": STRANGER}
    query = strict.request(app, prompt="none")
    for _ in range(120):
        assert (await strict.call("GET", "/oauth/v2/auth", params=query, headers=headers)).status_code == 303
    for path in ("/oauth/v2/auth", "/oauth/v2/auth/refresh"):
        page = await strict.call("GET", path, params=query, headers=headers)
        assert page.status_code == 429
    strict.clock.advance(60)
    assert (await strict.call("GET", "/oauth/v2/auth", params=query, headers=headers)).status_code == 303


async def test_table_c_ten_device_starts_a_minute_for_a_network_and_a_hundred_for_an_app(
    strict: Site,
) -> None:
    app, other = await strict.app("non-browser"), await strict.app("non-browser", name="Other TV")
    body = {"client_id": app.id, "scope": "CRM.modules.READ"}
    statuses = [(await post(strict, "/oauth/v3/device/code", body)).status_code for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    for number in range(90):
        answer = await post(strict, "/oauth/v3/device/code", body, f"198.51.100.{number}")
        assert answer.status_code == 200
    check_throttled(await post(strict, "/oauth/v3/device/code", body, "192.0.2.1"))
    answer = await post(strict, "/oauth/v3/device/code", {**body, "client_id": other.id}, "192.0.2.1")
    assert answer.status_code == 200


async def test_a_network_out_of_device_starts_uses_up_none_of_the_apps(strict: Site) -> None:
    app = await strict.app("non-browser")
    body = {"client_id": app.id, "scope": "CRM.modules.READ"}
    for _ in range(150):
        await post(strict, "/oauth/v3/device/code", body)
    assert (await post(strict, "/oauth/v3/device/code", body, "198.51.100.1")).status_code == 200


async def test_table_c_five_hundred_devices_may_wait_for_one_app(strict: Site) -> None:
    app = await strict.app("non-browser")
    body = {"client_id": app.id, "scope": "CRM.modules.READ"}
    for number in range(500):
        if number % 90 == 89:
            strict.clock.advance(60)
        answer = await post(strict, "/oauth/v3/device/code", body, f"198.51.{number // 200}.{number % 200}")
        assert answer.status_code == 200
    strict.clock.advance(60)
    check_throttled(await post(strict, "/oauth/v3/device/code", body, "192.0.2.1"))
    strict.clock.advance(600)
    assert (await post(strict, "/oauth/v3/device/code", body, "192.0.2.1")).status_code == 200


async def test_table_c_userinfo_sixty_failures_for_a_network_and_120_calls_for_a_token(strict: Site) -> None:
    app = await strict.app("server-based")
    token = (await strict.tokens(app, scope="openid", nonce="n"))["access_token"]

    async def call(text: str, network: str) -> int:
        headers = {"Authorization": f"Bearer {text}", "X-Forwarded-For": network}
        return (await strict.call("GET", "/oauth/v2/userinfo", headers=headers)).status_code

    assert [await call("gla_us_x", STRANGER) for _ in range(61)] == [401] * 60 + [429]
    assert await call(token, STRANGER) == 429
    assert [await call(token, "198.51.100.1") for _ in range(121)] == [200] * 120 + [429]
    strict.clock.advance(60)
    assert await call(token, STRANGER) == 200


async def test_table_c_thirty_codes_in_ten_minutes_for_a_person_and_an_app(strict: Site) -> None:
    app = await strict.app("server-based")
    browser = await strict.signed_in()
    await strict.authorize(app, browser=browser)
    answers = []
    for _ in range(32):
        answer = await browser.get("/oauth/v2/auth", params=strict.request(app))
        answers.append("code=" in answer.headers["location"])
    assert answers == [True] * 29 + [False] * 3
    assert "error=temporarily_unavailable" in answer.headers["location"]
    strict.clock.advance(600)
    assert "code=" in (await browser.get("/oauth/v2/auth", params=strict.request(app))).headers["location"]


async def test_loopback_and_proxies_themselves_are_not_limited(strict: Site) -> None:
    """Limits by network do not apply to them; what a proxy forwards does."""
    app = await strict.app("server-based")
    body = {"client_id": app.id, "client_secret": "wrong", "token": "x"}
    for _ in range(100):
        assert (await strict.post("/oauth/v2/introspect", body)).status_code == 401


@pytest.mark.usefixtures("full_cost")
async def test_T132_a_flood_of_sign_ins_is_503_and_holds_up_no_program(site: Site) -> None:
    """The token endpoint shares nothing with the passwords' threads."""
    app = await site.app("self-client")
    browser = site.browser()
    page = await browser.get("/signin")
    fields = {"email": "mara@example.com", "password": "wrong password"}
    gate = threading.Event()
    threads = [site.server.passwords._pool.submit(gate.wait) for _ in range(8)]  # none is free until it opens
    flood = [asyncio.create_task(browser.submit(page, fields, path="/signin")) for _ in range(100)]
    for _ in range(5):
        answer = await site.token(app, grant_type="client_credentials", scope="CRM.modules.READ")
        assert answer.status_code == 200
    waiting = sum(not task.done() for task in flood)
    gate.set()
    assert len(threads) == 8
    statuses = [answer.status_code for answer in await asyncio.gather(*flood)]
    assert waiting > 0
    assert statuses.count(503) >= 80
    assert set(statuses) == {400, 503}
    busy = next(task.result() for task in flood if task.result().status_code == 503)
    assert int(busy.headers["retry-after"]) > 0


async def test_T135_long_scopes_and_lists_are_cut_off_before_they_cost(site: Site) -> None:
    app = await site.app("self-client")
    for scope in ("CRM.modules.READ," * 240, "a" * 4097, ",".join(f"x{n}" for n in range(101)), "." * 4000):
        answer = await site.token(app, grant_type="client_credentials", scope=scope)
        assert answer.status_code in (200, 400)
    many = {**app.credentials, "grant_type": "client_credentials", "scope": "CRM.modules.READ"}
    answer = await site.post("/oauth/v2/token", {**many, "resource": ["https://a.example"] * 120})
    assert answer.status_code == 400


@pytest.mark.parametrize("limits", ["0", "-1", "nan", "inf", "x", "1e99", ""])
def test_a_factor_that_makes_no_sense_is_refused(limits: str) -> None:
    from pydantic import ValidationError

    from grantline.settings import Settings

    with pytest.raises(ValidationError):
        Settings(limits=limits)
    assert Settings(limits="off").limit_factor == 0
    assert Settings(limits="100").limit_factor == 100


def token_of(page: httpx2.Response, action: str) -> dict[str, str]:
    """The form token of the form that goes to this address."""
    form = page.text[page.text.index(f'action="{action}"') :]
    found = re.search(r'name="token" value="([^"]+)"', form)
    assert found
    return {"token": found[1]}


async def test_table_c_a_secret_is_reset_five_times_an_hour(strict: Site) -> None:
    app = await strict.app("server-based")
    browser = await strict.signed_in()
    where = f"/console/clients/{app.id}"
    path = f"{where}/secrets/reset"
    fields = token_of(await browser.get(f"{where}/credentials"), path)
    statuses = [(await browser.post(path, fields)).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    other = await strict.app("server-based", name="Other Desk")
    there = f"/console/clients/{other.id}"
    more = token_of(await browser.get(f"{there}/credentials"), f"{there}/secrets/reset")
    assert (await browser.post(f"{there}/secrets/reset", more)).status_code == 200


async def test_table_c_fifty_new_clients_a_day_and_sixty_writes_a_minute(strict: Site) -> None:
    """What is refused for its fields counts as a write and makes no client."""
    browser = await strict.signed_in()
    path = "/console/clients/new/server-based"
    fields = token_of(await browser.get(path), path)
    bad = {**fields, "name": "x", "redirect_uris": "nothing"}
    statuses = [(await browser.post(path, bad)).status_code for _ in range(62)]
    assert statuses == [400] * 60 + [429] * 2
    assert (await browser.get("/console/clients")).status_code == 200
    good = {**fields, "redirect_uris": "https://app.example/cb"}
    statuses = []
    for number in range(52):
        if number % 40 == 0:
            strict.clock.advance(60)
        answer = await browser.post(path, {**good, "name": f"App {number}"})
        statuses.append(answer.status_code)
    assert statuses == [200] * 50 + [429] * 2
    assert int(answer.headers["retry-after"]) > 3600
