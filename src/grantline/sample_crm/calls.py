"""What an endpoint is given, and what it gives back."""

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grantline.oauth import covers_all
from grantline.sample_crm.bulk.callbacks import Callbacks
from grantline.sample_crm.caller import Caller
from grantline.sample_crm.modules import Module
from grantline.sample_crm.people import Person
from grantline.sample_crm.refusals import invalid_data, scope_missing
from grantline.sample_crm.storage import Storage

_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Home:
    """What endpoints know of the API that they are part of: its own address (`identifier`), the folder of its
    files, and who calls back."""

    identifier: str
    storage: Storage
    callbacks: Callbacks


@dataclass(frozen=True, slots=True)
class Call:
    """An allowed call: the token was good, meant for this API and held every scope that the route names.

    `me` is the caller as the CRM knows them, `module` and `id` come from the path, `body` is None unless the
    route takes JSON or files. `then_needs`: the scopes that the call needs besides, once its body or its job
    tells the module. `now`, `since` (the header If-Modified-Since): epoch seconds.
    """

    caller: Caller
    me: Person
    query: Mapping[str, str]
    now: int
    home: Home
    module: Module | None = None
    id: str | None = None
    body: object = None
    then_needs: tuple[str, ...] = ()
    since: int | None = None

    @property
    def organization(self) -> str:
        """The organization that the token is bound to, and so the only one whose rows this call may touch."""
        return self.caller.organization

    @property
    def may_name_people(self) -> bool:
        """Whether the token lets its holder know names and e-mail addresses, in records too."""
        return covers_all(self.caller.scopes, ("CRM.users.READ",))

    def get_module(self) -> Module:
        """The module of a route whose path names one."""
        assert self.module is not None
        return self.module

    def check_then_needs(self, module: Module, changes: Sequence[str] = ()) -> None:
        """Refusal unless the token holds what the route needs for this module and these changes besides."""
        needed = [
            need.format(module=module.scope_name, change=change)
            for need in self.then_needs
            for change in (changes or ("",))
        ]
        needed = list(dict.fromkeys(needed))
        if not needed or not covers_all(self.caller.scopes, needed):
            raise scope_missing(needed)

    def count(self, name: str, default: int, most: int) -> int:
        """A query parameter that is a whole number from 1 to `most`; Refusal otherwise."""
        text = self.query.get(name) or str(default)
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
        if not 1 <= number <= most:
            raise invalid_data(f"{name} is a whole number from 1 to {most}.", param_name=name)
        return number


@dataclass(frozen=True, slots=True)
class Download:
    """A file as an answer, under a name."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON body, None for an answer without one, or a file; `starts_work`: a job waits."""

    status: int = 200
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    download: Download | None = None
    starts_work: bool = False


Handle = Callable[[sqlite3.Connection, Call], Answer]


def parse_id(text: object) -> int:
    """A record's or a person's id as a number; 0, which nobody has, for a text that is none."""
    found = re.fullmatch(r"[0-9]{1,19}", str(text)) if isinstance(text, str | int) else None
    number = int(found[0]) if found else 0
    return number if number <= _LARGEST_ID else 0
