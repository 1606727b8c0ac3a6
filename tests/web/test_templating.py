"""Templates escape everything, fail on what is missing, and name static files by their content."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import TemplateSyntaxError, UndefinedError

from grantline.web.templating import (
    HERE,
    Page,
    Pages,
    render_duration,
    render_initials,
    split_at_breaks,
    web_address,
)
from tests.browser.gallery import samples
from tests.browser.samples import Sample

MARKER = "zq<zq x=\"1\" y='2'>\u2028&lt;zq>"
# What a template compares or uses as a part of an address is not free text that others write.
FIXED = {"state", "kind", "type", "value", "minutes", "chosen", "code", "fields"}


class Elements(HTMLParser):
    """Counts start tags, and keeps attributes that hold an address or look like a handler."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "action"):
                self.addresses.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)


def marked(value: object, name: str = "") -> object:
    """The same context, with the marker put into every string that is free text."""
    if isinstance(value, str):
        return value if name in FIXED or not value else f"{value}{MARKER}"
    if isinstance(value, dict):
        return {key: marked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [marked(one, name) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value)]
        return type(value)(**{field: marked(getattr(value, field), field) for field in fields})
    return value


def harmless(value: object) -> object:
    """A marked context with a harmless word for the marker: the two pages must have the same shape."""
    if isinstance(value, str):
        return value.replace(MARKER, " zq")  # the blank keeps an address from being one
    if isinstance(value, dict):
        return {key: harmless(one) for key, one in value.items()}
    if isinstance(value, list):
        return [harmless(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value)(
            **{field.name: harmless(getattr(value, field.name)) for field in dataclasses.fields(value)}
        )
    return value


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_T88_what_others_write_never_becomes_an_element(sample: Sample, pages: Pages) -> None:
    context = {name: marked(value, name) for name, value in sample.context.items()}
    calm = {name: harmless(value) for name, value in context.items()}
    written = Elements(pages.render(sample.template, **context))
    expected = Elements(pages.render(sample.template, **calm))
    assert [tag for tag in written.tags if tag != "wbr"] == [tag for tag in expected.tags if tag != "wbr"]
    assert written.handlers == []
    assert all(re.match(r"/|#|https?://", address) for address in written.addresses)


def test_every_template_has_a_sample(pages: Pages) -> None:
    shown = {sample.template for sample in samples()}
    whole = {name for name in pages.template_names() if not name.startswith(("frame/", "parts/"))}
    assert whole == shown


def test_T88_no_template_can_switch_escaping_off() -> None:
    for template in (HERE / "templates").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"\|\s*safe|autoescape|<script(?! src=)|\sstyle=|\son\w+=|javascript:", text), (
            template
        )


def test_a_template_that_asks_for_the_safe_filter_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "trick.txt").write_text("{{ name|safe }}")
    (tmp_path / "plain.txt").write_text("{{ name }}")
    pages = Pages(templates_dir=tmp_path)
    with pytest.raises(TemplateSyntaxError):
        pages.render("trick.txt", name="x")
    assert pages.render("plain.txt", name="<b>") == "&lt;b&gt;"


def test_a_missing_variable_is_an_error(pages: Pages) -> None:
    with pytest.raises(UndefinedError):
        pages.render("people/signed_out.html", page=Page("a.example", "US", "req_1"))


def test_T88_only_web_addresses_become_links() -> None:
    assert web_address("https://app.example/") == "https://app.example/"
    for bad in (
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        " https://a",
        "https:",
        "file:///etc",
        'https://a"b',
    ):
        assert web_address(bad) == ""


def test_static_files_are_named_by_their_content(pages: Pages) -> None:
    for path, (content, kind) in pages.static_files().items():
        assert re.fullmatch(r"/static/[a-z.]+\.[0-9a-f]{8}\.(css|js|svg)", path)
        assert content
        assert kind.partition(";")[0] in ("text/css", "text/javascript", "image/svg+xml")
    sheet, _ = pages.static_files()[pages.static_url("grantline.css")]
    assert sheet.startswith(b"@layer reset, tokens, base, line, parts, console, people;")
    assert b"url(" not in sheet
    assert b"@import" not in sheet


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1, "1 second"), (42, "42 seconds"), (300, "5 minutes"), (252, "4 minutes 12 seconds"),
     (3600, "1 hour"), (5400, "1 hour 30 minutes"), (3605, "1 hour"),
     (90_061, "1 day 1 hour"), (-5, "0 seconds")],
)  # fmt: skip
def test_a_length_of_time_reads_as_words(seconds: int, words: str) -> None:
    assert render_duration(seconds) == words


@pytest.mark.parametrize(
    "text", ["https://a.example/b?c=d#e", "tomas@harbour.example", "", "2001:db8::1", "a//b..c"]
)
def test_pieces_of_an_address_join_to_the_address(text: str) -> None:
    assert "".join(split_at_breaks(text)) == text


def test_addresses_break_before_a_dot_and_after_the_at_sign() -> None:
    assert list(split_at_breaks("tomas@harbour.example")) == ["tomas@", "harbour", ".example"]
    assert list(split_at_breaks("https://a.example/b?c")) == ["https://a", ".example", "/b", "?c"]


@pytest.mark.parametrize(
    ("name", "initials"), [("Mara Lindqvist", "ML"), ("Mara", "M"), ("a b c", "AC"), ("", "")]
)
def test_initials_are_the_first_and_the_last(name: str, initials: str) -> None:
    assert render_initials(name) == initials


def test_T88_a_translated_sentence_is_text_whoever_wrote_it_and_markup_stands_in_trans_blocks() -> None:
    pages = Pages()
    environment = pages._environment
    shown = environment.from_string(
        "{{ _(wish) }}|{{ _('Hello %(name)s', name=wish) }}|{{ _(many, name=wish) }}"
    )
    text = shown.render(wish="<script>%20</script>", many="<i>%(name)s</i>")
    assert "<" not in text
    assert "&lt;script&gt;%20" in text
    block = environment.from_string("{% trans name=wish %}<b>{{ name }}</b> 100 %{% endtrans %}")
    assert block.render(wish="<i>") == "<b>&lt;i&gt;</b> 100 %"
    for path in sorted((HERE / "templates").rglob("*.html")):
        assert not re.search(r"\b_\(\s*\"[^\"]*<", path.read_text()), f"{path.name} has markup in _()"
