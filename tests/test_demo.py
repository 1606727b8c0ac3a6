"""The demo as people meet it: one command, a file of facts, three lines that work, nothing left behind."""

import json
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from grantline.clients import find_client
from grantline.demo.introducing import carry
from grantline.demo.run import welcome
from tests.centers import Sites
from tests.running import PORTS_OF_A_DEMO, ROOT, Demo, Process, environment, free_ports, start_demo

CLIENTS: Final = {
    "server_based": {"client_id", "client_secret", "redirect_uris", "data_center"},
    "client_based": {"client_id", "origins", "redirect_uris", "implicit"},
    "self_client": {"client_id", "client_secret"},
    "non_browser": {"client_id"},
    "mobile": {"client_id", "redirect_uris"},
    "self_client_eu": {"client_id", "client_secret"},
}
SCREEN: Final = (120, 30)
"""Columns and rows of a window of ordinary size."""


@pytest.fixture(scope="module")
def second_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo whose data folder has a name that a shell would take apart."""
    running = start_demo(tmp_path_factory.mktemp("demo") / "Mara's data")
    yield running
    running.process.stop()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_demo_json_holds_what_the_interface_promises(demo: Demo) -> None:
    facts = demo.json
    assert set(facts) == {"data_centers", "users", "clients"}
    for center in facts["data_centers"]:
        assert {"code", "issuer", "console", "api_domain", "database"} <= set(center)
        assert center["console"] == f"{center['issuer']}/console"
        assert center["database"].startswith("sqlite:///")
    people = [(user["role"], user["data_center"]) for user in facts["users"]]
    assert people == [("developer", "us"), ("user", "us"), ("user", "eu")]
    assert [center["code"] for center in facts["data_centers"]] == ["us", "eu"]
    assert all(user["email"] and len(user["password"]) >= 12 for user in facts["users"])
    assert set(facts["clients"]) == set(CLIENTS)
    for key, members in CLIENTS.items():
        assert members <= set(facts["clients"][key])
        assert facts["clients"][key]["data_center"] == ("eu" if key.endswith("_eu") else "us")
    assert facts["clients"]["client_based"]["implicit"] is True
    assert "client_secret" not in facts["clients"]["client_based"]


def test_the_ports_are_counted_from_the_first(demo: Demo) -> None:
    base = int(demo.issuer.rpartition(":")[2])
    assert demo.issuer == f"http://127.0.0.1:{base}"
    assert demo.api_domain == f"http://127.0.0.1:{base + 2}"
    eu = demo.data_center("eu")
    assert (eu["issuer"], eu["api_domain"]) == (
        f"http://127.0.0.1:{base + 1}",
        f"http://127.0.0.1:{base + 3}",
    )
    assert demo.client("server_based")["redirect_uris"][0] == f"http://127.0.0.1:{base + 4}/callback"


def test_T124_what_the_demo_keeps_is_for_its_owner_alone(demo: Demo) -> None:
    assert mode(demo.data_dir) == 0o700
    assert mode(demo.file) == 0o600
    for path in demo.data_dir.rglob("*"):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_T124_a_foreign_host_name_is_refused_at_every_port(demo: Demo) -> None:
    """DNS rebinding: a page of evil.example that resolves to this machine gets nothing."""
    paths = {}
    for center in demo.json["data_centers"]:
        paths[center["issuer"]] = ["/", "/signin", "/oauth/v2/keys", "/console"]
        paths[center["api_domain"]] = ["/crm/v8/org"]
    for base, asked in paths.items():
        port = base.rpartition(":")[2]
        for path in asked:
            for host in (
                "evil.example",
                f"evil.example:{port}",
                "127.0.0.1",
                f"localhost.evil.example:{port}",
            ):
                answer = httpx2.get(base + path, headers={"Host": host})
                assert answer.status_code == 421, (path, host)
            assert httpx2.get(base + path).status_code != 421


def test_T124_the_demo_listens_on_loopback_alone(demo: Demo) -> None:
    """By the kernel's own list of the process's listening sockets."""
    sockets = {
        link.readlink().name
        for link in Path(f"/proc/{demo.process.popen.pid}/fd").iterdir()
        if link.is_symlink() and str(link.readlink()).startswith("socket:")
    }
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                listening.append(fields[1])
    centers = demo.json["data_centers"]
    addresses = [center[name] for center in centers for name in ("issuer", "api_domain")]
    wanted = {int(base.rpartition(":")[2]) for base in addresses}
    assert {int(address.partition(":")[2], 16) for address in listening} == wanted
    assert {address.partition(":")[0] for address in listening} == {"0100007F"}


def test_T124_a_real_server_does_not_serve_the_demos_data(second_demo: Demo) -> None:
    refused = subprocess.run(
        [str(ROOT / "run"), "serve", "--database", second_demo.database],
        capture_output=True,
        text=True,
        env=environment({"GRANTLINE_PUBLIC_URL": "https://accounts.example"}),
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert "demo" in refused.stderr
    assert "Traceback" not in refused.stderr


def printed_lines(demo: Demo) -> list[str]:
    """The three lines for the self client, as the terminal shows them."""
    return [line for line in demo.process.log().splitlines() if re.match(r"\(umask|curl ", line)]


def in_bash(line: str) -> Any:
    """What one line prints when a person pastes it into a terminal in the project folder."""
    done = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment({}),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_three_printed_lines_work_again_and_again(second_demo: Demo) -> None:
    exchange, call, refresh = printed_lines(second_demo)
    for _ in range(2):
        told = in_bash(exchange)
        assert told["refresh_token"]
        assert mode(second_demo.data_dir / "tokens.json") == 0o600
        leads = in_bash(call)
        assert {"Last_Name", "Company"} <= set(leads["data"][0])
        again = in_bash(refresh)
        assert again["access_token"] != told["access_token"]
        in_bash(call)


def test_in_the_project_folder_the_lines_need_no_database(second_demo: Demo) -> None:
    """`./run code` finds the running demo by itself there."""
    text = welcome(second_demo.json, Path.cwd() / ".grantline")
    assert "--database" not in text
    assert "tee .grantline/tokens.json" in text


def test_the_terminal_says_first_where_the_console_is_and_how_to_sign_in(second_demo: Demo) -> None:
    text = second_demo.process.log()
    developer = second_demo.user("developer")
    order = [second_demo.console, developer["email"], developer["password"], "(umask 077; curl"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    password = developer["password"]
    page = httpx2.get(f"{second_demo.issuer}/signin")
    assert password not in page.text


def test_what_the_terminal_says_fits_a_screen(second_demo: Demo) -> None:
    columns, rows = SCREEN
    lines = second_demo.process.log().splitlines()
    taken = sum(max(1, -(-len(line) // columns)) for line in lines)
    assert taken <= rows


def test_every_app_works_in_both_data_centers_from_the_first_moment(tmp_path: Path) -> None:
    """Even the very first: what waits for the other data center is sent before anything listens."""
    demo = start_demo(tmp_path / "data")
    eu = demo.data_center("eu")
    client = demo.client("server_based")
    asked = {
        "client_id": client["client_id"],
        "response_type": "code",
        "redirect_uri": client["redirect_uris"][0],
        "scope": "CRM.modules.leads.READ",
    }
    page = httpx2.get(f"{eu['issuer']}/oauth/v2/auth", params=asked)
    assert 'name="password"' in page.text
    told = httpx2.post(
        f"{eu['issuer']}/oauth/v3/device/code", data={**only_id(demo), "scope": "CRM.users.READ"}
    )
    assert told.status_code == 200
    demo.process.stop()


async def test_what_waits_is_carried_without_a_network(sites: Sites) -> None:
    """Nothing of these two runs or listens: what arrives is what the demo carries."""
    app = await sites["us"].app("server-based", data_centers=("us", "eu"))
    assert await find_client(sites["eu"].db, app.id) is None
    await carry([sites[code].server for code in ("us", "eu")], [sites[code].edge for code in ("us", "eu")])
    arrived = await find_client(sites["eu"].db, app.id)
    assert arrived is not None
    assert arrived.redirect_uris == app.client.redirect_uris


def only_id(demo: Demo) -> dict[str, str]:
    return {"client_id": demo.client("non_browser")["client_id"]}


def test_a_folder_of_a_demo_with_one_data_center_goes_on(tmp_path: Path) -> None:
    """It gets the second one, and keeps the people, apps and secrets of the first."""
    folder = tmp_path / "data"
    first = start_demo(folder)
    facts = first.json
    token = fresh_token(first)
    first.process.stop()
    take_the_second_away(folder)

    again = restarted(folder, int(facts["data_centers"][0]["issuer"].rpartition(":")[2]))
    now = again.json
    kept = {key: value for key, value in secrets_of(now).items() if key != "self_client_eu"}
    assert kept == {key: value for key, value in secrets_of(facts).items() if key != "self_client_eu"}
    assert now["users"][:2] == facts["users"][:2]
    assert now["users"][2]["password"] != facts["users"][2]["password"]
    leads = f"{again.api_domain}/crm/v8/Leads?fields=Last_Name"
    assert httpx2.get(leads, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    device = httpx2.post(
        f"{now['data_centers'][1]['issuer']}/oauth/v3/device/code",
        data={**only_id(again), "scope": "CRM.users.READ"},
    )
    assert device.status_code == 200
    again.process.stop()


def take_the_second_away(folder: Path) -> None:
    """The folder as it was when the demo had one data center."""
    shutil.rmtree(folder / "eu")
    (folder / "data-centers.toml").unlink()
    seed = json.loads((folder / "seed.json").read_text())
    one = {}
    for key, value in seed.items():
        if key.endswith(" eu") or "ines@" in key:
            continue
        if key.startswith("client "):
            value["registered"] = value["registered"][:3]
        one[key] = value
    (folder / "seed.json").write_text(json.dumps(one))
    with closing(sqlite3.connect(folder / "us" / "grantline.db")) as us:
        us.execute("UPDATE clients SET data_centers = '[\"us\"]'")
        us.execute("DELETE FROM client_elsewhere")
        us.execute("DELETE FROM data_centers")
        us.execute("DELETE FROM keys WHERE purpose = 'messages'")
        us.commit()


def test_a_second_demo_on_the_same_folder_is_refused(second_demo: Demo) -> None:
    before = second_demo.file.read_text()
    refused = subprocess.run(
        [str(ROOT / "run"), "--port", str(free_ports(PORTS_OF_A_DEMO)), "--data", str(second_demo.data_dir)],
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=60,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "running" in refused.stderr
    assert second_demo.file.read_text() == before


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path) -> None:
    port = free_ports(PORTS_OF_A_DEMO)
    with socket.create_server(("127.0.0.1", port + 2)):
        refused = subprocess.run(
            [str(ROOT / "run"), "--port", str(port), "--data", str(tmp_path / "data")],
            capture_output=True,
            text=True,
            env=environment({}),
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    assert str(port + 2) in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "data" / "demo.json").exists()


def test_credentials_stay_while_ports_move_and_nothing_is_left_at_the_end(tmp_path: Path) -> None:
    """Started four times on one folder; the last on other ports, after one that was killed."""
    folder = tmp_path / "data"
    first = start_demo(folder)
    facts, seed = first.json, (folder / "seed.json").read_text()
    first.process.popen.send_signal(signal.SIGINT)
    assert first.process.popen.wait(15) == 0
    assert not first.file.exists()
    assert mode(folder / "seed.json") == 0o600

    port = int(facts["data_centers"][0]["issuer"].rpartition(":")[2])
    same = restarted(folder, port)
    assert same.json == facts
    assert (folder / "seed.json").read_text() == seed
    same.process.kill()
    assert same.file.exists(), "nobody could remove it"

    moved = restarted(folder, free_ports(PORTS_OF_A_DEMO))
    now = moved.json
    assert now["data_centers"][0]["issuer"] != facts["data_centers"][0]["issuer"]
    assert now["users"] == facts["users"]
    assert secrets_of(now) == secrets_of(facts)
    redirect_uri = now["clients"]["server_based"]["redirect_uris"][0]
    assert redirect_uri != facts["clients"]["server_based"]["redirect_uris"][0]
    asked = {
        "client_id": now["clients"]["server_based"]["client_id"],
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": "CRM.modules.leads.READ",
    }
    page = httpx2.get(f"{moved.issuer}/oauth/v2/auth", params=asked)
    assert 'name="password"' in page.text
    leads = f"{moved.api_domain}/crm/v8/Leads?fields=Last_Name"
    assert httpx2.get(leads, headers={"Authorization": f"Bearer {fresh_token(moved)}"}).status_code == 200
    assert moved.process.stop() == 0
    assert not moved.file.exists()


def restarted(folder: Path, port: int) -> Demo:
    """The demo of this folder at exactly this port, once its demo.json is that of the new process."""
    (folder / "demo.json").unlink(missing_ok=True)
    process = Process(
        ["demo", "--port", str(port), "--data", str(folder)],
        {"GRANTLINE_LIMITS": "100"},
        folder.parent / "again.log",
    )
    demo = Demo(process, folder)
    process.wait_until(demo.file.exists)
    return demo


def secrets_of(facts: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {key: (one["client_id"], one.get("client_secret")) for key, one in facts["clients"].items()}


def fresh_token(demo: Demo) -> str:
    """An access token of the self client."""
    client = demo.client("self_client")
    form = {
        "grant_type": "authorization_code",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "code": demo.code("CRM.modules.leads.READ"),
    }
    told = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=form).json()
    return str(told["access_token"])


def test_run_sets_up_nothing_when_it_is_set_up(tmp_path: Path) -> None:
    """How long a start takes is a figure of the bench, which a busy machine can't make fail."""
    process = subprocess.Popen(
        [str(ROOT / "run"), "--port", str(free_ports(PORTS_OF_A_DEMO)), "--data", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment({}),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert any("is ready" in line for line in process.stdout)
        process.terminate()
        assert "Setting up" not in process.stderr.read()
    assert process.wait(15) == 0
