"""Apps on a person's own machine, over the real server and a real listener: the browser's way there and back,
what else may knock meanwhile, and what happens without a browser (RFC 8252)."""

import asyncio
import socket
import traceback
import webbrowser
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from grantline.sdk import CallbackRefused, ClientRejected, ScopeMissing
from grantline.sdk.desktop import Desktop, system_browser
from grantline.sdk.loopback import DEFAULT, Loopback
from tests.sdk.waiting import Counted, Lines, counted
from tests.site import SCOPE, Site

REGISTERED = "http://127.0.0.1/cb"


class Mac:
    """A desktop app of the site, its person, and their browser."""

    def __init__(self, site: Site, setup: Counted, lines: Lines) -> None:
        self.site, self.setup, self.lines = site, setup, lines
        self.desktop = Desktop(setup)
        self.loop = asyncio.get_running_loop()
        self.told: list[str] = []
        self.pages: list[httpx2.Response] = []
        self.decision = "allow"
        self.knock: Callable[[str, str], Awaitable[None]] = self.nothing
        self.change: Callable[[str], str] = lambda back: back
        self.way: asyncio.Task[None] | None = None

    async def nothing(self, place: str, state: str) -> None:
        """Nobody else knocks."""

    def open_browser(self, url: str) -> bool:
        """As the system does: it returns at once."""
        self.loop.call_soon_threadsafe(self.begin, url)
        return True

    def begin(self, url: str) -> None:
        self.way = asyncio.ensure_future(self.go(url))

    async def go(self, url: str) -> None:
        """The person signs in and decides, and their browser goes where it is sent."""
        asked = httpx2.URL(url).params
        await self.knock(asked["redirect_uri"], asked["state"])
        browser = await self.site.signed_in()
        page = await browser.get(url.removeprefix(self.site.issuer))
        if 'name="decision"' in page.text:
            page = await browser.submit(page, {"decision": self.decision}, path="/oauth/v2/auth/decision")
        await self.come_back(self.change(page.headers["location"]))

    async def come_back(self, address: str) -> None:
        async with httpx2.AsyncClient(follow_redirects=True) as http:
            self.pages.append(await http.get(address))

    async def login(self, **changes: Any) -> Any:
        changes = {"open_browser": self.open_browser, "tell": self.told.append, **changes}
        try:
            return await self.desktop.alogin(**changes)
        finally:
            if self.way is not None:
                await self.way


async def make(site: Site, type_name: str = "mobile", redirect_uri: str = REGISTERED, **more: Any) -> Mac:
    lines = Lines(site)
    app = await site.app(type_name)
    return Mac(site, counted(site, app, lines, redirect_uri=redirect_uri, **more), lines)


@pytest.fixture
async def mac(site: Site) -> Mac:
    return await make(site)


async def test_8252_6_a_the_browser_goes_there_and_back_and_the_code_stays_in_no_address(
    site: Site, mac: Mac
) -> None:
    """RFC 8252 §6: with PKCE."""
    assert await mac.desktop.asession() is None
    session = await mac.login()
    assert await site.works((await session.atoken()).value)
    assert session.status().renewable
    found = await mac.desktop.asession()
    assert found is not None
    assert (await found.atoken()).value == (await session.atoken()).value
    (page,) = mac.pages
    assert page.status_code == 200
    assert "You are signed in" in page.text
    assert "code" not in str(page.url)
    assert "state" not in str(page.url)
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert page.headers["cache-control"] == "no-store"
    back = page.history[0]
    assert back.status_code == 303
    for secret in (back.url.params["code"], back.url.params["state"], (await session.atoken()).value):
        assert secret not in page.text
    assert "server" not in page.headers
    assert httpx2.URL(mac.told[0].split("\n")[1]).params["code_challenge_method"] == "S256"
    assert "code_verifier=" in next(body for url, body in mac.lines.asked if url.endswith("/token"))


async def test_a_thread_waits_as_well_and_the_id_token_says_who_it_is(site: Site) -> None:
    mac = await make(site, scope=("openid", "email", SCOPE))
    session = await asyncio.to_thread(
        mac.desktop.login, open_browser=mac.open_browser, tell=mac.told.append, timeout=60
    )
    assert mac.way is not None
    await mac.way
    assert session.status().subject == site.account.sub
    assert session.status().email == "mara@example.com"
    assert site.issuer in mac.told[0]
    assert (await asyncio.to_thread(session.token)).scope


async def test_only_the_answer_of_this_attempt_counts_and_only_once(mac: Mac) -> None:
    seen: list[tuple[int, str]] = []

    async def knock(place: str, state: str) -> None:
        port = httpx2.URL(place).port
        async with httpx2.AsyncClient() as http:
            for url, headers in (
                (f"http://127.0.0.1:{port}/", {}),
                (f"http://127.0.0.1:{port}/favicon.ico", {}),
                (f"{place}/?state={state}&code=stolen", {}),
                (f"{place}?state=other&code=stolen", {"accept-language": "de-AT"}),
                (f"{place}?code=stolen", {}),
                (f"{place}?state={state}&state={state}&code=stolen", {}),
                (f"{place}?state={state}&code=stolen", {"host": f"evil.example:{port}"}),
                (f"{place}?state={state}&code=stolen", {"host": f"localhost:{port}"}),
                (f"{place}?state={state}&code={'x' * 20000}", {}),
            ):
                answer = await http.get(url, headers=headers)
                seen.append((answer.status_code, answer.text))
            seen.append(((await http.post(f"{place}?state={state}&code=stolen")).status_code, "Nothing"))

    mac.knock = knock
    session = await mac.login()
    assert [status for status, _ in seen] == [404, 404, 404, 400, 400, 400, 421, 421, 404, 501]
    assert "Hier wartet nichts" in seen[3][1]
    assert all("Nothing is waiting here" in text for status, text in seen[:3])
    assert all("stolen" not in text for _, text in seen)
    assert len(mac.lines.polls) == 1
    assert session.status().renewable
    with Loopback(REGISTERED) as place:
        answer = place.expect("mine")
        async with httpx2.AsyncClient() as http:
            first = await http.get(f"{place.redirect_uri}?state=mine&code=1")
            again = await http.get(f"{place.redirect_uri}?state=mine&code=2")
            assert (first.status_code, again.status_code) == (303, 400)
            assert answer.result(0).endswith("code=1")
            place.show(True)
            await http.get(f"http://127.0.0.1:{place.port}{first.headers['location']}")


async def test_8252_8_10_a_what_goes_wrong_is_raised_and_the_page_says_to_look_at_the_app(
    site: Site, mac: Mac
) -> None:
    """RFC 8252 §8.10: an answer of another server is one of those."""
    mac.decision = "deny"
    with pytest.raises(CallbackRefused):
        await mac.login()
    mac.decision = "allow"
    issuer = httpx2.QueryParams({"iss": site.issuer})
    mac.change = lambda back: back.replace(str(issuer), "iss=https%3A%2F%2Fevil.example")
    with pytest.raises(CallbackRefused, match="does not list") as refused:
        await mac.login()
    shown = "".join(traceback.TracebackException.from_exception(refused.value, capture_locals=True).format())
    assert mac.pages[-1].history[0].url.params["code"] not in shown
    assert mac.lines.polls == [], "no code went anywhere (T19)"
    assert all("did not work" in page.text for page in mac.pages)
    mac.change = lambda back: back
    with pytest.raises(ScopeMissing):
        await mac.login(scope=("CRM.no.SUCH",))
    assert len(mac.pages) == 3
    assert await mac.desktop.asession() is None


async def test_8252_7_3_b_who_does_not_come_back_leaves_no_listener_behind(mac: Mac) -> None:
    """RFC 8252 §7.3."""

    def closed() -> bool:
        with socket.socket() as probe:
            port = httpx2.URL(httpx2.URL(mac.told[-1].split("\n")[1]).params["redirect_uri"]).port
            return probe.connect_ex(("127.0.0.1", port or 0)) != 0

    with pytest.raises(CallbackRefused, match="Nobody came back"):
        await mac.desktop.alogin(open_browser=lambda url: True, tell=mac.told.append, timeout=0.01)
    assert closed()
    with pytest.raises(CallbackRefused, match="Nobody came back"):
        await asyncio.to_thread(
            mac.desktop.login, open_browser=lambda url: True, tell=mac.told.append, timeout=0.01
        )
    assert closed()
    opened = asyncio.Event()

    def open_browser(url: str) -> bool:
        mac.loop.call_soon_threadsafe(opened.set)
        return True

    login = asyncio.ensure_future(mac.desktop.alogin(open_browser=open_browser, tell=mac.told.append))
    await opened.wait()
    login.cancel()
    with pytest.raises(asyncio.CancelledError):
        await login
    assert closed()


async def test_8628_3_3_1_a_without_a_browser_a_short_code_does(site: Site) -> None:
    """RFC 8628 §3.3.1: the code is told beside the address."""
    device = await make(site, "non-browser")
    entered: list[httpx2.Response] = []

    def enter(line: str) -> None:
        assert f"{site.issuer}/device" in line
        code = line.rpartition(" ")[2]
        deciding = asyncio.run_coroutine_threadsafe(site.device_decide(code, "allow"), device.loop)
        entered.append(deciding.result())

    session = await asyncio.to_thread(device.desktop.login, open_browser=False, tell=enter)
    assert await site.works((await session.atoken()).value)
    assert entered[0].status_code == 200


async def test_without_a_browser_and_without_a_short_code_the_address_is_told(site: Site) -> None:
    phone = await make(site)

    def tell(line: str) -> None:
        phone.told.append(line)
        phone.begin(line.split("\n")[1])

    def broken(url: str) -> bool:
        raise OSError("no such program")

    for no_browser in (False, broken, lambda url: False):
        session = await phone.desktop.alogin(
            open_browser=no_browser, tell=lambda line: tell(line) if "ssh -L" in line else None
        )
        assert session.status().renewable
        assert phone.way is not None
        await phone.way
    assert len(phone.told) == 3


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/cb",
        "http://app.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1:70000/cb",
        "http://127.0.0.1/cb?x=1",
        "http://127.0.0.1/cb#x",
        "http://0.0.0.0/cb",
        "com.example.pocket:/cb",
    ],
)
def test_an_answer_is_taken_on_this_machine_alone(address: str) -> None:
    with pytest.raises(ClientRejected, match="this machine"):
        Loopback(address)


def test_the_address_is_the_registered_one_with_a_port() -> None:
    with Loopback() as first, Loopback(f"http://127.0.0.1:{first.port}/x") as second:
        assert first.redirect_uri == DEFAULT.replace("127.0.0.1", f"127.0.0.1:{first.port}")
        assert second.port != first.port, "that one is taken, and any other does"
        assert second.redirect_uri == f"http://127.0.0.1:{second.port}/x"
    with Loopback(f"http://127.0.0.1:{first.port}") as again:
        assert again.redirect_uri == f"http://127.0.0.1:{first.port}"


def test_8252_8_12_a_it_is_the_systems_browser_and_one_that_the_person_can_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 8252 §8.12."""
    names = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY")
    for platform, environment, there in (
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "1"}, False),
        ("win32", {"SSH_TTY": "1"}, False),
    ):
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("grantline.sdk.desktop.sys.platform", platform)
        assert system_browser() is (webbrowser.open if there else None), (platform, environment)
