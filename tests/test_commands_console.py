"""The command line does what the console does: manifests, workspaces, personal tokens, users, causes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from grantline.cli.remote import VARIABLE
from grantline.db import open_database
from tests.command_line import Done, forget_settings, run_command
from tests.running import Demo
from tests.site import Site

OWNER: Final = "mara@example.com"
OTHER: Final = "tom@example.com"
MANIFEST: Final = """type: server-based
name: Dockside
redirect_uris:
  - https://dock.example/cb
  - https://dock.example/old
"""

Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands, with no setting in the environment."""
    forget_settings(monkeypatch)
    return run_command


@pytest.fixture
def database(run: Run, tmp_path: Path) -> str:
    """A fresh database with two accounts."""
    url = f"sqlite://{tmp_path}/data/grantline.db"
    assert run("migrate", database=url).status == 0
    for email in (OWNER, OTHER):
        made = run("user", "create", email, "--password-stdin", input="correct horse battery\n", database=url)
        assert made.status == 0, made.err
    return url


def write(folder: Path, text: str) -> str:
    path = folder / "app.yaml"
    path.write_text(text)
    return str(path)


def rows(url: str, sql: str) -> list[Any]:
    """Rows of the database."""

    async def read() -> list[Any]:
        db = await open_database(url)
        try:
            return [tuple(row) for row in await db.all(sql)]
        finally:
            await db.close()

    return asyncio.run(read())


def test_a_manifest_makes_an_app_once_and_then_changes_it(run: Run, database: str, tmp_path: Path) -> None:
    file = write(tmp_path, MANIFEST)

    def apply(*more: str) -> Any:
        return run("client", "apply", file, "--owner", OWNER, "--json", *more, database=database).json

    tried = apply("--dry-run")
    assert (tried["applied"], tried["created"], tried["client_id"]) == (False, True, "")
    assert run("client", "list", "--json", database=database).json == []
    made = apply()
    assert made["client_secret"].startswith("gls_")
    again = apply()
    assert (again["client_id"], again["changes"], again["created"]) == (made["client_id"], [], False)
    write(tmp_path, MANIFEST.replace("/old", "/new"))
    told = run("client", "apply", file, "--owner", OWNER, "--dry-run", database=database)
    assert told.out.splitlines() == [
        "redirect_uris:",
        "  - https://dock.example/old",
        "  + https://dock.example/new",
        f"Would change {made['client_id']}.",
    ]
    assert apply()["applied"] is True
    written = run("client", "manifest", made["client_id"], database=database)
    assert "https://dock.example/new" in written.out
    write(tmp_path, written.out)
    assert apply("--client", made["client_id"])["changes"] == []
    kinds = [
        row[0] for row in rows(database, "SELECT kind FROM audit WHERE kind LIKE 'client.%' ORDER BY at, id")
    ]
    assert sorted(kinds) == ["client.created", "client.updated"]
    folder = tmp_path / "all"
    files = run("client", "export", str(folder), "--json", database=database).json["files"]
    assert [Path(path).stem for path in files] == [made["client_id"]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense: 1\n", "There is no key nonsense"),
        ("name: Dockside\n", "name and type"),
        (MANIFEST.replace("https://dock.example/cb", "http://dock.example/cb"), "https"),
        ("a: &a [*a]\n", ""),
    ],
)
def test_a_manifest_that_will_not_do_changes_nothing_and_says_why(
    run: Run, database: str, tmp_path: Path, text: str, sentence: str
) -> None:
    done = run("client", "apply", write(tmp_path, text), "--owner", OWNER, database=database)
    assert (done.status, done.out) == (1, "")
    assert sentence in done.err
    assert rows(database, "SELECT 1 FROM clients") == []


def test_a_team_is_made_and_its_apps_and_people_change(run: Run, database: str) -> None:
    def ask(*words: str) -> Any:
        return run(*words, "--json", database=database).json

    team = ask("workspace", "create", "Northgate", "--owner", OWNER)["workspace_id"]
    number = str(team)
    assert ask("workspace", "member", "add", number, OTHER, "--role", "viewer")["role"] == "viewer"
    assert ask("workspace", "member", "role", number, OTHER, "--role", "developer")["role"] == "developer"
    people = ask("workspace", "member", "list", number)
    assert {one["email"]: one["role"] for one in people} == {OWNER: "owner", OTHER: "developer"}
    made = ask(
        *("client", "create", "--type", "non-browser", "--name", "Lead TV", "--owner", OTHER),
        *("--workspace", number),
    )
    assert made["workspace_id"] == team
    own = next(one for one in ask("workspace", "list", "--owner", OWNER) if one["personal"] is False)
    assert own["workspace_id"] == team
    assert ask("workspace", "rename", number, "Southgate")["name"] == "Southgate"
    last = run("workspace", "member", "role", number, OWNER, "--role", "viewer", database=database)
    assert (last.status, "needs an owner" in last.err) == (1, True)
    assert ask("workspace", "member", "remove", number, OTHER)["removed"] is True
    second = ask("workspace", "create", "Eastgate", "--owner", OWNER)["workspace_id"]
    moved = ask("client", "update", made["client_id"], "--workspace", str(second), "--owner", OWNER)
    assert moved["workspace_id"] == second
    refused = run(
        *("client", "update", made["client_id"], "--workspace", number, "--owner", OTHER), database=database
    )
    assert refused.status == 1
    seen = {row[0] for row in rows(database, f"SELECT kind FROM audit WHERE workspace_id = {team}")}
    assert seen >= {"workspace.created", "member.joined", "member.role_changed", "member.removed"}
    assert seen >= {"client.created", "client.transferred", "workspace.renamed"}


def test_a_personal_token_is_made_listed_and_ended(run: Run, database: str) -> None:
    made = run(
        *("token", "create", "--name", "Deploy", "--scope", "clients:read", "--scope", "audit:read"),
        *("--days", "7", "--owner", OWNER, "--json"),
        database=database,
    ).json
    assert made["token"].startswith("glp_us_")
    listed = run("token", "list", "--owner", OWNER, database=database)
    assert made["token_id"] in listed.out
    assert made["token"] not in listed.out
    foreign = run("token", "revoke", made["token_id"], "--owner", OTHER, database=database)
    assert foreign.status == 1
    assert run("token", "revoke", made["token_id"], "--owner", OWNER, database=database).status == 0
    assert run("token", "list", "--owner", OWNER, "--json", database=database).json == []
    for wrong in (["--days", "8"], ["--scope", "admin"]):
        done = run(
            *("token", "create", "--name", "x", "--scope", "clients:read", "--owner", OWNER),
            *wrong,
            database=database,
        )
        assert done.status == 1
    strange = ("token", "create", "--name", "x", "--scope", "clients:read", "--owner", OWNER)
    assert run(*strange, "--workspace", "7", database=database).status == 1


@pytest.mark.sqlite_only
async def test_users_are_listed_and_ended_and_causes_are_added_up(site: Site, run: Run) -> None:
    app = await site.app("server-based")
    token = (await site.tokens(app))["access_token"]
    for _ in range(3):
        await site.token(app, grant_type="refresh_token", refresh_token="glr_us_nothing")
    await site.mint.recorder.flush()
    url = site.server.settings.database

    async def ask(*words: str) -> Done:
        return await asyncio.to_thread(run, *words, database=url)

    [cause] = (await ask("logs", "--group", "--client", app.id, "--json")).json
    assert (cause["count"], bool(cause["fix"])) == (3, True)
    assert (await ask("logs", "--group")).status == 2
    [user] = (await ask("client", "users", app.id, "--json")).json
    assert user["account_id"] == str(site.account.id)
    assert await site.works(token)
    ended = (await ask("client", "users", app.id, "--revoke", user["account_id"], "--json")).json
    assert ended["ended"] == 1
    assert not await site.works(token)
    assert (await ask("client", "users", app.id, "--revoke", user["account_id"])).status == 1
    assert (await ask("client", "users", app.id, "--revoke", "all")).status == 0
    assert (await ask("client", "users", app.id, "--revoke", "x")).status == 2


def test_a_manifest_is_applied_over_the_consoles_api_of_a_running_server(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo: Demo
) -> None:
    us = demo.data_center("us")
    owner = next(user["email"] for user in demo.json["users"] if user.get("role") == "developer")
    scopes = ("--scope", "clients:read", "--scope", "clients:write")
    made = run(
        *("token", "create", "--name", "Deploy", *scopes, "--owner", owner, "--json"), database=us["database"]
    )
    monkeypatch.setenv(VARIABLE, made.json["token"])
    file = write(tmp_path, MANIFEST.replace("Dockside", "Over the wire"))

    def apply(*more: str) -> Any:
        return run("client", "apply", file, "--server", us["issuer"], "--json", *more).json

    assert apply("--dry-run")["applied"] is False
    first = apply()
    assert first["client_secret"].startswith("gls_")
    assert (apply()["client_id"], apply()["changes"]) == (first["client_id"], [])
    write(tmp_path, Path(file).read_text().replace("/old", "/new"))
    assert [change["key"] for change in apply()["changes"]] == ["redirect_uris"]
    shown = run("client", "manifest", first["client_id"], "--server", us["issuer"])
    assert "https://dock.example/new" in shown.out
    write(tmp_path, "name: x\n")
    refused = run("client", "apply", file, "--client", first["client_id"], "--server", us["issuer"])
    assert (refused.status, refused.err.startswith("name: ")) == (1, True)
    monkeypatch.setenv(VARIABLE, "glp_us_wrong")
    refused = run("client", "manifest", first["client_id"], "--server", us["issuer"])
    assert (refused.status, "Keys and CLI" in refused.err) == (1, True)
    assert run("client", "delete", first["client_id"], database=us["database"]).status == 0


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ("http://accounts.example.com", "Use https"),
        ("https://accounts.example.com/console", "by its address alone"),
        ("ftp://127.0.0.1", "by its address alone"),
        ("http://127.0.0.1:9", "GRANTLINE_TOKEN"),
    ],
)
def test_T122_a_token_goes_over_tls_or_stays_on_this_machine(
    run: Run, tmp_path: Path, server: str, sentence: str
) -> None:
    done = run("client", "apply", write(tmp_path, MANIFEST), "--server", server)
    assert (done.status, done.out) == (1, "")
    assert sentence in done.err
