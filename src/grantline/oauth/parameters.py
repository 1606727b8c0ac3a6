"""Reads the parameters of a request, once and strictly, whatever they came in (RFC 6749 §3.1).

Every endpoint for programs reads its query and body here and nowhere else, so no two layers can read them
differently (T13, T37). Meaning is next door, in `requests`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar, overload
from urllib.parse import unquote_to_bytes

from grantline.oauth.errors import InvalidRequest

MAX_BYTES = 64 * 1024
MAX_FIELDS = 100
_MAX_LENGTH = 8192
_MAX_LENGTHS: Mapping[str, int] = {"state": 2048, "nonce": 512, "redirect_uri": 2000}
_SHORTEST_MAX = min(_MAX_LENGTHS.values())

# What people type, and what we let pass unread: any text without control characters.
_FREE_TEXT = frozenset(
    (
        "login_hint",
        "user_code",
        "username",
        "password",
        "display",
        "ui_locales",
        "claims_locales",
        "acr_values",
        "claims",
        "registration",
        "logout_hint",
    )
)
_ASCII = frozenset(
    (
        "access_token",
        "access_type",
        "assertion",
        "authorization_details",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "code",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "device_code",
        "dpop_jkt",
        "grant_type",
        "id_token_hint",
        "max_age",
        "nonce",
        "post_logout_redirect_uri",
        "prompt",
        "redirect_uri",
        "refresh_token",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "soid",
        "state",
        "token",
        "token_type",
        "token_type_hint",
    )
)
KNOWN = _ASCII | _FREE_TEXT

_PRINTABLE = bytes(range(0x20, 0x7F))
# A form made only of these means what it says: nothing is encoded and nothing is forbidden.
_PLAIN = bytes(byte for byte in _PRINTABLE if byte not in b" %+")
_PRINTABLE_TEXT = re.compile(r"[\x20-\x7e]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_T = TypeVar("_T")
_NO_NAMES: frozenset[str] = frozenset()
_DIGITS = re.compile(r"[0-9]{1,10}")


class Parameters(Mapping[str, str]):
    """The parameters of one request: names to values that are never empty. Unknown names are kept.

    `in_query` names those that came by the query; `repeated_equal` those that came several times with one
    value, which happens only to names that the caller allowed to.
    """

    __slots__ = ("_resources", "_values", "in_query", "repeated_equal")

    def __init__(
        self,
        values: dict[str, str],
        *,
        resources: tuple[str, ...] = (),
        in_query: frozenset[str] = _NO_NAMES,
        repeated_equal: frozenset[str] = _NO_NAMES,
    ) -> None:
        self._values = values
        self._resources = resources
        self.in_query = in_query
        self.repeated_equal = repeated_equal

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, default: _T, /) -> str | _T: ...
    def get(self, name: str, default: object = None, /) -> object:
        """Return the value, or the default: the mixin's own version costs twice as much on the hot path."""
        return self._values.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Names only: values are secrets as often as not, and a repr ends up in logs.
        return f"Parameters({', '.join(self._values)})"

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter; only `resource` can have several (RFC 8707 §2)."""
        if name == "resource" and self._resources:
            return self._resources
        value = self._values.get(name)
        return () if value is None else (value,)


def parse_form(
    body: bytes, *, in_query: bool = False, may_repeat_equal: frozenset[str] = _NO_NAMES
) -> Parameters:
    """Parse a query string or an urlencoded body of at most 64 KiB and 100 fields.

    An empty value counts as absent (RFC 6749 §3.1). A known parameter that comes twice, an invalid escape,
    text that is not UTF-8, a control character or an over-long value raises InvalidRequest; names in
    `may_repeat_equal` may come again with the same value, and `resource` with any.
    """
    if len(body) > MAX_BYTES:
        raise InvalidRequest("request_too_large")
    if len(body) <= _SHORTEST_MAX and not body.translate(None, _PLAIN):
        values = _plain_values(body.decode("ascii"))
        if values is not None:
            return Parameters(values, in_query=frozenset(values) if in_query else _NO_NAMES)
    return from_fields(_decoded_fields(body), in_query=in_query, may_repeat_equal=may_repeat_equal)


def from_fields(
    fields: Iterable[tuple[str, str]],
    *,
    in_query: bool = False,
    may_repeat_equal: frozenset[str] = _NO_NAMES,
) -> Parameters:
    """Build parameters from decoded name and value pairs, such as the parts of a multipart body.

    The rules and errors are those of `parse_form`. A repeated name that is not ours is ignored after its
    first value.
    """
    values: dict[str, str] = {}
    resources: list[str] = []
    repeated_equal: set[str] = set()
    size = 0
    for count, (name, value) in enumerate(fields, start=1):
        size += len(name) + len(value)
        if count > MAX_FIELDS or size > MAX_BYTES:
            raise InvalidRequest("request_too_large")
        _check_value(name, value)
        if name == "resource":
            resources += [value] if value else []
        if name not in values:
            values[name] = value
        elif name in may_repeat_equal and values[name] == value:
            repeated_equal.add(name)
        elif name in KNOWN and name != "resource":
            # Even where one of them is empty: which of the two another layer would read is not ours to guess.
            raise InvalidRequest("parameter_repeated", members={"parameter": name})
    if resources:
        values["resource"] = resources[0]
    present = {name: value for name, value in values.items() if value}
    return Parameters(
        present,
        resources=tuple(resources),
        in_query=frozenset(present) if in_query else _NO_NAMES,
        repeated_equal=frozenset(repeated_equal),
    )


def merge(query: Parameters, body: Parameters) -> Parameters:
    """Join the parameters of query and body; a known name in both is InvalidRequest("parameter_repeated")."""
    for name in query:
        if name in body and name in KNOWN and name != "resource":
            raise InvalidRequest("parameter_repeated", members={"parameter": name})
    return Parameters(
        {**query, **body},
        resources=query.all("resource") + body.all("resource"),
        in_query=query.in_query | body.in_query,
        repeated_equal=query.repeated_equal | body.repeated_equal,
    )


def parse_digits(text: str) -> int | None:
    """Return the number written in one to ten ASCII digits, or None for anything else (T37)."""
    return int(text) if _DIGITS.fullmatch(text) else None


def _plain_values(text: str) -> dict[str, str] | None:
    # The hot path: no field can be too long here. None means that something takes a closer look.
    values: dict[str, str] = {}
    if text:
        for pair in text.split("&"):
            name, _, value = pair.partition("=")
            if not value or name in values or name == "resource":
                return None
            values[name] = value
    return values if len(values) <= MAX_FIELDS else None


def _decoded_fields(body: bytes) -> Iterator[tuple[str, str]]:
    try:
        for pair in body.decode("utf-8").split("&"):
            if pair:
                name, _, value = pair.partition("=")
                yield _decode(name), _decode(value)
    except UnicodeDecodeError:
        # The cause would quote the bytes, which may be a secret's.
        raise InvalidRequest("parameter_malformed") from None


def _decode(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise InvalidRequest("parameter_malformed")
    return unquote_to_bytes(text).decode("utf-8")


def _check_value(name: str, value: str) -> None:
    if name in _ASCII:
        if not _PRINTABLE_TEXT.fullmatch(value):
            if name == "state":
                raise InvalidRequest("state_malformed")
            raise InvalidRequest("parameter_malformed", members={"parameter": name})
        if len(value) > _MAX_LENGTHS.get(name, _MAX_LENGTH):
            raise InvalidRequest("parameter_too_long", members={"parameter": name})
        return
    if _CONTROL.search(name) or _CONTROL.search(value) or not _is_unicode(name) or not _is_unicode(value):
        raise InvalidRequest("parameter_malformed")
    if len(value) > _MAX_LENGTH:
        raise InvalidRequest("parameter_too_long")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
