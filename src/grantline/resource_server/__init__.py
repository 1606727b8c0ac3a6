"""The resource-server kit: an API in Python takes Grantline's access tokens, and gets everything right.

`ProtectedResource` is the API with its rules; `Introspection` and `Offline` are the two ways to judge a
token. `asgi` and `wsgi` put it around any application; `fastapi`, `starlette`, `django` and `flask` say
`require("…")` at a route. They are imported by their own names, since each needs the framework that it is
for.

The rules are in modules without I/O: `resource` decides, `introspection` and `offline` judge tokens, and what
they need from outside they yield (`steps`); `asking` carries it out, with an event loop or in threads. Of the
rest, `oauth` is all that the kit knows.
"""

from grantline.resource_server.asgi import AsgiProtection, check, token_of
from grantline.resource_server.asking import Wire
from grantline.resource_server.introspection import Introspection
from grantline.resource_server.offline import Offline
from grantline.resource_server.refusals import Refusal
from grantline.resource_server.resource import ProtectedResource
from grantline.resource_server.token import Token
from grantline.resource_server.wsgi import WsgiProtection

__all__ = [
    "AsgiProtection",
    "Introspection",
    "Offline",
    "ProtectedResource",
    "Refusal",
    "Token",
    "Wire",
    "WsgiProtection",
    "check",
    "token_of",
]
