"""The console's addresses."""

from starlette.routing import Route

ROUTES: tuple[Route, ...] = ()
