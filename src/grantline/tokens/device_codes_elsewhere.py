"""Device codes whose person lives in another data center than the one where the device asked.

Where the device asked, its row is first kept for the other data center, so that nobody decides it here any
more, and is done with once that one has it (or once the device is to start again there). In the other data
center it is a row like any other, which knows where it comes from and not from which network.
"""

from typing import Final

from grantline.db import Transaction
from grantline.keys import Keyring
from grantline.tokens.device_codes import DeviceCode, hash_user_code, make_room

_INSERT: Final = (
    "INSERT INTO device_codes (device_code_hash, user_code_hash, client_id, scope, asked_scope, resources,"
    " refresh_token, code_challenge, network, user_agent, created_at, expires_at, interval_seconds, status,"
    " started_in) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', $9, $10, $11, 'pending', $12)"
    " ON CONFLICT DO NOTHING"
)


async def keep_device_code_for(
    tx: Transaction, code: DeviceCode, center: str, *, browser_hash: bytes, now: int
) -> bool:
    """Keep an undecided code for another data center; False when somebody else claimed it, it is decided, or
    it is kept for a third one (T62)."""
    changed = await tx.run(
        "UPDATE device_codes SET user_location = $2 WHERE device_code_hash = $1 AND status = 'pending'"
        " AND expires_at > $4 AND user_location IN ('', $2)"
        " AND (claimed_browser_hash IS NULL OR claimed_browser_hash = $3)",
        code.device_code_hash,
        center,
        browser_hash,
        now,
    )
    return changed == 1


async def give_back_device_code(tx: Transaction, code: DeviceCode, center: str) -> None:
    """The other data center does not want it: it can be decided here again."""
    await tx.run(
        "UPDATE device_codes SET user_location = '' WHERE device_code_hash = $1 AND status = 'pending'"
        " AND user_location = $2",
        code.device_code_hash,
        center,
    )


async def hand_over_device_code(tx: Transaction, code: DeviceCode, center: str, now: int) -> bool:
    """The code is the other data center's now: here its polls are told where to go on."""
    changed = await tx.run(
        "UPDATE device_codes SET status = 'elsewhere', decided_at = $3 WHERE device_code_hash = $1"
        " AND status = 'pending' AND user_location = $2",
        code.device_code_hash,
        center,
        now,
    )
    return changed == 1


async def take_over_device_code(
    tx: Transaction, keyring: Keyring, code: DeviceCode, letters: str, now: int
) -> bool:
    """Take a code that asked elsewhere, once; True too when it was taken by an earlier message that said the
    same. False: one of its codes is another device's. Raises TooManyDeviceCodes."""
    await make_room(tx, code.client_id, now)
    known = await tx.one(
        "SELECT client_id, user_code_hash, started_in FROM device_codes WHERE device_code_hash = $1",
        code.device_code_hash,
    )
    if known is not None:
        same = (code.client_id, hash_user_code(keyring, letters), code.started_in)
        return (known[0], known[1], known[2]) == same
    inserted = await tx.run(
        _INSERT,
        code.device_code_hash,
        hash_user_code(keyring, letters),
        code.client_id,
        " ".join(code.scope),
        " ".join(code.asked_scope),
        " ".join(code.resources),
        int(code.refresh_token),
        code.code_challenge,
        code.created_at,
        code.expires_at,
        code.interval_seconds,
        code.started_in,
    )
    return inserted == 1
