"""The catalogue: every scope that can be granted, found by any spelling, kept in one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.oauth.errors import InvalidScope
from grantline.oauth.scope import parse_scope
from grantline.scopes.declared import DeclaredApi
from grantline.scopes.vocabulary import OPENID_SCOPES, SERVICES, Resource, Service

_VERBS: Final = MappingProxyType(
    {
        "ALL": ("Change", "See, add, edit and delete your {noun}"),
        "WRITE": ("Change", "Add, edit and delete your {noun}"),
        "DELETE": ("Change", "Delete your {noun}"),
        "UPDATE": ("Change", "Edit your {noun}"),
        "CREATE": ("Change", "Add new {noun}"),
        "READ": ("See", "See your {noun}"),
    }
)
_MOST_REMEMBERED: Final = 1000
_LONGEST_REMEMBERED: Final = 300
_NO_ALIASES: Final[Mapping[str, str]] = MappingProxyType({})
_SENSITIVITY: Final = MappingProxyType(
    {"ALL": 5, "WRITE": 4, "DELETE": 4, "UPDATE": 3, "CREATE": 2, "READ": 1}
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope: its spelling, and what it means to the person who is asked."""

    name: str
    service: str
    resource: str
    operation: str
    sentence: str
    group: str
    """`Change`, `See`, `Sign in` or `Keep`: how consent sorts it."""
    sensitivity: int
    """5 (everything) to 0 (sign-in alone); consent shows the highest first."""
    for_apps: bool
    shows_person: bool = False
    shown_since: int = 0
    """Since when an API that declared it may be told who the person is; 0: it is not declared, or may not."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a request's scope means here."""

    names: tuple[str, ...]
    """In the catalogue's spelling, in the order asked."""
    asked: tuple[str, ...]
    """The same scopes as they were spelled."""
    ignored: tuple[str, ...]
    """Words unknown here that OpenID Connect Core §3.1.2.1 lets us pass over."""


@dataclass(frozen=True, slots=True)
class Form:
    """What access tokens for an audience are like."""

    algorithm: str
    """ES256 or RS256 for a JWT (RFC 9068); empty for an opaque token."""
    seconds: int
    """Their life; 0: as the data center's."""
    origins_policy: str
    """Which web pages may use them: `registered` by their app, `none`, or `any`."""


_KNOWN: Final = frozenset(service.prefix.lower() for service in SERVICES)


def is_known_everywhere(name: str) -> bool:
    """Whether the scope means the same in every data center, since no API declared it."""
    return "." not in name or name.partition(".")[0].lower() in _KNOWN


def _openid_scopes() -> Iterable[Scope]:
    for entry in OPENID_SCOPES:
        group = "Keep" if entry.name == "offline_access" else "Sign in" if entry.name == "openid" else "See"
        yield Scope(
            entry.name, "OpenID", entry.name, "", entry.sentence, group, int(group == "See"), for_apps=False
        )


def _service_scopes(service: Service) -> Iterable[Scope]:
    for resource in service.resources:
        for operation in resource.operations:
            group, wording = _VERBS[operation]
            name = ".".join(part for part in (service.prefix, resource.path, operation) if part)
            sentence = wording.format(noun=resource.noun)
            if resource.detail and operation in ("READ", "ALL"):
                sentence = f"{sentence}: {resource.detail}"
            yield Scope(
                name,
                service.prefix,
                resource.path,
                operation,
                sentence,
                group,
                _SENSITIVITY[operation],
                resource.for_apps,
                resource.shows_person,
            )


def _declared_services(apis: Sequence[DeclaredApi]) -> Iterable[Service]:
    """A service for each prefix that is not known from the start; the API that has it first names it."""
    seen = set(_KNOWN)
    for api in apis:
        if api.prefix.lower() not in seen:
            seen.add(api.prefix.lower())
            yield Service(api.prefix, api.name, tuple(_resources(api)))


def _resources(api: DeclaredApi) -> Iterable[Resource]:
    """What the API's scopes are about; all of it, with every operation, where it declares none."""
    noun = f"data in {api.name}"
    operations: dict[str, list[str]] = {}
    for scope in api.scopes:
        path, _, operation = scope.name.partition(".")[2].rpartition(".")
        operations.setdefault(path, []).append(operation)
    if not operations:
        yield Resource("", api.name, noun)
    for path, found in operations.items():
        yield Resource(path, path or api.name, noun, operations=tuple(found))


def _declared_scopes(apis: Sequence[DeclaredApi]) -> Iterable[Scope]:
    for api in apis:
        for one in api.scopes:
            resource, _, operation = one.name.partition(".")[2].rpartition(".")
            yield Scope(
                one.name,
                api.prefix,
                resource,
                operation,
                one.sentence,
                _VERBS[operation][0],
                one.sensitivity,
                one.for_apps,
                one.shows_person,
                one.shown_since,
            )


class Catalog:
    """The scopes of one data center, those of the registered APIs among them; immutable."""

    def __init__(self, apis: Sequence[DeclaredApi]) -> None:
        self.services: tuple[Service, ...] = (*SERVICES, *_declared_services(apis))
        scopes = {scope.name: scope for scope in _openid_scopes()}
        for service in self.services:
            for scope in _service_scopes(service):
                scopes[scope.name.lower()] = scope
        for scope in _declared_scopes(apis):
            if scope.service.lower() not in _KNOWN:
                scopes[scope.name.lower()] = scope
        self.scopes: tuple[Scope, ...] = tuple(scopes.values())
        self._by_name = scopes
        self.meant_since: Mapping[str, int] = {
            one.name: one.meant_since
            for api in apis
            if api.prefix.lower() not in _KNOWN
            for one in api.scopes
        }
        """Since when declared scopes mean what they mean now: consent to one that is older is none."""
        self._read: dict[str, Resolved] = {}
        self._identifiers: dict[str, tuple[str, ...]] = {}
        self._apis = {api.identifier: api for api in apis}
        self._forms: dict[tuple[str, ...], Form] = {}
        for api in apis:
            prefix = api.prefix.lower()
            self._identifiers[prefix] = (*self._identifiers.get(prefix, ()), api.identifier)

    def find(self, name: str, aliases: Mapping[str, str] = _NO_ALIASES) -> Scope | None:
        """The scope of this name: API scopes in any case, OpenID scopes exactly. `aliases` maps other service
        prefixes to ours."""
        prefix, dot, rest = name.partition(".")
        if dot and prefix.lower() in aliases:
            name = f"{aliases[prefix.lower()]}.{rest}"
        scope = self._by_name.get(name)
        return scope if scope is not None else self._by_name.get(name.lower()) if "." in name else None

    def read(self, text: str, aliases: Mapping[str, str] = _NO_ALIASES) -> Resolved:
        """`resolve` for a scope parameter. What was good lately is remembered. Raises InvalidScope."""
        if aliases or len(text) > _LONGEST_REMEMBERED:
            return self.resolve(parse_scope(text), aliases)
        known = self._read.get(text)
        if known is None:
            known = self.resolve(parse_scope(text))
            if len(self._read) >= _MOST_REMEMBERED:
                self._read.clear()
            self._read[text] = known
        return known

    def resolve(self, asked: Sequence[str], aliases: Mapping[str, str] = _NO_ALIASES) -> Resolved:
        """What the names mean. With `openid` among them unknown plain words are passed over; else
        InvalidScope."""
        names: list[str] = []
        spelled: list[str] = []
        ignored: list[str] = []
        for name in asked:
            scope = self.find(name, aliases)
            if scope is None:
                if "openid" in asked and "." not in name:
                    ignored.append(name)
                    continue
                raise InvalidScope("scope_unknown", received=name, hint=f"There is no scope {name!r}.")
            if scope.name not in names:
                names.append(scope.name)
                spelled.append(name)
        if not names:
            raise InvalidScope("scope_missing")
        return Resolved(tuple(names), tuple(spelled), tuple(ignored))

    def get(self, names: Iterable[str]) -> list[Scope]:
        """The scopes of these catalogue names, most sensitive first; names no longer known are left out."""
        found = [scope for name in names if (scope := self.find(name)) is not None]
        return sorted(found, key=lambda scope: -scope.sensitivity)

    def audience(self, names: Iterable[str]) -> tuple[str, ...]:
        """The identifiers of the registered APIs whose scopes are among the names."""
        identifiers: list[str] = []
        for name in names:
            for identifier in self._identifiers.get(name.partition(".")[0].lower(), ()):
                if identifier not in identifiers:
                    identifiers.append(identifier)
        return tuple(identifiers)

    def form_for(self, audience: tuple[str, ...]) -> Form:
        """What access tokens for these are like: JWTs where one of the APIs takes them, and as short-lived as
        the API that wants them shortest."""
        form = self._forms.get(audience)
        if form is None:
            if len(self._forms) >= _MOST_REMEMBERED:
                self._forms.clear()
            form = self._forms[audience] = self._find_form(audience)
        return form

    def _find_form(self, audience: tuple[str, ...]) -> Form:
        found = [self._apis[one] for one in audience if one in self._apis]
        lives = [api.token_seconds for api in found if api.token_seconds]
        algorithms = {api.algorithm for api in found if api.algorithm}
        # Where the audience is ambiguous a JWT may not be made; an opaque token is good at each by itself.
        if len(algorithms) != 1 or len({api.prefix.lower() for api in found}) != len(found):
            algorithms = {""}
        policies = {api.origins_policy for api in found}
        policy = policies.pop() if len(policies) == 1 else "registered"
        return Form(algorithms.pop(), min(lives, default=0), policy)

    def is_ambiguous(self, names: Iterable[str]) -> bool:
        """Whether two APIs have the same scopes among the names, and one of them takes JWTs: then a token has
        to be for one that is named (RFC 9068 §3)."""
        for prefix in {name.partition(".")[0].lower() for name in names}:
            found = self._identifiers.get(prefix, ())
            if len(found) > 1 and any(self._apis[one].algorithm for one in found):
                return True
        return False

    def about_person(self, names: Iterable[str]) -> bool:
        """Whether one of the names is answered by the issuer itself, at userinfo."""
        return any("." not in name or name.startswith("AaaServer.") for name in names)

    def identifiers(self) -> frozenset[str]:
        """Every registered API's identifier: what `resource` may name (RFC 8707 §2)."""
        return frozenset(identifier for found in self._identifiers.values() for identifier in found)

    def meant_for(self, resources: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the names that mean something to one of these APIs, or to the issuer itself (RFC 9068
        §2.2.3)."""
        served = {name for resource in resources for name in self.served_by(resource, names)}
        return tuple(name for name in names if name in served or self.about_person((name,)))

    def served_by(self, identifier: str, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names that belong to this API."""
        return tuple(
            name for name in names if identifier in self._identifiers.get(name.partition(".")[0].lower(), ())
        )
