"""`grantline client data-centers`: where an app works, by the command line."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from grantline.datacenters import DataCenter, DataCenters, note_heard, store_data_centers
from grantline.db import open_database
from tests.command_line import Done, forget_settings, run_command

OWNER: Final = "mara@example.com"
HERE: Final = DataCenter("us", "https://accounts.us.example", "https://api.us.example", "United States")
THERE: Final = DataCenter("eu", "https://accounts.eu.example", "https://api.eu.example", "Europe")

Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands, with no setting in the environment."""
    forget_settings(monkeypatch)
    return run_command


async def _list_europe(url: str) -> None:
    db = await open_database(url)
    await store_data_centers(db, DataCenters(HERE, (THERE,)))
    await db.close()


@pytest.fixture
def database(run: Run, tmp_path: Path) -> str:
    """A fresh database with an account, where Europe is listed beside this data center."""
    url = f"sqlite://{tmp_path}/data/grantline.db"
    assert run("migrate", database=url).status == 0
    made = run("user", "create", OWNER, "--password-stdin", input="correct horse battery\n", database=url)
    assert made.status == 0, made.err
    asyncio.run(_list_europe(url))
    return url


@pytest.fixture
def client(run: Run, database: str) -> str:
    """A server-based app."""
    options = ("--type", "server-based", "--name", "Dockside", "--redirect-uri", "https://dock.example/cb")
    made = run("client", "create", *options, "--owner", OWNER, "--json", database=database)
    assert made.status == 0, made.err
    return str(made.json["client_id"])


def audited(url: str) -> list[str]:
    """The kinds in the audit, and what they hold."""

    async def read() -> list[str]:
        db = await open_database(url)
        rows = await db.all("SELECT kind, detail FROM audit ORDER BY id")
        await db.close()
        return [f"{row[0]} {row[1]}" for row in rows]

    return asyncio.run(read())


def test_an_app_is_switched_on_and_off_and_its_secrets_there_changed(
    run: Run, database: str, client: str
) -> None:
    def centers(*options: str) -> Any:
        done = run("client", "data-centers", client, "--json", *options, database=database)
        assert done.status == 0, done.err
        return done.json

    home, europe = centers()["data_centers"]
    assert (home["data_center"], home["home"]) == ("us", True)
    assert (europe["enabled"], europe["waiting_since"]) == (False, None)
    europe = centers("--on", "eu")["data_centers"][1]
    assert europe["enabled"]
    assert europe["waiting_since"] is not None
    shown = run("client", "show", client, database=database)
    assert "data_centers: ['us', 'eu']" in shown.out
    own = centers("--own-secret", "eu")
    assert own["client_secret"].startswith("gls_eu_")
    assert own["data_centers"][1]["own_secret_ids"] == [own["secret_id"]]
    second = centers("--own-secret", "eu")
    revoked = centers("--revoke-secret", own["secret_id"])
    assert revoked["data_centers"][1]["own_secret_ids"] == [second["secret_id"]]
    reset = centers("--reset-secret", "eu")
    assert reset["data_centers"][1]["own_secret_ids"] == [reset["secret_id"]]
    assert centers("--same-secret", "eu")["data_centers"][1]["own_secret_ids"] is None
    assert not centers("--off", "eu")["data_centers"][1]["enabled"]
    kinds = [line.partition(" ")[0] for line in audited(database)]
    secrets = ["secret.added", "secret.added", "secret.revoked", "secret.reset", "secret.shared"]
    made = ["account.created", "client.created"]
    assert sorted(kinds) == sorted([*made, "client.updated", *secrets, "client.updated"])
    assert not any(one["client_secret"] in line for line in audited(database) for one in (own, second, reset))


def test_the_command_says_in_words_how_far_a_change_has_got(run: Run, database: str, client: str) -> None:
    lines = run("client", "data-centers", client, "--on", "eu", database=database).out.splitlines()
    assert lines[0] == "us    registered here"
    assert lines[1].startswith("eu    on, waiting since ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--on", "in"), "There is no data center in."),
        (("--off", "us"), "A client always works in the data center where it is registered."),
        (("--own-secret", "eu"), "Turn the data center on for this client first."),
        (("--revoke-secret", "sec_0"), "No data center has a secret sec_0 of its own for this client."),
    ],
)
def test_what_can_not_be_done_is_told(
    run: Run, database: str, client: str, options: tuple[str, ...], told: str
) -> None:
    before = audited(database)
    done = run("client", "data-centers", client, *options, database=database)
    assert (done.status, done.err.strip()) == (1, told)
    assert audited(database) == before


def test_a_manifest_switches_and_a_dry_run_only_tells(
    run: Run, database: str, client: str, tmp_path: Path
) -> None:
    file = tmp_path / "app.yaml"
    file.write_text("data_centers:\n  - eu\n")
    tried = run("client", "apply", str(file), "--client", client, "--dry-run", database=database)
    assert tried.out.splitlines()[:2] == ["data_centers:", "  + eu"]
    assert not run("client", "data-centers", client, "--json", database=database).json["data_centers"][1][
        "enabled"
    ]
    assert run("client", "apply", str(file), "--client", client, database=database).status == 0
    assert run("client", "data-centers", client, "--json", database=database).json["data_centers"][1][
        "enabled"
    ]
    text = run("client", "manifest", client, database=database).out
    assert "data_centers:\n  - us\n  - eu" in text
    file.write_text("data_centers: [in]\n")
    refused = run("client", "apply", str(file), "--client", client, "--dry-run", database=database)
    assert refused.status == 1
    assert "There is no data center in." in refused.err


def test_the_list_of_data_centers_says_when_in_words(run: Run, database: str) -> None:
    async def hear() -> None:
        db = await open_database(database)
        await note_heard(db, "eu", 1_790_000_000)
        await db.close()

    asyncio.run(hear())
    assert run("data-centers", "list", database=database).out == (
        "eu  https://accounts.eu.example  heard 2026-09-21 14:13:20, told never\n"
    )
