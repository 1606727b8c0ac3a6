"""The command line: each command's help, its sentence, its JSON, its exit status."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from grantline.cli.commands import app
from tests.command_line import Done, forget_settings, run_command

CALLBACK: Final = "https://app.example/callback"
OPTIONS: Final = {
    "demo": ["--port", "--data"],
    "serve": ["--database", "--workers", "--tls-certificate", "--tls-key", "--trusted-proxy"],
    "migrate": ["--to"],
    "doctor": [],
    "keys rotate": [],
    "logs": ["--client", "-f", "--group"],
    "user create": ["--password-stdin"],
    "user move": ["--to", "--cancel"],
    "client create": [
        *("--type", "--name", "--redirect-uri", "--origin", "--implicit", "--vendor-compatible", "--owner"),
        *("--data-centers", "--post-logout-redirect-uri", "--app-scope"),
    ],
    "client update": [
        *("--name", "--redirect-uri", "--origin", "--implicit", "--vendor-compatible"),
        *("--workspace", "--owner"),
    ],
    "client apply": ["--client", "--dry-run", "--server"],
    "client manifest": ["--server"],
    "client export": [],
    "client users": ["--revoke"],
    "workspace list": ["--owner"],
    "workspace create": ["--owner"],
    "workspace rename": [],
    "workspace member list": [],
    "workspace member add": ["--role"],
    "workspace member remove": [],
    "workspace member role": ["--role"],
    "token create": ["--name", "--scope", "--days", "--owner", "--workspace"],
    "token list": ["--owner"],
    "token revoke": ["--owner"],
    "client list": [],
    "client show": [],
    "client delete": [],
    "client secret add": [],
    "client secret reset": [],
    "client secret revoke": [],
    "api create": ["--identifier", "--scopes", "--name"],
    "code": ["--client", "--scope", "--minutes", "--description"],
}
"""What interfaces.md promises."""
TYPES: Final = {
    "server-based": ["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", "https://app.example/bye"],
    "client-based": ["--redirect-uri", CALLBACK, "--origin", "https://app.example", "--implicit"],
    "self-client": ["--app-scope", "CRM.modules.leads.READ"],
    "non-browser": [],
    "mobile": ["--redirect-uri", "com.example.app:/cb", "--redirect-uri", "http://127.0.0.1/cb"],
}
OWNER: Final = "mara@example.com"


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands, with no setting in the environment."""
    forget_settings(monkeypatch)
    return run_command


@pytest.fixture
def database(run: Run, tmp_path: Path) -> str:
    """A fresh database with one account and its keys."""
    url = f"sqlite://{tmp_path}/data/grantline.db"
    assert run("migrate", database=url).status == 0
    create_owner(run, url)
    return url


def create_owner(run: Run, url: str) -> None:
    done = run("user", "create", OWNER, "--password-stdin", input="correct horse battery\n", database=url)
    assert done.status == 0, done.err


def create_client(run: Run, url: str, type_name: str = "server-based", *more: str) -> dict[str, Any]:
    """A client of this type, and what was told about it."""
    given = TYPES[type_name]
    name = f"Test {type_name.replace('-', ' ')}"
    args = ["--type", type_name, "--name", name, "--homepage", "https://app.example", *given, *more]
    found: dict[str, Any] = run("client", "create", *args, "--json", database=url).json
    return found


def leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its words."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from leaves(child, f"{path} {name}".strip())


COMMANDS: Final = dict(leaves(typer.main.get_command(app)))


def test_the_commands_of_the_interface_exist() -> None:
    assert set(OPTIONS) <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_has_help_that_names_its_options(words: str, run: Run) -> None:
    done = run(*words.split(), "--help")
    assert (done.status, done.err) == (0, "")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.out)
    assert "Usage:" in plain
    declared = {name for parameter in COMMANDS[words].params for name in parameter.opts}
    for option in OPTIONS.get(words, []):
        assert option in declared
    if words not in ("demo", "serve"):
        assert {"--json", "--database"} <= declared
    for parameter in COMMANDS[words].params:
        assert parameter.help, parameter.name


NO_SECRETS = {
    *("tls_key", "own_secret", "reset_secret", "same_secret", "revoke_secret"),
    *("token_format", "token_seconds"),
}
"""Options that take the name of a file, the code of a data center, the id of a secret, or the form or life of
tokens."""


def test_T122_no_command_takes_a_secret_as_an_argument() -> None:
    """What stands in `argv` is in the shell's history and in every process list."""
    for words, command in COMMANDS.items():
        for parameter in command.params:
            name = parameter.name or ""
            taken = re.search(r"password|secret|token|key|code$", name) and not name.endswith("_id")
            is_switch = getattr(parameter, "is_flag", False)
            assert not taken or is_switch or name in NO_SECRETS, (words, name)


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["client", "create"],
        ["client", "create", "--type", "toaster"],
        ["client", "show"],
        ["code", "--client", "x", "--scope", "y", "--minutes", "4"],
        ["code", "--client", "x"],
        ["serve", "--nonsense"],
        ["demo", "--port", "80"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_a_word_on_standard_error(args: list[str], run: Run) -> None:
    done = run(*args)
    assert (done.status, done.out) == (2, "")
    assert done.err


def test_without_a_database_a_command_says_how_to_name_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("client", "list")
    assert (done.status, done.out) == (1, "")
    assert "GRANTLINE_DATABASE" in done.err
    missing = run("client", "list", database=f"sqlite://{tmp_path}/none.db")
    assert (missing.status, missing.out) == (1, "")
    assert not (tmp_path / "none.db").exists()
    foreign = run("client", "list", database="mysql://localhost/x")
    assert foreign.status == 1
    assert len(foreign.err.splitlines()) == 1


def test_the_database_is_the_option_then_the_environment_then_the_demo(
    run: Run, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".grantline").mkdir()
    facts = {"data_centers": [{"code": "us", "database": database}]}
    (tmp_path / ".grantline" / "demo.json").write_text(json.dumps(facts))
    assert run("client", "list").status == 0
    monkeypatch.setenv("GRANTLINE_DATABASE", "sqlite:///nowhere/at/all.db")
    assert run("client", "list").status == 1
    assert run("client", "list", database=database).status == 0


@pytest.mark.parametrize("type_name", TYPES)
def test_a_client_of_each_type_is_registered_shown_changed_and_deleted(
    type_name: str, run: Run, database: str
) -> None:
    made = create_client(run, database, type_name)
    client_id = made["client_id"]
    assert re.fullmatch(r"glc_us_\w+", client_id)
    has_secret = type_name in ("server-based", "self-client", "non-browser")
    assert ("client_secret" in made) is has_secret
    assert made["redirect_uris"] == [
        value
        for flag, value in zip(TYPES[type_name], TYPES[type_name][1:], strict=False)
        if flag == "--redirect-uri"
    ]
    shown = run("client", "show", client_id, "--json", database=database).json
    assert shown == {name: value for name, value in made.items() if name != "client_secret"}
    assert [shown] == run("client", "list", "--json", database=database).json

    changed = run("client", "update", client_id, "--name", "Renamed", "--json", database=database).json
    assert changed == {**shown, "client_name": "Renamed"}
    deleted = run("client", "delete", client_id, "--json", database=database).json
    assert deleted == {"client_id": client_id, "deleted": True}
    assert run("client", "show", client_id, database=database).status == 1
    assert run("client", "list", "--json", database=database).json == []


def test_sentences_for_people_say_what_was_done(run: Run, database: str) -> None:
    made = run(
        *("client", "create", "--type", "server-based", "--name", "Lead Desk", "--redirect-uri", CALLBACK),
        *("--homepage", "https://app.example"),
        database=database,
    )
    assert made.out.startswith("Registered Lead Desk (Server-based).\n")
    (client_id,) = re.findall(r"glc_us_\w+", made.out)
    assert len(re.findall(r"gls_us_\w+", made.out)) == 1
    sentences = {
        ("client", "show", client_id): "Lead Desk",
        ("client", "list"): client_id,
        ("client", "secret", "add", client_id): "Added secret sec_",
        ("client", "secret", "reset", client_id): "Reset.",
        ("client", "update", client_id, "--disable"): "Changed Lead Desk",
        ("api", "create", "--identifier", "https://api.example", "--scopes", "CRM", "--name", "CRM"): "CRM",
        ("api", "list"): "https://api.example",
        ("user", "disable", OWNER): f"Disabled {OWNER}",
        ("user", "enable", OWNER): f"Enabled {OWNER}",
        ("client", "delete", client_id): "Deleted Lead Desk",
        ("logs",): "Nothing failed lately.",
        ("migrate",): "The database is at schema version",
    }
    for words, sentence in sentences.items():
        done = run(*words, database=database)
        assert (done.status, done.err) == (0, ""), words
        assert sentence in done.out, words


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["client", "show", "glc_us_nobody"], "glc_us_nobody"),
        (["client", "delete", "glc_us_nobody"], "glc_us_nobody"),
        (
            ["client", "create", "--type", "mobile", "--name", "X", "--redirect-uri", "javascript:alert(1)"],
            "redirect_uris",
        ),
        (
            [
                "client",
                "create",
                "--type",
                "server-based",
                "--name",
                "X",
                "--redirect-uri",
                "http://app.example/cb",
            ],
            "https",
        ),
        (
            ["client", "create", "--type", "self-client", "--owner", "nobody@example.com"],
            "nobody@example.com",
        ),
        (["client", "create", "--type", "server-based"], "name"),
        (["code", "--client", "glc_us_nobody", "--scope", "openid"], "glc_us_nobody"),
        (["user", "create", OWNER, "--password-stdin"], OWNER),
        (["user", "create", "nonsense", "--password-stdin"], "address"),
        (["user", "disable", "nobody@example.com"], "nobody@example.com"),
        (["logs", "req_us_nothing"], "req_us_nothing"),
        (["api", "create", "--identifier", "nonsense", "--scopes", "CRM", "--name", "CRM"], ""),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["sentence", "json"])
def test_what_cannot_be_done_ends_with_1_and_a_sentence(
    args: list[str], told: str, more: list[str], run: Run, database: str
) -> None:
    done = run(*args, *more, input="another long password\n", database=database)
    assert (done.status, done.out) == (1, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_password_is_read_from_standard_input_and_a_short_one_refused(run: Run, database: str) -> None:
    short = run("user", "create", "t@example.com", "--password-stdin", input="short\n", database=database)
    assert (short.status, short.out) == (1, "")
    made = run("user", "create", "t@example.com", "--json", database=database).json
    assert len(made["password"]) >= 16
    told = run(
        "user",
        "create",
        "u@example.com",
        "--password-stdin",
        "--json",
        input="a fine password\n",
        database=database,
    )
    assert set(told.json) == {"email", "sub"}
    assert "fine" not in told.out


def test_T122_json_holds_a_secret_only_in_the_command_that_made_it(run: Run, database: str) -> None:
    made = create_client(run, database)
    client_id = made["client_id"]
    added = run("client", "secret", "add", client_id, "--json", database=database).json
    assert added["client_secret"] != made["client_secret"]
    reset = run("client", "secret", "reset", client_id, "--json", database=database).json
    assert reset["client_secret"].startswith("gls_us_")
    api = run(
        "api",
        "create",
        "--identifier",
        "https://api.example",
        "--scopes",
        "CRM",
        "--name",
        "CRM",
        "--json",
        database=database,
    ).json
    assert {"client_id", "client_secret", "identifier"} <= set(api)
    for words in (["client", "show", client_id], ["client", "list"], ["api", "list"], ["logs"]):
        for form in ([], ["--json"]):
            assert "gls_" not in run(*words, *form, database=database).out


def test_secrets_of_a_client_are_added_revoked_and_named_by_their_id(run: Run, database: str) -> None:
    client_id = create_client(run, database)["client_id"]
    added = run("client", "secret", "add", client_id, "--json", database=database).json
    revoked = run(
        "client", "secret", "revoke", client_id, added["secret_id"], "--json", database=database
    ).json
    assert revoked == {"client_id": client_id, "secret_id": added["secret_id"], "revoked": True}
    shown = run("client", "show", client_id, "--json", database=database).json
    assert added["secret_id"] not in shown["secret_ids"]
    assert len(shown["secret_ids"]) == 1
    last = run("client", "secret", "revoke", client_id, "sec_nothing", database=database)
    assert (last.status, last.out) == (1, "")


def test_the_only_account_is_the_owner_and_of_two_one_must_be_named(run: Run, database: str) -> None:
    assert create_client(run, database, "non-browser")
    run("user", "create", "tom@example.com", database=database)
    refused = run("client", "create", "--type", "self-client", database=database)
    assert (refused.status, "--owner" in refused.err) == (1, True)
    assert run("client", "create", "--type", "self-client", "--owner", OWNER, database=database).status == 0


def test_doctor_is_content_until_a_file_can_be_read_by_others(run: Run, database: str) -> None:
    path = Path(database.removeprefix("sqlite://"))
    assert run("keys", "rotate", database=database).status == 0
    well = run("doctor", database=database)
    assert (well.status, well.out, well.err) == (0, "All is well.\n", "")
    assert run("doctor", "--json", database=database).json == {"problems": []}
    path.chmod(0o644)
    ill = run("doctor", database=database)
    assert (ill.status, ill.out) == (1, "")
    assert f"chmod 600 {path}" in ill.err
    told = run("doctor", "--json", database=database)
    assert told.status == 1
    assert len(json.loads(told.out)["problems"]) == 1


def test_T131_doctor_tells_when_the_audit_was_altered_and_export_prints_it(run: Run, database: str) -> None:
    import asyncio

    from grantline.audit import SEAL_PURPOSE, seal_events
    from grantline.db import open_database
    from grantline.keys import Envelope, load_master_key

    assert run("keys", "rotate", database=database).status == 0
    key_file = Path(database.removeprefix("sqlite://")).with_name("master.key")
    key = Envelope(load_master_key(key_file, create=False), "us").derive(SEAL_PURPOSE)

    async def change(statement: str) -> None:
        db = await open_database(database)
        await seal_events(db, key)
        await db.run(statement)
        await db.close()

    asyncio.run(change("UPDATE audit SET kind = kind"))
    assert run("doctor", database=database).status == 0
    lines = run("audit", "export", database=database).out.splitlines()
    events = [json.loads(line) for line in lines]
    assert "keys.rotated" in {event["kind"] for event in events}
    assert run("audit", "export", "--json", database=database).json == events
    asyncio.run(change("UPDATE audit SET detail = '{}' WHERE kind = 'keys.rotated'"))
    told = run("doctor", database=database)
    assert told.status == 1
    assert "of the audit" in told.err
    assert "not as it was sealed" in told.err


def test_doctor_tells_when_the_clock_is_behind_what_was_written(run: Run, database: str) -> None:
    import sqlite3
    import time

    assert run("keys", "rotate", database=database).status == 0
    file = sqlite3.connect(database.removeprefix("sqlite://"), isolation_level=None)
    file.execute("INSERT INTO home (one, code, issuer, demo) VALUES (1, 'us', '', 0)")
    assert run("doctor", database=database).status == 0
    file.execute("UPDATE home SET newest_at = ?", (int(time.time()) + 3600,))
    file.close()
    told = run("doctor", database=database)
    assert told.status == 1
    assert "s behind the database's. Set it (NTP)." in told.err
