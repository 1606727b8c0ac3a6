"""Scope, and refreshing within it (RFC 6749 §3.3, RFC 6749 §6)."""

from typing import Any

import pytest

from tests.protocol.wire import code_of, refusal
from tests.site import API, SCOPE, App, Site, answer_of

pytestmark = pytest.mark.both_engines

WRITE = "CRM.modules.contacts.WRITE"
BOTH = f"{SCOPE} {WRITE}"


async def scope_of(site: Site, app: App, token: str) -> str:
    """What the token itself holds, by introspection."""
    return str((await site.introspect(app, token))["scope"])


async def test_6749_3_3_a_a_scope_other_than_asked_is_told(site: Site) -> None:
    """What was granted stands in the answer, whatever was asked (RFC 6749 §3.3)."""
    await site.api()
    await site.api("http://127.0.0.1:8799", "Books")
    app = await site.app("server-based")
    asked = f"openid nickname {SCOPE} Books.READ"
    tokens = await site.tokens(app, scope=asked)
    assert tokens["scope"] == f"openid {SCOPE} Books.READ", "an unknown OpenID word is passed over"
    assert await scope_of(site, app, tokens["access_token"]) == tokens["scope"]
    narrowed = await site.refresh(app, tokens["refresh_token"], resource=API)
    assert narrowed.json()["scope"] == SCOPE, "one API's token holds that API's scopes"
    assert await scope_of(site, app, narrowed.json()["access_token"]) == SCOPE
    whole = await site.tokens(app, scope=BOTH)
    assert whole["scope"] == BOTH


async def test_6749_3_3_a_an_implicit_answer_tells_its_scope(site: Site) -> None:
    """The fragment too (RFC 6749 §3.3)."""
    app = await site.app("client-based")
    off = {"code_challenge": None, "code_challenge_method": None}
    page = await site.authorize(app, response_type="token", scope=f"{SCOPE} offline_access", **off)
    assert answer_of(page)["scope"] == SCOPE


async def test_6749_3_3_b_no_scope_is_an_invalid_scope_and_never_everything(site: Site) -> None:
    """There is no default (RFC 6749 §3.3)."""
    app, device = await site.app("server-based"), await site.app("non-browser")
    for scope in (None, "", " ", ",", " , "):
        page = await site.authorize(app, scope=scope)
        assert answer_of(page)["error"] == "invalid_scope"
        sent = {} if scope is None else {"scope": scope}
        assert refusal(await site.token(app, grant_type="client_credentials", **sent)) == (
            400,
            "invalid_scope",
        )
        started = await site.post("/oauth/v3/device/code", {"client_id": device.id, **sent})
        assert refusal(started) == (400, "invalid_scope")
        assert "code" in answer_of(await site.authorize(app))


async def test_6749_3_3_c_openid_scopes_are_case_sensitive_and_order_is_free(site: Site) -> None:
    """`OpenID` is not `openid`; API scopes are folded to one spelling (RFC 6749 §3.3, a divergence)."""
    app = await site.app("server-based")
    for wrong in ("OpenID", "OPENID email", "Email"):
        assert answer_of(await site.authorize(app, scope=wrong))["error"] == "invalid_scope"
    one = await site.tokens(app, scope="openid email profile")
    other = await site.tokens(app, scope="profile openid email")
    assert {"id_token"} <= set(one) & set(other)
    folded = await site.tokens(app, scope="crm.MODULES.Leads.read")
    assert folded["scope"] == "crm.MODULES.Leads.read", "the answer repeats what was asked"
    assert await scope_of(site, app, folded["access_token"]) == SCOPE


WIDER = [
    f"{BOTH} CRM.users.READ",
    "CRM.users.READ",
    "CRM.modules.ALL",
    "CRM.modules.leads.ALL",
    "CRM.modules.contacts.CREATE",
    f"{SCOPE} openid",
]


@pytest.mark.parametrize("type_name", ["server-based", "self-client", "client-based", "non-browser"])
async def test_6749_6_a_refreshing_never_widens_the_scope(site: Site, type_name: str) -> None:
    """Names are compared exactly: neither a parent nor a part of what is granted is granted (RFC 6749 §6)."""
    app = await site.app(type_name)
    token = (await site.tokens(app, scope=BOTH))["refresh_token"]
    for wider in WIDER:
        refused = await site.refresh(app, token, scope=wider)
        assert refusal(refused) == (400, "invalid_scope"), wider
    narrower = (await site.refresh(app, token, scope=SCOPE)).json()
    assert narrower["scope"] == SCOPE
    again = narrower.get("refresh_token", token)
    whole = await site.refresh(app, again)
    assert (whole.status_code, whole.json()["scope"]) == (200, BOTH), "and nothing was lost"


async def test_6749_6_a_the_narrower_token_is_narrower(site: Site) -> None:
    """Not only the answer: the token itself (RFC 6749 §6)."""
    app = await site.app("server-based")
    tokens = await site.tokens(app, scope=BOTH)
    narrower = (await site.refresh(app, tokens["refresh_token"], scope=SCOPE)).json()
    assert await scope_of(site, app, narrower["access_token"]) == SCOPE
    assert await scope_of(site, app, tokens["access_token"]) == BOTH


async def test_6749_6_b_a_refresh_token_works_for_its_own_authenticated_client(site: Site) -> None:
    """Authenticate, then check the token and whose it is (RFC 6749 §6)."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Other")
    token = (await site.tokens(app))["refresh_token"]
    foreign = await site.refresh(other, token)
    assert (refusal(foreign), code_of(foreign)) == ((400, "invalid_grant"), "refresh_token_unknown")
    for changes in ({"client_secret": ""}, {"client_secret": "wrong"}, {"client_secret": other.secret}):
        assert refusal(await site.refresh(app, token, **changes)) == (401, "invalid_client")
    for bad in ("", "x", token[:-1], token + "x", token.upper(), token.replace("glr_us", "glr_eu")):
        expected = "invalid_request" if not bad else "invalid_grant"
        assert refusal(await site.refresh(app, bad)) == (400, expected)
    assert (await site.refresh(app, token)).status_code == 200


@pytest.mark.parametrize("type_name", ["client-based", "mobile", "non-browser"])
async def test_6749_6_c_a_new_refresh_token_has_the_scope_of_the_old_one(site: Site, type_name: str) -> None:
    """Also after a narrowed refresh (RFC 6749 §6)."""
    app = await site.app(type_name)
    first = await site.tokens(app, scope=BOTH)
    narrowed = (await site.refresh(app, first["refresh_token"], scope=SCOPE)).json()
    assert narrowed["refresh_token"] != first["refresh_token"]
    whole: dict[str, Any] = (await site.refresh(app, narrowed["refresh_token"])).json()
    assert whole["scope"] == BOTH
    wider = await site.refresh(app, whole["refresh_token"], scope=f"{BOTH} CRM.users.READ")
    assert refusal(wider) == (400, "invalid_scope")
