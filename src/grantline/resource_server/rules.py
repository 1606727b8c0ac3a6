"""What a route's code says about who may come in: a mark on the function, which adapters read."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from grantline.resource_server.resource import check_scopes

F = TypeVar("F", bound=Callable[..., Any])
_MARK: Final = "__grantline_scopes__"


def mark(function: F, needed: tuple[str, ...]) -> F:
    """Note on a function which scopes open it; empty: it is public."""
    setattr(function, _MARK, needed)
    return function


def scopes_of(function: object) -> tuple[str, ...] | None:
    """The scopes that open this function; empty if it is public, None if it says nothing and so is closed."""
    found: tuple[str, ...] | None = getattr(function, _MARK, None)
    return found


def require_by_mark(*needed: str) -> Callable[[F], F]:
    """A decorator for a function that needs all of these scopes."""
    names = check_scopes(needed)

    def decorate(function: F) -> F:
        return mark(function, names)

    return decorate


def public(function: F) -> F:
    """A decorator for a function that anybody may call, without a token."""
    return mark(function, ())


def view_for(view: Any, method: str) -> Any:
    """The view; of a class of views the method that answers, where that one says its own. HEAD is GET."""
    kind = getattr(view, "view_class", None)
    handler = getattr(kind, method.lower(), None) or (
        getattr(kind, "get", None) if method == "HEAD" else None
    )
    return handler if scopes_of(handler) is not None else view
