"""Tokens straight in the redirect, for browser apps that chose it (OpenID Connect Core §3.2)."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from grantline.clients import RegistrationRefused
from tests.protocol.relying_party import claims_of, half_hash, verified
from tests.site import SCOPE, SPA, Site, answer_of

BOTH = "id_token token"


async def test_core_3_2_2_1_a_openid_in_the_fragment_needs_a_nonce(site: Site) -> None:
    """OpenID Connect Core §3.2.2.1: the error is in the fragment too; R59's sign-in scopes may do without."""
    app, browser = await site.app("client-based"), await site.signed_in()
    for changes in (
        {"response_type": BOTH, "scope": "openid"},
        {"response_type": BOTH, "scope": "email"},
        {"response_type": "token", "scope": "openid"},
    ):
        page = await site.authorize(app, browser=browser, **changes)
        assert urlsplit(page.headers["location"]).query == ""
        assert answer_of(page)["error"] == "invalid_request"
        assert answer_of(page)["state"] == "st-123"
        assert "id_token" in answer_of(await site.authorize(app, browser=browser, nonce="n", **changes))
    without = answer_of(await site.authorize(app, browser=browser, response_type="token", scope="email"))
    assert "nonce" not in claims_of(without["id_token"])


async def test_core_3_2_2_1_b_plain_http_is_for_the_developers_own_machine(site: Site) -> None:
    """OpenID Connect Core §3.2.2.1: on loopback at the exact address, nowhere else."""
    for host in ("http://app.example", "http://10.0.0.1", "http://localhost.evil.example"):
        with pytest.raises(RegistrationRefused):
            await site.app("client-based", redirect_uris=(f"{host}/cb",), origins=(host,))
    local = "http://127.0.0.1:5173"
    app = await site.app("client-based", redirect_uris=(f"{local}/cb",), origins=(local,))
    assert "access_token" in answer_of(await site.authorize(app, response_type="token"))
    browser = await site.signed_in()
    other_port = site.request(app, response_type="token", redirect_uri="http://127.0.0.1:5174/cb")
    assert (await browser.get("/oauth/v2/auth", params=other_port)).status_code == 400


@pytest.mark.parametrize("response_type", [BOTH, "token id_token"])
async def test_core_3_2_2_5_a_the_answer_is_in_the_fragment_and_whole(site: Site, response_type: str) -> None:
    """OpenID Connect Core §3.2.2.5: id_token, access_token, its type and life, state; no code, no refresh."""
    app = await site.app("client-based")
    page = await site.authorize(app, response_type=response_type, scope="openid", nonce="n-1")
    parts = urlsplit(page.headers["location"])
    assert (f"{parts.scheme}://{parts.netloc}", parts.query) == (SPA, "")
    answer = answer_of(page)
    assert (answer["token_type"], answer["expires_in"], answer["state"]) == ("Bearer", "3600", "st-123")
    assert {"code", "refresh_token"}.isdisjoint(answer)
    assert await site.works(answer["access_token"])
    claims = await verified(site, app, answer["id_token"])
    assert (claims["nonce"], claims["sub"]) == ("n-1", site.account.sub)


async def test_core_3_2_2_10_a_at_hash_ties_the_id_token_to_its_access_token(site: Site) -> None:
    """OpenID Connect Core §3.2.2.10: left half of the SHA-256, recomputed."""
    app = await site.app("client-based")
    for changes in ({"response_type": BOTH, "scope": "openid"}, {"response_type": "token", "scope": "email"}):
        answer = answer_of(await site.authorize(app, nonce="n", **changes))
        claims = await verified(site, app, answer["id_token"])
        assert claims["at_hash"] == half_hash(answer["access_token"])


async def test_core_5_4_a_scopes_release_their_claims_where_they_belong(site: Site) -> None:
    """OpenID Connect Core §5.4: at userinfo beside an access token; R59 reads them in the id_token."""
    app = await site.app("client-based")
    released = {
        "openid": {"sub"},
        "openid email": {"sub", "email", "email_verified"},
        "openid profile": {"sub", "name", "given_name", "family_name", "updated_at", "organization"},
    }
    for scope, claims in released.items():
        answer = answer_of(await site.authorize(app, response_type=BOTH, scope=scope, nonce="n"))
        header = {"Authorization": f"Bearer {answer['access_token']}"}
        told = (await site.call("GET", "/oauth/v2/userinfo", headers=header)).json()
        assert set(told) == claims
        assert {"email", "name", "updated_at"}.isdisjoint(claims_of(answer["id_token"]))
    described = answer_of(await site.authorize(app, response_type="token", scope="email"))
    assert claims_of(described["id_token"])["email"] == "mara@example.com"
    assert "name" not in claims_of(described["id_token"])


@pytest.mark.parametrize(
    "changes",
    [
        {"response_type": "token", "scope": "openid offline_access", "nonce": "n"},
        {"response_type": BOTH, "scope": "openid offline_access", "nonce": "n", "access_type": "offline"},
        {"response_type": "token", "scope": SCOPE, "access_type": "offline", "prompt": "consent"},
    ],
)
async def test_core_11_a_offline_access_means_nothing_without_a_code(
    site: Site, changes: dict[str, Any]
) -> None:
    """OpenID Connect Core §11: it is passed over, in the answer and in the token."""
    app = await site.app("client-based")
    answer = answer_of(await site.authorize(app, **changes))
    assert "refresh_token" not in answer
    assert "offline_access" not in answer["scope"]
    rows = await site.db.all("SELECT refresh_hash FROM authorizations WHERE client_id = $1", app.id)
    assert [row[0] for row in rows] == [None]


async def test_core_11_a_offline_access_is_named_at_consent_and_yields_a_refresh_token(site: Site) -> None:
    """OpenID Connect Core §11: the page says that the access lasts; that is the condition, prompt or not."""
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app, scope="openid"))
    assert "also while you are away" not in page.text
    scope = "openid offline_access"
    page = await browser.get("/oauth/v2/auth", params=site.request(app, scope=scope))
    assert "also while you are away" in page.text
    online = await site.exchange(app, await site.code(app, browser=browser, scope="openid"))
    assert "refresh_token" not in online.json()
    offline = await site.exchange(app, await site.code(app, browser=browser, scope=scope))
    assert (await site.refresh(app, offline.json()["refresh_token"])).status_code == 200


async def test_what_is_not_built_of_the_front_channel_is_refused(site: Site) -> None:
    """OpenID Connect Core §3.3: no hybrid, and no id_token alone; the refusal is in the fragment."""
    app, browser = await site.app("client-based"), await site.signed_in()
    for response_type in ("id_token", "code id_token", "code token", "code id_token token"):
        page = await site.authorize(
            app, browser=browser, response_type=response_type, scope="openid", nonce="n"
        )
        assert "#error=unsupported_response_type" in page.headers["location"]
    other = await site.app("client-based", implicit=False)
    for response_type in ("token", BOTH):
        refused = await site.authorize(
            other, browser=browser, response_type=response_type, scope="openid", nonce="n"
        )
        assert answer_of(refused)["error"] == "unauthorized_client"
