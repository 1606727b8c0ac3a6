"""Authlib's sessions against the demo: on requests, on httpx, and its asynchronous one."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from playwright.sync_api import Page

from tests.foreign.arrivals import Arrivals, let_a_person_decide, listening
from tests.running import Demo

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

VERIFIER = "a-verifier-that-is-as-long-as-the-standard-wants-it-0123456789"
Open = Callable[..., Any]
SCOPE = "openid email CRM.modules.leads.READ"


@pytest.fixture
def app_server(demo: Demo) -> Iterator[Arrivals]:
    """The web app's redirect address, open."""
    with listening(demo.client("server_based")["redirect_uris"][0]) as arrivals:
        yield arrivals


@pytest.fixture
def open_session(demo: Demo) -> Iterator[Callable[..., Any]]:
    """Opens sessions of Authlib for seeded clients: `open_session(OAuth2Session, "mobile", scope=…)`."""
    with ExitStack() as opened:
        yield lambda kind, key, **changes: opened.enter_context(session_of(kind, demo, key, **changes))


def session_of(kind: Callable[..., Any], demo: Demo, key: str, **changes: Any) -> Any:
    """A session of Authlib for a seeded client, as its guide sets one up."""
    client = demo.client(key)
    options = {
        "client_id": client["client_id"],
        "client_secret": client.get("client_secret"),
        "redirect_uri": client.get("redirect_uris", [None])[0],
        "scope": SCOPE,
        "code_challenge_method": "S256",
        "token_endpoint": f"{demo.issuer}/oauth/v2/token",
        **changes,
    }
    return kind(**options)


@pytest.mark.parametrize("kind", [OAuth2Session, OAuth2Client], ids=["requests", "httpx"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_code_with_pkce_refresh_introspection_revocation(
    open_session: Open, kind: Callable[..., Any], method: str, demo: Demo, page: Page, app_server: Arrivals
) -> None:
    token_url = f"{demo.issuer}/oauth/v2/token"
    session = open_session(
        kind, "server_based", token_endpoint_auth_method=method, revocation_endpoint_auth_method=method
    )
    url, state = session.create_authorization_url(
        f"{demo.issuer}/oauth/v2/auth", code_verifier=VERIFIER, access_type="offline"
    )
    back = let_a_person_decide(page, demo, url)
    token = dict(
        session.fetch_token(token_url, authorization_response=back, state=state, code_verifier=VERIFIER)
    )
    assert token["scope"] == SCOPE
    assert token["api_domain"] == demo.api_domain

    leads = f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name"
    assert session.get(leads).json()["data"]
    refreshed = session.refresh_token(token_url)
    assert refreshed["access_token"] != token["access_token"]
    assert refreshed["refresh_token"] == token["refresh_token"]

    told = session.introspect_token(f"{demo.issuer}/oauth/v2/introspect", token=refreshed["access_token"])
    assert told.json()["active"] is True
    assert told.json()["scope"] == SCOPE
    assert session.revoke_token(f"{demo.issuer}/oauth/v2/revoke/token").json() == {"status": "success"}
    assert session.get(leads).status_code == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(token_url, refresh_token=token["refresh_token"])


def test_a_session_refreshes_by_itself_before_its_token_ends(
    open_session: Open, demo: Demo, page: Page, app_server: Arrivals
) -> None:
    kept: list[str] = []

    def keep(token: dict[str, Any], **_: Any) -> None:
        kept.append(token["access_token"])

    session = open_session(OAuth2Session, "server_based", update_token=keep)
    url, state = session.create_authorization_url(
        f"{demo.issuer}/oauth/v2/auth", code_verifier=VERIFIER, access_type="offline"
    )
    back = let_a_person_decide(page, demo, url)
    first = session.fetch_token(authorization_response=back, state=state, code_verifier=VERIFIER)
    session.token = {**first, "expires_at": 1}
    assert session.get(f"{demo.issuer}/oauth/v2/userinfo").json()["email"] == demo.user()["email"]
    assert kept == [session.token["access_token"]]
    assert kept != [first["access_token"]]


def test_a_public_browser_app_gets_tokens_with_pkce_and_without_a_secret(
    open_session: Open, demo: Demo, page: Page
) -> None:
    client = demo.client("client_based")
    session = open_session(OAuth2Session, "client_based")
    url, state = session.create_authorization_url(f"{demo.issuer}/oauth/v2/auth", code_verifier=VERIFIER)
    with listening(client["redirect_uris"][0]):
        back = let_a_person_decide(page, demo, url)
    token = session.fetch_token(authorization_response=back, state=state, code_verifier=VERIFIER)
    assert session.get(f"{demo.issuer}/oauth/v2/userinfo").json()["email"] == demo.user()["email"]
    assert "refresh_token" not in token


def test_the_implicit_answer_is_read_from_the_fragment(open_session: Open, demo: Demo, page: Page) -> None:
    session = open_session(
        OAuth2Session, "client_based", response_type="token", scope="CRM.modules.leads.READ"
    )
    url, state = session.create_authorization_url(f"{demo.issuer}/oauth/v2/auth")
    with listening(demo.client("client_based")["redirect_uris"][0]) as arrivals:
        back = let_a_person_decide(page, demo, url)
        assert "access_token" not in arrivals.the_only_one().target
    token = session.fetch_token(authorization_response=back, state=state)
    assert int(token["expires_in"]) == 3600
    leads = session.get(f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name")
    assert leads.json()["data"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_self_client_gets_a_token_of_its_own(open_session: Open, method: str, demo: Demo) -> None:
    session = open_session(
        OAuth2Session,
        "self_client",
        scope="CRM.modules.leads.READ",
        token_endpoint_auth_method=method,
    )
    token = session.fetch_token(grant_type="client_credentials")
    assert token["scope"] == "CRM.modules.leads.READ"
    assert "refresh_token" not in token
    assert session.get(f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name").status_code == 200


def test_the_asynchronous_client_refreshes_once_for_many_calls(
    open_session: Open, demo: Demo, page: Page, app_server: Arrivals
) -> None:
    first = open_session(OAuth2Session, "server_based")
    url, state = first.create_authorization_url(
        f"{demo.issuer}/oauth/v2/auth", code_verifier=VERIFIER, access_type="offline"
    )
    back = let_a_person_decide(page, demo, url)
    token = first.fetch_token(authorization_response=back, state=state, code_verifier=VERIFIER)
    kept: list[str] = []

    async def keep(token: dict[str, Any], refresh_token: str | None = None, **_: Any) -> None:
        kept.append(token["access_token"])

    async def call_twice() -> list[int]:
        async with session_of(AsyncOAuth2Client, demo, "server_based", update_token=keep) as session:
            session.token = {**token, "expires_at": 1}
            leads = f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name"
            answers = await asyncio.gather(*(session.get(leads) for _ in range(8)))
            return [answer.status_code for answer in answers]

    assert elsewhere(call_twice) == [200] * 8
    assert len(kept) == 1


def elsewhere(job: Callable[[], Any]) -> Any:
    """Run a coroutine in a thread of its own: the browser holds this one's event loop."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(job())))
    thread.start()
    thread.join()
    return results[0]
