"""Adding a client: questions, types, checks while typing, a look first, manifests, and no second one."""

import re

import pytest

from grantline.clients import CLIENT_TYPES, list_workspace_clients
from grantline.web.console.type_flows import FLOWS
from grantline.web.console.type_words import QUESTIONS, suggest_type
from tests.site import Browser, Site
from tests.web.test_console import DETAILS, create, form_of

NEW = "/console/clients/new"
IMPORT = f"{NEW}/manifest"
MANIFEST = """\
type: server-based
name: Dockside
redirect_uris: [https://dock.example/cb]
policy_url: https://dock.example/policy
scopes: [CRM.modules.leads.READ]
"""


async def clients_of(site: Site) -> list[str]:
    return [client.name for client in await list_workspace_clients(site.db, site.account.id)]


@pytest.mark.parametrize(
    ("answers", "fits"),
    [
        ({"data": "own"}, "self-client"),
        ({"data": "own", "browser": "web", "secret": "yes"}, "self-client"),
        ({"data": "others", "browser": "phone"}, "mobile"),
        ({"data": "others", "browser": "none", "secret": "no"}, "non-browser"),
        ({"data": "others", "browser": "web", "secret": "yes"}, "server-based"),
        ({"browser": "web", "secret": "no"}, "client-based"),
        ({"data": "others", "browser": "web"}, ""),
        ({}, ""),
    ],
)
def test_R27_three_questions_lead_to_one_type(answers: dict[str, str], fits: str) -> None:
    assert suggest_type(answers) == fits


async def test_R27_the_answers_tag_a_type_and_leave_a_choice_alone(site: Site) -> None:
    browser = await site.signed_in()
    answers = {"show": "1", "data": "others", "browser": "web", "secret": "yes"}
    page = await browser.get(NEW, params=answers)
    tagged = re.findall(
        r'value="([\w-]+)"( checked)? required>(?:(?!</label>).)*Fits your answers', page.text
    )
    assert tagged == [("server-based", " checked")]
    page = await browser.get(NEW, params={**answers, "type": "mobile"})
    assert 'value="mobile" checked' in page.text
    assert 'value="server-based" checked' not in page.text
    assert page.text.count("Fits your answers") == 1
    chosen = await browser.get(NEW, params={"type": "mobile", "data": "own"})
    assert chosen.headers["location"] == f"{NEW}/mobile"


async def test_R27_R50_each_type_says_what_it_is_for_and_how_it_gets_tokens(site: Site) -> None:
    page = (await (await site.signed_in()).get(NEW)).text
    for kind in CLIENT_TYPES.values():
        assert kind.best_for in page
        assert f'href="/guides/{kind.name}"' in page
        for step in FLOWS[kind.name].steps:
            assert step.sentence in page
    assert page.count("<fieldset") == len(QUESTIONS)


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_R50_each_type_has_a_guide_that_anyone_may_read(site: Site, kind: str) -> None:
    page = await site.browser().get(f"/guides/{kind}")
    assert page.status_code == 200
    assert FLOWS[kind].steps[0].sentence in page.text
    assert (await site.browser().get("/guides/teapot")).status_code == 404


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://dock.example/cb", "It uses http"),
        ("http://dock.example/cb", "Do you mean https://dock.example/cb?"),
        ("https://dock.example/cb#x", "has a fragment"),
        ("https://mara:x@dock.example/cb", "a name or password before the host"),
        ("https://*.dock.example/cb", "a wildcard"),
        ("https://xn--bcher-kva.example/cb", "People see bücher.example"),
        ("https://dock.example/cb/", "https://dock.example/cb is another address"),
        ("http://127.0.0.1:5000/cb", "with exactly port 5000"),
        ("http://localhost:5000/cb", "http://127.0.0.1:5000/cb is the safer spelling"),
        ("https://192.0.2.1/cb", "An IP address"),
    ],
)
async def test_an_address_is_explained_while_it_is_typed(site: Site, address: str, told: str) -> None:
    browser = await site.signed_in()
    asked = {"type": "server-based", "field": "redirect_uris", "redirect_uris": address}
    page = await browser.get("/console/clients/check", params=asked)
    assert page.status_code == 200
    assert told in page.text
    refused = await create(browser, "server-based", redirect_uris=f"{address}\njavascript:x")
    assert told in refused.text, "the same after the form is sent"
    assert "Line 1: " in refused.text


async def test_loopback_is_explained_as_the_type_has_it(site: Site) -> None:
    browser = await site.signed_in()
    asked = {"field": "redirect_uris", "redirect_uris": "http://127.0.0.1/cb"}
    mobile = await browser.get("/console/clients/check", params={"type": "mobile", **asked})
    server = await browser.get("/console/clients/check", params={"type": "server-based", **asked})
    assert "Any port is allowed" in mobile.text
    assert "without any port" in server.text


async def test_an_origin_without_its_redirect_is_told_while_it_is_typed(site: Site) -> None:
    browser = await site.signed_in()
    asked = {"type": "client-based", "field": "redirect_uris", "redirect_uris": "https://dock.example/cb"}
    alone = await browser.get("/console/clients/check", params={**asked, "origins": "https://other.example"})
    assert "on none of the registered origins" in alone.text
    both = await browser.get("/console/clients/check", params={**asked, "origins": "https://dock.example"})
    assert "on none" not in both.text


async def test_what_people_will_see_is_shown_before_anything_is_made(site: Site) -> None:
    browser = await site.signed_in()
    page = await create(browser, "server-based", name="Quay <b>Side", act="look")
    assert page.status_code == 200
    assert "Allow <bdi>Quay &lt;b&gt;Side</bdi> to" in page.text
    assert "Either way you go back to" in page.text
    assert await clients_of(site) == []
    live = await browser.get("/console/clients/preview", params={"type": "mobile", "name": "Quayside"})
    assert "Allow <bdi>Quayside</bdi> to" in live.text


async def test_a_manifest_fills_the_form_and_what_it_says_beyond_is_kept(site: Site) -> None:
    browser = await site.signed_in()
    opened = form_of(await browser.get(IMPORT), IMPORT)
    page = await browser.post(IMPORT, {**opened, "manifest": MANIFEST})
    form = form_of(page, "/new/server-based")
    assert form["redirect_uris"] == "https://dock.example/cb"
    assert "https://dock.example/policy" in page.text
    assert await clients_of(site) == []
    made = await browser.post(f"{NEW}/server-based", {**form, "name": "Dockside Two"})
    assert "gls_" in made.text
    [client] = await list_workspace_clients(site.db, site.account.id)
    assert client.name == "Dockside Two"
    assert client.policy_url == "https://dock.example/policy"
    assert client.scopes == ("CRM.modules.leads.READ",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: Dockside", "Say the type"),
        ("type: server-based\nowner: 1", "There is no key owner"),
        ("type: server-based\nname: *x", "Anchors and aliases"),
        ("<script>alert(1)</script>", "one key and its value"),
    ],
)
async def test_a_refused_manifest_comes_back_with_its_reason(site: Site, text: str, told: str) -> None:
    browser = await site.signed_in()
    opened = form_of(await browser.get(IMPORT), IMPORT)
    page = await browser.post(IMPORT, {**opened, "manifest": text})
    assert page.status_code == 400
    assert told in page.text
    assert form_of(page, IMPORT)["manifest"] == text
    assert "<script>alert" not in page.text


@pytest.mark.both_engines
async def test_R47_the_same_details_a_moment_later_make_no_second_client(site: Site) -> None:
    """The form was opened anew (back, then forward), so its key is another one."""
    browser = await site.signed_in()
    await create(browser, "server-based")
    again = await create(browser, "server-based")
    assert "exists already" in again.text
    assert await clients_of(site) == ["Dockside"]
    other = await create(browser, "server-based", name="Quayside")
    assert "gls_" in other.text
    wanted = await browser.post(f"{NEW}/server-based", form_of(again, "/new/server-based"))
    assert "gls_" in wanted.text
    assert sorted(await clients_of(site)) == ["Dockside", "Dockside", "Quayside"]
    site.clock.advance(601)
    assert "gls_" in (await create(await site.signed_in(), "server-based")).text


async def test_a_client_of_another_person_is_no_twin(site: Site) -> None:
    olga = await site.person("olga@example.com")
    await create(await site.signed_in(olga.email), "server-based")
    made = await create(await site.signed_in(), "server-based")
    assert "gls_" in made.text


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_a_form_asks_for_the_fields_of_its_type_and_says_why_others_are_absent(
    site: Site, kind: str
) -> None:
    browser: Browser = await site.signed_in()
    page = await browser.get(f"{NEW}/{kind}")
    fields = set(form_of(page, f"/new/{kind}")) - {"token", "creation_key"}
    assert set(DETAILS[kind]) <= fields
    assert ("origins" in fields) == (kind == "client-based")
    assert ("redirect_uris" in fields) == (CLIENT_TYPES[kind].redirect_uris != "none")
    assert "asked for" in page.text or "isn’t offered" in page.text
