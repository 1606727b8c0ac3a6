"""Fixtures for every test: a running demo, a lone server, a browser, and no network for pure code."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page

from grantline.accounts import Passwords
from grantline.web.templating import Pages
from tests.browsing import open_chromium
from tests.running import Demo, Server, start_demo, start_server
from tests.site import PASSWORD, Site, open_site

settings.register_profile("short", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=5_000)
settings.load_profile(os.environ.get("TEST_LENGTH", "short"))

HERE = Path(__file__).parent
WITHOUT_NETWORK = (HERE / "oauth", HERE / "opaque")


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
async def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a fresh site, made once: keys take longer than a test."""
    folder = tmp_path_factory.mktemp("site")
    passwords = Passwords(1)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    async with open_site(folder, pages=Pages(), password_hash=hashed):
        pass
    return folder


@pytest.fixture(scope="session")
def pages() -> Pages:
    """The page templates, compiled once."""
    return Pages()


class SiteFactory(Protocol):
    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[Site]: ...


@pytest.fixture
def open_a_site(tmp_path: Path, site_folder: Path, pages: Pages) -> SiteFactory:
    """Opens sites with settings of the test's own: `async with open_a_site(limits="1") as site`."""
    opened = 0

    def open_one(**settings: Any) -> AbstractAsyncContextManager[Site]:
        nonlocal opened
        opened += 1
        folder = tmp_path / f"site{opened}"
        shutil.copytree(site_folder, folder)
        return open_site(folder, pages=pages, password_hash="", **settings)

    return open_one


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
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
