"""Our cookies (threats, table b): random ids whose meaning stays in the database, named for the data center
(T75)."""

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from grantline.web.server import Server

SESSION_SECONDS: Final = 14 * 24 * 3600
BROWSER_SECONDS: Final = 24 * 3600
PREFERENCE_SECONDS: Final = 180 * 24 * 3600
KNOWN_SECONDS: Final = 180 * 24 * 3600
MOST_KNOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The cookies of a request. One that came twice counts as none and is to be expired."""

    session: str
    browser: str
    doubled: tuple[str, ...]
    language: str = ""
    """The language that was chosen on a page, as a code; a preference, which proves nothing."""


def _name(server: Server, name: str) -> str:
    return f"{'__Host-' if server.https else ''}gl_{server.code}_{name}"


def _values(server: Server, request: Request, name: str) -> list[str]:
    wanted = _name(server, name)
    values = []
    for line in request.headers.getlist("cookie"):
        for pair in line.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == wanted:
                values.append(value)
    return values


def read(server: Server, request: Request) -> Found:
    """The session and browser cookies."""
    found: dict[str, str] = {}
    doubled = []
    for name in ("session", "browser"):
        values = _values(server, request, name)
        if len(values) > 1:
            doubled.append(name)
        found[name] = values[0] if len(values) == 1 and len(values[0]) <= 100 else ""
    languages = _values(server, request, "language")
    language = languages[0] if len(languages) == 1 else ""
    return Found(found["session"], found["browser"], tuple(doubled), language)


def render(server: Server, name: str, value: str, seconds: int, *, same_site: str = "Lax") -> str:
    """A Set-Cookie value; no life at all expires the cookie."""
    secure = "; Secure" if server.https else ""
    return f"{_name(server, name)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}"


def read_workspace(server: Server, request: Request) -> int | None:
    """The workspace that was chosen last in this browser: a preference, which proves nothing."""
    values = _values(server, request, "workspace")
    return int(values[0]) if len(values) == 1 and re.fullmatch("[0-9]{1,16}", values[0]) else None


def read_data_center(server: Server, request: Request) -> str:
    """The code of the data center that was chosen last in this browser: a preference, which proves
    nothing."""
    values = _values(server, request, "data_center")
    return values[0] if len(values) == 1 and re.fullmatch("[a-z]{2,4}", values[0]) else ""


def new_browser() -> str:
    """A new browser id: 128 random bits."""
    return secrets.token_urlsafe(16)


def equal(one: bytes, other: bytes) -> bool:
    """Whether two values are equal, in constant time."""
    return hmac.compare_digest(one, other)


def _mark(server: Server, key: str) -> str:
    return hmac.digest(server.mint.keyring.browser_mac, key.encode(), "sha256")[:16].hex()


def is_known(server: Server, request: Request, key: str) -> bool:
    """Whether the address of this key signed in in this browser before."""
    values = _values(server, request, "known")
    mark = _mark(server, key)
    return len(values) == 1 and any(
        equal(mark.encode(), part.encode()) for part in values[0].split(".")[:MOST_KNOWN]
    )


def known_with(server: Server, request: Request, key: str) -> str:
    """The cookie of known addresses with this one first: MACs, no addresses."""
    values = _values(server, request, "known")
    mark = _mark(server, key)
    marks = [
        part
        for part in (values[0].split(".") if len(values) == 1 else [])
        if part != mark and len(part) == 32
    ]
    return ".".join([mark, *marks][:MOST_KNOWN])
