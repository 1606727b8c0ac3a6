"""An error of the tree comes without the frames of the library that it went through. Tools of operators show
a traceback with the values that each frame held, and here these are tokens, codes and secrets. What there is
to know stands in the error's two lines; whatever else is raised is a bug, and keeps its frames.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from grantline.sdk.errors import GrantlineError

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=BaseException)


def bare(problem: E) -> E:
    """The error without frames, to be raised anew. What it came from keeps its words alone."""
    if problem.__cause__ is not None:
        problem.__cause__.__context__ = None
        problem.__cause__.with_traceback(None)
    problem.__context__ = None
    return problem.with_traceback(None)


def frameless(act: Callable[P, R]) -> Callable[P, R]:
    """The function, whose errors show neither its frames nor what it was given."""

    @wraps(act)
    def border(*given: P.args, **named: P.kwargs) -> R:
        try:
            return act(*given, **named)
        except (GrantlineError, ValueError) as problem:
            found = bare(problem)
        del given, named
        raise found

    return border


def aframeless(act: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """The same for tasks."""

    @wraps(act)
    async def border(*given: P.args, **named: P.kwargs) -> R:
        try:
            return await act(*given, **named)
        except (GrantlineError, ValueError) as problem:
            found = bare(problem)
        del given, named
        raise found

    return border
