"""`grantline app`: what the doctor finds, signing in and out on the command line, and all of it in the bare
install."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grantline.cli.commands import app as server_commands
from grantline.sdk import HttpWire
from grantline.sdk.clock import ServerClock
from grantline.sdk.command import main
from tests.centers import Sites
from tests.running import ROOT
from tests.sdk.waiting import FromThread, Lines, Vendor
from tests.site import SCOPE, App, Site
from tests.threats.test_data_centers_people import EU

KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
GUIDE = ROOT / "docs" / "guides" / "app-command.md"
REGISTERED = "http://127.0.0.1/cb"


class Wire(HttpWire):
    """The way to the site; what a flow waits for happens meanwhile."""

    def __init__(self, site: Site, lines: Lines) -> None:
        super().__init__(FromThread(lines, asyncio.get_running_loop()))
        self.site = site
        self.meanwhile: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.site.clock.advance(round(seconds))
        self.meanwhile()


class Shell:
    """A person's shell, with the commands in this process."""

    def __init__(
        self, lines: Lines, site: Site, *, capture: pytest.CaptureFixture[str], folder: Path
    ) -> None:
        self.lines = lines
        self.wire = Wire(site, lines)
        self.capture, self.folder = capture, folder
        self.ahead = 0
        """How far this machine's clock is ahead of the server's."""
        self.secret: str | None = None
        """In the place of the right one."""
        self.out = self.err = ""

    async def run(self, command: str, app: App, *more: str, issuer: str = "", store: bool = True) -> int:
        right = app.secret if app.client.type.secret == "required" else ""
        issuer = issuer or self.wire.site.issuer
        server = ("--issuer", issuer) if ":" in issuer else ("--data-center", issuer)
        arguments = [command, *server, "--client-id", app.id, *more]
        if store:
            arguments += ["--store", str(self.folder)]
        clock = ServerClock(lambda: float(self.wire.site.clock() + self.ahead))
        secret = (right or "") if self.secret is None else self.secret
        status = await asyncio.to_thread(main, arguments, wire=self.wire, clock=clock, client_secret=secret)
        self.out, self.err = self.capture.readouterr()
        return status

    async def doctor(self, app: App, *more: str, **options: Any) -> dict[str, tuple[str, str]]:
        """Verdicts and what they say, hints included."""
        status = await self.run("doctor", app, "--json", *more, **options)
        told = json.loads(self.out)
        assert (status == 1) is (told["verdict"] == "failed")
        return {one["name"]: (one["verdict"], f"{one['what']} {one['hint']}") for one in told["checks"]}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRANTLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRANTLINE_STORE_KEY", KEY)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
async def shell(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(Lines(site), site, capture=capsys, folder=tmp_path / "grants")


async def test_the_doctor_has_nothing_to_say_against_an_app_that_is_well(site: Site, shell: Shell) -> None:
    found = await shell.doctor(await site.app("mobile"), "--redirect-uri", REGISTERED, "--scope", SCOPE)
    assert {name: verdict for name, (verdict, _) in found.items()} == {
        "server": "ok",
        "data center": "ok",
        "client": "ok",
        "redirect": "ok",
        "clock": "ok",
        "scopes": "ok",
        "token": "warning",
        "store": "ok",
    }
    table = GUIDE.read_text().partition("| --- | --- | --- |\n")[2]
    assert set(re.findall(r"(?m)^\| (\w[\w ]*?) \|", table)) == set(found), "the guide says what is looked at"
    assert await shell.run("doctor", await site.app("server-based")) == 0
    assert re.search(r"(?m)^ok +client +The server knows .* and takes its secret\.$", shell.out)
    assert re.search(r"(?m)^warning +token +No grant of this app is stored\.\n +Sign in", shell.out)
    assert shell.out.splitlines()[-1] == "7 ok, 1 warning"
    assert not [body for _, body in shell.lines.asked if "grant_type" in body], "no token is made for it"


async def test_the_doctor_finds_what_is_wrong_with_an_app(site: Site, shell: Shell) -> None:
    mobile, web = await site.app("mobile"), await site.app("server-based")
    wrong = await shell.doctor(mobile, "--redirect-uri", REGISTERED + "/", "--scope", "CRM.no.SUCH")
    assert wrong["redirect"][0] == "failed"
    assert "not registered" in wrong["redirect"][1]
    assert wrong["scopes"][0] == "warning"
    wrong = await shell.doctor(mobile, "--redirect-uri", REGISTERED, "--scope", "CRM.no.SUCH")
    assert wrong["redirect"][0] == "ok"
    assert wrong["scopes"] == ("failed", wrong["scopes"][1])
    assert "CRM.no.SUCH" in wrong["scopes"][1]
    shell.secret = "gls_us_wrong"
    assert (await shell.doctor(web))["client"][0] == "failed"
    shell.secret = ""
    assert "GRANTLINE_CLIENT_SECRET" in (await shell.doctor(web))["client"][1]
    shell.ahead = -1000
    wrong = await shell.doctor(mobile)
    assert wrong["clock"][0] == "failed"
    assert "1000 s behind" in wrong["clock"][1]
    shell.ahead = 60
    assert (await shell.doctor(mobile))["clock"][0] == "warning"
    wrong = await shell.doctor(mobile, issuer=site.issuer + "/")
    assert wrong["server"][0] == "failed"
    assert set(wrong) == {"server", "token", "store"}


async def test_the_doctor_names_the_data_center_of_the_client(
    sites: Sites, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(Lines(sites["us"], sites["eu"]), sites["us"], capture=capsys, folder=tmp_path / "grants")
    app = await sites["eu"].app("mobile")
    found = await shell.doctor(app, "--redirect-uri", REGISTERED)
    assert found["data center"] == ("ok", "This is data center us, of eu, us. ")
    assert found["client"][0] == "failed"
    assert EU in found["client"][1]
    assert found["redirect"][0] == "failed"
    assert not [url for url, _ in shell.lines.asked if url.startswith(EU)], "it is named, not asked (T110)"
    vendors = Shell(Vendor(sites["us"], sites["eu"]), sites["eu"], capture=capsys, folder=tmp_path / "more")
    found = await vendors.doctor(app, "--redirect-uri", REGISTERED, issuer="eu")
    assert found["data center"][1].startswith("This is the vendor's data center eu, of au, ca, cn, eu")
    assert found["client"][0] == "warning", "the vendor does not tell"
    assert found["redirect"][0] == "ok"
    assert found["clock"] == ("warning", "The server does not tell its time. Keep this machine's right.")


async def test_the_doctor_looks_who_else_may_read_the_store(
    site: Site, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await site.app("self-client")
    assert await shell.run("doctor", app) == 0
    shell.folder.chmod(0o750)
    found = await shell.doctor(app)
    assert found["store"][0] == "failed"
    assert "chmod" in found["store"][1]
    shell.folder.chmod(0o770)
    assert (await shell.doctor(app))["store"][0] == "failed"
    shell.folder.chmod(0o700)
    (shell.folder / "turn").touch(0o644)
    assert "turn" in (await shell.doctor(app))["store"][1]
    (shell.folder / "turn").chmod(0o600)
    assert (await shell.doctor(app))["store"][0] == "ok"
    monkeypatch.setenv("GRANTLINE_STORE_KEY", "short")
    found = await shell.doctor(app)
    assert found["store"][0] == "failed"
    assert found["client"][0] == "ok", "the rest is looked at all the same"
    assert main(["status", "--issuer", "x"]) == 1


async def test_a_person_signs_in_uses_the_token_and_signs_out(site: Site, shell: Shell) -> None:
    app = await site.app("non-browser")
    loop = asyncio.get_running_loop()

    def decide() -> None:
        code = re.findall(r"enter the code (\S+)", shell.capture.readouterr().err)
        for one in code:
            asyncio.run_coroutine_threadsafe(site.device_decide(one, "allow"), loop).result()

    shell.wire.meanwhile = decide
    assert await shell.run("token", app) == 1
    assert shell.err == "Nobody is signed in for this app.\nSign in first: grantline app login.\n"
    scopes = ("--scope", f"openid email {SCOPE}")
    for way in ("--device", "--no-browser"):
        assert await shell.run("login", app, way, *scopes) == 0, shell.err
        assert shell.out == (
            f"Signed in as mara@example.com at {site.issuer}. The grant is in {shell.folder}.\n"
        )
    assert await shell.run("token", app) == 0
    value = shell.out.strip()
    assert await site.works(value)
    assert await shell.run("token", app, "--json", "--for", "60") == 0
    assert json.loads(shell.out)["access_token"] == value
    assert await shell.run("status", app) == 0
    assert shell.out.startswith(f"Signed in as mara@example.com at {site.issuer}.\nclient        {app.id}\n")
    assert shell.out.endswith(
        f"API domain    {site.mint.home.api_domain}\naccess token  good for 60 minutes, can be renewed\n"
    )
    assert value not in shell.out
    assert (await shell.doctor(app))["token"][0] == "ok"
    assert (await shell.doctor(app, "--scope", "CRM.modules.ALL"))["scopes"][0] == "warning"
    assert await shell.run("logout", app) == 0
    assert not await site.works(value)
    assert await shell.run("status", app) == 1
    assert (await shell.doctor(app))["token"][0] == "warning"


async def test_a_self_client_signs_in_by_its_file(site: Site, shell: Shell, tmp_path: Path) -> None:
    app = await site.app("self-client")
    file = tmp_path / "grantline-code.json"
    file.write_text(json.dumps({"code": await site.console_code(app), "scope": SCOPE}))
    assert await shell.run("login", app, "--app", str(file), "--json") == 0
    assert json.loads(shell.out)["renewable"] is True
    assert await shell.run("token", app, "--app", str(file)) == 0
    assert await site.works(shell.out.strip())


FORBIDDEN = (
    *(
        "typer",
        "click",
        "starlette",
        "jinja2",
        "uvicorn",
        "uvloop",
        "httptools",
        "pydantic",
        "pydantic_settings",
    ),
    *("structlog", "argon2", "yaml", "aiosmtplib", "multipart", "asyncpg", "keyring", "flask", "django"),
)
BARE = f"""
import sys
class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FORBIDDEN!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Bare())
from grantline.cli import main
main()
"""


def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_bare_install_has_the_commands_for_apps_and_says_what_the_others_need() -> None:
    done = bare("app", "doctor", "--issuer", "http://127.0.0.1:9", "--client-id", "x")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(r"(?m)^failed +server +.*gave no answer", done.stdout)
    assert re.search(r"(?m)^ok +store", done.stdout)
    done = bare("client", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'grantline[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_each_command_has_help_and_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--help"],
        *([name, "--help"] for name in ("doctor", "login", "token", "status", "logout")),
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        out = capsys.readouterr().out
        assert out.startswith("usage: grantline app")
        assert "secret" not in re.sub("GRANTLINE_CLIENT_SECRET", "", out), "no secret is an argument (T122)"
    for arguments in ([], ["nonsense"], ["token", "--for", "x"], ["doctor", "--client-secret", "x"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 2
    assert server_commands.info.epilog == "For apps that sign in: grantline app --help"
    assert main(["status", "--data-center", "mars", "--client-id", "x"]) == 1
    assert "use one of us, eu" in capsys.readouterr().err
