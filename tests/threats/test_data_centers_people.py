"""Signing in where one lives: the page names its data center and offers the others, the request goes along,
and nothing of the person does (T10, T75, T80, T110, T115)."""

import re
from dataclasses import fields
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from grantline.authorize import CARRIED, WITHHELD
from grantline.clients import find_client
from grantline.oauth.requests import AuthorizationRequest
from tests.centers import Sites
from tests.site import CALLBACK, CHALLENGE, SCOPE, App, Browser, Site, answer_of, hidden_fields

EVERYWHERE = ("us", "eu")
ELSEWHERE = "/signin/elsewhere"
EU = "http://127.0.0.1:8701"


async def shared(sites: Sites, type_name: str = "server-based", **changes: Any) -> App:
    """An app of us that works in eu, too, and has arrived there."""
    app = await sites["us"].app(type_name, data_centers=EVERYWHERE, **changes)
    assert await sites.carry("us") == {}
    assert await find_client(sites["eu"].db, app.id) is not None
    return app


async def asked(site: Site, app: App, browser: Browser | None = None, **changes: Any) -> httpx2.Response:
    """The sign-in page for an app's request."""
    return await (browser or site.browser()).get("/oauth/v2/auth", params=site.request(app, **changes))


async def go_to(browser: Browser, page: httpx2.Response, code: str = "eu", **more: str) -> httpx2.Response:
    """Press the button of a data center."""
    return await browser.submit(page, {"data_center": code, **more}, path=ELSEWHERE)


async def handed_over(sites: Sites, app: App, **changes: Any) -> str:
    """Where the browser is sent with an app's request by the button for eu."""
    browser = sites["us"].browser()
    answer = await go_to(browser, await asked(sites["us"], app, browser, **changes))
    assert answer.status_code == 303, answer.text[:400]
    return str(answer.headers["location"])


async def allowed_at(site: Site, address: str) -> httpx2.Response:
    """Follow a hand-over: sign in there, and allow."""
    assert address.startswith(f"{site.issuer}/oauth/v2/auth?")
    browser = site.browser()
    page = await browser.sign_in(await browser.get(address.removeprefix(site.issuer)))
    page = await browser.get(page.headers["location"])
    return await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")


def offered(page: httpx2.Response) -> list[str]:
    """The codes of the buttons on a sign-in page, in their order."""
    return re.findall(r'name="data_center" value="([^"]*)"', page.text)


def words(page: httpx2.Response) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page.text)))


def policy_of(page: httpx2.Response) -> list[str]:
    """The sources of form-action."""
    found = re.search(r"form-action ([^;]*)", page.headers["content-security-policy"])
    assert found
    return found[1].split()


def sent_to(address: str) -> tuple[str, list[tuple[str, str]]]:
    """An address without its query, and the query's parameters."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qsl(parts.query, strict_parsing=True)


async def test_the_sign_in_page_names_its_data_center_and_offers_each_other_one(sites: Sites) -> None:
    for code, name, other in (("us", "United States", "eu"), ("eu", "Europe", "us")):
        page = await sites[code].browser().get("/signin")
        assert f"People whose data is in {name} sign in on this page." in words(page)
        assert offered(page) == [other]
        assert page.headers.get("location") is None


async def test_with_one_data_center_alone_nothing_is_said_of_others(site: Site) -> None:
    page = await site.browser().get("/signin")
    for word in (ELSEWHERE, "data_center", "Where is your data?", "sign in on this page"):
        assert word not in page.text


async def test_T80_the_whole_request_goes_along_and_nothing_that_names_the_person(sites: Sites) -> None:
    """What the button sends is the request as it came, at the other's authorization endpoint."""
    app = await shared(sites)
    hint = "mara@example.com"
    more = {
        "state": "a b&c=d/é".encode("ascii", "ignore").decode() + "%2F+",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent login",
        "max_age": "3600",
        "response_mode": "query",
        "ui_locales": "de fr",
        "claims_locales": "de",
        "claims": '{"id_token":{"auth_time":null}}',
        "acr_values": "one two",
        "display": "page",
    }
    browser = sites["us"].browser()
    params = sites["us"].request(app, **more, scope=f"openid {SCOPE}")
    page = await browser.get("/oauth/v2/auth", params={**params, "login_hint": hint, "of_the_app": hint})
    assert hint in page.text
    answer = await go_to(browser, page)
    address, sent = sent_to(answer.headers["location"])
    assert address == f"{EU}/oauth/v2/auth"
    assert dict(sent) == params
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_T80_every_resource_goes_along(sites: Sites) -> None:
    app = await shared(sites)
    resources = ["https://one.example/", "https://two.example/"]
    for code, prefix in (("us", "ONE"), ("us", "TWO")):
        await sites[code].api(resources[prefix == "TWO"], prefix)
    params = {**sites["us"].request(app, scope="ONE.ALL TWO.ALL"), "resource": resources}
    browser = sites["us"].browser()
    page = await browser.get("/oauth/v2/auth", params=params)
    _, sent = sent_to((await go_to(browser, page)).headers["location"])
    assert [value for name, value in sent if name == "resource"] == resources


def test_everything_that_is_read_of_a_request_is_carried_or_withheld() -> None:
    """A parameter that is read one day must not be lost on the way."""
    read = {one.name for one in fields(AuthorizationRequest)}
    assert read <= {*CARRIED} | WITHHELD
    assert not WITHHELD & {*CARRIED}


async def test_T80_a_request_that_came_by_post_goes_along_too(sites: Sites) -> None:
    app = await shared(sites)
    browser = sites["us"].browser()
    params = sites["us"].request(app)
    page = await browser.post("/oauth/v2/auth", params, origin="https://app.example")
    _, sent = sent_to((await go_to(browser, page)).headers["location"])
    assert dict(sent) == params


async def test_a_request_too_long_for_an_address_is_not_offered_elsewhere(sites: Sites) -> None:
    app = await shared(sites)
    long = sites["us"].request(app, claims="x" * 7500)
    page = await sites["us"].browser().post("/oauth/v2/auth", long, origin=None)
    assert (page.status_code, offered(page)) == (200, [])
    assert "This can’t go on in Europe." in words(page)


@pytest.mark.parametrize("type_name", ["server-based", "client-based", "mobile"])
async def test_the_person_signs_in_at_home_and_the_app_gets_a_code_of_there(
    sites: Sites, type_name: str
) -> None:
    app = await shared(sites, type_name)
    eu = sites["eu"]
    answer = answer_of(await allowed_at(eu, await handed_over(sites, app, access_type="offline")))
    assert {name: answer[name] for name in ("state", "location", "accounts-server", "iss")} == {
        "state": "st-123",
        "location": "eu",
        "accounts-server": EU,
        "iss": EU,
    }
    assert answer["code"].startswith("glg_eu_")
    refused = await sites["us"].exchange(app, answer["code"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert refused.json()["grantline_code"] == "token_wrong_data_center"
    assert refused.json()["expected_issuer"] == EU
    tokens = await eu.exchange(app, answer["code"])
    assert tokens.status_code == 200, tokens.text
    assert tokens.json()["api_domain"] == eu.mint.home.api_domain
    assert tokens.json()["access_token"].startswith("gla_eu_")


@pytest.mark.parametrize("response_type", ["token", "id_token token"])
async def test_the_implicit_flow_ends_where_the_person_lives(sites: Sites, response_type: str) -> None:
    app = await shared(sites, "client-based", implicit=True)
    scope = SCOPE if response_type == "token" else f"openid {SCOPE}"
    unlike = {"code_challenge": None, "code_challenge_method": None, "nonce": "n-1"}
    address = await handed_over(sites, app, response_type=response_type, scope=scope, **unlike)
    back = await allowed_at(sites["eu"], address)
    assert "#" in back.headers["location"]
    answer = answer_of(back)
    assert (answer["location"], answer["iss"]) == ("eu", EU)
    assert answer["access_token"].startswith("gla_eu_")
    assert await sites["eu"].works(answer["access_token"])
    assert ("id_token" in answer) == (response_type != "token")


async def test_the_other_way_round_works_as_well(sites: Sites) -> None:
    """Somebody of us starts at a link to eu: the app's home is known by its id."""
    app = await shared(sites)
    eu = sites["eu"]
    browser = eu.browser()
    page = await browser.get("/oauth/v2/auth", params=eu.request(app))
    address = (await go_to(browser, page, "us")).headers["location"]
    answer = answer_of(await allowed_at(sites["us"], address))
    assert answer["iss"] == sites["us"].issuer


async def test_the_parked_request_of_the_first_data_center_stays_harmless(sites: Sites) -> None:
    """Mix-up: nobody signed in there, so it yields nothing, and the person may still go back to it."""
    app = await shared(sites)
    us, browser = sites["us"], sites["us"].browser()
    page = await asked(us, app, browser)
    address = (await go_to(browser, page)).headers["location"]
    await allowed_at(sites["eu"], address)
    flow = hidden_fields(page)["flow"]
    waiting = await browser.get("/oauth/v2/auth/continue", params={"flow": flow})
    assert 'name="password"' in waiting.text
    stranger = await us.signed_in()
    assert (await stranger.get("/oauth/v2/auth/continue", params={"flow": flow})).headers["location"] == "/"
    assert (await us.db.one("SELECT COUNT(*) FROM authorization_codes"))[0] == 0


async def test_an_app_that_does_not_work_there_has_no_button_but_a_sentence(sites: Sites) -> None:
    app = await sites["us"].app("server-based", data_centers=("us",))
    browser = sites["us"].browser()
    page = await asked(sites["us"], app, browser)
    assert offered(page) == []
    assert f"{app.client.name} is not available in Europe." in words(page)
    assert EU not in policy_of(page)
    forced = await go_to(browser, page)
    assert (forced.status_code, forced.headers.get("location")) == (400, None)


async def test_T10_form_action_names_the_app_and_the_data_centers_that_are_offered(sites: Sites) -> None:
    app = await shared(sites)
    page = await asked(sites["us"], app)
    assert policy_of(page) == ["'self'", "https://app.example", EU]
    assert policy_of(await sites["us"].browser().get("/signin")) == ["'self'", EU]


async def test_silent_requests_are_answered_as_before(sites: Sites) -> None:
    app = await shared(sites)
    answer = answer_of(await asked(sites["us"], app, prompt="none"))
    assert (answer["error"], answer["iss"]) == ("login_required", sites["us"].issuer)


async def test_without_an_app_the_same_place_is_gone_to(sites: Sites) -> None:
    for path, there in (
        ("/signin", "/signin"),
        ("/account", "/account"),
        ("/account/apps", "/account"),
        ("/console", "/console"),
        ("/console/team", "/console"),
    ):
        browser = sites["us"].browser()
        page = await browser.get(path)
        if page.status_code == 303:
            page = await browser.get(page.headers["location"])
        assert (await go_to(browser, page)).headers["location"] == f"{EU}{there}"


async def test_a_console_with_an_address_of_its_own_is_gone_to(sites: Sites) -> None:
    console = "https://console.eu.example"
    text = sites.registry.read_text()
    sites.registry.write_text(text.replace("[eu]\n", f'[eu]\nconsole = "{console}"\n'))
    await sites["us"].server.neighbours.look(sites["us"].mint)
    browser = sites["us"].browser()
    page = await browser.get((await browser.get("/console")).headers["location"])
    assert policy_of(page) == ["'self'", EU, console]
    assert (await go_to(browser, page)).headers["location"] == console


async def test_T75_the_choice_is_a_cookie_with_a_code_alone_and_comes_first_the_next_time(
    sites: Sites,
) -> None:
    us = sites["us"]
    browser = us.browser()
    answer = await go_to(browser, await browser.get("/signin"))
    (line,) = [one for one in answer.headers.get_list("set-cookie") if "data_center" in one]
    assert line == "gl_us_data_center=eu; Path=/; Max-Age=15552000; HttpOnly; SameSite=Lax"
    again = await browser.get("/signin")
    assert again.status_code == 200
    assert "You went on in Europe last time" in words(again)
    assert offered(again) == ["eu"]
    assert again.text.index('value="eu"') < again.text.index('name="password"')
    wrong = await browser.submit(again, {"email": "x@example.com", "password": "x"}, path="/signin")
    assert offered(wrong) == ["eu"]
    assert wrong.text.index('value="eu"') > wrong.text.index('name="password"'), "beside the others"
    await browser.sign_in(again)
    signed_out = us.browser()
    signed_out.http.cookies.set("gl_us_data_center", browser.http.cookies.get("gl_us_data_center") or "")
    assert "last time" not in words(await signed_out.get("/signin"))


async def test_T75_a_cookie_that_names_no_offered_data_center_changes_nothing(sites: Sites) -> None:
    browser = sites["us"].browser()
    for value in ("us", "in", "EU", "eu; gl_us_data_center=eu", "https://evil.example", "eueueu", ""):
        tossed = await browser.get("/signin", headers={"Cookie": f"gl_us_data_center={value}"})
        assert offered(tossed) == ["eu"]
        assert "last time" not in words(tossed)
        assert "evil" not in tossed.text


async def test_T80_no_other_choice_than_an_offered_one_leads_anywhere(sites: Sites) -> None:
    app = await shared(sites)
    browser = sites["us"].browser()
    evil = ("//evil.example", "https://evil.example", "eu.evil.example", "eu@evil.example", "\\evil")
    for path, params in (("/signin", {}), ("/oauth/v2/auth", sites["us"].request(app))):
        page = await browser.get(path, params=params)
        for choice in ("us", "in", "EU", " eu", "", *evil):
            answer = await go_to(browser, page, choice)
            assert (answer.status_code, answer.headers.get("location")) == (400, None)
            assert "can’t be chosen any more" in words(answer)
            assert "evil" not in answer.text
            assert not [one for one in answer.headers.get_list("set-cookie") if "data_center" in one]


async def test_T80_no_parameter_of_the_form_steers_where_it_leads(sites: Sites) -> None:
    browser = sites["us"].browser()
    page = await browser.get("/signin")
    for name in ("next", "return_to", "issuer", "redirect_uri"):
        assert (await go_to(browser, page, **{name: "https://evil.example"})).status_code == 400
    answer = await go_to(browser, page, flow="//evil.example")
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
    assert "too old" in words(answer)


async def test_T80_a_data_center_that_left_the_registry_meanwhile_is_not_gone_to(sites: Sites) -> None:
    app = await shared(sites)
    us, browser = sites["us"], sites["us"].browser()
    page = await asked(us, app, browser)
    text = sites.registry.read_text()
    sites.registry.write_text(text[: text.index("[eu]")])
    await us.server.neighbours.look(us.mint)
    answer = await go_to(browser, page)
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
    assert "can’t be chosen any more" in words(answer)
    assert 'name="password"' in answer.text


async def test_T80_an_app_that_was_switched_off_meanwhile_is_not_taken_along(sites: Sites) -> None:
    app = await shared(sites)
    browser = sites["us"].browser()
    page = await asked(sites["us"], app, browser)
    await sites["us"].db.run("UPDATE clients SET disabled_at = 1 WHERE id = $1", app.id)
    assert (await go_to(browser, page)).status_code == 400


async def test_the_button_is_a_form_of_ours(sites: Sites) -> None:
    """A forged post, another browser's token, and another site's page choose nothing (T5, T74)."""
    browser, other = sites["us"].browser(), sites["us"].browser()
    page, others = await browser.get("/signin"), await other.get("/signin")
    choice = {"data_center": "eu"}
    forged: list[tuple[dict[str, str], str | None]] = [
        ({**hidden_fields(page), "token": ""}, "own"),
        ({**hidden_fields(page), "token": hidden_fields(others)["token"]}, "own"),
        (hidden_fields(page), "https://evil.example"),
        (hidden_fields(page), sites["eu"].issuer),
        (hidden_fields(page), None),
    ]
    for form, origin in forged:
        answer = await browser.post(ELSEWHERE, {**form, **choice}, origin=origin)
        assert (answer.status_code, answer.headers.get("location")) == (403, None)
    assert (await browser.get(ELSEWHERE, params=choice)).status_code == 405
    assert (await go_to(browser, page)).status_code == 303


async def test_T115_a_failed_sign_in_says_the_same_wherever_the_address_lives(sites: Sites) -> None:
    """Here, in eu, nowhere: the same bytes, and no question to anybody."""
    await sites["eu"].person("ines@example.com")
    app = await shared(sites)
    us, crossed = sites["us"], len(sites.wires.passed)
    pages = []
    for email in ("mara@example.com", "ines@example.com", "nobody@example.com"):
        browser = us.browser()
        page = await asked(us, app, browser)
        answer = await browser.submit(page, {"email": email, "password": "not it"}, path="/signin")
        assert answer.status_code == 400
        text = answer.text.replace(email, "")
        for value in (*hidden_fields(answer).values(), answer.headers["x-request-id"]):
            text = text.replace(value, "")
        pages.append(text)
        assert "Perhaps your account lives in another data center" in words(answer)
        assert offered(answer) == ["eu"]
    assert len(set(pages)) == 1
    assert len(sites.wires.passed) == crossed, "nobody is asked"


async def test_T115_no_address_crosses_with_the_person(sites: Sites) -> None:
    """Neither by the browser nor by messages: not what was typed, not a hint, not who is signed in."""
    app = await shared(sites)
    us, secret = sites["us"], "ines.unmistakable@example.com"
    browser = await us.signed_in()
    params = {**us.request(app, prompt="login"), "login_hint": secret}
    page = await browser.get("/oauth/v2/auth", params=params)
    wrong = await browser.submit(page, {"email": secret, "password": "x"}, path="/signin")
    answer = await go_to(browser, wrong)
    for text in (answer.headers["location"], answer.text, *map(str, answer.headers.values())):
        assert "unmistakable" not in text
        assert "example.com" not in text.replace("app.example", "")
    crossed = b"".join(body for _, body in sites.wires.passed)
    assert b"unmistakable" not in crossed
    assert b"mara" not in crossed
    refused = await go_to(browser, page, email=secret)
    assert refused.status_code == 400, "the form takes no address at all"


async def test_who_proves_it_again_for_a_page_of_their_own_is_offered_nothing(sites: Sites) -> None:
    browser = await sites["us"].signed_in()
    sites.clock.advance(601)
    page = await browser.get("/console/clients/new/mobile")
    page = await browser.get(page.headers["location"])
    assert "Enter your password again" in page.text
    assert offered(page) == []


async def test_another_account_may_live_in_another_data_center(sites: Sites) -> None:
    """Signed in at us, the person asks for another account on the consent page, and goes on in eu."""
    app = await shared(sites)
    browser = await sites["us"].signed_in()
    consent = await asked(sites["us"], app, browser)
    page = await browser.submit(consent, {"decision": "switch"}, path="/oauth/v2/auth/decision")
    assert offered(page) == ["eu"]
    assert (await go_to(browser, page)).headers["location"].startswith(f"{EU}/oauth/v2/auth?")


async def test_signing_out_stays_with_its_data_center(sites: Sites) -> None:
    """A hint of eu says nothing at us, and who signs out here is still signed in there."""
    app = await shared(sites)
    here, there = await sites["us"].signed_in(), await sites["eu"].signed_in()
    code = await sites["eu"].code(app, browser=there, scope="openid")
    hint = (await sites["eu"].exchange(app, code)).json()["id_token"]
    leaving = {"id_token_hint": hint, "post_logout_redirect_uri": "https://app.example/bye"}
    assert (await here.get("/oauth/v2/logout", params=leaving)).status_code == 400
    page = await here.get("/signout")
    assert (await here.submit(page, {}, path="/signout")).status_code == 200
    assert (await here.get("/account")).status_code == 303
    assert (await there.get("/account")).status_code == 200
    gone = await there.get("/oauth/v2/logout", params=leaving)
    assert gone.headers["location"] == "https://app.example/bye"
    assert (await there.get("/account")).status_code == 303


async def test_a_trial_copy_stays_where_it_was_made(sites: Sites) -> None:
    app = await shared(sites)
    await sites["us"].db.run(
        "UPDATE clients SET trial_of = 'x', trial_until = $2 WHERE id = $1", app.id, sites.clock() + 60
    )
    browser = await sites["us"].signed_in()
    consent = await asked(sites["us"], app, browser)
    page = await browser.submit(consent, {"decision": "switch"}, path="/oauth/v2/auth/decision")
    assert offered(page) == []


async def test_the_callback_is_registered_at_home_alone(sites: Sites) -> None:
    """T10 holds over there, too: the request that is carried over proves nothing."""
    app = await shared(sites)
    address = await handed_over(sites, app)
    swapped = address.replace("app.example", "evil.example").removeprefix(EU)
    answer = await sites["eu"].browser().get(swapped)
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
    assert app.redirect_uri == CALLBACK
