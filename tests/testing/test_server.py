"""The kit for tests of apps: its server is Grantline itself, its people decide as told, its time moves, and
its faults strike."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest

from grantline import Grantline
from grantline.sdk import (
    CallbackRefused,
    GrantTokenUnusable,
    ReconnectRequired,
    Throttled,
    Unreachable,
    WrongDataCenter,
)
from grantline.testing import AuthorizationServer, NotDecided, authorization_server

SCOPE = "CRM.modules.leads.READ"
OPENID = f"openid email {SCOPE}"


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with authorization_server() as running:
        yield running


def test_a_person_who_consented_is_led_to_the_callback_by_any_client(server: AuthorizationServer) -> None:
    app, mara, tom = server.register(), server.person("mara@example.com"), server.person("tom@example.com")
    web = Grantline.web_app(**server.setup(app, scope=OPENID))
    server.consent(app, mara, OPENID)
    server.consent(app, tom)
    for hint, subject in (("", tom.sub), ("mara@example.com", mara.sub)):
        started = web.start(return_to="/leads", login_hint=hint)
        with httpx2.Client(transport=server.transport) as browser:
            callback = browser.get(started.url).headers["location"]
        done = web.finish(callback, {started.cookie_name: started.cookie_value})
        assert (done.identity.subject, done.return_to) == (subject, "/leads")
        assert server.works(done.session.token().value)
    assert {one.status().subject for one in web.sessions()} == {mara.sub, tom.sub}


def test_what_nobody_decided_is_said_and_what_was_declined_is_refused(server: AuthorizationServer) -> None:
    app, mara = server.register(), server.person("mara@example.com")
    web = Grantline.web_app(**server.setup(app, scope=OPENID))
    with pytest.raises(NotDecided, match="Sign in"):
        server.follow(web.start().url)
    with pytest.raises(NotDecided, match="The code BCDF-GHJK was not taken"):
        server.enter("BCDF-GHJK", mara)
    server.consent(app, mara, "openid email")
    with pytest.raises(NotDecided, match=f"asks mara@example.com for {SCOPE}"):
        server.follow(web.start().url)
    server.decline(app, mara)
    started = web.start()
    with pytest.raises(CallbackRefused):
        web.finish(server.follow(started.url), {started.cookie_name: started.cookie_value})


def test_every_type_of_app_gets_a_session_and_time_and_revocation_end_its_tokens(
    server: AuthorizationServer,
) -> None:
    mara = server.person("mara@example.com")
    for type in ("server-based", "client-based", "mobile", "non-browser", "self-client"):
        app = server.register(type, name=type, **({"owner": mara} if type == "self-client" else {}))
        session = server.session(app, mara, SCOPE)
        first = session.token().value
        assert server.works(first)
        server.clock.advance(hours=1)
        assert not server.works(first)
        assert server.works(session.token().value)
        if type == "mobile":
            server.remove_access(app, mara)
        else:
            server.revoke(session)
        with pytest.raises(ReconnectRequired):
            session.token(refused=session.token().value)


def test_an_apps_own_tokens_and_an_api_of_the_tests_own(server: AuthorizationServer) -> None:
    api = server.api("https://books.example", "Books", {"Books.pages.READ": "Read the pages of your books"})
    app, mara = server.register(), server.person("mara@example.com")
    token = server.session(app, mara, "Books.pages.READ").token().value
    with httpx2.Client(transport=server.transport, base_url=server.issuer) as http:
        told = http.post("/oauth/v2/introspect", data={**api, "token": token}).json()
    assert told["active"]
    assert told["aud"] == "https://books.example"
    own = Grantline.client_credentials(**server.setup(app, scope=SCOPE))
    assert server.works(own.token().value)


def test_each_fault_strikes_while_it_is_on_and_not_after(server: AuthorizationServer) -> None:
    session = server.session(server.register("mobile"), server.person("mara@example.com"), SCOPE)
    held = session.token().value

    def renew() -> str:
        nonlocal held
        held = session.token(refused=held).value
        return held

    with server.faults.lose_response() as lost:
        assert server.works(renew())
    assert lost.hits == 1
    with server.faults.lose_response(next=3), pytest.raises(Unreachable):
        renew()
    with server.faults.race() as raced:
        assert server.works(renew())
    with server.faults.race(session):
        assert server.works(renew())
    assert raced.hits == 1
    with server.faults.throttle(retry_after=17), pytest.raises(Throttled) as throttled:
        renew()
    assert throttled.value.retry_after == 17
    with server.faults.wrong_data_center("https://eu.example"), pytest.raises(WrongDataCenter) as elsewhere:
        renew()
    assert elsewhere.value.expected == "https://eu.example"
    for fault in (server.faults.unavailable, server.faults.unreachable):
        with fault() as struck, pytest.raises(Unreachable):
            renew()
        assert struck.hits == 3
    assert server.works(renew())


def test_the_clock_of_the_apps_machine_may_be_wrong(server: AuthorizationServer) -> None:
    session = server.session(server.register(), server.person("mara@example.com"), SCOPE)
    for wrong in (-7200, 7200):
        with server.faults.skew(wrong):
            first = session.token(refused=session.token().value)
            assert session.token() == first
            server.clock.advance(3595)
            assert session.token() != first


def test_a_code_is_over_when_time_has_passed(server: AuthorizationServer) -> None:
    app = server.register("self-client")
    code = server.code(app, SCOPE, minutes=3)
    server.clock.advance(minutes=3, seconds=1)
    with pytest.raises(GrantTokenUnusable):
        Grantline.self_client(code=code, **server.setup(app))


def test_what_was_asked_is_written_down_without_secrets(server: AuthorizationServer) -> None:
    app = server.register("self-client")
    code = server.code(app, SCOPE)
    Grantline.self_client(code=code, **server.setup(app))
    asked = server.requests[-1]
    assert (asked.method, asked.path, asked.status) == ("POST", "/oauth/v2/token", 200)
    assert asked.fields["client_id"] == app.client_id
    everything = f"{server.requests} {server} {app} {server.person('mara@example.com')}"
    assert code not in everything
    assert app.client_secret not in everything


async def test_tasks_of_any_loop_share_one_server_and_wait_in_its_time(server: AuthorizationServer) -> None:
    mara = server.person("mara@example.com")
    tv = Grantline.device(**server.setup(server.register("non-browser"), scope=SCOPE))
    then = server.clock()
    login = await tv.alogin()
    server.enter(login.user_code, mara)
    session = await login.wait()
    assert server.clock() >= then + 5
    found = await asyncio.gather(*(session.atoken() for _ in range(20)))
    assert len({token.value for token in found}) == 1
    async with httpx2.AsyncClient(transport=server.async_transport) as http:
        assert (await http.get(f"{server.issuer}/.well-known/openid-configuration")).status_code == 200


def test_servers_are_apart_and_the_environment_is_the_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTLINE_DATABASE", "postgresql://nobody@nowhere/none")
    monkeypatch.setenv("GRANTLINE_CLIENT_ID", "the app's")
    with authorization_server() as one, authorization_server(data_center="eu", start=1_795_000_000) as other:
        app = one.register()
        assert app.client_id.startswith("glc_us_")
        assert other.clock() == 1_795_000_000
        with httpx2.Client(transport=other.transport) as http:
            answer = http.post(f"{other.issuer}/oauth/v2/token", data=dict(app.credentials))
            assert answer.status_code == 401
            with pytest.raises(httpx2.ConnectError):
                http.get("https://elsewhere.example/")
