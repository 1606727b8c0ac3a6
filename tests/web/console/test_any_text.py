"""Whatever is typed into a form of the console is taken or comes back with a sentence, and that is all."""

from html import escape
from html.parser import HTMLParser
from typing import Any

import httpx2
import pytest

from grantline.clients import find_client
from tests.site import App, Browser, Site
from tests.web.test_console import DETAILS, form_of, path_of

RTL = "‮drowssap"
TEXTS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "breaks out": "\"></textarea><b id=out>'",
    "template": "{{ 7*7 }}{% raise %}%(name)s %s",
    "right to left": RTL,
    "isolated": "Lead⁦Desk⁩",
    "homoglyphs": "Lеаd Dеsk",
    "own name": "Grant1ine",
    "zero width": "Le​ad",
    "control": "Lead\x07\x1bDesk",
    "line separators": "a\u2028b\u2029c\x85d",
    "blank": "   ",
    "long": "a" * 20_000,
    "many lines": "\n".join(f"https://a.example/{number}" for number in range(60)),
    "emoji": "🔑" * 40,
    "combining": "Z" + "̀" * 200,
    "script address": "javascript:alert(document.domain)",
    "data address": "data:text/html,<script>alert(1)</script>",
    "percent": "https://a.example/%zz%00%0d%0aLocation:x",
    "userinfo": "https://grantline@evil.example\\@good.example/",
}
FORMS = {
    "new/server-based": ("name", "homepage_url", "redirect_uris"),
    "new/client-based": ("origins", "implicit"),
    "new/mobile": ("redirect_uris", "legacy_secret"),
    "new/manifest": ("manifest",),
    "settings": (
        "name",
        "homepage_url",
        "policy_url",
        "terms_url",
        "post_logout_redirect_uris",
        "implicit",
        "vendor_compatible",
    ),
    "redirects": ("origins", "redirect_uris"),
    "scopes": ("scope",),
    "manifest": ("manifest",),
    "transfer": ("workspace",),
    "switch": ("to",),
    "delete": ("typed_name",),
}
SWITCHES = ("implicit", "vendor_compatible", "legacy_secret", "to", "workspace", "typed_name")


class Tags(HTMLParser):
    """The elements of a page, with their attributes that could do something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        acts = [name for name, _ in attrs if name.startswith("on")]
        inline = tag == "script" and not dict(attrs).get("src")
        addresses = [value or "" for name, value in attrs if name in ("href", "src", "action")]
        wrong = [value for value in addresses if not value.startswith(("/", "https://", "http://", "#", "?"))]
        if acts or inline or wrong or dict(attrs).get("id") == "out":
            self.found.append(f"{tag} {attrs}")


def looks_right(page: httpx2.Response) -> None:
    assert page.status_code in (200, 303, 400), page.text[:300]
    tags = Tags()
    tags.feed(page.text)
    assert tags.found == []


async def open_form(browser: Browser, app: App, form: str) -> tuple[str, dict[str, str]]:
    """The address of the form and what it would send untouched."""
    if form.startswith("new/"):
        path = f"/console/clients/{form}"
        shown = form_of(await browser.get(path), path)
        return path, shown | dict(DETAILS.get(form.partition("/")[2], {}))
    shown_at = form if form in ("settings", "redirects", "scopes", "manifest") else "settings"
    path = f"{path_of(app)}/{form}"
    return path, form_of(await browser.get(f"{path_of(app)}/{shown_at}"), f"/{form}")


@pytest.mark.parametrize("text", TEXTS)
async def test_T88_any_text_in_any_field_is_taken_or_comes_back(site: Site, text: str) -> None:
    app = await site.app("client-based")
    await site.db.run("INSERT INTO workspaces (id, name, personal, created_at) VALUES (900, 'Harbour', 0, 1)")
    await site.db.run(
        "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at)"
        " VALUES ($1, 900, 'owner', 1)",
        site.account.id,
    )
    browser = await site.signed_in()
    for form, fields in FORMS.items():
        for field in fields:
            path, shown = await open_form(browser, app, form)
            before = await find_client(site.db, app.id)
            page = await browser.post(path, {**shown, field: TEXTS[text]})
            looks_right(page)
            if page.status_code == 400:
                assert await find_client(site.db, app.id) == before, (form, field)
                if field not in SWITCHES:
                    kept = form_of(page, path)[field]
                    assert kept.strip() == TEXTS[text].strip(), (form, field)
            site.clock.advance(1)
    assert (await browser.get(f"{path_of(app)}/settings")).status_code == 200


@pytest.mark.parametrize("text", ["right to left", "isolated", "zero width", "control"])
async def test_T3_a_name_with_signs_that_cannot_be_seen_is_refused_with_a_sentence(
    site: Site, text: str
) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    path, shown = await open_form(browser, app, "settings")
    page = await browser.post(path, {**shown, "name": TEXTS[text]})
    assert page.status_code == 400
    assert escape("a sign that can't be seen") in page.text.replace("&#39;", "&#x27;")


@pytest.mark.parametrize("path", ["check", "preview", "new"])
@pytest.mark.parametrize("text", TEXTS)
async def test_T88_any_text_in_an_address_of_the_console_is_shown_as_text(
    site: Site, path: str, text: str
) -> None:
    browser = await site.signed_in()
    names = ("type", "field", "name", "homepage_url", "redirect_uris", "origins", "data", "browser", "secret")
    short = TEXTS[text][:600]
    fields: dict[str, Any] = {
        "field": "redirect_uris",
        "redirect_uris": short,
        "name": short,
        "origins": short,
    }
    page = await browser.get(f"/console/clients/{path}", params=fields)
    looks_right(page)
    looks_right(await browser.get(f"/console/clients/{path}", params=dict.fromkeys(names, short[:100])))
