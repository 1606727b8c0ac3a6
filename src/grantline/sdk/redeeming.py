"""A code becomes tokens, once."""

from collections.abc import Mapping

from grantline.sdk.asking import PAUSES, Answer, App, ask
from grantline.sdk.clock import ServerClock
from grantline.sdk.effects import Flow, Sleep
from grantline.sdk.errors import GrantTokenUnusable, Unreachable
from grantline.sdk.metadata import Server
from grantline.sdk.record import Secret


def redeem(
    server: Server,
    app: App,
    clock: ServerClock,
    code: str,
    more: Mapping[str, str | Secret],
) -> Flow[Answer]:
    """Exchange the code (RFC 6749 §4.1.3).

    Without an answer it is asked once more: if nothing had arrived, that gives the tokens; if the answer was
    lost, the server says that the code was used, and takes back tokens that nobody has. Raises the errors of
    the tree."""
    form = {"grant_type": "authorization_code", "code": Secret(code), **more}
    try:
        return (yield from ask(server, app, clock, form))
    except Unreachable:
        yield Sleep(PAUSES[0])
        try:
            return (yield from ask(server, app, clock, form))
        except GrantTokenUnusable as used:
            raise GrantTokenUnusable(
                f"The answer of {server.issuer} was lost on the way, and a code works once.",
                code=used.code,
                issuer=server.issuer,
                request_id=used.request_id,
            ) from None
