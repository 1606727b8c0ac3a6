"""In which data centers an app can be used, as its definition says it: at its home and at each of its
others."""

from grantline.clients.client import Client


def works_in(client: Client, code: str) -> bool:
    """Whether people of this data center can use the app, as far as its own row knows. The copy of an app
    that serves a trial run stays where it was made."""
    home = (client.data_center,)
    return code in (home if client.trial_of or not client.type.crosses else (*home, *client.data_centers))
