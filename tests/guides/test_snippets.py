"""The programs of Quickstart, run as they stand on the page against the demo, with a person in Chromium."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.foreign.arrivals import listening
from tests.running import Demo

pytestmark = pytest.mark.browser
LANGUAGES: Final = ("curl", "python", "javascript")
PROGRAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "curl": ("sh",),
    "python": (sys.executable,),
    "javascript": ("node",),
}
ENDINGS: Final = {"curl": "sh", "python": "py", "javascript": "mjs"}
RUNNER: Final = Path(__file__).parent / "collection.mjs"


@pytest.fixture(scope="module")
def developer(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """A browser in which the demo's developer is signed in."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page, person = context.new_page(), demo.user("developer")
    page.goto(demo.console)
    sign_in(page, person["email"], person["password"])
    page.close()
    yield context
    context.close()


@pytest.fixture
def console(developer: BrowserContext) -> Iterator[Page]:
    page = developer.new_page()
    yield page
    page.close()


def read_program(page: Page, demo: Demo, key: str, language: str, scope: str = "") -> str:
    """The program as the page shows it."""
    query = {"language": language, **({"scope": scope} if scope else {})}
    client_id = demo.client(key)["client_id"]
    page.goto(f"{demo.console}/clients/{client_id}/quickstart?{urlencode(query)}")
    return page.locator('[data-copy="program"] pre').inner_text()


def start(code: str, language: str, folder: Path, secret: str = "") -> "subprocess.Popen[str]":
    """The program, in a file of its own, with nothing but the secret in its environment."""
    file = folder / f"quickstart.{ENDINGS[language]}"
    file.write_text(code)
    return subprocess.Popen(
        [*PROGRAMS[language], str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "GRANTLINE_CLIENT_SECRET": secret},
    )


def read_until(program: "subprocess.Popen[str]", pattern: str) -> re.Match[str]:
    """Read what the program prints, line by line, until the pattern is in it."""
    assert program.stdout is not None
    said = ""
    for line in program.stdout:
        said += line
        if found := re.search(pattern, said):
            return found
    raise AssertionError(said)


def finish(program: "subprocess.Popen[str]", answer: str = "") -> str:
    """Answer the program's question and give what it said until its end."""
    said, _ = program.communicate(answer and f"{answer}\n", timeout=60)
    assert program.returncode == 0, said
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_self_clients_program_runs_as_it_stands(
    language: str, console: Page, demo: Demo, tmp_path: Path
) -> None:
    code = read_program(console, demo, "self_client", language)
    program = start(code, language, tmp_path, demo.client("self_client")["client_secret"])
    said = finish(program, demo.code("AaaServer.profile.READ"))
    assert said.count(demo.user("developer")["email"]) == 2, said


def test_a_self_clients_program_calls_the_api_that_its_scopes_are_for(
    console: Page, demo: Demo, tmp_path: Path
) -> None:
    code = read_program(console, demo, "self_client", "curl", "CRM.modules.leads.READ")
    program = start(code, "curl", tmp_path, demo.client("self_client")["client_secret"])
    assert finish(program, demo.code("CRM.modules.leads.READ")).count("Last_Name") >= 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["server_based", "mobile"])
def test_an_apps_program_runs_as_it_stands(
    key: str, language: str, console: Page, demo: Demo, tmp_path: Path
) -> None:
    client = demo.client(key)
    with listening(
        "http://127.0.0.1/callback" if key == "mobile" else client["redirect_uris"][0]
    ) as arrivals:
        query = {"language": language, "redirect_uri": arrivals.address}
        if (
            key == "mobile"
        ):  # any port of loopback is fine there, and the page knows those that are registered
            query = {"language": language, "redirect_uri": "http://127.0.0.1/callback"}
        console.goto(f"{demo.console}/clients/{client['client_id']}/quickstart?{urlencode(query)}")
        code = console.locator('[data-copy="program"] pre').inner_text()
        if key == "mobile":
            code = code.replace("http://127.0.0.1/callback", arrivals.address)
            code = code.replace(
                urlencode({"u": "http://127.0.0.1/callback"})[2:], urlencode({"u": arrivals.address})[2:]
            )
        program = start(code, language, tmp_path, client.get("client_secret", ""))
        address = read_until(program, r"(http\S+/oauth/v2/auth\?\S+)")[1]
        console.goto(address)
        if console.locator("button[name=decision]").count():
            decide(console)
        ended = console.url
    assert ended.startswith(arrivals.address), ended
    assert finish(program, ended).count(demo.user("developer")["email"]) == 2


def test_a_devices_programs_run_as_they_stand(console: Page, demo: Demo, tmp_path: Path) -> None:
    """All three at once: each waits for some seconds between two polls."""
    programs = []
    for language in LANGUAGES:
        folder = tmp_path / language
        folder.mkdir()
        programs.append(start(read_program(console, demo, "non_browser", language), language, folder))
    for program in programs:
        found = read_until(program, r"open (\S+) and enter (\S+)")
        console.goto(found[1])
        console.fill("input[name=user_code]", found[2])
        console.press("input[name=user_code]", "Enter")
        console.wait_for_timeout(900)  # the buttons take no pointer at first
        decide(console)
    for program in programs:
        assert finish(program).count(demo.user("developer")["email"]) == 2


def test_a_browser_apps_page_runs_as_it_stands(console: Page, demo: Demo) -> None:
    code = read_program(console, demo, "client_based", "javascript")
    with listening(demo.client("client_based")["redirect_uris"][0], code) as arrivals:
        console.goto(arrivals.address)
        console.wait_for_url(f"{demo.issuer}/oauth/v2/auth*")
        decide(console)
        expect(console.locator("#out")).to_contain_text(demo.user("developer")["email"])


def test_a_collection_runs_from_top_to_bottom(console: Page, demo: Demo, tmp_path: Path) -> None:
    """By a small runner, which knows as much of the format as the collection uses."""
    client = demo.client("self_client")
    path = f"{demo.console}/clients/{client['client_id']}/quickstart"
    console.goto(f"{path}?language=postman&scope=AaaServer.profile.READ")
    with console.expect_download() as download:
        console.get_by_role("link", name="Download the collection").click()
    collection: dict[str, Any] = json.loads(download.value.path().read_text())
    values = {"client_secret": client["client_secret"], "code": demo.code("AaaServer.profile.READ")}
    for variable in collection["variable"]:
        variable["value"] = values.get(variable["key"], variable["value"])
    file = tmp_path / "collection.json"
    file.write_text(json.dumps(collection))
    done = subprocess.run(["node", str(RUNNER), str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    names = [json.loads(line)["name"] for line in done.stdout.splitlines()]
    assert names == ["Exchange the code", "Call the API", "Refresh"]
    assert demo.user("developer")["email"] in done.stdout
    console.goto(f"{demo.console}/clients/{demo.client('server_based')['client_id']}/quickstart")


def test_a_collection_for_an_app_names_the_address_to_open(console: Page, demo: Demo) -> None:
    client = demo.client("server_based")
    with listening(client["redirect_uris"][0]) as arrivals:
        path = f"{demo.console}/clients/{client['client_id']}/quickstart"
        console.goto(f"{path}?{urlencode({'language': 'postman', 'redirect_uri': arrivals.address})}")
        with console.expect_download() as download:
            console.get_by_role("link", name="Download the collection").click()
        collection = json.loads(download.value.path().read_text())
        found = re.search(r"http\S+/oauth/v2/auth\?\S+", collection["info"]["description"])
        assert found
        console.goto(found[0])
        if console.locator("button[name=decision]").count():
            decide(console)
        code = parse_qs(urlsplit(console.url).query)["code"][0]
    variables = {one["key"]: one["value"] for one in collection["variable"]}
    variables |= {"code": code, "client_secret": client["client_secret"]}
    body = collection["item"][0]["request"]["body"]["urlencoded"]
    sent = {one["key"]: re.sub(r"{{(\w+)}}", lambda m: variables[m[1]], one["value"]) for one in body}
    answer = httpx2.post(f"{demo.issuer}/oauth/v2/token", data=sent)
    assert answer.status_code == 200, answer.text
