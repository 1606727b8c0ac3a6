"""Signing in: no step is skipped, nobody is guessed, and nothing tells who has an account."""

import html
import re
import statistics
import time
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grantline.accounts import disable_account, enable_account
from grantline.web.app import CONSOLE, PEOPLE
from tests.conftest import SiteFactory
from tests.site import PASSWORD, Browser, Site, hidden_fields, open_site

FIELDS: Final = {"email": "mara@example.com", "password": PASSWORD}


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"email": "mara@example.com"},
        {"password": PASSWORD},
        {"email": "mara@example.com", "password": ""},
        {"email": "", "password": PASSWORD},
        {"email": "mara@example.com", "password": "wrong password"},
        {"email": "mara@example.com", "password": PASSWORD + "\x00"},
        {"email": "mara@example.com", "password": PASSWORD, "signed_in": "1"},
        {"email": "mara@example.com", "password": PASSWORD, "account_id": "1"},
        {"email": "mara@example.com", "password": PASSWORD, "skip": "password"},
    ],
)
async def test_T69_without_the_whole_proof_nobody_is_signed_in(site: Site, fields: dict[str, str]) -> None:
    """An empty POST, half a form, a field that names another step."""
    browser = site.browser()
    page = await browser.get("/signin")
    answer = await browser.post("/signin", {**hidden_fields(page), **fields})
    assert answer.status_code in (400, 403)
    assert "gl_us_session" not in browser.http.cookies
    assert not await is_signed_in(browser)
    assert (await browser.post("/signin", {**hidden_fields(page), **FIELDS})).status_code == 303
    assert await is_signed_in(browser)


POSTS: Final = sorted(
    {route.path for route in (*PEOPLE, *CONSOLE) if "POST" in (route.methods or ()) and "{" not in route.path}
)
GETS: Final = sorted({route.path for route in (*PEOPLE, *CONSOLE) if "{" not in route.path})
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["GET", "POST"]),
        st.sampled_from([*POSTS, *GETS]),
        st.dictionaries(
            st.sampled_from(["email", "decision", "user_code", "flow", "session", "client_id", "x"]),
            st.sampled_from(["mara@example.com", "allow", "switch", "BCDF-GHJK", "", "1"]),
            max_size=3,
        ),
    ),
    max_size=12,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_T69_no_row_of_steps_leads_past_the_password(
    site: Site, steps: list[tuple[str, str, dict[str, str]]]
) -> None:
    """Every page and form in any order, each with the token that the page before it gave: still nobody."""
    app = await site.app("server-based")
    browser = site.browser()
    hidden: dict[str, str] = {}
    for method, path, fields in steps:
        if method == "POST":
            page = await browser.post(path, {**hidden, **fields})
        elif path == "/oauth/v2/auth":
            page = await browser.get(path, params=site.request(app))
        else:
            page = await browser.get(path, params={**hidden, **fields})
        hidden = hidden_fields(page) or hidden
        assert not page.headers.get("location", "").startswith(app.redirect_uri + "?code=")
        assert "gl_us_session" not in browser.http.cookies
    assert not await is_signed_in(browser)


async def test_T69_the_device_page_and_the_console_ask_by_the_same_form(site: Site) -> None:
    """Every entrance runs the same machine."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    for path in ("/console/clients", "/account/apps"):
        browser = site.browser()
        page = await browser.get((await browser.get(path)).headers["location"])
        done = await browser.submit(page, {**FIELDS, "password": "wrong"}, path="/signin")
        assert done.status_code == 400
        done = await browser.submit(page, FIELDS, path="/signin")
        assert done.headers["location"] == path
    browser = site.browser()
    page = await browser.submit(
        await browser.get("/device"), {"user_code": started["user_code"]}, path="/oauth/v3/device"
    )
    assert 'name="password"' in page.text
    assert "/confirm" in (await browser.submit(page, FIELDS, path="/signin")).headers["location"]


async def test_T72_an_address_that_is_not_proven_is_not_told_as_proven(site: Site) -> None:
    """OpenID Connect Core §5.1: whatever the column says, and in the id_token too."""
    app = await site.app("server-based")
    for verified_at in (None, 5):
        await site.db.run(
            "UPDATE accounts SET email_verified_at = $2 WHERE id = $1", site.account.id, verified_at
        )
        token = (await site.tokens(app, scope="openid email", nonce="n"))["access_token"]
        answer = await site.call("GET", "/oauth/v2/userinfo", headers={"Authorization": f"Bearer {token}"})
        told: dict[str, Any] = answer.json()
        if verified_at is None:
            assert told.get("email_verified") is not True
        else:
            assert told["email_verified"] is True


async def test_T72_nobody_signs_up_by_themselves(site: Site) -> None:
    """Accounts are the operator's to make; so no stranger squats an address before its owner."""
    for path in ("/signup", "/register", "/account/new", "/oauth/v2/register", "/account/email"):
        for answer in (await site.call("GET", path), await site.post(path, {"email": "x@example.com"})):
            assert answer.status_code == 404
    assert "sign up" not in (await site.call("GET", "/signin")).text.lower()


ADDRESS: Final = "127.0.0.0/8"


async def attempt(
    site: Site, email: str, password: str, *, network: str, browser: Browser | None = None
) -> httpx2.Response:
    """One try to sign in, from a network of its own."""
    browser = browser or site.browser()
    browser.http.headers["X-Forwarded-For"] = network
    page = await browser.get("/signin")
    return await browser.submit(page, {"email": email, "password": password}, path="/signin")


async def test_T76_strangers_are_slowed_and_the_owners_browser_is_not(open_a_site: SiteFactory) -> None:
    async with open_a_site(limits="1", trusted_proxies=ADDRESS) as site:
        own = site.browser()
        assert (
            await attempt(site, "mara@example.com", PASSWORD, network="198.51.100.1", browser=own)
        ).status_code == 303
        statuses = []
        for number in range(7):
            answer = await attempt(site, "mara@example.com", "wrong", network=f"203.0.113.{number}")
            statuses.append(answer.status_code)
        assert statuses == [400] * 5 + [429] * 2
        assert int(answer.headers["retry-after"]) in (1, 2)
        assert "password" in answer.text
        right = await attempt(site, "mara@example.com", PASSWORD, network="203.0.113.99")
        assert right.status_code == 429
        await own.submit(await own.get("/signout"), {}, path="/signout")
        again = await attempt(site, "mara@example.com", PASSWORD, network="198.51.100.1", browser=own)
        assert again.status_code == 303
        site.clock.advance(60)
        assert (await attempt(site, "mara@example.com", PASSWORD, network="203.0.113.99")).status_code == 303


@pytest.mark.sqlite_only
async def test_T151_a_restart_forgets_no_wrong_password(open_a_site: SiteFactory, site: Site) -> None:
    async with open_a_site(limits="1", trusted_proxies=ADDRESS) as one:
        for number in range(6):
            await attempt(one, "mara@example.com", "wrong", network=f"203.0.113.{number}")
        database = one.server.settings.database
        rows = await one.db.all("SELECT subject, count FROM attempts WHERE subject LIKE 'sign-in:%'")
        assert [tuple(row) for row in rows] == [("sign-in:mara@example.com", 5)]
    folder = Path(database.removeprefix("sqlite://")).parent
    async with open_site(
        folder, pages=site.server.pages, password_hash="", limits="1", trusted_proxies=ADDRESS
    ) as two:
        assert (await attempt(two, "mara@example.com", PASSWORD, network="203.0.113.99")).status_code == 429


def bare(page: httpx2.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """A page without what differs each time: ids, tokens, the address typed."""
    text = re.sub(r'req_us_\w+|value="[^"]*"', "", page.text)
    headers = sorted(
        (n, v) for n, v in page.headers.items() if n not in ("x-request-id", "set-cookie", "content-length")
    )
    return page.status_code, text, headers


async def test_T149_known_unknown_disabled_and_odd_addresses_get_one_answer(site: Site) -> None:
    """Status, words and headers alike, and the same cookies."""
    await site.person("tom@example.com")
    row = await site.db.one("SELECT id FROM accounts WHERE email_key = 'tom@example.com'")
    answers = []
    for email in ("mara@example.com", "nobo@example.com", "tom@example.com", "no address at al"):
        await (
            disable_account(site.db, row[0], 1)
            if email.startswith("tom")
            else enable_account(site.db, row[0])
        )
        password = PASSWORD if email.startswith("tom") else "wrong password"
        browser = site.browser()
        page = await browser.submit(
            await browser.get("/signin"), {"email": email, "password": password}, path="/signin"
        )
        answers.append((bare(page), sorted(browser.http.cookies)))
        assert email in html.unescape(page.text)
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    "rounds", [8, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]
)
@pytest.mark.usefixtures("full_cost")
async def test_T149_the_time_tells_nothing_either(site: Site, rounds: int) -> None:
    """The long form takes two thousand timings and Welch's t; the short one compares medians."""
    times: dict[str, list[float]] = {"mara@example.com": [], "nobody@example.com": []}
    browser = site.browser()
    page = await browser.get("/signin")
    for _ in range(rounds):
        for email, spent in times.items():
            started = time.perf_counter()
            await browser.submit(page, {"email": email, "password": "wrong password"}, path="/signin")
            spent.append(time.perf_counter() - started)
    known, unknown = times.values()
    assert 0.5 < statistics.median(known) / statistics.median(unknown) < 2
    if rounds > 100:
        spread = statistics.variance(known) / rounds + statistics.variance(unknown) / rounds
        assert abs(statistics.mean(known) - statistics.mean(unknown)) / spread**0.5 < 4.5


async def test_T115_only_an_identifier_names_a_data_center(site: Site) -> None:
    """No form tells where an address is at home."""
    browser = site.browser()
    page = await browser.submit(
        await browser.get("/signin"), {"email": "mara@eu.example.com", "password": "x"}, path="/signin"
    )
    assert "EU" not in re.sub(r"<[^>]+>", "", page.text)


EMBEDDED: Final = [
    "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Version/4.0 Chrome/125.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (iPad; CPU OS 17_5) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/400.0]",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/125.0 Safari/537.36 Instagram 300.0 Android",
]
BROWSERS: Final = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 CriOS/125.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; rv:126.0) Gecko/20100101 Firefox/126.0",
    "curl/8.5.0",
    "",
]


@pytest.mark.parametrize("agent", [*EMBEDDED, *BROWSERS], ids=range(11))
async def test_T89_no_password_is_asked_for_inside_of_another_app(site: Site, agent: str) -> None:
    """RFC 8252 §8.12: what says that it is a web view gets a page that leads to the browser."""
    app = await site.app("mobile")
    device = await site.device_start(await site.app("non-browser"))
    browser = site.browser()
    browser.http.headers["User-Agent"] = agent
    entered = await browser.submit(
        await browser.get("/device"), {"user_code": device["user_code"]}, path="/oauth/v3/device"
    )
    for page in (
        await browser.get("/signin"),
        await browser.get("/oauth/v2/auth", params=site.request(app)),
        entered,
    ):
        assert ('type="password"' in page.text) == (agent in BROWSERS)
        assert (page.status_code == 200) == (agent in BROWSERS)
        assert ("Open this page in your browser" in page.text) == (agent in EMBEDDED)
