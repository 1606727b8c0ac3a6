"""What a check needs from outside, as values: the rules ask, and a driver with or without an event loop acts.

A check is a generator. It yields `Ask` when somebody must be asked over HTTP, and `Share` when several
callers that wait for the same may have it done once for all of them; it returns what it found.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
ANSWER_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """One HTTP request to the authorization server; its answer may be 64 KB long. `form` None: a GET."""

    url: str
    form: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer, or why there is none: then `status` is 0. `problem` is for logs."""

    status: int
    body: bytes = b""
    retry_after: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """Steps that are done once for everybody who waits for the same key.

    `sent_before` says whether an answer will do that was asked for before the caller came. If not, those who
    come while a question is on its way wait for one more, which they share.
    """

    key: object
    steps: Callable[[], "Steps[Any]"]
    sent_before: bool


Steps = Generator[Ask | Share, Any, T]
