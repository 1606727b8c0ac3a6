"""A year of traffic leaves the database the size that its people, apps and authorizations make it."""

import contextlib
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from grantline.accounts import start_session
from grantline.jobs import do_due_jobs
from grantline.web.background import jobs
from tests.cluster import Cluster
from tests.conftest import SiteFactory
from tests.site import Site

DAY: Final = 24 * 3600
WARM_UP: Final = 36
"""Days: what is over stays for 30, and an app reaches its most refresh tokens within the first week."""
USAGE_WARM_UP: Final = 98
TABLES: Final = (
    *("accounts", "organizations", "memberships", "sessions", "attempts", "clients", "client_origins"),
    *("apis", "keys", "consents", "scope_sets", "authorizations", "pending_flows", "authorization_codes"),
    *("device_codes", "activity", "home", "jobs", "audit_chain"),
)
"""All but `audit`, which is kept for 400 days, and `client_usage`, which is full after 90."""


@dataclass
class Size:
    """How large the database is: rows by table, and bytes without `audit` and `client_usage`."""

    rows: dict[str, int]
    usage: int
    size: int


async def one_day(site: Site, refresh_token: str) -> str:
    """A little of everything; gives the refresh token to go on with."""
    export, board, device = [await site.app(name) for name in ("self-client", "server-based", "non-browser")]
    for _ in range(4):  # each makes an authorization, and the oldest one of the app goes
        answer = await site.exchange(export, await site.console_code(export))
        assert answer.status_code == 200
    answer = await site.refresh(board, refresh_token)
    assert answer.status_code == 200, answer.text
    await site.console_code(export)  # never redeemed
    await site.device_start(device)
    for _ in range(2):
        assert (await site.refresh(export, "wrong")).status_code == 400
    assert (await site.token(client_id=secrets.token_hex(4), grant_type="x")).status_code == 401
    await site.browser().get("/oauth/v2/auth", params=site.request(board))
    for _ in range(3):
        await start_session(
            site.db, account_id=site.account.id, now=site.clock(), network="203.0.113.1", user_agent="x" * 90
        )
    for number in range(3):
        await site.db.run(
            "INSERT INTO attempts (subject, started_at, count, last_at) VALUES ($1, $2, 1, $2)",
            f"sign-in:{number}-{site.clock()}@example.com",
            site.clock(),
        )
    await site.mint.recorder.flush()
    await site.server.counters.flush()
    return str(answer.json().get("refresh_token", refresh_token))


async def live(
    site: Site, measured: tuple[int, ...], bytes_of: Callable[[], int], tidy: Callable[[], object] = int
) -> dict[int, Size]:
    """Live until the last of these days, with the jobs as they are due. `tidy` is what the database does by
    itself now and then."""
    found = dict[int, Size]()
    known = jobs(site.db, site.server.envelope, site.server.settings.audit_path)
    refresh_token = (await site.tokens(await site.app("server-based")))["refresh_token"]
    for day in range(1, measured[-1] + 1):
        refresh_token = await one_day(site, refresh_token)
        site.clock.advance(DAY)
        assert "sweep" in await do_due_jobs(site.db, known, "node", site.clock)
        if day % 3 == 0:
            tidy()
        if day in measured:
            rows = {table: (await site.db.one("SELECT COUNT(*) FROM " + table))[0] for table in TABLES}
            usage = (await site.db.one("SELECT COUNT(*) FROM client_usage"))[0]
            found[day] = Size(rows, usage, bytes_of())
    return found


def check(sizes: dict[int, Size]) -> None:
    """After the first of the days nothing grows by more than a tenth."""
    days = sorted(sizes)
    first, last = sizes[days[0]], sizes[days[-1]]
    grown = {
        table: (first.rows[table], last.rows[table])
        for table in TABLES
        if last.rows[table] > max(first.rows[table] * 1.1, first.rows[table] + 1)
    }
    assert not grown
    assert last.size <= first.size * 1.1
    # All of it was really there: the tables that fill and empty have rows.
    for table in ("sessions", "authorizations", "authorization_codes", "activity", "consents"):
        assert last.rows[table] > 0, table


def file_bytes(path: Path) -> int:
    """The size of the file without the pages of `audit` and `client_usage` and their indexes, with all the
    room that others left in it."""
    apart = (
        "SELECT SUM(d.pgsize) FROM dbstat d JOIN sqlite_master m ON m.name = d.name"
        " WHERE m.tbl_name IN ('audit', 'client_usage')"
    )
    with contextlib.closing(sqlite3.connect(path)) as own:
        own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (bytes_apart,) = own.execute(apart).fetchone()
    return path.stat().st_size - int(bytes_apart)


@pytest.mark.parametrize("days", [130, pytest.param(400, marks=pytest.mark.soak)])
async def test_a_year_on_a_file_leaves_rows_and_bytes_as_they_were_after_the_first_month(
    days: int, open_a_site: SiteFactory, tmp_path: Path, engine: str
) -> None:
    if engine != "sqlite":
        pytest.skip("the same on PostgreSQL is below")
    async with open_a_site() as site:
        path = Path(site.server.settings.database.removeprefix("sqlite://"))
        sizes = await live(site, (WARM_UP, USAGE_WARM_UP, days), lambda: file_bytes(path))
    check({day: sizes[day] for day in (WARM_UP, days)})
    assert sizes[days].usage <= sizes[USAGE_WARM_UP].usage * 1.1


async def test_a_season_on_postgresql_leaves_rows_and_bytes_as_they_were_after_the_first_month(
    open_a_site: SiteFactory, postgres: Cluster, tmp_path: Path, password_hash: str
) -> None:
    name = postgres.new_database()

    def relation_bytes() -> int:
        return sum(int(postgres.sql(f"SELECT pg_total_relation_size('{one}')", name)) for one in TABLES)

    key = tmp_path / "master.key"
    async with open_a_site(database=postgres.url(name), master_key_file=key) as site:
        await site.db.run("UPDATE accounts SET password_hash = $1", password_hash)
        sizes = await live(site, (WARM_UP, 80), relation_bytes, lambda: postgres.sql("VACUUM", name))
    postgres.drop_database(name)
    check(sizes)
