"""Home: the day in a sentence, what needs somebody, each client with its health and the reason."""

import re

import pytest

from grantline.clients import add_secret, find_client, set_disabled
from tests.site import Browser, Site

pytestmark = pytest.mark.both_engines


async def home(site: Site, browser: Browser) -> str:
    await site.server.counters.flush()
    await site.mint.recorder.flush()
    page = await browser.get("/console")
    assert page.status_code == 200, page.text[:400]
    return page.text


def health_of(text: str, name: str) -> str:
    """The word in a client's row."""
    found = re.search(rf"<bdi>{name}</bdi></a>.*?class=\"status \w+\">.*?</svg>([^<]+)<", text, re.DOTALL)
    assert found, name
    return found[1]


async def test_a_new_workspace_is_shown_the_way_in(site: Site) -> None:
    text = await home(site, await site.signed_in())
    assert "There are no clients yet." in text
    assert "Start with a self client" in text


async def test_the_day_in_a_sentence_and_each_client_with_its_health(site: Site) -> None:
    browser = await site.signed_in()
    await browser.get("/console")
    working, unfinished = await site.app("self-client"), await site.app("mobile")
    broken, disabled = await site.app("server-based"), await site.app("non-browser")
    await site.tokens(working)
    await site.refresh(broken, "wrong")
    await set_disabled(site.db, disabled.id, site.clock.now)
    text = await home(site, browser)
    assert "<b>one token</b>" in text
    assert "<b>One request</b> was refused." in text
    assert health_of(text, "Nightly export") == "Working"
    assert health_of(text, "Lead Pocket") == "Set-up not finished"
    assert health_of(text, "Lead TV") == "Switched off"
    assert health_of(text, "Lead Desk") not in ("Working", "Set-up not finished")
    assert f"/console/clients/{unfinished.id}" in text


async def test_what_needs_somebody_comes_with_one_act_refusals_first(site: Site) -> None:
    browser = await site.signed_in()
    await browser.get("/console")
    app = await site.app("self-client")
    tokens = await site.tokens(app)
    client = await find_client(site.db, app.id)
    assert client is not None
    site.clock.advance(5)
    await add_secret(site.db, client, site.server.code, site.clock.now)
    await site.refresh(app, tokens["refresh_token"])
    await site.refresh(app, "wrong")
    text = await home(site, browser)
    needs = text[text.index("Needs you") :]
    assert needs.index("node-stop") < needs.index("Still uses an old secret")
    assert "See the secrets" in needs
    assert "Nothing needs you" not in text


async def test_T143_home_shows_one_workspace_and_no_other(site: Site) -> None:
    await (await site.signed_in()).get("/console")
    app = await site.app("server-based")
    await site.tokens(app)
    await site.refresh(app, "wrong")
    await site.person("eve@example.com")
    eve = await site.signed_in("eve@example.com")
    text = await home(site, eve)
    assert "Lead Desk" not in text
    assert "There are no clients yet." in text
    await site.db.run("UPDATE clients SET workspace_id = 77")
    mine = await home(site, await site.signed_in())
    assert "Lead Desk" not in mine


async def test_the_list_of_clients_goes_on_page_by_page(site: Site) -> None:
    browser = await site.signed_in()
    for number in range(60):
        await site.app("server-based", name=f"Client {number}")
    page = await browser.get("/console/clients")
    seen = re.findall(r"<bdi>(Client \d+)</bdi></a>", page.text)
    while older := re.search(r'href="(/console/clients\?before=[^"]+)"', page.text):
        page = await browser.get(older[1])
        seen += re.findall(r"<bdi>(Client \d+)</bdi></a>", page.text)
    assert len(seen) == len(set(seen)) == 60
