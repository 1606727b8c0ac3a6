"""The authorization endpoint: nothing is redirected before client and address are proven (T10–T18)."""

import re
import socket
import threading
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from grantline.oauth.parameters import KNOWN
from tests.site import CALLBACK, CHALLENGE, ISSUER, SCOPE, App, Site, answer_of

AUTHORIZE = "/oauth/v2/auth"
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}

UNPROVEN: dict[str, dict[str, str | None]] = {
    "no client": {"client_id": None},
    "an unknown client": {"client_id": "glc_us_" + "0" * 33},
    "markup for a client": {"client_id": "<svg onload=x>"},
    "an address never registered": {"redirect_uri": "https://evil.example/callback"},
    "no address, with openid": {"redirect_uri": None, "scope": "openid"},
}
"""Faults of steps 1 to 4, each of which forbids every redirect."""

FAULTS: dict[str, dict[str, str | None]] = {
    "nothing else": {},
    "no response type": {"response_type": None},
    "an unknown response type": {"response_type": "magic"},
    "a forbidden response type": {"response_type": "token"},
    "an unknown scope": {"scope": "nonsense"},
    "no scope": {"scope": None},
    "a silent request": {"prompt": "none"},
    "a muddled prompt": {"prompt": "none login"},
    "a bad age": {"max_age": "-1"},
    "a request object": {"request": "e30."},
    "a request address": {"request_uri": "https://evil.example/r"},
    "a plain challenge": {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
    "another response mode": {"response_mode": "fragment"},
    "an unknown resource": {"resource": "https://evil.example"},
}
"""Faults of step 5, whose errors go back to the app."""


def is_our_page(response: httpx2.Response, status: int = 400) -> bool:
    return (
        response.status_code == status
        and "location" not in response.headers
        and "refresh" not in response.headers
        and 'http-equiv="refresh"' not in response.text.lower()
    )


@pytest.mark.parametrize("fault", FAULTS)
async def test_T10_no_error_is_redirected_before_client_and_address_are_proven(
    site: Site, fault: str
) -> None:
    """RFC 9700 §4.11.2: errors of steps 1 to 4 are a page, in whatever company they come."""
    app, browser = await site.app("server-based"), await site.signed_in()
    request = site.request(app, **FAULTS[fault])
    if fault != "nothing else":
        answer = answer_of(await browser.get(AUTHORIZE, params=request))
        assert "error" in answer
    for changes in UNPROVEN.values():
        params = site.request(app, **{**FAULTS[fault], **changes})
        assert is_our_page(await browser.get(AUTHORIZE, params=params)), changes
        assert is_our_page(await browser.post(AUTHORIZE, params, origin=None)), changes
        assert is_our_page(await browser.get("/oauth/v2/auth/refresh", params=params)), changes
    for name in ("client_id", "redirect_uri", "state", "scope", "response_type"):
        twice = urlencode(request) + f"&{name}=x&{name}=y"
        assert is_our_page(await browser.get(f"{AUTHORIZE}?{twice}")), name


@pytest.mark.parametrize("broken", ["%ff", "%00", "%0d%0a", "%ed%a0%80", "\u00e9"])
async def test_T10_what_cannot_be_read_is_a_page_too(site: Site, broken: str) -> None:
    app = await site.app("server-based")
    response = await site.call("GET", f"{AUTHORIZE}?{urlencode(site.request(app))}&login_hint={broken}")
    if broken != "\u00e9":  # the client library encodes this one, and people have such names
        assert is_our_page(response)
    assert response.status_code < 500


async def test_T10_a_client_that_is_off_or_elsewhere_is_a_page(site: Site) -> None:
    from grantline.clients.registration import set_disabled
    from grantline.opaque import CLIENT_ID, mint

    app = await site.app("server-based")
    elsewhere = site.request(app, client_id=mint(CLIENT_ID, "eu"))
    assert is_our_page(await site.call("GET", AUTHORIZE, params=elsewhere))
    await set_disabled(site.db, app.id, site.clock())
    assert is_our_page(await site.call("GET", AUTHORIZE, params=site.request(app)))
    await set_disabled(site.db, app.id, None)
    assert (await site.call("GET", AUTHORIZE, params=site.request(app))).status_code == 200


CORPUS = (
    "https://app.example.evil/callback",
    "https://app.example/callback/../evil",
    "https://app.example/callback;/..;/evil",
    "https://app.example/callback%2e%2e",
    "https://app.example/callback%2F",
    "https://app.example/callback?x=1",
    "https://app.example/callback?",
    "https://app.example/callback#",
    "https://app.example/callback/",
    "https://app.example/CALLBACK",
    "https://APP.example/callback",
    "HTTPS://app.example/callback",
    "https://app.example:443/callback",
    "https://app.example./callback",
    "https://app.example@evil.example/callback",
    "https://evil.example\\@app.example/callback",
    "https://fooapp.example/callback",
    "https://appXexample/callback",
    "https://app.example\t/callback",
    " https://app.example/callback",
    "https://app.example/callback\n",
    "http://app.example/callback",
    "//app.example/callback",
    "/callback",
    "javascript:alert(1)//https://app.example/callback",
    "data:text/html,https://app.example/callback",
    "https://app.example/*",
    "https://\u0430pp.example/callback",
    "https://app.example\u3002evil.example/callback",
    CALLBACK + "x" * 3000,
)


async def test_T11_only_the_registered_string_is_an_address(site: Site) -> None:
    """RFC 9700 §4.1.3: byte by byte, no pattern, no reading."""
    app, browser = await site.app("server-based"), await site.signed_in()
    for uri in CORPUS:
        for more in ({}, {"prompt": "none"}, {"scope": "nonsense"}):
            response = await browser.get(AUTHORIZE, params=site.request(app, redirect_uri=uri, **more))
            assert is_our_page(response), uri
    assert answer_of(await browser.get(AUTHORIZE, params=site.request(app, prompt="none")))


@pytest.mark.parametrize(
    ("type_name", "registered", "received", "right"),
    [
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:5123/cb", True),
        ("mobile", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", True),
        ("mobile", "http://[::1]/cb", "http://[::1]:5123/cb", True),
        ("mobile", "http://localhost:9/cb?a=b", "http://localhost:5123/cb?a=b", True),
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:0/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:08080/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:\uff18\uff10/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:5123/cb?x=1", False),
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:5123/cb/x", False),
        ("mobile", "http://127.0.0.1/cb", "http://localhost:5123/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://127.1:5123/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://2130706433:5123/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://[::ffff:127.0.0.1]:5123/cb", False),
        ("mobile", "http://127.0.0.1/cb", "http://127.0.0.1:5123@evil.example/cb", False),
        ("mobile", "http://127.0.0.1/cb", "https://127.0.0.1:5123/cb", False),
        ("mobile", "https://pocket.example/cb", "https://pocket.example:8443/cb", False),
        ("mobile", "https://pocket.example/cb", "http://127.0.0.1/cb", False),
        ("server-based", "http://127.0.0.1:8000/cb", "http://127.0.0.1:8001/cb", False),
        ("client-based", "http://localhost:8000/cb", "http://localhost:8001/cb", False),
        ("server-based", "http://127.0.0.1:8000/cb", "http://127.0.0.1:8000/cb", True),
    ],
)
async def test_T12_a_free_port_is_all_that_is_free_and_for_native_apps_alone(
    site: Site, type_name: str, registered: str, received: str, right: bool
) -> None:
    """RFC 8252 §7.3."""
    more = {"origins": ("http://localhost:8000",)} if type_name == "client-based" else {}
    app = await site.app(type_name, redirect_uris=(registered,), implicit=False, **more)
    browser = await site.signed_in()
    response = await browser.get(AUTHORIZE, params=site.request(app, redirect_uri=received, prompt="none"))
    if right:
        assert response.headers["location"].startswith(received)
    else:
        assert is_our_page(response)


@pytest.mark.parametrize(
    "path", [AUTHORIZE, "/oauth/v2/token", "/oauth/v3/device/code", "/oauth/v2/introspect"]
)
async def test_T13_no_parameter_comes_twice_in_query_body_or_across(site: Site, path: str) -> None:
    """RFC 6749 §3.1 and RFC 6749 §3.2: two layers must not read two values."""
    app = await site.app("self-client" if path != AUTHORIZE else "server-based")
    whole = site.request(app) if path == AUTHORIZE else {**app.credentials, "grant_type": "refresh_token"}
    for name in sorted(KNOWN - {"resource"}):
        query = urlencode({key: value for key, value in whole.items() if key != name})
        for query_part, body in (
            (f"{query}&{name}=a&{name}=b", ""),
            ("", f"{query}&{name}=a&{name}=b"),
            (f"{name}=a", f"{query}&{name}=b"),
        ):
            response = await site.call("POST", f"{path}?{query_part}", content=body, headers=URLENCODED)
            assert is_our_page(response), name
            if path != AUTHORIZE:
                assert response.json()["error"] == "invalid_request"


async def parked(site: Site, app: App, **changes: Any) -> tuple[Any, httpx2.Response]:
    """A signed-in browser at the consent page."""
    browser = await site.signed_in()
    page = await browser.get(AUTHORIZE, params=site.request(app, **changes))
    assert 'name="decision"' in page.text
    return browser, page


@pytest.mark.parametrize(
    "smuggled",
    [
        {"response_type": "token"},
        {"redirect_uri": "https://evil.example/"},
        {"scope": "CRM.modules.ALL"},
        {"client_id": "glc_us_other"},
        {"state": "other"},
        {"nonce": "other"},
        {"access_type": "offline"},
    ],
)
async def test_T14_what_the_browser_brings_back_changes_nothing_of_the_parked_request(
    site: Site, smuggled: dict[str, str]
) -> None:
    """RFC 9700 §2.1.2: the request waits on our side; the browser carries a handle."""
    app = await site.app("client-based")
    browser, page = await parked(site, app)
    refused = await browser.submit(page, {"decision": "allow", **smuggled}, path="/oauth/v2/auth/decision")
    assert refused.status_code == 400
    handle = re.search(r'name="flow" value="([^"]+)"', page.text)
    assert handle is not None
    again = await browser.get("/oauth/v2/auth/continue", params={"flow": handle[1], **smuggled})
    assert again.status_code == 200
    allowed = await browser.submit(again, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    location = urlsplit(allowed.headers["location"])
    assert location.fragment == ""
    assert f"{location.scheme}://{location.netloc}{location.path}" == app.redirect_uri
    answer = answer_of(allowed)
    assert answer["state"] == "st-123"
    tokens = (await site.exchange(app, answer["code"])).json()
    assert tokens["scope"] == SCOPE
    assert "refresh_token" not in tokens


async def test_T14_a_parked_request_is_judged_by_what_is_registered_when_it_is_answered(site: Site) -> None:
    app = await site.app("client-based")
    for change, answered in (("implicit = 0", False), ("implicit = 1", True)):
        browser, page = await parked(
            site, app, response_type="token", code_challenge=None, code_challenge_method=None
        )
        await site.db.run(f"UPDATE clients SET {change} WHERE id = $1", app.id)
        response = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
        assert ("access_token" in answer_of(response)) is answered
        await site.db.run("UPDATE clients SET implicit = 1 WHERE id = $1", app.id)
    browser, page = await parked(site, app, prompt="consent")
    await site.db.run(
        "UPDATE clients SET redirect_uris = '[\"https://spa.example/new\"]' WHERE id = $1", app.id
    )
    assert is_our_page(await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision"))


@pytest.mark.parametrize("type_name", ["server-based", "client-based", "mobile"])
async def test_T15_a_code_travels_in_the_query_and_no_other_way(site: Site, type_name: str) -> None:
    """OAuth 2.0 Multiple Response Types: a mode that was asked for is not even used to refuse it."""
    app, browser = await site.app(type_name), await site.signed_in()
    for mode in ("fragment", "form_post", "jwt", "query.jwt", "web_message", "QUERY", "x"):
        response = await browser.get(AUTHORIZE, params=site.request(app, response_mode=mode))
        assert answer_of(response)["error"] == "invalid_request", mode
        assert "#" not in response.headers["location"]
        assert "code=" not in response.headers["location"].replace("grantline_code=", "")


@pytest.mark.parametrize(
    "mode", ["query", "form_post", "jwt", "fragment.jwt", "web_message", None, "fragment"]
)
async def test_T15_a_token_travels_in_the_fragment_and_no_other_way(site: Site, mode: str | None) -> None:
    app = await site.app("client-based")
    plain = {"response_type": "token", "code_challenge": None, "code_challenge_method": None}
    response = await site.authorize(app, **plain, response_mode=mode)
    location = urlsplit(response.headers["location"])
    assert location.query == ""
    assert ("access_token" in parse_qs(location.fragment)) is (mode in (None, "fragment"))


async def test_T15_the_metadata_promise_what_is_built(site: Site) -> None:
    found = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert found["response_modes_supported"] == ["query", "fragment"]


@pytest.mark.parametrize("name", ["request", "request_uri"])
async def test_T16_request_objects_and_their_addresses_are_refused_unopened(site: Site, name: str) -> None:
    """OpenID Connect Core §6: no socket is opened for an address that a stranger sends."""
    app, browser = await site.app("server-based"), await site.signed_in()
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        caught: list[Any] = []

        def listen() -> None:
            try:
                caught.append(canary.accept())
            except TimeoutError:
                return

        listener = threading.Thread(target=listen)
        listener.start()
        port = canary.getsockname()[1]
        for value in (
            f"http://127.0.0.1:{port}/r",
            "file:///etc/passwd",
            "urn:ietf:params:oauth:request_uri:x",
        ):
            answer = answer_of(await browser.get(AUTHORIZE, params=site.request(app, **{name: value})))
            assert answer["error"] == f"{name}_not_supported"
        listener.join()
        assert caught == []


async def test_T17_no_pushed_requests_are_offered_or_taken(site: Site) -> None:
    """RFC 9126 §2: there is no such endpoint yet, and no request refers to one."""
    app = await site.app("server-based")
    for path in ("/oauth/v2/par", "/oauth/par", "/par"):
        assert (await site.post(path, {**app.credentials, **site.request(app)})).status_code in (404, 405)
    found = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    assert "pushed_authorization_request_endpoint" not in found


@pytest.mark.parametrize("type_name", ["client-based", "mobile"])
@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge_method": "s256"},
        {"code_challenge": None},
        {"code_challenge": CHALLENGE[:-1]},
        {"code_challenge": CHALLENGE + "A"},
        {"code_challenge": CHALLENGE[:-1] + "="},
        {"code_challenge": CHALLENGE[:-1] + "+"},
    ],
)
async def test_T18_public_clients_bring_a_sha_256_challenge(
    site: Site, type_name: str, changes: dict[str, str | None]
) -> None:
    """RFC 9700 §2.1.1: and nobody may bring another kind."""
    app, browser = await site.app(type_name), await site.signed_in()
    answer = answer_of(await browser.get(AUTHORIZE, params=site.request(app, **changes)))
    assert answer["error"] == "invalid_request"
    assert answer["iss"] == ISSUER
    assert "code" in answer_of(await site.authorize(app, browser=browser))
    if changes != {"code_challenge": None, "code_challenge_method": None}:
        server = await site.app("server-based")
        challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes}
        refused = await browser.get(AUTHORIZE, params=site.request(server, **challenge))
        assert answer_of(refused)["error"] == "invalid_request"
