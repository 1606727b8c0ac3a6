"""Quickstart: programs with a client's own values in them, never its secret, and what has come so far."""

import json
import shlex
from html import unescape
from typing import Any

import pytest

from grantline.clients import CLIENT_TYPES
from grantline.sdk import MemoryStore, set_up
from tests.running import ROOT
from tests.site import App, Browser, Site
from tests.web.test_console import path_of

LANGUAGES = ("curl", "python", "javascript")
ODD = "https://app.example/$(touch%20x)?a='b';id&c=$HOME"


async def program(browser: Browser, app: App, language: str, **query: str) -> str:
    """The text of the program on the page."""
    page = await browser.get(f"{path_of(app)}/quickstart", {"language": language, **query})
    assert page.status_code == 200, page.text[:2000]
    return unescape(page.text.split("<pre ", 1)[1].split(">", 1)[1].split("</pre>")[0])


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_each_program_holds_the_clients_values_and_no_secret(site: Site, kind: str) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    for language in LANGUAGES:
        text = await program(browser, app, language)
        assert app.id in text
        assert site.server.issuer in text
        assert "gls_" not in text
        assert ("GRANTLINE_CLIENT_SECRET" in text) == (app.client.type.secret == "required")
        if app.client.redirect_uris:
            assert app.redirect_uri in text
        assert "@" not in text, "every value was written"


async def test_scopes_and_redirect_uri_can_be_chosen(site: Site) -> None:
    uris = ("https://app.example/one", "https://app.example/two")
    app = await site.app("server-based", redirect_uris=uris)
    browser = await site.signed_in()
    text = await program(browser, app, "python", scope="crm.modules.leads.READ", redirect_uri=uris[1])
    assert f'"{uris[1]}"' in text
    assert uris[0] not in text
    assert "scope=crm.modules.leads.READ" in text
    foreign = await program(browser, app, "python", redirect_uri="https://evil.example/")
    assert "evil.example" not in foreign
    page = await browser.get(f"{path_of(app)}/quickstart", {"scope": "CRM.modules.leeds.READ"})
    assert page.status_code == 400
    assert "CRM.modules.leeds.READ" in page.text


async def test_what_stands_in_an_address_is_no_code_of_any_language(site: Site) -> None:
    app = await site.app("server-based", redirect_uris=(ODD,))
    browser = await site.signed_in()
    assert f"REDIRECT_URI={shlex.quote(ODD)}\n" in await program(browser, app, "curl")
    for language in ("python", "javascript"):
        text = await program(browser, app, language)
        literal = text.split("redirect_uri = ", 1)[1].split("\n")[0]
        assert json.loads(literal.rpartition(", ")[2].rstrip(";")) == ODD
    env = (await browser.get(f"{path_of(app)}/quickstart/env")).text
    assert f"GRANTLINE_REDIRECT_URI={shlex.quote(ODD)}\n" in env


async def test_the_files_have_every_value_and_no_secret(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    file = await browser.get(f"{path_of(app)}/quickstart/env")
    assert "attachment" in file.headers["content-disposition"]
    assert file.text == (
        f"GRANTLINE_ISSUER={site.server.issuer}\nGRANTLINE_CLIENT_ID={app.id}\nGRANTLINE_CLIENT_SECRET=\n"
        f"GRANTLINE_REDIRECT_URI={app.redirect_uri}\nGRANTLINE_SCOPE='openid email'\n"
    )
    file = await browser.get(f"{path_of(app)}/quickstart/env", params={"form": "json"})
    assert "grantline.json" in file.headers["content-disposition"]
    known = set_up(file.json(), client_secret="it", store=MemoryStore())
    assert (known.app.issuer, known.app.client_id) == (site.server.issuer, app.id)
    assert (known.app.redirect_uri, known.scope) == (app.redirect_uri, ("openid", "email"))
    assert "client_secret" not in file.json()
    public = (await browser.get(f"{path_of(await site.app('client-based'))}/quickstart/env")).text
    assert "SECRET" not in public


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_the_postman_collection_is_one_of_format_2_1_without_a_secret(site: Site, kind: str) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    file = await browser.get(f"{path_of(app)}/quickstart/postman")
    assert "attachment" in file.headers["content-disposition"]
    assert "gls_" not in file.text
    collection: dict[str, Any] = file.json()
    assert collection["info"]["schema"].endswith("/collection/v2.1.0/collection.json")
    variables = {one["key"]: one["value"] for one in collection["variable"]}
    assert variables["client_id"] == app.id
    assert variables.get("client_secret", "") == ""
    assert [item["name"] for item in collection["item"]][-2:] == ["Call the API", "Refresh"]


async def test_it_waits_for_the_first_request_and_tells_when_it_came(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    waiting = await browser.get(f"{path_of(app)}/quickstart")
    assert "Waiting for your first request" in waiting.text
    assert 'hx-trigger="every 3s"' in waiting.text
    await site.post("/oauth/v2/token", {"client_id": app.id, "client_secret": app.secret or ""})
    await site.mint.recorder.flush()
    refused = await browser.get(f"{path_of(app)}/quickstart")
    assert "A request came, and was refused." in refused.text
    assert "request_id=req_us_" in refused.text
    await site.tokens(app)
    await site.server.counters.flush()
    seen = await browser.get(f"{path_of(app)}/quickstart")
    assert "First token" in seen.text
    assert "hx-trigger" not in seen.text, "what has come needs no more asking"


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_R50_it_leads_to_the_guide_of_its_type_which_draws_the_flow(site: Site, kind: str) -> None:
    app, browser = await site.app(kind), await site.signed_in()
    assert f'href="/guides/{kind}"' in (await browser.get(f"{path_of(app)}/quickstart")).text
    assert (await browser.get(f"/guides/{kind}")).status_code == 200
    assert "▶│" in (ROOT / "docs" / "guides" / f"{kind}.md").read_text()
