"""The pages in their languages: the right one for each browser, and every sentence translated."""

import ast
import re
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from bench.workspace import Amounts, fill
from grantline.oauth.errors import CATALOGUE
from grantline.web.console.routes import PAGES
from grantline.web.console.told import say_again
from grantline.web.languages import LANGUAGES, choose, speak
from tests import translations
from tests.site import CALLBACK, ISSUER, Site
from tests.web.console.test_access import Scene, scene

__all__ = ["scene"]  # the fixture

OTHERS = [code for code in LANGUAGES if code != "en"]
_VALUE = re.compile(r"%\((\w+)\)[sd]")
_TAG = re.compile(r"</?[a-z]+[^>]*>")


def texts(found: object) -> list[str]:
    return [str(text) for text in found] if isinstance(found, (tuple, list)) else [str(found or "")]


def said(language: str) -> list[Message]:
    return [message for message in translations.read(language) if message.id]


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_pages_has_its_translation(language: str) -> None:
    """`make translations` brings the catalogue up to date."""
    words = {texts(message.id)[0]: message for message in said(language)}
    spoken = {texts(message)[0] for message in translations.messages()}
    assert not spoken - set(words)
    assert not set(words) - spoken
    assert not [key for key, message in words.items() if message.fuzzy or not all(texts(message.string))]


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_values_and_the_markup_of_its_sentence(language: str) -> None:
    for message in said(language):
        source = texts(message.id)[-1]
        for text in texts(message.string):
            assert set(_VALUE.findall(text)) <= set(_VALUE.findall(source)), source
            assert sorted(_TAG.findall(text)) == sorted(_TAG.findall(source)), source
        assert set(_VALUE.findall(source)) == set(_VALUE.findall(texts(message.string)[-1])), source


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    path: Path = translations.path_of(language)
    assert path.with_suffix(".mo").read_bytes() == translations.render(translations.read(language))[1]


@pytest.mark.parametrize(
    ("accepted", "chosen", "expected"),
    [
        ("", "", "en"),
        ("de", "", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "", "de"),
        ("fr,en;q=0.5,de;q=0.7", "", "de"),
        ("fr", "", "en"),
        ("de;q=0", "", "en"),
        ("de;q=x", "", "en"),
        ("de", "en", "en"),
        ("en", "de", "de"),
        ("en", "xx", "en"),
        ("," * 10_000, "", "en"),
    ],
)
def test_a_browser_gets_the_language_that_it_asks_for(accepted: str, chosen: str, expected: str) -> None:
    assert choose(accepted, chosen) == expected


async def test_a_page_speaks_the_language_of_its_reader_and_the_next_request_its_own(site: Site) -> None:
    browser = site.browser()
    german = await browser.get("/signin", headers={"Accept-Language": "de"})
    assert '<html lang="de" dir="ltr">' in german.text
    assert "Anmelden" in german.text
    english = await browser.get("/signin")
    assert '<html lang="en" dir="ltr">' in english.text
    assert "Anmelden" not in english.text


async def test_a_chosen_language_stays_and_leads_back_to_the_page(site: Site) -> None:
    browser = site.browser()
    page = f"{ISSUER}/device?user_code=BKTX"
    chosen = await browser.get("/language/de", headers={"Referer": page})
    assert chosen.headers["location"] == "/device?user_code=BKTX"
    assert '<html lang="de"' in (await browser.get("/device")).text
    await browser.get("/language/en")
    assert '<html lang="en"' in (await browser.get("/device")).text


@pytest.mark.parametrize(
    "referer",
    [
        *("", "/device", "https://evil.example/device", f"{ISSUER}.evil.example/", f"{ISSUER}@evil.example/"),
        *(f"{ISSUER}//evil.example", f"{ISSUER}/\\evil.example", f"{ISSUER}/{'x' * 5000}"),
    ],
)
async def test_the_choice_of_a_language_leads_nowhere_but_to_our_own_pages(site: Site, referer: str) -> None:
    answer = await site.browser().get("/language/de", headers={"Referer": referer})
    assert answer.headers["location"] == "/"


async def test_an_answer_to_a_form_offers_no_switch_that_would_lose_what_was_typed(site: Site) -> None:
    browser = site.browser()
    page = await browser.get("/signin?email=%3Cb%3Ezq")
    assert "/language/de" in page.text
    assert "zq" not in page.text
    wrong = await browser.submit(page, {"email": "mara@example.com", "password": "wrong"})
    assert wrong.status_code == 400
    assert "/language/" not in wrong.text


_GIVEAWAYS = (
    "the and of you your is are it its with which not no this that to from has have by be only see ago or"
    " add edit delete read use settings records"
).split()
ENGLISH = re.compile(rf"\b(?:{'|'.join([*_GIVEAWAYS, *(word.capitalize() for word in _GIVEAWAYS)])})\b")
"""Words that no German sentence has."""


class Words(HTMLParser):
    """The texts that a reader sees or hears, without code and without what people and apps are called."""

    APART = frozenset({"bdi", "code", "pre", "script", "style", "textarea", "samp"})
    SPOKEN = frozenset({"alt", "aria-label", "placeholder", "title"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.APART:
            self._within.append(tag)
        self.texts += [
            value for name, value in attrs if value and (name in self.SPOKEN or name.startswith("data-"))
        ]

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within and data.strip():
            self.texts.append(" ".join(data.split()))


@pytest.mark.sqlite_only
@pytest.mark.timeout(110)
async def test_no_page_that_is_read_in_german_says_something_in_english(scene: Scene) -> None:
    """Sentences that nobody marked are in no catalogue; here they are noticed."""
    site, client_id = scene.site, scene.apps["server-based"]
    row = await site.db.one("SELECT workspace_id FROM clients WHERE id = $1", client_id)
    assert row is not None
    few = Amounts(clients=10, entries=100, causes=10, people=60, name="few")
    with closing(sqlite3.connect(site.server.settings.database.removeprefix("sqlite://"))) as file:
        fill(file, client_id, row[0], site.clock(), few)
    pages = [scene.at(page, kind) for page in PAGES for kind in scene.apps if page.method == "GET"]
    public = ["/", "/account", "/account/apps", "/account/sessions", "/device", "/signin", "/signout"]
    public += ["/nothing", "/scopes", "/errors", *(f"/errors/{code}" for code in CATALOGUE)]
    public += [f"/guides/{kind}" for kind in scene.apps]
    asked = f"/oauth/v2/auth?client_id={client_id}&response_type=code&scope=CRM.modules.ALL,openid,email"
    public += [f"{asked}&redirect_uri={CALLBACK}", f"{asked}&redirect_uri={CALLBACK}/", asked]
    public += ["/oauth/v2/auth?client_id=nobody", "/oauth/v2/auth"]
    found: dict[str, str] = {}
    for path in dict.fromkeys([*public, *pages]):
        answer = await scene.browsers["owner"].get(path, headers={"Accept-Language": "de"})
        if answer.headers.get("content-type", "").startswith("text/html"):
            found.update({text: path for text in Words(answer.text).texts if ENGLISH.search(text)})
    assert not found


def told_with_values() -> list[str]:
    """What the activity is told beside an error, with a number where a value stands."""
    found = []
    for name in ("grants", "tokens", "clients"):
        for path in sorted((translations.SOURCE / name).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                named = isinstance(node, ast.keyword) and node.arg == "hint"
                kept = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "sentence"
                if named or kept:
                    texts = [one for one in ast.walk(node) if isinstance(one, ast.JoinedStr)]
                    found += ["".join(_filled(part) for part in text.values) for text in texts]
    return found


def _filled(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return "'7'" if part.conversion == ord("r") else "7"
    return str(part.value) if isinstance(part, ast.Constant) else ""


@pytest.mark.parametrize("sentence", told_with_values())
def test_what_the_activity_was_told_with_values_is_said_again_in_german(sentence: str) -> None:
    speak("de")
    try:
        assert say_again(sentence) != sentence
        assert "7" in say_again(sentence)
    finally:
        speak("en")
