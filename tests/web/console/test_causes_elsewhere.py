"""What other data centers refused to one's clients, in the console of their home: told as what it is, marked
with where it was (R84, R88, T130, T143)."""

import re
from html import unescape

import httpx2
import pytest

from grantline.activity import find_entry
from grantline.clients import set_data_centers
from grantline.opaque import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, PERSONAL_TOKEN, mint
from tests.centers import Sites
from tests.site import SCOPE, App, Browser

WRONG = {"grant_type": "client_credentials", "scope": SCOPE, "client_secret": "gls_eu_wrong"}


def words(page: httpx2.Response) -> str:
    """The page's text as eyes see it."""
    assert page.status_code == 200, page.text[:300]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


async def refused_at_europe(sites: Sites, app: App, times: int = 2) -> str:
    """Call Europe with the app's id, and let it tell; gives the newest request there."""
    request_id = ""
    for _ in range(times):
        answer = await sites["eu"].post("/oauth/v2/token", {**WRONG, "client_id": app.id})
        request_id = answer.json()["request_id"]
    await sites["eu"].mint.recorder.flush()
    assert await sites.carry("eu") == {}
    return request_id


async def ask(sites: Sites, text: str, browser: Browser | None = None) -> httpx2.Response:
    """Paste a text into Troubleshoot."""
    browser = browser or await sites["us"].signed_in()
    form = await browser.get("/console/troubleshoot")
    page = await browser.submit(form, {"q": text}, path="/console/troubleshoot")
    return page if page.status_code == 200 else await browser.get(page.headers["location"])


async def test_R84_home_and_the_clients_pages_say_that_europe_refused_it_and_what_to_do(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    request_id = await refused_at_europe(sites, app)
    browser = await sites["us"].signed_in()
    home = words(await browser.get("/console"))
    assert "Requests were refused elsewhere, at Europe." in home
    assert "Lead Desk : At Europe: This app lives in another data center 2 times" in home
    assert "Nothing was refused." not in home
    path = f"/console/clients/{app.id}"
    for page in (path, f"{path}/activity", f"{path}/activity?view=causes"):
        told = words(await browser.get(page))
        assert "At Europe: This app lives in another data center" in told, page
        assert "Europe was called with this client’s ID, and the client lives in United States." in told
        assert f"Let it call {sites['us'].issuer}, or turn on Europe for this client." in told
        assert "Whoever sent these had not proven to be this client" in told
        assert request_id in told


async def test_a_client_that_can_not_cross_is_told_to_call_its_home(sites: Sites) -> None:
    app = await sites["us"].app("self-client")
    await refused_at_europe(sites, app)
    told = await (await sites["us"].signed_in()).get(f"/console/clients/{app.id}")
    assert "a client of this type works where it lives alone" in words(told)
    assert f"/console/clients/{app.id}/data-centers" not in told.text


async def test_R88_another_refusal_has_the_cause_and_fix_that_it_has_at_home(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("server-based")
    async with us.db.transaction() as tx:
        await set_data_centers(tx, app.client, ("us", "eu"), sites.clock())
    assert await sites.carry() == {}
    await refused_at_europe(sites, app)
    told = words(await (await us.signed_in()).get(f"/console/clients/{app.id}"))
    assert "At Europe: The client secret is not right" in told
    assert "Compare its ID with the list on your app's page." in told


async def test_T143_nobody_elses_console_tells_of_it(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("server-based")
    request_id = await refused_at_europe(sites, app)
    await us.person("tom@example.com")
    tom = await us.signed_in("tom@example.com")
    home = words(await tom.get("/console"))
    assert "refused elsewhere" not in home
    told, invented = await ask(sites, request_id, tom), await ask(sites, "req_eu_0000000000", tom)
    assert "At Europe:" not in words(told)
    ids = re.compile(r"req_\w+")
    assert ids.sub("", words(told)) == ids.sub("", words(invented))


async def test_a_request_that_europe_refused_is_found_by_its_id(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    request_id = await refused_at_europe(sites, app)
    assert await find_entry(sites["us"].db, request_id) is None
    told = words(await ask(sites, request_id))
    assert "At Europe: This app lives in another data center." in told
    assert "Lead Desk" in told
    assert "or turn on Europe for this client" in told


@pytest.mark.parametrize("kind", [CLIENT_ID, ACCESS_TOKEN, CLIENT_SECRET, PERSONAL_TOKEN])
async def test_R24_what_another_data_center_made_leads_to_its_console(sites: Sites, kind: str) -> None:
    """By its name alone: it need not exist."""
    pasted = mint(kind, "eu")
    page = await ask(sites, pasted)
    told = words(page)
    europe = sites["eu"].mint.home
    assert "Europe" in told
    assert europe.issuer in told
    shown = kind == CLIENT_ID
    ends = f"clients/{pasted}" if shown else "troubleshoot"
    assert f'href="{europe.issuer}/console/{ends}"' in page.text
    assert (pasted in page.text) is shown
    nowhere = await ask(sites, mint(kind, "jp"))
    assert "No data center that is known here has the code JP." in words(nowhere)


async def test_an_answer_of_the_wrong_data_center_links_the_console_that_it_names(sites: Sites) -> None:
    answer = await sites["us"].post("/oauth/v2/token", {**WRONG, "client_id": mint(CLIENT_ID, "eu")})
    page = await ask(sites, answer.text)
    assert "Open the console of Europe" in words(page)
    assert f'href="{sites["eu"].issuer}/console"' in page.text


async def test_a_lone_data_center_asks_for_nothing_elsewhere(sites: Sites) -> None:
    """No statement and no word where there is no other one."""
    us = sites["us"]
    app = await us.app("server-based")
    await refused_at_europe(sites, app)
    sites.registry.write_text(sites.registry.read_text().partition("[eu]")[0])
    await us.server.neighbours.look(us.mint)
    browser = await us.signed_in()
    for page in ("/console", f"/console/clients/{app.id}", f"/console/clients/{app.id}/activity"):
        assert "Europe" not in words(await browser.get(page))
