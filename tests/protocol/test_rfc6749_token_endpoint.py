"""The token endpoint: its form, its answers, its errors (RFC 6749 §3.2, RFC 6749 §5)."""

import json
from typing import Any

import httpx2
import pytest

from tests.protocol.wire import basic, challenge, code_of, refusal
from tests.site import CALLBACK, DEVICE_GRANT, SCOPE, App, Site

TOKEN = "/oauth/v2/token"
REGISTERED = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
}
GRANTS = ["authorization_code", "refresh_token", "client_credentials", "console code", "device code"]


async def answer_to(site: Site, grant: str) -> httpx2.Response:
    """A successful answer to each grant."""
    web = await site.app("server-based")
    if grant == "authorization_code":
        code = await site.code(web, access_type="offline", scope=f"openid {SCOPE}")
        return await site.exchange(web, code)
    if grant == "refresh_token":
        return await site.refresh(web, (await site.tokens(web))["refresh_token"])
    if grant == "client_credentials":
        return await site.token(web, grant_type="client_credentials", scope=SCOPE)
    if grant == "console code":
        own = await site.app("self-client")
        return await site.exchange(own, await site.console_code(own))
    return await site.device_tokens(await site.app("non-browser"))


async def test_6749_3_2_a_the_token_endpoint_takes_only_post(site: Site) -> None:
    """Anything else is 405, however right its parameters are (RFC 6749 §3.2)."""
    app = await site.app("self-client")
    code = await site.console_code(app)
    fields = {"grant_type": "authorization_code", "code": code, **app.credentials}
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        refused = await site.call(method, TOKEN, params=fields)
        assert refused.status_code == 405
    assert (await site.post(TOKEN, params=fields)).status_code == 200, "and the code was not spent"


async def test_6749_3_2_b_empty_is_absent_unknown_is_ignored_and_twice_is_refused(site: Site) -> None:
    """The rules of the authorization endpoint hold here too (RFC 6749 §3.2)."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    empty = await site.refresh(app, tokens["refresh_token"], scope="", resource="")
    assert (empty.status_code, empty.json()["scope"]) == (200, SCOPE)
    missing = await site.refresh(app, "")
    assert (refusal(missing), code_of(missing)) == ((400, "invalid_request"), "parameter_missing")
    assert (await site.refresh(app, tokens["refresh_token"], foo="bar")).status_code == 200
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **app.credentials}
    for name, value in [*fields.items(), ("scope", SCOPE), ("redirect_uri", CALLBACK)]:
        body = httpx2.QueryParams(
            [*fields.items(), *([] if name in fields else [(name, value)]), (name, value)]
        )
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        twice = await site.call("POST", TOKEN, content=str(body), headers=form)
        assert (refusal(twice), code_of(twice)) == ((400, "invalid_request"), "parameter_repeated"), name


async def test_6749_3_2_b_a_parameter_in_query_and_body_comes_twice(site: Site) -> None:
    """Query and body are one set of parameters (RFC 6749 §3.2)."""
    app = await site.app("self-client")
    refresh_token = (await site.tokens(app))["refresh_token"]
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, **app.credentials}
    assert refusal(await site.post(TOKEN, fields, params={"grant_type": "refresh_token"})) == (
        400,
        "invalid_request",
    )
    assert (await site.post(TOKEN, fields)).status_code == 200


@pytest.mark.parametrize("grant", GRANTS)
async def test_6749_5_1_a_every_grant_answers_with_the_members_of_a_token_response(
    site: Site, grant: str
) -> None:
    """Token, type, life in seconds as a number, scope as text (RFC 6749 §5.1)."""
    answer = await answer_to(site, grant)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    members = answer.json()
    optional = {"refresh_token", "id_token"}
    required = {"access_token", "token_type", "expires_in", "scope", "api_domain"}
    assert required <= set(members) <= required | optional
    assert members["token_type"] == "Bearer"
    assert type(members["expires_in"]) is int
    assert members["expires_in"] == 3600
    assert await site.works(members["access_token"])
    for name in (required | optional) & set(members) - {"expires_in"}:
        assert isinstance(members[name], str)
        assert members[name]


@pytest.mark.parametrize("grant", GRANTS)
async def test_6749_5_1_b_no_answer_with_a_token_is_stored(site: Site, grant: str) -> None:
    """Both headers, on successes and refusals (RFC 6749 §5.1)."""
    answer = await answer_to(site, grant)
    refused = await site.post(TOKEN, {"grant_type": "authorization_code"})
    for response in (answer, refused):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["pragma"] == "no-cache"


async def test_6749_5_1_b_device_answers_and_redirects_with_tokens_are_not_stored(site: Site) -> None:
    """Whatever carries a secret says `no-store` (RFC 6749 §5.1)."""
    device = await site.app("non-browser")
    started = await site.post("/oauth/v3/device/code", {"client_id": device.id, "scope": SCOPE})
    spa = await site.app("client-based")
    redirect = await site.authorize(
        spa, response_type="token", code_challenge=None, code_challenge_method=None
    )
    assert "access_token" in redirect.headers["location"]
    tokens = await site.tokens(await site.app("server-based"), scope="openid")
    info = await site.call(
        "GET", "/oauth/v2/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    for response in (started, redirect, info):
        assert response.status_code in (200, 303)
        assert response.headers["cache-control"] == "no-store"


def bad_requests(app: App) -> dict[str, tuple[dict[str, Any], str]]:
    good = {"grant_type": "client_credentials", "scope": SCOPE, **app.credentials}
    without = {name: value for name, value in good.items() if name != "grant_type"}
    return {
        "no parameter at all": ({}, "invalid_request"),
        "no grant type": (without, "invalid_request"),
        "a grant type of another case": (
            {**good, "grant_type": "Client_Credentials"},
            "unsupported_grant_type",
        ),
        "the password grant": ({**good, "grant_type": "password"}, "unsupported_grant_type"),
        "the implicit grant": ({**good, "grant_type": "implicit"}, "unsupported_grant_type"),
        "a grant that is not built": (
            {**good, "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"},
            "unsupported_grant_type",
        ),
        "no code": ({**good, "grant_type": "authorization_code"}, "invalid_request"),
        "no refresh token": ({**good, "grant_type": "refresh_token"}, "invalid_request"),
        "a code of nobody": ({**good, "grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
        "a device grant": ({**good, "grant_type": DEVICE_GRANT, "device_code": "x"}, "unauthorized_client"),
        "an unknown scope": ({**good, "scope": "CRM.nothing.READ"}, "invalid_scope"),
        "a scope in quotes": ({**good, "scope": f'"{SCOPE}"'}, "invalid_scope"),
        "no scope": ({**good, "scope": ""}, "invalid_scope"),
        "an unknown client": ({**good, "client_id": "glc_us_x"}, "invalid_client"),
        "a NUL": ({**good, "scope": "a\x00b"}, "invalid_request"),
        "letters that are not ASCII": ({**good, "client_id": "é"}, "invalid_request"),
        "a value without end": ({**good, "scope": "a" * 9000}, "invalid_request"),
    }


async def test_6749_5_2_a_a_bad_request_is_a_json_error_with_a_registered_code(site: Site) -> None:
    """400, or 401 for the client; never 200 and never 500 (RFC 6749 §5.2)."""
    app = await site.app("server-based")
    for name, (fields, error) in bad_requests(app).items():
        refused = await site.post(TOKEN, fields)
        assert refusal(refused) == (401 if error == "invalid_client" else 400, error), name
        assert error in REGISTERED
        assert refused.headers["content-type"] == "application/json"
        assert refused.json()["error_uri"].startswith("http://127.0.0.1:8700/errors/")
        assert json.dumps(refused.json(), ensure_ascii=False).isascii()
    good = {"grant_type": "client_credentials", "scope": SCOPE}
    assert (await site.token(app, **good)).status_code == 200


NO_FORMS = [
    (b'{"grant_type":"client_credentials"}', "application/json"),
    (b"grant_type=client_credentials", "text/plain"),
    (b"grant_type=client_credentials", ""),
    (b"grant_type=%ff%fe", "application/x-www-form-urlencoded"),
    (b"grant_type=%zz", "application/x-www-form-urlencoded"),
    (b"\xff\xfe", "application/x-www-form-urlencoded"),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
    (b"--x--", "multipart/form-data"),
    (b"&".join(b"p%d=1" % n for n in range(200)), "application/x-www-form-urlencoded"),
]


async def test_6749_5_2_a_a_body_that_is_no_form_is_an_invalid_request(site: Site) -> None:
    """Unreadable is 400 as well (RFC 6749 §5.2)."""
    for content, kind in NO_FORMS:
        refused = await site.call("POST", TOKEN, content=content, headers={"Content-Type": kind})
        assert refusal(refused) == (400, "invalid_request"), (content[:40], kind)


async def test_6749_5_2_a_a_body_over_64_kb_is_refused_as_json(site: Site) -> None:
    """The one status of its own: 413 (RFC 6749 §5.2)."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = await site.call("POST", TOKEN, content=b"a=" + b"x" * 65536, headers=form)
    assert refusal(refused) == (413, "invalid_request")


@pytest.mark.parametrize("path", [TOKEN, "/oauth/v2/token/revoke", "/oauth/v2/introspect"])
async def test_6749_5_2_b_failed_basic_authentication_is_401_with_a_basic_challenge(
    site: Site, path: str
) -> None:
    """The challenge is of the scheme that was tried (RFC 6749 §5.2)."""
    app = await site.app("server-based")
    assert app.secret is not None
    fields = {"grant_type": "client_credentials", "scope": SCOPE, "token": "x"}
    refused = await site.post(path, fields, headers=basic(app.id, "wrong"))
    assert refusal(refused) == (401, "invalid_client")
    scheme, attributes = challenge(refused)
    assert (scheme, attributes["realm"]) == ("Basic", "Grantline")
    assert (await site.post(path, fields, headers=basic(app.id, app.secret))).status_code == 200


async def test_6749_5_2_b_a_malformed_basic_header_is_an_invalid_request(site: Site) -> None:
    """Nothing that can't be read authenticates anybody (RFC 6749 §5.2)."""
    app = await site.app("self-client")
    fields = {"grant_type": "client_credentials", "scope": SCOPE}
    for header in ("Basic", "Basic !!", "Basic Og==", "Basic eDp5=", "Basic x y", "basic eA=="):
        refused = await site.post(TOKEN, {**fields, **app.credentials}, headers={"Authorization": header})
        assert refusal(refused) == (400, "invalid_request")
        assert code_of(refused) == "authorization_header_malformed"


async def test_6749_5_2_c_a_code_that_does_not_work_is_an_invalid_grant(site: Site) -> None:
    """Wrong, expired, used, foreign, with another redirect URI (RFC 6749 §5.2)."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Other")

    async def refused(who: App, code: str, **changes: Any) -> str:
        answer = await site.exchange(who, code, **changes)
        assert refusal(answer) == (400, "invalid_grant")
        return code_of(answer)

    code = await site.code(app)
    assert await refused(app, code[:-1] + ("a" if code[-1] != "a" else "b")) == "code_unknown"
    assert await refused(other, code) == "code_unknown", "a stranger does not learn that it exists"
    assert await refused(app, code, redirect_uri="https://app.example/") == "code_redirect_uri_mismatch"
    assert (await site.exchange(app, code)).status_code == 200
    assert await refused(app, code) == "code_already_used"
    late = await site.code(app)
    site.clock.advance(60)
    assert await refused(app, late) == "code_expired"


async def test_6749_5_2_c_a_refresh_token_that_does_not_work_is_an_invalid_grant(site: Site) -> None:
    """Wrong, expired, revoked, foreign (RFC 6749 §5.2)."""
    app, spa = await site.app("server-based"), await site.app("client-based")

    async def refused(who: App, token: str) -> str:
        answer = await site.refresh(who, token)
        assert refusal(answer) == (400, "invalid_grant")
        return code_of(answer)

    token = (await site.tokens(app))["refresh_token"]
    spa_token = (await site.tokens(spa))["refresh_token"]
    assert await refused(app, token[:-1] + ("a" if token[-1] != "a" else "b")) == "refresh_token_unknown"
    assert await refused(app, spa_token) == "refresh_token_unknown"
    assert await refused(app, (await site.tokens(app))["access_token"]) == "token_wrong_kind"
    assert (await site.refresh(app, token)).status_code == 200
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": token})
    assert await refused(app, token) == "authorization_revoked"
    site.clock.advance(86_400)
    assert await refused(spa, spa_token) == "refresh_token_idle"


async def test_6749_5_2_d_each_error_means_what_it_says(site: Site) -> None:
    """A grant this type may not use, one that nobody may, a scope that is not there (RFC 6749 §5.2)."""
    spa, own = await site.app("client-based"), await site.app("self-client")
    asked = {"grant_type": "client_credentials", "scope": SCOPE}
    assert refusal(await site.token(spa, **asked)) == (400, "unauthorized_client")
    assert refusal(await site.token(own, **{**asked, "grant_type": "x"})) == (400, "unsupported_grant_type")
    assert refusal(await site.token(own, **{**asked, "scope": "x"})) == (400, "invalid_scope")
    assert (await site.token(own, **asked)).status_code == 200
