"""Messages between data centers: signed, meant for one, taken once (T109)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from grantline.crossing import NotTaken, Sender, Unreachable
from grantline.datacenters import ADDRESS, HEADER, MESSAGE_TYPE, claims_of_message
from grantline.web.background import sweep
from tests.centers import Sites


async def test_a_message_is_taken_and_the_sender_was_heard(sites: Sites) -> None:
    assert await sites.carry() == {}
    row = await sites["eu"].db.one("SELECT heard_at, told_at, problem FROM data_centers WHERE code = 'us'")
    assert tuple(row) == (sites.clock(), sites.clock(), "")


async def test_a_data_center_that_does_not_answer_is_noted_and_heals(sites: Sites) -> None:
    sites.wires.cut = {"eu"}
    assert await sites.carry("us") == {"us>eu": "no answer (ConnectError)"}
    sites.wires.cut = set()
    assert await sites.carry("us") == {}
    row = await sites["us"].db.one("SELECT problem FROM data_centers WHERE code = 'eu'")
    assert row[0] == ""


def signed(sites: Sites, body: bytes, *, by: str = "us", to: str = "eu", **changes: Any) -> str:
    home = sites[by].mint.home
    claims = claims_of_message(
        "hello", body, home=home, receiver=sites[to].mint.home, id="id-1", now=sites.clock()
    )
    return str(sites[by].mint.keyring.sign_message({**claims, **changes}, listed=home.keys, typ=MESSAGE_TYPE))


async def deliver(sites: Sites, token: str, body: bytes = b"{}", to: str = "eu") -> Any:
    response = await sites[to].call("POST", ADDRESS, content=body, headers={HEADER: token})
    return response.status_code, response.json().get("reason", "")


async def test_a_signed_message_is_taken_once(sites: Sites) -> None:
    token = signed(sites, b"{}")
    assert await deliver(sites, token) == (200, "")
    assert await deliver(sites, token) == (403, "a replay")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "http://127.0.0.1:8799"}, "another audience"),
        ({"iss": "http://127.0.0.1:8799"}, "a sender that is not in the registry"),
        ({"iat": 1_795_000_000 - 900, "exp": 1_795_000_000 - 700}, "expired"),
        ({"exp": 1_795_000_000 + 301}, "too long a life"),
        ({"iat": 1_795_000_000 + 61}, "not valid yet"),
        ({"jti": ""}, "no id"),
        ({"jti": "x" * 65}, "no id"),
        ({"sub": "nothing-known"}, "a kind that is not known"),
        ({"digest": "x"}, "another body"),
    ],
)
async def test_T109_a_message_that_is_wrong_in_one_thing_is_refused(
    sites: Sites, changes: dict[str, Any], reason: str
) -> None:
    assert await deliver(sites, signed(sites, b"{}", **changes)) == (403, reason)


async def test_T109_another_key_than_the_listed_ones_signs_nothing(sites: Sites) -> None:
    home = sites["us"].mint.home
    claims = claims_of_message(
        "hello", b"{}", home=home, receiver=sites["eu"].mint.home, id="id-2", now=sites.clock()
    )
    eu = sites["eu"].mint
    forged = eu.keyring.sign_message(claims, listed=eu.home.keys, typ=MESSAGE_TYPE)
    assert await deliver(sites, forged) == (403, "no key, or more than one, fits")


@pytest.mark.parametrize(
    ("token", "reason"),
    [("", "not in compact form"), ("a.b.c", "not base64url")],
)
async def test_T109_what_is_no_token_is_refused_too(sites: Sites, token: str, reason: str) -> None:
    assert await deliver(sites, token) == (403, reason)


async def test_T109_a_refused_message_of_a_known_sender_is_audited(sites: Sites) -> None:
    await deliver(sites, signed(sites, b"{}", sub="nothing-known"))
    row = await sites["eu"].db.one("SELECT detail FROM audit WHERE kind = 'message.refused'")
    assert json.loads(row[0]) == {"reason": "a kind that is not known", "sender": "us"}


async def test_a_key_that_the_registry_does_not_list_is_not_used(sites: Sites) -> None:
    text = sites.registry.read_text()
    key = sites["us"].mint.home.keys[0]
    sites.registry.write_text(text.replace(f'["{key}"]', "[]"))
    await sites["us"].server.neighbours.look(sites["us"].mint)
    assert await sites.carry("us") == {"us>eu": "The registry lists no key of this data center."}
    assert NotTaken("x").reason == "x"


async def test_a_message_is_remembered_as_long_as_it_could_be_taken_again(sites: Sites) -> None:
    eu = sites["eu"]
    token = signed(sites, b"{}")
    assert await deliver(sites, token) == (200, "")
    sites.clock.advance(120 + 60)
    await sweep(eu.db, sites.clock())
    assert (await deliver(sites, token))[1] in ("a replay", "expired")
    sites.clock.advance(600)
    assert await sweep(eu.db, sites.clock()) >= 1
    assert await eu.db.one("SELECT 1 FROM messages_taken") is None
    assert await deliver(sites, token) == (403, "expired")


class Endless(httpx2.AsyncByteStream):
    """An answer that goes on for ever, or as long as anybody reads it."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 65536
            yield b"x" * 65536


async def test_an_answer_without_an_end_is_not_read_to_it(sites: Sites) -> None:
    endless = Endless()
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, stream=endless))
    us = sites["us"].mint
    sender = Sender(us, sites.clock, transport)
    with pytest.raises(Unreachable, match="without an end"):
        await sender.send(us.data_centers.others[0], "hello", {})
    await sender.close()
    assert endless.sent <= 1024 * 1024
