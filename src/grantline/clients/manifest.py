"""An app's registration as a file: YAML or JSON, read strictly, written plainly, compared with what is
registered.

A manifest holds what may be registered and nothing else: no secret, no owner, no client ID. A key that is
absent keeps its value. It is read event by event, one level deep, so no alias, tag or nesting ever grows in
memory.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeGuard

import yaml

from grantline.clients.checks import FieldProblem, Registration, RegistrationRefused
from grantline.clients.client import Client
from grantline.clients.client_types import CLIENT_TYPES
from grantline.clients.registration import registration_of

LONGEST_MANIFEST: Final = 32_000
MOST_ENTRIES: Final = 200
TEXTS: Final = ("name", "homepage_url", "policy_url", "terms_url")
LISTS: Final = ("redirect_uris", "origins", "post_logout_redirect_uris", "scopes", "data_centers")
SWITCHES: Final = ("implicit", "vendor_compatible")
MANIFEST_KEYS: Final = ("type", *TEXTS, *LISTS, *SWITCHES)
"""Every key that a manifest may have, in the order in which it is written."""

_NOTHING: Final = frozenset({"", "~", "null"})
_PLAIN_SWITCHES: Final[Mapping[str, bool]] = MappingProxyType({"true": True, "false": False})
_TYPE_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"web-based": "server-based", "web": "server-based", "self": "self-client"}
)

Value = str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file says about an app: only the keys that it names."""

    values: Mapping[str, Value]

    @property
    def type_name(self) -> str:
        """The client type, empty when the file does not say it."""
        return str(self.values.get("type", ""))

    def applied_to(self, base: Registration) -> Registration:
        """The registration with what the file says; the rest stays."""
        given: dict[str, Any] = {key: value for key, value in self.values.items() if key != "type"}
        if "data_centers" in given:
            given["data_centers"] = _home_first(base, given["data_centers"])
        return replace(base, **given)


def _home_first(base: Registration, codes: tuple[str, ...]) -> tuple[str, ...]:
    """Data centers as they are stored: the app's own first, whether the file names it or not."""
    home = base.data_centers[:1]
    return (*home, *sorted({*codes} - {*home}))


@dataclass(frozen=True, slots=True)
class Change:
    """One key that would change. Lists say which entries come and go; other values stand as a pair."""

    key: str
    before: Value
    after: Value
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def parse_manifest(text: str) -> Manifest:
    """The manifest in this text, JSON if it starts with a brace, else YAML. Raises RegistrationRefused."""
    if len(text) > LONGEST_MANIFEST:
        raise _refused("The manifest is too long. Use at most 32,000 characters.")
    stripped = text.strip().lstrip("\ufeff")
    if not stripped:
        raise _refused("The manifest is empty.")
    pairs = list(_read_json(stripped) if stripped.startswith("{") else _read_yaml(stripped))
    problems: list[FieldProblem] = []
    values: dict[str, Value] = {}
    for key, value in pairs:
        if key not in MANIFEST_KEYS:
            shown = key[:60].encode("utf-8", "backslashreplace").decode()
            problems.append(FieldProblem("manifest", "There is no key %(key)s.", shown, {"key": shown}))
        elif key in values:
            problems.append(FieldProblem("manifest", "%(key)s stands there twice.", key, {"key": key}))
        else:
            try:
                values[key] = _value(key, value)
            except ValueError as problem:
                values_told = {"key": key, "types": ", ".join(CLIENT_TYPES)}
                problems.append(FieldProblem("manifest", str(problem), key, values_told))
    if problems:
        raise RegistrationRefused(problems)
    return Manifest(MappingProxyType(values))


def _refused(text: str, **values: object) -> RegistrationRefused:
    return RegistrationRefused([FieldProblem("manifest", text, "", values)])


def _value(key: str, value: object) -> Value:
    """The value in the type of its key. Raises ValueError with a sentence."""
    if key in SWITCHES:
        if value is None:
            return False
        if not isinstance(value, bool):
            raise ValueError("%(key)s: write true or false.")
        return value
    if key in LISTS:
        entries: list[Any] = [] if value is None else value if isinstance(value, list) else [value]
        if not all(_is_text(entry) for entry in entries):
            raise ValueError("%(key)s: write a list of texts.")
        return tuple(entry.strip() for entry in entries if entry.strip())
    if value is None:
        return ""
    if not _is_text(value):
        raise ValueError("%(key)s: write it as text, in quotation marks if need be.")
    if key != "type":
        return value.strip()
    name = value.strip().lower().replace("_", "-").replace(" ", "-")
    name = _TYPE_ALIASES.get(name, name)
    if name not in CLIENT_TYPES:
        raise ValueError("%(key)s: use %(types)s.")
    return name


def _is_text(value: object) -> TypeGuard[str]:
    """Text that can be written down: escapes can make halves of letters, which no page could show."""
    return isinstance(value, str) and not any(
        "\ud800" <= letter <= "\udfff" or letter == "\0" for letter in value
    )


def _read_json(text: str) -> Iterator[tuple[str, object]]:
    try:
        found = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as problem:
        line = getattr(problem, "lineno", 1)
        raise _refused("This is no JSON: look at line %(line)d.", line=line) from None
    yield from found  # an inner object is a tuple of pairs here, which no key takes


def _read_yaml(text: str) -> Iterator[tuple[str, object]]:
    """Keys and values of the one mapping, by events: a scalar, or a list of scalars."""
    try:
        events = _body(text)
        if not events or not isinstance(events[0], yaml.MappingStartEvent):
            raise _refused("Write one key and its value on each line, such as name: Lead Desk.")
        rest = iter(events[1:-1])
        for event in rest:
            if not isinstance(event, yaml.ScalarEvent):
                raise _refused("A key must be plain text.")
            yield event.value, _read_value(next(rest), rest)
    except RegistrationRefused:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as problem:  # the last two: a number that is no letter
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise _refused("This is no YAML: look at line %(line)d.", line=line) from None


def _body(text: str) -> Sequence[yaml.Event]:
    """The events of the only document, without its frame. Raises RegistrationRefused, yaml.YAMLError."""
    events: list[yaml.Event] = []
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(
                "Anchors and aliases (& and *) are not read. Write values out, in quotation marks."
            )
        if getattr(event, "tag", None):
            raise _refused("Tags (!) are not read. Put the value in quotation marks.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > 2:
            raise _refused("The manifest is nested too deep. A value is a text or a list of texts.")
        if isinstance(event, yaml.CollectionStartEvent | yaml.CollectionEndEvent | yaml.ScalarEvent):
            events.append(event)
        elif isinstance(event, yaml.DocumentStartEvent) and events:
            raise _refused("The text holds more than one document. Paste one.")
        if len(events) > MOST_ENTRIES * 2:
            raise _refused("The manifest has too many entries.")
    return events


def _read_value(event: yaml.Event, rest: Iterator[yaml.Event]) -> object:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    found: list[object] = []
    for inner in rest:
        if isinstance(inner, yaml.CollectionEndEvent):
            break
        found.append(_scalar(inner))
    return found if isinstance(event, yaml.SequenceStartEvent) else {"": found}


def _scalar(event: yaml.Event) -> str | bool | None:
    """Text, but for a plain true, false or nothing: `yes`, dates and numbers stay what they look like."""
    assert isinstance(event, yaml.ScalarEvent)
    if not event.implicit[0]:
        return str(event.value)
    if event.value in _NOTHING:
        return None
    return _PLAIN_SWITCHES.get(event.value, str(event.value))


def manifest_of(client: Client) -> Manifest:
    """What a file would say of this client: the keys that its type has a use for, or that are set."""
    registration = registration_of(client)
    values: dict[str, Value] = {"type": client.type.name}
    for key in MANIFEST_KEYS[1:]:
        value = getattr(registration, key)
        if key == "data_centers" and len(value) < 2:
            continue  # where it is registered is no choice
        if value or _belongs(key, client):
            values[key] = value
    return Manifest(MappingProxyType(values))


def _belongs(key: str, client: Client) -> bool:
    kind = client.type
    return {
        "name": True,
        "homepage_url": kind.needs_homepage,
        "redirect_uris": kind.redirect_uris != "none",
        "origins": kind.origins,
        "implicit": kind.may_choose_implicit,
    }.get(key, False)


def render_manifest(manifest: Manifest) -> str:
    """The manifest as YAML, which `parse_manifest` reads back as the same."""
    lines: list[str] = []
    for key in MANIFEST_KEYS:
        if key not in manifest.values:
            continue
        value = manifest.values[key]
        if isinstance(value, tuple):
            lines.append(f"{key}:" if value else f"{key}: []")
            lines.extend(f"  - {_render_text(entry)}" for entry in value)
        elif isinstance(value, bool):
            lines.append(f"{key}: {'true' if value else 'false'}")
        else:
            lines.append(f"{key}: {_render_text(value)}")
    return "\n".join(lines) + "\n"


def _render_text(text: str) -> str:
    """The text as a scalar: plain where nothing can be misread, else in quotation marks."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9 ./:+_~%?=&-]*", text) is not None and ": " not in text
    if plain and not text.endswith((":", " ")) and text not in _NOTHING and text not in _PLAIN_SWITCHES:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)


def compare_manifest(manifest: Manifest, registration: Registration) -> Sequence[Change]:
    """What would change if the manifest were applied, in the order of writing; empty when nothing would."""
    changes: list[Change] = []
    for key in MANIFEST_KEYS[1:]:
        if key not in manifest.values:
            continue
        before, after = getattr(registration, key), manifest.values[key]
        if key == "data_centers" and isinstance(after, tuple):
            after = _home_first(registration, after)
        if before == after:
            continue
        if isinstance(after, tuple):
            added = tuple(entry for entry in after if entry not in before)
            removed = tuple(entry for entry in before if entry not in after)
            changes.append(Change(key, before, after, added, removed))
        else:
            changes.append(Change(key, before, after))
    return changes
