"""The form of a client: the fields that each type may set, read into a registration and back (R33, T4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Final

from grantline.clients import (
    ClientType,
    FieldProblem,
    Registration,
    RegistrationRefused,
    check_registration,
)
from grantline.oauth.redirect_hints import review_addresses
from grantline.oauth.redirect_uri import RedirectKind, check_origin, check_redirect_uri
from grantline.web.languages import _

LISTS: Final = ("redirect_uris", "origins", "post_logout_redirect_uris")
_SWITCHES: Final = frozenset({"implicit", "vendor_compatible", "legacy_secret"})


@dataclass(frozen=True, slots=True)
class Notes:
    """What stands below a field of addresses: what must change, and what to know."""

    problems: Sequence[str] = ()
    hints: Sequence[str] = ()


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


def fields_of_settings(kind: ClientType) -> tuple[str, ...]:
    """What the page Settings changes."""
    names = ["name"]
    if kind.needs_homepage:
        names += ["homepage_url", "policy_url", "terms_url"]
    if kind.redirect_uris != "none":
        names.append("post_logout_redirect_uris")
    if kind.may_choose_implicit:
        names.append("implicit")
    return (*names, "vendor_compatible")


def fields_of_redirects(kind: ClientType) -> tuple[str, ...]:
    """What the page Redirects and origins changes; nothing for a type without redirects."""
    if kind.redirect_uris == "none":
        return ()
    return ("origins", "redirect_uris") if kind.origins else ("redirect_uris",)


def read_registration(form: Mapping[str, str], names: Sequence[str], base: Registration) -> Registration:
    """The registration that the form asks for; a field that is absent keeps its value."""
    changes: dict[str, Any] = {}
    for name in names:
        if name not in form:
            continue
        if name in LISTS:
            changes[name] = _lines(form[name])
        elif name in _SWITCHES:
            changes[name] = form[name] == "yes"
        else:
            changes[name] = form[name].strip()
    return replace(base, **changes)


def _lines(text: str) -> tuple[str, ...]:
    """The lines of a field, as fields break them: other signs that break lines belong to what was typed."""
    return tuple(line.strip(" \t") for line in text.replace("\r", "\n").split("\n") if line.strip(" \t"))


def form_values(registration: Registration) -> dict[str, object]:
    """The registration as the form shows it: lists as one text, a line each."""
    values = {field.name: getattr(registration, field.name) for field in fields(registration)}
    return {name: "\n".join(value) if name in LISTS else value for name, value in values.items()}


def tell(problem: FieldProblem) -> str:
    """The sentence of a problem in the language of the request."""
    values = dict(problem.values)
    if "type" in values:
        values["type"] = _(str(values["type"]))
    return " ".join(_(text, **values) for text in (problem.text, problem.fix) if text)


def problems_by_field(problems: Sequence[FieldProblem], registration: Registration) -> dict[str, str]:
    """One sentence or more for each field; what concerns one line of a list says which."""
    names = dict.fromkeys(problem.field for problem in problems)
    return {name: " ".join(_sentences(name, problems, registration)) for name in names}


def _sentences(name: str, problems: Sequence[FieldProblem], registration: Registration) -> list[str]:
    lines: tuple[str, ...] = getattr(registration, name, ()) if name in LISTS else ()
    told: list[str] = []
    for problem in problems:
        if problem.field != name:
            continue
        many = len(lines) > 1 and problem.value in lines
        sentence = _at(lines.index(problem.value) + 1, tell(problem)) if many else tell(problem)
        if sentence not in told:
            told.append(sentence)
    return told


def _at(number: int, sentence: str) -> str:
    return _("Line %(number)d: %(sentence)s", number=number, sentence=sentence)


def notes_by_field(
    kind: ClientType, names: Sequence[str], asked: Registration, problems: Sequence[FieldProblem] = ()
) -> dict[str, Notes]:
    """What to say below each field of addresses. `problems`: those of the registration, if it was checked."""
    return {
        name: Notes(_sentences(name, problems, asked), _hints(kind, name, getattr(asked, name)))
        for name in names
        if name in LISTS
    }


def check_field(kind: ClientType, name: str, asked: Registration) -> Notes:
    """The same for one field while it is typed, before anything is saved."""
    problems: Sequence[FieldProblem] = ()
    try:
        check_registration(kind, asked)
    except RegistrationRefused as refused:
        problems = [problem for problem in refused.problems if problem.field == name]
    if not getattr(asked, name):
        problems = ()
    return notes_by_field(kind, [name], asked, problems)[name]


def _hints(kind: ClientType, name: str, addresses: Sequence[str]) -> list[str]:
    native = kind.redirect_uris == "native"
    uri_kind = RedirectKind.NATIVE if native else RedirectKind.WEB
    check = check_origin if name == "origins" else partial(check_redirect_uri, kind=uri_kind)
    any_port = native and name == "redirect_uris"
    told: list[str] = []
    for review in review_addresses(addresses, check, any_port=any_port):
        sentences = [
            _(hint.text, **hint.values)
            for hint in review.hints
            if name != "origins" or hint.code not in ("no_twin", "twin")
        ]
        if review.mended and not sentences:
            sentences = [_("Do you mean %(address)s?", address=review.mended)]
        told += [_at(review.number, one) if len(addresses) > 1 else one for one in sentences]
    return told
