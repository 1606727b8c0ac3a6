"""Tokens straight in the redirect, and calls out of browsers (T55, T57, T58, T59)."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from grantline.web.app import PEOPLE
from grantline.web.console.routes import ROUTES as CONSOLE
from grantline.web.routes import PROGRAMS
from tests.site import SCOPE, SPA, App, Browser, Site, answer_of

PLAIN = {"response_type": "token", "code_challenge": None, "code_challenge_method": None}
BAD_ORIGINS = (
    "null",
    SPA + ".evil",
    SPA + ":8443",
    SPA + "/",
    SPA.upper(),
    SPA.replace("https", "http"),
    SPA.replace("https://", ""),
    "https://evil.example",
    "https://sub." + SPA.partition("://")[2],
    "https://evil.example, " + SPA,
    "*",
    "",
)
ALLOW = "access-control-allow-origin"


@pytest.mark.parametrize("response_type", ["token", "id_token token", "token id_token"])
@pytest.mark.parametrize("type_name", ["server-based", "mobile", "client-based"])
async def test_T55_a_token_in_the_redirect_is_for_browser_apps_that_chose_it(
    site: Site, type_name: str, response_type: str
) -> None:
    """RFC 9700 §2.1.2: off unless switched on, and refused before and after the person was asked."""
    app = await site.app(type_name, implicit=False)
    browser = await site.signed_in()
    await site.code(app, browser=browser, scope="openid")
    for prompt in (None, "none", "consent"):
        request = site.request(app, **{**PLAIN, "response_type": response_type, "scope": "openid"}, nonce="n")
        answer = await browser.get(
            "/oauth/v2/auth", params={**request, **({"prompt": prompt} if prompt else {})}
        )
        assert answer_of(answer)["error"] == "unauthorized_client"
        assert "access_token" not in answer.headers["location"]


@pytest.mark.parametrize("response_type", ["token", "id_token token"])
async def test_T55_the_token_is_in_the_fragment_short_lived_and_without_a_refresh_token(
    site: Site, response_type: str
) -> None:
    """RFC 6749 §4.2.2."""
    app = await site.app("client-based")
    scope = f"openid {SCOPE}" if "id_token" in response_type else SCOPE
    changes = {
        **PLAIN,
        "response_type": response_type,
        "scope": scope,
        "access_type": "offline",
        "nonce": "n",
    }
    answer = await site.authorize(app, **changes)
    location = urlsplit(answer.headers["location"])
    assert location.query == ""
    assert f"{location.scheme}://{location.netloc}" == SPA
    members = {name: values[0] for name, values in parse_qs(location.fragment).items()}
    assert "refresh_token" not in members
    assert int(members["expires_in"]) <= 3600
    assert await site.works(members["access_token"])
    site.clock.advance(3600)
    assert not await site.works(members["access_token"])


async def test_T55_an_error_of_such_a_request_is_in_the_fragment_too(site: Site) -> None:
    """RFC 6749 §4.2.2.1."""
    app = await site.app("client-based")
    answer = await site.call("GET", "/oauth/v2/auth", params=site.request(app, **PLAIN, prompt="none"))
    assert urlsplit(answer.headers["location"]).query == ""
    assert answer_of(answer)["error"] == "login_required"


async def test_T55_openid_in_the_redirect_needs_a_nonce(site: Site) -> None:
    """OpenID Connect Core §3.2.2.1."""
    app = await site.app("client-based")
    changes = {**PLAIN, "response_type": "id_token token", "scope": "openid"}
    answer = await site.call("GET", "/oauth/v2/auth", params=site.request(app, **changes))
    assert answer_of(answer)["error"] == "invalid_request"
    assert "id_token" in answer_of(await site.authorize(app, **changes, nonce="n"))


def grants_nothing(answer: httpx2.Response) -> bool:
    return ALLOW not in answer.headers and "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", BAD_ORIGINS)
async def test_T57_no_origin_but_the_registered_one_reads_or_spends_anything(site: Site, origin: str) -> None:
    """RFC 9700 §2.6: byte by byte, and refused before a code or token is touched."""
    app = await site.app("client-based")
    code, token = await site.code(app), (await site.tokens(app))["refresh_token"]
    form = {
        **app.credentials,
        "redirect_uri": app.redirect_uri,
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    for path, data in (
        ("/oauth/v2/token", form),
        ("/oauth/v2/token", {**app.credentials, "grant_type": "refresh_token", "refresh_token": token}),
        ("/oauth/v2/token/revoke", {**app.credentials, "token": token}),
    ):
        asked = await site.call(
            "OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert grants_nothing(asked)
        answer = await site.post(path, data, headers={"Origin": origin})
        assert answer.status_code == 403, path
        assert grants_nothing(answer)
        assert "origin" in answer.headers["vary"].lower()
    done = await site.post("/oauth/v2/token", form, headers={"Origin": SPA})
    assert (done.status_code, done.headers[ALLOW]) == (200, SPA)
    assert "access-control-allow-credentials" not in done.headers
    assert (await site.refresh(app, token)).status_code == 200


async def test_T57_another_apps_origin_is_no_better_than_none(site: Site) -> None:
    mine = await site.app("client-based")
    theirs = "https://theirs.example"
    other = await site.app(
        "client-based",
        name="Theirs",
        origins=(theirs,),
        redirect_uris=(f"{theirs}/callback",),
        implicit=False,
    )
    token = (await site.tokens(mine))["refresh_token"]
    ask = {"Origin": theirs, "Access-Control-Request-Method": "POST"}
    asked = await site.call("OPTIONS", "/oauth/v2/token", headers=ask)
    assert asked.headers[ALLOW] == theirs, "a pre-flight names no client"
    form = {**mine.credentials, "grant_type": "refresh_token", "refresh_token": token}
    answer = await site.post("/oauth/v2/token", form, headers={"Origin": theirs})
    assert answer.status_code == 403
    assert grants_nothing(answer)
    assert (await site.refresh(mine, token)).status_code == 200
    assert other.client.origins == (theirs,)


async def test_T57_an_app_with_a_server_is_answered_but_no_page_may_read_it(site: Site) -> None:
    app = await site.app("server-based")
    form = {**app.credentials, "grant_type": "client_credentials", "scope": SCOPE}
    answer = await site.post("/oauth/v2/token", form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 200
    assert grants_nothing(answer)
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_T57_pages_and_introspection_are_read_by_no_other_origin(site: Site) -> None:
    await site.app("client-based")
    browser = await site.signed_in()
    pages = [route.path for route in (*PEOPLE, *CONSOLE) if "{" not in route.path]
    for path in [*pages, "/oauth/v2/introspect", "/health/ready", "/metrics"]:
        for origin in (SPA, "null", "https://evil.example"):
            for method in ("GET", "OPTIONS"):
                answer = await browser.http.request(method, path, headers={"Origin": origin})
                assert grants_nothing(answer), (method, path)


async def test_T57_what_is_public_is_public_without_credentials(site: Site) -> None:
    for path, program in PROGRAMS.items():
        answer = await site.call("GET", path, headers={"Origin": "https://any.example"})
        assert (answer.headers.get(ALLOW) == "*") is (program.cors == "public"), path
        assert "access-control-allow-credentials" not in answer.headers


async def test_T57_a_disabled_apps_origin_is_forgotten(site: Site) -> None:
    from grantline.clients.registration import set_disabled

    app = await site.app("client-based")
    ask = {"Origin": SPA, "Access-Control-Request-Method": "POST"}
    assert (await site.call("OPTIONS", "/oauth/v2/token", headers=ask)).headers[ALLOW] == SPA
    await set_disabled(site.db, app.id, site.clock())
    assert grants_nothing(await site.call("OPTIONS", "/oauth/v2/token", headers=ask))


@pytest.mark.parametrize("path", sorted(PROGRAMS))
async def test_T58_a_session_cookie_does_nothing_at_a_programs_endpoint(site: Site, path: str) -> None:
    """RFC 6750 §5.3: what browsers send by themselves opens nothing."""
    app, browser = await site.app("client-based"), await site.signed_in()
    tokens = await site.tokens(app, browser=browser)
    form = {"grant_type": "refresh_token", "scope": SCOPE, "code": "x"}
    for method in PROGRAMS[path].methods:
        with_cookie = await browser.http.request(method, path, data=form if method == "POST" else None)
        without = await site.call(method, path, data=form if method == "POST" else None)
        assert with_cookie.status_code == without.status_code
        if path.startswith("/oauth/v") and path != "/oauth/v2/keys":
            assert with_cookie.status_code in (400, 401)
        assert "set-cookie" not in with_cookie.headers
    assert await site.works(tokens["access_token"])


async def test_T58_a_call_shows_its_endpoint_no_cookie(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no module of the endpoints reads one."""
    from grantline.web import edge, routes
    from grantline.web.call import Answer, Call

    seen: list[Call] = []

    async def look(server: object, call: Call) -> Answer:
        seen.append(call)
        return Answer(200, b"{}")

    programs = {"/look": edge.Program({"GET": look})}
    monkeypatch.setattr(routes, "PROGRAMS", programs)
    await site.call("GET", "/look", headers={"Cookie": "gl_us_session=x", "Authorization": "Bearer y"})
    assert seen[0].authorization == "Bearer y"
    assert not [name for name in seen[0].headers if "cookie" in name]
    folder = Path(edge.__file__).parent
    for module in (*folder.glob("endpoints/*.py"), *folder.glob("console_api/*.py")):
        assert not re.search(r"web\.(cookies|visit)|accounts\.sessions|find_session", module.read_text()), (
            module
        )


async def every_page(site: Site, browser: Browser, app: App) -> list[tuple[str, httpx2.Response]]:
    """One answer of every page, and of what is refused."""
    paths = [route.path for route in (*PEOPLE, *CONSOLE)]
    named = {"{code}": "code_unknown", "{client_id}": app.id, "{type}": "mobile", "{sample}": "data_sync"}
    for name, value in named.items():
        paths = [path.replace(name, value) for path in paths]
    answers = [(path, await browser.get(path)) for path in dict.fromkeys(paths)]
    answers += [(path, await browser.post(path, {})) for path in ("/signin", "/signout", "/device", "/")]
    answers += [
        (path, await browser.get(path)) for path in ("/nowhere", "/signin/", "/a%2fb", "/errors/none")
    ]
    answers.append(("at consent", await browser.get("/oauth/v2/auth", params=site.request(app))))
    answers.append(("stopped", await browser.get("/oauth/v2/auth", params={"client_id": "x"})))
    return answers


async def test_T59_no_answer_of_ours_renders_in_a_frame(site: Site) -> None:
    """RFC 9700 §4.16: pages, errors and redirects alike; and no page of ours posts messages."""
    app = await site.app("server-based")
    for browser in (site.browser(), await site.signed_in()):
        for path, answer in await every_page(site, browser, app):
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
            if "text/html" in answer.headers.get("content-type", ""):
                assert answer.headers["x-frame-options"] == "DENY", path
                assert answer.headers["cache-control"] == "no-store", path
                assert not re.search(r"<script(?! src=\"/static/)|\son[a-z]+=|javascript:", answer.text), path
    static: dict[str, Any] = dict(site.server.pages.static_files())
    assert static
    for name, (content, _) in static.items():
        assert b"postMessage" not in content, name
