"""For tests of apps: an authorization server in the test's own process, with people who decide as the test
says, a clock that it moves, and faults that it switches on.

    with grantline.testing.authorization_server() as server:
        app = server.register("server-based")
        web = Grantline.web_app(**server.setup(app))

`server.py` is what tests hold. It is Grantline itself on a file of its own: what works here works there. It
needs the extra `server`.
"""

from grantline.testing.clock import Clock
from grantline.testing.faults import Fault, Faults
from grantline.testing.line import Asked
from grantline.testing.people import NotDecided, Person, RegisteredApp
from grantline.testing.server import AuthorizationServer, authorization_server

__all__ = [
    "Asked",
    "AuthorizationServer",
    "Clock",
    "Fault",
    "Faults",
    "NotDecided",
    "Person",
    "RegisteredApp",
    "authorization_server",
]
