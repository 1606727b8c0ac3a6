"""Scopes and addresses in words, for consent, device and account pages."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from grantline.oauth.redirect_difference import difference
from grantline.oauth.scope import covers
from grantline.scopes import Catalog, Scope

_ORDER: Final = ("Change", "See", "Sign in", "Keep")


def host_of(address: str) -> str:
    """The host of an address, or its scheme where it has none."""
    parts = urlsplit(address)
    return parts.netloc or parts.scheme


def render_groups(scopes: Sequence[Scope]) -> Sequence[Mapping[str, object]]:
    """The sentences by kind, the most sensitive first; what a wider scope says already is left out."""
    names = [scope.name for scope in scopes]
    groups: dict[str, list[str]] = {}
    for scope in scopes:
        wider = [
            name for name in names if name != scope.name and "." in scope.name and covers(name, scope.name)
        ]
        if wider and not any(covers(scope.name, name) for name in wider):
            continue
        sentences = groups.setdefault(scope.group, [])
        if scope.sentence not in sentences:
            sentences.append(scope.sentence)
    return [{"title": title, "sentences": groups[title]} for title in _ORDER if title in groups]


def render_rest(catalog: Catalog, names: Sequence[str]) -> str:
    """What the app could not do, after "It could not": the password always, and what lies nearest to what it
    asked for."""
    rest = ["see your password"]
    for service in catalog.services:
        if service.prefix == "AaaServer" or not any(name.startswith(service.prefix + ".") for name in names):
            continue
        closed = [
            resource.noun
            for resource in service.resources
            if resource.path
            and not resource.path.endswith("ALL")
            and not resource.path.startswith("settings.")
            and not any(covers(name, f"{service.prefix}.{resource.path}.READ") for name in names)
            and not any(
                name.lower().startswith(f"{service.prefix}.{resource.path}.".lower()) for name in names
            )
        ]
        if closed:
            rest.append("open your " + ", ".join(closed[:3]))
        kept = [f"{service.prefix}.{resource.path}.DELETE" for resource in service.resources if resource.path]
        if not any(covers(name, deletion) for name in names for deletion in kept):
            rest.append("delete anything")
    return ", ".join(rest[:-1]) + (" or " if len(rest) > 1 else "") + rest[-1] + "."


def render_difference(sent: str, registered: str) -> Mapping[str, object]:
    """Two addresses that differ, in stretches to be marked: `sentence`, `sent` and `registered` (R85)."""
    found = difference(sent, registered)

    def stretches(mark: str) -> list[Mapping[str, str]]:
        parts = (
            (found.common, "same"),
            (found.shared_start, "after"),
            (mark, "differs" if mark else "missing"),
            (found.shared_end, "after"),
        )
        return [{"text": text, "kind": kind} for text, kind in parts if text or kind == "missing"]

    return {
        "sentence": found.sentence,
        "sent": stretches(found.sent_mark),
        "registered": stretches(found.registered_mark),
    }
