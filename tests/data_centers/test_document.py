"""docs/data-centers.md is true: its example is read, its commands set up two data centers, its lines follow a
callback."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from grantline.crossing import receiving
from grantline.datacenters import DataCenter, parse_registry
from tests.running import ROOT, Process, answers, environment, free_ports

TEXT: Final = (ROOT / "docs" / "data-centers.md").read_text()


def blocks(kind: str) -> list[str]:
    """The examples of one kind, in order."""
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def test_the_example_of_a_registry_is_one() -> None:
    (example,) = blocks("toml")
    home = DataCenter("eu", "https://accounts.eu.example.org", "https://api.eu.example.org")
    centers = parse_registry(example, home, "data-centers.toml")
    assert [center.code for center in centers.every] == ["eu", "us"]
    assert all(len(center.keys) == 1 for center in centers.every)


def run(script: str, settings: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What the last command of a script prints, and its exports; `serve` is left to the caller."""
    printed = ""
    for line in script.splitlines():
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            settings = {**settings, name: value}
        elif line.startswith("./run ") and line != "./run serve":
            done = subprocess.run(
                [sys.executable, "-m", "grantline", *shlex.split(line)[1:]],
                capture_output=True,
                text=True,
                cwd=ROOT,
                env=environment(settings),
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            printed = done.stdout
    return printed, settings


def test_its_commands_set_up_two_data_centers(tmp_path: Path) -> None:
    (example,) = blocks("toml")
    keys, start = blocks("sh")
    port = free_ports(2)
    here = {
        "https://accounts.us.example.org": f"http://127.0.0.1:{port}",
        "https://accounts.eu.example.org": f"http://127.0.0.1:{port + 1}",
        "https://api.us.example.org": f"http://127.0.0.1:{port}/api",
        "https://api.eu.example.org": f"http://127.0.0.1:{port + 1}/api",
        "/var/lib/grantline": str(tmp_path),
        "/etc/grantline": str(tmp_path),
    }

    def as_here(text: str) -> str:
        for there, place in here.items():
            text = text.replace(there, place)
        return text

    registry, places = example, {}
    for code in ("us", "eu"):
        (tmp_path / code).mkdir()
        script = as_here(re.sub(r"\bus\b", code, keys))
        printed, places[code] = run(script, {"GRANTLINE_PORT": str(port + (code == "eu"))})
        table = rf"(\[{code}\].*?)keys = [^\n]+\n"
        registry = re.sub(table, rf"\g<1>{printed}", registry, count=1, flags=re.DOTALL)
    (tmp_path / "data-centers.toml").write_text(as_here(registry))
    processes = []
    try:
        for code, settings in places.items():
            printed, places[code] = run(as_here(start), settings)
            assert printed.endswith(
                "lists 2 data centers and has no mistake: us, eu.\n" if code == "us" else ".\n"
            )
            processes.append(Process(["serve"], places[code], tmp_path / f"{code}.log"))
        for process, settings in zip(processes, places.values(), strict=True):
            issuer = settings["GRANTLINE_PUBLIC_URL"]
            process.wait_until(lambda: answers(f"{issuer}/health/ready"))  # noqa: B023

        def both_well() -> bool:
            try:
                return all(run("./run doctor", one)[0] == "All is well.\n" for one in places.values())
            except AssertionError:
                return False

        processes[0].wait_until(both_well)
        listed, _ = run("./run data-centers list --json", places["us"])
        assert [one["code"] for one in json.loads(listed)["data_centers"]] == ["eu"]
    finally:
        for process in processes:
            process.stop()


@pytest.mark.parametrize(
    ("iss", "goes_to"),
    [
        ("https://eu.example", "https://eu.example"),
        ("https://evil.example", "https://us.example"),
        ("https://eu.example.evil.example", "https://us.example"),
    ],
)
def test_T110_its_three_lines_follow_a_data_center_that_home_lists_and_no_other(
    iss: str, goes_to: str
) -> None:
    (lines,) = blocks("python")
    asked: list[str] = []

    def get(url: str) -> Any:
        asked.append(url)
        return {"locations": {"us": "https://us.example", "eu": "https://eu.example"}}

    def post(url: str, **fields: str) -> Any:
        asked.append(url)
        return {"api_domain": "https://api.example"}

    given = {
        "get": get,
        "post": post,
        "home": "https://us.example",
        "callback": {"iss": iss, "code": "c"},
        "app": {},
    }
    exec(lines, given)  # the lines of the document
    assert asked == ["https://us.example/oauth/serverinfo", f"{goes_to}/oauth/v2/token"]


def test_it_names_every_kind_of_message() -> None:
    """Whoever adds one says in the table what it carries."""
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \|$", TEXT.partition("They carry:")[2].partition("Nothing else")[0], re.M
    )
    told = len(rows) - 2
    kinds = {kind.partition(".")[0] for kind in receiving.HANDLERS}
    assert kinds == {"client", "hello", "causes", "device", "person"}  # in the order of the table
    assert told == len(kinds)
