"""A listed data center that went bad: it speaks for its own apps, and what it answers or sends changes
nothing of another one's (T109, T113)."""

import gzip
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from grantline.clients import list_elsewhere, set_disabled
from grantline.crossing import Courier, Sender, Unreachable
from grantline.datacenters import ADDRESS, HEADER
from grantline.web.templating import Pages
from tests.centers import Sites, open_sites
from tests.crossing.test_definitions import everywhere, fresh
from tests.crossing.test_messages import signed
from tests.crossing.test_moving import BODY


@pytest.fixture
async def three(tmp_path: Path, sites_folder: Path, pages: Pages, password_hash: str) -> AsyncIterator[Sites]:
    """The data centers `us`, `eu` and `in` in this process; `in` is the one that went bad."""
    shutil.copytree(sites_folder, tmp_path, dirs_exist_ok=True)
    codes = ("us", "eu", "in")
    async with open_sites(tmp_path, codes, pages=pages, password_hash=password_hash) as opened:
        yield opened


class Rogue(httpx2.AsyncBaseTransport):
    """Answers every message with what it wants; counts those about apps."""

    def __init__(self, hello: Mapping[str, Any], above: int = 0) -> None:
        self.hello = hello
        self.above = above
        self.asked = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        said = json.loads(await request.aread()).get("client")
        if said is None:
            return httpx2.Response(200, json=self.hello)
        self.asked += 1
        return httpx2.Response(200, json={"refused": "stale", "version": said["version"] + self.above})


async def one_round(three: Sites, code: str, rogue: Rogue) -> None:
    """One round of errands from this data center to the rogue one."""
    sender = Sender(three[code].mint, three.clock, rogue)
    await Courier(three[code].mint, three.clock, sender).round("in")
    await sender.close()


async def test_T109_what_one_data_center_says_that_it_has_raises_no_version_of_anothers_app(
    three: Sites,
) -> None:
    """`in` tells `eu` that it has an app of `us`, in a version far above. What `us` says of it counts on."""
    app = await everywhere(three)
    rogue = Rogue({"has": {app.id: 5000}, "differ": {app.id: 5000}}, above=5000)
    for _ in range(3):
        three.clock.advance(600)
        await one_round(three, "eu", rogue)
    assert rogue.asked == 0
    assert (await fresh(three, app, "eu")).version == 1
    assert await list_elsewhere(three["eu"].db, app.id) == []
    await set_disabled(three["us"].db, app.id, three.clock())
    await three.carry("us")
    assert not (await fresh(three, app, "eu")).enabled


async def test_T109_a_data_center_that_always_has_a_newer_version_is_followed_once_in_a_while(
    three: Sites,
) -> None:
    """Else it could keep another one writing, and sending to everybody, for ever."""
    app = await three["us"].app("server-based", data_centers=("us", "in"))
    rogue = Rogue({}, above=10)
    for _ in range(3):
        await one_round(three, "us", rogue)
        three.clock.advance(1)
    assert rogue.asked <= 3
    assert (await fresh(three, app)).version <= 40


async def test_a_packed_answer_is_not_unpacked(sites: Sites) -> None:
    """A few bytes may stand for gigabytes."""
    packed = gzip.compress(b'{"clients": "' + b" " * 50_000_000 + b'"}')
    answer = httpx2.Response(200, stream=httpx2.ByteStream(packed), headers={"content-encoding": "gzip"})
    asked: list[str] = []

    def take(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers["accept-encoding"])
        return answer

    us = sites["us"].mint
    sender = Sender(us, sites.clock, httpx2.MockTransport(take))
    with pytest.raises(Unreachable, match="packed"):
        await sender.send(us.data_centers.others[0], "hello", {})
    await sender.close()
    assert asked == ["identity"]


@pytest.mark.both_engines
@pytest.mark.parametrize("letter", ["\\u0000", "\\ud800"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("hello", '{"clients": {"x%s": 1}, "after": ""}'),
        ("hello", '{"clients": {}, "after": "x%s"}'),
        ("hello", '{"clients": {}, "after": "", "more": "%s"}'),
        ("client", '{"client": {"id": "x%s"}}'),
        ("device", '{"client_id": "x%s"}'),
        ("causes", '{"causes": [{"client_id": "x%s"}]}'),
        ("person.cancel", '{"move_id": "x%s"}'),
    ],
)
async def test_T133_signs_that_no_database_takes_are_refused(
    sites: Sites, kind: str, body: str, letter: str
) -> None:
    content = (body % letter).encode()
    headers = {HEADER: signed(sites, content, sub=kind)}
    response = await sites["eu"].call("POST", ADDRESS, content=content, headers=headers)
    assert response.status_code == 403


async def test_T22_a_consent_that_moves_along_allows_nothing_to_an_api_of_the_same_prefix(
    sites: Sites,
) -> None:
    """What an API declares is known in its own data center alone; there, Billing is somebody else's."""
    app = await everywhere(sites)
    consent = {
        "client_id": app.id,
        "scope": ["CRM.modules.ALL", "openid", "Billing.invoices.READ", "Billing.ALL"],
        "offline": True,
        "redirect_hosts": ["app.example"],
        "resources": [],
    }
    person = {**BODY, "consents": [consent]}
    answer = await sites.sender("us").send(sites["eu"].mint.home, "person.move", person)
    assert answer["consents"] == [app.id]
    row = await sites["eu"].db.one("SELECT scope FROM consents WHERE client_id = $1", app.id)
    assert row[0] == "CRM.modules.ALL openid"
