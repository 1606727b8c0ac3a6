"""What an app may register: each field checked, with a sentence for whoever typed it (T2–T4)."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from grantline.clients.client_types import ClientType
from grantline.names import check_name
from grantline.oauth.redirect_uri import RedirectKind, RedirectUriProblem, check_origin, check_redirect_uri

MOST_ADDRESSES: Final = 50
MOST_SCOPES: Final = 100
_SCOPE: Final = re.compile(r"[!#-\[\]-~]{1,200}")
_URL_TEXT: Final = re.compile(r"[!#-;=?-\[\]_a-z~%]{1,2000}")


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing to mend: the field as the form names it, what is wrong, and what to do."""

    field: str
    text: str
    """The sentence as translators have it, with `%(name)s` where a value stands."""
    value: str = ""
    values: Mapping[str, object] = dataclasses.field(default_factory=dict)
    fix: str = ""
    """What to do, where that is a sentence of its own."""

    @property
    def sentence(self) -> str:
        """All of it in English."""
        texts = [text % self.values if self.values else text for text in (self.text, self.fix)]
        return " ".join(text for text in texts if text)


class RegistrationRefused(ValueError):
    """The registration has problems; nothing was changed."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(problem.sentence for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Registration:
    """What may be set from outside, at creation and later. A field that its type has no use for must stay
    empty."""

    name: str
    homepage_url: str = ""
    redirect_uris: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    app_scopes: tuple[str, ...] = ()
    data_centers: tuple[str, ...] = ()
    implicit: bool = False
    vendor_compatible: bool = False
    policy_url: str = ""
    terms_url: str = ""
    scopes: tuple[str, ...] = ()
    """What the app means to ask for. Limits nothing: it fills snippets and previews."""
    legacy_secret: bool = field(default=False)
    """Mobile alone: also issue a secret, for apps that can't do without."""


def _check_url(value: str) -> None:
    # The raw text first: the parser passes over tabs and line breaks without a word (T2).
    parts = urlsplit(value) if _URL_TEXT.fullmatch(value) else urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("Use a full address such as https://example.com.")


def check_registration(kind: ClientType, asked: Registration) -> Registration:
    """The registration in its stored form. Raises RegistrationRefused naming every field that must change."""
    problems: list[FieldProblem] = []

    def try_field(name: str, value: str, check: Callable[[str], object]) -> None:
        try:
            check(value)
        except RedirectUriProblem as problem:
            problems.append(FieldProblem(name, problem.text, value, problem.values, problem.help))
        except ValueError as problem:
            problems.append(FieldProblem(name, str(problem), value))

    try_field("name", asked.name, check_name)
    for page in ("homepage_url", "policy_url", "terms_url"):
        if getattr(asked, page):
            try_field(page, getattr(asked, page), _check_url)
    native = kind.redirect_uris == "native"
    uri_kind = RedirectKind.NATIVE if native else RedirectKind.WEB
    for uri in asked.redirect_uris:
        try_field("redirect_uris", uri, lambda value: check_redirect_uri(value, kind=uri_kind))
    for uri in asked.post_logout_redirect_uris:
        try_field("post_logout_redirect_uris", uri, lambda value: check_redirect_uri(value, kind=uri_kind))
    for origin in asked.origins:
        try_field("origins", origin, check_origin)
    for name in ("redirect_uris", "origins", "post_logout_redirect_uris"):
        values: tuple[str, ...] = getattr(asked, name)
        if len(values) > MOST_ADDRESSES:
            problems.append(FieldProblem(name, "At most %(most)d lines.", "", {"most": MOST_ADDRESSES}))
        if len(set(values)) != len(values):
            problems.append(FieldProblem(name, "One line stands here twice."))
    if len(asked.scopes) > MOST_SCOPES or any(not _SCOPE.fullmatch(scope) for scope in asked.scopes):
        problems.append(
            FieldProblem(
                "scopes",
                "Name at most %(most)d scopes, as the list spells them.",
                "",
                {"most": MOST_SCOPES},
            )
        )
    problems += _misfits(kind, asked)
    if problems:
        raise RegistrationRefused(problems)
    return replace(asked, name=check_name(asked.name))


def _misfits(kind: ClientType, asked: Registration) -> list[FieldProblem]:
    """What the type needs and lacks, or has no use for."""
    problems: list[FieldProblem] = []
    values = {"type": kind.title}

    def misfit(field: str, text: str) -> None:
        problems.append(FieldProblem(field, text, "", values))

    if kind.redirect_uris == "none" and (asked.redirect_uris or asked.post_logout_redirect_uris):
        misfit("redirect_uris", "%(type)s apps have no redirect URI.")
    if kind.redirect_uris != "none" and not asked.redirect_uris:
        problems.append(FieldProblem("redirect_uris", "Add at least one redirect URI."))
    if kind.origins and not asked.origins:
        problems.append(
            FieldProblem(
                "origins", "Add the origin that the app is served from, such as https://app.example.com."
            )
        )
    if not kind.origins and asked.origins:
        misfit("origins", "%(type)s apps have no JavaScript origins.")
    if kind.origins and asked.origins:
        for uri in asked.redirect_uris:
            if not any(
                uri == origin or uri.startswith((origin + "/", origin + "?")) for origin in asked.origins
            ):
                problems.append(
                    FieldProblem(
                        "redirect_uris", "This redirect URI is on none of the registered origins.", uri
                    )
                )
    if asked.implicit and not kind.may_choose_implicit:
        misfit("implicit", "%(type)s apps can't get tokens straight in the redirect.")
    if asked.app_scopes and "client_credentials" not in kind.grants:
        misfit("app_scopes", "%(type)s apps get no tokens as the app itself.")
    if asked.legacy_secret and kind.secret != "optional":
        misfit("legacy_secret", "%(type)s apps have no optional secret.")
    return problems
