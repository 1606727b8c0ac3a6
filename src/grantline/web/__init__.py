"""The edge: the only place that knows Starlette, Jinja2 and cookies.

`routes` lists every address for programs, `app` every page; `edge` is the one ASGI application in front of
both. `endpoints/` are for
programs, `pages/` for people, `console/` for developers; `errors` turns refusals into answers, `vendor_wire`
speaks the vendor's wire
to clients whose switch is on. The rules live below, in the packages that this one imports.
"""

from grantline.web.app import build_app
from grantline.web.listen import CannotListen, bind_for_workers, listener, run, serve_all
from grantline.web.logs import set_up_logs
from grantline.web.neighbours import Neighbours
from grantline.web.server import Server, open_server
from grantline.web.vendor_wire import scope_aliases

__all__ = [
    "CannotListen",
    "Neighbours",
    "Server",
    "bind_for_workers",
    "build_app",
    "listener",
    "open_server",
    "run",
    "scope_aliases",
    "serve_all",
    "set_up_logs",
]
