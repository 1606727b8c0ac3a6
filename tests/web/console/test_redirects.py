"""Redirects and origins: changed with the checks, tried out, and shown with their use."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from grantline.audit import list_client_events
from grantline.clients import find_client
from grantline.web.console.redirects import address_with_test_answer
from tests.site import ISSUER, Site
from tests.web.test_console import form_of, path_of


async def test_R85_addresses_are_saved_and_hold_from_the_next_request_on(site: Site) -> None:
    app = await site.app("client-based")
    browser, path = await site.signed_in(), f"{path_of(app)}/redirects"
    shown = form_of(await browser.get(path), path)
    uris = "https://spa.example/callback\r\n\r\n  https://spa.example/other  "
    saved = await browser.post(path, {**shown, "redirect_uris": uris})
    assert saved.headers["location"] == f"{path}?saved"
    client = await find_client(site.db, app.id)
    assert client is not None
    assert client.redirect_uris == ("https://spa.example/callback", "https://spa.example/other")
    [event, *_] = await list_client_events(site.db, app.id)
    assert event.detail["before"]["redirect_uris"] == ["https://spa.example/callback"]
    asked = site.request(app, redirect_uri="https://spa.example/other")
    assert (await browser.get("/oauth/v2/auth", params=asked)).status_code == 200


async def test_R86_a_refused_address_is_named_mended_and_kept(site: Site) -> None:
    app = await site.app("server-based")
    browser, path = await site.signed_in(), f"{path_of(app)}/redirects"
    shown = form_of(await browser.get(path), path)
    uris = "https://app.example/callback\nhttp://app.example/callback\nhttp://app.example/other"
    page = await browser.post(path, {**shown, "redirect_uris": uris})
    assert page.status_code == 400
    assert "<title>Problem: " in page.text
    assert "Line 2: It uses http" in page.text
    assert "Line 2: https://app.example/callback stands on line 1 already" in page.text
    assert "Line 3: Do you mean https://app.example/other?" in page.text
    assert form_of(page, path)["redirect_uris"] == uris
    assert await find_client(site.db, app.id) == app.client


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("https://app.example/cb", {}),
        ("https://app.example/cb?tenant=a%20b", {"tenant": ["a b"]}),
        ("https://app.example", {}),
        ("com.example.app:/cb", {}),
    ],
)
def test_a_test_sends_what_an_app_gets_when_somebody_declines(uri: str, kept: dict[str, list[str]]) -> None:
    address = address_with_test_answer(uri, ISSUER)
    assert address.startswith(uri)
    answer = parse_qs(urlsplit(address).query)
    assert answer.pop("error") == ["access_denied"]
    assert "test" in answer.pop("error_description")[0]
    assert answer.pop("iss") == [ISSUER]
    assert answer.pop("state") == ["console-test"]
    assert answer == kept


async def test_a_test_is_a_link_that_nobody_follows_by_itself(site: Site) -> None:
    app = await site.app("mobile", redirect_uris=("com.example.pocket:/cb", "https://pocket.example/cb"))
    page = await (await site.signed_in()).get(f"{path_of(app)}/redirects")
    links = re.findall(
        r'<a class="button small" href="([^"]+)" target="_blank" rel="noopener noreferrer"', page.text
    )
    assert [unescape(link).partition("?")[0] for link in links] == ["https://pocket.example/cb"]
    assert "com.example.pocket:/cb?error=access_denied" in page.text, "other schemes are there to copy"
    assert 'href="com.example' not in page.text


@pytest.mark.both_engines
async def test_an_address_that_a_code_went_to_is_marked_as_used(site: Site) -> None:
    app = await site.app("server-based", redirect_uris=("https://app.example/a", "https://app.example/b"))
    browser, path = await site.signed_in(), f"{path_of(app)}/redirects"
    assert "</svg>Used</span>" not in (await browser.get(path)).text
    await site.code(app, redirect_uri="https://app.example/b")
    page = (await browser.get(path)).text
    [row] = re.findall(r"<tr(?:(?!</tr>).)*</svg>Used</span>", page, re.DOTALL)
    assert unescape(row).replace("<wbr>", "").count("https://app.example/b") >= 1
    assert "https://app.example/a" not in row.replace("<wbr>", "")


async def test_a_type_without_redirects_says_so(site: Site) -> None:
    app = await site.app("non-browser")
    page = await (await site.signed_in()).get(f"{path_of(app)}/redirects")
    assert page.status_code == 200
    assert "Nobody is sent back" in page.text
    assert "<textarea" not in page.text
