"""What belongs to the people of one data center never comes to another: over a day of everything that people
and apps do in two of them, no file of one and no message between them holds what is of the other (T112)."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from grantline.opaque import digest
from tests.centers import Centers, start_centers
from tests.crossing.residing import PEOPLE, SHARED_ADDRESS, Life, live

ADDRESS: Final = b"/oauth/data-centers/messages"
CLIENT: Final = frozenset(
    {
        "id", "type", "state", "version", "name", "homepage_url", "policy_url", "terms_url", "redirect_uris",
        "origins", "post_logout_redirect_uris", "app_scopes", "scopes", "data_centers", "implicit",
        "vendor_compatible", "secrets", "logo", "created_at", "updated_at", "handed_over_at",
    }
)  # fmt: skip
CAUSE: Final = frozenset(
    {"client_id", "code", "error", "endpoint", "proven", "first_at", "last_at", "last_id", "count"}
)
DEVICE: Final = frozenset(
    {
        "client_id", "device_code_hash", "user_code", "scope", "asked_scope", "resources", "refresh_token",
        "code_challenge", "created_at", "expires_at", "interval",
    }
)  # fmt: skip
MEMBERS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "hello": {"": frozenset({"clients", "after"})},
    "client": {"": frozenset({"client"}), "client": CLIENT},
    "causes": {"": frozenset({"causes"}), "causes": CAUSE},
    "device": {"": DEVICE},
}
"""Kinds of messages, and the members that each may have: what docs/data-centers.md says that crosses. A
person who moves is tried by themselves."""
ANSWERS: Final = frozenset({"differ", "has", "next", "unknown", "version", "state", "digest", "now"})


READY: Final = b'{"status":"ready"}'
"""What the test itself is answered while it waits for the start."""


@dataclass(frozen=True)
class Day:
    """What there was when the day was over."""

    lives: Mapping[str, Life]
    files: Mapping[str, Mapping[str, bytes]]
    """Every file of each."""
    sent: list[bytes]
    """What was said to any of them, a connection each."""
    answered: list[bytes]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Day:
    folder = tmp_path_factory.mktemp("residency")
    files: dict[str, dict[str, bytes]] = {}
    crossed: list[list[bytes]] = []
    with start_centers(folder, cuttable=True, mails=True) as centers:

        def look() -> None:
            files.update({code: files_in(folder / code) for code in PEOPLE})
            crossed.extend(relayed(centers))

        lives = asyncio.run(live(centers, password_hash, look))
    return Day(lives, files, crossed[0], crossed[1])


def relayed(centers: Centers) -> tuple[list[bytes], list[bytes]]:
    relays = (centers.relays or {}).values()
    return [one for relay in relays for one in relay.sent], [
        one for relay in relays for one in relay.answered
    ]


def files_in(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if name != "master.key"}


def needles(life: Life) -> Iterator[tuple[str, bytes]]:
    """What must be nowhere else, as it could be written."""
    for text in sorted(life.texts):
        yield "a person's", text.lower().encode()
    for number in sorted(life.numbers):
        yield "an account's number", str(number).encode()
    for secret in sorted(life.secrets):
        yield f"a secret {secret[:6]}", secret.lower().encode()
        yield f"the hash of {secret[:6]}", digest(secret)
        yield f"the hash of {secret[:6]}", digest(secret).hex().encode()


def shared_hashes(life: Life) -> set[bytes]:
    """Apps authenticate with the same secrets in both: their hashes are part of what crosses."""
    made = {secret for secret in life.secrets if secret.startswith("gls_")}
    return {form for secret in made for form in (digest(secret), digest(secret).hex().encode())}


def found_in(content: bytes, life: Life) -> list[str]:
    low, shared = content.lower(), shared_hashes(life)
    return [
        what
        for what, needle in needles(life)
        if needle not in shared and (needle in low or needle in content)
    ]


@pytest.mark.parametrize(("code", "other"), [("us", "eu"), ("eu", "us")])
def test_T112_no_file_of_a_data_center_holds_anything_of_another_ones_people(
    day: Day, code: str, other: str
) -> None:
    for name, content in day.files[other].items():
        assert found_in(content, day.lives[code]) == [], f"{name} of {other} holds what is of {code}"


@pytest.mark.parametrize("code", list(PEOPLE))
def test_at_home_the_same_search_finds_them(day: Day, code: str) -> None:
    life = day.lives[code]
    assert len(life.secrets) > 30, "the day gave many secrets away"
    whole = b"".join(day.files[code].values())
    found = found_in(whole, life)
    assert {"a person's", "an account's number"} <= set(found)
    assert any(one.startswith("the hash of") for one in found)
    assert not any(one.startswith("a secret gl") for one in found), "secrets are kept as hashes"
    assert SHARED_ADDRESS.encode() in whole
    assert [name for name in day.files[code] if name.endswith(".eml")], "mails were written"


@pytest.mark.parametrize("code", list(PEOPLE))
def test_T112_nothing_of_anybody_passes_between_data_centers(day: Day, code: str) -> None:
    for passed in (*day.sent, *day.answered):
        assert found_in(passed, day.lives[code]) == []
        assert SHARED_ADDRESS.encode() not in passed
        assert b"@" not in b"".join(bodies(passed)), "no address at all"


def test_nothing_but_messages_passes_between_data_centers(day: Day) -> None:
    for passed in day.sent:
        lines = re.findall(rb"(?m)^([A-Z]{3,7}) (\S+) HTTP/1\.1\r$", passed)
        asked = {line for line in lines if line[1] != b"/health/ready"}  # asked by who started it
        assert asked <= {(b"POST", ADDRESS)}


def test_messages_have_the_members_that_are_documented_and_no_others(day: Day) -> None:
    kinds = set()
    for passed in day.sent:
        for kind, body in messages(passed):
            kinds.add(kind)
            allowed = MEMBERS[kind]
            assert body.keys() <= allowed[""], (kind, body.keys())
            for member in allowed.keys() - {""}:
                values = body[member] if isinstance(body[member], list) else [body[member]]
                for value in values:
                    assert value.keys() <= allowed[member], (kind, value.keys() - allowed[member])
    assert kinds == MEMBERS.keys()


def test_answers_to_messages_have_the_members_that_are_documented(day: Day) -> None:
    for passed in day.answered:
        for body in bodies(passed):
            assert json.loads(body).keys() <= ANSWERS, body[:200]


def messages(passed: bytes) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Kind and body of each request."""
    for head, body in exchanges(passed):
        found = re.search(rb"(?i)\r\ngrantline-message: [\w-]+\.([\w-]+)\.", head)
        if found:
            claims = json.loads(base64.urlsafe_b64decode(found[1] + b"=="))
            yield claims["sub"], json.loads(body)


def bodies(passed: bytes) -> list[bytes]:
    found = [body for head, body in exchanges(passed) if b"application/json" in head.lower()]
    return [body for body in found if body != READY]


def exchanges(passed: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Head and body of each request or answer of a connection; one that was on its way at the end is left
    out."""
    at = 0
    while (end := passed.find(b"\r\n\r\n", at)) >= 0:
        head = passed[at:end]
        found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        at = end + 4 + (int(found[1]) if found else 0)
        if at <= len(passed):
            yield head, passed[end + 4 : at]
