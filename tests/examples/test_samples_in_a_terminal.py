"""The samples that run in a terminal: registered by the console's page, started by the command it gives,
against a live demo (R89, R94, R95, R97)."""

import json
import re
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.examples.registering import Developer
from tests.running import ROOT, Demo

ROWS = 900
WRONG = 4  # rows 100, 333, 512 and 777


@pytest.fixture
def developer(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Developer]:
    monkeypatch.setenv("GRANTLINE_SAMPLES", str(tmp_path / "samples"))
    monkeypatch.setenv(
        "PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring"
    )  # leaves the machine's alone
    somebody = Developer(demo, tmp_path)
    yield somebody
    somebody.browser.close()


def commands(name: str) -> list[list[str]]:
    """The commands of the sample's README, as words."""
    text = (ROOT / "examples" / name / "README.md").read_text()
    found = [
        line.split() for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()
    ]
    assert found
    assert all(words[:2] == ["./examples/run", name] for words in found), found
    return [words[1:] for words in found]


def kill_halfway(developer: Developer, file: Path) -> int:
    """Start the sync, end it without warning (SIGKILL) after some batches; how many rows it had noted."""
    mark = developer.kept("data_sync") / "mark.json"
    for _ in range(5):  # on a machine that stalls it may be through before we look
        with developer.start("data_sync", "--config", str(file), "--rows", str(ROWS)) as running:
            while running.poll() is None:
                if mark.exists() and json.loads(mark.read_text())["sent"] >= 200:
                    running.kill()
                time.sleep(0.002)
        noted = int(json.loads(mark.read_text())["sent"])
        if noted < ROWS - WRONG:
            return noted
        mark.unlink()
    raise AssertionError("it was never seen on its way")


def test_R89_a_data_sync_that_is_killed_goes_on_and_nothing_is_double_or_missing(
    developer: Developer,
) -> None:
    first, again = commands("data_sync")
    file = developer.register("data_sync")
    noted = kill_halfway(developer, file)
    assert 200 <= noted < ROWS - WRONG
    file.unlink()  # what it needs is kept, and the code was used
    said = developer.run("data_sync")
    assert f"Products: {ROWS - noted - 3:,} of" not in said
    assert "its price (VKPREIS) is 'auf Anfrage'" in said
    assert "its name has 240 letters; 200 fit" in said
    assert f"Skipped {WRONG}, until" in said
    records = developer.records("data_sync", "Products", "Product_Code,Product_Name,Unit_Price,Manufacturer")
    ours = {one["Product_Code"]: one for one in records if one["Product_Code"].startswith("A-")}
    legacy = sqlite3.connect(developer.kept("data_sync") / "legacy.db")
    numbers = {row[0] for row in legacy.execute("SELECT ARTNR FROM ARTIKEL")}
    assert ours.keys() == numbers - {"", "A-00100", "A-00333", "A-00777"}
    assert len([one for one in records if one["Product_Code"].startswith("A-")]) == ROWS - WRONG, "none twice"
    assert ours["A-00050"]["Product_Name"] == "Türgriff klein 50"
    assert (ours["A-00050"]["Unit_Price"], ours["A-00050"]["Manufacturer"]) == (1855.5, "Ångström AB")
    assert "Nothing has changed since the last run." in developer.run(*first[:1])
    assert again[1:] == ["--change", "25"]
    assert "25 products sent." in developer.run(*again)


def test_R94_a_report_is_drawn_as_text_and_as_a_page_that_is_made_anew_each_time(
    developer: Developer,
) -> None:
    once = commands("reporting")[1]
    assert once == ["reporting", "--once"]
    file = developer.register("reporting")
    said = developer.run(*once, "--config", str(file))
    assert "3 leads" in said
    assert re.search(r"Trade Show +█+ 1$", said, re.M)
    page = (developer.kept("reporting") / "leads.html").read_text()
    assert re.search(r'<th scope="row">Trade Show</th><td class="bar">.*?</td><td>1</td>', page)
    assert re.search(r"Dana Ek +█+ 3$", said, re.M)
    address = json.loads(file.read_text())["address"]
    with developer.start("reporting") as running:
        try:
            served = open_when_it_listens(address, running)
        finally:
            running.kill()
    assert "style-src" in served.headers["content-security-policy"]
    assert "unsafe-inline" not in served.headers["content-security-policy"]
    assert "<h1>3 leads</h1>" in served.text
    secret = json.loads(file.read_text())["client_secret"]
    assert secret not in said + served.text + page


def open_when_it_listens(address: str, running: "subprocess.Popen[str]") -> httpx2.Response:
    """The page of a program that may not listen yet."""
    while True:
        try:
            return httpx2.get(address)
        except httpx2.ConnectError:
            assert running.poll() is None
            time.sleep(0.05)


def test_R95_a_ledger_and_the_crm_are_made_alike_after_one_sign_in(developer: Developer) -> None:
    file = developer.register("accounting_sync")
    address = json.loads(file.read_text())["address"]
    with developer.start("accounting_sync", "--config", str(file)) as running:
        open_when_it_listens(f"{address}/nothing", running)
        assert "Connected." in developer.allow(address).text
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert f"Connected as {developer.email}." in said
    assert "Taken from the CRM: 1. Sent to it: 24." in said
    assert "For a person: B-2010 asks for 499.25, the bank has seen 494.25." in said
    assert re.search(r"^Paid +([\d,.]+) +\1$", said, re.M), said
    assert "Ledger and CRM agree." in said
    csv = (developer.kept("accounting_sync") / "ledger.csv").read_text()
    assert "INV-1001,Brightwater Boats" in csv
    assert "B-2009,Café Zürich" in csv or "B-2009," in csv
    again = developer.run("accounting_sync")
    assert "Taken from the CRM: 0. Sent to it: 0." in again
    developer.remove_apps()
    with developer.start("accounting_sync") as running:
        open_when_it_listens(f"{address}/nothing", running)
        running.kill()
        assert running.stdout is not None
        assert "Sign in once" in running.stdout.read()


def test_a_sample_without_its_file_says_where_to_get_it_and_keeps_what_it_gets_to_itself(
    developer: Developer,
) -> None:
    said = developer.run("data_sync", status=2)
    assert "/console/samples/data_sync" in said
    assert "./examples/run data_sync --config ~/Downloads/data_sync.json" in said
    assert len(said.splitlines()) == 3
    assert "data_sync" in developer.run()
    developer.register("reporting")
    (developer.folder / "reporting.json").write_text("{}")
    said = developer.run("reporting", "--config", "reporting.json", status=2)
    assert "is not a file of the console" in said
    known = developer.register("data_sync", secret="known")
    assert json.loads(known.read_text())["client_secret"] == ""
    said = developer.run("data_sync", "--config", str(known), status=2)
    assert "into GRANTLINE_CLIENT_SECRET" in said
    full = developer.register("reporting", secret="new")
    developer.run("reporting", "--once", "--config", str(full))
    for path in developer.kept("reporting").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) in (0o600, 0o700), path
    developer.run("data_sync", "--rows", "1", "--config", str(known))
    code = {**json.loads(known.read_text()), "code": "glg_us_of_another_day", "expires_at": 1_000_000_000}
    del code["client_secret"]  # as the page "Generate code" gives it
    known.write_text(json.dumps(code))
    assert "Nothing has changed" in developer.run("data_sync", "--config", str(known))
