"""What a store asks of its server, step by step: written once, walked by threads and by tasks.

Steps are a generator: it yields what is to be done, in words that the store and its walker share, and gets
the answer.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, TypeVar

from grantline.sdk.errors import StoreRefused

T = TypeVar("T")
Steps = Generator[Any, Any, T]
QUOTED: Final = "In a password the signs / ? # [ ] @ : % are written as %2F and so on (urllib.parse.quote)."


def walk(steps: Steps[T], perform: Callable[[Any], Any]) -> T:
    """The end of the steps, in this thread."""
    try:
        step = next(steps)
        while True:
            step = steps.send(perform(step))
    except StopIteration as end:
        result: T = end.value
        return result


async def awalk(steps: Steps[T], perform: Callable[[Any], Awaitable[Any]]) -> T:
    """The end of the steps, in this task."""
    try:
        step = next(steps)
        while True:
            step = steps.send(await perform(step))
    except StopIteration as end:
        result: T = end.value
        return result


def not_installed(package: str, extra: str) -> StoreRefused:
    """What is said when a store's package is not there."""
    return StoreRefused(f"{package} is not installed.", fix=f"Install it: pip install 'grantline[{extra}]'")


def first_line(problem: BaseException) -> str:
    """What a server or driver says of a connection that fails, short."""
    return (str(problem).strip().splitlines() or [""])[0][:200].rstrip(".")
