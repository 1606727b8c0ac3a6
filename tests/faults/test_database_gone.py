"""PostgreSQL stops, or hangs: everything that needs it says 503 and when to come back, and all goes on by
itself when it is there again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from grantline.datacenters import ADDRESS, system_clock
from grantline.web.app import CONSOLE, PEOPLE
from grantline.web.routes import PROGRAMS
from tests.cluster import Cluster, cluster
from tests.conftest import SiteFactory
from tests.site import Browser, Site

WITHOUT_DATABASE: Final = {
    *("/", "/scopes", "/errors", "/errors/{code}", "/refused", "/static/{name}", "/health/live", "/metrics"),
    *("/oauth/v2/keys", "/oauth/serverinfo", "/language/{code}"),
    *("/sdk/grantline.js", "/sdk/login-button.css"),
    *("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"),
}
"""What is answered from memory, to who is not signed in."""


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that these tests may stop."""
    with cluster() as running:
        yield running


@pytest.fixture
async def gone(
    own_cluster: Cluster, open_a_site: SiteFactory, tmp_path: Path, password_hash: str
) -> AsyncIterator[Site]:
    """A site on it, with its background work."""
    url = own_cluster.url(own_cluster.new_database())
    async with open_a_site(database=url, master_key_file=tmp_path / "master.key", clock=system_clock) as site:
        await site.db.run("UPDATE accounts SET password_hash = $1", password_hash)
        site.server.start()
        yield site


def addresses() -> list[tuple[str, str]]:
    """Method and path of everything that there is."""
    found = [(method, path) for path, program in PROGRAMS.items() for method in program.methods]
    for route in (*PEOPLE, *CONSOLE):
        for method in sorted((route.methods or set()) & {"GET", "POST"}):
            found.append((method, route.path))
    return found


async def test_everything_that_needs_the_database_is_503_with_retry_after_and_recovers_by_itself(
    own_cluster: Cluster, gone: Site
) -> None:
    site = gone
    app = await site.app("self-client")
    token = (await site.tokens(app))["access_token"]
    browser = await site.signed_in()
    body = {**app.credentials, "grant_type": "client_credentials", "token": token, "scope": "CRM.users.READ"}
    own_cluster.stop()  # in order: this one does not sync, and would lose what a crash interrupts
    try:
        wrong = []
        for method, path in addresses():
            status, after = await ask(site, browser, method, path, app.id, token, body)
            wrong += [(method, path, status)] if not fits(path, status, after) else []
        assert not wrong
        told = await site.call("GET", "/health/ready")
        assert (told.status_code, told.json()["reason"]) == (503, "The database does not answer.")
    finally:
        own_cluster.start()
    # Nobody restarts anything.
    while (await site.call("GET", "/health/ready")).status_code != 200:
        await asyncio.sleep(0.05)
    assert (await site.introspect(app, token))["active"]
    assert (await browser.get("/account")).status_code == 200
    assert await site.tokens(app)


async def ask(
    site: Site, browser: Browser, method: str, path: str, client_id: str, token: str, body: dict[str, str]
) -> tuple[int, str | None]:
    """Status and Retry-After of one request, by a program with credentials or a person who is signed in."""
    if path in PROGRAMS:
        fields = {**body, "client_id": client_id}
        headers = {"Authorization": f"Bearer {token}"} if path.endswith(("userinfo", "info")) else {}
        data = fields if method == "POST" and not headers else None
        answer = await site.call(method, path, data=data, headers=headers)
    else:
        filled = path.replace("{code}", "code_expired").replace("{name}", "x")
        filled = filled.replace("{client_id}", client_id).replace("{type}", "self-client")
        filled = filled.replace("{member}", "1").replace("{invitation}", "inv_000000000000")
        filled = filled.replace("{digest}", "0" * 64).replace("{api_id}", "glc_us_x")
        filled = filled.replace("{sample}", "data_sync")
        if method == "POST":
            answer = await browser.post(filled, {"x": "y"})
        else:
            answer = await browser.get(filled)
    return answer.status_code, answer.headers.get("retry-after")


def fits(path: str, status: int, retry_after: str | None) -> bool:
    """Whether the answer is right without a database."""
    if status == 503:
        return retry_after is not None and int(retry_after) > 0
    # Without a database: what was wrong already, or needs nothing.
    if path == ADDRESS:
        return status == 403  # no data center of the registry signed it
    return path in WITHOUT_DATABASE and status in (200, 303, 404)


def processes_of(server: Cluster) -> list[int]:
    """The server's processes, the one first that starts others."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return [server.pid, *(int(word) for word in children.split())]


async def test_a_database_that_hangs_is_503_and_memory_holds_no_more_than_the_queues(
    own_cluster: Cluster, gone: Site
) -> None:
    """All of its processes stand still: connections are open, and nothing answers."""
    site = gone
    app = await site.app("self-client")
    refresh_token = (await site.tokens(app))["refresh_token"]
    stopped = processes_of(own_cluster)
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        answers = await asyncio.gather(*(site.refresh(app, refresh_token) for _ in range(60)))
        assert {answer.status_code for answer in answers} == {503}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
        assert (await site.call("GET", "/health/ready")).status_code == 503
        assert (await site.call("GET", "/health/live")).status_code == 200
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)
    while (await site.call("GET", "/health/ready")).status_code != 200:
        await asyncio.sleep(0.05)
    while (await site.refresh(app, refresh_token)).status_code == 503:
        await asyncio.sleep(0.05)
    assert (await site.refresh(app, refresh_token)).status_code == 200
