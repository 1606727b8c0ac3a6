"""Clients seen lately, which the statement that serves a request confirms.

Reading a client takes a round trip and the making of twenty values, and it hardly ever changes. So its record
is kept, and who relies on it lets the database confirm it in the statement that does the work: the same
version, owner and secrets to the letter, neither disabled nor deleted. A record that is not confirmed at that
moment is worth nothing: the client is read anew then, and that alone decides what goes wrong and why.
"""

from typing import Final

from grantline.clients.client import Client

MOST_REMEMBERED: Final = 4096


def confirms(first: int) -> str:
    """The condition that confirms a client in a statement whose $first parameter begins `confirmation`."""
    return (
        f"EXISTS (SELECT 1 FROM clients k WHERE k.id = ${first} AND k.version = ${first + 1}"
        f" AND k.secrets = ${first + 2} AND k.owner_account_id = ${first + 3}"
        " AND k.disabled_at IS NULL AND k.deleted_at IS NULL)"
    )


def confirmation(client: Client) -> tuple[str, int, str, int]:
    """What `confirms` compares."""
    return client.id, client.version, client.secrets_text, client.owner_account_id


class ClientMemory:
    """The clients that proved themselves lately, as they were then."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def keep(self, client: Client) -> None:
        """Remember the client as it is now; beyond MOST_REMEMBERED the one kept longest goes."""
        self._clients.pop(client.id, None)
        self._clients[client.id] = client
        if len(self._clients) > MOST_REMEMBERED:
            del self._clients[next(iter(self._clients))]

    def find(self, client_id: str) -> Client | None:
        """The client as it was."""
        return self._clients.get(client_id)
