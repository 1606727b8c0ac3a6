"""The errors table: told apart, explained, looked up (R84 to R88, R11)."""

import re
from html import unescape
from pathlib import Path

import httpx2
import pytest

from grantline.activity import find_entry
from grantline.clients import set_disabled
from grantline.datacenters import DataCenter, DataCenters
from grantline.oauth.errors import CATALOGUE
from grantline.opaque import CLIENT_ID, mint
from grantline.web.templating import Pages
from tests.protocol.wire import code_of, refusal
from tests.site import CALLBACK, SCOPE, Site, answer_of, open_site

EU = DataCenter("eu", "https://accounts.eu.example", "https://api.eu.example")


def know_europe(site: Site) -> None:
    site.mint.data_centers = DataCenters(site.mint.home, (EU,))


def visible(page: httpx2.Response) -> str:
    """The page's text as eyes see it: without tags, words for screen readers, and blanks."""
    seen = re.sub(r'<span class="hidden-words">[^<]*</span>', "", page.text)
    return re.sub(r"\s+", "", unescape(re.sub(r"<[^>]+>", "", seen)))


async def test_R84_a_wrong_data_center_is_told_from_a_wrong_id(site: Site) -> None:
    """From the identifier itself, with the address that is right (R84, R70)."""
    know_europe(site)
    fields = {"grant_type": "client_credentials", "scope": SCOPE, "client_secret": "x"}
    european = await site.post("/oauth/v2/token", {**fields, "client_id": mint(CLIENT_ID, "eu")})
    assert (refusal(european), code_of(european)) == ((401, "invalid_client"), "client_wrong_data_center")
    assert european.json()["expected_issuer"] == EU.issuer
    for nobody in (mint(CLIENT_ID, "us"), mint(CLIENT_ID, "jp"), "glc_eu_misspelled", "1000.ABC"):
        unknown = await site.post("/oauth/v2/token", {**fields, "client_id": nobody})
        assert (refusal(unknown), code_of(unknown)) == ((401, "invalid_client"), "client_unknown")
        assert "expected_issuer" not in unknown.json()


async def test_R84_a_token_of_another_data_center_names_it_too(site: Site) -> None:
    """A code or refresh token taken to the wrong place (R84)."""
    know_europe(site)
    app = await site.app("self-client")
    code = await site.exchange(app, mint("glg", "eu"))
    assert (refusal(code), code_of(code)) == ((400, "invalid_grant"), "token_wrong_data_center")
    assert code.json()["expected_issuer"] == EU.issuer
    refresh = await site.refresh(app, mint("glr", "eu"))
    assert (code_of(refresh), refresh.json()["expected_issuer"]) == ("token_wrong_data_center", EU.issuer)


async def test_R84_the_page_names_the_right_data_center(site: Site) -> None:
    """So that the person can tell the developer (R84)."""
    know_europe(site)
    app = await site.app("server-based")
    wrong = site.request(app, client_id=mint(CLIENT_ID, "eu"))
    page = await site.browser().get("/oauth/v2/auth", params=wrong)
    assert page.status_code == 400
    assert f"createdinEU,andyoucalledUS.Use{EU.issuer}in" in visible(page)
    nobody = site.request(app, client_id=mint(CLIENT_ID, "us"))
    page = await site.browser().get("/oauth/v2/auth", params=nobody)
    assert page.status_code == 400
    assert EU.issuer not in visible(page)


SENT = {
    "http://app.example/callback": "scheme",
    "https://app.exampel/callback": "host",
    "https://app.example:8443/callback": "port",
    "https://app.example/calback": "path",
    "https://app.example/callback/": "slash",
    "https://app.example/callback?a=1": "query",
}


async def test_R85_a_stranger_sees_what_was_sent_and_which_part_differs(site: Site) -> None:
    """And never what is registered; the owner sees both, and where to mend it (R85, T9)."""
    app = await site.app("server-based")
    await site.person("tom@example.com")
    strangers = [site.browser(), await site.signed_in("tom@example.com")]
    owner = await site.signed_in()
    for sent, part in SENT.items():
        request = site.request(app, redirect_uri=sent)
        for browser in strangers:
            text = visible(await browser.get("/oauth/v2/auth", params=request))
            assert sent in text
            assert f"Thepartthatdiffers:{part}" in text
            assert CALLBACK not in text.replace(sent, "")
        page = await owner.get("/oauth/v2/auth", params=request)
        assert f"/console/clients/{app.id}" in page.text
        assert CALLBACK in visible(page).replace(sent, "", 1)
        assert sent in visible(page)


async def test_R85_the_demo_shows_both_to_anyone(tmp_path: Path, pages: Pages) -> None:
    """There is nothing to hide from whoever tries it out (R85)."""
    async with open_site(tmp_path, pages=pages, password_hash="x", demo=True) as site:
        app = await site.app("server-based")
        for sent in SENT:
            request = site.request(app, redirect_uri=sent)
            text = visible(await site.browser().get("/oauth/v2/auth", params=request))
            assert sent in text
            assert CALLBACK in text.replace(sent, "", 1)


async def test_R86_a_real_fault_is_a_500_with_a_reference_and_no_insides(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON for programs, a page for people; what happened is in the log under the same reference (R86)."""
    app, other = await site.app("server-based"), await site.app("self-client")
    await site.db.run("UPDATE clients SET redirect_uris = 'broken' WHERE id = $1", app.id)
    broken = await site.token(app, grant_type="client_credentials", scope=SCOPE)
    assert refusal(broken) == (500, "server_error")
    reference = broken.json()["request_id"]
    assert reference == broken.headers["x-request-id"]
    assert not re.search(r"Traceback|JSON|sqlite|line \d", broken.text)
    page = await site.browser().get("/oauth/v2/auth", params=site.request(app))
    assert page.status_code == 500
    assert page.headers["x-request-id"] in page.text
    assert "Traceback" not in page.text
    logged = capsys.readouterr()
    assert reference in logged.out + logged.err
    assert "JSONDecodeError" in logged.out + logged.err
    assert (await site.token(other, grant_type="client_credentials", scope=SCOPE)).status_code == 200


async def test_R87_a_browser_app_that_sends_a_secret_is_told_that_it_has_none(site: Site) -> None:
    """In the answer and in the catalogue (R87, R38)."""
    app = await site.app("client-based")
    refused = await site.exchange(app, await site.code(app), client_secret="x")
    assert (refusal(refused), code_of(refused)) == ((401, "invalid_client"), "client_secret_unexpected")
    entry = CATALOGUE["client_secret_unexpected"]
    assert "secret" in entry.cause
    assert entry.fix


async def test_R88_every_error_has_a_page_with_cause_and_fix(site: Site) -> None:
    """One catalogue: the answer's `error_uri` leads to it, the list links to all (R88)."""
    browser = site.browser()
    listed = (await browser.get("/errors")).text
    assert len(CATALOGUE) > 70
    for code, entry in CATALOGUE.items():
        assert entry.code == code
        for sentence in (entry.title, entry.description, entry.cause, entry.fix):
            assert sentence.strip()
        page = await browser.get(f"/errors/{code}")
        assert page.status_code == 200, code
        text = unescape(page.text)
        for sentence in (entry.title, entry.cause, entry.fix):
            assert sentence in text, (code, sentence)
        assert entry.error in text
        assert f"/errors/{code}" in listed
    assert (await browser.get("/errors/nothing_such")).status_code == 404


async def test_R88_a_refusal_is_found_again_under_its_request_id(site: Site) -> None:
    """By the owner, who learns more than the wire tells (R88, T40)."""
    app, other = await site.app("server-based"), await site.app("server-based", name="Other")
    code = await site.code(app)
    foreign = await site.exchange(other, code)
    mismatch = await site.exchange(app, code, redirect_uri="https://evil.example/")
    wrong = answer_of(await site.authorize(app, scope="CRM.nothing.READ"))
    assert wrong["error_uri"].endswith("/errors/scope_unknown")
    await site.mint.recorder.flush()
    entry = await find_entry(site.db, foreign.json()["request_id"])
    assert entry is not None
    assert (entry.client_id, entry.code, entry.error) == (other.id, "code_other_client", "invalid_grant")
    assert code_of(foreign) == "code_unknown"
    entry = await find_entry(site.db, mismatch.json()["request_id"])
    assert entry is not None
    assert (entry.detail["expected"], entry.detail["received"]) == (CALLBACK, "https://evil.example/")
    assert CALLBACK not in mismatch.text
    assert mismatch.json()["error_description"] == CATALOGUE["code_redirect_uri_mismatch"].description
    assert code not in str(entry.detail)


async def test_R88_causes_that_look_alike_outside_are_told_apart_inside(site: Site) -> None:
    """Expired, used, of another app, switched off: each has its own sub-code for the owner (R88)."""
    app = await site.app("self-client")
    expired = await site.console_code(app)
    site.clock.advance(181)
    used = await site.console_code(app)
    await site.exchange(app, used)
    codes = [
        code_of(await site.exchange(app, expired)),
        code_of(await site.exchange(app, used)),
        code_of(await site.exchange(app, "not one of ours")),
        code_of(await site.exchange(app, (await site.tokens(app))["refresh_token"])),
    ]
    assert codes == ["code_expired", "code_already_used", "code_unknown", "token_wrong_kind"]
    await set_disabled(site.db, app.id, site.clock())
    assert code_of(await site.exchange(app, expired)) == "client_disabled"


async def test_R11_every_scope_is_listed_with_an_explanation(site: Site) -> None:
    """Open to anyone, and every listed one can be granted (R11)."""
    page = unescape((await site.browser().get("/scopes")).text)
    scopes = site.mint.catalog.scopes
    assert len(scopes) > 30
    for scope in scopes:
        assert scope.name in page
        assert scope.sentence in page, scope.name
