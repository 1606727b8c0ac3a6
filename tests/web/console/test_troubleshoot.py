"""Troubleshoot: what a pasted text is told to be, to whom, and where it must never end up."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from grantline.clients import set_disabled
from grantline.db.tables import list_tables
from grantline.oauth.errors import CATALOGUE
from grantline.opaque import KINDS, mint
from grantline.web.console.recognising import hides_secret, masked, recognise_pasted
from tests.site import ISSUER, App, Browser, Site, hidden_fields

PATH = "/console/troubleshoot"
NOT_YOURS = "It belongs to none of your clients"


async def paste(browser: Browser, text: str) -> httpx2.Response:
    """Through the search box, as a person would; the page that tells."""
    page = await browser.get(PATH)
    fields = {"token": hidden_fields(page)["token"], "q": text}
    answer = await browser.post(PATH, fields)
    return await browser.get(answer.headers["location"]) if answer.status_code == 303 else answer


def found_in(page: httpx2.Response) -> str:
    """What was told, without marks."""
    part = re.search(r'<section class="found".*?</section>', page.text, re.DOTALL)
    assert part, page.text[-3000:]
    return " ".join(
        unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>|<wbr>|</?bdi[^>]*>", "", part[0]))).split()
    )


async def everything(site: Site) -> str:
    """Every text in the database."""
    await site.mint.recorder.flush()
    texts = []
    for table in await list_tables(site.db):
        select = table.select_all_in_sqlite if site.db.engine == "sqlite" else table.select_all
        for row in await site.db.all(select()):
            texts += [cell for cell in tuple(row) if isinstance(cell, str)]
    return "\n".join(texts)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "glc"])
async def test_a_secret_is_recognised_and_gets_into_no_address_page_or_database(
    site: Site, kind: str
) -> None:
    browser, secret = await site.signed_in(), mint(kind, "us")
    page = await browser.get(PATH)
    for text in (
        secret,
        f'{{"error": "x", "token": "{secret}"}}',
        f"{ISSUER}/x?a={secret}",
        f"see {secret} .",
    ):
        answer = await browser.post(PATH, {"token": hidden_fields(page)["token"], "q": text})
        assert answer.status_code == 200
        assert secret not in answer.text
    by_address = await browser.get(PATH, params={"q": secret})
    assert secret not in by_address.text
    assert "Take it for leaked" in by_address.text
    assert secret not in await everything(site)


async def test_what_is_no_secret_goes_into_the_address_so_that_it_can_be_shared(site: Site) -> None:
    browser, app = await site.signed_in(), await site.app("server-based")
    page = await browser.get(PATH)
    answer = await browser.post(PATH, {"token": hidden_fields(page)["token"], "q": app.id})
    assert answer.headers["location"] == f"{PATH}?{urlencode({'q': app.id})}"
    assert "Lead Desk" in found_in(await browser.get(answer.headers["location"]))


@pytest.mark.both_engines
async def test_a_foreign_thing_is_told_of_like_one_that_does_not_exist(site: Site) -> None:
    owner = await site.person("olga@example.com")
    foreign = await site.app("self-client", owner=owner)
    tokens = await site.tokens(foreign)
    refused = await site.token(foreign, grant_type="refresh_token", refresh_token="glr_us_nothing")
    request_id = refused.json()["request_id"]
    await site.mint.recorder.flush()
    browser = await site.signed_in()
    pairs = [
        (foreign.id, mint("glc", "us")),
        (str(foreign.secret), mint("gls", "us")),
        (tokens["access_token"], mint("gla", "us")),
        (tokens["refresh_token"], mint("glr", "us")),
        (await site.console_code(foreign), mint("glg", "us")),
        (request_id, request_id[:-4] + "0000"),
    ]
    for theirs, nothing in pairs:
        told = [found_in(await paste(browser, text)) for text in (theirs, nothing)]
        ends = [theirs, nothing, masked(theirs), masked(nothing)]
        for end in ends:
            told = [text.replace(end, "…") for text in told]
        assert told[0] == told[1]
        assert foreign.client.name not in told[0]


async def test_a_token_of_ones_client_is_named_and_can_be_revoked_by_who_may_change_it(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.person("tom@example.com")
    tokens = await site.tokens(app, browser=await site.signed_in("tom@example.com"))
    page = await paste(browser, tokens["refresh_token"])
    told = found_in(page)
    assert "A refresh token It works now" in told
    assert "Lead Desk" in told
    number = re.search(r'name="authorization" value="(\d+)"', page.text)
    form = re.search(
        r'name="token" value="([^"]+)"><input type="hidden" name="authorization"', page.text.replace("\n", "")
    )
    assert number
    assert form
    fields = {"authorization": number[1], "token": form[1]}
    outsider = await site.person("olga@example.com")
    assert outsider.id
    other = await site.signed_in("olga@example.com")
    assert (await other.post(f"{PATH}/revoke", fields)).status_code == 403
    assert await site.works(tokens["access_token"])
    changed = await browser.post(f"{PATH}/revoke", {**fields, "authorization": str(int(number[1]) + 1)})
    assert changed.status_code == 403
    assert (await browser.post(f"{PATH}/revoke", fields)).status_code == 303
    assert not await site.works(tokens["access_token"])
    assert "It was revoked" in found_in(await paste(browser, tokens["refresh_token"]))


async def test_a_token_of_ones_own_in_a_foreign_app_can_be_revoked(site: Site) -> None:
    owner = await site.person("olga@example.com")
    foreign = await site.app("server-based", owner=owner)
    browser = await site.signed_in()
    tokens = await site.tokens(foreign, browser=browser)
    page = await paste(browser, tokens["access_token"])
    assert "Your connected apps" in page.text
    assert "Revoke it" in page.text
    assert f"/console/clients/{foreign.id}" not in page.text


async def test_a_live_secret_leads_to_its_credentials_and_a_reset_one_is_dead(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await paste(browser, str(app.secret))
    assert "It works now" in found_in(page)
    assert f"/console/clients/{app.id}/credentials" in page.text


@pytest.mark.parametrize("code", ["code_already_used", "redirect_uri_mismatch"])
async def test_an_error_is_explained_in_the_words_of_the_catalogue_however_it_comes(
    site: Site, code: str
) -> None:
    browser, entry = await site.signed_in(), CATALOGUE[code]
    query = urlencode({"error": entry.error, "error_uri": f"{ISSUER}/errors/{code}", "state": "x"})
    for text in (
        code,
        f'{{"error": "{entry.error}", "grantline_code": "{code}"}}',
        f'HTTP/1.1 400\n\n{{"error": "{entry.error}", "error_uri": "{ISSUER}/errors/{code}"}} trailing',
        query,
        f"https://app.example/callback?{query}",
        f"https://app.example/callback#{query}",
        f"ERROR oauth failed with {code} at line 3",
    ):
        told = found_in(await paste(browser, text))
        assert entry.title in told
        assert entry.cause in told
        assert entry.fix in told


async def test_an_error_with_a_request_id_of_ones_own_shows_what_happened(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    answer = await site.token(app, grant_type="refresh_token", refresh_token="glr_us_nothing")
    await site.mint.recorder.flush()
    for text in (answer.text, answer.json()["request_id"], f"failed ({answer.json()['request_id']})"):
        assert "this refresh token is not known" in unescape((await paste(browser, text)).text)


def address(app: App, **changes: str | None) -> str:
    fields: dict[str, Any] = {
        "response_type": "code",
        "client_id": app.id,
        "redirect_uri": app.redirect_uri,
        "scope": "CRM.modules.leads.READ",
        "state": "x",
        **changes,
    }
    sent = {name: value for name, value in fields.items() if value is not None}
    return f"{ISSUER}/oauth/v2/auth?{urlencode(sent)}"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "It would be accepted"),
        ({"redirect_uri": "https://app.example/callback/"}, "Your app sent an extra / at the end."),
        ({"scope": "CRM.modules.leeds.READ"}, "Did you mean CRM.modules.leads.READ?"),
        ({"response_type": "token"}, "This client may use code alone."),
        ({"response_type": None}, "It is missing. Send response_type=code."),
        ({"state": None}, "others can slip an answer of theirs into your app"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "Only S256 is accepted"),
        ({"client_secret": "hidden"}, "It must never stand in an address"),
    ],
)
async def test_an_authorization_address_is_checked_part_by_part(
    site: Site, changes: dict[str, str | None], told: str
) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    assert told in found_in(await paste(browser, address(app, **changes)))


async def test_a_browser_app_without_a_challenge_hears_that_it_needs_one(site: Site) -> None:
    app, browser = await site.app("client-based"), await site.signed_in()
    told = found_in(await paste(browser, address(app)))
    assert "this type of client needs it" in told
    assert CATALOGUE["pkce_required"].fix in told


async def test_the_verdict_is_the_endpoints_own(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await set_disabled(site.db, app.id, site.clock())
    assert CATALOGUE["client_disabled"].title in found_in(await paste(browser, address(app)))


async def test_T9_of_a_foreign_clients_address_nothing_registered_is_told(site: Site) -> None:
    owner = await site.person("olga@example.com")
    foreign = await site.app("server-based", owner=owner)
    page = await paste(await site.signed_in(), address(foreign, redirect_uri="https://app.example/x"))
    assert "None of your clients has this ID" in page.text
    assert foreign.redirect_uri not in unescape(page.text)
    assert foreign.client.name not in page.text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("  ", "nothing"),
        ("sec_0123456789ab", "secret_id"),
        ("req_us_0123456789", "request"),
        ("gla_us_short", "broken"),
        ("eyJhbGciOi.eyJpc3Mi.sig", "jwt"),
        ('"code_expired"', "code"),
        ("invalid_grant", "code"),
        ("?error=access_denied&state=1", "error"),
        ('{"error":', "words"),
        ("{" * 4000, "words"),
        ("com.example.app:/cb?code=1", "address"),
        ("lead desk", "words"),
        ("http://[::1", "address"),
        ("\u202ehello\u2028", "words"),
    ],
)
def test_a_text_is_told_by_its_form(text: str, kind: str) -> None:
    assert recognise_pasted(text).kind == kind


def test_everything_that_looks_like_a_secret_counts_as_one_and_is_masked() -> None:
    for text in (
        mint("gls", "us"),
        f"x={mint('glg', 'eu')}&y",
        "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.abc",
        "gla_us_cutoff",
    ):
        assert hides_secret(text)
    assert not hides_secret(mint("glc", "us"))
    assert not hides_secret("req_us_0123456789")
    token = mint("gla", "us")
    assert masked(f"x {token} y") == f"x {token[:7]}…{token[-4:]} y"


@pytest.mark.both_engines
async def test_words_find_clients_of_ones_own_and_errors(site: Site) -> None:
    owner = await site.person("olga@example.com")
    await site.app("server-based"), await site.app("server-based", owner=owner, name="Desk of Olga")
    page = await paste(await site.signed_in(), "desk")
    assert "Lead Desk" in found_in(page)
    assert "Desk of Olga" not in page.text
    assert "100%" not in found_in(await paste(await site.signed_in(), "verifier 100%_"))


async def test_two_addresses_are_compared_and_their_first_difference_marked(site: Site) -> None:
    browser = await site.signed_in()
    both = {"sent": "https://a.example/cb/", "registered": "https://a.example/cb"}
    page = await browser.get(f"{PATH}/addresses", params=both)
    assert "Your app sent an extra / at the end." in page.text
    assert "<ins>" in page.text
    same = await browser.get(f"{PATH}/addresses", params={**both, "sent": both["registered"]})
    assert "They are the same, to the letter." in same.text
    secret = mint("glg", "us")
    hidden = await browser.get(
        f"{PATH}/addresses", params={**both, "sent": f"https://a.example/cb?code={secret}"}
    )
    assert secret not in hidden.text


@pytest.mark.parametrize(
    ("shift", "told"),
    [(0, "within a minute"), (3600, "1 hour ahead of us"), (-120, "2 minutes behind us")],
)
async def test_a_date_is_compared_with_our_clock_in_every_common_form(
    site: Site, shift: int, told: str
) -> None:
    from datetime import UTC, datetime
    from email.utils import format_datetime

    browser, at = await site.signed_in(), datetime.fromtimestamp(site.clock() + shift, UTC)
    for text in (
        format_datetime(at, usegmt=True),
        f"Date: {format_datetime(at)}",
        at.isoformat(),
        str(int(at.timestamp())),
    ):
        assert told in (await browser.get(f"{PATH}/clock", params={"date": text})).text
    assert "That is no date" in (await browser.get(f"{PATH}/clock", params={"date": "soon"})).text


async def test_the_jwt_reader_has_no_form_that_could_send_the_token(site: Site) -> None:
    page = await (await site.signed_in()).get(f"{PATH}/jwt")
    reader = page.text[page.text.index("data-jwt=") :]
    assert "<form" not in reader
    assert not re.search(r'<textarea[^>]*id="jwt"[^>]*name=', reader)
    assert "<noscript>" in reader


async def test_the_catalogue_can_be_searched_by_anybody(site: Site) -> None:
    page = await site.browser().get("/errors", params={"q": "refresh expired"})
    assert "refresh_token_expired" in page.text
    assert "redirect_uri_mismatch" not in page.text
    nothing = await site.browser().get("/errors", params={"q": "<script>zebra"})
    assert "<script>zebra" not in nothing.text
    assert "No error goes by these words" in nothing.text
