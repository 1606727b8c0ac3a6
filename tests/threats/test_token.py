"""Secrets at the token endpoint: whose they are, how often they work, what they are bound to (T31–T35)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from grantline.activity import list_entries
from grantline.clients import CLIENT_TYPES
from tests.site import CALLBACK, CHALLENGE, VERIFIER, App, Browser, Site

pytestmark = pytest.mark.both_engines

TYPES = tuple(CLIENT_TYPES)
BY_CODE = ("server-based", "client-based", "self-client", "mobile")
REFUSED = {"invalid_grant", "unauthorized_client"}


async def code_of(site: Site, app: App) -> str:
    """A code of any type that gets codes."""
    if app.client.type.name == "self-client":
        return await site.console_code(app)
    return await site.code(app, access_type="offline")


async def approved_device_code(site: Site, app: App) -> str:
    started = await site.device_start(app)
    await site.device_decide(started["user_code"], "allow")
    return str(started["device_code"])


async def others(site: Site, app: App) -> list[App]:
    """One app of every type, none of which is this one: of its own type a second one."""
    found = [await site.app(name) for name in TYPES if name != app.client.type.name]
    if app.client.type.name == "self-client":
        return [*found, await site.app("self-client", owner=await site.person("tom@example.com"))]
    return [*found, await site.app(app.client.type.name, name="Somebody else")]


def refused(response: httpx2.Response) -> bool:
    return response.status_code == 400 and response.json()["error"] in REFUSED


@pytest.mark.parametrize("type_name", BY_CODE)
async def test_T31_a_code_of_one_client_is_refused_to_every_other_and_stays_unspent(
    site: Site, type_name: str
) -> None:
    """RFC 6749 §4.1.3: the code must have been issued to the client that brings it."""
    app = await site.app(type_name)
    code = await code_of(site, app)
    for other in await others(site, app):
        fields = {"redirect_uri": app.redirect_uri} if app.client.redirect_uris else {}
        assert refused(await site.exchange(other, code, **fields, code_verifier=VERIFIER)), other.client.type
        assert refused(await site.exchange(other, code, **fields, code_verifier=None)), other.client.type
    assert (await site.exchange(app, code)).status_code == 200


@pytest.mark.parametrize("type_name", TYPES)
async def test_T31_a_refresh_token_of_one_client_is_refused_to_every_other_and_lives_on(
    site: Site, type_name: str
) -> None:
    """RFC 6749 §6: the refresh token is bound to the client it was issued to."""
    app = await site.app(type_name)
    tokens = await site.tokens(app)
    for other in await others(site, app):
        assert refused(await site.refresh(other, tokens["refresh_token"])), other.client.type
    assert await site.works(tokens["access_token"])
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200


async def test_T31_a_rotated_token_in_the_hands_of_another_client_ends_nothing(site: Site) -> None:
    """RFC 9700 §4.14.2: reuse is detected for the client it belongs to alone."""
    app, other = await site.app("mobile"), await site.app("mobile", name="Somebody else")
    first = (await site.tokens(app))["refresh_token"]
    second = (await site.refresh(app, first)).json()["refresh_token"]
    site.clock.advance(61)
    assert refused(await site.refresh(other, first))
    assert (await site.refresh(app, second)).status_code == 200


async def test_T31_an_approved_device_code_is_refused_to_every_other_client_and_stays_unspent(
    site: Site,
) -> None:
    """RFC 8628 §3.4."""
    app = await site.app("non-browser")
    device_code = await approved_device_code(site, app)
    for other in await others(site, app):
        assert refused(await site.device_poll(other, device_code)), other.client.type
        vendor = {**other.credentials, "grant_type": "device_token", "code": device_code}
        assert refused(await site.post("/oauth/v3/device/token", vendor))
    assert (await site.device_poll(app, device_code)).status_code == 200


async def test_T31_a_code_in_the_wrong_hands_is_told_to_the_owner_of_the_client_that_brought_it(
    site: Site,
) -> None:
    app, other = await site.app("server-based"), await site.app("server-based", name="Somebody else")
    response = await site.exchange(other, await site.code(app))
    assert "other" not in response.json()["error_description"]
    await site.mint.recorder.flush()
    assert [entry.code for entry in await list_entries(site.db, other.id)] == ["code_other_client"]


@pytest.mark.parametrize(
    ("seconds", "changes", "alive"),
    [
        (0, {}, True),
        (10, {}, True),
        (11, {}, False),
        (300, {}, False),
        (0, {"redirect_uri": None}, False),
        (0, {"redirect_uri": "https://app.example/other"}, False),
        (0, {"code_verifier": VERIFIER}, False),
    ],
)
async def test_T32_a_replay_that_differs_or_comes_late_ends_what_the_code_yielded(
    site: Site, seconds: int, changes: dict[str, Any], alive: bool
) -> None:
    """RFC 6749 §4.1.2: tokens of a code that is used twice should be revoked; the same request again, at
    once, is a client that lost the answer."""
    app = await site.app("server-based")
    code = await site.code(app, access_type="offline")
    tokens = (await site.exchange(app, code)).json()
    refreshed = (await site.refresh(app, tokens["refresh_token"])).json()
    site.clock.advance(seconds)
    replay = await site.exchange(app, code, **changes)
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    assert await site.works(tokens["access_token"]) is alive
    assert await site.works(refreshed["access_token"]) is alive
    assert ((await site.refresh(app, tokens["refresh_token"])).status_code == 200) is alive


async def test_T32_a_replay_without_a_refresh_token_ends_that_one_access_token(site: Site) -> None:
    app = await site.app("server-based")
    first_code, second_code = await site.code(app), await site.code(app)
    first = (await site.exchange(app, first_code)).json()["access_token"]
    second = (await site.exchange(app, second_code)).json()["access_token"]
    site.clock.advance(11)
    await site.exchange(app, first_code)
    assert not await site.works(first)
    assert await site.works(second), "another sign-in of the same person is not touched"


async def test_T32_a_thief_without_the_secret_or_of_another_client_ends_nothing(site: Site) -> None:
    app, other = await site.app("server-based"), await site.app("server-based", name="Somebody else")
    code = await site.code(app)
    token = (await site.exchange(app, code)).json()["access_token"]
    site.clock.advance(60)
    assert (await site.exchange(app, code, client_secret="gls_us_wrong")).status_code == 401
    assert (await site.exchange(other, code)).status_code == 400
    assert await site.works(token)


async def test_T32_a_code_is_over_after_a_minute_and_not_a_second_before(site: Site) -> None:
    """RFC 6749 §4.1.2: codes are short-lived."""
    app = await site.app("server-based")
    late, in_time = await site.code(app), await site.code(app)
    site.clock.advance(59)
    assert (await site.exchange(app, in_time)).status_code == 200
    site.clock.advance(1)
    assert (await site.exchange(app, late)).json()["grantline_code"] == "code_expired"


@pytest.mark.parametrize("type_name", ["mobile", "server-based"])
@pytest.mark.parametrize(
    "verifier",
    [None, "", "None", "x", VERIFIER[:-1], VERIFIER + "x", VERIFIER.lower(), CHALLENGE, "x" * 42, "x" * 129],
)
async def test_T33_a_code_with_a_challenge_needs_its_verifier(
    site: Site, type_name: str, verifier: str | None
) -> None:
    """RFC 7636 §4.6: who has the code alone has nothing, for confidential clients too."""
    app = await site.app(type_name)
    code = await site.code(app, code_challenge=CHALLENGE, code_challenge_method="S256")
    wrong = await site.exchange(app, code, code_verifier=verifier)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    assert (await site.exchange(app, code, code_verifier=VERIFIER)).status_code == 200


async def test_T33_a_verifier_without_a_challenge_is_refused(site: Site) -> None:
    """RFC 9700 §4.8.2: a challenge may have been taken out on the way."""
    app = await site.app("server-based")
    code = await site.code(app)
    assert (await site.exchange(app, code, code_verifier=VERIFIER)).json()["error"] == "invalid_grant"
    assert (await site.exchange(app, code)).status_code == 200


async def test_T33_the_fifth_wrong_verifier_burns_the_code(site: Site) -> None:
    app = await site.app("mobile")
    spoilt, spared = await site.code(app), await site.code(app)
    for number in range(5):
        assert (await site.exchange(app, spoilt, code_verifier="x" * 43)).status_code == 400
        if number < 4:
            await site.exchange(app, spared, code_verifier="x" * 43)
    sixth = await site.exchange(app, spoilt)
    assert (sixth.status_code, sixth.json()["error"]) == (400, "invalid_grant")
    assert (await site.exchange(app, spared)).status_code == 200


@pytest.mark.parametrize(
    ("type_name", "sent_before", "sent_now", "right"),
    [
        ("server-based", CALLBACK, CALLBACK, True),
        ("server-based", CALLBACK, None, False),
        ("server-based", CALLBACK, "https://app.example/second", False),
        ("server-based", CALLBACK, CALLBACK + "/", False),
        ("server-based", CALLBACK, "https://APP.example/callback", False),
        ("mobile", "http://127.0.0.1:5001/cb", "http://127.0.0.1:5001/cb", True),
        ("mobile", "http://127.0.0.1:5001/cb", "http://127.0.0.1:5002/cb", False),
        ("mobile", "http://127.0.0.1:5001/cb", "http://127.0.0.1/cb", False),
        ("mobile", "http://127.0.0.1:5001/cb", "com.example.pocket:/cb", False),
    ],
)
async def test_T34_a_code_is_redeemed_with_the_address_it_was_sent_to(
    site: Site, type_name: str, sent_before: str, sent_now: str | None, right: bool
) -> None:
    """RFC 6749 §4.1.3: identical to the one of the authorization request, its port included."""
    more = {"redirect_uris": (CALLBACK, "https://app.example/second")} if type_name == "server-based" else {}
    app = await site.app(type_name, **more)
    code = await site.code(app, redirect_uri=sent_before)
    response = await site.exchange(app, code, redirect_uri=sent_now)
    assert response.status_code == (200 if right else 400)
    if not right:
        assert (await site.exchange(app, code, redirect_uri=sent_before)).status_code == 200, "still unspent"


@dataclass
class Vault:
    """One secret of every kind, all of them live."""

    site: Site
    app: App
    device: App
    browser: Browser
    secrets: dict[str, str]


async def fill_vault(site: Site) -> Vault:
    app, device = await site.app("server-based"), await site.app("non-browser")
    browser = await site.signed_in()
    tokens = await site.tokens(app, browser=browser, scope="openid profile CRM.modules.leads.READ")
    started = await site.device_start(device)
    await site.device_decide(started["user_code"], "allow", browser=browser)
    waiting = await site.device_start(device)
    secrets = {
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
        "id_token": tokens["id_token"],
        "code": await site.code(app, browser=browser),
        "device code": started["device_code"],
        "user code": waiting["user_code"],
        "client id": app.id,
        "client secret": app.secret or "",
        "session": browser.http.cookies["gl_us_session"],
        "browser": browser.http.cookies["gl_us_browser"],
        "state": "st-123",
        "secret's id": app.client.secrets[0].id,
    }
    return Vault(site, app, device, browser, secrets)


async def as_code(vault: Vault, secret: str) -> bool:
    return (await vault.site.exchange(vault.app, secret)).status_code == 200


async def as_refresh_token(vault: Vault, secret: str) -> bool:
    return (await vault.site.refresh(vault.app, secret)).status_code == 200


async def as_device_code(vault: Vault, secret: str) -> bool:
    return (await vault.site.device_poll(vault.device, secret)).status_code == 200


async def as_user_code(vault: Vault, secret: str) -> bool:
    page = await vault.browser.get("/device")
    answer = await vault.browser.submit(page, {"user_code": secret}, path="/oauth/v3/device")
    return answer.status_code == 303


async def as_client_secret(vault: Vault, secret: str) -> bool:
    form = {"grant_type": "client_credentials", "scope": "CRM.modules.leads.READ", "client_id": vault.app.id}
    return (await vault.site.token(None, **form, client_secret=secret)).status_code == 200


async def as_bearer(vault: Vault, secret: str) -> bool:
    headers = {"Authorization": f"Bearer {secret}"}
    return (await vault.site.call("GET", "/oauth/v2/userinfo", headers=headers)).status_code == 200


async def as_token_to_be_told_about(vault: Vault, secret: str) -> bool:
    return bool((await vault.site.introspect(vault.app, secret))["active"])


async def as_session(vault: Vault, secret: str) -> bool:
    headers = {"Cookie": f"gl_us_session={secret}"}
    return (await vault.site.call("GET", "/account", headers=headers)).status_code == 200


CONSUMERS: list[tuple[Callable[[Vault, str], Awaitable[bool]], set[str]]] = [
    (as_code, {"code"}),
    (as_refresh_token, {"refresh token"}),
    (as_device_code, {"device code"}),
    (as_user_code, {"user code"}),
    (as_client_secret, {"client secret"}),
    (as_bearer, {"access token"}),
    (as_token_to_be_told_about, {"access token", "refresh token"}),
    (as_session, {"session"}),
]


@pytest.mark.parametrize(("consume", "right"), CONSUMERS, ids=[one[0].__name__ for one in CONSUMERS])
async def test_T35_each_kind_of_secret_is_taken_where_it_belongs_and_nowhere_else(
    site: Site, consume: Callable[[Vault, str], Awaitable[bool]], right: set[str]
) -> None:
    """RFC 6749 §10: the square of kinds and consumers has its diagonal alone (T95 for Bearer)."""
    vault = await fill_vault(site)
    taken = {
        kind for kind, secret in vault.secrets.items() if kind not in right and await consume(vault, secret)
    }
    assert not taken
    assert {kind for kind in right if await consume(vault, vault.secrets[kind])} == right
