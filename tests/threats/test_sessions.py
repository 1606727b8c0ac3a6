"""Sessions and cookies: nothing planted counts, nothing tossed in overshadows, everything ends."""

import re

import httpx2
import pytest

from grantline.accounts import SESSION_IDLE_SECONDS, SESSION_LIFE_SECONDS, disable_account, set_password
from tests.conftest import SiteFactory
from tests.faults.raw import FORM, ask, encode
from tests.site import ISSUER, PASSWORD, Browser, Site, answer_of, hidden_fields


def cookie(browser: Browser, name: str) -> str:
    return str(browser.http.cookies.get(f"gl_us_{name}"))


async def signed_in(browser: Browser) -> bool:
    """Whether the account page is shown."""
    page = await browser.get("/account")
    assert page.status_code in (200, 303)
    return page.status_code == 200


async def test_T73_signing_in_gives_new_ids_and_ends_the_old_session(site: Site) -> None:
    browser = site.browser()
    await browser.get("/signin")
    anonymous = cookie(browser, "browser")
    await browser.sign_in()
    first = cookie(browser, "session")
    assert cookie(browser, "browser") != anonymous
    page = await browser.get("/signin")
    assert page.headers["location"] == "/account"
    app = await site.app("server-based")
    page = await browser.get("/oauth/v2/auth", params=site.request(app, prompt="login"))
    await browser.sign_in(page)
    assert cookie(browser, "session") != first
    old = site.browser()
    old.http.cookies.set("gl_us_session", first)
    assert not await signed_in(old)
    assert await signed_in(browser)


@pytest.mark.parametrize("planted", ["x", "a" * 43, "gla_us_" + "0" * 64, "", "../../etc/passwd", "a" * 5000])
async def test_T73_an_id_that_we_did_not_make_is_never_taken_up(site: Site, planted: str) -> None:
    """A cookie planted before sign-in is nobody's afterwards."""
    victim, thief = site.browser(), site.browser()
    for browser in (victim, thief):
        for name, value in (("gl_us_session", planted), ("gl_us_browser", "planted-browser-id-0000")):
            browser.http.cookies.set(name, value, domain="127.0.0.1", path="/")
    await victim.sign_in()
    assert await signed_in(victim)
    assert cookie(victim, "session") != planted
    assert not await signed_in(thief)


async def test_T73_a_flow_that_another_began_yields_no_code_to_them(site: Site) -> None:
    """The victim is sent to the attacker's sign-in page; the flow stays with the browser that began it."""
    app = await site.app("server-based")
    thief, victim = site.browser(), site.browser()
    page = await thief.get("/oauth/v2/auth", params=site.request(app))
    handle = hidden_fields(page)["flow"]
    own = await victim.get(f"/signin?flow={handle}")
    assert "Lead Desk" not in own.text
    done = await victim.submit(
        own, {"email": "mara@example.com", "password": PASSWORD, "flow": handle}, path="/signin"
    )
    assert done.headers["location"] == "/account"
    for browser in (victim, thief):
        answer = await browser.get(f"/oauth/v2/auth/continue?flow={handle}")
        assert "code=" not in answer.headers.get("location", "")
    assert not await signed_in(thief)
    assert (await victim.get(f"/oauth/v2/auth/continue?flow={handle}")).headers["location"] == "/"


async def test_T73_the_flow_of_the_own_browser_goes_on_after_sign_in(site: Site) -> None:
    app = await site.app("server-based")
    assert "code" in answer_of(await site.authorize(app, browser=site.browser()))


async def test_T75_two_cookies_of_one_name_are_none_and_both_are_expired(site: Site) -> None:
    """A neighbour on the same host may toss a second one in; which is ours can't be told."""
    browser = await site.signed_in()
    session, browser_id = cookie(browser, "session"), cookie(browser, "browser")
    own = f"gl_us_session={session}; gl_us_browser={browser_id}"
    assert (await ask(site, "GET", "/account", headers=[(b"cookie", own.encode())])).status == 200
    for tossed in (
        [own + "; gl_us_session=evil"],
        ["gl_us_session=evil; " + own],
        [own, "gl_us_session=evil"],
        [own + f"; gl_us_session={session}"],
        [own + "; gl_us_session="],
    ):
        answer = await ask(site, "GET", "/account", headers=[(b"cookie", line.encode()) for line in tossed])
        assert answer.status == 303
        assert "gl_us_session=; Path=/; Max-Age=0" in answer.headers["set-cookie"]


async def test_T75_a_sibling_data_centers_cookies_say_nothing_here(open_a_site: SiteFactory) -> None:
    """`us` and `eu` on one host, in one browser."""
    async with open_a_site() as us, open_a_site() as other:
        await other.db.run("UPDATE home SET code = 'us'")
        browser = await us.signed_in()
        there = other.browser()
        there.http.cookies = browser.http.cookies
        assert await signed_in(browser)
        assert not await signed_in(there)
        renamed = site_cookies(browser)
        answer = await ask(
            us, "GET", "/account", headers=[(b"cookie", renamed.replace("gl_us", "gl_eu").encode())]
        )
        assert answer.status == 303


def site_cookies(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())


ORIGINS = [
    "http://127.0.0.1:8704",
    "http://127.0.0.1:8701",
    "http://127.0.0.1",
    "http://localhost:8700",
    "https://127.0.0.1:8700",
    "http://127.0.0.1:8700.evil.example",
    "http://evil.example",
    "null",
    "",
    ISSUER + "/",
    ISSUER.upper(),
]


@pytest.mark.parametrize("origin", ORIGINS)
async def test_T74_nobody_is_signed_in_from_elsewhere(site: Site, origin: str) -> None:
    """A sibling port is another site: SameSite lets it through, the Origin rule does not (T75)."""
    browser = site.browser()
    page = await browser.get("/signin")
    fields = {**hidden_fields(page), "email": "mara@example.com", "password": PASSWORD}
    refused = await browser.post("/signin", fields, origin=origin)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers
    assert not await signed_in(browser)
    assert (await browser.post("/signin", fields)).status_code == 303


@pytest.mark.parametrize(
    ("fetch_site", "status"),
    [("same-origin", 303), ("same-site", 403), ("cross-site", 403), ("none", 403), (None, 403)],
)
async def test_T74_without_an_origin_the_browsers_word_counts(
    site: Site, fetch_site: str | None, status: int
) -> None:
    browser = site.browser()
    page = await browser.get("/signin")
    body = encode([*hidden_fields(page).items(), ("email", "mara@example.com"), ("password", PASSWORD)])
    headers = [(b"content-type", FORM), (b"cookie", site_cookies(browser).encode())]
    if fetch_site is not None:
        headers.append((b"sec-fetch-site", fetch_site.encode()))
    assert (await ask(site, "POST", "/signin", headers=headers, body=body)).status == status


async def test_T74_the_form_is_bound_to_the_browser_that_it_was_shown_in(site: Site) -> None:
    """The attacker's own token, with the attacker's password, in the victim's browser."""
    await site.person("tom@example.com")
    thief, victim = site.browser(), site.browser()
    token = hidden_fields(await thief.get("/signin"))["token"]
    await victim.get("/signin")
    fields = {"email": "tom@example.com", "password": PASSWORD, "token": token}
    assert (await victim.post("/signin", fields)).status_code == 403
    assert (await thief.post("/signin", fields)).status_code == 303


@pytest.mark.parametrize("token", ["", "0" * 64, "\u00e9" * 64, "a" * 10_000])
async def test_T74_a_made_up_form_token_is_refused(site: Site, token: str) -> None:
    browser = site.browser()
    await browser.get("/signin")
    fields = {"email": "mara@example.com", "password": PASSWORD, "token": token}
    assert (await browser.post("/signin", fields)).status_code == 403
    fields.pop("token")
    assert (await browser.post("/signin", fields)).status_code == 403


async def test_T74_a_link_signs_nobody_in(site: Site) -> None:
    browser = site.browser()
    for path in ("/signin", "/account", "/oauth/v2/auth/continue"):
        page = await browser.get(
            path, params={"email": "mara@example.com", "password": PASSWORD, "token": "x"}
        )
        assert "gl_us_session" not in browser.http.cookies
        assert PASSWORD not in page.text


async def test_T74_pages_show_who_is_signed_in(site: Site) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    consent = await browser.get("/oauth/v2/auth", params=site.request(app))
    for page in (consent, await browser.get("/account"), await browser.get("/console/clients")):
        words = re.sub(r"<[^>]+>", "", page.text)
        assert "Mara Lindqvist" in words or "mara@example.com" in words
    assert "mara@example.com" in re.sub(r"<[^>]+>", "", consent.text)


async def stolen(site: Site) -> tuple[Browser, Browser]:
    """The owner's browser, and one with a copy of its cookies."""
    owner, thief = await site.signed_in(), site.browser()
    thief.http.cookies = httpx2.Cookies(owner.http.cookies)
    assert await signed_in(thief)
    return owner, thief


async def test_T82_a_stolen_cookie_dies_with_sign_out(site: Site) -> None:
    owner, thief = await stolen(site)
    await owner.submit(await owner.get("/signout"), {}, path="/signout")
    assert not await signed_in(thief)


async def test_T82_a_stolen_cookie_dies_with_a_new_sign_in_of_its_browser(site: Site) -> None:
    owner, thief = await stolen(site)
    app = await site.app("server-based")
    await owner.sign_in(await owner.get("/oauth/v2/auth", params=site.request(app, prompt="login")))
    assert not await signed_in(thief)


async def test_T82_a_stolen_cookie_dies_from_the_list_of_sessions(site: Site) -> None:
    _, thief = await stolen(site)
    other = await site.signed_in()
    page = await other.get("/account/sessions")
    ends = re.findall(r'name="session" value="([^"]+)"', page.text)
    assert len(ends) >= 1
    for sid in ends:
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token
        await other.post("/account/sessions/end", {"token": token[1], "session": sid})
    assert not await signed_in(thief)
    assert await signed_in(other)


@pytest.mark.parametrize("event", ["password", "disabled", "idle", "old"])
async def test_T82_a_stolen_cookie_dies_with_the_event(site: Site, event: str) -> None:
    _, thief = await stolen(site)
    if event == "password":
        await set_password(site.db, site.account.id, site.account.password_hash, site.clock())
    elif event == "disabled":
        await disable_account(site.db, site.account.id, site.clock())
    elif event == "idle":
        site.clock.advance(SESSION_IDLE_SECONDS)
    else:
        for _ in range(15):
            site.clock.advance(SESSION_LIFE_SECONDS // 15)
            await thief.get("/account")
    assert not await signed_in(thief)
    for path in ("/console/clients", "/account/apps", "/account/sessions"):
        assert (await thief.get(path)).headers["location"].startswith("/signin")


async def test_T82_another_persons_session_is_not_ended(site: Site) -> None:
    """The list is one's own, and so are the buttons (T143)."""
    await site.person("tom@example.com")
    mara, tom = await site.signed_in(), await site.signed_in("tom@example.com")
    row = await site.db.one("SELECT sid FROM sessions WHERE account_id = $1", site.account.id)
    page = await tom.get("/account/sessions")
    assert row[0] not in page.text
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    fields = {"session": row[0], **({"token": token[1]} if token else {})}
    assert (await tom.post("/account/sessions/end", fields)).status_code in (403, 404)
    assert await signed_in(mara)
