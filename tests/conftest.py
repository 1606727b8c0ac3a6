"""Fixtures for every test: a running demo, a lone server, a browser, and no network for pure code."""

import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_socket
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page

from grantline.web.templating import Pages
from tests.browsing import PATIENCE_MS, open_chromium
from tests.centers import Sites, open_sites
from tests.cluster import Cluster, cluster
from tests.copies import Copies
from tests.running import Demo, Server, start_demo, start_server
from tests.site import PASSWORD, Site, open_site

settings.register_profile("short", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=5_000)
settings.load_profile(os.environ.get("TEST_LENGTH", "short"))

HERE = Path(__file__).parent
# No test goes to a stranger by TLS, and each HTTP client that is made would read all authorities of the
# system (73 ms; 8 with one).
os.environ["SSL_CERT_FILE"] = str(HERE / "nobodys_authority.pem")
WITHOUT_NETWORK = (HERE / "oauth", HERE / "opaque")
# Where a test starts processes, a cluster or a browser, the files take longest.
LONG = ("faults", "growth", "nodes", "browser", "foreign", "db")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first and small ones last, so that the workers end together."""
    counts = Counter(item.path for item in items)

    def place(path: Path) -> tuple[int, int, Path]:
        folder = path.relative_to(HERE).parts[0]
        live = path.parent == HERE
        return (LONG.index(folder) if folder in LONG else len(LONG) + (not live), -counts[path], path)

    items.sort(key=lambda item: place(item.path))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests of faults counted: requests, faults, and how long it took to recover."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "counted":
                    terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")


@pytest.fixture(autouse=True)
def network_is_shut_for_pure_code(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pure code opens no socket; its tests fail if it tries."""
    if not any(request.path.is_relative_to(folder) for folder in WITHOUT_NETWORK):
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)  # an event loop's own wake-up pair is one
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo as a person starts it, one per test worker, with limits a hundred times as wide."""
    running = start_demo(tmp_path_factory.mktemp("demo") / "data")
    yield running
    running.process.stop()
    assert not running.file.exists(), "the demo leaves demo.json behind when it is told to end"


@pytest.fixture(scope="session")
def password_hash() -> str:
    """A hash of PASSWORD that is checked in no time: most tests sign somebody in."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
async def full_cost(site: Site) -> None:
    """The account's password is hashed as the server does it: for tests of what that costs."""
    hashed = await site.server.passwords.hash(PASSWORD)
    await site.db.run("UPDATE accounts SET password_hash = $1 WHERE id = $2", hashed, site.account.id)


@pytest.fixture(scope="session")
async def site_folder(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Path:
    """The files of a fresh site, made once: keys take longer than a test."""
    folder = tmp_path_factory.mktemp("site")
    async with open_site(folder, pages=Pages(), password_hash=password_hash):
        pass
    return folder


@pytest.fixture(scope="session")
def pages() -> Pages:
    """The page templates, compiled once."""
    return Pages()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL that does not sync, one per test worker."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
async def site_template(postgres: Cluster, site_folder: Path, password_hash: str) -> str:
    """The database of a fresh site, made once, to copy from."""
    name = postgres.new_database()
    on_postgres = {"database": postgres.url(name), "master_key_file": site_folder / "master.key"}
    async with open_site(site_folder, pages=Pages(), password_hash=password_hash, **on_postgres):
        pass
    return name


@pytest.fixture(scope="session")
async def site_copies(postgres: Cluster, site_template: str) -> Copies:
    """Databases of fresh sites, used again by one test after the other."""
    return Copies(postgres, site_template)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `both_engines` runs on SQLite and PostgreSQL; the rest on TEST_DATABASE, or SQLite."""
    if "engine" in metafunc.fixturenames:
        engines = [os.environ.get("TEST_DATABASE", "sqlite")]
        if metafunc.definition.get_closest_marker("both_engines"):
            engines = ["sqlite", "postgresql"]
        if metafunc.definition.get_closest_marker("sqlite_only"):
            engines = ["sqlite"]
        metafunc.parametrize("engine", engines, scope="session")


class SiteFactory(Protocol):
    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[Site]: ...


@pytest.fixture(scope="session")
async def sites_folder(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Path:
    """The files of two fresh data centers, made once: keys take longer than a test."""
    folder = tmp_path_factory.mktemp("sites")
    async with open_sites(folder, pages=Pages(), password_hash=password_hash):
        pass
    return folder


@pytest.fixture(scope="session")
async def sites_copies(
    postgres: Cluster, sites_folder: Path, password_hash: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Copies]:
    """Databases of two fresh data centers with the keys of those files, used again by one test after the
    other."""
    names = {code: postgres.new_database() for code in ("us", "eu")}
    folder = tmp_path_factory.mktemp("sites-on-postgres")
    for code in names:
        (folder / code).mkdir()
        shutil.copy(sites_folder / code / "master.key", folder / code)
    databases = {code: postgres.url(name) for code, name in names.items()}
    async with open_sites(folder, pages=Pages(), password_hash=password_hash, databases=databases):
        pass
    return {code: Copies(postgres, name) for code, name in names.items()}


@pytest.fixture
def sites_databases(engine: str, request: pytest.FixtureRequest) -> Iterator[Mapping[str, str]]:
    """Where the two data centers keep their rows, if that is not a file."""
    copies = request.getfixturevalue("sites_copies") if engine == "postgresql" else {}
    names = {code: one.take() for code, one in copies.items()}
    yield {code: copies[code].cluster.url(name) for code, name in names.items()}
    for code, name in names.items():
        copies[code].give_back(name)


@pytest.fixture
async def sites(
    tmp_path: Path, sites_folder: Path, sites_databases: Mapping[str, str], pages: Pages
) -> AsyncIterator[Sites]:
    """The data centers `us` and `eu` in this process; what is between them goes over `sites.wires`."""
    shutil.copytree(sites_folder, tmp_path, dirs_exist_ok=True)
    async with open_sites(tmp_path, pages=pages, password_hash="", databases=sites_databases) as opened:
        yield opened


@pytest.fixture
def open_a_site(
    tmp_path: Path, site_folder: Path, pages: Pages, engine: str, request: pytest.FixtureRequest
) -> Iterator[SiteFactory]:
    """Opens sites with settings of the test's own: `async with open_a_site(limits="1") as site`."""
    opened = 0
    databases: list[str] = []
    on_postgres = engine == "postgresql"
    copies = request.getfixturevalue("site_copies") if on_postgres else None

    def open_one(**settings: Any) -> AbstractAsyncContextManager[Site]:
        nonlocal opened
        opened += 1
        folder = tmp_path / f"site{opened}"
        shutil.copytree(site_folder, folder)
        if copies is not None and "database" not in settings:
            databases.append(copies.take())
            settings["database"] = copies.cluster.url(databases[-1])
            settings.setdefault("master_key_file", folder / "master.key")
        return open_site(folder, pages=pages, password_hash="", **settings)

    yield open_one
    for name in databases:
        copies.give_back(name)


@pytest.fixture
async def database_url(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of an empty database of this engine."""
    if engine == "sqlite":
        yield f"sqlite://{tmp_path}/one.db"
        return
    postgres = request.getfixturevalue("postgres")
    name = postgres.new_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
async def site(open_a_site: SiteFactory) -> AsyncIterator[Site]:
    """A data center inside the test, without limits, with a clock that the test moves."""
    async with open_a_site() as opened:
        yield opened


class ServerFactory(Protocol):
    def __call__(self, *args: str, env: Mapping[str, str] | None = None) -> Server: ...


@pytest.fixture
def server_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFactory]:
    """Starts `grantline serve` with arguments and settings on a fresh SQLite file; limits as shipped."""
    started: list[Server] = []

    def start(*args: str, env: Mapping[str, str] | None = None) -> Server:
        server = start_server(tmp_path_factory.mktemp("serve"), *args, env=env)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.popen.poll() is None:
            server.process.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium for the tests of one module, which must all be synchronous."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a browser without any history."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
