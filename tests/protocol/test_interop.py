"""What real clients demand, one test for each numbered line of the list of what they demand."""

import re
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import SiteFactory
from tests.protocol.wire import LEADS, basic, bearer, challenge, open_crm, refusal
from tests.running import Process, free_ports, run_grantline
from tests.site import (
    API,
    CALLBACK,
    ISSUER,
    SCOPE,
    SPA,
    VERIFIER,
    App,
    Site,
    answer_of,
    form_action,
    hidden_fields,
)

TOKEN, REVOKE, USERINFO = "/oauth/v2/token", "/oauth/v2/token/revoke", "/oauth/v2/userinfo"
DOCUMENTS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def parts(fields: dict[str, Any]) -> dict[str, tuple[None, str]]:
    """The fields as a multipart body."""
    return {name: (None, str(value)) for name, value in fields.items()}


async def test_interop_1_one_client_mixes_basic_and_post(site: Site) -> None:
    """One for the code, the other for the refresh; an empty password if public (RFC 6749 §2.3.1)."""
    app, public = await site.app("server-based"), await site.app("mobile")
    header = basic(app.id, app.secret or "")
    code = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    for first in (header, {}):
        fields = {
            **code,
            "code": await site.code(app, access_type="offline"),
            **({} if first else app.credentials),
        }
        tokens = (await site.post(TOKEN, fields, headers=first)).json()
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        second = await site.post(
            TOKEN, {**refresh, **(app.credentials if first else {})}, headers={} if first else header
        )
        assert second.status_code == 200
    token = (await site.tokens(public))["refresh_token"]
    refresh = {"grant_type": "refresh_token", "refresh_token": token}
    assert (await site.post(TOKEN, refresh, headers=basic(public.id, ""))).status_code == 200
    refused = await site.post(TOKEN, refresh, headers=basic(app.id, ""))
    assert refusal(refused) == (401, "invalid_client")


async def test_interop_2_a_form_comes_urlencoded_multipart_or_in_the_query_of_an_empty_post(
    site: Site,
) -> None:
    """All three, at token and revocation; errors are JSON (R18)."""
    app = await site.app("self-client")
    for send in ("data", "files", "params"):
        code = {"grant_type": "authorization_code", "code": await site.console_code(app), **app.credentials}
        body: Any = parts(code) if send == "files" else code
        tokens = (await site.call("POST", TOKEN, **{send: body})).json()
        assert await site.works(tokens["access_token"]), send
        wrong = {**code, "code": "x"}
        answer = await site.call("POST", TOKEN, **{send: parts(wrong) if send == "files" else wrong})
        assert refusal(answer) == (400, "invalid_grant")
        gone = {"token": tokens["refresh_token"]}
        revoked = await site.call("POST", REVOKE, **{send: parts(gone) if send == "files" else gone})
        assert (revoked.status_code, revoked.json()["status"]) == (200, "success")
        assert not await site.works(tokens["access_token"]), send


async def test_interop_3_expires_in_is_seconds_and_api_domain_is_ours(site: Site) -> None:
    """And there is no `expires_in_sec`, not even under the vendor switch (R71)."""
    for app in (await site.app("self-client"), await site.app("server-based", vendor_compatible=True)):
        tokens = await site.tokens(app)
        refreshed = (await site.refresh(app, tokens["refresh_token"])).json()
        for members in (tokens, refreshed):
            assert (members["expires_in"], members["api_domain"]) == (3600, API)
            assert "expires_in_sec" not in members


async def test_interop_4_revocation_answers_200_in_json_and_by_possession_where_it_may(site: Site) -> None:
    """A bare token suffices for public and self clients; credentials, when sent, must be right (T49)."""
    for type_name in ("self-client", "client-based", "non-browser", "mobile"):
        app = await site.app(type_name)
        tokens = await site.tokens(app)
        answer = await site.post(REVOKE, {"token": tokens["refresh_token"]})
        assert (answer.status_code, answer.json()) == (200, {"status": "success"})
        assert answer.headers["content-type"].startswith("application/json")
        assert not await site.works(tokens["access_token"]), type_name
    web, own = await site.app("server-based"), await site.app("self-client")
    tokens = await site.tokens(web)
    gone = {"token": tokens["refresh_token"]}
    assert (await site.post(REVOKE, gone)).status_code == 401
    wrong = {**gone, "client_id": web.id, "client_secret": "wrong"}
    assert refusal(await site.post(REVOKE, wrong)) == (401, "invalid_client")
    await site.post(REVOKE, {**gone, **own.credentials})
    assert await site.works(tokens["access_token"]), "another client changes nothing"
    assert (await site.post(REVOKE, {**gone, **web.credentials})).status_code == 200
    assert not await site.works(tokens["access_token"])


async def test_interop_5_the_scope_comes_back_as_it_was_asked(site: Site) -> None:
    """Always, spelling and order too, separated by spaces (R10)."""
    app = await site.app("server-based")
    asked = "crm.modules.LEADS.read,CRM.users.READ CRM.modules.contacts.ALL, email openid"
    tokens = await site.tokens(app, scope=asked)
    expected = asked.replace(",", " ").replace("  ", " ")
    refreshed = (await site.refresh(app, tokens["refresh_token"])).json()
    assert tokens["scope"] == refreshed["scope"] == expected
    device = await site.app("non-browser")
    assert (await site.tokens(device, scope=asked))["scope"] == expected


async def test_interop_6_native_apps_listen_on_any_loopback_port(site: Site) -> None:
    """Any port on the literals and on localhost, custom schemes exactly (RFC 8252 §7.3)."""
    uris = ("http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb", "com.example.pocket:/cb")
    app = await site.app("mobile", redirect_uris=uris)
    browser = await site.signed_in()
    for uri in (
        "http://127.0.0.1:49152/cb",
        "http://[::1]:50001/cb",
        "http://localhost:8123/cb",
        uris[0],
        uris[3],
    ):
        page = await site.authorize(app, browser=browser, redirect_uri=uri)
        assert page.headers["location"].startswith(uri + "?")
        tokens = await site.exchange(app, answer_of(page)["code"], redirect_uri=uri)
        assert tokens.status_code == 200
    for uri in (
        "http://127.0.0.2:49152/cb",
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:x/cb",
        "com.example.pocket:/CB",
    ):
        assert (await site.authorize(app, browser=browser, redirect_uri=uri)).status_code == 400
    web = await site.app("server-based", redirect_uris=("http://127.0.0.1:8704/cb",))
    moved = await site.authorize(web, browser=browser, redirect_uri="http://127.0.0.1:8705/cb")
    assert moved.status_code == 400, "other types name their port"


async def test_interop_7_discovery_names_the_issuer_to_the_letter(site: Site) -> None:
    """At both addresses, and `iss` in the redirect is the same (RFC 8414 §3)."""
    app = await site.app("server-based")
    for address in DOCUMENTS:
        answer = await site.call("GET", address)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["issuer"] == ISSUER
        assert answer.json()["authorization_response_iss_parameter_supported"] is True
    for changes in ({}, {"scope": "wrong"}):
        assert answer_of(await site.authorize(app, **changes))["iss"] == ISSUER


async def test_interop_8_refusals_have_their_challenge_and_tokens_are_not_stored(site: Site) -> None:
    """401 twice over, `no-store`, and no id_token that nobody asked for (RFC 6749 §5.2, RFC 6750 §3)."""
    app, spa = await site.app("server-based"), await site.app("client-based")
    fields = {"grant_type": "client_credentials", "scope": SCOPE}
    by_header = await site.post(TOKEN, fields, headers=basic(app.id, "wrong"))
    assert (by_header.status_code, challenge(by_header)[0]) == (401, "Basic")
    bad = await site.call("GET", USERINFO, headers=bearer("bad"))
    assert (bad.status_code, challenge(bad)[0]) == (401, "Bearer")
    assert challenge(bad)[1]["error"] == "invalid_token"
    fine = await site.post(TOKEN, fields, headers=basic(app.id, app.secret or ""))
    assert fine.headers["cache-control"] == "no-store"
    for scope in (SCOPE, f"email profile {SCOPE}"):
        assert "id_token" not in await site.tokens(app, scope=scope)
    assert "id_token" in await site.tokens(app, scope="openid")
    implicit = {"response_type": "token", "code_challenge": None, "code_challenge_method": None}
    assert "id_token" in answer_of(await site.authorize(spa, scope="email", **implicit)), "R59"
    assert "id_token" not in answer_of(await site.authorize(spa, **implicit))


async def test_interop_9_browser_apps_read_what_is_theirs(site: Site) -> None:
    """Pre-flight and answer for registered origins, errors too (T57)."""
    app = await site.app("client-based")
    own = {"Origin": SPA}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for path in (TOKEN, REVOKE, USERINFO, "/oauth/v2/keys", *DOCUMENTS):
        asked = await site.call("OPTIONS", path, headers={**own, **asks})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] in (SPA, "*")
        assert "authorization" in asked.headers["access-control-allow-headers"]
        stranger = await site.call("OPTIONS", path, headers={**asks, "Origin": "https://evil.example"})
        assert stranger.headers.get("access-control-allow-origin") in (None, "*")
    code = await site.code(app, scope="openid")
    fields = {
        "client_id": app.id,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.redirect_uri,
    }
    wrong = await site.post(TOKEN, fields, headers=own)
    assert refusal(wrong) == (400, "invalid_grant")
    foreign = await site.post(TOKEN, fields, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    tokens = await site.call("POST", TOKEN, data={**fields, "code_verifier": VERIFIER}, headers=own)
    info = await site.call("GET", USERINFO, headers={**own, **bearer(tokens.json()["access_token"])})
    gone = {"client_id": app.id, "token": tokens.json()["access_token"]}
    revoked = await site.post(REVOKE, gone, headers=own)
    for answer in (wrong, tokens, info, revoked):
        assert answer.headers["access-control-allow-origin"] == SPA
        assert "access-control-allow-credentials" not in answer.headers
    assert (tokens.status_code, info.status_code, revoked.status_code) == (200, 200, 200)


async def test_interop_9_a_silent_request_never_shows_a_page(site: Site) -> None:
    """`prompt=none` in a frame: an answer or an error, and the session counts (Core §3.1.2.1)."""
    app = await site.app("client-based")
    framed = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
    silent = site.request(app, prompt="none")
    stranger = await site.browser().get("/oauth/v2/auth", params=silent, headers=framed)
    assert answer_of(stranger)["error"] == "login_required"
    browser = await site.signed_in()
    before = await browser.get("/oauth/v2/auth", params=silent, headers=framed)
    assert answer_of(before)["error"] == "consent_required"
    await site.authorize(app, browser=browser)
    after = await browser.get("/oauth/v2/auth", params=silent, headers=framed)
    assert "code" in answer_of(after)


async def test_interop_10_the_vendors_passport_strategy_finds_its_fields(site: Site) -> None:
    """`GET /oauth/user/info` (vendor wire)."""
    token = (await site.tokens(await site.app("server-based"), scope="aaaserver.profile.READ"))[
        "access_token"
    ]
    for word in ("Bearer", "Zoho-oauthtoken"):
        header = {"Authorization": f"{word} {token}"}
        answer = await site.call("GET", "/oauth/user/info", headers=header)
        assert answer.json() == {
            "First_Name": "Mara",
            "Email": "mara@example.com",
            "Last_Name": "Lindqvist",
            "Display_Name": "Mara Lindqvist",
            "ZUID": site.account.id,
        }


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, private


def test_interop_11_a_server_without_a_proxy_speaks_https(tmp_path: Path) -> None:
    """`grantline serve --tls-certificate F --tls-key F`."""
    pem, private = _certificate(tmp_path)
    port = free_ports(1)
    issuer, database = f"https://localhost:{port}", f"sqlite:///{tmp_path / 'grantline.sqlite3'}"
    trusting = ssl.create_default_context(cafile=str(pem))

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{issuer}/health/ready", timeout=2, context=trusting) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    env = {"GRANTLINE_DATABASE": database, "GRANTLINE_PUBLIC_URL": issuer, "GRANTLINE_PORT": str(port)}
    run_grantline("migrate", database=database)
    arguments = ["serve", "--tls-certificate", str(pem), "--tls-key", str(private)]
    process = Process(arguments, env, tmp_path / "serve.log")
    try:
        process.wait_until(answers)
        with httpx2.Client(verify=trusting, base_url=issuer) as http:
            document = http.get(DOCUMENTS[0])
            assert document.json()["introspection_endpoint"] == f"{issuer}/oauth/v2/introspect"
            assert "max-age=" in document.headers["strict-transport-security"]
    finally:
        process.stop()


async def test_interop_11_introspection_names_client_and_person(site: Site) -> None:
    """`client_id` and `sub` are there (RFC 7662 §2.2)."""
    app = await site.app("server-based")
    told = await site.introspect(app, (await site.tokens(app))["access_token"])
    assert (told["client_id"], told["sub"]) == (app.id, str(site.account.id))


@pytest.mark.parametrize(("trusted", "shown"), [("", "192.0.2.9"), ("192.0.2.0/24", "198.51.100.7")])
async def test_interop_11_forwarded_headers_are_believed_from_listed_proxies_alone(
    open_a_site: SiteFactory, trusted: str, shown: str
) -> None:
    """Whoever else sends them is taken for who they are (T67)."""
    async with open_a_site(trusted_proxies=trusted) as site:
        site.peer = "192.0.2.9"
        app = await site.app("self-client")
        forwarded = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
        await site.post(TOKEN, {"grant_type": "refresh_token", **app.credentials}, headers=forwarded)
        await site.mint.recorder.flush()
        row = await site.db.one("SELECT detail FROM activity WHERE client_id = $1", app.id)
        assert f'"network": "{shown}"' in row[0]


async def test_interop_12_what_is_not_there_yet_is_not_promised(site: Site) -> None:
    """Registration by programs comes later: no address, no promise, no 500."""
    for path in ("/oauth/v2/register", "/oauth/v2/par"):
        assert (await site.call("POST", path, json={"redirect_uris": [CALLBACK]})).status_code == 404
    for address in DOCUMENTS:
        members = (await site.call("GET", address)).json()
        assert not {"registration_endpoint", "pushed_authorization_request_endpoint"} & set(members)


async def test_interop_13_a_public_client_gets_a_token_for_one_resource_and_refreshes_it(
    site: Site, tmp_path: Path
) -> None:
    """PKCE and `resource`, audience equal to it, refresh (RFC 8707 §2)."""
    async with open_crm(site, tmp_path) as crm:
        app = await site.app("mobile")
        tokens = await site.tokens(app, scope=f"{SCOPE} offline_access", access_type=None, resource=API)
        assert (await crm.get(LEADS, headers=bearer(tokens["access_token"]))).status_code in (200, 204)
        refreshed = (await site.refresh(app, tokens["refresh_token"], resource=API)).json()
        assert (await crm.get(LEADS, headers=bearer(refreshed["access_token"]))).status_code in (200, 204)
        members = (await site.call("GET", DOCUMENTS[1])).json()
        assert "offline_access" in members["scopes_supported"]
        wrong = answer_of(await site.authorize(app, resource="https://other.example/"))
        assert wrong["error"] == "invalid_target"


async def test_interop_14_every_key_says_what_it_is(site: Site) -> None:
    """RS256 first, since several libraries take the first key that fits."""
    keys = (await site.call("GET", "/oauth/v2/keys")).json()["keys"]
    assert keys[0]["alg"] == "RS256"
    assert {key["alg"] for key in keys} == {"RS256", "ES256"}
    for key in keys:
        assert (bool(key["kid"]), key["use"]) == (True, "sig")
    assert len({key["kid"] for key in keys}) == len(keys)
    members = (await site.call("GET", DOCUMENTS[0])).json()
    assert members["id_token_signing_alg_values_supported"] == ["RS256"]


async def test_interop_15_pages_for_people_are_plain_forms_with_stable_names(site: Site) -> None:
    """Sign-in and consent work without any script."""
    app: App = await site.app("server-based")
    browser = site.browser()
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    for field in ('name="email"', 'id="email"', 'name="password"', 'id="password"'):
        assert field in page.text
    assert form_action(page) == "/signin"
    assert "<script" not in page.text
    page = await browser.get((await browser.sign_in(page)).headers["location"])
    assert form_action(page) == "/oauth/v2/auth/decision"
    assert re.findall(r'name="decision" value="(\w+)"', page.text) == ["switch", "deny", "allow"]
    assert set(hidden_fields(page)) == {"flow", "token"}
    assert "<script" not in page.text
    device = await browser.get("/device")
    assert 'name="user_code"' in device.text
    assert form_action(device) == "/oauth/v3/device"
