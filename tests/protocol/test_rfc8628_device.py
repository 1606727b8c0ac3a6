"""The device flow, from the device's side and from the person's (RFC 8628)."""

import re

import pytest

from grantline.opaque import recognise
from tests.conftest import SiteFactory
from tests.site import API, DEVICE_GRANT, ISSUER, SCOPE, Site

pytestmark = pytest.mark.both_engines

START = "/oauth/v3/device/code"


async def test_8628_3_1_a_the_first_call_is_a_form_like_any_other(site: Site) -> None:
    """RFC 8628 §3.1: empty is absent, unknown is ignored, twice is refused, and GET is not used."""
    app = await site.app("non-browser")
    fields = {"client_id": app.id, "scope": SCOPE}
    assert (await site.post(START, {**fields, "unheard_of": "1", "state": ""})).status_code == 200
    empty = await site.post(START, {**fields, "scope": ""})
    assert (empty.status_code, empty.json()["error"]) == (400, "invalid_scope")
    doubled = await site.call(
        "POST",
        START,
        content=f"client_id={app.id}&scope={SCOPE}&scope={SCOPE}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (doubled.status_code, doubled.json()["error"]) == (400, "invalid_request")
    assert (await site.post(START, {"scope": SCOPE})).json()["error"] == "invalid_request"
    assert (await site.call("POST", START, json=fields)).status_code == 400
    assert (await site.call("GET", START, params=fields)).status_code == 405


async def test_8628_3_1_b_a_secret_that_is_sent_must_be_right(site: Site) -> None:
    """RFC 8628 §3.1: a Non-browser app may leave its optional secret out, but not send another."""
    app = await site.app("non-browser")
    assert app.secret is not None
    fields = {"client_id": app.id, "scope": SCOPE}
    wrong = await site.post(START, {**fields, "client_secret": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (await site.post(START, {**fields, "client_secret": app.secret})).status_code == 200
    assert (await site.post(START, fields)).status_code == 200
    for type_name in ("server-based", "mobile", "client-based", "self-client"):
        another = await site.app(type_name)
        refused = await site.post(START, {**another.credentials, "scope": SCOPE})
        assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client"), type_name


async def test_8628_3_2_a_the_answer_has_all_that_a_device_needs(site: Site) -> None:
    """RFC 8628 §3.2: and no cache keeps it."""
    app = await site.app("non-browser")
    answer = await site.post(START, {"client_id": app.id, "scope": SCOPE})
    assert (answer.headers["cache-control"], answer.headers["content-type"]) == (
        "no-store",
        "application/json",
    )
    members = answer.json()
    assert set(members) == {
        *("device_code", "user_code", "verification_uri", "verification_url"),
        *("verification_uri_complete", "expires_in", "interval"),
    }
    assert (members["expires_in"], members["interval"]) == (600, 5)
    assert members["verification_uri"] == members["verification_url"]
    assert members["verification_uri_complete"] == (
        f"{members['verification_uri']}?user_code={members['user_code']}"
    )


async def test_8628_3_3_a_a_person_enters_the_code_signs_in_decides_and_is_told(site: Site) -> None:
    """RFC 8628 §3.3: with plain forms, so without any script."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    browser = site.browser()
    page = await browser.get(started["verification_uri"])
    assert "script-src" not in page.headers["content-security-policy"]
    page = await browser.submit(page, {"user_code": started["user_code"]}, path="/oauth/v3/device")
    assert 'name="password"' in page.text
    page = await browser.get((await browser.sign_in(page)).headers["location"])
    assert app.client.name in page.text
    assert 'name="decision"' in page.text
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "authorization_pending"
    page = await browser.submit(page, {"decision": "allow"}, path="/oauth/v3/device/decision")
    assert "is connected" in page.text
    tokens = (await site.device_poll(app, started["device_code"])).json()
    assert await site.works(tokens["access_token"])


async def test_8628_3_3_b_the_address_is_short_and_holds_no_code(site: Site) -> None:
    """RFC 8628 §3.3."""
    started = await site.device_start(await site.app("non-browser"))
    assert started["verification_uri"] == f"{ISSUER}/device"
    assert len(started["verification_uri"]) < len(ISSUER) + 10


async def test_8628_3_3_1_b_the_complete_link_fills_the_form_and_decides_nothing(site: Site) -> None:
    """RFC 8628 §3.3.1: the page shows the code, and the person still goes on and compares."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    browser = await site.signed_in()
    page = await browser.get(started["verification_uri_complete"])
    assert f'value="{started["user_code"]}"' in page.text
    assert 'name="decision"' not in page.text
    assert (await site.device_poll(app, started["device_code"])).json()["error"] == "authorization_pending"
    page = await browser.submit(page, {"user_code": started["user_code"]}, path="/oauth/v3/device")
    page = await browser.get(page.headers["location"])
    assert started["user_code"] in page.text
    assert 'name="decision"' in page.text


async def test_8628_3_4_a_the_poll_names_grant_code_and_the_same_client(site: Site) -> None:
    """RFC 8628 §3.4."""
    app = await site.app("non-browser")
    other = await site.app("non-browser", name="Other TV")
    started = await site.device_start(app)
    await site.device_decide(started["user_code"], "allow")
    foreign = await site.device_poll(other, started["device_code"])
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    codeless = await site.token(app, grant_type=DEVICE_GRANT)
    assert (codeless.status_code, codeless.json()["error"]) == (400, "invalid_request")
    nameless = await site.token(None, grant_type=DEVICE_GRANT, device_code=started["device_code"])
    assert nameless.json()["error"] in ("invalid_request", "invalid_client")
    wrong = await site.device_poll(app, started["device_code"], client_secret="wrong")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    invented = await site.device_poll(app, started["device_code"][:-1])
    assert invented.json()["error"] == "invalid_grant"
    assert (await site.device_poll(app, started["device_code"])).status_code == 200


@pytest.mark.parametrize("path", ["/oauth/v2/token", "/oauth/v3/device/token"])
async def test_8628_3_5_a_each_state_has_its_word(site: Site, path: str) -> None:
    """RFC 8628 §3.5: pending, too fast, denied, over; the same at both addresses."""
    app = await site.app("non-browser")

    async def poll(code: str) -> tuple[int, str]:
        grant = DEVICE_GRANT if path.endswith("v2/token") else "device_token"
        fields = {"client_id": app.id, "grant_type": grant, "device_code": code}
        answer = await site.post(path, fields)
        return answer.status_code, answer.json().get("error", "")

    started, denied, late = [await site.device_start(app) for _ in range(3)]
    assert await poll(started["device_code"]) == (400, "authorization_pending")
    assert await poll(started["device_code"]) == (400, "slow_down")
    await site.device_decide(denied["user_code"], "deny")
    assert await poll(denied["device_code"]) == (400, "access_denied")
    assert await poll(denied["device_code"]) == (400, "access_denied")
    await site.device_decide(started["user_code"], "allow")
    assert await poll(started["device_code"]) == (200, "")
    site.clock.advance(600)
    assert await poll(late["device_code"]) == (400, "expired_token")
    assert await poll("gld_us_nothing") == (400, "invalid_grant")


async def test_8628_3_5_b_a_hasty_device_is_slowed_down_for_good(site: Site) -> None:
    """RFC 8628 §3.5: each poll before its time adds five seconds to the interval."""
    app = await site.app("non-browser")
    code = (await site.device_start(app))["device_code"]

    async def word_after(seconds: int) -> str:
        site.clock.advance(seconds)
        return str((await site.device_poll(app, code)).json()["error"])

    assert await word_after(0) == "authorization_pending"
    assert await word_after(5) == "authorization_pending"
    assert await word_after(4) == "slow_down"
    assert await word_after(9) == "slow_down"
    assert await word_after(14) == "slow_down"
    assert await word_after(20) == "authorization_pending"
    assert await word_after(20) == "authorization_pending"


async def test_8628_3_5_f_a_device_code_yields_tokens_once(site: Site) -> None:
    """RFC 8628 §3.5: a later poll gets invalid_grant, and what was given goes on working."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    await site.device_decide(started["user_code"], "allow")
    tokens = (await site.device_poll(app, started["device_code"])).json()
    again = await site.device_poll(app, started["device_code"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert await site.works(tokens["access_token"])


async def test_8628_4_a_the_metadata_name_the_endpoint_and_the_grant(site: Site) -> None:
    """RFC 8628 §4: and what they name works."""
    document = (await site.call("GET", "/.well-known/oauth-authorization-server")).json()
    assert DEVICE_GRANT in document["grant_types_supported"]
    app = await site.app("non-browser")
    path = document["device_authorization_endpoint"].removeprefix(ISSUER)
    assert (await site.post(path, {"client_id": app.id, "scope": SCOPE})).status_code == 200


async def test_8628_5_1_a_user_codes_are_many_and_tries_are_few(open_a_site: SiteFactory) -> None:
    """RFC 8628 §5.1: 20 letters in 8 places for ten minutes; five tries a browser, ten a network."""
    async with open_a_site(limits="1") as site:
        app = await site.app("non-browser")
        site.peer = "203.0.113.9"
        started = await site.device_start(app)
        assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", started["user_code"])

        async def tries(count: int) -> list[int]:
            browser = site.browser()
            page = await browser.get("/device")
            guess = {"user_code": "BBBB-BBBB"}
            return [
                (await browser.submit(page, guess, path="/oauth/v3/device")).status_code for _ in range(count)
            ]

        assert await tries(6) == [400] * 5 + [429]
        assert (await tries(6)).count(400) == 4  # the refused try was one of the network's ten
        assert await tries(1) == [429]
        site.clock.advance(600)
        assert await tries(1) == [400]


async def test_8628_5_2_a_a_device_code_cannot_be_guessed(site: Site) -> None:
    """RFC 8628 §5.2: 43 letters and digits of chance, and the database does not hold them."""
    app = await site.app("non-browser")
    codes = {(await site.device_start(app))["device_code"] for _ in range(10)}
    assert len(codes) == 10
    for code in codes:
        recognised = recognise(code)
        assert recognised is not None
        assert len(recognised.body) >= 43  # 62^43 > 2^256
    rows = repr([tuple(row) for row in await site.db.all("SELECT * FROM device_codes")])
    assert not [code for code in codes if code in rows or code.rpartition("_")[2] in rows]


async def test_8628_5_4_a_the_page_says_that_a_device_gets_access(site: Site) -> None:
    """RFC 8628 §5.4: which app, what it may do, and whether the device is in the person's hands."""
    app = await site.app("non-browser")
    started = await site.device_start(app)
    browser = await site.signed_in()
    page = await browser.submit(
        await browser.get("/device"), {"user_code": started["user_code"]}, path="/oauth/v3/device"
    )
    page = await browser.get(page.headers["location"])
    assert "Is this device in front of you?" in page.text
    assert f"{app.client.name}</bdi></strong> wants to use your account" in page.text
    assert "leads" in page.text
    assert SCOPE in page.text


@pytest.mark.parametrize(
    "spell", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code[:2].lower()}-{code[2:]} "]
)
async def test_8628_6_1_a_a_code_may_be_typed_carelessly(site: Site, spell: object) -> None:
    """RFC 8628 §6.1: case, dashes and blanks don't matter; the letters do."""
    assert callable(spell)
    app = await site.app("non-browser")
    started = await site.device_start(app)
    browser = await site.signed_in()
    page = await browser.get("/device")
    wrong = started["user_code"][:-1] + ("B" if started["user_code"][-1] != "B" else "C")
    refused = await browser.submit(page, {"user_code": spell(wrong)}, path="/oauth/v3/device")
    assert refused.status_code == 400
    taken = await browser.submit(page, {"user_code": spell(started["user_code"])}, path="/oauth/v3/device")
    assert taken.status_code == 303


async def test_a_device_may_name_the_api_that_its_tokens_are_for(site: Site) -> None:
    """RFC 8707 §2.2: at the first call or at the poll, and nothing that it was not given."""
    app = await site.app("non-browser")
    await site.api()
    await site.api("https://books.example", "Books")
    both = f"{SCOPE} Books.READ openid"

    async def audience(start: str | None, poll: str | None) -> object:
        started = await site.device_start(app, scope=both, **({"resource": start} if start else {}))
        await site.device_decide(started["user_code"], "allow")
        asked = {"resource": poll} if poll else {}
        answer = await site.device_poll(app, started["device_code"], **asked)
        if answer.status_code != 200:
            return answer.json()["error"]
        row = await site.works(answer.json()["access_token"])
        assert row
        api = await site.db.one("SELECT audience FROM scope_sets ORDER BY id DESC LIMIT 1")
        return api[0]

    assert await audience(None, None) == f"{API} https://books.example {ISSUER}", "openid is the issuer's"
    assert await audience("https://books.example", None) == f"https://books.example {ISSUER}"
    assert await audience(API, "https://books.example") == "invalid_target"
    assert await audience(None, API) == API
    unknown = await site.post(START, {"client_id": app.id, "scope": both, "resource": "https://x.example"})
    assert unknown.json()["error"] == "invalid_target"
