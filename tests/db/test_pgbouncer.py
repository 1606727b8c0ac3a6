"""Behind PgBouncer in transaction mode: with `pooler=transaction` in the URL everything works on a few server
connections, and without it nothing begins."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from grantline.consent import remove_access
from grantline.db import DatabaseUnavailable, open_database
from tests.cluster import Cluster
from tests.conftest import SiteFactory
from tests.db.pooling import Pooler, pooler
from tests.site import Site


@pytest.fixture(scope="module")
def bouncer(postgres: Cluster) -> Iterator[Pooler]:
    with pooler(postgres, connections=2) as running:
        yield running


@pytest.fixture
async def pooled_site(
    bouncer: Pooler, postgres: Cluster, site_template: str, site_folder: Path, open_a_site: SiteFactory
) -> AsyncIterator[Site]:
    """A data center that reaches its database through the pooler alone."""
    name = postgres.new_database(site_template)
    async with open_a_site(database=bouncer.url(name), master_key_file=site_folder / "master.key") as site:
        yield site
    postgres.drop_database(name)


@pytest.mark.parametrize("type_name", ["server-based", "mobile", "self-client", "non-browser"])
async def test_every_type_of_app_lives_its_life_through_a_pooler(pooled_site: Site, type_name: str) -> None:
    """Sign-in, consent, code or device code, refresh, rotation, introspection, and both ways to end it."""
    site, app = pooled_site, await pooled_site.app(type_name)
    tokens = await site.tokens(app)
    again = await site.refresh(app, tokens["refresh_token"])
    assert again.status_code == 200
    latest = again.json().get("refresh_token", tokens["refresh_token"])
    assert (latest != tokens["refresh_token"]) == app.client.type.rotates
    assert await site.works(again.json()["access_token"])
    answer = await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": latest})
    assert answer.status_code == 200
    assert not await site.works(again.json()["access_token"])
    assert (await site.refresh(app, latest)).status_code == 400
    other = await site.tokens(app)
    assert await site.works(other["access_token"])
    assert await remove_access(site.db, site.account.id, app.id, "test", site.clock())
    assert not await site.works(other["access_token"])


@pytest.mark.parametrize("type_name", ["server-based", "mobile"])
async def test_sixty_four_refreshes_at_once_pass_through_two_server_connections(
    pooled_site: Site, postgres: Cluster, type_name: str
) -> None:
    """A lasting token gives each an answer of its own, a rotating one gives all the same."""
    site, app = pooled_site, await pooled_site.app(type_name)
    token = (await site.tokens(app))["refresh_token"]
    answers = await asyncio.gather(*(site.refresh(app, token) for _ in range(64)))
    assert {one.status_code for one in answers} == {200}
    if app.client.type.rotates:
        assert len({one.json()["refresh_token"] for one in answers}) == 1
    else:
        assert len({one.json()["access_token"] for one in answers}) == 64
    name = site.server.settings.database.rpartition("/")[2].partition("?")[0]
    count = postgres.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
    assert 1 <= int(count) <= 2


async def test_sixty_four_exchanges_of_one_code_have_one_winner_through_a_pooler(pooled_site: Site) -> None:
    app = await pooled_site.app("self-client")
    code = await pooled_site.console_code(app)
    answers = await asyncio.gather(*(pooled_site.exchange(app, code) for _ in range(64)))
    assert sorted(one.status_code for one in answers) == [200] + [400] * 63


async def test_limits_of_time_hold_behind_a_pooler_for_each_transaction(
    bouncer: Pooler, postgres: Cluster
) -> None:
    """PgBouncer hands a session's settings to nobody, so each transaction brings its own."""
    name = postgres.new_database()
    db = await open_database(bouncer.url(name), migrated=False)
    try:
        row = await db.one("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        assert row is not None
        assert (row[0], row[1]) == ("2s", "1s")
        async with db.transaction() as tx:
            row = await tx.one("SELECT current_setting('statement_timeout')")
        assert row is not None
        assert row[0] == "2s"
    finally:
        await db.close()
        postgres.drop_database(name)


async def test_without_the_option_the_first_connection_fails_in_words(bouncer: Pooler) -> None:
    """PgBouncer refuses what we ask of a session, so nothing ever runs without its limits."""
    with pytest.raises(DatabaseUnavailable, match="unsupported startup parameter"):
        await open_database(bouncer.url("postgres", ""))
