"""requests-oauthlib against the demo: its kinds of client, and its demand that scopes come back as sent."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from oauthlib.oauth2 import (
    AccessDeniedError,
    BackendApplicationClient,
    InvalidGrantError,
    MobileApplicationClient,
    WebApplicationClient,
)
from playwright.sync_api import Page
from requests_oauthlib import OAuth2Session

from tests.foreign.arrivals import Arrivals, answer_in, let_a_person_decide, listening
from tests.running import Demo

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

Open = Callable[..., OAuth2Session]


@pytest.fixture(autouse=True)
def plain_http_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library insists on https unless it is told; the demo speaks http on this machine alone."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.delenv("OAUTHLIB_RELAX_TOKEN_SCOPE", raising=False)


@pytest.fixture
def open_session() -> Iterator[Open]:
    """Opens the library's sessions, and closes them after the test."""
    with ExitStack() as opened:
        yield lambda *args, **options: opened.enter_context(OAuth2Session(*args, **options))


@pytest.fixture
def app_server(demo: Demo) -> Iterator[Arrivals]:
    """The web app's redirect address, open."""
    with listening(demo.client("server_based")["redirect_uris"][0]) as arrivals:
        yield arrivals


def web_session(open_session: Open, demo: Demo, scope: list[str], **options: Any) -> OAuth2Session:
    client = demo.client("server_based")
    return open_session(
        client["client_id"], redirect_uri=client["redirect_uris"][0], scope=scope, pkce="S256", **options
    )


@pytest.mark.parametrize("include_client_id", [True, None], ids=["secret in the body", "secret in Basic"])
def test_code_with_pkce_then_a_refresh_by_itself(
    include_client_id: bool | None, open_session: Open, demo: Demo, page: Page, app_server: Arrivals
) -> None:
    """The code by one way of authenticating, the refresh by the other: the library sends that in the body."""
    client = demo.client("server_based")
    credentials = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    token_url = f"{demo.issuer}/oauth/v2/token"
    kept: list[dict[str, Any]] = []
    session = web_session(
        open_session,
        demo,
        ["CRM.modules.leads.READ", "openid", "email"],
        auto_refresh_url=token_url,
        auto_refresh_kwargs=credentials,
        token_updater=kept.append,
    )
    url, state = session.authorization_url(f"{demo.issuer}/oauth/v2/auth", access_type="offline")
    back = let_a_person_decide(page, demo, url)
    assert answer_in(back)["state"] == state
    token = session.fetch_token(
        token_url,
        authorization_response=back,
        client_secret=client["client_secret"],
        include_client_id=include_client_id,
    )
    assert token["scope"] == ["CRM.modules.leads.READ", "openid", "email"]

    session.token = {**token, "expires_in": -1, "expires_at": 1}
    leads = session.get(f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name")
    assert leads.json()["data"]
    assert kept[0]["access_token"] != token["access_token"]
    assert kept[0]["refresh_token"] == token["refresh_token"]


@pytest.mark.parametrize(
    "scope",
    [
        ["openid", "CRM.modules.leads.READ"],
        ["CRM.modules.leads.READ", "openid"],
        ["crm.Modules.LEADS.read"],
        ["CRM.modules.ALL", "CRM.modules.leads.READ"],
        ["CRM.modules.leads.READ", "CRM.modules.contacts.CREATE", "AaaServer.profile.READ"],
    ],
    ids=" ".join,
)
def test_what_was_asked_comes_back_in_its_spelling_and_order(
    scope: list[str], open_session: Open, demo: Demo, page: Page, app_server: Arrivals
) -> None:
    """The library raises when the answer's scope is another than it asked for."""
    session = web_session(open_session, demo, scope)
    url, _ = session.authorization_url(f"{demo.issuer}/oauth/v2/auth")
    back = let_a_person_decide(page, demo, url)
    token = session.fetch_token(
        f"{demo.issuer}/oauth/v2/token",
        authorization_response=back,
        client_secret=demo.client("server_based")["client_secret"],
    )
    assert token["scope"] == scope


def test_a_browser_app_reads_its_token_from_the_fragment(open_session: Open, demo: Demo, page: Page) -> None:
    client = demo.client("client_based")
    session = open_session(
        client=MobileApplicationClient(client["client_id"]),
        redirect_uri=client["redirect_uris"][0],
        scope=["CRM.modules.leads.READ"],
    )
    url, _ = session.authorization_url(f"{demo.issuer}/oauth/v2/auth")
    with listening(client["redirect_uris"][0]):
        back = let_a_person_decide(page, demo, url)
    token = session.token_from_fragment(back)
    assert token["token_type"] == "Bearer"
    assert "refresh_token" not in token
    assert session.get(f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name").json()["data"]


def test_a_back_end_gets_a_token_of_its_own(open_session: Open, demo: Demo) -> None:
    client = demo.client("self_client")
    session = open_session(
        client=BackendApplicationClient(client["client_id"], scope=["CRM.modules.leads.READ"])
    )
    token = session.fetch_token(f"{demo.issuer}/oauth/v2/token", client_secret=client["client_secret"])
    assert token["scope"] == ["CRM.modules.leads.READ"]
    assert session.get(f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name").status_code == 200


def test_a_refusal_and_a_spent_code_are_errors_that_the_library_knows(
    open_session: Open, demo: Demo, page: Page, app_server: Arrivals
) -> None:
    client = demo.client("server_based")
    token_url = f"{demo.issuer}/oauth/v2/token"
    session = web_session(open_session, demo, ["CRM.modules.leads.READ"])
    url, _ = session.authorization_url(f"{demo.issuer}/oauth/v2/auth", prompt="consent")
    back = let_a_person_decide(page, demo, url, "deny")
    with pytest.raises(AccessDeniedError):
        session.fetch_token(token_url, authorization_response=back, client_secret=client["client_secret"])
    url, _ = session.authorization_url(f"{demo.issuer}/oauth/v2/auth", prompt="consent")
    back = let_a_person_decide(page, demo, url)
    session.fetch_token(token_url, authorization_response=back, client_secret=client["client_secret"])
    again = open_session(client=WebApplicationClient(client["client_id"]), state=session._state)
    with pytest.raises(InvalidGrantError):
        again.fetch_token(token_url, authorization_response=back, client_secret=client["client_secret"])
