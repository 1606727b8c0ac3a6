"""What an API says about the token that it did not take: the Bearer challenge of an answer (RFC 6750 §3)."""

import re
from collections.abc import Mapping
from typing import Final

MOST_CHARACTERS: Final = 8192
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART: Final = re.compile(
    rf"""[\s,]*(?:
        (?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_TOKEN})(?=\s*(?:,|$)))
        | (?P<scheme>{_TOKEN})(?:\ +[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$)))?(?=[\s,]|$)
    )""",
    re.VERBOSE,
)


def bearer_challenge(header: str) -> Mapping[str, str] | None:
    """The attributes of the first Bearer challenge of WWW-Authenticate, which may hold several (RFC 9110
    §11.6.1); None where there is none that can be read."""
    if len(header) > MOST_CHARACTERS:
        return None
    found: dict[str, str] | None = None
    reading, place = False, 0
    while (part := _PART.match(header, place)) is not None:
        place = part.end()
        if part["scheme"] is not None:
            if found is not None:
                break
            reading = part["scheme"].lower() == "bearer"
            found = {} if reading else None
        elif reading and found is not None:
            value = part["plain"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
            found.setdefault(part["name"].lower(), value)
    return found
