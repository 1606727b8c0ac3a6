"""The authorization endpoint and its redirect URIs (RFC 6749 §3.1)."""

from dataclasses import replace
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from pydantic import ValidationError

from grantline.clients import RegistrationRefused
from grantline.settings import Settings
from tests.conftest import SiteFactory
from tests.site import CALLBACK, ISSUER, REGISTRATIONS, SPA, App, Site, answer_of

AUTH = "/oauth/v2/auth"


async def ask(site: Site, app: App, **changes: Any) -> httpx2.Response:
    """The first answer to an authorization request, in a browser where nobody is signed in."""
    return await site.browser().get(AUTH, params=site.request(app, **changes))


def is_a_page_of_ours(response: httpx2.Response) -> bool:
    """Stopped: an error page, and no way on."""
    return (
        400 <= response.status_code < 500
        and "location" not in response.headers
        and response.headers["content-type"].startswith("text/html")
    )


def is_sign_in(response: httpx2.Response) -> bool:
    return response.status_code == 200 and 'name="password"' in response.text


async def test_6749_3_1_a_nobody_gets_a_code_without_signing_in(site: Site) -> None:
    """The person is authenticated before anything is granted (RFC 6749 §3.1)."""
    app = await site.app("server-based")
    browser = site.browser()
    page = await browser.get(AUTH, params=site.request(app))
    assert is_sign_in(page)
    wrong = await browser.submit(page, {"email": "mara@example.com", "password": "not hers"}, path="/signin")
    assert wrong.status_code == 400
    again = await browser.get(AUTH, params=site.request(app))
    assert is_sign_in(again)
    forged = await browser.post("/oauth/v2/auth/decision", {"decision": "allow", "flow": "x", "token": "y"})
    assert forged.status_code == 403
    assert "code" in answer_of(await site.authorize(app, browser=browser))


def test_6749_3_1_b_plain_http_is_for_loopback_alone() -> None:
    """A public address is https or the server does not start (RFC 6749 §3.1)."""
    with pytest.raises(ValidationError, match="must be https"):
        Settings(public_url="http://accounts.example.com")
    for fine in ("https://accounts.example.com", "http://127.0.0.1:8700", "http://localhost:8700"):
        assert Settings(public_url=fine).public_url == fine


async def test_6749_3_1_b_a_public_data_center_binds_browsers_to_https(open_a_site: SiteFactory) -> None:
    """HSTS on every answer, and cookies that never travel in the clear (RFC 6749 §3.1)."""
    address = "https://accounts.example.com"
    async with open_a_site(public_url=address) as site:
        app = await site.app("server-based")
        async with httpx2.AsyncClient(transport=site.transport, base_url=address) as http:
            page = await http.get(AUTH, params=site.request(app))
            assert is_sign_in(page)
            programs = await http.post("/oauth/v2/token")
            document = (await http.get("/.well-known/openid-configuration")).json()
        for response in (page, programs):
            assert "max-age=" in response.headers["strict-transport-security"]
        cookie = page.headers["set-cookie"]
        assert cookie.startswith("__Host-")
        assert "; Secure" in cookie
        for name in ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint"):
            assert document[name].startswith(address + "/")
    async with open_a_site() as site:
        assert "strict-transport-security" not in (await site.call("GET", "/")).headers


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "0.0.0.0", "trusted_proxies": "10.0.0.0/8"}, False),
        ({"host": "127.0.0.1"}, False),
    ],
)
async def test_6749_3_1_b_listening_in_the_open_without_tls_is_said_aloud(
    open_a_site: SiteFactory, capsys: pytest.CaptureFixture[str], settings: dict[str, str], warned: bool
) -> None:
    """Unless a proxy is listed that speaks TLS (RFC 6749 §3.1)."""
    async with open_a_site(**settings):
        assert ("can be reached without TLS" in capsys.readouterr().out) is warned


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_6749_3_1_c_the_endpoint_takes_get_and_post(site: Site, method: str) -> None:
    """GET works, and POST as well (RFC 6749 §3.1)."""
    app = await site.app("server-based")
    fields = site.request(app)
    browser = site.browser()
    if method == "GET":
        page = await browser.get(AUTH, params=fields)
    else:
        page = await browser.http.post(AUTH, data=fields, headers={"Origin": "https://app.example"})
    assert is_sign_in(page)
    assert (await browser.http.request("PUT", AUTH, params=fields)).status_code == 405


async def test_6749_3_1_d_a_query_in_the_address_is_kept_and_no_endpoint_has_a_fragment(site: Site) -> None:
    """Parameters are added to what is there (RFC 6749 §3.1)."""
    members = (await site.call("GET", "/.well-known/openid-configuration")).json()
    addresses = [value for name, value in members.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(addresses) >= 7
    for address in addresses:
        assert address.startswith(ISSUER + "/")
        assert not urlsplit(address).fragment
        assert not urlsplit(address).query
    app = await site.app("server-based")
    assert is_sign_in(await site.browser().get(f"{AUTH}?tenant=1", params=site.request(app)))
    response = await site.post(
        "/oauth/v2/token",
        {"grant_type": "client_credentials", "scope": "CRM.modules.leads.READ", **app.credentials},
        params={"tenant": "1"},
    )
    assert response.status_code == 200


async def test_6749_3_1_e_an_empty_parameter_counts_as_absent(site: Site) -> None:
    """`scope=` is no scope, `redirect_uri=` no redirect URI, `state=` no state (RFC 6749 §3.1)."""
    app = await site.app("server-based")
    assert answer_of(await ask(site, app, scope=""))["error"] == "invalid_scope"
    assert answer_of(await ask(site, app, scope=None))["error"] == "invalid_scope"
    answer = answer_of(await site.authorize(app, redirect_uri="", state="", code_challenge=""))
    assert "code" in answer
    assert "state" not in answer
    assert is_a_page_of_ours(await ask(site, app, client_id=""))


async def test_6749_3_1_f_an_unknown_parameter_is_ignored(site: Site) -> None:
    """`foo=bar` changes nothing, not even when it comes twice (RFC 6749 §3.1)."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    answer = answer_of(await site.authorize(app, browser=browser, foo="bar"))
    assert set(answer) == {"code", "state", "location", "accounts-server", "iss"}
    twice = [*site.request(app).items(), ("foo", "1"), ("foo", "2")]
    page = await browser.http.get(AUTH, params=twice)  # type: ignore[arg-type]
    assert "code" in answer_of(page)


REPEATED = ["client_id", "state", "scope", "redirect_uri", "response_type", "nonce", "prompt"]


async def test_6749_3_1_g_a_parameter_comes_once(site: Site) -> None:
    """A repeated parameter stops the request on our own page (RFC 6749 §3.1)."""
    app = await site.app("server-based")
    fields = site.request(app, nonce="n-1", prompt="consent")
    browser = site.browser()
    assert is_sign_in(await browser.get(AUTH, params=fields))
    for name, same in product(REPEATED, (True, False)):
        doubled = [*fields.items(), (name, fields[name] if same else "other")]
        assert is_a_page_of_ours(await browser.http.get(AUTH, params=doubled))  # type: ignore[arg-type]
        across = await browser.http.post(AUTH, params=fields, data={name: fields[name] if same else "other"})
        assert is_a_page_of_ours(across)


WRONG_TYPES = [
    (None, "invalid_request"),
    ("", "invalid_request"),
    ("CODE", "unsupported_response_type"),
    ("bogus", "unsupported_response_type"),
    ("code token", "unsupported_response_type"),
    ("code code", "unsupported_response_type"),
    ("id_token", "unsupported_response_type"),
    ("token", "unauthorized_client"),
]


async def test_6749_3_1_1_a_a_wrong_response_type_is_told_to_the_app(site: Site) -> None:
    """Once client and redirect URI are proven, the error goes back (RFC 6749 §3.1.1)."""
    app = await site.app("server-based")
    for response_type, error in WRONG_TYPES:
        answer = answer_of(await ask(site, app, response_type=response_type))
        assert (answer["error"], answer["state"]) == (error, "st-123"), response_type
    assert is_sign_in(await ask(site, app, response_type="code"))


@pytest.mark.parametrize("response_type", ["id_token token", "token id_token"])
async def test_6749_3_1_1_b_the_order_of_a_composite_response_type_is_irrelevant(
    site: Site, response_type: str
) -> None:
    """Both spellings are one type (RFC 6749 §3.1.1)."""
    app = await site.app("client-based")
    asked = {"response_type": response_type, "scope": "openid email", "nonce": "n-1", "code_challenge": None}
    asked |= {"code_challenge_method": None}
    answer = answer_of(await site.authorize(app, **asked))
    assert {"access_token", "id_token"} <= set(answer)
    third = answer_of(await ask(site, app, **{**asked, "response_type": response_type + " code"}))
    assert third["error"] == "unsupported_response_type"


REFUSED = {
    "/cb",
    "app.example/cb",
    "//app.example/cb",
    "https://app.example/cb#x",
    "https://app.example/cb#",
    "https:///cb",
    "http://app.example/cb",
    "https://*.example/cb",
    "https://user@app.example/cb",
    "javascript:alert(1)",
    "https://app.example/cb?code=1",
}


async def test_6749_3_1_2_a_redirect_uris_are_absolute_and_without_a_fragment(site: Site) -> None:
    """What could lead elsewhere is not registered (RFC 6749 §3.1.2)."""
    for uri in sorted(REFUSED):
        for type_name in ("server-based", "mobile"):
            with pytest.raises(RegistrationRefused):
                await site.app(type_name, redirect_uris=(uri,))
        app = await site.app("server-based", redirect_uris=("https://app.example/cb",))
        assert app.redirect_uri == "https://app.example/cb"


@pytest.mark.parametrize("query", ["?a=1", "?a=1&b=%26", "?", "?a"])
async def test_6749_3_1_2_b_the_query_of_a_redirect_uri_survives(site: Site, query: str) -> None:
    """Parameters are appended, with one question mark (RFC 6749 §3.1.2)."""
    app = await site.app("server-based", redirect_uris=(CALLBACK + query,))
    for changes in ({}, {"scope": "bogus"}):
        page = await site.authorize(app, **changes)
        address = page.headers["location"]
        assert address.startswith(CALLBACK + query)
        assert address.count("?") == 1
        kept = parse_qsl(query[1:], keep_blank_values=True)
        assert parse_qsl(urlsplit(address).query, keep_blank_values=True)[: len(kept)] == kept
        assert {"state", "iss"} <= set(answer_of(page))


@pytest.mark.parametrize("type_name", ["server-based", "client-based", "mobile"])
async def test_6749_3_1_2_2_a_types_that_are_redirected_to_register_where(site: Site, type_name: str) -> None:
    """No redirect URI, no registration (RFC 6749 §3.1.2.2)."""
    asked = REGISTRATIONS[type_name]
    with pytest.raises(RegistrationRefused) as refused:
        await site.app(type_name, redirect_uris=())
    assert {problem.field for problem in refused.value.problems} == {"redirect_uris"}
    assert (await site.app(type_name)).client.redirect_uris == asked.redirect_uris
    if asked.implicit:
        with pytest.raises(RegistrationRefused):
            await site.app(type_name, redirect_uris=("https://elsewhere.example/cb",))


async def test_6749_3_1_2_3_a_with_several_registered_uris_the_request_names_one(site: Site) -> None:
    """With one it may be left out, with several or none it may not (RFC 6749 §3.1.2.3)."""
    second = "https://app.example/second"
    several = await site.app("server-based", redirect_uris=(CALLBACK, second))
    assert is_a_page_of_ours(await ask(site, several, redirect_uri=None))
    answer = await site.authorize(several, redirect_uri=second)
    assert answer.headers["location"].startswith(second + "?")
    one = await site.app("server-based")
    assert (await site.authorize(one, redirect_uri=None)).headers["location"].startswith(CALLBACK + "?")
    for type_name in ("self-client", "non-browser"):
        none = await site.app(type_name)
        for sent in (None, CALLBACK):
            fields = {"client_id": none.id, "response_type": "code", "scope": "CRM.modules.leads.READ"}
            fields |= {"redirect_uri": sent} if sent else {}
            assert is_a_page_of_ours(await site.browser().get(AUTH, params=fields))


VARIANTS = [
    "https://app.example/Callback/~x",
    "https://app.example/callback/~x/",
    "https://app.example/callback/%7Ex",
    "https://app.example:443/callback/~x",
    "https://APP.example/callback/~x",
    "HTTPS://app.example/callback/~x",
    "https://app.example/callback/./~x",
    "https://app.example/callback/~x?",
    "https://app.example/callback/~x?a=1",
    "https://app.example/callback/~",
    "http://app.example/callback/~x",
    "https://app.example/callback/~x#f",
    "https://app.example./callback/~x",
    "https://app.example.evil/callback/~x",
]


async def test_6749_3_1_2_3_b_a_redirect_uri_is_compared_character_by_character(site: Site) -> None:
    """Equal means identical (RFC 6749 §3.1.2.3)."""
    registered = "https://app.example/callback/~x"
    app = await site.app("server-based", redirect_uris=(registered,))
    for variant in VARIANTS:
        assert is_a_page_of_ours(await ask(site, app, redirect_uri=variant))
        assert is_sign_in(await ask(site, app, redirect_uri=registered))


async def test_6749_3_1_2_4_a_nobody_is_sent_to_an_address_that_is_not_proven(site: Site) -> None:
    """Whatever else is wrong, there is no redirect (RFC 6749 §3.1.2.4)."""
    app = await site.app("server-based")
    unproven = [{"redirect_uri": "https://evil.example/"}, {"client_id": "glc_us_none"}]
    also_wrong = [{}, {"response_type": "bogus"}, {"scope": "bogus"}, {"prompt": "none"}]
    for changes, wrong in product(unproven, also_wrong):
        page = await ask(site, app, **changes, **wrong)
        assert is_a_page_of_ours(page)
        assert 'href="https://evil.example' not in page.text
    assert is_sign_in(await ask(site, app))


async def test_6749_3_1_2_4_a_a_uri_of_another_app_is_as_unknown_as_any(site: Site) -> None:
    """Only what this client registered counts (RFC 6749 §3.1.2.4)."""
    app, other = await site.app("server-based"), await site.app("client-based")
    assert is_a_page_of_ours(await ask(site, app, redirect_uri=other.redirect_uri))
    moved = replace(REGISTRATIONS["client-based"], redirect_uris=(f"{SPA}/moved",))
    assert is_sign_in(await ask(site, await site.app("client-based", redirect_uris=moved.redirect_uris)))
