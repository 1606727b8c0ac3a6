"""Who the client is: types, secrets, methods (RFC 6749 §2, RFC 6749 §3.2.1)."""

import base64
import json
from typing import Any

import pytest

from grantline.oauth.basic import parse_basic, render_basic
from grantline.opaque import digest
from tests.conftest import SiteFactory
from tests.protocol.wire import basic, code_of, refusal
from tests.site import CALLBACK, DEVICE_GRANT, SCOPE, Site

CONFIDENTIAL = ["server-based", "self-client"]
ANOTHER_NETWORK = "203.0.113.7"


async def cc(site: Site, fields: dict[str, Any], **options: Any) -> Any:
    """A token request by client credentials: the one grant that needs nothing but the client."""
    return await site.post(
        "/oauth/v2/token", {"grant_type": "client_credentials", "scope": SCOPE, **fields}, **options
    )


@pytest.mark.parametrize("type_name", ["client-based", "mobile"])
async def test_6749_2_1_a_a_made_up_secret_makes_no_public_client_confidential(
    site: Site, type_name: str
) -> None:
    """The type is fixed by registration; nothing in a request changes it (RFC 6749 §2.1)."""
    app = await site.app(type_name)
    made_up = {"client_id": app.id, "client_secret": "made-up"}
    assert refusal(await cc(site, made_up)) == (401, "invalid_client")
    assert refusal(await cc(site, {"client_id": app.id})) == (400, "unauthorized_client")
    told = await site.post("/oauth/v2/introspect", {**made_up, "token": "x"})
    assert refusal(told) == (401, "invalid_client")
    code = await site.code(app)
    assert refusal(await site.exchange(app, code, client_secret="made-up")) == (401, "invalid_client")
    assert (await site.exchange(app, code)).status_code == 200


async def test_6749_2_1_a_the_optional_secret_of_a_device_changes_no_rule(site: Site) -> None:
    """A shipped secret is checked, and leaves the type what it is (RFC 6749 §2.1)."""
    app = await site.app("non-browser")
    assert app.secret is not None
    tokens = (await site.device_tokens(app)).json()
    with_secret = await site.refresh(app, tokens["refresh_token"], client_secret=app.secret)
    assert with_secret.json()["refresh_token"] != tokens["refresh_token"], "rotated, as for any public client"
    credentials = {"client_id": app.id, "client_secret": app.secret}
    assert refusal(await cc(site, credentials)) == (400, "unauthorized_client")
    told = await site.post("/oauth/v2/introspect", {**credentials, "token": "x"})
    assert refusal(told) == (401, "invalid_client")


@pytest.mark.parametrize("type_name", CONFIDENTIAL)
async def test_6749_2_2_a_a_client_id_alone_authenticates_no_confidential_client(
    site: Site, type_name: str
) -> None:
    """Knowing an id proves nothing (RFC 6749 §2.2)."""
    app = await site.app(type_name)
    for secret in (None, "", " ", "null", "undefined", "wrong"):
        sent = {} if secret is None else {"client_secret": secret}
        assert refusal(await cc(site, {"client_id": app.id, **sent})) == (401, "invalid_client")
        by_header = await cc(site, {}, headers=basic(app.id, secret or ""))
        assert refusal(by_header) == (401, "invalid_client")
        assert (await cc(site, app.credentials)).status_code == 200


async def test_6749_2_3_a_the_server_refuses_two_authentication_methods_in_one_request(site: Site) -> None:
    """One method per request, even when both are right (RFC 6749 §2.3)."""
    app = await site.app("server-based")
    assert app.secret is not None
    header = basic(app.id, app.secret)
    both = await cc(site, app.credentials, headers=header)
    assert refusal(both) == (400, "invalid_request")
    assert code_of(both) == "two_authentication_methods"
    assert (await cc(site, {}, headers=header)).status_code == 200
    assert (await cc(site, {"client_id": app.id}, headers=header)).status_code == 200, "naming itself is none"
    other = await site.app("self-client")
    mixed = await cc(site, {"client_id": other.id}, headers=header)
    assert (refusal(mixed), code_of(mixed)) == ((400, "invalid_request"), "client_id_conflict")


async def test_6749_2_3_1_a_a_client_with_a_secret_authenticates_by_basic_and_in_the_body(site: Site) -> None:
    """Basic is always there, the body as well (RFC 6749 §2.3.1)."""
    app = await site.app("server-based")
    assert app.secret is not None
    fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    by_header = await site.post(
        "/oauth/v2/token", {**fields, "code": await site.code(app)}, headers=basic(app.id, app.secret)
    )
    assert by_header.status_code == 200
    in_body = await site.post("/oauth/v2/token", {**fields, "code": await site.code(app), **app.credentials})
    assert in_body.status_code == 200
    wrong = await site.post(
        "/oauth/v2/token", {**fields, "code": await site.code(app)}, headers=basic(app.id, app.secret + "x")
    )
    assert refusal(wrong) == (401, "invalid_client")


async def test_6749_2_3_1_b_id_and_secret_are_form_encoded_before_base64(site: Site) -> None:
    """Any secret survives the header (RFC 6749 §2.3.1)."""
    app = await site.app("self-client")
    for secret in ("a:b", "100%", "a+b c", "%41", "schlüssel", "鍵", "a&b=c"):
        assert parse_basic(render_basic(app.id, secret)) == (app.id, secret)
        stored = json.dumps([["sec_test", digest(secret).hex(), site.clock(), None, None]])
        await site.db.run("UPDATE clients SET secrets = $2 WHERE id = $1", app.id, stored)
        assert (await cc(site, {}, headers=basic(app.id, secret))).status_code == 200
        assert refusal(await cc(site, {}, headers=basic(app.id, secret + "%"))) == (401, "invalid_client")
        if "%" in secret or "+" in secret:
            raw = base64.b64encode(f"{app.id}:{secret}".encode()).decode()
            not_encoded = await cc(site, {}, headers={"Authorization": f"Basic {raw}"})
            assert not_encoded.status_code in (400, 401), "what is not encoded reads as something else"


@pytest.mark.parametrize("where", ["client_secret", "code", "refresh_token"])
async def test_6749_2_3_1_c_credentials_in_the_address_are_refused(site: Site, where: str) -> None:
    """An address is kept in logs on the way (RFC 6749 §2.3.1, divergence for Self Clients: R18)."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    fields = {
        "client_secret": {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        "refresh_token": {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        "code": {
            "grant_type": "authorization_code",
            "code": await site.code(app),
            "redirect_uri": CALLBACK,
        },
    }[where] | app.credentials
    moved = fields.pop(where)
    in_address = await site.post("/oauth/v2/token", fields, params={where: moved})
    assert (refusal(in_address), code_of(in_address)) == ((400, "invalid_request"), "credentials_in_query")
    assert (await site.post("/oauth/v2/token", {**fields, where: moved})).status_code == 200, "nothing spent"


@pytest.mark.parametrize("path", ["/oauth/v2/token", "/oauth/v2/token/revoke", "/oauth/v2/introspect"])
async def test_6749_2_3_1_d_guessing_a_secret_is_slowed_down(open_a_site: SiteFactory, path: str) -> None:
    """Twenty wrong secrets a minute for a client and network; the right one never waits (RFC 6749 §2.3.1)."""
    async with open_a_site(limits="1") as site:
        site.peer = ANOTHER_NETWORK
        app = await site.app("server-based")
        good = {**app.credentials, "grant_type": "client_credentials", "scope": SCOPE, "token": "x"}
        wrong = {**good, "client_secret": "wrong"}
        for _ in range(20):
            assert refusal(await site.post(path, wrong)) == (401, "invalid_client")
        slowed = await site.post(path, wrong)
        assert slowed.status_code == 429
        assert 0 < int(slowed.headers["retry-after"]) <= 60
        assert (await site.post(path, good)).status_code == 200
        site.clock.advance(61)
        assert refusal(await site.post(path, wrong)) == (401, "invalid_client")
        await site.mint.recorder.flush()
        rows = await site.db.all("SELECT code FROM activity WHERE client_id = $1", app.id)
        assert "client_secret_wrong" in {row[0] for row in rows}, "the owner sees it"


async def test_client_assertions_are_refused_and_not_advertised(site: Site) -> None:
    """The methods of RFC 6749 §2.3.2 that are not built are neither taken nor promised."""
    app = await site.app("server-based")
    asserted = {
        "client_id": app.id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "eyJhbGciOiJub25lIn0.e30.",
    }
    assert refusal(await cc(site, asserted)) == (401, "invalid_client")
    for document in ("openid-configuration", "oauth-authorization-server"):
        members = (await site.call("GET", f"/.well-known/{document}")).json()
        methods = members["token_endpoint_auth_methods_supported"]
        assert sorted(methods) == ["client_secret_basic", "client_secret_post", "none"]


@pytest.mark.parametrize("type_name", CONFIDENTIAL)
async def test_6749_3_2_1_a_every_grant_needs_the_authentication_of_a_confidential_client(
    site: Site, type_name: str
) -> None:
    """Code, refresh token and client credentials alike (RFC 6749 §3.2.1)."""
    app = await site.app(type_name)
    code = await (site.console_code(app) if type_name == "self-client" else site.code(app))
    refresh_token = (await site.tokens(app))["refresh_token"]
    redirect = {"redirect_uri": app.redirect_uri} if app.client.redirect_uris else {}
    grants: list[dict[str, str]] = [
        {"grant_type": "authorization_code", "code": code, **redirect},
        {"grant_type": "refresh_token", "refresh_token": refresh_token},
        {"grant_type": "client_credentials", "scope": SCOPE},
    ]
    for fields in grants:
        alone = await site.post("/oauth/v2/token", {**fields, "client_id": app.id})
        assert (refusal(alone), code_of(alone)) == ((401, "invalid_client"), "client_secret_missing")
        assert (await site.token(app, **fields)).status_code == 200


@pytest.mark.parametrize("type_name", ["client-based", "mobile"])
async def test_6749_3_2_1_b_the_server_wants_a_client_id_with_a_code(site: Site, type_name: str) -> None:
    """A client that does not authenticate still says who it is (RFC 6749 §3.2.1)."""
    app = await site.app(type_name)
    code = await site.code(app)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    nameless = await site.post("/oauth/v2/token", fields)
    assert (refusal(nameless), code_of(nameless)) == ((400, "invalid_request"), "client_id_missing")
    assert (await site.exchange(app, code)).status_code == 200


async def test_6749_3_2_1_b_a_device_names_itself_too(site: Site) -> None:
    """The same for a device code (RFC 6749 §3.2.1)."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    fields = {"grant_type": DEVICE_GRANT, "device_code": started["device_code"]}
    assert refusal(await site.post("/oauth/v2/token", fields)) == (400, "invalid_request")
    assert refusal(await site.device_poll(app, started["device_code"])) == (400, "authorization_pending")
