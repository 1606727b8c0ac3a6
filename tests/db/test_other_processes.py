"""The same file in several processes: waiting for a lock, migrating at once."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantline.db import Database, DatabaseUnavailable, migrate, open_database, schema_version
from tests.db.holding import held_by_another_process
from tests.running import ROOT, environment
from tests.site import Site

INSERT = "INSERT INTO thing (id) VALUES ($1)"
OPEN = """
import asyncio, sys
from grantline.db import open_database, schema_version
async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    db = await open_database(sys.argv[1])
    await db.run("INSERT INTO organizations (id, name, created_at) VALUES ($1, 'x', 1)", int(sys.argv[2]))
    print(await schema_version(db))
    await db.close()
asyncio.run(main())
"""


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(f"sqlite://{tmp_path}/one.db")
    await opened.run("CREATE TABLE thing (id BIGINT PRIMARY KEY)")
    yield opened
    await opened.close()


async def let_go(holder: subprocess.Popen[str], seconds: float) -> None:
    await asyncio.sleep(seconds)
    assert holder.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.flush()


async def test_T137_a_lock_of_one_second_is_waited_out_and_reads_go_on(db: Database, tmp_path: Path) -> None:
    with held_by_another_process(tmp_path / "one.db") as holder:
        release = asyncio.create_task(let_go(holder, 1.0))
        writes = [asyncio.create_task(db.run(INSERT, number)) for number in range(20)]
        for _ in range(10):
            await asyncio.sleep(0.02)
            started = time.perf_counter()
            assert await db.all("SELECT id FROM thing") == []
            assert time.perf_counter() - started < 0.2
        assert await asyncio.gather(*writes) == [1] * 20
        await release
    assert len(await db.all("SELECT id FROM thing")) == 20


async def test_T138_nobody_waits_longer_than_two_seconds_and_then_surely_nothing_was_done(
    db: Database, tmp_path: Path
) -> None:
    """However many wait: their two seconds run at once, not one after another."""
    with held_by_another_process(tmp_path / "one.db"):
        started = time.perf_counter()
        results = await asyncio.gather(
            *(db.run(INSERT, number) for number in range(10)), return_exceptions=True
        )
        waited = time.perf_counter() - started
    assert all(isinstance(one, DatabaseUnavailable) for one in results)
    assert 1.8 < waited < 3.0
    assert await db.all("SELECT id FROM thing") == []
    assert await db.run(INSERT, 1) == 1


def test_several_processes_may_make_and_migrate_one_database_at_once(tmp_path: Path) -> None:
    for round_ in range(3):
        url = f"sqlite://{tmp_path}/new{round_}/one.db"
        started = [
            subprocess.Popen(
                [sys.executable, "-c", OPEN, url, str(number + 1)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=environment({"PYTHONPATH": str(ROOT / "src")}),
            )
            for number in range(4)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        told = [process.communicate(timeout=30) for process in started]
        assert [process.returncode for process in started] == [0] * 4, told
        assert len({out for out, _ in told}) == 1
        found = sqlite3.connect(tmp_path / f"new{round_}/one.db")
        assert found.execute("SELECT COUNT(*) FROM organizations").fetchone()[0] == 4
        found.close()


async def test_migrating_twice_changes_nothing(db: Database) -> None:
    version = await schema_version(db)
    assert version >= 1
    assert await migrate(db) == 0
    assert await schema_version(db) == version


async def test_a_migration_that_another_process_applies_meanwhile_is_not_applied_again(
    tmp_path: Path,
) -> None:
    opened = [await open_database(f"sqlite://{tmp_path}/both.db") for _ in range(2)]
    await opened[0].run("DROP TABLE home")
    await opened[0].run("DELETE FROM schema_version")
    for name in await opened[0].all("SELECT name FROM sqlite_master WHERE type = 'table'"):
        if name[0] not in ("schema_version", "sqlite_sequence"):
            await opened[0].run(f"DROP TABLE IF EXISTS {name[0]}")
    applied = await asyncio.gather(*(migrate(one) for one in opened))
    assert sorted(applied) == [0, await schema_version(opened[0])]
    for one in opened:
        await one.close()


def test_T122_the_file_of_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Also with the widest umask."""
    script = f"import os; os.umask(0)\n{OPEN}"
    url = f"sqlite://{tmp_path}/private/one.db"
    subprocess.run(
        [sys.executable, "-c", script, url, "1"], input="\n", text=True, check=True, cwd=ROOT, timeout=30
    )
    folder = tmp_path / "private"
    assert folder.stat().st_mode & 0o777 == 0o700
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


@pytest.mark.parametrize("url", ["file:x", "", "mysql://x"])
async def test_another_kind_of_url_is_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite://"):
        await open_database(url)


async def test_a_missing_file_is_not_made_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await open_database(f"sqlite://{tmp_path}/none.db", create=False)
    assert not (tmp_path / "none.db").exists()


async def test_T137_a_held_file_is_503_with_retry_after_and_no_token_is_lost(site: Site) -> None:
    """RFC 6749 §5.2 has no word for it: 503, `temporarily_unavailable`, and the code still works."""
    app = await site.app("self-client")
    code = await site.console_code(app)
    path = Path(site.server.settings.database.removeprefix("sqlite://"))
    with held_by_another_process(path):
        refused = await site.exchange(app, code)
    assert refused.status_code == 503, refused.text
    assert refused.json()["error"] == "temporarily_unavailable"
    assert int(refused.headers["retry-after"]) > 0
    assert (await site.exchange(app, code)).status_code == 200


async def test_T49_revoking_in_a_held_file_is_503_and_never_200(site: Site) -> None:
    """RFC 7009 §2.2.1: a client told 503 must assume that the token lives."""
    app = await site.app("self-client")
    tokens = await site.tokens(app)
    path = Path(site.server.settings.database.removeprefix("sqlite://"))
    body = {**app.credentials, "token": tokens["refresh_token"]}
    with held_by_another_process(path):
        refused = await site.post("/oauth/v2/token/revoke", body)
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200
