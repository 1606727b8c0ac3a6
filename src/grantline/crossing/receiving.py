"""Taking a message of another data center: who sent it is proven first, and what it asks is done in the same
transaction that notes that it was taken."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from grantline.crossing.arriving import cancel_arrival, take_person
from grantline.crossing.causes import take_causes
from grantline.crossing.definitions import take_definition
from grantline.crossing.devices import KIND as DEVICE
from grantline.crossing.devices import take_device
from grantline.crossing.inventory import answer_hello
from grantline.datacenters import Message, MessageRefused, note_heard, take_message, verify_message
from grantline.db import Transaction
from grantline.tokens import Mint

Handler = Callable[[Mint, Transaction, Message, int], Awaitable[Mapping[str, Any]]]
"""Does what a message asks, inside the transaction; gives the answer. Raises MessageRefused."""


HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "hello": answer_hello,
        "client": take_definition,
        DEVICE: take_device,
        "causes": take_causes,
        "person.move": take_person,
        "person.cancel": cancel_arrival,
    }
)
"""What is done with each kind of message."""


async def receive(mint: Mint, token: str, body: bytes, now: int) -> Mapping[str, Any]:
    """The answer to a message. Raises MessageRefused."""
    message = verify_message(token, body, mint.data_centers, now)
    handler = HANDLERS.get(message.kind)
    if handler is None:
        raise MessageRefused("a kind that is not known", message.sender.code)
    async with mint.db.transaction() as tx:
        await take_message(tx, message)
        answer = await handler(mint, tx, message, now)
        await note_heard(tx, message.sender.code, now)
    return answer
