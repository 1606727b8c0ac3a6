"""No secret shows where people look: every public object of the client library and every error is looked
through for the very texts that went over the wire, after a story in which everything fails once."""

import copy
import dataclasses
import inspect
import io
import json
import logging
import pickle
import pprint
import re
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import httpx2
import pytest

import grantline.sdk
from grantline import Grantline
from grantline.sdk import (
    AccessToken,
    App,
    AsyncHttpWire,
    Event,
    FileStore,
    GrantlineError,
    HttpWire,
    Key,
    MemoryStore,
    Record,
    RedisStore,
    Secret,
    ServerClock,
    Session,
    SqlAlchemyStore,
    SqliteStore,
    Started,
    WebApp,
)
from grantline.sdk.attempts import Cookies
from grantline.testing import AuthorizationServer, Person, RegisteredApp, authorization_server

SCOPE: Final = "openid email CRM.modules.leads.READ"
HERE: Final = str(Path(__file__).parent)
SECRET_FIELDS: Final = frozenset(
    {"client_secret", "code", "code_verifier", "device_code", "refresh_token", "token"}
)
TOKENS: Final = frozenset({"access_token", "device_code", "id_token", "refresh_token"})
STORE_PASSWORD: Final = "the-password-of-the-database"
NOT_MADE_HERE: Final = {
    "AsyncRedisStore": "the twin of RedisStore",
    "AsyncSqlAlchemyStore": "the twin of SqlAlchemyStore",
    "AsyncStore": "a protocol",
    "DjangoCacheStore": "holds the name of a cache",
    "ForgetfulCacheWarning": "a warning",
    "Grantline": "makes the others",
    "PlainTextWarning": "a warning",
    "Store": "a protocol",
}


class Witness(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """The way to the server, which notes every secret that goes over it."""

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server
        self.seen: set[str] = {STORE_PASSWORD}

    def note(self, request: httpx2.Request, response: httpx2.Response) -> None:
        for text in (request.content.decode(), urlsplit(response.headers.get("location", "")).query):
            for name, values in parse_qs(text).items():
                self.seen |= set(values) if name in SECRET_FIELDS else set()
        if response.headers.get("content-type", "").startswith("application/json"):
            members = response.json()
            self.seen |= {str(members[name]) for name in TOKENS if name in members}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self.server.transport.handle_request(request)
        self.note(request, response)
        return response

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.server.async_transport.handle_async_request(request)
        self.note(request, response)
        return response


class QuickWire(HttpWire):
    def sleep(self, seconds: float) -> None:
        """Nobody waits."""


class QuickAsyncWire(AsyncHttpWire):
    async def sleep(self, seconds: float) -> None:
        """Nobody waits."""


class Story:
    """What happened: the objects that an app held, and the errors that it got."""

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server
        self.witness = Witness(server)
        self.objects: list[Any] = []
        self.errors: list[GrantlineError] = []

    def options(self, app: RegisteredApp, **more: Any) -> dict[str, Any]:
        wires = {"wire": QuickWire(self.witness), "async_wire": QuickAsyncWire(self.witness)}
        self.witness.seen |= {app.client_secret} - {""}
        return self.server.setup(app, scope=SCOPE, on_event=self.objects.append, **wires, **more)

    def follow(self, url: str) -> str:
        with httpx2.Client(transport=self.witness) as browser:
            return browser.get(url).headers["location"]

    def fails(self, act: Callable[[], object]) -> None:
        try:
            act()
        except GrantlineError as problem:
            self.errors.append(problem)
        else:
            raise AssertionError("it did not fail")

    async def fails_too(self, act: Callable[[], Any]) -> None:
        try:
            await act()
        except GrantlineError as problem:
            self.errors.append(problem)
        else:
            raise AssertionError("it did not fail")


class Attempt:
    """A sign-in under way; it is an object, so that no frame of this module has an answer among its
    values."""

    def __init__(self, story: Story, web: WebApp) -> None:
        self.story, self.web = story, web
        self.started: Started = web.start()
        self.callback = story.follow(self.started.url)
        story.witness.seen |= {self.started.cookie_value}

    @property
    def cookies(self) -> dict[str, str]:
        return {self.started.cookie_name: self.started.cookie_value}

    def finish(self) -> Any:
        return self.web.finish(self.callback, self.cookies)

    async def afinish(self) -> Any:
        return await self.web.afinish(self.callback, self.cookies)

    def forged(self) -> Any:
        answer = httpx2.URL(self.callback).copy_set_param("iss", "https://attacker.example")
        return self.web.finish(str(answer), self.cookies)


class Renewal:
    """Renews a session because an API did not take its token."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __call__(self) -> AccessToken:
        return self.session.token(refused=self.session.token().value)

    async def later(self) -> AccessToken:
        held = await self.session.atoken()
        return await self.session.atoken(refused=held.value)


def wrong_answer(request: httpx2.Request) -> httpx2.Response:
    """An API that takes no token."""
    return httpx2.Response(401, headers={"www-authenticate": 'Bearer error="invalid_token"'})


async def tell(story: Story, mara: Person, folder: Path) -> None:
    """Everything works once and fails once."""
    server, objects = story.server, story.objects
    app = server.register("server-based")
    server.consent(app, mara)
    store = SqliteStore(folder / "grants.db")
    web = Grantline.web_app(**story.options(app, store=store))
    story.fails(Attempt(story, web).forged)
    done = Attempt(story, web).finish()
    session = done.session
    objects += [web, web.setup, web.setup.app, web.setup.store, web.start(), done, done.identity, session]
    objects += [session.token(), session.grant, session.grant.key, session.status(), session.auth]
    objects += [session.store.get(session.grant.key.text), web.setup.wire, web.setup.async_wire]
    objects += [session.grant.clock, FileStore(folder / "grants"), MemoryStore(), Secret(app.client_secret)]
    address = f"postgresql://app:{STORE_PASSWORD}@127.0.0.1/app"
    objects += [RedisStore(f"redis://app:{STORE_PASSWORD}@127.0.0.1:1/0"), SqlAlchemyStore(address)]
    await fail(story, app, web, Renewal(session))
    async with session.aapi(transport=httpx2.MockTransport(wrong_answer)) as aapi:
        with server.faults.unreachable():
            await story.fails_too(lambda: aapi.get("/leads"))
    with session.api(transport=httpx2.MockTransport(wrong_answer)) as api:
        with server.faults.unavailable():
            story.fails(lambda: api.get("/leads"))
        assert api.get("/leads").status_code == 401
        story.fails(lambda: api.get("https://elsewhere.example/"))
    devices_and_self_clients(story, mara, folder)
    await desktops(story, mara)
    server.remove_access(app, mara)
    story.fails(Renewal(session))
    story.fails(Renewal(session))
    with sqlite3.connect(folder / "grants.db") as file:
        file.execute("UPDATE grantline_grant SET sealed = substr(sealed, 1, length(sealed) - 1)")
    story.fails(session.status)
    store.close()
    story.fails(lambda: Session(session.grant, FileStore(Path("/proc/none"))).token())


async def fail(story: Story, app: RegisteredApp, web: WebApp, renew: Renewal) -> None:
    """Each fault strikes threads and tasks, with renewals and with codes."""
    faults = story.server.faults
    switches = [
        lambda: faults.throttle(7),
        lambda: faults.unavailable(),
        lambda: faults.unreachable(),
        lambda: faults.lose_response(9),
        lambda: faults.wrong_data_center("https://eu.example"),
    ]
    for switch in switches:
        one, other = Attempt(story, web), Attempt(story, web)
        with switch():
            story.fails(renew)
            await story.fails_too(renew.later)
            story.fails(one.finish)
            await story.fails_too(other.afinish)
    renew()
    story.fails(lambda: renew.session.require("CRM.modules.ALL"))
    wrong = Secret("gls_us_" + "w" * 43)
    story.witness.seen.add(wrong.reveal())
    options = {**story.options(app), "client_secret": wrong}
    story.fails(Grantline.client_credentials(**options).token)
    story.fails(lambda: Grantline.web_app({"client_secret": wrong.reveal()}, issuer=story.server.issuer))


def devices_and_self_clients(story: Story, mara: Person, folder: Path) -> None:
    server = story.server
    tv = Grantline.device(**story.options(server.register("non-browser")))
    login = tv.login()
    story.witness.seen.add(login.user_code)
    server.enter(login.user_code, mara, allow=False)
    server.clock.advance(5)
    story.fails(login.wait)
    story.objects += [tv, login]
    own = server.register("self-client")
    file = folder / "grantline-code.json"
    told = {"code": server.code(own, "CRM.modules.leads.READ"), "client_secret": own.client_secret}
    file.write_text(json.dumps({**told, "expires_at": server.clock() - 9}))
    story.objects.append(Grantline.self_client(file, **story.options(own)))
    story.fails(lambda: Grantline.self_client(file, **story.options(own)))


class Back:
    """A person's browser, which goes where the server sends it."""

    def __init__(self, story: Story) -> None:
        self.story = story

    def __call__(self, url: str) -> bool:
        threading.Thread(target=self.come, args=(self.story.follow(url),), daemon=True).start()
        return True

    def come(self, address: str) -> None:
        """The page is shown when the app is done."""
        with suppress(OSError), urlopen(address) as page:
            page.read()


async def desktops(story: Story, mara: Person) -> None:
    """The browser comes back: with a code, with a code whose exchange fails, and with a refusal."""
    server, back, quiet = story.server, Back(story), str
    app = server.register("mobile")
    server.consent(app, mara)
    desktop = Grantline.desktop(**story.options(app))
    session = desktop.login(open_browser=back, tell=quiet)
    story.objects += [desktop, session, desktop.session()]
    with server.faults.throttle():
        story.fails(lambda: desktop.login(open_browser=back, tell=quiet))
        await story.fails_too(lambda: desktop.alogin(open_browser=back, tell=quiet))
    server.decline(app, mara)
    story.fails(lambda: desktop.login(open_browser=back, tell=quiet))
    story.fails(lambda: desktop.login(open_browser=lambda url: True, tell=quiet, timeout=0.01))


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, str]:
    """The story, and all that was logged meanwhile."""
    folder, log = tmp_path_factory.mktemp("secrets"), io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    try:
        with authorization_server() as server, pytest.MonkeyPatch.context() as patch:
            patch.setenv("GRANTLINE_STORE_KEY", "k" * 43)
            story = Story(server)
            story.witness.seen.add("k" * 43)
            await tell(story, server.person("mara@example.com"), folder)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return story, log.getvalue()


def shown(thing: Any) -> Iterator[tuple[str, str]]:
    """Every way in which a program shows a thing, by name. What refuses to be shown shows nothing."""
    yield "repr", repr(thing)
    yield "str", f"{thing}"
    yield "pprint", pprint.pformat(thing)
    with suppress(TypeError):
        yield "its members", repr(vars(thing))
    for name, act in (
        ("copy", copy.copy),
        ("deepcopy", copy.deepcopy),
        ("asdict", dataclasses.asdict),
        ("astuple", dataclasses.astuple),
    ):
        with suppress(TypeError, copy.Error, AttributeError):
            yield name, repr(act(thing))
    yield "JSON", json.dumps(thing, default=str)
    with suppress(TypeError):
        yield "JSON of its members", json.dumps(vars(thing), default=str, skipkeys=True)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with suppress(TypeError, pickle.PicklingError, AttributeError):
            yield "pickle", pickle.dumps(thing, protocol).decode("latin-1")


def framed(problem: BaseException) -> str:
    """The traceback with the values of every frame but those of this module, as tools of operators show
    it."""
    told = traceback.TracebackException.from_exception(problem, capture_locals=True)
    chain: list[traceback.TracebackException] = [told]
    text = ""
    while chain:
        one = chain.pop()
        frames = [frame for frame in one.stack if not frame.filename.startswith(HERE)]
        text += "".join(traceback.StackSummary.from_list(frames).format())
        text += "".join(f"\n{frame.name}: {frame.locals}" for frame in frames)
        text += "".join(one.format_exception_only())
        shown_too = None if one.__suppress_context__ else one.__context__
        chain += [other for other in (one.__cause__, shown_too) if other is not None]
    return text


def leaked(text: str, secrets: set[str]) -> list[str]:
    """Secrets in a text, each by how it begins, with what stands before it."""
    return [
        f"…{text[max(0, text.index(secret) - 120) : text.index(secret)]}[{secret[:8]}]"
        for secret in secrets
        if secret in text
    ]


def test_the_search_finds_what_is_planted() -> None:
    planted = {"gla_us_planted"}
    assert leaked("AccessToken(gla_us_planted)", planted)
    assert [way for way, text in shown(App("", "", basic=True)) if leaked(text, {"basic"})]
    with pytest.raises(ValueError, match="Expecting value") as problem:
        json.loads("[gla_us_planted]")
    assert leaked(framed(problem.value), planted)


def test_the_story_has_every_object_every_error_and_every_kind_of_secret(told: tuple[Story, str]) -> None:
    story, log = told
    public = {name for name in grantline.sdk.__all__ if inspect.isclass(getattr(grantline.sdk, name))}
    seen = {base.__name__ for thing in (*story.objects, *story.errors) for base in type(thing).__mro__}
    assert public - seen == NOT_MADE_HERE.keys()
    kinds = {match[0] for secret in story.witness.seen if (match := re.match("gl[a-z]_|eyJ", secret))}
    assert kinds == {"gla_", "gld_", "glg_", "glr_", "gls_", "eyJ"}
    assert "grantline.sdk" in log
    assert "httpx" in log


def test_no_object_shows_a_secret(told: tuple[Story, str]) -> None:
    story, _ = told
    found = [
        f"{type(thing).__name__} by {way}: {leak}"
        for thing in story.objects
        for way, text in shown(thing)
        for leak in leaked(text, story.witness.seen)
        if not (isinstance(thing, Started) and way in ("asdict", "astuple"))  # its cookie is for the browser
    ]
    assert not found


def test_no_error_and_no_traceback_shows_a_secret(told: tuple[Story, str]) -> None:
    story, _ = told
    found = {
        f"{type(problem).__name__} by {way}: {leak}"
        for problem in story.errors
        for way, text in (*shown(problem), ("traceback", framed(problem)))
        for leak in leaked(text, story.witness.seen)
    }
    assert not found


def test_no_log_shows_a_secret(told: tuple[Story, str]) -> None:
    story, log = told
    assert not leaked(log, story.witness.seen)
    assert story.witness.seen & {"k" * 43, STORE_PASSWORD}


def test_the_key_of_an_apps_cookies_leaves_the_process_by_no_copy_of_what_holds_it() -> None:
    cookies = Cookies(App("https://accounts.example", "app", Secret("s" * 43), "https://app.example/back"))
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(cookies)
    assert not any(isinstance(value, bytes) for value in vars(cookies).values())


def test_a_secret_is_neither_copied_nor_pickled_and_a_record_says_so() -> None:
    record = Record(Key("https://a.example", "c"), refresh_token=Secret("glr_us_x"))
    for act in (pickle.dumps, copy.deepcopy, dataclasses.asdict):
        with pytest.raises(TypeError, match="a secret is not pickled"):
            act(record)
    assert "glr_us_x" not in repr(App("https://a.example", "c", Secret("glr_us_x")))
    assert isinstance(Event("renewed", record.key), Event)
    assert ServerClock().now()
