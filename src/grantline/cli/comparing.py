"""What another data center says in public: whether it answers, whether its clock is right, and whether it
lists the same data centers."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2

from grantline.datacenters import Clock, DataCenter, DataCenters

ANSWER_SECONDS: Final = 5.0
LARGEST: Final = 512 * 1024
_MEMBERS: Final = {
    "locations": "another accounts address",
    "api_domains": "another API address",
    "consoles": "another console",
    "keys": "other keys",
    "names": "another name",
}


class NoAnswer(Exception):
    """It gives none, or none that it can have meant; the message says which."""


@dataclass(frozen=True, slots=True)
class PublicWord:
    """What a data center answered to everybody."""

    serverinfo: Mapping[str, Mapping[str, Any]]
    seconds_ahead: int
    """Of its clock before ours; behind: below zero."""


async def ask_serverinfo(
    center: DataCenter, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
) -> PublicWord:
    """Ask a data center for its list. Raises NoAnswer."""
    client = httpx2.AsyncClient(
        transport=transport, timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False
    )
    try:
        async with client, client.stream("GET", center.issuer + "/oauth/serverinfo") as answer:
            content = b""
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise NoAnswer("its list of data centers does not end")
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as problem:
        raise NoAnswer(f"no answer ({type(problem).__name__})") from None
    if answer.status_code != 200:
        raise NoAnswer(f"answered {answer.status_code}")
    return PublicWord(_read(content), _seconds_ahead(answer.headers.get("date", ""), clock()))


def _read(content: bytes) -> Mapping[str, Mapping[str, Any]]:
    try:
        members = httpx2.Response(200, content=content).json()
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or not all(isinstance(members.get(one), dict) for one in _MEMBERS):
        raise NoAnswer("its answer is not a list of data centers")
    return members


def _seconds_ahead(date: str, now: int) -> int:
    try:
        return int(parsedate_to_datetime(date).timestamp()) - now
    except (ValueError, OverflowError):
        return 0


def find_differences(ours: DataCenters, theirs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is different in their list, in words that follow the name of who says it."""
    here = ours.serverinfo()
    known = {center.code for center in ours.every}
    listed = set(theirs["locations"])
    found = [f"does not list {code}" for code in sorted(known - listed)]
    found += [f"lists {code[:20]!r}, which the registry here does not" for code in sorted(listed - known)]
    for member, words in _MEMBERS.items():
        values = here[member]
        assert isinstance(values, Mapping)
        differing = [code for code in sorted(known & listed) if theirs[member].get(code) != values[code]]
        found += [f"has {words} for {code}" for code in differing]
    return found
