"""What the core asks of the world. The flows are generators that yield these and get the answers; a driver,
one for threads and one for tasks, does what they ask. So there is one copy of every rule."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from grantline.sdk.record import Record, Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """An HTTP request; the answer is a Reply. A redirect is not followed. Raises Unreachable."""

    method: str
    url: str
    form: Mapping[str, str | Secret] | None = None
    headers: Mapping[str, str | Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Get:
    """The record under a key of the store, or None."""

    key: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write the record over the version that was read (0: there was none); the answer is whether that was
    still so. What is written has the next version."""

    key: str
    record: Record
    expect_version: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the record."""

    key: str


@dataclass(frozen=True, slots=True)
class TryLock:
    """Take the store's lock of a key, if nobody has it; the answer is whether. It ends with its owner's
    process, or after `seconds`."""

    key: str
    owner: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Unlock:
    """Give the lock back, if it is still this owner's."""

    key: str
    owner: str


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait."""

    seconds: float


Effect = Send | Get | Put | Delete | TryLock | Unlock | Sleep
Flow = Generator[Effect, Any, T]
"""A flow that ends with a T."""
