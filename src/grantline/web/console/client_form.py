"""The form of a client: the fields that each type may set, read into a registration and back (R33, T4)."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from grantline.clients import ClientType, FieldProblem, Registration

_LISTS: Final = frozenset({"redirect_uris", "origins", "post_logout_redirect_uris"})
_SWITCHES: Final = frozenset({"implicit", "vendor_compatible", "legacy_secret"})


def fields_to_create(kind: ClientType) -> tuple[str, ...]:
    """What is asked for when a client of this type is created; a self client needs nothing."""
    if kind.name == "self-client":
        return ()
    names = ["name", "homepage_url"]
    if kind.origins:
        names.append("origins")
    if kind.redirect_uris != "none":
        names.append("redirect_uris")
    if kind.may_choose_implicit:
        names.append("implicit")
    if kind.redirect_uris == "native":
        names.append("legacy_secret")
    return tuple(names)


def fields_to_change(kind: ClientType) -> tuple[str, ...]:
    """What may be changed later; whether a Mobile app has a secret is changed in the list of secrets."""
    names = [name for name in fields_to_create(kind) if name != "legacy_secret"] or ["name"]
    if kind.redirect_uris != "none":
        names.append("post_logout_redirect_uris")
    return (*names, "vendor_compatible")


def read_registration(form: Mapping[str, str], names: Sequence[str], base: Registration) -> Registration:
    """The registration that the form asks for; a field that is absent keeps its value."""
    changes: dict[str, Any] = {}
    for name in names:
        if name not in form:
            continue
        if name in _LISTS:
            changes[name] = tuple(line.strip() for line in form[name].splitlines() if line.strip())
        elif name in _SWITCHES:
            changes[name] = form[name] == "yes"
        else:
            changes[name] = form[name].strip()
    return replace(base, **changes)


def form_values(registration: Registration) -> dict[str, object]:
    """The registration as the form shows it: lists as one text, a line each."""
    values = {field.name: getattr(registration, field.name) for field in fields(registration)}
    return {name: "\n".join(value) if name in _LISTS else value for name, value in values.items()}


def problems_by_field(problems: Sequence[FieldProblem], registration: Registration) -> dict[str, str]:
    """One sentence or more for each field; what concerns one line of a list says which."""
    told: dict[str, list[str]] = {}
    for problem in problems:
        lines: tuple[str, ...] = getattr(registration, problem.field, ()) if problem.field in _LISTS else ()
        place = (
            f"Line {lines.index(problem.value) + 1}: " if len(lines) > 1 and problem.value in lines else ""
        )
        sentence = place + problem.sentence
        if sentence not in told.setdefault(problem.field, []):
            told[problem.field].append(sentence)
    return {field: " ".join(sentences) for field, sentences in told.items()}
