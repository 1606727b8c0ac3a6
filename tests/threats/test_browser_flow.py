"""Through the browser: what answers carry, when one is silent, and odd input (T19, T21–T26, T37, T85)."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.accounts import disable_account
from grantline.consent import remove_access
from grantline.oauth.parameters import KNOWN
from grantline.web.app import PEOPLE
from grantline.web.routes import PROGRAMS
from tests.site import ISSUER, SCOPE, Browser, Site, answer_of

AUTHORIZE = "/oauth/v2/auth"
PLAIN = {"response_type": "token", "code_challenge": None, "code_challenge_method": None}


async def silent(site: Site, browser: Browser, app: Any, **changes: Any) -> dict[str, str]:
    """The answer to `prompt=none`, by both of its addresses: they must agree."""
    request = site.request(app, **{"prompt": "none", **changes})
    answer = answer_of(await browser.get(AUTHORIZE, params=request))
    renewed = answer_of(await browser.get("/oauth/v2/auth/refresh", params=request))
    assert answer.get("error") == renewed.get("error")
    return answer


@pytest.mark.parametrize("type_name", ["server-based", "client-based", "mobile"])
async def test_T19_every_answer_names_its_issuer_as_the_metadata_do(site: Site, type_name: str) -> None:
    """RFC 9207 §2: errors and fragments too."""
    app, browser = await site.app(type_name), await site.signed_in()
    found = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    answers = [await silent(site, browser, app), answer_of(await site.authorize(app, browser=browser))]
    answers.append(await silent(site, browser, app, scope="nonsense"))
    if type_name == "client-based":
        answers.append(answer_of(await site.authorize(app, browser=browser, **PLAIN)))
    assert (
        [answer["iss"] for answer in answers] == [found["issuer"]] * len(answers) == [ISSUER] * len(answers)
    )


async def test_T21_answers_to_apps_are_303_keep_nothing_and_tell_no_referrer(site: Site) -> None:
    """RFC 9700 §4.12: never 307, so nothing that a person typed is sent on."""
    app, browser = await site.app("client-based"), await site.signed_in()
    page = await browser.get(AUTHORIZE, params=site.request(app))
    answers = [
        await browser.get(AUTHORIZE, params=site.request(app, prompt="none")),
        await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision"),
        await browser.get(AUTHORIZE, params=site.request(app)),
        await site.authorize(app, browser=browser, **PLAIN),
        await browser.submit(
            await browser.get(AUTHORIZE, params=site.request(app, prompt="consent")),
            {"decision": "deny"},
            path="/oauth/v2/auth/decision",
        ),
    ]
    for answer in answers:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(app.redirect_uri)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.content == b""
    assert page.headers["referrer-policy"] == "same-origin", "else the form's Origin would be null"
    assert page.headers["cache-control"] == "no-store"


async def test_T22_a_silent_answer_needs_live_consent_to_all_of_it(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    assert (await silent(site, site.browser(), app))["error"] == "login_required"
    assert (await silent(site, browser, app))["error"] == "consent_required"
    await site.code(app, browser=browser)
    assert "code" in await silent(site, browser, app)
    for more in (
        {"scope": f"{SCOPE} CRM.modules.contacts.READ"},
        {"scope": "CRM.modules.leads.ALL"},
        {"scope": f"{SCOPE} openid"},
        {"access_type": "offline"},
    ):
        assert (await silent(site, browser, app, **more))["error"] == "consent_required", more
    for prompt in ("none login", "none consent", "none select_account"):
        request = site.request(app, prompt=prompt)
        assert answer_of(await browser.get(AUTHORIZE, params=request))["error"] == "invalid_request"
    await remove_access(site.db, site.account.id, app.id, "test", site.clock())
    assert (await silent(site, browser, app))["error"] == "consent_required"
    await site.code(app, browser=browser)
    await disable_account(site.db, site.account.id, site.clock())
    assert (await silent(site, browser, app))["error"] == "login_required"


async def test_T22_consent_to_one_resource_is_no_consent_to_all(site: Site) -> None:
    """RFC 8707 §2.1: without a resource a request is for every API of its scopes."""
    await site.api()
    await site.api("https://mirror.example", "CRM")
    app, browser = await site.app("server-based"), await site.signed_in()
    one, other = "http://127.0.0.1:8702", "https://mirror.example"
    await site.code(app, browser=browser, resource=one)
    assert "code" in await silent(site, browser, app, resource=one)
    assert (await silent(site, browser, app, resource=other))["error"] == "consent_required"
    assert (await silent(site, browser, app))["error"] == "consent_required"
    await site.code(app, browser=browser)
    for resource in (one, other, None):
        assert "code" in await silent(site, browser, app, resource=resource)


async def test_T22_an_app_that_an_impostor_could_be_is_never_answered_silently(site: Site) -> None:
    """RFC 8252 §8.6: custom schemes and loopback ports belong to whoever comes first."""
    app = await site.app(
        "mobile", redirect_uris=("com.example.pocket:/cb", "http://127.0.0.1/cb", "https://pocket.example/cb")
    )
    browser = await site.signed_in()
    for uri, quiet in (
        ("com.example.pocket:/cb", False),
        ("http://127.0.0.1:5123/cb", False),
        ("https://pocket.example/cb", True),
    ):
        assert "code" in answer_of(await site.authorize(app, browser=browser, redirect_uri=uri))
        answer = await silent(site, browser, app, redirect_uri=uri)
        assert ("code" in answer) is quiet, uri
        again = await browser.get(AUTHORIZE, params=site.request(app, redirect_uri=uri))
        assert (again.status_code == 303) is quiet


async def test_T85_a_renamed_app_or_another_host_asks_again(site: Site) -> None:
    from grantline.clients import registration_of, update_client

    app, browser = await site.app("server-based"), await site.signed_in()
    await site.code(app, browser=browser)
    assert "code" in await silent(site, browser, app)
    asked = registration_of(app.client)
    moved = (*asked.redirect_uris, "https://other.example/callback")
    from dataclasses import replace

    await update_client(site.db, app.client, replace(asked, redirect_uris=moved), site.clock())
    assert "code" in await silent(site, browser, app)
    other = await silent(site, browser, app, redirect_uri="https://other.example/callback")
    assert other["error"] == "consent_required"
    renamed = replace(asked, name="Lead Bank", redirect_uris=moved)
    await update_client(site.db, app.client, renamed, site.clock())
    assert (await silent(site, browser, app))["error"] == "consent_required"


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "60"}, {"max_age": "0"}])
async def test_T23_a_fresh_sign_in_that_was_asked_for_is_not_to_be_walked_around(
    site: Site, changes: dict[str, str]
) -> None:
    """OpenID Connect Core §3.1.2.1."""
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.code(app, browser=browser)
    site.clock.advance(120)
    page = await browser.get(AUTHORIZE, params=site.request(app, **changes))
    assert 'name="password"' in page.text
    flow = page.text.partition('name="flow" value="')[2].partition('"')[0]
    again = await browser.get("/oauth/v2/auth/continue", params={"flow": flow})
    assert 'name="password"' in again.text, "the parked request remembers what it needs"
    site.clock.advance(1)
    signed_in = await browser.sign_in(again)
    answer = answer_of(await browser.get(signed_in.headers["location"]))
    assert "code" in answer


async def test_T23_whoever_signs_in_meanwhile_gets_their_own_question(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.person("tom@example.com")
    await site.code(app, browser=browser)
    old = browser.http.cookies["gl_us_session"]
    site.clock.advance(5)
    page = await browser.get(AUTHORIZE, params=site.request(app, prompt="login"))
    signed_in = await browser.sign_in(page, email="tom@example.com")
    asked = await browser.get(signed_in.headers["location"])
    assert 'name="decision"' in asked.text
    assert "Tom Berg" in asked.text
    assert (await site.call("GET", "/account", headers={"Cookie": f"gl_us_session={old}"})).status_code == 303
    codes = await site.db.all("SELECT account_id FROM authorization_codes")
    assert [row[0] for row in codes] == [site.account.id], "none for the first person but the one from before"


@pytest.mark.parametrize(
    "age", ["-1", "+1", "1_0", " 5", "5 ", "\uff11\uff12", "1e3", "0x10", "9" * 11, "\u0665"]
)
async def test_T37_a_number_is_ascii_digits_and_nothing_else(site: Site, age: str) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    answer = await browser.get(AUTHORIZE, params=site.request(app, max_age=age))
    assert answer.status_code == 400 or answer_of(answer)["error"] == "invalid_request"


ECHOED = ("\r\nSet-Cookie: x=y", '"><svg onload=x>', "\x00", "\u2028", "a\tb", "%0d%0a")


@pytest.mark.parametrize("name", ["state", "nonce", "login_hint"])
async def test_T24_what_is_echoed_reaches_no_header_and_no_markup(site: Site, name: str) -> None:
    """RFC 6749 §10.14."""
    app, stranger, browser = await site.app("server-based"), site.browser(), await site.signed_in()
    for value in ECHOED:
        for who, more in ((stranger, {}), (browser, {"prompt": "none"}), (browser, {"scope": "nonsense"})):
            answer = await who.get(AUTHORIZE, params=site.request(app, **{name: value, **more}))
            assert answer.status_code in (200, 303, 400)
            assert "<svg onload" not in answer.text
            location = answer.headers.get("location", "")
            assert not [one for one in location if not "!" <= one <= "~" or one in '"<>']
            assert "x=y" not in answer.headers.get("set-cookie", "")
            if location and name == "state":
                assert answer_of(answer).get("state", value) == value


async def test_T24_state_and_nonce_have_an_end(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.code(app, browser=browser)
    for name, longest in (("state", 2048), ("nonce", 512)):
        fits = await browser.get(AUTHORIZE, params=site.request(app, prompt="none", **{name: "x" * longest}))
        assert fits.status_code == 303
        form = site.request(app, prompt="none", **{name: "x" * (longest + 1)})
        over = await browser.post(AUTHORIZE, form, origin=None)
        assert over.status_code == 400 or len(over.headers["location"]) < 1000
        huge = await browser.post(AUTHORIZE, {**form, name: "x" * 70_000}, origin=None)
        assert huge.status_code in (400, 413)


async def raw_get(site: Site, path: str, raw: bytes, query: bytes = b"", cookie: str = "") -> int:
    """The status of a GET whose target no client library would send."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": raw,
        "query_string": query,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8700),
        "headers": [(b"host", ISSUER.partition("://")[2].encode()), (b"cookie", cookie.encode())],
    }
    await site.edge(scope, receive, send)
    return int(sent[0]["status"])


ODD = ("{}/", "/{}", "{};x", "{}%2f", "{}%5c", "{}.", "{}//", "/.{}", "{}\u00e9", "{}%00", "{}/..", "/x/..{}")


async def test_T26_an_odd_path_reaches_nothing(site: Site) -> None:
    """RFC 9700 §4.11: routes match the raw path exactly."""
    for path in [*PROGRAMS, *(one.path for one in PEOPLE if "{" not in one.path and one.path != "/")]:
        for wrong in (odd.format(path) for odd in ODD):
            assert await raw_get(site, wrong, wrong.encode()) in (400, 404, 405), wrong


async def test_T26_methods_are_what_they_are(site: Site) -> None:
    app = await site.app("self-client")
    form = {**app.credentials, "grant_type": "client_credentials", "scope": SCOPE}
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"):
        assert (await site.call(method, "/oauth/v2/token", data=form)).status_code in (400, 405), method
        assert (await site.call(method, "/account")).status_code == 405, method
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        answer = await site.call("GET", "/oauth/v2/token", params=form, headers={header: "POST"})
        assert answer.status_code == 405
    assert (await site.call("GET", "/oauth/v2/token", params={**form, "_method": "POST"})).status_code == 405
    assert (await site.call("HEAD", "/oauth/v2/token")).status_code == 405
    assert (await site.call("HEAD", "/oauth/v2/keys")).status_code == 200


TEXT = st.text(max_size=40) | st.sampled_from(["\x00", "\ud800", "\uff11", "=", "&", "%", "x" * 70_000])


async def test_T37_no_text_in_any_parameter_is_an_error_of_ours(site: Site) -> None:
    """RFC 6749 §5.2: below 500, whatever comes, at every endpoint for programs and at the authorization
    endpoint."""
    app = await site.app("server-based")
    loop = asyncio.get_running_loop()
    posts = [path for path, program in PROGRAMS.items() if "POST" in program.methods]

    async def send(path: str, fields: dict[str, str], header: str) -> None:
        body = urlencode({**site.request(app), **app.credentials, **fields}, errors="surrogatepass")
        headers = {b"Content-Type": b"application/x-www-form-urlencoded"}
        if header:
            headers[b"Authorization"] = header.encode()
        answer = await site.call("POST", path, content=body, headers=headers)
        assert answer.status_code < 500, (path, fields, header)

    @given(
        st.sampled_from([*posts, AUTHORIZE]),
        st.dictionaries(st.sampled_from(sorted(KNOWN)), TEXT, max_size=3),
        st.sampled_from(["", "Basic ", "Basic =", "Bearer ", "Basic Og==", "Bearer \u00e9", "x"]),
    )
    def check(path: str, fields: dict[str, str], header: str) -> None:
        asyncio.run_coroutine_threadsafe(send(path, fields, header), loop).result(30)

    await asyncio.to_thread(check)


@pytest.mark.parametrize("raw", [b"\xff", b"x=\xff", b"x=%ff", b"x=\xc3\xa9", b"%", b"&&&=", b"x=%00"])
async def test_T37_no_query_is_an_error_of_ours(site: Site, raw: bytes) -> None:
    """Bytes that no browser sends, at every page and endpoint, signed in and not."""
    cookies = "; ".join(f"{name}={value}" for name, value in (await site.signed_in()).http.cookies.items())
    paths = [
        *PROGRAMS,
        *(route.path for route in PEOPLE if "{" not in route.path),
        "/console",
        "/console/clients/x",
    ]
    for path in paths:
        for cookie in ("", cookies):
            assert await raw_get(site, path, path.encode(), raw, cookie) < 500, (path, raw)


async def test_T25_self_registration_which_would_need_its_own_care_is_not_offered(site: Site) -> None:
    """RFC 7591 §3: no endpoint, no metadata."""
    found = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert "registration_endpoint" not in found
    for path in ("/register", "/oauth/v2/register", "/oauth/register", "/oauth/v2/clients"):
        assert (
            await site.call("POST", path, json={"redirect_uris": ["https://x.example"]})
        ).status_code == 404
    console = await site.app("server-based")
    answer = await site.call("GET", AUTHORIZE, params=site.request(console, scope="nonsense"))
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == ["invalid_scope"]
