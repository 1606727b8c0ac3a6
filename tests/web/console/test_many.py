"""No page asks the database more often because there are more clients, entries or people."""

import re
import sqlite3
from contextlib import closing

import pytest

from bench.workspace import Amounts, fill
from grantline.web.console.entrance import ConsolePage
from grantline.web.console.routes import PAGES
from tests.web.console.test_access import Scene, scene

pytestmark = pytest.mark.sqlite_only
__all__ = ["scene"]  # the fixture

MOST: int = 15
LOOKED_AT = [page for page in PAGES if page.method == "GET"]
WITH_QUERY = {
    "/console/clients/{client_id}/users": "?person=900000007",
    "/console/clients/{client_id}/activity": "?q=callback&outcome=refused",
    "/console/clients/{client_id}/usage": "?range=90d",
    "/console/troubleshoot": "?q=req_us_own5",
}


async def _statements(scene: Scene, page: ConsolePage, address: str) -> int:
    """How often the database was asked for one page."""
    told: list[str] = []
    db = scene.site.db
    for connection in (db._reader, db._writer):
        connection.set_trace_callback(told.append)
    try:
        answer = await scene.ask("owner", page, address)
    finally:
        for connection in (db._reader, db._writer):
            connection.set_trace_callback(None)
    assert answer.status_code < 500, (address, answer.text[:300])
    return sum(1 for text in told if re.match(r"SELECT|WITH|INSERT|UPDATE|DELETE", text.lstrip()))


async def _all_pages(scene: Scene) -> dict[str, int]:
    found = {}
    for page in LOOKED_AT:
        for query in ("", WITH_QUERY.get(page.path, "")):
            address = scene.at(page) + query
            found[page.path + query] = await _statements(scene, page, address)
    return found


@pytest.mark.timeout(110)
@pytest.mark.parametrize(
    "many",
    [
        pytest.param(Amounts(clients=1000, entries=50_000), id="a thousand clients"),
        pytest.param(Amounts(), id="ten thousand clients", marks=pytest.mark.soak),
    ],
)
async def test_with_thousands_of_clients_and_a_million_entries_no_page_asks_more_often(
    many: Amounts, scene: Scene
) -> None:
    site, path = scene.site, scene.site.server.settings.database.removeprefix("sqlite://")
    client_id = scene.apps["server-based"]
    row = await site.db.one("SELECT workspace_id FROM clients WHERE id = $1", client_id)
    assert row is not None
    few = Amounts(clients=10, entries=100, causes=10, people=60, name="few")
    with closing(sqlite3.connect(path)) as file:
        fill(file, client_id, row[0], site.clock(), few)
    before = await _all_pages(scene)
    with closing(sqlite3.connect(path)) as file:
        fill(file, client_id, row[0], site.clock(), many)
    after = await _all_pages(scene)
    assert max(before.values()) <= MOST, before
    assert after == before
