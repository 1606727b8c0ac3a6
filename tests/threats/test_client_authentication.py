"""Who a program is: method and type, secrets that are none, guessing, leniency (T28–T30, T36, T38–T41)."""

import base64
import json
from typing import Any

import pytest

from grantline.clients import CLIENT_TYPES
from grantline.clients.client_types import DEVICE_CODE
from grantline.oauth.basic import render_basic
from tests.conftest import SiteFactory
from tests.site import SCOPE, App, Site

TYPES = tuple(CLIENT_TYPES)
CONFIDENTIAL = tuple(name for name, kind in CLIENT_TYPES.items() if not kind.public)
GRANTS = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE)
ENDPOINTS = (
    "/oauth/v2/token",
    "/oauth/v2/token/revoke",
    "/oauth/v2/revoke/token",
    "/oauth/v2/introspect",
    "/oauth/v3/device/code",
    "/oauth/v3/device/token",
)
WHOLE = {
    "code": "glg_us_x",
    "refresh_token": "glr_us_x",
    "device_code": "gld_us_x",
    "token": "gla_us_x",
    "scope": SCOPE,
    "redirect_uri": "https://app.example/callback",
}
BAD_SECRETS = ("", " ", "null", "None", "undefined", "0", "gls_us_", "x", "gls_us_" + "0" * 49)


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": render_basic(client_id, secret)}


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_T28_who_authenticates_as_one_client_is_never_judged_as_another(site: Site, path: str) -> None:
    """RFC 6749 §2.3: one client for each request, whatever else names one."""
    one, other = await site.app("server-based"), await site.app("server-based", name="Somebody else")
    assert one.secret is not None
    for grant in GRANTS:
        for form in (
            {"client_id": other.id},
            {"client_id": other.id, "client_secret": other.secret},
            {"client_id": one.id, "client_secret": other.secret},
            {"client_secret": one.secret},
        ):
            response = await site.post(
                path, {**WHOLE, "grant_type": grant, **form}, headers=basic(one.id, one.secret)
            )
            assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
            assert "access_token" not in response.text
        twice = await site.call(
            "POST", f"{path}?client_id={other.id}", data={**WHOLE, **one.credentials, "grant_type": grant}
        )
        assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


async def test_T28_the_same_client_named_twice_alike_is_one_client(site: Site) -> None:
    app = await site.app("server-based")
    assert app.secret is not None
    form = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": app.id}
    assert (await site.post("/oauth/v2/token", form, headers=basic(app.id, app.secret))).status_code == 200


async def attempts(app: App, secret: str | None) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Form and headers of each way to bring this secret, or none."""
    if secret is None:
        return [({"client_id": app.id}, {}), ({}, basic(app.id, ""))]
    return [({"client_id": app.id, "client_secret": secret}, {}), ({}, basic(app.id, secret))]


async def grant_for(site: Site, app: App) -> dict[str, str]:
    """A token request that would succeed if the client is believed: refreshing works for every type."""
    tokens = await site.tokens(app)
    return {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}


@pytest.mark.parametrize("type_name", TYPES)
async def test_T29_the_stored_type_says_which_secret_is_due_and_a_wrong_one_never_passes(
    site: Site, type_name: str
) -> None:
    """RFC 6749 §3.2.1: blank, missing and made-up secrets, in the body and by Basic."""
    app, stranger = await site.app(type_name), await site.app("server-based", name="Somebody else")
    grant = await grant_for(site, app)
    public = app.client.type.public
    for secret in (None, *BAD_SECRETS, app.id, stranger.secret):
        missing = secret is None or secret == ""
        for form, headers in await attempts(app, secret):
            if missing and public:
                continue
            response = await site.post("/oauth/v2/token", {**grant, **form}, headers=headers)
            assert (response.status_code, response.json()["error"]) == (401, "invalid_client"), secret
    odd = await site.post("/oauth/v2/token", {**grant, "client_id": app.id, "client_secret": "\u00e9"})
    assert (odd.status_code, odd.json()["error"]) == (400, "invalid_request")
    form, headers = (await attempts(app, None if public else app.secret))[0]
    assert (await site.post("/oauth/v2/token", {**grant, **form}, headers=headers)).status_code == 200


@pytest.mark.parametrize("type_name", ["client-based", "mobile", "non-browser"])
async def test_T29_a_public_client_passes_without_a_secret_and_with_an_empty_basic_password(
    site: Site, type_name: str
) -> None:
    app = await site.app(type_name)
    for form, headers in [({"client_id": app.id}, {}), ({}, basic(app.id, ""))]:
        grant = await grant_for(site, app)
        assert (await site.post("/oauth/v2/token", {**grant, **form}, headers=headers)).status_code == 200


async def test_T29_a_reset_secret_is_dead_with_the_next_request(site: Site) -> None:
    from grantline.clients import reset_secrets

    app = await site.app("server-based")
    value, _ = await reset_secrets(site.db, app.client, "us", site.clock())
    form = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": app.id}
    assert (await site.token(None, **form, client_secret=app.secret)).status_code == 401
    assert (await site.token(None, **form, client_secret=value)).status_code == 200


@pytest.mark.parametrize("type_name", TYPES)
async def test_T30_a_type_has_the_grants_of_the_table_and_no_other(site: Site, type_name: str) -> None:
    """RFC 6749 §5.2: unauthorized_client comes before any look-up."""
    app = await site.app(type_name)
    for grant in GRANTS:
        response = await site.token(app, **WHOLE, grant_type=grant)
        if grant in app.client.type.grants:
            assert response.json().get("error") != "unauthorized_client"
        else:
            assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client"), grant
            assert "access_token" not in response.text


async def test_T30_an_app_as_itself_gets_no_scope_that_needs_a_person(site: Site) -> None:
    app = await site.app("server-based")
    person = next(one.name for one in site.mint.catalog.scopes if not one.for_apps and "." in one.name)
    for scope in (person, "openid", "email", "offline_access"):
        response = await site.token(app, grant_type="client_credentials", scope=scope)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_scope"), scope
    assert (await site.token(app, grant_type="client_credentials", scope=SCOPE)).status_code == 200


async def test_T36_guessing_secrets_is_slowed_and_the_right_one_never_waits(open_a_site: SiteFactory) -> None:
    """RFC 6749 §10.10: the twenty-first failure of a network in a minute gets 429."""
    async with open_a_site(limits="1", trusted_proxies="127.0.0.0/8") as site:
        app = await site.app("server-based")
        form = {"grant_type": "client_credentials", "scope": SCOPE, "client_id": app.id}

        async def send(secret: str | None, address: str = "203.0.113.9") -> Any:
            data = {**form, "client_secret": secret}
            return await site.post("/oauth/v2/token", data, headers={"X-Forwarded-For": address})

        first = [(await send("gls_us_wrong")).status_code for _ in range(20)]
        assert set(first) == {401}
        slowed = await send("gls_us_wrong")
        assert slowed.status_code == 429
        assert 0 < int(slowed.headers["retry-after"]) <= 60
        assert (await send(app.secret)).status_code == 200
        assert (await send("gls_us_wrong", "203.0.113.10")).status_code == 401
        site.clock.advance(60)
        assert (await send("gls_us_wrong")).status_code == 401


async def test_T36_guessing_client_ids_counts_for_the_network_too(open_a_site: SiteFactory) -> None:
    async with open_a_site(limits="1", trusted_proxies="127.0.0.0/8") as site:
        found = []
        for number in range(61):
            form = {"client_id": f"glc_us_{number}", "client_secret": "x", "grant_type": "refresh_token"}
            answer = await site.post("/oauth/v2/token", form, headers={"X-Forwarded-For": "203.0.113.9"})
            found.append(answer.status_code)
        assert found == [401] * 60 + [429]


async def test_T36_a_wrong_and_a_revoked_secret_read_alike(site: Site) -> None:
    """RFC 6749 §10.10: who proved nothing learns nothing."""
    from grantline.clients import reset_secrets

    app = await site.app("server-based")
    await reset_secrets(site.db, app.client, "us", site.clock())
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": app.id}
    bodies = []
    for secret in (app.secret, "gls_us_never"):
        members = (await site.token(None, **form, client_secret=secret)).json()
        bodies.append({name: value for name, value in members.items() if name != "request_id"})
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("type_name", TYPES)
async def test_T38_credentials_in_the_query_pass_for_self_clients_alone(site: Site, type_name: str) -> None:
    """RFC 6749 §2.3.1: refused even where they are right, because logs on the way keep them."""
    app = await site.app(type_name)
    grant = {**app.credentials, **await grant_for(site, app)}
    response = await site.call("POST", "/oauth/v2/token", params=grant)
    if type_name == "self-client":
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
    else:
        assert (response.status_code, response.json()["grantline_code"]) == (400, "credentials_in_query")
        assert (await site.post("/oauth/v2/token", grant)).status_code == 200, "nothing was spent"


async def test_T38_the_token_endpoint_answers_no_get(site: Site) -> None:
    """RFC 6749 §3.2."""
    app = await site.app("self-client")
    grant = {**app.credentials, **await grant_for(site, app)}
    assert (await site.call("GET", "/oauth/v2/token", params=grant)).status_code == 405
    assert (await site.call("POST", "/oauth/v2/token", params=grant)).status_code == 200


async def test_T39_client_assertions_are_not_taken_and_not_advertised(site: Site) -> None:
    """RFC 7523 §2.2: an assertion in the place of the secret proves nothing here."""
    app = await site.app("server-based")
    forged = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, {"iss": app.id, "sub": app.id, "aud": "http://127.0.0.1:8700"})
    )
    form = {
        "grant_type": "client_credentials",
        "scope": SCOPE,
        "client_id": app.id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": forged + ".",
    }
    assert (await site.post("/oauth/v2/token", form)).status_code == 401
    metadata = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    for name, value in metadata.items():
        assert not (
            name.endswith("auth_methods_supported") and {"private_key_jwt", "client_secret_jwt"} & {*value}
        )


async def test_T40_no_error_tells_a_program_about_people_places_times_or_other_apps(site: Site) -> None:
    """RFC 6749 §5.2: the text is the catalogue's; what explains it goes to the owner's activity."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Somebody else")
    used, foreign, expired = await site.code(app), await site.code(other), await site.code(app)
    tokens = await site.tokens(app)
    await site.exchange(app, used)
    site.clock.advance(70)
    answers = [
        await site.exchange(app, used),
        await site.exchange(app, foreign),
        await site.exchange(app, expired),
        await site.exchange(app, foreign, redirect_uri="https://evil.example"),
        await site.refresh(other, tokens["refresh_token"]),
        await site.refresh(app, tokens["refresh_token"], scope="CRM.modules.ALL"),
        await site.token(None, client_id=app.id, client_secret="x", grant_type="refresh_token"),
        await site.post("/oauth/v2/introspect", {"token": tokens["access_token"]}),
    ]
    secret = {
        str(site.clock()),
        str(site.account.id),
        "mara",
        "Mara",
        "127.0.0.1:4",
        other.id,
        app.id,
        "Desk",
    }
    secret |= {"callback", str(site.clock() - 70), str(app.client.organization_id), foreign, used}
    for answer in answers:
        assert answer.status_code in (400, 401)
        members = answer.json()
        assert {*members} <= {"error", "error_description", "error_uri", "grantline_code", "request_id"}
        assert not [one for one in secret if one in answer.text], answer.text


@pytest.mark.parametrize("type_name", TYPES)
async def test_T41_the_vendors_leniency_is_for_clients_with_the_switch(site: Site, type_name: str) -> None:
    """RFC 6749 §5.2: without it, and for whoever is not found, errors have their status and words."""
    grant = "device" if type_name == "non-browser" else "code"
    plain = await site.app(type_name)
    if type_name == "self-client":
        lenient = await site.app(
            type_name, owner=await site.person("tom@example.com"), vendor_compatible=True
        )
    else:
        lenient = await site.app(type_name, name="Old library", vendor_compatible=True)

    async def ask(app: App, **more: Any) -> Any:
        if grant == "device":
            return await site.device_poll(app, "gld_us_unknown", **more)
        return await site.exchange(app, "glg_us_unknown", **more)

    assert ((await ask(plain)).status_code, (await ask(plain)).json()["error"]) == (400, "invalid_grant")
    assert ((await ask(lenient)).status_code, (await ask(lenient)).json()["error"]) == (200, "invalid_code")
    unknown = await site.token(None, client_id="glc_us_x", client_secret="x", grant_type="refresh_token")
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")
    for app, statuses in ((plain, {400, 200}), (lenient, {400})):
        form = {**app.credentials, "token": "glr_us_unknown"}
        revoked = await site.post("/oauth/v2/token/revoke", form)
        assert revoked.status_code in statuses - ({400} if app is plain else set())


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_T41_a_repeated_scope_passes_with_the_switch_alone(site: Site, path: str) -> None:
    """RFC 6749 §3.1 and RFC 6749 §3.2: parameters come once (T13)."""
    plain, lenient = await site.app("server-based"), await site.app("server-based", vendor_compatible=True)
    for app, refused in ((plain, True), (lenient, False)):
        form = [*app.credentials.items(), ("scope", SCOPE), ("scope", SCOPE), ("token", "x"), ("code", "x")]
        body = "&".join(f"{name}={value}" for name, value in [*form, ("grant_type", "client_credentials")])
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = await site.call("POST", path, content=body, headers=headers)
        assert (response.json().get("grantline_code") == "parameter_repeated") is refused
