"""Making and rotating keys: a new signing key is published a day before it signs, an old one stays until what
it signed is over."""

import asyncio
import json
import secrets
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from grantline.db import Database, Transaction
from grantline.keys.envelope import Envelope
from grantline.oauth.jwk import PrivateKey, public_jwk

SIGNING: Final = ("RS256", "ES256")
MAC: Final = "access-token"
MESSAGES: Final = "messages"
"""Signs what this data center tells others. The registry lists its public half, so it changes only when an
operator says so."""
PUBLISH_AHEAD_SECONDS: Final = 24 * 3600
OVERLAP_SECONDS: Final = 24 * 3600
MAC_AHEAD_SECONDS: Final = 10
"""A new MAC key is used once every node has surely loaded it."""
ROTATE_SECONDS: Final = 90 * 24 * 3600
"""Keys of this age are replaced by themselves."""


_FIRST: Final = (*SIGNING, MAC, MESSAGES)

_Made = tuple[str, dict[str, Any], bytes]


def _generate(purpose: str) -> _Made:
    """A new key: its id, its public JWK (empty for a MAC key) and its private bytes."""
    if purpose == MAC:
        return "mac_" + secrets.token_hex(8), {}, secrets.token_bytes(32)
    private: PrivateKey
    if purpose == "RS256":
        private = rsa.generate_private_key(65537, 2048)
    elif purpose == MESSAGES:
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = ec.generate_private_key(ec.SECP256R1())
    jwk = dict(public_jwk(private.public_key()))
    sealed = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return str(jwk["kid"]), jwk, sealed


async def _next_number(tx: Transaction, purpose: str) -> int:
    row = await tx.one("SELECT MAX(number) FROM keys WHERE purpose = $1", purpose)
    return ((row[0] if row is not None else None) or 0) + 1


async def _generate_all(purposes: tuple[str, ...] = (*SIGNING, MAC)) -> dict[str, _Made]:
    """A new key for each purpose; an RSA key takes longer than any request may wait for the loop."""
    return await asyncio.to_thread(lambda: {purpose: _generate(purpose) for purpose in purposes})


async def _insert(
    tx: Transaction, envelope: Envelope, purpose: str, number: int, made: _Made, *, active_at: int, now: int
) -> str:
    kid, jwk, private = made
    await tx.run(
        "INSERT INTO keys (id, purpose, number, public_jwk, sealed, created_at, active_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        kid,
        purpose,
        number,
        json.dumps(jwk),
        envelope.seal(private, f"keys|{kid}|sealed"),
        now,
        active_at,
    )
    return kid


async def _announce(tx: Transaction) -> None:
    """Tell every node that keys change. Comes first: whoever else changes keys waits here."""
    await tx.run("UPDATE home SET revision = revision + 1 WHERE one = 1")


async def ensure_keys(db: Database, envelope: Envelope, now: int) -> None:
    """Make the first key of every purpose that has none."""
    present = {row[0] for row in await db.all("SELECT DISTINCT purpose FROM keys")}
    missing = tuple(purpose for purpose in _FIRST if purpose not in present)
    if not missing:
        return
    generated = await _generate_all(missing)
    async with db.transaction() as tx:
        await _announce(tx)
        for purpose in missing:
            if await tx.one("SELECT 1 FROM keys WHERE purpose = $1 LIMIT 1", purpose) is None:
                await _insert(tx, envelope, purpose, 1, generated[purpose], active_at=now, now=now)


async def rotate_old_keys(db: Database, envelope: Envelope, now: int) -> list[str]:
    """Rotate if the newest key is ROTATE_SECONDS old, and drop keys that are over; gives the ids of new
    ones."""
    row = await db.one("SELECT MAX(created_at) FROM keys WHERE purpose <> $1", MESSAGES)
    if row is not None and row[0] is not None and now >= row[0] + ROTATE_SECONDS:
        return await rotate_keys(db, envelope, now)
    if await db.one("SELECT 1 FROM keys WHERE retired_at <= $1 LIMIT 1", now) is not None:
        async with db.transaction() as tx:
            await _announce(tx)
            await tx.run("DELETE FROM keys WHERE retired_at <= $1", now)
    return []


async def rotate_keys(db: Database, envelope: Envelope, now: int, *, compromised: bool = False) -> list[str]:
    """New keys for every purpose; gives their ids.

    Ordinarily the new signing keys are published now and sign in 24 hours, and the old ones go 24 hours after
    that. With
    `compromised` the old keys go at once: whatever they signed or MACed is dead as soon as a node sees the
    new revision (T127).
    """
    made: list[str] = []
    generated = await _generate_all()
    async with db.transaction() as tx:
        await _announce(tx)
        for purpose in (*SIGNING, MAC):
            # The number goes on, so that a token made with a lost key can't name one that exists again.
            number, new = await _next_number(tx, purpose), generated[purpose]
            if compromised:
                await tx.run("DELETE FROM keys WHERE purpose = $1", purpose)
                made.append(await _insert(tx, envelope, purpose, number, new, active_at=now, now=now))
                continue
            ahead = MAC_AHEAD_SECONDS if purpose == MAC else PUBLISH_AHEAD_SECONDS
            gone_at = now + ahead + OVERLAP_SECONDS
            await tx.run(
                "DELETE FROM keys WHERE purpose = $1 AND retired_at IS NOT NULL AND retired_at <= $2",
                purpose,
                now,
            )
            await tx.run(
                "UPDATE keys SET retired_at = $2 WHERE purpose = $1 AND retired_at IS NULL", purpose, gone_at
            )
            made.append(await _insert(tx, envelope, purpose, number, new, active_at=now + ahead, now=now))
    return made


async def add_message_key(db: Database, envelope: Envelope, now: int) -> str:
    """A further key for messages to other data centers; gives its public half as the registry lists it. It
    signs as soon as the registry does."""
    made = (await _generate_all((MESSAGES,)))[MESSAGES]
    async with db.transaction() as tx:
        await _announce(tx)
        number = await _next_number(tx, MESSAGES)
        await _insert(tx, envelope, MESSAGES, number, made, active_at=now, now=now)
    return str(made[1]["x"])
