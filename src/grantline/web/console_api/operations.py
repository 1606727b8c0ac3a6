"""What an operation of the console's API is, and how a call is read for it."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from grantline.web.call import Call
from grantline.web.console_api.caller import Caller
from grantline.web.console_api.problems import Problem, refused_fields, refused_values
from grantline.workspaces import VIEW, Right

_NAME_IN_PATH: Final = re.compile(r"\{([a-z_]+)\}")
_JSON: Final = ("application/json", "application/merge-patch+json")
_MOST_FIELDS: Final = 50


class Body(BaseModel):
    """What a call may bring: these fields and no others, each of its own type (T4)."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """What may stand behind the question mark."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="forbid")


def _plain(text: str) -> str:
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise ValueError("Use no control characters")
    return text


def _digits(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
        return int(value)
    raise ValueError("This is a whole number in digits")


Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_plain)]
Number = Annotated[int, BeforeValidator(_digits)]
"""A number in a query."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers: an object, or a text of another kind."""

    shown: BaseModel | None = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the API's table.

    `act` is called with the caller, then by name with what the line says there is: the parts of the path
    (`client` in the place of its ID), `query` and `body`.
    """

    method: str
    path: str
    act: Callable[..., Awaitable[Reply]]
    scope: str
    summary: str
    shown: type[BaseModel] | None
    right: Right = VIEW
    status: int = 200
    body: type[Body] | None = None
    query: type[Query] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Request headers that it reads: the name, and what each is for. Needed where 428 is among `also`."""
    text: str = ""
    """The kind of text that is taken or answered in the place of JSON."""
    also: tuple[int, ...] = ()
    """Refusals beside those that every operation has."""

    @property
    def name(self) -> str:
        """The operation's name: noun and verb."""
        return f"{self.act.__module__.rpartition('.')[2]}.{self.act.__name__}"

    @property
    def path_names(self) -> list[str]:
        """The names of the path's variable parts."""
        return _NAME_IN_PATH.findall(self.path)

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    async def answer(self, caller: Caller, call: Call, parts: Mapping[str, str]) -> Reply:
        """Check the rights, read what came, act. Raises Problem."""
        caller.check(self.scope, self.right)
        given: dict[str, Any] = dict(parts)
        if "client_id" in given:
            given["client"] = await caller.client(given.pop("client_id"))
        given |= self._read(call)
        return await self.act(caller, **given)

    def _read(self, call: Call) -> dict[str, Any]:
        given: dict[str, Any] = {}
        query = read_query(call.query)
        if self.query is not None:
            given["query"] = _fit(self.query, query)
        elif query:
            raise refused_fields([(name, "There is no such field here.", "") for name in query])
        if self.body is not None:
            given["body"] = _fit(self.body, read_json(call))
        elif self.text and self.writes:
            given["text"] = read_text(call)
        elif call.body:
            raise refused_fields([("body", "This call has no body.", "")])
        return given


def _fit(schema: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    try:
        return schema.model_validate(dict(values))
    except ValidationError as refused:
        raise refused_values(refused) from None


def read_query(query: bytes) -> Mapping[str, str]:
    """The query's fields, each there once. Raises Problem."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(query),
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise refused_fields([("query", "This is no query in UTF-8.", "")]) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise refused_fields([("query", "A field stands there twice.", "")])
    return fields


def content_type(call: Call) -> str:
    """The kind of the body, in small letters."""
    return call.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_text(call: Call) -> str:
    """The body as text in UTF-8. Raises Problem."""
    try:
        return call.body.decode("utf-8")
    except ValueError:
        raise Problem("json_malformed", 400) from None


def read_json(call: Call) -> Mapping[str, Any]:
    """The body's one JSON object, no name twice in it. Raises Problem."""
    if content_type(call) not in _JSON:
        raise Problem("content_type_wrong", 415, detail="Send the body as application/json.")
    try:
        value = json.loads(read_text(call), object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Problem("json_malformed", 400) from None
    if not isinstance(value, dict):
        raise Problem("json_malformed", 400)
    return value


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands there twice")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def address_pattern(path: str) -> re.Pattern[str]:
    """What fits the path: a variable part is an ID of ours, whatever it names."""
    return re.compile(_NAME_IN_PATH.sub(r"(?P<\1>[A-Za-z0-9_-]{1,100})", path))
