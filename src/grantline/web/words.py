"""Scopes and addresses in words, for consent, device and account pages."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from grantline.oauth.redirect_difference import difference
from grantline.oauth.scope import covers
from grantline.scopes import Catalog, Scope
from grantline.web.languages import _, mark

SEE_PERSON: Final = mark("See your name and e-mail address")
_ORDER: Final = (mark("Change"), mark("See"), mark("Sign in"), mark("Keep"))


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
        if (sentence := _(scope.sentence)) not in sentences:
            sentences.append(sentence)
    if any(scope.shown_since for scope in scopes):  # its own sentence need not say so
        groups.setdefault("See", []).append(_(SEE_PERSON))
    return [{"title": _(title), "sentences": groups[title]} for title in _ORDER if title in groups]


def render_rest(catalog: Catalog, names: Sequence[str]) -> str:
    """What the app could not do, after "It could not": the password always, and what lies nearest to what it
    asked for."""
    rest = [_("see your password")]
    for service in catalog.services:
        if service.prefix == "AaaServer" or not any(name.startswith(service.prefix + ".") for name in names):
            continue
        closed = [
            _(resource.noun)
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
            rest.append(_("open your %(nouns)s", nouns=", ".join(closed[:3])))
        kept = [f"{service.prefix}.{resource.path}.DELETE" for resource in service.resources if resource.path]
        if not any(covers(name, deletion) for name in names for deletion in kept):
            rest.append(_("delete anything"))
    return _("%(acts)s.", acts=", ".join(rest[:-1]) + (_(" or ") if len(rest) > 1 else "") + rest[-1])


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
        "sentence": _(found.sentence),
        "sent": stretches(found.sent_mark),
        "registered": stretches(found.registered_mark),
    }
