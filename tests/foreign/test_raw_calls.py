"""What scripts, gateways and the vendor's SDKs for other languages put on the wire, written out by hand."""

import base64
import http.client
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import pytest
from playwright.sync_api import Page

from tests.foreign.arrivals import answer_in, let_a_person_decide, listening
from tests.running import Demo

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

SCOPE = "CRM.modules.leads.READ,AaaServer.profile.READ"
Answer = tuple[int, Mapping[str, str], Any]


def call(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """One request, exactly as given: status, headers in lower case, JSON."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(answer.read())
    finally:
        connection.close()


def basic(client: Mapping[str, Any], secret: str | None = None) -> dict[str, str]:
    """The Authorization header of a client."""
    pair = f"{client['client_id']}:{client['client_secret'] if secret is None else secret}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def multipart(fields: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """A body as the vendor's Node SDK builds it: a boundary of dashes and digits, no types of parts."""
    boundary = f"{'-' * 26}{uuid.uuid4().int % 10**24:024d}"
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    headers = {"content-type": f"multipart/form-data; boundary={boundary}", "user-agent": "got"}
    return headers, "".join([*lines, f"--{boundary}--\r\n"]).encode()


@pytest.fixture(scope="module")
def refresh_token(demo: Demo) -> str:
    """A refresh token of the self client, made from a code as a script makes it: everything in the query."""
    client = demo.client("self_client")
    query = {
        "grant_type": "authorization_code",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "code": demo.code("CRM.modules.leads.READ"),
    }
    status, _, told = call("POST", f"{demo.issuer}/oauth/v2/token?{urlencode(query)}")
    assert status == 200, told
    return str(told["refresh_token"])


def test_a_script_refreshes_with_everything_in_the_query_and_an_empty_body(
    refresh_token: str, demo: Demo
) -> None:
    """The most common call in the wild. The owner finds a warning in the client's activity (R18)."""
    client = demo.client("self_client")
    query = {
        "refresh_token": refresh_token,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "grant_type": "refresh_token",
    }
    url = f"{demo.issuer}/oauth/v2/token?{urlencode(query)}"
    status, headers, told = call("POST", url, headers={"Content-Length": "0"})
    assert status == 200
    assert headers["cache-control"] == "no-store"
    assert headers["content-type"].startswith("application/json")
    assert told["expires_in"] == 3600
    assert told["api_domain"] == demo.api_domain
    assert "expires_in_sec" not in told
    assert "refresh_token" not in told
    # Some send the type of a form too, and no Content-Length at all.
    status, _, told = call("POST", url, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 200
    warned = demo.grantline("logs", "--client", client["client_id"], "--json")
    assert "credentials_in_query" in {entry["code"] for entry in json.loads(warned)}


def test_only_a_self_client_may_put_its_secret_into_the_query(demo: Demo) -> None:
    """R18: elsewhere the query is refused, in JSON."""
    client = demo.client("server_based")
    query = {
        "grant_type": "refresh_token",
        "refresh_token": "glr_us_x",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    status, _, told = call("POST", f"{demo.issuer}/oauth/v2/token?{urlencode(query)}")
    assert (status, told["error"], told["grantline_code"]) == (400, "invalid_request", "credentials_in_query")


def test_multipart_bodies_exchange_refresh_and_revoke(demo: Demo) -> None:
    """The vendor's Node and TypeScript SDKs; they revoke with the token alone."""
    client = demo.client("self_client")
    credentials = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    headers, body = multipart(
        {**credentials, "grant_type": "authorization_code", "code": demo.code("CRM.modules.leads.READ")}
    )
    status, _, told = call("POST", f"{demo.issuer}/oauth/v2/token", headers=headers, body=body)
    assert status == 200, told
    refresh = {**credentials, "grant_type": "refresh_token", "refresh_token": told["refresh_token"]}
    headers, body = multipart(refresh)
    status, _, again = call("POST", f"{demo.issuer}/oauth/v2/token", headers=headers, body=body)
    assert status == 200
    assert again["access_token"] != told["access_token"]
    headers, body = multipart({"token": told["refresh_token"]})
    status, found, revoked = call("POST", f"{demo.issuer}/oauth/v2/token/revoke", headers=headers, body=body)
    assert (status, revoked) == (200, {"status": "success"})
    assert found["content-type"].startswith("application/json")
    headers, body = multipart(refresh)
    status, _, refused = call("POST", f"{demo.issuer}/oauth/v2/token", headers=headers, body=body)
    assert (status, refused["error"]) == (400, "invalid_grant")


def test_one_client_sends_the_code_with_basic_and_the_refresh_with_post(demo: Demo, page: Page) -> None:
    client = demo.client("server_based")
    redirect_uri = client["redirect_uris"][0]
    asked = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "access_type": "offline",
    }
    with listening(redirect_uri):
        back = let_a_person_decide(page, demo, f"{demo.issuer}/oauth/v2/auth?{urlencode(asked)}")
    form = {"grant_type": "authorization_code", "code": answer_in(back)["code"], "redirect_uri": redirect_uri}
    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    token_url = f"{demo.issuer}/oauth/v2/token"
    status, _, told = call(
        "POST", token_url, headers={**typed, **basic(client)}, body=urlencode(form).encode()
    )
    assert (status, told["scope"]) == (200, SCOPE.replace(",", " "))
    form = {
        "grant_type": "refresh_token",
        "refresh_token": told["refresh_token"],
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    status, _, _ = call("POST", token_url, headers=typed, body=urlencode(form).encode())
    assert status == 200
    # A passport strategy then asks who it is.
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    status, _, profile = call("GET", f"{demo.issuer}/oauth/user/info", headers=bearer)
    person = demo.user()
    assert (status, profile["Email"], profile["Display_Name"]) == (200, person["email"], person["name"])
    assert f"{profile['First_Name']} {profile['Last_Name']}" == person["name"]
    assert str(profile["ZUID"]) == person["sub"]
    status, _, again = call(
        "GET",
        f"{demo.issuer}/oauth/user/info",
        headers={"Authorization": f"Zoho-oauthtoken {told['access_token']}"},
    )
    assert (status, again) == (200, profile)


def test_a_wrong_secret_by_basic_is_challenged_and_one_in_the_body_is_not_without_need(demo: Demo) -> None:
    """RFC 6749 §5.2."""
    client = demo.client("server_based")
    body = urlencode({"grant_type": "client_credentials", "scope": "CRM.modules.leads.READ"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", **basic(client, "wrong")}
    status, found, told = call("POST", f"{demo.issuer}/oauth/v2/token", headers=headers, body=body)
    assert (status, told["error"]) == (401, "invalid_client")
    assert found["www-authenticate"].startswith("Basic ")


def test_an_installed_app_may_send_basic_with_an_empty_password(demo: Demo, page: Page) -> None:
    """A widely used library does so for a public client; and any port of loopback will do (RFC 8252 §7.3)."""
    client = demo.client("mobile")
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    with listening("http://127.0.0.1/callback") as app:
        asked = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": app.address,
            "scope": "openid",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = let_a_person_decide(page, demo, f"{demo.issuer}/oauth/v2/auth?{urlencode(asked)}")
        assert app.the_only_one().method == "GET"
    form = {
        "grant_type": "authorization_code",
        "code": answer_in(back)["code"],
        "redirect_uri": app.address,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", **basic(client, "")}
    status, _, told = call(
        "POST", f"{demo.issuer}/oauth/v2/token", headers=headers, body=urlencode(form).encode()
    )
    assert status == 200, told


def test_pyjwt_verifies_id_tokens_by_the_published_keys(demo: Demo, page: Page) -> None:
    """OpenID Connect Core §3.1.3.7, with what the discovery document names and nothing else."""
    client = demo.client("server_based")
    redirect_uri = client["redirect_uris"][0]
    _, _, metadata = call("GET", f"{demo.issuer}/.well-known/openid-configuration")
    asked = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": redirect_uri,
        "scope": "openid",
        "nonce": "n-0S6_WzA2Mj",
    }
    with listening(redirect_uri):
        back = let_a_person_decide(page, demo, f"{metadata['authorization_endpoint']}?{urlencode(asked)}")
    form = {"grant_type": "authorization_code", "code": answer_in(back)["code"], "redirect_uri": redirect_uri}
    headers = {"Content-Type": "application/x-www-form-urlencoded", **basic(client)}
    _, _, told = call("POST", metadata["token_endpoint"], headers=headers, body=urlencode(form).encode())

    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    key = keys.get_signing_key_from_jwt(told["id_token"])
    claims = jwt.decode(
        told["id_token"],
        key,
        algorithms=["RS256"],
        audience=client["client_id"],
        issuer=metadata["issuer"],
        options={"require": ["exp", "iat", "iss", "sub", "aud"]},
    )
    assert claims["nonce"] == "n-0S6_WzA2Mj"
    assert claims["sub"] == demo.user()["sub"]
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(told["id_token"], key, algorithms=["RS256"], audience="another")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(
            told["id_token"][:-8] + "AAAAAAAA", key, algorithms=["RS256"], audience=client["client_id"]
        )
