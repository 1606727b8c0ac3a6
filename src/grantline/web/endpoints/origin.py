"""Calls out of a browser: an app that lives there may call from its registered origins alone (T57, R60)."""

from grantline.clients import Client
from grantline.oauth.errors import OriginRefused
from grantline.web.call import Call


def check_call_origin(call: Call, client: Client) -> None:
    """Refuse a Client-based app's call from an origin that it did not register, before anything is done.
    Raises OriginRefused."""
    if call.origin is not None and client.type.origins and call.origin not in client.origins:
        raise OriginRefused(
            "origin_not_registered", received=call.origin, expected=" ".join(client.origins)
        ).concerning(client.id)
