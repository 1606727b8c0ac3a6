"""Pages for people and developers: the template engine, and static files named by their content.

Autoescape is on for every template whatever its name, an undefined variable is an error, and the filters that
could switch escaping off are taken out of the engine, so a template that asks for one does not compile.
Next door: `templates/` (each file says at its top what it needs) and `static/`.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from grantline.web.browser_sdk import read_files
from grantline.web.languages import (
    LANGUAGES,
    RIGHT_TO_LEFT,
    _,
    mark,
    mark_number,
    ngettext,
    spoken,
    translate,
    translate_number,
)

HERE = Path(__file__).parent
STYLE_LAYERS = (
    "reset",
    "tokens",
    "base",
    "line",
    "parts",
    "console",
    "making",
    "team",
    "quickstart",
    "trying",
    "machines",
    "seeing",
    "centers",
    "people",
)
CONTENT_TYPES: Mapping[str, str] = MappingProxyType(
    {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
)
UNSAFE_FILTERS = ("safe", "tojson", "urlize", "xmlattr", "forceescape")
_UNITS: Final = (
    (86_400, mark_number("%(num)d day", "%(num)d days")),
    (3_600, mark_number("%(num)d hour", "%(num)d hours")),
    (60, mark_number("%(num)d minute", "%(num)d minutes")),
    (1, mark_number("%(num)d second", "%(num)d seconds")),
)
_MONTHS: Final = (
    *(mark("Jan"), mark("Feb"), mark("Mar"), mark("Apr"), mark("May"), mark("Jun")),
    *(mark("Jul"), mark("Aug"), mark("Sep"), mark("Oct"), mark("Nov"), mark("Dec")),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What every page shows: where it is (`host`, `data_center` in capitals) and which request made it."""

    host: str
    data_center: str
    request_id: str
    returns: bool = False
    """Whether the same address shows this page again: not after a form was sent."""


class Pages:
    """Renders the templates, and holds every static file under its hashed address."""

    def __init__(
        self, *, templates_dir: Path = HERE / "templates", static_dir: Path = HERE / "static"
    ) -> None:
        self._static_files, self._static_urls = _read_static_files(static_dir)
        self.browser_files = read_files()
        self._environment = _environment(templates_dir, self.static_url)

    def render(self, template: str, **context: object) -> str:
        """The page as text. An absent variable raises `jinja2.UndefinedError`."""
        return self._environment.get_template(template).render(context)

    def template_names(self) -> tuple[str, ...]:
        """Every template file, frames and parts too, sorted."""
        return tuple(self._environment.list_templates())

    def static_url(self, name: str) -> str:
        """`/static/<name>.<hash8>.<ending>` of the file; KeyError when there is none."""
        return self._static_urls[name]

    def static_files(self) -> Mapping[str, tuple[bytes, str]]:
        """URL path to (content, content type). The path changes with the content: cache it for ever."""
        return self._static_files


def render_duration(seconds: int) -> str:
    """A length of time in at most two units: "5 minutes", "1 hour 30 minutes", "42 seconds"."""
    rest = max(seconds, 0)
    words: list[str] = []
    for size, forms in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            words.append(ngettext(*forms, count))
        if len(words) == 2 or (words and not count):
            break
    return " ".join(words) or ngettext(*_UNITS[-1][1], 0)


def render_utc(at: int) -> str:
    """An instant for people: "21 Nov 2026, 15:14 UTC"."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{render_day(at)}, {moment:%H:%M} UTC"


def render_clock(at: int) -> str:
    """The time of day to the second: "15:14:07 UTC"."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"


def render_day(at: int) -> str:
    """A day: "21 Nov 2026"."""
    moment = datetime.fromtimestamp(at, UTC)
    month = translate(_MONTHS[moment.month - 1])
    return _("%(day)d %(month)s %(year)d", day=moment.day, month=month, year=moment.year)


def render_day_and_hour(at: int) -> str:
    """A day and the time of day: "21 Nov 2026, 15:14"."""
    return f"{render_day(at)}, {datetime.fromtimestamp(at, UTC):%H:%M}"


def render_ago(seconds: int) -> str:
    """How long ago, in one unit: "12 minutes ago"."""
    for size, forms in _UNITS[:-1]:
        if seconds >= size:
            return _("%(time)s ago", time=ngettext(*forms, seconds // size))
    return _("just now")


def render_number(number: int) -> str:
    """A whole number with its thousands set apart: "11,204"."""
    return f"{number:,}".replace(",", {"en": ","}.get(spoken(), "\u202f"))


def render_iso(at: int) -> str:
    """An instant for the `datetime` attribute: "2026-11-21T15:14:07Z"."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def render_digits(seconds: int) -> str:
    """Minutes and seconds: "4:12"."""
    return f"{max(seconds, 0) // 60}:{max(seconds, 0) % 60:02d}"


def split_at_breaks(text: str) -> Sequence[str]:
    """Cuts an address where a line may break: before . / ? & # and after @. The pieces join to the text."""
    return [piece for piece in re.split(r"(?<=@)|(?<=[^/])(?=/[^/])|(?=[.?&#])", text) if piece]


def web_address(text: str) -> str:
    """The text if it is an http or https address, else nothing: what others write becomes no other link."""
    return text if re.fullmatch(r"https?://[!#-;=?-~]+", text, re.IGNORECASE | re.ASCII) else ""


def render_initials(name: str) -> str:
    """At most two first letters: "Mara Lindqvist" gives "ML"."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def _environment(templates_dir: Path, static_url: object) -> Environment:
    environment = Environment(
        extensions=["jinja2.ext.i18n"],
        loader=FileSystemLoader(templates_dir),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in UNSAFE_FILTERS:
        del environment.filters[name]
    environment.filters.update(
        duration=render_duration,
        utc=render_utc,
        clock=render_clock,
        day=render_day,
        iso=render_iso,
        day_and_hour=render_day_and_hour,
        ago=render_ago,
        number=render_number,
        digits=render_digits,
        breaks=split_at_breaks,
        web_address=web_address,
        initials=render_initials,
    )
    environment.install_gettext_callables(translate, translate_number, newstyle=True)  # type: ignore[attr-defined]
    environment.policies["ext.i18n.trimmed"] = True
    environment.globals["_"] = _say
    environment.globals.update(
        static=static_url, language=spoken, languages=LANGUAGES, right_to_left=RIGHT_TO_LEFT
    )
    return environment


def _say(message: str, **values: object) -> str:
    """`_("…")` in a template: the sentence in the reader's language. It is text and nothing else, wherever it
    came from; a sentence with markup stands in `{% trans %}`, which only a template can say (T88)."""
    sentence = translate(message)
    return escape(sentence) % values if values else sentence.replace("%%", "%")


def _read_static_files(static_dir: Path) -> tuple[Mapping[str, tuple[bytes, str]], Mapping[str, str]]:
    sheet = b"\n".join((static_dir / "styles" / f"{layer}.css").read_bytes() for layer in STYLE_LAYERS)
    contents = {"grantline.css": sheet}
    ours = [path for path in static_dir.iterdir() if path.is_file()]
    contents.update(
        {path.name: path.read_bytes() for path in sorted([*ours, *static_dir.glob("vendor/*.js")])}
    )
    files: dict[str, tuple[bytes, str]] = {}
    urls: dict[str, str] = {}
    for name, content in contents.items():
        stem, ending = Path(name).stem, Path(name).suffix
        urls[name] = f"/static/{stem}.{hashlib.sha256(content).hexdigest()[:8]}{ending}"
        files[urls[name]] = (content, CONTENT_TYPES[ending])
    return MappingProxyType(files), MappingProxyType(urls)
