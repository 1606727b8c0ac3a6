"""A day in two data centers, as the people of each live it: real processes, every flow, and everything that
was given to anybody written down."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

import httpx2

from grantline.accounts import create_account
from grantline.cli.offline import offline_mint
from grantline.cli.running import Workplace
from grantline.datacenters import find_home
from grantline.db import open_database
from grantline.mail import FolderPost
from tests.centers import Center, Centers
from tests.site import PASSWORD as _PASSWORD
from tests.site import SCOPE, App, Browser, Site, answer_of

PEOPLE: Final[Mapping[str, str]] = {"us": "zebrafinch", "eu": "mandrillow"}
"""A word for each data center that is in the name and the address of each of its people, and nowhere else."""
SHARED_ADDRESS: Final = "same.address@both-places.example"
_TOKENS: Final = frozenset(
    {"access_token", "refresh_token", "id_token", "device_code", "user_code", "code", "token"}
)
_SHORTEST: Final = 16
"""What is shorter could be anywhere by chance."""


class Direct(httpx2.AsyncHTTPTransport):
    """What a person's browser and an app's server use: past the relay, which is left to what data centers
    say. Every secret that an answer gives is noted."""

    def __init__(self, center: Center) -> None:
        super().__init__()
        self._center = center
        self.folder = Path(center.database.removeprefix("sqlite://")).parent
        self.noted: set[str] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url).startswith(self._center.issuer + "/"), "it goes somewhere else"
        request.url = request.url.copy_with(port=self._center.listens_at)
        response = await super().handle_async_request(request)
        await response.aread()
        self._note(response)
        return response

    def _note(self, response: httpx2.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "language" not in name:
                self.noted.add(value.strip('"'))
        query = urlsplit(response.headers.get("location", ""))
        for name, value in parse_qsl(query.query + "&" + query.fragment):
            if name in _TOKENS or name == "flow":
                self.noted.add(value)
        if response.headers.get("content-type", "").startswith("application/json"):
            self.noted |= set(_tokens_in(response.json()))
        else:
            self.noted |= set(re.findall(r'name="(?:flow|token)" value="([^"]*)"', response.text))
        self.noted = {value for value in self.noted if len(value) >= _SHORTEST}


def _tokens_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name in _TOKENS and isinstance(member, str):
                yield member
            yield from _tokens_in(member)


@dataclass(slots=True)
class Remote(Site):
    """A site whose pages and endpoints are those of a process; what has no page is done on its database, as
    commands do."""

    direct: Direct | None = None

    @property
    def transport(self) -> Any:
        return self.direct


@dataclass
class Life:
    """What was given to the people and apps of one data center."""

    code: str
    secrets: set[str] = field(default_factory=set)
    """Cookies, codes, tokens, form tokens, secrets of apps: whatever opens anything."""
    texts: set[str] = field(default_factory=set)
    """Names, addresses and passwords of people."""
    numbers: set[int] = field(default_factory=set)
    """Accounts."""
    tokens: dict[str, str] = field(default_factory=dict)
    """One of each kind, alive, for trying it at the other data center."""
    browser: Browser | None = None
    apps: dict[str, App] = field(default_factory=dict)


@asynccontextmanager
async def open_remote(center: Center, password_hash: str) -> AsyncIterator[Remote]:
    """The data center of a running process, with somebody in it who makes apps."""
    db = await open_database(center.database, create=False)
    direct = Direct(center)
    try:
        home = await find_home(db)
        assert home is not None
        mint = await offline_mint(Workplace(db, home, center.database, _now()))
        word = PEOPLE[center.code]
        owner = await create_account(
            db,
            email=f"owner@{word}.example",
            password_hash=password_hash,
            given_name=f"Ona {word}",
            family_name="Ownerly",
            now=_now(),
        )
        server = cast("Any", SimpleNamespace(issuer=center.issuer, code=center.code, db=db, mint=mint))
        yield Remote(server, cast("Any", None), cast("Any", _now), owner, direct=direct)
    finally:
        await direct.aclose()
        await db.close()


def _now() -> int:
    return int(time.time())


async def live(centers: Centers, password_hash: str, look: Callable[[], None]) -> Mapping[str, Life]:
    """A day in both data centers; `look` is called when it is over. Then everything of each is tried at the
    other."""
    async with (
        open_remote(centers["us"], password_hash) as us,
        open_remote(centers["eu"], password_hash) as eu,
    ):
        lives = {}
        for site in (us, eu):
            lives[site.server.code] = await _at_home(site)
        for site, other in ((us, eu), (eu, us)):
            await _follow(site, other, lives)
            await _reset_a_secret(site, lives[site.server.code])
        for site in (us, eu):
            await _until_told(site)
        for site in (us, eu):
            life = lives[site.server.code]
            assert site.direct is not None
            life.secrets |= site.direct.noted
        look()
        for site, other in ((us, eu), (eu, us)):
            await _knock(lives[site.server.code], other)
        return lives


async def _at_home(site: Remote) -> Life:
    """What people do in their own data center."""
    word, both = PEOPLE[site.server.code], ("us", "eu")
    life = Life(site.server.code, texts={word})
    life.numbers.add(site.account.id)
    user = await site.person(f"user@{word}.example", given_name=f"Uwe {word}", family_name="Userly")
    same = await site.person(SHARED_ADDRESS, given_name=f"Sam {word}")
    life.numbers |= {user.id, same.id}
    for type_name in ("server-based", "mobile", "non-browser"):
        life.apps[type_name] = await site.app(type_name, data_centers=both)
    life.apps["stick"] = await site.app(
        "non-browser", name="Lead Stick", vendor_compatible=True, data_centers=both
    )
    life.apps["self-client"] = await site.app("self-client")
    life.secrets |= {app.secret for app in life.apps.values() if app.secret}
    await _wait_until_they_work_elsewhere(site, life)
    assert (await site.browser().sign_in(email=f"nobody@{word}.example")).status_code == 400
    browser = life.browser = await site.signed_in(user.email)
    await browser.get("/account/sessions", headers={"user-agent": f"Mozilla {word}"})
    app = life.apps["server-based"]
    tokens = await site.exchange(
        app, await site.code(app, browser=browser, access_type="offline", scope=f"openid email {SCOPE}")
    )
    assert tokens.status_code == 200, tokens.text
    life.tokens.update(tokens.json())
    pocket = life.apps["mobile"]
    given = await site.exchange(pocket, await site.code(pocket, browser=browser, access_type="offline"))
    refreshed = await site.refresh(pocket, given.json()["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    ended = await site.post(
        "/oauth/v2/token/revoke", {**pocket.credentials, "token": refreshed.json()["refresh_token"]}
    )
    assert ended.status_code == 200, ended.text
    me = await _userinfo(site, life.tokens["access_token"])
    assert (me.status_code, me.json()["sub"]) == (200, user.sub), me.text
    await site.introspect(app, life.tokens["access_token"])
    await _use_device(site, life, browser)
    await _use_console(site, life, word)
    life.tokens["code"] = await site.code(app, browser=browser)
    return life


async def _use_device(site: Remote, life: Life, browser: Browser) -> None:
    tv = life.apps["non-browser"]
    started = await site.device_start(tv)
    await site.device_decide(started["user_code"], "allow", browser=browser)
    polled = await site.device_poll(tv, started["device_code"])
    assert polled.status_code == 200, polled.text
    waiting = await site.device_start(tv)
    life.tokens["device_code"], life.tokens["user_code"] = waiting["device_code"], waiting["user_code"]


async def _use_console(site: Remote, life: Life, word: str) -> None:
    """A team, an invitation by mail, a key for the console's API."""
    owner = await site.signed_in(site.account.email)
    console = "/console/workspaces/new"
    await _submit(owner, console, console, {"name": f"Team {word}"})
    for email in (SHARED_ADDRESS, f"user@{word}.example"):
        page = await _submit(
            owner, "/console/team", "/console/team/invitations", {"email": email, "role": "developer"}
        )
        assert page.status_code in (200, 303), page.text[:400]
    links = _invited(site)
    life.secrets |= {link.rpartition("/")[2] for link in links.values()}
    found = links[f"user@{word}.example"]
    browser = await site.signed_in(f"user@{word}.example")
    joined = await _submit(browser, found, found, {})
    assert joined.status_code == 303, joined.text[:400]
    await owner.get("/console/team")
    await owner.get("/console/audit")


def _invited(site: Remote) -> dict[str, str]:
    """The links that went out by mail, by whom they went to."""
    assert site.direct is not None
    mails = FolderPost(site.direct.folder / "mail", "").newest()
    found = {mail.to: re.search(r"/console/invitations/[\w-]+", mail.text) for mail in mails}
    return {email: link[0] for email, link in found.items() if link}


async def _reset_a_secret(site: Remote, life: Life) -> None:
    owner = await site.signed_in(site.account.email)
    page = f"/console/clients/{life.apps['server-based'].id}/credentials"
    act = page.replace("credentials", "secrets/reset")
    shown = await _submit(owner, page, act, {"password": _PASSWORD})
    if shown.status_code == 303:
        shown = await owner.get(shown.headers["location"])
    found = re.search(r"gls_[a-z]{2,4}_\w+", shown.text)
    assert found, shown.text[:400]
    life.secrets.add(found[0])
    life.apps["server-based"] = App(life.apps["server-based"].client, found[0])


async def _follow(site: Remote, other: Remote, lives: Mapping[str, Life]) -> None:
    """A person of the other data center uses an app of this one; and calls go astray."""
    app = lives[site.server.code].apps["server-based"]
    word = PEOPLE[other.server.code]
    request = site.request(app, access_type="offline")
    stranger, browser = site.browser(), await other.signed_in(f"user@{word}.example")
    page = await stranger.get("/oauth/v2/auth", params=request)
    went = await _go_elsewhere(stranger, page, other)
    page = await browser.get(went)
    page = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    code = answer_of(page)["code"]
    await _device_follows(site, other, lives[site.server.code].apps["stick"], browser)
    tokens = await other.exchange(app, code)
    assert tokens.status_code == 200, tokens.text
    refreshed = await other.refresh(app, tokens.json()["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    wrong = await site.refresh(app, tokens.json()["refresh_token"])
    assert (wrong.status_code, wrong.json()["expected_issuer"]) == (400, other.issuer)
    wrong = await site.exchange(app, await other.code(app, browser=browser))
    assert wrong.status_code == 400
    refused = await other.token(app, grant_type="client_credentials", scope=SCOPE)
    assert refused.status_code == 400, "an app acts for itself at home alone"
    self_client = lives[site.server.code].apps["self-client"]
    wrong = await other.token(self_client, grant_type="refresh_token", refresh_token="x")
    assert wrong.json()["expected_issuer"] == site.issuer


async def _go_elsewhere(stranger: Browser, page: httpx2.Response, other: Remote) -> str:
    """Say on a sign-in page where one lives; where that leads to, in the other data center."""
    went = await stranger.submit(page, {"data_center": other.server.code}, path="/signin/elsewhere")
    assert went.status_code == 303, went.text[:400]
    assert went.headers["location"].startswith(other.issuer + "/")
    return str(went.headers["location"]).removeprefix(other.issuer)


async def _device_follows(site: Remote, other: Remote, stick: App, browser: Browser) -> None:
    """A device that asked here, whose person lives there: its wish crosses."""
    started = await site.device_start(stick)
    assert site.direct is not None
    site.direct.noted -= {started["device_code"], started["user_code"]}
    stranger = site.browser()
    page = await stranger.submit(
        await stranger.get("/device"), {"user_code": started["user_code"]}, path="/oauth/v3/device"
    )
    assert 'name="password"' in page.text, page.text
    await _go_elsewhere(stranger, page, other)
    await other.device_decide(started["user_code"], "allow", browser=browser)
    polled = await other.device_poll(stick, started["device_code"])
    assert "access_token" in polled.json(), polled.text


async def _knock(life: Life, other: Remote) -> None:
    """Everything of one data center is tried at the other (T112)."""
    app, tokens = life.apps["server-based"], life.tokens
    refused = {
        "access token": (await _userinfo(other, tokens["access_token"])).status_code,
        "id token": (await _userinfo(other, tokens["id_token"])).status_code,
        "refresh token": (await other.refresh(app, tokens["refresh_token"])).status_code,
        "code": (await other.exchange(app, tokens["code"])).status_code,
        "device code": (await other.device_poll(life.apps["non-browser"], tokens["device_code"])).status_code,
    }
    assert set(refused.values()) <= {400, 401}, refused
    answer = await other.introspect(app, tokens["access_token"])
    assert answer["active"] is False
    await _toss_cookies(life, other)


async def _toss_cookies(life: Life, other: Remote) -> None:
    """The cookies as they are, and under the names of the other data center."""
    assert life.browser is not None
    jar = {cookie.name: cookie.value or "" for cookie in life.browser.http.cookies.jar}
    assert any("session" in name for name in jar)
    for renamed in (False, True):
        tossed = other.browser()
        for name, value in jar.items():
            name = name.replace(f"_{life.code}_", f"_{other.server.code}_") if renamed else name
            tossed.http.cookies.set(name, value)
        page = await tossed.get("/account")
        assert (page.status_code, "/signin" in page.headers["location"]) == (303, True)
    own = await life.browser.get("/account")
    assert own.status_code == 200, "at home the same cookies work"
    form = await life.browser.get("/account/sessions")
    token = re.search(r'name="token" value="([^"]*)"', form.text)
    assert token
    tossed = other.browser()
    await tossed.get("/signin")
    posted = await tossed.post(
        "/signin",
        {"email": SHARED_ADDRESS, "password": _PASSWORD, "token": unescape(token[1])},
    )
    assert posted.status_code in (400, 403)


async def _userinfo(site: Remote, token: str) -> httpx2.Response:
    return await site.call("GET", "/oauth/v2/userinfo", headers={"authorization": f"Bearer {token}"})


async def _submit(browser: Browser, page: str, action: str, fields: Mapping[str, str]) -> httpx2.Response:
    """Send the form of a page, with what is hidden in it."""
    shown = await browser.get(page)
    assert shown.status_code == 200, f"{page}: {shown.status_code}"
    for form in re.findall(r"<form[^>]*>.*?</form>", shown.text, re.DOTALL):
        if f'action="{action}"' in form:
            hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
            return await browser.post(action, {**{name: unescape(v) for name, v in hidden}, **fields})
    raise AssertionError(f"no form for {action} on {page}")


async def _wait_until_they_work_elsewhere(site: Remote, life: Life) -> None:
    """Until the other data center confirmed the apps that are to work there."""
    sql = "SELECT 1 FROM client_elsewhere WHERE confirmed_version = 0 AND enabled = 1"
    await _wait(site, sql)


async def _until_told(site: Remote) -> None:
    """Until what was refused here is told, and what was changed is confirmed."""
    await _wait(site, "SELECT 1 FROM causes_to_tell WHERE told_count < count")
    await _wait(site, "SELECT 1 FROM client_elsewhere WHERE due_at IS NOT NULL")


async def _wait(site: Remote, sql: str) -> None:
    for _ in range(600):
        if not await site.db.all(sql):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"still there: {sql}")
