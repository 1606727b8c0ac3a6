"""The client types as one table, row by row, and the rules of browser apps (R26 to R32, R45, R57 to R62)."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from grantline.clients import CLIENT_TYPES
from tests.protocol.wire import bearer, code_of, refusal
from tests.site import API, DEVICE_GRANT, ISSUER, SCOPE, SPA, VERIFIER, App, Site, answer_of

TYPES = ["server-based", "client-based", "self-client", "non-browser", "mobile"]
BY_REDIRECT = ["server-based", "client-based", "mobile"]
GRANTS = {
    "server-based": {"authorization_code", "refresh_token", "client_credentials"},
    "client-based": {"authorization_code", "refresh_token"},
    "self-client": {"authorization_code", "refresh_token", "client_credentials"},
    "non-browser": {DEVICE_GRANT, "refresh_token"},
    "mobile": {"authorization_code", "refresh_token"},
}
IMPLICIT: dict[str, Any] = {"response_type": "token", "code_challenge": None, "code_challenge_method": None}


def test_R26_five_types_are_offered() -> None:
    """And no other (R26)."""
    assert sorted(CLIENT_TYPES) == sorted(TYPES)


@pytest.mark.parametrize("type_name", TYPES)
async def test_each_type_may_use_its_grants_and_no_other(site: Site, type_name: str) -> None:
    """Type by grant, as in the table (T30)."""
    app = await site.app(type_name)
    secret = {"client_secret": app.secret} if app.secret else {}
    foreign = {"code": "glg", "device_code": "gld", "refresh_token": "glr", "scope": SCOPE}
    for grant in set().union(*GRANTS.values()) | {"password"}:
        answer = await site.token(app, grant_type=grant, **{**foreign, **secret})
        if grant in GRANTS[type_name]:
            assert answer.json().get("error") in (None, "invalid_grant"), grant
        else:
            expected = "unsupported_grant_type" if grant == "password" else "unauthorized_client"
            assert refusal(answer) == (400, expected), grant


@pytest.mark.parametrize(
    ("type_name", "yields"),
    [
        ("server-based", {"nothing": False, "online": False, "offline": True, "offline_access": True}),
        ("client-based", {"nothing": False, "online": False, "offline": True, "offline_access": True}),
        ("mobile", {"nothing": False, "online": False, "offline": True, "offline_access": True}),
        ("non-browser", {"nothing": True, "online": False, "offline": True, "offline_access": True}),
    ],
)
async def test_R20_who_gets_a_refresh_token(site: Site, type_name: str, yields: dict[str, bool]) -> None:
    """Offline by either word; a device unless it says `online`; a self client always (R20)."""
    app = await site.app(type_name)
    asked: dict[str, dict[str, Any]] = {
        "nothing": {"access_type": None},
        "online": {"access_type": "online"},
        "offline": {"access_type": "offline"},
        "offline_access": {"access_type": None, "scope": f"{SCOPE} offline_access"},
    }
    for name, changes in asked.items():
        if type_name == "non-browser":
            changes = {key: value for key, value in changes.items() if value is not None}
        assert ("refresh_token" in await site.tokens(app, **changes)) is yields[name], name
    assert "refresh_token" in await site.tokens(await site.app("self-client"))


@pytest.mark.parametrize("type_name", TYPES)
async def test_public_types_rotate_their_refresh_token(site: Site, type_name: str) -> None:
    """Confidential ones keep it (requirements, client types)."""
    app = await site.app(type_name)
    token = (await site.tokens(app))["refresh_token"]
    answer = (await site.refresh(app, token)).json()
    public = type_name in ("client-based", "non-browser", "mobile")
    assert ("refresh_token" in answer) is public
    if public:
        assert answer["refresh_token"] != token
        again = (await site.refresh(app, token)).json()
        assert again == answer, "who lost the answer gets the same once more"
    else:
        assert (await site.refresh(app, token)).status_code == 200


@pytest.mark.parametrize(
    ("type_name", "uri", "remembered"),
    [
        ("server-based", "https://app.example/callback", True),
        ("server-based", "http://127.0.0.1:8704/callback", True),
        ("client-based", f"{SPA}/callback", True),
        ("client-based", "http://localhost:5173/callback", True),
        ("mobile", "com.example.pocket:/cb", False),
        ("mobile", "http://127.0.0.1/cb", False),
        ("mobile", "https://app.example/open", True),
    ],
)
async def test_where_consent_is_remembered(site: Site, type_name: str, uri: str, remembered: bool) -> None:
    """By type and address; a new scope, lasting access or another address asks again (T53, T85)."""
    origins = {"origins": (SPA, "http://localhost:5173")} if type_name == "client-based" else {}
    app = await site.app(type_name, redirect_uris=(uri,), **origins)
    browser = await site.signed_in()

    async def asks(**changes: Any) -> bool:
        page = await browser.get("/oauth/v2/auth", params=site.request(app, **changes))
        return 'name="decision"' in page.text

    await site.authorize(app, browser=browser)
    assert await asks() is not remembered
    for changes in ({"scope": "CRM.users.READ"}, {"access_type": "offline"}, {"prompt": "consent"}):
        assert await asks(**changes)
    toms = await site.person("tom@example.com")
    page = await (await site.signed_in(toms.email)).get("/oauth/v2/auth", params=site.request(app))
    assert 'name="decision"' in page.text


async def test_R45_a_self_client_reaches_its_owners_data_alone(site: Site) -> None:
    """By code and by its own credentials; nobody else can be asked (R45, R46)."""
    app = await site.app("self-client")
    by_code = (await site.tokens(app))["access_token"]
    by_secret = (await site.token(app, grant_type="client_credentials", scope=SCOPE)).json()["access_token"]
    for token in (by_code, by_secret):
        assert (await site.introspect(app, token))["sub"] == str(site.account.id)
    fields = {
        "client_id": app.id,
        "response_type": "code",
        "scope": SCOPE,
        "redirect_uri": "https://x.example",
    }
    assert (await site.browser().get("/oauth/v2/auth", params=fields)).status_code == 400
    row = "UPDATE clients SET owner_account_id = $2 WHERE id = $1"
    code = await site.console_code(app)
    await site.db.run(row, app.id, (await site.person("tom@example.com")).id)
    assert refusal(await site.exchange(app, code)) == (400, "invalid_grant")


async def test_client_credentials_of_a_server_based_app_are_the_apps_own(site: Site) -> None:
    """No person, no scopes that are about one, and only what it registered (T30)."""
    app = await site.app("server-based", app_scopes=(SCOPE,))
    answer = await site.token(app, grant_type="client_credentials", scope=SCOPE)
    told = await site.introspect(app, answer.json()["access_token"])
    assert told["sub"] == app.id
    for scope in ("CRM.modules.contacts.READ", "AaaServer.profile.READ", "openid", "CRM.modules.leads.ALL"):
        refused = await site.token(app, grant_type="client_credentials", scope=scope)
        assert (refusal(refused), code_of(refused)) == ((400, "invalid_scope"), "scope_not_for_apps")
    soid = f"ZohoCRM.{app.client.organization_id}"
    asked = {"grant_type": "client_credentials", "scope": SCOPE}
    assert (await site.token(app, **asked, soid=soid)).status_code == 200
    assert refusal(await site.token(app, **asked, soid=soid + "1")) == (400, "invalid_target")


async def test_R14_the_answer_tells_where_the_data_is(site: Site) -> None:
    """Location and accounts server by redirect, the API with the token, the list for all (R14, R71)."""
    app, spa = await site.app("server-based"), await site.app("client-based")
    for page in (await site.authorize(app), await site.authorize(spa, **IMPLICIT)):
        answer = answer_of(page)
        assert (answer["location"], answer["accounts-server"]) == ("us", ISSUER)
    assert (await site.tokens(app))["api_domain"] == API
    listed = (await site.call("GET", "/oauth/serverinfo")).json()
    assert (listed["result"], listed["locations"]["us"]) == ("success", ISSUER)
    declined = answer_of(await site.authorize(app, scope="wrong"))
    assert not {"location", "accounts-server"} & set(declined), "on success only"


async def test_R59_email_in_the_scope_brings_an_id_token_with_the_persons_data(site: Site) -> None:
    """In the described form, signed, without `openid` or a nonce (R57, R58, R59)."""
    app = await site.app("client-based")
    answer = answer_of(await site.authorize(app, scope=f"email profile {SCOPE}", **IMPLICIT))
    assert (answer["token_type"], answer["expires_in"], answer["location"]) == ("Bearer", "3600", "us")
    payload = answer["id_token"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["email"], claims["name"]) == ("mara@example.com", "Mara Lindqvist")
    assert (claims["aud"], claims["iss"]) == (app.id, ISSUER)
    assert "nonce" not in claims
    assert "id_token" not in answer_of(await site.authorize(app, scope=SCOPE, **IMPLICIT))


async def test_R60_calls_from_other_origins_are_refused_before_anything_happens(site: Site) -> None:
    """And not even the code is spent (R60)."""
    app = await site.app("client-based")
    code = await site.code(app)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    fields |= {"client_id": app.id, "code_verifier": VERIFIER}
    for origin in (
        "https://evil.example",
        "null",
        f"{SPA}.evil.example",
        f"{SPA}:8443",
        "http://spa.example",
    ):
        refused = await site.post("/oauth/v2/token", fields, headers={"Origin": origin})
        assert refusal(refused) == (403, "access_denied"), origin
        assert "access-control-allow-origin" not in refused.headers
    assert (await site.post("/oauth/v2/token", fields, headers={"Origin": SPA})).status_code == 200


async def test_R61_a_browser_app_renews_while_the_person_is_there(site: Site) -> None:
    """Silently, by `prompt=none` or at the vendor's address; signed out, it is told (R61)."""
    app = await site.app("client-based")
    browser = await site.signed_in()
    first = answer_of(await site.authorize(app, browser=browser, **IMPLICIT))
    for path, changes in (("/oauth/v2/auth", {"prompt": "none"}), ("/oauth/v2/auth/refresh", {})):
        page = await browser.get(path, params=site.request(app, **{**IMPLICIT, **changes}))
        again = answer_of(page)
        assert again["access_token"] != first["access_token"]
        assert "refresh_token" not in again
        stranger = await site.browser().get(path, params=site.request(app, **{**IMPLICIT, **changes}))
        assert answer_of(stranger)["error"] == "login_required"


async def test_R3_access_that_was_removed_ends_with_the_next_request(site: Site) -> None:
    """Refresh, access token, introspection and userinfo, at once (R3)."""
    app = await site.app("server-based")
    browser = await site.signed_in()
    tokens = await site.tokens(app, browser=browser, scope="openid email")
    page = await browser.get("/account/apps")
    await browser.submit(page, {"client_id": app.id}, path="/account/apps/remove")
    refused = await site.refresh(app, tokens["refresh_token"])
    assert (refusal(refused), code_of(refused)) == ((400, "invalid_grant"), "consent_withdrawn")
    assert await site.introspect(app, tokens["access_token"]) == {"active": False}
    info = await site.call("GET", "/oauth/v2/userinfo", headers=bearer(tokens["access_token"]))
    assert info.status_code == 401
    again = await browser.get("/oauth/v2/auth", params=site.request(app, scope="openid email"))
    assert 'name="decision"' in again.text, "and the app must ask anew"


async def test_R1_no_app_ever_sees_a_password(site: Site) -> None:
    """There is no grant that takes one, and no page of an app that asks (R1, R52)."""
    app: App = await site.app("server-based")
    fields = {"grant_type": "password", "username": "mara@example.com", "password": "correct horse battery"}
    assert refusal(await site.token(app, **fields, scope=SCOPE)) == (400, "unsupported_grant_type")
    members = (await site.call("GET", "/.well-known/openid-configuration")).json()
    assert "password" not in members["grant_types_supported"]
