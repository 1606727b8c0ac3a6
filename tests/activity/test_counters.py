"""Successes are counted in memory, written once a second, kept by hour for a week and by day for ninety."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from grantline.activity import (
    Counters,
    Usage,
    fold_hours,
    list_usage,
    secret_kind,
    workspace_key,
)
from grantline.db import Database, open_database
from grantline.web.background import sweep
from tests.site import START, Site

pytestmark = pytest.mark.both_engines
HOUR = 3600
DAY = 24 * HOUR
NOON = START - START % DAY + 12 * HOUR


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def test_what_several_nodes_count_is_added_up(db: Database) -> None:
    nodes = [Counters(db), Counters(db)]
    for _ in range(3):
        for node in nodes:
            for client in ("a", "b"):
                node.add(client, "token", NOON)
                node.add(client, "introspection", NOON + 1)
        await asyncio.gather(*(node.flush() for node in nodes))
    assert list(await list_usage(db, "a", 0)) == [
        Usage("introspection", HOUR, NOON, 6),
        Usage("token", HOUR, NOON, 6),
    ]


async def test_a_flush_that_fails_keeps_its_counts_and_none_is_written_twice(db: Database) -> None:
    counters = Counters(db)
    for client in range(250):
        counters.add(f"client {client}", "token", NOON)
    await db.run("ALTER TABLE client_usage RENAME TO gone")
    with pytest.raises(Exception, match="client_usage"):
        await counters.flush()
    counters.add("client 7", "token", NOON)
    await db.run("ALTER TABLE gone RENAME TO client_usage")
    await counters.flush()
    await counters.flush()
    rows = await db.all("SELECT client_id, count FROM client_usage")
    assert {row[0]: row[1] for row in rows} == {
        f"client {number}": 2 if number == 7 else 1 for number in range(250)
    }


async def test_hours_become_days_and_days_go_after_ninety(db: Database) -> None:
    counters = Counters(db)
    for day in range(120):
        for hour in (0, 5, 23):
            counters.add("a", "token", NOON + day * DAY + hour * HOUR)
    await counters.flush()
    now = NOON + 120 * DAY
    await sweep(db, now)
    usage = await list_usage(db, "a", 0)
    by_hour = [one for one in usage if one.span_seconds == HOUR]
    by_day = [one for one in usage if one.span_seconds == DAY]
    assert len(by_hour) in range(18, 22)
    assert all(one.starts_at > now - 7 * DAY for one in by_hour)
    assert len(by_day) in range(83, 86)
    assert min(one.starts_at for one in by_day) > now - 90 * DAY
    assert {one.count for one in by_day[1:-1]} == {3}
    assert await sweep(db, now) == 0


async def test_an_hour_that_is_folded_twice_is_counted_once(db: Database) -> None:
    counters = Counters(db)
    for _ in range(5):
        counters.add("a", "token", NOON)
    await counters.flush()
    later = NOON + 8 * DAY
    await asyncio.gather(*(fold_hours(db, later) for _ in range(4)), return_exceptions=True)
    assert [one.count for one in await list_usage(db, "a", 0)] == [5]


async def test_the_successes_of_an_app_are_counted_and_its_failures_are_not(site: Site) -> None:
    app = await site.app("self-client")
    tokens = await site.tokens(app)
    for _ in range(3):
        await site.refresh(app, tokens["refresh_token"])
    await site.introspect(app, tokens["access_token"])
    assert (await site.refresh(app, "wrong")).status_code == 400
    assert (await site.token(client_id=app.id, client_secret="wrong", grant_type="x")).status_code == 401
    assert (await site.token(client_id="nobody", client_secret="x", grant_type="x")).status_code == 401
    await site.server.counters.flush()
    assert {one.kind: one.count for one in await list_usage(site.db, app.id, 0)} == {
        "token.authorization_code": 1,
        "token.refresh_token": 3,
        secret_kind(app.client.secrets[0].id): 4,
        "introspection": 1,
    }
    of_the_workspace = await list_usage(site.db, workspace_key(app.client.workspace_id), 0)
    assert [(one.kind, one.count) for one in of_the_workspace] == [("token", 4)]
    assert len(await site.db.all("SELECT DISTINCT client_id FROM client_usage")) == 2
