"""The life of keys: published before they sign, kept until what they signed is over, or dropped at once."""

import base64
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from grantline.db import Database, open_database
from grantline.keys import (
    Envelope,
    Keyring,
    add_message_key,
    ensure_keys,
    load_keyring,
    rotate_keys,
    rotate_old_keys,
)
from tests.site import Site

pytestmark = pytest.mark.both_engines

HOUR = 3600
DAY = 24 * HOUR
NOW = 1_795_000_000
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(f"sqlite://{tmp_path}/one.db")
    yield opened
    await opened.close()


@pytest.fixture
def envelope() -> Envelope:
    return Envelope(secrets.token_bytes(32), "us")


def kid_of(keyring: Keyring, alg: str, now: int) -> str:
    """The key that signs now."""
    header = keyring.sign({"iss": "x"}, alg=alg, typ="JWT", now=now).partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(header + "=="))
    assert found["alg"] == alg
    return str(found["kid"])


def published(keyring: Keyring, now: int) -> list[str]:
    return [str(key["kid"]) for key in keyring.jwks(now)["keys"]]


async def test_T127_a_new_key_is_published_a_day_before_it_signs_and_the_old_one_a_day_after_its_last(
    db: Database, envelope: Envelope
) -> None:
    await ensure_keys(db, envelope, NOW)
    before = await load_keyring(db, envelope)
    old = {alg: kid_of(before, alg, NOW) for alg in ("RS256", "ES256")}
    await rotate_keys(db, envelope, NOW + 100 * DAY)
    turned = NOW + 100 * DAY
    keyring = await load_keyring(db, envelope)
    for alg in ("RS256", "ES256"):
        for at in (turned, turned + DAY - 1):
            assert kid_of(keyring, alg, at) == old[alg]
            assert len(published(keyring, at)) == 4
        new = kid_of(keyring, alg, turned + DAY)
        assert new != old[alg]
        assert new in published(keyring, turned)
        assert old[alg] in published(keyring, turned + DAY + HOUR)
        assert old[alg] in published(keyring, turned + 2 * DAY - 1)
        assert old[alg] not in published(keyring, turned + 2 * DAY)
        assert new in published(keyring, turned + 2 * DAY)


async def test_T127_whatever_is_signed_can_be_verified_until_it_expires(
    db: Database, envelope: Envelope
) -> None:
    """Rotations at any distance: no id_token outlives its key in the JWKS."""
    await ensure_keys(db, envelope, NOW)
    turns = (0, HOUR, DAY - 1, DAY, 3 * DAY, 3 * DAY + 1, 10 * DAY)
    signed: list[tuple[int, str]] = []
    for number, at in enumerate(turns):
        await rotate_keys(db, envelope, NOW + at)
        keyring = await load_keyring(db, envelope)
        until = turns[number + 1] if number + 1 < len(turns) else at + 5 * DAY
        for moment in range(NOW + at, NOW + until, 6 * HOUR):
            signed.append((moment, kid_of(keyring, "RS256", moment)))
            for earlier, kid in signed:
                if moment - earlier <= HOUR:
                    assert kid in published(keyring, moment)


async def test_rotating_again_removes_what_is_over_and_numbers_go_on(
    db: Database, envelope: Envelope
) -> None:
    await ensure_keys(db, envelope, NOW)
    for turn in range(4):
        await rotate_keys(db, envelope, NOW + turn * 10 * DAY)
    rows = await db.all("SELECT purpose, number FROM keys ORDER BY purpose, number")
    numbers = {purpose: [row[1] for row in rows if row[0] == purpose] for purpose in {row[0] for row in rows}}
    assert numbers == {"RS256": [4, 5], "ES256": [4, 5], "access-token": [4, 5], "messages": [1]}


async def test_T127_a_compromised_key_is_gone_at_once_and_its_number_never_comes_back(
    db: Database, envelope: Envelope
) -> None:
    await ensure_keys(db, envelope, NOW)
    before = await load_keyring(db, envelope)
    number, _ = before.newest_mac(NOW)
    await rotate_keys(db, envelope, NOW + 1, compromised=True)
    keyring = await load_keyring(db, envelope)
    assert not set(published(before, NOW)) & set(published(keyring, NOW + 1))
    assert keyring.mac_key(number, NOW + 1) is None
    assert keyring.newest_mac(NOW + 1)[0] > number
    for alg in ("RS256", "ES256"):
        assert kid_of(keyring, alg, NOW + 1) in published(keyring, NOW + 1)


async def test_T127_tokens_survive_an_ordinary_rotation_and_die_of_a_compromise(site: Site) -> None:
    app = await site.app("self-client")
    token = (await site.tokens(app))["access_token"]
    await rotate_keys(site.db, site.server.envelope, site.clock())
    await site.server.reload()
    newer = (await site.tokens(app))["access_token"]
    assert await site.works(token)
    assert await site.works(newer)
    await rotate_keys(site.db, site.server.envelope, site.clock(), compromised=True)
    await site.server.reload()
    assert not await site.works(token)
    assert not await site.works(newer)
    assert not (await site.introspect(app, token))["active"]
    assert await site.works((await site.tokens(app))["access_token"])


async def test_T94_the_key_set_holds_public_members_alone(db: Database, envelope: Envelope) -> None:
    """RFC 7517 §9.2: built from a list of what may be shown."""
    await ensure_keys(db, envelope, NOW)
    await rotate_keys(db, envelope, NOW)
    keyring = await load_keyring(db, envelope)
    for key in keyring.jwks(NOW)["keys"]:
        assert not PRIVATE_MEMBERS & set(key)
        assert key["use"] == "sig"
        allowed = {"kty", "n", "e"} if key["kty"] == "RSA" else {"kty", "crv", "x", "y"}
        assert set(key) - {"use", "kid", "alg"} == allowed
    assert {key["kty"] for key in keyring.jwks(NOW)["keys"]} == {"RSA", "EC"}


async def test_T93_the_kid_is_the_thumbprint(db: Database, envelope: Envelope) -> None:
    """RFC 7638 §3: nobody chooses it."""
    from joserfc.jwk import ECKey, RSAKey

    await ensure_keys(db, envelope, NOW)
    for key in (await load_keyring(db, envelope)).jwks(NOW)["keys"]:
        kind: Any = RSAKey if key["kty"] == "RSA" else ECKey
        assert kind.import_key(dict(key)).thumbprint() == key["kid"]


async def test_the_first_key_is_the_rs256_key_that_signs(db: Database, envelope: Envelope) -> None:
    """Libraries that take the first key of a set find the one that is in use."""
    await ensure_keys(db, envelope, NOW)
    await rotate_keys(db, envelope, NOW)
    keyring = await load_keyring(db, envelope)
    assert published(keyring, NOW)[0] == kid_of(keyring, "RS256", NOW)


async def test_T54_private_keys_are_sealed_in_the_database(db: Database, envelope: Envelope) -> None:
    await ensure_keys(db, envelope, NOW)
    for row in await db.all("SELECT public_jwk, sealed FROM keys"):
        assert not PRIVATE_MEMBERS & set(json.loads(row[0]))
        assert b"PRIVATE" not in row[1]
        assert row[1][:2] != b"0\x82"


async def test_T121_a_sealed_key_in_another_row_does_not_open(db: Database, envelope: Envelope) -> None:
    from grantline.keys import EnvelopeBroken

    await ensure_keys(db, envelope, NOW)
    rows = await db.all("SELECT id, sealed FROM keys WHERE purpose <> 'access-token'")
    await db.run("UPDATE keys SET sealed = $2 WHERE id = $1", rows[0][0], rows[1][1])
    with pytest.raises(EnvelopeBroken):
        await load_keyring(db, envelope)


async def test_the_key_for_other_data_centers_stays_until_an_operator_adds_one(
    db: Database, envelope: Envelope
) -> None:
    """The registry lists it: what rotates by itself, or after a compromise of tokens, leaves it alone."""
    await ensure_keys(db, envelope, NOW)
    before = (await load_keyring(db, envelope)).message_keys
    assert len(before) == 1
    await rotate_old_keys(db, envelope, NOW + 90 * DAY)
    await rotate_keys(db, envelope, NOW + 100 * DAY, compromised=True)
    assert (await load_keyring(db, envelope)).message_keys == before
    added = await add_message_key(db, envelope, NOW + 101 * DAY)
    assert list((await load_keyring(db, envelope)).message_keys) == [added, *before]
    assert await rotate_old_keys(db, envelope, NOW + 102 * DAY) == []


async def test_keys_are_made_once_however_often_they_are_ensured(db: Database, envelope: Envelope) -> None:
    for _ in range(3):
        await ensure_keys(db, envelope, NOW)
    assert len(await db.all("SELECT id FROM keys")) == 4


async def test_keys_are_replaced_when_they_are_old_and_dropped_when_they_are_over(
    db: Database, envelope: Envelope
) -> None:
    await ensure_keys(db, envelope, NOW)
    assert await rotate_old_keys(db, envelope, NOW + 90 * DAY - 1) == []
    assert len(await rotate_old_keys(db, envelope, NOW + 90 * DAY)) == 3
    turned = NOW + 90 * DAY
    for at, kept in ((turned + DAY, 7), (turned + 2 * DAY - 1, 6), (turned + 2 * DAY, 4)):
        assert await rotate_old_keys(db, envelope, at) == []
        assert len(await db.all("SELECT id FROM keys")) == kept
    assert await rotate_old_keys(db, envelope, turned + 90 * DAY - 1) == []
