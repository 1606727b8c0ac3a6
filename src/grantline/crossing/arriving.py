"""The receiving end of a move: a new account for a person whom another data center sends, and no more.

A listed data center is trusted to send people; what it sends is checked all the same, an account that is here
is never touched, and how many may come in an hour is limited.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grantline.accounts import EmailTaken, EmailUnusable, insert_account, is_password_hash
from grantline.audit import record_event
from grantline.datacenters import Message, MessageRefused
from grantline.db import Transaction
from grantline.scopes import is_known_everywhere
from grantline.tokens import Mint

ADDRESS_TAKEN: Final = "an account with this address is here"
CANCELLED: Final = "the move was cancelled"
TOO_MANY: Final = "too many people in an hour"
MALFORMED: Final = "not what a move consists of"
MOST_IN_AN_HOUR: Final = 100
"""People of one data center, multiplied by the factor of the limits."""
MOST_CONSENTS: Final = 1000
_MOVE_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_]{1,80}")
_HOST: Final = re.compile(r"[\x21-\x7e]{1,253}")
_NAME_LENGTH: Final = 60


async def take_person(mint: Mint, tx: Transaction, message: Message, now: int) -> Mapping[str, Any]:
    """The number of the new account and the apps whose consents came along; for a move that arrived before,
    the same answer again. Raises MessageRefused."""
    sender, body = message.sender.code, message.body
    move_id = _text(message, "move_id", _MOVE_ID)
    if (known := await _find_arrival(mint, tx, message, move_id)) is not None:
        if not known:
            raise MessageRefused(CANCELLED, sender)
        return await _answer(tx, known)
    await _check_room(mint, tx, message, now, MOST_IN_AN_HOUR)
    verified, consents = body.get("verified"), body.get("consents")
    names = [_name(message, member) for member in ("given_name", "family_name")]
    if not isinstance(verified, bool) or not isinstance(consents, list) or len(consents) > MOST_CONSENTS:
        raise MessageRefused(MALFORMED, sender)
    try:
        account_id, organization_id = await insert_account(
            tx,
            email=str(body.get("email", "")),
            verified=verified,
            password_hash=_password_hash(message),
            given_name=names[0],
            family_name=names[1],
            now=now,
        )
    except EmailTaken:  # whoever has it here is somebody else: identity is issuer and number (T111)
        raise MessageRefused(ADDRESS_TAKEN, sender) from None
    except EmailUnusable:
        raise MessageRefused(MALFORMED, sender) from None
    taken = [
        client_id
        for consent in consents
        if (client_id := await _take_consent(tx, message, consent, account_id, organization_id, now))
    ]
    await _note_arrival(tx, message, move_id, account_id, now)
    await record_event(
        tx,
        "account.arrived",
        now=now,
        account_id=account_id,
        organization_id=organization_id,
        detail={"from": sender, "move": move_id, "clients": taken},
    )
    return await _answer(tx, account_id)


async def _answer(tx: Transaction, account_id: int) -> Mapping[str, Any]:
    rows = await tx.all("SELECT client_id FROM consents WHERE account_id = $1 ORDER BY client_id", account_id)
    return {"account": str(account_id), "consents": [row[0] for row in rows]}


async def cancel_arrival(mint: Mint, tx: Transaction, message: Message, now: int) -> Mapping[str, Any]:
    """Whether the person of this move arrived; if not, nobody will arrive by it any more. Raises
    MessageRefused."""
    move_id = _text(message, "move_id", _MOVE_ID)
    known = await _find_arrival(mint, tx, message, move_id)
    if known is not None:
        return {"arrived": bool(known)}
    await _check_room(mint, tx, message, now, 10 * MOST_IN_AN_HOUR)
    await _note_arrival(tx, message, move_id, 0, now)
    return {"arrived": False}


async def _find_arrival(mint: Mint, tx: Transaction, message: Message, move_id: str) -> int | None:
    """The account that this move made; 0 if the move was cancelled, None if it is not known."""
    row = await tx.one("SELECT sender, account_id FROM arrivals WHERE move_id = $1", move_id)
    if row is None:
        return None
    if mint.data_centers.find(row[0]) != message.sender:  # what another data center moved is not told
        raise MessageRefused(MALFORMED, message.sender.code)
    return int(row[1])


async def _note_arrival(tx: Transaction, message: Message, move_id: str, account_id: int, now: int) -> None:
    noted = await tx.run(
        "INSERT INTO arrivals (move_id, sender, account_id, arrived_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (move_id) DO NOTHING",
        move_id,
        message.sender.code,
        account_id,
        now,
    )
    if not noted:  # the same move at the same moment: whoever asks again finds it
        raise MessageRefused(CANCELLED if account_id else MALFORMED, message.sender.code)


async def _check_room(mint: Mint, tx: Transaction, message: Message, now: int, most: int) -> None:
    """A data center that went bad can't fill this one in a night."""
    if not mint.limiter.factor:
        return
    row = await tx.one(
        "SELECT COUNT(*) FROM arrivals WHERE sender = $1 AND arrived_at > $2",
        message.sender.code,
        now - 3600,
    )
    if row is not None and row[0] >= max(1, int(most * mint.limiter.factor)):
        raise MessageRefused(TOO_MANY, message.sender.code)


async def _take_consent(
    tx: Transaction, message: Message, consent: Any, account_id: int, organization_id: int, now: int
) -> str:
    """The app, if it works here and the consent is now the new account's; empty if the app is not here."""
    members = consent if isinstance(consent, dict) else {}
    client_id = members.get("client_id")
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise MessageRefused(MALFORMED, message.sender.code)
    offline, hosts = members.get("offline"), _list(message, members, "redirect_hosts")
    scope, resources = _list(message, members, "scope"), _list(message, members, "resources")
    if not isinstance(offline, bool):
        raise MessageRefused(MALFORMED, message.sender.code)
    # An API of the same prefix here is somebody else's: nobody allowed anything to that one.
    scope = [name for name in scope if is_known_everywhere(name)]
    taken = await tx.run(
        "INSERT INTO consents (account_id, client_id, organization_id, scope, offline, redirect_hosts,"
        " resources, created_at, updated_at) SELECT $1, id, $3, $4, $5, $6, $7, $8, $8 FROM clients"
        " WHERE id = $2 AND deleted_at IS NULL AND disabled_at IS NULL AND type NOT IN ('self-client', 'api')"
        " ON CONFLICT (account_id, client_id, organization_id) DO NOTHING",
        account_id,
        client_id,
        organization_id,
        " ".join(scope),
        int(offline),
        json.dumps(hosts),
        " ".join(resources),
        now,
    )
    return client_id if taken else ""


def _list(message: Message, members: Mapping[str, Any], name: str) -> Sequence[str]:
    value = members.get(name)
    if (
        not isinstance(value, list)
        or len(value) > 200
        or any(not isinstance(one, str) or not _HOST.fullmatch(one) for one in value)
    ):
        raise MessageRefused(MALFORMED, message.sender.code)
    return value


def _text(message: Message, name: str, form: re.Pattern[str]) -> str:
    value = message.body.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise MessageRefused(MALFORMED, message.sender.code)
    return value


def _name(message: Message, member: str) -> str:
    value = message.body.get(member)
    if not isinstance(value, str) or len(value) > _NAME_LENGTH or not value.isprintable():
        raise MessageRefused(MALFORMED, message.sender.code)
    return value


def _password_hash(message: Message) -> str:
    value = message.body.get("password_hash")
    if not isinstance(value, str) or not is_password_hash(value):
        raise MessageRefused(MALFORMED, message.sender.code)
    return value
