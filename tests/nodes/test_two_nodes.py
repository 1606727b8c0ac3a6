"""Two nodes on one database: what one does holds on the other, with the next request or within half a
second."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from grantline.keys import rotate_keys
from grantline.opaque import ACCESS_TOKEN, KINDS, encode, render
from tests.conftest import SiteFactory
from tests.nodes.second import second_node
from tests.site import Site, answer_of

pytestmark = pytest.mark.both_engines
DAY = 24 * 3600


@pytest.fixture
async def other(open_a_site: SiteFactory, site: Site) -> AsyncIterator[Site]:
    async with second_node(open_a_site, site) as opened:
        yield opened


async def test_a_token_of_one_node_works_on_the_other_and_dies_on_both(site: Site, other: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    assert await other.works(tokens["access_token"])
    answer = await other.post("/oauth/v2/token/revoke", {**app.credentials, "token": tokens["refresh_token"]})
    assert answer.status_code == 200
    assert not await site.works(tokens["access_token"])
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 400


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clients SET disabled_at = 1 WHERE id = $1",
        "UPDATE accounts SET disabled_at = 1 WHERE $1 <> ''",
        "UPDATE authorizations SET revoked_at = 1, revoked_reason = 'x' WHERE client_id = $1",
    ],
)
async def test_what_ends_a_token_holds_on_every_node_with_the_next_request(
    site: Site, other: Site, statement: str
) -> None:
    """Neither node looks at anything in between."""
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    assert await other.works(tokens["access_token"])
    await site.db.run(statement, app.id)
    assert not await other.works(tokens["access_token"])
    assert (await other.refresh(app, tokens["refresh_token"])).status_code in (400, 401)


async def test_a_code_is_spent_once_however_many_nodes_are_asked_at_once(site: Site, other: Site) -> None:
    app = await site.app("self-client")
    code = await site.console_code(app)
    answers = await asyncio.gather(*(node.exchange(app, code) for node in (site, other) * 10))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19


async def test_a_session_of_one_node_is_known_and_ended_on_the_other(site: Site, other: Site) -> None:
    browser, elsewhere = await site.signed_in(), other.browser()
    elsewhere.http.cookies = browser.http.cookies
    assert (await elsewhere.get("/account")).status_code == 200
    await site.db.run("UPDATE sessions SET ended_at = 1")
    assert (await elsewhere.get("/account")).status_code != 200


async def test_a_flow_begun_on_one_node_goes_on_on_the_other(site: Site, other: Site) -> None:
    app = await site.app("server-based")
    browser, elsewhere = await site.signed_in(), other.browser()
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    elsewhere.http.cookies = browser.http.cookies
    answer = answer_of(await elsewhere.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision"))
    assert (await site.exchange(app, answer["code"])).status_code == 200


async def test_T127_a_token_under_a_key_that_a_node_does_not_know_yet_works_there_at_once(
    site: Site, other: Site
) -> None:
    """No look in between: the token itself makes the node take the key up."""
    app = await site.app("self-client")
    old = (await site.tokens(app))["access_token"]
    assert await other.works(old)
    await rotate_keys(site.db, site.server.envelope, site.clock(), compromised=True)
    await site.server.node.catch_up()
    new = (await site.tokens(app))["access_token"]
    assert await other.works(new)
    assert not await other.works(old)
    assert not await site.works(old)


async def test_T127_an_old_key_that_is_compromised_dies_on_a_node_with_its_next_look(
    site: Site, other: Site
) -> None:
    app = await site.app("self-client")
    token = (await site.tokens(app))["access_token"]
    await rotate_keys(site.db, site.server.envelope, site.clock(), compromised=True)
    await other.server.node.catch_up()
    assert not await other.works(token)
    assert (await other.call("GET", "/oauth/v2/keys")).json() != (
        await site.call("GET", "/oauth/v2/keys")
    ).json()


async def test_T127_an_ordinary_rotation_breaks_no_token_on_any_node(site: Site, other: Site) -> None:
    """The new key is used seconds after it was made, when every node has loaded it."""
    app = await site.app("self-client")
    before = (await site.tokens(app))["access_token"]
    await rotate_keys(site.db, site.server.envelope, site.clock())
    await site.server.node.catch_up()
    at_once = (await site.tokens(app))["access_token"]
    assert await other.works(at_once)
    await other.server.node.catch_up()
    site.clock.advance(60)
    later = (await other.tokens(app))["access_token"]
    for node in (site, other):
        for token in (before, at_once, later):
            assert await node.works(token)


async def test_made_up_tokens_make_no_node_load_anything(site: Site) -> None:
    """One look each, and loading only when something changed."""
    loads = []

    async def load() -> None:
        loads.append(site.clock())
        await site.server.reload()

    site.server.node.on_change(load)
    for _ in range(50):
        body = encode(int.from_bytes(b"\xff" + secrets.token_bytes(42)), KINDS[ACCESS_TOKEN])
        assert not await site.works(render(ACCESS_TOKEN, "us", body))
    assert loads == []
    await rotate_keys(site.db, site.server.envelope, site.clock())
    await asyncio.gather(
        *(
            site.works(render(ACCESS_TOKEN, "us", encode(int.from_bytes(b"\xff" * 43), KINDS[ACCESS_TOKEN])))
            for _ in range(50)
        )
    )
    assert len(loads) == 1


async def test_an_api_that_is_registered_on_one_node_is_known_on_the_other(site: Site, other: Site) -> None:
    await site.api()
    before = other.mint.catalog
    await other.server.node.catch_up()
    assert other.mint.catalog is not before
    app = await other.app("self-client")
    assert (await other.exchange(app, await other.console_code(app))).status_code == 200


async def test_keys_that_are_old_are_replaced_once_by_one_of_two_running_servers(
    site: Site, other: Site
) -> None:
    await site.db.run("UPDATE keys SET created_at = created_at - $1", 91 * DAY)
    for node in (site, other):
        node.server.start()
    while len(await site.db.all("SELECT id FROM keys WHERE purpose <> 'messages'")) == 3:
        await asyncio.sleep(0.05)
    while (await site.db.one("SELECT COUNT(*) FROM jobs WHERE due_at > 0"))[0] < 2:
        await asyncio.sleep(0.05)
    assert len(await site.db.all("SELECT id FROM keys WHERE purpose <> 'messages'")) == 6
    while (
        len(other.mint.keyring.jwks(site.clock())["keys"]) < 4
        or len(site.mint.keyring.jwks(site.clock())["keys"]) < 4
    ):
        await asyncio.sleep(0.05)
    events = await site.db.all("SELECT id FROM audit WHERE kind = 'keys.rotated'")
    assert len(events) == 1


async def test_a_node_that_can_not_load_the_keys_says_so_and_goes_on_with_those_it_has(site: Site) -> None:
    app = await site.app("self-client")
    token = (await site.tokens(app))["access_token"]
    row = await site.db.one("SELECT id, sealed FROM keys WHERE purpose = $1", "ES256")
    await site.db.run("UPDATE keys SET sealed = $1 WHERE id = $2", b"\x01" + bytes(60), row[0])
    await site.db.run("UPDATE home SET revision = revision + 1")
    await site.server.node.look()
    told = await site.call("GET", "/health/ready")
    assert (told.status_code, told.headers["retry-after"]) == (503, "2")
    assert "can't be loaded" in told.json()["reason"]
    assert await site.works(token)
    await site.db.run("UPDATE keys SET sealed = $1 WHERE id = $2", row[1], row[0])
    await site.server.node.look()
    told = await site.call("GET", "/health/ready")
    assert told.status_code == 200 or "clock" in told.json()["reason"].lower()
