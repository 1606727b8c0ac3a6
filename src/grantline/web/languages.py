"""Languages of the pages: English is in the source, others in `locale/<language>/LC_MESSAGES/grantline.po`.

Templates say `_("…")` and `{% trans %}`; Python says `_("…")` where a sentence is made, so a sentence with
values is written `_("Line %(number)d: …", number=3)`. The language of a request is set once, by `speak`,
before its page runs.
"""

import gettext as catalogues
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType({"en": "English", "de": "Deutsch"})
"""The languages by code, each in its own word."""
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})
_FOLDER: Final = Path(__file__).parent / "locale"
_CATALOGUES: Final[Mapping[str, catalogues.NullTranslations]] = MappingProxyType(
    {code: catalogues.translation("grantline", _FOLDER, [code], fallback=True) for code in LANGUAGES}
)
_language: ContextVar[str] = ContextVar("language", default="en")


def speak(language: str) -> None:
    """Answer in this language for the rest of the request; an unknown one is English."""
    _language.set(language if language in LANGUAGES else "en")


def spoken() -> str:
    """The code of the language of this request."""
    return _language.get()


def choose(accepted: str, chosen: str = "") -> str:
    """The language for a browser: the one chosen here before, else the best of `Accept-Language` (RFC 9110
    §12.5.4)."""
    if chosen in LANGUAGES:
        return chosen
    weighed: list[tuple[float, int, str]] = []
    for number, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.partition("-")[0].lower()
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if language in LANGUAGES and 0 < quality <= 1:
            weighed.append((-quality, number, language))
    return min(weighed)[2] if weighed else "en"


def translate(message: str) -> str:
    """The message in the language of this request, itself where there is no translation."""
    language = _language.get()
    return message if language == "en" or not message else _CATALOGUES[language].gettext(message)


def translate_number(one: str, many: str, count: int) -> str:
    """The form of the message that goes with this number."""
    language = _language.get()
    if language == "en":
        return one if count == 1 else many
    return _CATALOGUES[language].ngettext(one, many, count)


def _(message: str, **values: Any) -> str:
    """The sentence in the language of this request, with its values."""
    return translate(message) % values if values else translate(message)


def ngettext(one: str, many: str, count: int, **values: Any) -> str:
    """The sentence for this number, which it may name as `%(num)d`."""
    return translate_number(one, many, count) % {"num": count, **values}


def mark(text: str) -> str:
    """The text as it is: a mark for a table of English sentences that are translated where they are shown."""
    return text


def mark_number(one: str, many: str) -> tuple[str, str]:
    """Both forms of a sentence with a number, marked for a table."""
    return one, many
