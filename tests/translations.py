"""`make translations`: collect every sentence that the pages say, and bring the catalogues up to date.

Sentences stand in templates (`_("…")`, `{% trans %}`), in Python (`_`, `ngettext`, `mark`), and in the tables
of the layers below, which know of no language: the catalogue of errors, the scopes, the client types, and the
sentences by which they refuse something.
A sentence without its translation is added empty, one that nobody says any more is dropped, and
tests/web/test_languages.py fails until each has its words.
"""

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final, get_args

from babel.messages.catalog import Catalog as Messages
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from grantline.clients import CLIENT_TYPES
from grantline.oauth.errors import CATALOGUE
from grantline.oauth.redirect_difference import Part
from grantline.scopes import Catalog
from grantline.web.console.api_reference import describe
from grantline.web.console_api.table import OPERATIONS
from grantline.web.languages import LANGUAGES

WEB: Final = Path(__file__).parent.parent / "src" / "grantline" / "web"
SOURCE: Final = WEB.parent
BELOW: Final = (
    "accounts/account.py",
    "authorize",
    "clients",
    "device",
    "grants",
    "names.py",
    "oauth/redirect_difference.py",
    "oauth/redirect_hints.py",
    "oauth/redirect_uri.py",
    "tokens",
    "workspaces",
)
"""Where the layers below say why they refuse something, in sentences that the pages translate."""
SENTENCE: Final = re.compile(r"[A-Z0-9%].* .*[.]")
KEYWORDS: Final = {"_": 1, "gettext": 1, "mark": 1, "ngettext": 2, "mark_number": 2}
"""How many texts each of them takes."""
Message = str | tuple[str, str]


def messages() -> list[Message]:
    """Every sentence, each once, in the order of files and lines."""
    found: dict[Message, None] = {}
    for message in (*_of_templates(), *_of_python(), *_of_tables(), *_of_sentences()):
        if message and message not in (("", ""), "None"):
            found.setdefault(message)
    return list(found)


def _of_templates() -> Iterator[Message]:
    options = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    for path in sorted((WEB / "templates").rglob("*.html")):
        with path.open("rb") as file:
            for _line, _function, message, _comments in babel_extract(
                file, ("_", "gettext", "ngettext"), (), options
            ):
                yield _plural(message)


def _of_python() -> Iterator[Message]:
    """By the tree of the code, so that a sentence within the values of another is found too."""
    for path in sorted(WEB.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            if isinstance(call.func, ast.Name) and call.func.id in KEYWORDS:
                given = [one.value if isinstance(one, ast.Constant) else None for one in call.args]
                texts = given[: KEYWORDS[call.func.id]]
                if texts and all(isinstance(text, str) for text in texts):
                    yield _plural(texts)


def _plural(message: object) -> Message:
    if isinstance(message, (tuple, list)):
        texts = [text for text in message if text]
        return (texts[0], texts[1]) if len(texts) > 1 else texts[0]
    return str(message)


def _of_tables() -> Iterator[Message]:
    for explanation in CATALOGUE.values():
        yield from (explanation.title, explanation.cause, explanation.fix)
    catalog = Catalog(())
    for service in catalog.services:
        yield service.title
        for resource in service.resources:
            yield from (resource.title, resource.noun)
    for scope in catalog.scopes:
        yield scope.sentence
    for kind in CLIENT_TYPES.values():
        yield from (kind.title, kind.best_for, kind.needs, kind.gets)
    yield from get_args(Part)
    for operation in OPERATIONS:
        described = describe(operation)
        yield operation.summary
        yield from (field["about"] for field in (*described["takes"], *described["answers"]))


def _of_sentences() -> Iterator[Message]:
    """The sentences of the layers below, without their docstrings, and without what is put together with
    values at once, which no catalogue can know."""
    for name in BELOW:
        path = SOURCE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            nodes = list(ast.walk(ast.parse(file.read_text())))
            apart = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            apart |= {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
            texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in apart]
            yield from (text for text in texts if isinstance(text, str) and SENTENCE.fullmatch(text))


def path_of(language: str) -> Path:
    """The catalogue of a language."""
    return WEB / "locale" / language / "LC_MESSAGES" / "grantline.po"


def read(language: str) -> Messages:
    """What is translated so far."""
    path = path_of(language)
    if not path.exists():
        return Messages(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def current(language: str) -> Messages:
    """The catalogue with exactly today's sentences."""
    known = read(language)
    fresh = Messages(locale=language, project="Grantline", fuzzy=False)
    for message in messages():
        old = known.get(message if isinstance(message, str) else message[0])
        flags = ("python-format",) if re.search(r"%\(\w+\)", str(message)) else ()
        fresh.add(message, old.string if old is not None else None, flags=flags)
    fresh.creation_date = fresh.revision_date = (
        known.creation_date if path_of(language).exists() else fresh.creation_date
    )
    return fresh


def render(catalogue: Messages) -> tuple[bytes, bytes]:
    """The catalogue as text, and as the product reads it."""
    text, compiled = BytesIO(), BytesIO()
    write_po(text, catalogue, width=0, omit_header=False, no_location=True)
    write_mo(compiled, catalogue)
    return text.getvalue(), compiled.getvalue()


def main() -> int:
    """Write the catalogues; the number of sentences without words decides the exit status."""
    missing = 0
    for language in LANGUAGES:
        if language == "en":
            continue
        catalogue = current(language)
        text, compiled = render(catalogue)
        path = path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        path.with_suffix(".mo").write_bytes(compiled)
        empty = [message for message in catalogue if message.id and not _has_words(message.string)]
        missing += len(empty)
        sys.stdout.write(f"{language}: {len(catalogue)} sentences, {len(empty)} without words\n")
    return 1 if missing else 0


def _has_words(string: object) -> bool:
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


if __name__ == "__main__":
    sys.exit(main())
