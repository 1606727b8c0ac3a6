"""Commands beside a running server: what they change holds there in five seconds; what they leave on disk."""

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.command_line import run_command
from tests.running import ROOT, Server, environment, start_server

SCOPE: Final = "CRM.modules.leads.READ"
OWNER: Final = "mara@example.com"
PASSWORD: Final = "correct horse battery"
WITHIN_SECONDS: Final = 5.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one account and the CRM's API."""
    running = start_server(tmp_path_factory.mktemp("serve"))
    command(running, "user", "create", OWNER, "--password-stdin", input=f"{PASSWORD}\n")
    yield running
    assert running.process.stop() == 0


@pytest.fixture
def client(server: Server) -> dict[str, Any]:
    """A server-based client of its own for each test."""
    return told(
        server,
        *("client", "create", "--type", "server-based", "--name", "Lead Desk", "--owner", OWNER),
        *("--homepage", "https://app.example", "--redirect-uri", "https://app.example/callback"),
    )


def command(server: Server, *args: str, input: str = "") -> str:
    """What a command on the server's database prints. It runs in this process, which is not the server's."""
    done = run_command(*args, input=input, database=server.database)
    assert done.status == 0, done.err
    return done.out


def told(server: Server, *args: str) -> Any:
    """What a command tells machines."""
    return json.loads(command(server, *args, "--json"))


def ask_token(server: Server, client: dict[str, Any], **fields: str) -> httpx2.Response:
    """A token for the client itself."""
    credentials = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    form = {"grant_type": "client_credentials", "scope": SCOPE, **credentials, **fields}
    return httpx2.post(f"{server.issuer}/oauth/v2/token", data=form)


def introspect(server: Server, asker: dict[str, Any], token: str) -> dict[str, Any]:
    form = {name: asker[name] for name in ("client_id", "client_secret")} | {"token": token}
    found: dict[str, Any] = httpx2.post(f"{server.issuer}/oauth/v2/introspect", data=form).json()
    return found


def soon(holds: Callable[[], bool]) -> None:
    """It holds five seconds from now at the latest."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it does not hold after five seconds"
        time.sleep(0.05)


def test_a_client_works_from_its_registration_until_it_is_switched_off(
    server: Server, client: dict[str, Any]
) -> None:
    soon(lambda: ask_token(server, client).status_code == 200)
    token = ask_token(server, client).json()["access_token"]
    assert introspect(server, client, token)["active"] is True
    command(server, "client", "update", client["client_id"], "--disable")
    soon(lambda: ask_token(server, client).json().get("grantline_code") == "client_disabled")
    command(server, "client", "update", client["client_id"], "--enable")
    soon(lambda: ask_token(server, client).status_code == 200)


def test_deleting_a_client_ends_its_tokens(server: Server, client: dict[str, Any]) -> None:
    other = told(server, "client", "create", "--type", "self-client", "--owner", OWNER)
    code = command(server, "code", "--client", other["client_id"], "--scope", SCOPE).strip()
    assert code
    token = ask_token(server, client).json()["access_token"]
    command(server, "client", "delete", client["client_id"])
    soon(lambda: ask_token(server, client).status_code == 401)
    answer = httpx2.get(f"{server.issuer}/oauth/v2/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_reset_ends_the_old_secret_and_an_added_one_does_not(
    server: Server, client: dict[str, Any]
) -> None:
    added = client | told(server, "client", "secret", "add", client["client_id"])
    soon(lambda: ask_token(server, added).status_code == 200)
    assert ask_token(server, client).status_code == 200
    command(server, "client", "secret", "revoke", client["client_id"], added["secret_id"])
    soon(lambda: ask_token(server, added).status_code == 401)
    reset = client | told(server, "client", "secret", "reset", client["client_id"])
    soon(lambda: ask_token(server, client).status_code == 401)
    assert ask_token(server, reset).status_code == 200


def test_a_new_api_is_the_audience_of_its_tokens_and_may_introspect_them(
    server: Server, client: dict[str, Any]
) -> None:
    identifier = "https://crm.api.example"
    api = told(server, "api", "create", "--identifier", identifier, "--scopes", "CRM", "--name", "CRM")

    def known() -> bool:
        token = ask_token(server, client).json()["access_token"]
        seen = introspect(server, api, token)
        return seen.get("active") is True and seen.get("aud") == identifier

    soon(known)


def test_rotated_keys_are_published_at_once_and_compromised_ones_dropped(
    server: Server, client: dict[str, Any]
) -> None:
    def published() -> set[str]:
        return {key["kid"] for key in httpx2.get(f"{server.issuer}/oauth/v2/keys").json()["keys"]}

    before = published()
    token = ask_token(server, client).json()["access_token"]
    command(server, "keys", "rotate")
    soon(lambda: published() > before)
    assert introspect(server, client, token)["active"] is True
    assert ask_token(server, client).status_code == 200

    command(server, "keys", "rotate", "--compromised")
    soon(lambda: introspect(server, client, token) == {"active": False})
    soon(lambda: not published() & before)
    assert introspect(server, client, ask_token(server, client).json()["access_token"])["active"] is True


def test_the_code_stands_alone_on_standard_output_and_is_good_at_once(server: Server) -> None:
    client = told(server, "client", "create", "--type", "self-client", "--owner", OWNER)
    if "client_secret" not in client:
        client |= told(server, "client", "secret", "reset", client["client_id"])
    printed = command(server, "code", "--client", client["client_id"], "--scope", f"{SCOPE},openid")
    assert re.fullmatch(r"glg_us_\w+\n", printed)
    answer = ask_token(server, client, grant_type="authorization_code", code=printed.strip(), scope="")
    assert answer.status_code == 200
    assert answer.json()["scope"] == f"{SCOPE} openid"
    for minutes in ("3", "5", "7", "10"):
        made = told(server, "code", "--client", client["client_id"], "--scope", SCOPE, "--minutes", minutes)
        assert made["expires_in"] == int(minutes) * 60
        assert re.fullmatch(r"glg_us_\w+", made["code"])


def test_a_disabled_account_cannot_sign_in_and_its_tokens_are_dead(server: Server) -> None:
    email = "tom@example.com"
    command(server, "user", "create", email, "--password-stdin", input=f"{PASSWORD}\n")
    client = told(server, "client", "create", "--type", "self-client", "--owner", email)
    code = command(server, "code", "--client", client["client_id"], "--scope", "openid").strip()
    answer = ask_token(server, client, grant_type="authorization_code", code=code, scope="")
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    userinfo = f"{server.issuer}/oauth/v2/userinfo"
    assert httpx2.get(userinfo, headers=bearer).status_code == 200
    command(server, "user", "disable", email)
    soon(lambda: httpx2.get(userinfo, headers=bearer).status_code == 401)
    command(server, "user", "enable", email)
    soon(lambda: httpx2.get(userinfo, headers=bearer).status_code == 200)


def test_a_failed_request_is_found_by_its_id_and_seen_while_following(
    server: Server, client: dict[str, Any], tmp_path: Path
) -> None:
    with (tmp_path / "out").open("wb") as out:
        following = subprocess.Popen(
            [sys.executable, "-m", "grantline", "logs", "--client", client["client_id"], "-f"],
            stdout=out,
            cwd=ROOT,
            env=environment({"GRANTLINE_DATABASE": server.database}),
        )
        refused = ask_token(server, client, client_secret="wrong").json()
        soon_after = time.monotonic() + 2 * WITHIN_SECONDS
        while refused["request_id"] not in (tmp_path / "out").read_text():
            assert time.monotonic() < soon_after
            time.sleep(0.1)
        following.terminate()
        following.wait(10)
    story = told(server, "logs", refused["request_id"])
    assert (story["code"], story["error"]) == ("client_secret_wrong", "invalid_client")
    assert story["cause"]
    assert story["fix"]
    assert story["fix"] in command(server, "logs", refused["request_id"])
    listed = told(server, "logs", "--client", client["client_id"])
    assert refused["request_id"] in {entry["request_id"] for entry in listed}


def grantline_under(
    umask: int, *args: str, database: str, input: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command started by a shell with this umask."""
    return subprocess.run(
        ["sh", "-c", f'umask {umask:03o}; exec "$@"', "sh", sys.executable, "-m", "grantline", *args],
        input=input,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment({"GRANTLINE_DATABASE": database}),
        timeout=60,
        check=False,
    )


def test_T122_files_are_their_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    database = f"sqlite://{tmp_path}/new/folder/grantline.db"
    assert grantline_under(0, "migrate", database=database).returncode == 0
    made = grantline_under(
        0, "user", "create", OWNER, "--password-stdin", database=database, input=f"{PASSWORD}\n"
    )
    assert made.returncode == 0, made.stderr
    assert grantline_under(0, "keys", "rotate", database=database).returncode == 0
    found = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert {"grantline.db", "master.key"} <= set(found)
    for path in (tmp_path / "new" / "folder").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((tmp_path / "new" / "folder").stat().st_mode) == 0o700


@pytest.mark.parametrize("target", ["missing", "there"])
@pytest.mark.parametrize("name", ["grantline.db", "master.key"])
def test_T122_a_planted_link_is_refused(name: str, target: str, tmp_path: Path) -> None:
    """Whoever may write beside the database does not choose where secrets are written."""
    folder = tmp_path / "data"
    database = f"sqlite://{folder}/grantline.db"
    elsewhere = tmp_path / "elsewhere"
    content = b"ab" * 32 if name == "master.key" else b""  # what would do in the place of the file
    if target == "there":
        elsewhere.write_bytes(content)
    if name == "master.key":
        assert grantline_under(0o022, "migrate", database=database).returncode == 0
    else:
        folder.mkdir()
    (folder / name).symlink_to(elsewhere)
    refused = grantline_under(0o022, "keys", "rotate", database=database)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert str(folder / name) in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not elsewhere.exists() or elsewhere.read_bytes() == content


def test_T122_a_password_never_stands_in_the_process_list(server: Server) -> None:
    command = [sys.executable, "-m", "grantline", "user", "create", "ada@example.com", "--password-stdin"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment({"GRANTLINE_DATABASE": server.database}),
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("a password of Ada\n")
    process.stdin.flush()
    seen = set()
    while process.poll() is None:
        for part in ("cmdline", "environ"):
            try:
                seen.add(Path(f"/proc/{process.pid}/{part}").read_bytes())
            except OSError:
                continue
        time.sleep(0.01)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert any(b"ada@example.com" in one for one in seen)
    assert not any(b"password of" in one for one in seen)
    assert "password of" not in out


def test_commands_pass_through_run(server: Server) -> None:
    done = subprocess.run(
        [str(ROOT / "run"), "client", "list", "--database", server.database],
        capture_output=True,
        text=True,
        env={**os.environ, **environment({})},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    wrong = subprocess.run(
        [str(ROOT / "run"), "client", "nonsense"], capture_output=True, timeout=60, check=False
    )
    assert wrong.returncode == 2
