"""The authorization endpoint by OpenID Connect: prompt, max_age, hints (OpenID Connect Core §3.1.2)."""

from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.protocol.relying_party import claims_of, header_of
from tests.site import API, SCOPE, App, Browser, Site, answer_of

AUTH = "/oauth/v2/auth"


def shows_sign_in(page: httpx2.Response) -> bool:
    return page.status_code == 200 and 'name="password"' in page.text


def shows_consent(page: httpx2.Response) -> bool:
    return page.status_code == 200 and 'name="decision"' in page.text


async def ask(site: Site, app: App, browser: Browser, **changes: Any) -> httpx2.Response:
    """The endpoint's first answer."""
    return await browser.get(AUTH, params=site.request(app, **{"scope": "openid", **changes}))


async def with_consent(site: Site) -> tuple[App, Browser]:
    """An app that the person of this browser allowed openid, ten seconds after they signed in."""
    app, browser = await site.app("server-based"), await site.signed_in()
    assert "code" in answer_of(await site.authorize(app, browser=browser, scope="openid"))
    site.clock.advance(10)
    return app, browser


async def claims_after(site: Site, app: App, page: httpx2.Response) -> dict[str, Any]:
    answer = await site.exchange(app, answer_of(page)["code"])
    return claims_of(answer.json()["id_token"])


async def test_core_3_1_2_1_a_get_and_post_are_the_same(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: an app's form, from another origin, is taken like its link."""
    app, browser = await with_consent(site)
    fields = site.request(app, scope="openid")
    got = answer_of(await browser.get(AUTH, params=fields))
    posted = answer_of(await browser.post(AUTH, fields, origin="https://app.example"))
    assert set(got) == set(posted)
    assert "code" in posted


async def test_core_3_1_2_1_c_unknown_words_are_passed_over_with_openid(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: and `scope` tells what was granted; without openid they are an error."""
    app, browser = await with_consent(site)
    tokens = await site.tokens(app, browser=browser, scope="openid phone nonsense")
    assert tokens["scope"] == "openid"
    for scope in ("phone", f"phone {SCOPE}", "openid CRM.nonsense.READ", "OpenID"):
        answer = answer_of(await ask(site, app, browser, scope=scope))
        assert answer["error"] == "invalid_scope", scope


async def test_core_3_1_2_1_d_the_redirect_uri_must_be_named_exactly(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: left out or unequal, a page of ours says so and nobody is sent on."""
    app, browser = await with_consent(site)
    for uri in (None, app.redirect_uri + "/", app.redirect_uri.upper(), app.redirect_uri + "?x=1"):
        page = await ask(site, app, browser, redirect_uri=uri)
        assert page.status_code == 400
        assert "location" not in page.headers
    assert "code" in answer_of(await ask(site, app, browser))
    # Without openid the only registered one may stay unsaid (RFC 6749 §3.1.2.3).
    assert shows_consent(await ask(site, app, browser, redirect_uri=None, scope=SCOPE))


async def test_core_3_1_2_1_e_prompt_none_shows_no_page(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: an answer or the error that says which page would be needed."""
    app, browser = await with_consent(site)
    silent: dict[str, Any] = {"prompt": "none"}
    assert "code" in answer_of(await ask(site, app, browser, **silent))
    assert answer_of(await ask(site, app, site.browser(), **silent))["error"] == "login_required"
    assert (
        answer_of(await ask(site, app, browser, **silent, scope="openid email"))["error"]
        == "consent_required"
    )
    assert answer_of(await ask(site, app, browser, **silent, max_age="5"))["error"] == "login_required"
    assert answer_of(await ask(site, app, browser, **silent, max_age="0"))["error"] == "login_required"
    framed = await browser.get(
        AUTH, params=site.request(app, scope="openid", **silent), headers={"Sec-Fetch-Dest": "iframe"}
    )
    assert "code" in answer_of(framed)
    site.clock.advance(24 * 3600)
    assert answer_of(await ask(site, app, browser, **silent))["error"] == "login_required"


@pytest.mark.parametrize("other", ["login", "consent", "select_account"])
async def test_core_3_1_2_1_f_prompt_none_goes_with_nothing_else(site: Site, other: str) -> None:
    """OpenID Connect Core §3.1.2.1."""
    app, browser = await with_consent(site)
    for prompt in (f"none {other}", f"{other} none"):
        answer = answer_of(await ask(site, app, browser, prompt=prompt))
        assert (answer["error"], answer["state"]) == ("invalid_request", "st-123")
    assert "code" in answer_of(await ask(site, app, browser, prompt="none"))


async def test_core_3_1_2_1_g_prompt_login_asks_for_the_password_again(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: a live session is not enough, and auth_time is the new one."""
    app, browser = await with_consent(site)
    page = await ask(site, app, browser, prompt="login")
    assert shows_sign_in(page)
    back = await browser.get(
        AUTH + "/continue", params={"flow": page.text.split('name="flow" value="')[1][:32]}
    )
    assert shows_sign_in(back)
    page = await browser.get((await browser.sign_in(page)).headers["location"])
    assert (await claims_after(site, app, page))["auth_time"] == site.clock()


async def test_core_3_1_2_1_g_a_sign_in_of_the_same_second_was_not_for_this_request(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: who asks for a new one gets a new one."""
    app, browser = await site.app("server-based"), await site.signed_in()
    assert shows_sign_in(await ask(site, app, browser, prompt="login"))
    assert shows_sign_in(await ask(site, app, browser, max_age="0"))
    assert shows_consent(await ask(site, app, browser))


async def test_core_3_1_2_1_h_prompt_consent_asks_again(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: although it is remembered; declining still declines."""
    app, browser = await with_consent(site)
    assert "code" in answer_of(await ask(site, app, browser))
    page = await ask(site, app, browser, prompt="consent")
    assert shows_consent(page)
    page = await browser.submit(page, {"decision": "deny"}, path="/oauth/v2/auth/decision")
    assert answer_of(page)["error"] == "access_denied"


async def test_core_3_1_2_1_i_prompt_select_account_offers_a_choice(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: go on as who is signed in, without a password, or as somebody else."""
    app, browser = await with_consent(site)
    tom = await site.person("tom@example.com")
    page = await ask(site, app, browser, prompt="select_account")
    assert shows_consent(page)
    assert "Mara Lindqvist" in page.text
    assert "Use another account" in page.text
    same = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert (await claims_after(site, app, same))["sub"] == site.account.sub
    page = await ask(site, app, browser, prompt="select_account")
    page = await browser.submit(page, {"decision": "switch"}, path="/oauth/v2/auth/decision")
    assert shows_sign_in(page)
    assert "Enter your password again" not in page.text
    page = await browser.get((await browser.sign_in(page, email="tom@example.com")).headers["location"])
    assert shows_consent(page)  # Tom has allowed nothing yet
    assert "Tom Berg" in page.text
    page = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert (await claims_after(site, app, page))["sub"] == tom.sub
    # Who signs in for the request has chosen.
    page = await ask(site, app, fresh := site.browser(), prompt="select_account")
    page = await fresh.get((await fresh.sign_in(page)).headers["location"])
    assert "code" in answer_of(page)


async def test_core_3_1_2_1_j_max_age_is_counted_to_the_second(site: Site) -> None:
    """OpenID Connect Core §3.1.2.1: older than that, the person signs in anew; 0 is prompt=login."""
    app, browser = await with_consent(site)
    page = await ask(site, app, browser, max_age="10")
    assert (await claims_after(site, app, page))["auth_time"] == site.clock() - 10
    site.clock.advance(1)
    assert shows_sign_in(await ask(site, app, browser, max_age="10"))
    assert shows_sign_in(await ask(site, app, browser, max_age="0"))
    page = await ask(site, app, browser, max_age="0")
    page = await browser.get((await browser.sign_in(page)).headers["location"])
    assert (await claims_after(site, app, page))["auth_time"] == site.clock()
    for odd in ("-1", "1.5", "x", "1e3", "99999999999"):
        answer = answer_of(await ask(site, app, browser, max_age=odd))
        assert answer["error"] == "invalid_request", odd


@pytest.mark.parametrize(
    "changes",
    [
        {"display": "holodeck"},
        {"ui_locales": "tlh de-CH nonsense"},
        {"claims_locales": "xx"},
        {"acr_values": "urn:example:gold 2"},
        {"claims": '{"id_token":{"x":null}}'},
    ],
)
async def test_core_3_1_2_1_k_what_we_do_not_support_is_no_error(site: Site, changes: dict[str, str]) -> None:
    """OpenID Connect Core §3.1.2.1."""
    app, browser = await with_consent(site)
    assert "code" in answer_of(await ask(site, app, browser, **changes))


async def test_core_3_1_2_2_a_a_hint_at_somebody_else_gets_no_token_for_me(site: Site) -> None:
    """OpenID Connect Core §3.1.2.2: login_required, or a sign-in that only the person meant gets past."""
    app, browser = await with_consent(site)
    await site.person("tom@example.com")
    toms = await site.tokens(app, browser=await site.signed_in("tom@example.com"), scope="openid")
    mine = await site.tokens(app, browser=browser, scope="openid")
    hint = {"id_token_hint": toms["id_token"]}
    silent = answer_of(await ask(site, app, browser, prompt="none", **hint))
    assert silent["error"] == "login_required"
    page = await ask(site, app, browser, **hint)
    assert shows_sign_in(page)
    as_me = await browser.get((await browser.sign_in(page)).headers["location"])
    assert shows_sign_in(as_me)
    as_tom = await browser.get((await browser.sign_in(as_me, email="tom@example.com")).headers["location"])
    assert (await claims_after(site, app, as_tom))["sub"] == claims_of(toms["id_token"])["sub"]
    me = await site.signed_in()
    right = await ask(site, app, me, prompt="none", id_token_hint=mine["id_token"])
    assert (await claims_after(site, app, right))["sub"] == site.account.sub


async def test_core_3_1_2_2_b_a_hint_must_be_of_our_making_and_may_have_expired(site: Site) -> None:
    """OpenID Connect Core §3.1.2.2."""
    app, browser = await with_consent(site)
    own = (await site.tokens(app, browser=browser, scope="openid"))["id_token"]
    site.clock.advance(2 * 3600)
    assert "code" in answer_of(await ask(site, app, browser, prompt="none", id_token_hint=own))
    foreign = jwt.encode(
        claims_of(own),
        rsa.generate_private_key(65537, 2048),
        algorithm="RS256",
        headers={"kid": header_of(own)["kid"]},
    )
    unsigned = jwt.encode(claims_of(own), None, algorithm="none")
    for hint in (foreign, unsigned, own[:-2], "no token", own + "x"):
        answer = answer_of(await ask(site, app, browser, prompt="none", id_token_hint=hint))
        assert (answer["error"], answer["state"]) == ("invalid_request", "st-123")


async def test_core_3_1_2_4_a_nothing_is_released_without_consent(site: Site) -> None:
    """OpenID Connect Core §3.1.2.4: not at first, not once taken back, and not for more than it covers."""
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await ask(site, app, browser)
    assert shows_consent(page)
    assert await site.db.all("SELECT 1 FROM authorization_codes") == []
    page = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert "code" in answer_of(page)
    assert "code" in answer_of(await ask(site, app, browser))
    assert shows_consent(await ask(site, app, browser, scope="openid email"))
    assert shows_consent(await ask(site, app, browser, access_type="offline"))
    await site.api()
    assert shows_consent(await ask(site, app, browser, resource=API, scope=f"openid {SCOPE}"))
    apps = await browser.get("/account/apps")
    await browser.submit(apps, {"client_id": app.id}, path="/account/apps/remove")
    assert shows_consent(await ask(site, app, browser))


async def test_core_3_1_2_5_a_a_code_comes_in_the_query(site: Site) -> None:
    """OpenID Connect Core §3.1.2.5: and response_mode cannot move it."""
    app, browser = await with_consent(site)
    for changes in ({}, {"response_mode": "query"}):
        location = (await ask(site, app, browser, **changes)).headers["location"]
        assert location.startswith(app.redirect_uri + "?")
        assert "code=" in location
        assert "#" not in location
    moved = answer_of(await ask(site, app, browser, response_mode="fragment"))
    assert moved["error"] == "invalid_request"
    assert "code" not in moved


async def test_core_3_1_2_6_a_an_error_tells_little_and_goes_nowhere_else(site: Site) -> None:
    """OpenID Connect Core §3.1.2.6: error, its words, state and iss."""
    app, browser = await with_consent(site)
    answer = answer_of(await ask(site, app, browser, scope="nonsense"))
    assert set(answer) == {"error", "error_description", "error_uri", "state", "iss"}
    assert answer["state"] == "st-123"
    stopped = await ask(site, app, browser, scope="nonsense", redirect_uri="https://evil.example/")
    assert stopped.status_code == 400
    assert "location" not in stopped.headers
    assert "evil.example" not in stopped.headers["content-security-policy"]


async def test_core_16_22_a_no_redirect_repeats_a_post(site: Site) -> None:
    """OpenID Connect Core §16.22: after sign-in, consent and refusal it is 303."""
    app, browser = await site.app("server-based"), site.browser()
    page = await ask(site, app, browser)
    page = await browser.sign_in(page)
    assert page.status_code == 303
    page = await browser.get(page.headers["location"])
    page = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert page.status_code == 303
    posted = await browser.post(AUTH, site.request(app, scope="nonsense"), origin="https://app.example")
    assert posted.status_code == 303
