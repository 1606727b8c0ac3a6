"""What a scope is made of and when one covers another (RFC 6749 §3.3, R9, R10).

An API scope is `Service.resource.OPERATION`, in which the resource may have several segments. Names without a
dot (`openid`, `email`) belong to OpenID Connect. The catalogue of names is elsewhere: this is the grammar.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from grantline.oauth.errors import InvalidScope

MAX_LENGTH = 4096
MAX_NAMES = 100

OPERATIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ALL": frozenset({"ALL", "READ", "WRITE", "CREATE", "UPDATE", "DELETE"}),
        "WRITE": frozenset({"WRITE", "CREATE", "UPDATE", "DELETE"}),
        "READ": frozenset({"READ"}),
        "CREATE": frozenset({"CREATE"}),
        "UPDATE": frozenset({"UPDATE"}),
        "DELETE": frozenset({"DELETE"}),
    }
)
"""What each operation covers."""

_SEPARATORS = re.compile(r"[, \t\r\n]+")
_ALLOWED = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e, \t\r\n]*")
_ANY_SEGMENT = "ALL"


def parse_scope(text: str) -> tuple[str, ...]:
    """Split a scope at commas and blanks into its names, in order and without duplicates (R10).

    At most 4,096 characters and 100 names, of the characters of RFC 6749 §3.3; else InvalidScope.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidScope("scope_too_long")
    if not _ALLOWED.fullmatch(text):
        raise InvalidScope("scope_malformed")
    names = [name for name in _SEPARATORS.split(text) if name]
    if not names:
        raise InvalidScope("scope_missing")
    if len(names) > MAX_NAMES:
        raise InvalidScope("scope_too_long")
    return tuple(dict.fromkeys(names))


def render_scope(names: Iterable[str]) -> str:
    """Join names with spaces, as answers carry them (RFC 6749 §3.3)."""
    return " ".join(names)


def covers(granted: str, needed: str) -> bool:
    """Tell whether one granted scope is enough for one needed scope.

    Segments are compared whole and without regard to ASCII case (T100). The granted resource must be the
    needed one or lie above it; a granted segment ALL stands for any one segment, except as the service.
    OpenID names, and names that end in no known operation, cover only themselves.
    """
    if "." not in granted or "." not in needed:
        return granted == needed
    *granted_path, granted_operation = _fold(granted).split(".")
    *needed_path, needed_operation = _fold(needed).split(".")
    covered = OPERATIONS.get(granted_operation)
    if covered is None:
        return _fold(granted) == _fold(needed)
    if needed_operation not in covered or len(granted_path) > len(needed_path):
        return False
    if "" in granted_path or granted_path[0] != needed_path[0]:
        return False
    pairs = zip(granted_path, needed_path, strict=False)
    return all(mine in (theirs, _ANY_SEGMENT) for mine, theirs in pairs)


def covers_all(granted: Iterable[str], needed: Iterable[str]) -> bool:
    """Tell whether every needed scope is covered by some granted one."""
    held = tuple(granted)
    return all(any(covers(one, name) for one in held) for name in needed)


def _fold(name: str) -> str:
    # Only ASCII folds: str.upper would turn other letters into ASCII ones (the long s into S).
    return name.upper() if name.isascii() else name
