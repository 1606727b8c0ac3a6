"""A device's wish that goes on in the data center where its person lives: what the device was told stays
true, so that it can go on polling there with the code that it has (B7).

What crosses is the app's id, the hash of the device code, the user code, scopes, resources, challenge, life
and interval: nothing of the person, and no network or name of the device.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from grantline.audit import record_event
from grantline.clients import Client, find_client, works_in
from grantline.crossing.sending import NotTaken
from grantline.datacenters import DataCenter, Message, MessageRefused
from grantline.db import Transaction
from grantline.oauth.names import GRANT_DEVICE_CODE
from grantline.tokens import (
    DeviceCode,
    Mint,
    TooManyDeviceCodes,
    give_back_device_code,
    hand_over_device_code,
    keep_device_code_for,
    read_user_code,
    take_over_device_code,
)

KIND: Final = "device"
LONGEST_LIFE_SECONDS: Final = 900
LONGEST_INTERVAL_SECONDS: Final = 300
_ASTRAY_SECONDS: Final = 60
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MEMBERS: Final[Mapping[str, type]] = {
    "client_id": str,
    "device_code_hash": str,
    "user_code": str,
    "scope": list,
    "asked_scope": list,
    "resources": list,
    "refresh_token": bool,
    "code_challenge": str,
    "created_at": int,
    "expires_at": int,
    "interval": int,
}


Send = Callable[[DataCenter, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Sends a message, as `Sender.send` does."""


class NotTheirs(Exception):
    """Somebody else claimed the code meanwhile, or it is decided, over, or on its way elsewhere."""


async def hand_over_device(
    mint: Mint,
    send: Send,
    center: DataCenter,
    code: DeviceCode,
    letters: str,
    *,
    browser_hash: bytes,
    network: str,
    now: int,
) -> None:
    """Let a device's wish go on in another data center, for a person in this browser; `network` is for the
    audit here. Raises NotTheirs; Unreachable, NotTaken: then the code is what it was before.

    Only when the second message gets no answer nobody knows whether it arrived. Then the code stays kept
    for that data center, and the same can be done again.
    """
    await send(center, "hello", {})  # while nothing is begun that would have to be undone
    async with mint.db.transaction() as tx:
        if not await keep_device_code_for(tx, code, center.code, browser_hash=browser_hash, now=now):
            raise NotTheirs
    try:
        await send(center, KIND, _wish(code, letters))
    except NotTaken:
        if not code.user_location:
            async with mint.db.transaction() as tx:
                await give_back_device_code(tx, code, center.code)
        raise
    async with mint.db.transaction() as tx:
        if await hand_over_device_code(tx, code, center.code, now):
            await record_handed_over(tx, code, center, network, now)


async def record_handed_over(
    tx: Transaction, code: DeviceCode, center: DataCenter, network: str, now: int
) -> None:
    """Tell the audit that a device's wish is another data center's by now."""
    detail = {"to": center.code}
    await record_event(
        tx, "device.handed_over", now=now, client_id=code.client_id, network=network, detail=detail
    )


def _wish(code: DeviceCode, letters: str) -> Mapping[str, object]:
    return {
        "client_id": code.client_id,
        "device_code_hash": code.device_code_hash.hex(),
        "user_code": letters,
        "scope": list(code.scope),
        "asked_scope": list(code.asked_scope),
        "resources": list(code.resources),
        "refresh_token": code.refresh_token,
        "code_challenge": code.code_challenge or "",
        "created_at": code.created_at,
        "expires_at": code.expires_at,
        "interval": code.interval_seconds,
    }


async def take_device(mint: Mint, tx: Transaction, message: Message, now: int) -> Mapping[str, Any]:
    """Take a wish that began at the sender, of an app that works there and here. Raises MessageRefused."""
    code, letters = _read(message, now)
    client = await find_client(tx, code.client_id)
    problem = _problem_of_client(client, mint, message.sender.code) or _problem_of_scope(code, mint)
    if problem:
        raise MessageRefused(problem, message.sender.code)
    try:
        taken = await take_over_device_code(tx, mint.keyring, code, letters, now)
    except TooManyDeviceCodes:
        raise MessageRefused("too many devices wait", message.sender.code) from None
    if not taken:
        raise MessageRefused("a code of another device", message.sender.code)
    detail = {"from": message.sender.code}
    await record_event(tx, "device.taken_over", now=now, client_id=code.client_id, detail=detail)
    return {}


def _problem_of_client(client: Client | None, mint: Mint, sender: str) -> str:
    """Whether both data centers serve this app: one of them is its home, or both are named by it."""
    if client is None or not client.enabled or GRANT_DEVICE_CODE not in client.type.grants:
        return "an app that does not work here"
    if not works_in(client, sender) or not works_in(client, mint.home.code):
        return "an app that does not work at the sender"
    return ""


def _problem_of_scope(code: DeviceCode, mint: Mint) -> str:
    for name in code.scope:
        scope = mint.catalog.find(name)
        if scope is None or scope.name != name:
            return "a scope that is not known here"
    if not {*code.resources} <= {*mint.catalog.identifiers()}:
        return "a resource that is not known here"
    return ""


def _read(message: Message, now: int) -> tuple[DeviceCode, str]:
    """The wish, if every member is there and can be meant. Raises MessageRefused."""
    body, refused = message.body, MessageRefused("a device that is not well-formed", message.sender.code)
    if body.keys() != _MEMBERS.keys() or any(type(body[name]) is not kind for name, kind in _MEMBERS.items()):
        raise refused
    scope, asked, resources = (_texts(body[name]) for name in ("scope", "asked_scope", "resources"))
    created_at, expires_at, challenge = body["created_at"], body["expires_at"], body["code_challenge"]
    letters = body["user_code"]
    fits = (
        scope is not None
        and asked is not None
        and resources is not None
        and 0 < len(scope) == len(asked)
        and _HASH.fullmatch(body["device_code_hash"])
        and read_user_code(letters) == letters
        and (not challenge or _CHALLENGE.fullmatch(challenge))
        and created_at <= now + _ASTRAY_SECONDS
        and now < expires_at <= created_at + LONGEST_LIFE_SECONDS
        and 0 < body["interval"] <= LONGEST_INTERVAL_SECONDS
    )
    if not fits:
        raise refused
    code = DeviceCode(
        device_code_hash=bytes.fromhex(body["device_code_hash"]),
        user_code_hash=b"",
        client_id=body["client_id"],
        scope=tuple(scope or ()),
        asked_scope=tuple(asked or ()),
        resources=tuple(resources or ()),
        refresh_token=body["refresh_token"],
        code_challenge=challenge or None,
        network="",
        user_agent="",
        created_at=min(created_at, now),
        expires_at=expires_at,
        interval_seconds=body["interval"],
        polled_at=None,
        claimed_account_id=None,
        claimed_browser_hash=None,
        status="pending",
        account_id=0,
        organization_id=0,
        auth_time=0,
        sid="",
        consumed_at=None,
        started_in=message.sender.code,
    )
    return code, letters


def _texts(values: Sequence[object]) -> Sequence[str] | None:
    """The values, if they are a few words without blanks."""
    words = [one for one in values if isinstance(one, str) and 0 < len(one) <= 300 and one.split() == [one]]
    return words if len(words) == len(values) <= 100 else None
