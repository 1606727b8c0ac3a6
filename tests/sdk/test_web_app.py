"""A web app's sign-in over the real server: from the link to the stored grant, and everything that is refused
before anything was sent (T19, T20, T56, T90, T96, T110, T111)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from grantline.accounts import personal_organization
from grantline.sdk import (
    CallbackRefused,
    ClientRejected,
    Finished,
    Key,
    MemoryStore,
    ReconnectRequired,
    Record,
    ScopeMissing,
    Secret,
    Started,
    Unreachable,
    WebApp,
)
from grantline.sdk.attempts import local_path
from tests.centers import Sites
from tests.sdk.waiting import Counted, Lines, counted
from tests.site import SCOPE, App, Site
from tests.threats.test_data_centers_people import EU, allowed_at, handed_over, shared

WHO = ("openid", "email", "profile", SCOPE)
Answer = Mapping[str, str]


@dataclass
class Made:
    """A web app of the site, in one process."""

    site: Site
    app: App
    lines: Lines
    setup: Counted
    web: WebApp

    def another(self) -> WebApp:
        """The same app in another process."""
        return WebApp(self.setup)

    async def start(self, **asked: Any) -> tuple[Started, dict[str, str]]:
        """An attempt, and the cookies of its browser."""
        started = await self.web.astart(**asked)
        return started, {started.cookie_name: started.cookie_value}

    async def answer(self, started: Started, **asked: str) -> str:
        """The address that a person who allows it comes back to."""
        page = await self.site.authorize(self.app, **{**query_of(started.url), **asked})
        assert page.status_code == 303, page.text[:300]
        return str(page.headers["location"])

    def answered(self, started: Started, **changes: str) -> str:
        """An answer of the site's with a code that nobody made."""
        answer = {"code": "c", "state": query_of(started.url)["state"], "iss": self.site.issuer, **changes}
        return f"{self.app.redirect_uri}?{urlencode({n: v for n, v in answer.items() if v})}"


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


async def make(site: Site, *, scope: tuple[str, ...] = WHO, lines: Lines | None = None, **more: Any) -> Made:
    app = more.pop("app", None) or await site.app("server-based")
    lines = lines or Lines(site)
    setup = counted(site, app, lines, scope=scope, redirect_uri=more.pop("redirect_uri", app.redirect_uri))
    return Made(site, app, lines, setup, WebApp(setup, **more))


async def test_a_person_signs_in_and_every_process_has_their_grant(site: Site) -> None:
    made = await make(site)
    started, cookies = await made.start(return_to="/leads?page=2", login_hint="mara@example.com")
    asked = query_of(started.url)
    assert (asked["code_challenge_method"], asked["access_type"]) == ("S256", "offline")
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    assert asked["login_hint"] == "mara@example.com"
    assert started.cookie_name.startswith("__Host-gl_state_")
    done = await made.another().afinish(await made.answer(started), cookies)
    assert done.return_to == "/leads?page=2"
    who = done.identity
    assert (who.issuer, who.subject) == (site.issuer, site.account.sub)
    assert (who.email, who.name) == (site.account.email, site.account.name)
    home = await personal_organization(site.db, site.account.id)
    assert who.organization == str(home.id)
    assert made.web.session(who.subject, organization=who.organization).grant.key == done.session.grant.key
    later = made.another().session(who.subject)
    assert await later.atoken() == await done.session.atoken()
    assert later.status().email == site.account.email
    for key in (Key("https://other.example", made.app.id, "1"), Key(site.issuer, "glc_us_other", "1")):
        made.setup.store.put(key.text, Record(key), 0)  # of other apps that share the store
    found = await made.another().asessions()
    assert [one.grant.key for one in found] == [done.session.grant.key]
    refresh = made.setup.store.get(later.grant.key.text)
    assert refresh is not None
    assert refresh.refresh_token is not None
    assert refresh.extra["organization"] == who.organization
    assert all(
        made.app.secret not in repr(one) for one in (made.web, started, done, made.setup) if made.app.secret
    )
    assert cookies[started.cookie_name] not in repr(started)


async def test_R77_an_app_may_keep_one_grant_for_each_organization_of_a_person(site: Site) -> None:
    made = await make(site)
    made.setup.per_organization = True
    started, cookies = await made.start()
    done = await made.web.afinish(await made.answer(started), cookies)
    who = done.identity
    assert done.session.grant.key.organization == who.organization != ""
    assert (await made.web.session(who.subject, organization=who.organization).atoken()).value
    with pytest.raises(ReconnectRequired):
        await made.web.session(who.subject, organization="1").atoken()


async def test_threads_sign_people_in_as_tasks_do(site: Site) -> None:
    made = await make(site, scope=(SCOPE,))
    started = await asyncio.to_thread(made.web.start, "/")
    url = await made.answer(started)
    cookies = {started.cookie_name: started.cookie_value}
    done = await asyncio.to_thread(made.web.finish, url, cookies)
    assert (await asyncio.to_thread(done.session.token)).value
    assert done.identity.subject == ""
    name = done.session.grant.key.name
    assert len(name) == 16, "without openid the app keeps the name that the grant was given"
    assert (await made.another().session("", name=name).atoken()).value
    assert [one.grant.key.name for one in await asyncio.to_thread(made.web.sessions)] == [name]
    started, cookies = await made.start()
    again = await made.web.afinish(await made.answer(started), cookies, name="user 7")
    assert (await made.another().session("", name="user 7").atoken()) == await again.session.atoken()


async def test_an_answer_that_does_not_fit_its_attempt_sends_nothing(site: Site) -> None:
    """T19, T20, RFC 9207 §2.4: before any request."""
    made = await make(site)
    started, cookies = await made.start()
    other, others = await made.start()
    good = made.answered(started)
    foreign = await make(site, cookie_key="k" * 40)
    _, sealed_otherwise = await foreign.start()
    wrong: dict[str, tuple[str, Mapping[str, str]]] = {
        "no cookie": (good, {}),
        "the cookie of another attempt": (good, others),
        "the value of another attempt": (good, {started.cookie_name: other.cookie_value}),
        "a cookie that was changed": (good, {started.cookie_name: started.cookie_value[:-2] + "AA"}),
        "a cookie of another key": (good, {started.cookie_name: next(iter(sealed_otherwise.values()))}),
        "a cookie that is none": (good, {started.cookie_name: "ä"}),
        "no state": (made.answered(started, state=""), cookies),
        "a state of nobody": (made.answered(started, state="x" * 43), cookies),
        "no issuer": (made.answered(started, iss=""), cookies),
        "a foreign issuer": (made.answered(started, iss="https://evil.example"), cookies),
        "an issuer with a slash": (made.answered(started, iss=f"{site.issuer}/"), cookies),
        "an issuer in capitals": (made.answered(started, iss=site.issuer.upper()), cookies),
        "two codes": (f"{good}&code=d", cookies),
        "two issuers": (f"{good}&iss=https%3A%2F%2Fevil.example", cookies),
        "neither code nor error": (made.answered(started, code=""), cookies),
        "too much": (good + "&x=" + "y" * 20_000, cookies),
        "no text": (good + "&x=%ff", cookies),
        "a fragment": (good.replace("?", "#"), cookies),
    }
    for what, (url, browser) in wrong.items():
        with pytest.raises(CallbackRefused) as refused:
            await made.web.afinish(url, browser)
        assert "evil" not in str(refused.value), what
        assert str(refused.value).count("\n") == 1, what
    site.clock.advance(600)
    with pytest.raises(CallbackRefused, match="ten minutes"):
        await made.web.afinish(good, cookies)
    assert made.lines.polls == []
    assert not [url for url, _ in made.lines.asked if "evil" in url]


async def test_the_servers_refusals_come_in_its_words_once_they_are_proven_to_be_its(site: Site) -> None:
    made = await make(site)
    started, cookies = await made.start()
    page = await site.authorize(made.app, **{**query_of(started.url), "prompt": "none", "max_age": "0"})
    with pytest.raises(ReconnectRequired) as signed_out:
        await made.web.afinish(str(page.headers["location"]), cookies)
    assert signed_out.value.code == "login_required"
    assert signed_out.value.docs == f"{site.issuer}/errors/login_required"
    said = {"code": "", "error": "access_denied", "error_description": "No.\x1b[2J\r\n" + "x" * 5000}
    with pytest.raises(CallbackRefused) as declined:
        await made.web.afinish(made.answered(started, **said), cookies)
    assert declined.value.what.isprintable()
    assert len(declined.value.what) <= 300
    with pytest.raises(CallbackRefused) as foreign:
        await made.web.afinish(made.answered(started, **said, iss="https://evil.example"), cookies)
    assert "No." not in str(foreign.value)
    kinds = {
        "invalid_scope": ScopeMissing,
        "unauthorized_client": ClientRejected,
        "temporarily_unavailable": Unreachable,
        "no_org": CallbackRefused,
    }
    for error, kind in kinds.items():
        with pytest.raises(kind):
            await made.web.afinish(made.answered(started, code="", error=error), cookies)
    assert made.lines.polls == []


async def test_an_answer_that_comes_twice_is_taken_once_and_ends_nothing(site: Site) -> None:
    made = await make(site)
    started, cookies = await made.start()
    url = await made.answer(started)
    webs = [made.web, made.web, made.another(), made.another()]
    took = await asyncio.gather(*(web.afinish(url, cookies) for web in webs), return_exceptions=True)
    done = [one for one in took if isinstance(one, Finished)]
    assert len(done) == len(made.lines.polls) == 1
    assert all(isinstance(one, CallbackRefused | Finished) for one in took)
    with pytest.raises(CallbackRefused, match="already"):
        await made.web.afinish(url, cookies)
    assert len(made.lines.polls) == 1
    assert (await done[0].session.atoken(min_seconds=3601)).value, "the grant was not taken back"


async def test_a_server_that_was_away_lets_the_person_reload_the_page(site: Site) -> None:
    made = await make(site)
    started, cookies = await made.start()
    url = await made.answer(started)

    def away(request: httpx2.Request) -> None:
        if is_token(request):
            raise httpx2.ConnectError("away")

    made.lines.bend = away
    with pytest.raises(Unreachable):
        await made.web.afinish(url, cookies)
    made.lines.bend = lambda request: None
    assert (await made.web.afinish(url, cookies)).identity.subject == site.account.sub
    with pytest.raises(CallbackRefused, match=r"already used.*\nStart again") as used:
        await made.another().afinish(url, cookies)
    assert used.value.code == "code_already_used"


async def test_an_attempt_that_no_cookie_holds_is_not_begun(site: Site) -> None:
    made = await make(site)
    with pytest.raises(ClientRejected, match="too long for a cookie"):
        await made.start(scope=[f"CRM.modules.m{n}.READ" for n in range(200)])


async def test_T110_the_code_goes_to_the_data_center_that_answers_if_home_lists_it(sites: Sites) -> None:
    us, eu = sites["us"], sites["eu"]
    made = await make(us, app=await shared(sites), lines=Lines(us, eu))
    started, cookies = await made.start()
    asked = {name: value for name, value in query_of(started.url).items() if name != "client_id"}
    page = await allowed_at(eu, await handed_over(sites, made.app, **asked))
    url = str(page.headers["location"])
    assert query_of(url)["iss"] == EU
    done = await made.web.afinish(url, cookies)
    assert made.lines.polls == [f"{EU}/oauth/v2/token"]
    assert done.identity.issuer == done.session.grant.key.issuer == EU
    assert done.session.status().issuer == EU
    assert [one.grant.key.issuer for one in await made.web.asessions()] == [EU]
    with pytest.raises(ReconnectRequired):
        await made.web.session(done.identity.subject).atoken()
    assert (await made.web.session(done.identity.subject, issuer=EU).atoken()).value


async def test_T110_a_secret_that_is_for_one_data_center_goes_to_no_other(sites: Sites) -> None:
    us, eu = sites["us"], sites["eu"]
    made = await make(us, app=await shared(sites), lines=Lines(us, eu))
    secret = made.app.secret or ""
    made.setup.secrets = {us.issuer: Secret(secret)}
    started, cookies = await made.start()
    with pytest.raises(ClientRejected):  # somebody may write any listed issuer into the address
        await made.web.afinish(made.answered(started, iss=EU), cookies)
    assert made.lines.polls == [f"{EU}/oauth/v2/token"]
    assert not any(secret in body for _, body in made.lines.asked)


async def test_T110_no_parameter_is_an_address(site: Site) -> None:
    """The vendor's names for the data center, at a server that does not say who it is."""
    lines = Lines(site)
    made = await make(site, lines=lines)
    metadata = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    del metadata["authorization_response_iss_parameter_supported"]

    def bend(request: httpx2.Request) -> httpx2.Response | None:
        return httpx2.Response(200, json=metadata) if ".well-known" in request.url.path else None

    lines.bend = bend
    started, cookies = await made.start()
    home = {"iss": "", "location": "us", "accounts-server": site.issuer}
    for changes in (
        {"accounts-server": "https://evil.example"},
        {"location": "xx"},
        {"location": "us", "accounts-server": f"{site.issuer}.evil.example"},
        {"iss": "https://evil.example", "location": "us"},
    ):
        with pytest.raises(CallbackRefused):
            await made.web.afinish(made.answered(started, **{**home, **changes}), cookies)
    assert lines.polls == []
    assert all(url.startswith(site.issuer + "/") for url, _ in lines.asked)
    genuine = query_of(await made.answer(started))
    done = await made.web.afinish(made.answered(started, **home, code=genuine["code"]), cookies)
    assert done.identity.issuer == site.issuer


def forged(site: Site, made: Made, nonce: str) -> dict[str, Any]:
    """id_tokens by what is wrong with them, and the right one."""
    now = site.clock()
    right: dict[str, Any] = {
        "iss": site.issuer,
        "sub": site.account.sub,
        "aud": made.app.id,
        "exp": now + 600,
        "iat": now,
        "nonce": nonce,
    }

    def signed(typ: str = "JWT", **changes: Any) -> str:
        claims = {name: value for name, value in {**right, **changes}.items() if value is not None}
        return str(site.mint.keyring.sign(claims, alg="RS256", typ=typ, now=now))

    good = signed()
    _, payload, signature = good.split(".")
    none = "eyJhbGciOiJub25lIn0"
    return {
        "right": good,
        "none at all": None,
        "unsigned": f"{none}.{payload}.",
        "unsigned with a signature": f"{none}.{payload}.{signature}",
        "another's signature": f"{good.rpartition('.')[0]}.{signed(sub='x').rpartition('.')[2]}",
        "signed with a secret": _by_secret(right, made.app.secret or ""),
        "for another app": signed(aud="glc_us_other"),
        "for another app too": signed(aud=[made.app.id, "glc_us_other"]),
        "for this app by another": signed(azp="glc_us_other"),
        "of another issuer": signed(iss="http://127.0.0.1:8701"),
        "of another attempt": signed(nonce="x" * 43),
        "of no attempt": signed(nonce=None),
        "too old": signed(exp=now - 61),
        "of tomorrow": signed(iat=now + 86_400, exp=now + 90_000),
        "without a subject": signed(sub=None),
        "of another access token": signed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
        "an access token": signed("at+jwt", jti="1", client_id=made.app.id),
    }


def _by_secret(claims: dict[str, Any], secret: str) -> str:
    from joserfc import jwt
    from joserfc.jwk import OctKey

    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret), algorithms=["HS256"])


async def test_an_id_token_is_believed_only_when_all_of_it_holds(site: Site) -> None:
    """T56, T90, T96, OpenID Connect Core §3.1.3.7."""
    made = await make(site, scope=("openid",))
    given: list[Any] = []

    def bend(request: httpx2.Request) -> httpx2.Response | None:
        tokens = {"access_token": "a", "token_type": "Bearer", "expires_in": 60, "scope": "openid"}
        return httpx2.Response(200, json={**tokens, "id_token": given[0]}) if is_token(request) else None

    made.lines.bend = bend
    for what in forged(site, made, ""):
        started, cookies = await made.start()
        given[:] = [forged(site, made, query_of(started.url)["nonce"])[what]]
        if what == "right":
            done = await made.web.afinish(made.answered(started), cookies)
            assert done.identity.subject == site.account.sub
            made.setup.store = MemoryStore()
            continue
        with pytest.raises(CallbackRefused, match="id_token"):
            await made.web.afinish(made.answered(started), cookies)
        assert made.setup.store.keys() == [], what


def is_token(request: httpx2.Request) -> bool:
    return request.url.path.endswith("/token")


async def test_a_key_that_is_not_known_is_looked_for_once_a_minute(site: Site) -> None:
    made = await make(site, scope=("openid",))
    keys: list[dict[str, Any]] = [{"kty": "RSA", "kid": "other", "n": "AQAB", "e": "AQAB"}]

    def bend(request: httpx2.Request) -> httpx2.Response | None:
        served = request.url.path.endswith("keys") or "jwks" in request.url.path
        return httpx2.Response(200, json={"keys": keys}) if served else None

    made.lines.bend = bend

    async def sign_in() -> Finished | CallbackRefused:
        started, cookies = await made.start()
        try:
            return await made.web.afinish(await made.answer(started), cookies)
        except CallbackRefused as refused:
            return refused

    def fetched() -> int:
        return len([url for url, _ in made.lines.asked if "keys" in url or "jwks" in url])

    assert isinstance(await sign_in(), CallbackRefused)
    site.clock.advance(59)
    assert isinstance(await sign_in(), CallbackRefused)
    assert fetched() == 1
    made.lines.bend = lambda request: None
    site.clock.advance(2)
    assert isinstance(await sign_in(), Finished)
    assert isinstance(await sign_in(), Finished)
    assert fetched() == 2


async def test_a_browser_keeps_five_attempts_and_each_is_its_own(site: Site) -> None:
    made = await make(site, redirect_uri="http://127.0.0.1:8704/callback")
    assert not made.web.cookies.secure
    browser: dict[str, str] = {"gl_state_old": "nonsense", "theirs": "x"}
    begun = []
    for _ in range(7):
        started = await made.web.astart(cookies=browser)
        for name in started.clear:
            del browser[name]
        browser[started.cookie_name] = started.cookie_value
        begun.append(started)
        site.clock.advance(1)
    assert set(browser) == {"theirs", *(one.cookie_name for one in begun[-5:])}
    site.clock.advance(600)
    assert set((await made.web.astart(cookies=browser)).clear) == set(browser) - {"theirs"}


@pytest.mark.parametrize(
    "away",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=y",
        "javascript:alert(1)",
        "leads",
        "",
        " /x",
        "/ä",
        "/" + "x" * 2000,
    ],
)
def test_nothing_but_a_path_of_the_app_is_returned_to(away: str) -> None:
    assert local_path(away) == "/"
    assert local_path("/leads?to=//x#y") == "/leads?to=//x#y"


async def test_an_app_without_a_secret_says_what_seals_its_cookies(site: Site) -> None:
    app = await site.app("mobile")
    for key in ("", "short"):
        with pytest.raises(ClientRejected, match="cookie_key"):
            await make(site, app=app, cookie_key=key)
    made = await make(site, app=app, scope=(SCOPE,), cookie_key="k" * 32)
    started, cookies = await made.start()
    done = await made.web.afinish(await made.answer(started), cookies)
    assert (await done.session.atoken()).value


async def test_a_data_center_with_a_secret_of_its_own_gets_that_one(site: Site) -> None:
    made = await make(site)
    made.setup.secrets = {EU: Secret("theirs")}
    assert made.setup.app_at(EU).client_secret == Secret("theirs")
    assert made.setup.app_at(site.issuer).client_secret == Secret(made.app.secret or "")
