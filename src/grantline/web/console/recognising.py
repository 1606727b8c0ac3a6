"""Telling what a pasted text is. Nothing is looked up here, and nothing is kept."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from grantline.oauth.errors import CATALOGUE
from grantline.opaque import CLIENT_ID, recognise
from grantline.web.logs import redact

LONGEST: Final = 8_000
_OPAQUE: Final = re.compile(r"gl[a-z]_[a-z]{2,4}_[0-9A-Za-z]+")
_SECRET_ID: Final = re.compile(r"sec_[0-9a-f]{12}")
_REQUEST: Final = re.compile(r"req_[a-z]{2,4}_[0-9A-Za-z]{6,20}")
_JWT: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_QUERY: Final = re.compile(r"[?#&]?(?:[\w.]+=[^\s&]*&?)+")


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a text is, by its form alone."""

    kind: str
    """`nothing`, `token`, `broken`, `jwt`, `secret_id`, `request`, `error`, `address`, `code` or `words`."""
    text: str
    members: Mapping[str, str] = field(default_factory=dict)
    """Of an error or an address: the parameters."""


def hides_secret(text: str) -> bool:
    """Whether there is something in the text that must not stand in an address, nor on a page again."""
    return "[redacted]" in redact(text) or any(
        not known.group().startswith(f"{CLIENT_ID}_") for known in _OPAQUE.finditer(text)
    )


def masked(text: str) -> str:
    """The text, its secrets cut down to what tells them apart."""
    return _JWT.sub(_cut, _OPAQUE.sub(_cut, text))


def _cut(found: re.Match[str]) -> str:
    text = found.group()
    if text.startswith(f"{CLIENT_ID}_") or len(text) < 24:
        return text
    start = text[:7] if not text.startswith("eyJ") else "eyJ"
    return f"{start}…{text[-4:]}"


def recognise_pasted(text: str) -> Pasted:
    """What the text is."""
    text = text.strip().strip("\"'`").strip()
    if not text:
        return Pasted("nothing", "")
    if _OPAQUE.fullmatch(text):
        return Pasted("token" if recognise(text) is not None else "broken", text)
    for kind, form in (("jwt", _JWT), ("secret_id", _SECRET_ID), ("request", _REQUEST)):
        if form.fullmatch(text):
            return Pasted(kind, text)
    if text in CATALOGUE or any(entry.error == text for entry in CATALOGUE.values()):
        return Pasted("code", text)
    if (members := _json_members(text)) is not None:
        return Pasted("error", text, members)
    if _ADDRESS.fullmatch(text):
        return Pasted("address", text, address_members(text))
    if _QUERY.fullmatch(text):
        return Pasted("error", text, dict(parse_qsl(text.lstrip("?#&"))))
    return _inside(text)


def _inside(text: str) -> Pasted:
    """A line of a log or a sentence: the most telling thing in it."""
    if found := _REQUEST.search(text):
        return Pasted("request", found.group())
    for word in re.findall(r"[a-z]+(?:_[a-z]+)+", text):
        if word in CATALOGUE:
            return Pasted("code", word)
    tokens = [found.group() for found in _OPAQUE.finditer(text) if recognise(found.group()) is not None]
    if tokens:
        return Pasted("token", tokens[0])
    return Pasted("words", text)


def _json_members(text: str) -> Mapping[str, str] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        read: Any = json.JSONDecoder().raw_decode(text[start:])[0]
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict) or "error" not in read:
        return None
    return {str(name): str(value) for name, value in read.items()}


def address_members(address: str) -> Mapping[str, str]:
    """The parameters of an address, out of query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return {}
    return dict(parse_qsl(f"{parts.query}&{parts.fragment}", keep_blank_values=True))
