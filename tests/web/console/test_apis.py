"""The console's pages for the APIs of a workspace."""

import re
from html import unescape

import pytest
from fastapi import FastAPI

from tests.site import Browser, Site, hidden_fields

FORM = {
    "name": "Billing",
    "identifier": "https://billing.example",
    "scope_prefix": "Billing",
    "token_format": "jwt-es256",
    "token_seconds": "600",
    "origins_policy": "registered",
    "scope-0-name": "invoices.READ",
    "scope-0-sentence": "See your invoices",
    "scope-0-level": "",
    "scope-0-alone": "yes",
    "scope-1-name": "Billing.invoices.ALL",
    "scope-1-sentence": "See, add, edit and delete your invoices",
    "scope-1-level": "5",
}


async def declare(browser: Browser, **changes: str) -> tuple[str, str, str]:
    """A declared API: its client id, its secret, and the page that told them."""
    page = await browser.get("/console/apis/new")
    page = await browser.post("/console/apis/new", {**hidden_fields(page), **FORM, **changes})
    assert page.status_code == 200, page.text[:500]
    secret = re.search(r"gls_us_[0-9A-Za-z]+", page.text)
    client_id = re.search(r"glc_us_[0-9A-Za-z]+", page.text)
    assert secret is not None
    assert client_id is not None
    return client_id[0], secret[0], page.text


async def ask(site: Site, client_id: str, secret: str, token: str) -> int:
    response = await site.post("/oauth/v2/introspect", {"token": token}, auth=(client_id, secret))
    return response.status_code if response.status_code != 200 else int(response.json()["active"])


async def test_an_api_is_declared_and_apps_get_tokens_for_it_at_once(site: Site) -> None:
    browser = await site.signed_in()
    client_id, secret, text = await declare(browser)
    assert "Offline()" in text
    app = await site.app("server-based")
    answer = await site.token(app, grant_type="client_credentials", scope="Billing.invoices.READ")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["expires_in"], answer.json()["access_token"].count(".")) == (600, 2)
    assert await ask(site, client_id, secret, answer.json()["access_token"]) == 1
    own = await site.token(app, grant_type="client_credentials", scope="Billing.invoices.ALL")
    assert own.json()["error"] == "invalid_scope"  # its box "apps may have it for themselves" was left empty
    assert "Billing" in (await browser.get("/console/apis")).text
    assert secret not in (await browser.get(f"/console/apis/{client_id}")).text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"identifier": "billing"}, "must be an absolute address"),
        (
            {"scope_prefix": "CRM", "scope-0-name": "things.READ", "scope-1-name": "CRM.things.ALL"},
            "is taken",
        ),
        ({"scope-0-name": ""}, "is not a scope"),
        ({"scope-0-name": "invoices.BURN"}, "is not a scope"),
        ({"scope-0-sentence": ""}, "needs a sentence"),
        ({"token_seconds": "soon"}, "60 to 3600 seconds"),
        ({"name": ""}, "1 to 60 characters"),
    ],
)
async def test_a_mistake_is_told_beside_its_field_and_nothing_typed_is_lost(
    site: Site, change: dict[str, str], told: str
) -> None:
    browser = await site.signed_in()
    page = await browser.get("/console/apis/new")
    page = await browser.post("/console/apis/new", {**hidden_fields(page), **FORM, **change})
    assert page.status_code == 400
    assert told in page.text
    assert "Problem:" in page.text
    assert "See, add, edit and delete your invoices" in page.text
    assert "No API is declared" in (await browser.get("/console/apis")).text


async def test_a_form_that_comes_back_has_scopes_and_levels_as_they_were_typed(site: Site) -> None:
    """So that a prefix or an operation can be mended alone."""
    browser = await site.signed_in()
    page = await browser.get("/console/apis/new")
    wrong = {"scope_prefix": "Biling", "scope-0-name": "Billing.invoices.REED", "token_seconds": "5"}
    page = await browser.post("/console/apis/new", {**hidden_fields(page), **FORM, **wrong})
    assert page.status_code == 400
    assert 'value="Billing.invoices.REED"' in page.text
    first, second = (page.text.split(f'name="scope-{row}-level"')[1].split("</select>")[0] for row in (0, 1))
    assert "selected" not in first  # by its operation, which comes first
    assert '<option value="5" selected>' in second


@pytest.mark.parametrize("format", ["opaque", "jwt-rs256"])
async def test_the_lines_that_protect_an_api_run_as_they_are_shown(
    site: Site, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever they name is imported, or is the reader's `app`."""
    _, secret, text = await declare(await site.signed_in(), token_format=format)
    monkeypatch.setenv("CLIENT_SECRET", secret)
    (lines,) = re.findall(r'<pre tabindex="0">([^<]*ProtectedResource[^<]*)</pre>', text)
    app = FastAPI()
    exec(unescape(lines), {"app": app})
    assert "/things" in [getattr(route, "path", "") for route in app.routes]


async def test_what_is_saved_holds_and_the_audit_has_before_and_after(site: Site) -> None:
    browser = await site.signed_in()
    client_id, _, _ = await declare(browser)
    page = await browser.get(f"/console/apis/{client_id}")
    fields = {**hidden_fields(page), **FORM, "token_format": "opaque", "token_seconds": ""}
    saved = await browser.post(f"/console/apis/{client_id}", fields)
    assert saved.headers["location"] == f"/console/apis/{client_id}?saved"
    app = await site.app("server-based")
    answer = await site.token(app, grant_type="client_credentials", scope="Billing.invoices.READ")
    assert answer.json()["access_token"].startswith("gla_")
    audit = (await browser.get("/console/audit")).text
    assert "Changed the API" in audit
    assert "jwt-es256" in audit


async def test_secrets_follow_one_another_and_the_old_one_stops(site: Site) -> None:
    browser = await site.signed_in()
    client_id, first, _ = await declare(browser)
    path = f"/console/apis/{client_id}"
    page = await browser.get(path)
    added = await browser.post(f"{path}/secrets", {**hidden_fields(page), "act": "add"})
    second = re.search(r"gls_us_[0-9A-Za-z]+", added.text)
    assert second is not None
    assert await ask(site, client_id, first, "x") == await ask(site, client_id, second[0], "x") == 0
    too_many = await browser.post(f"{path}/secrets", {**hidden_fields(page), "act": "add"})
    assert too_many.status_code == 400
    old = re.findall(r'name="secret_id" value="(sec_[0-9a-f]+)"', added.text)[0]
    await browser.post(f"{path}/secrets", {**hidden_fields(page), "act": "revoke", "secret_id": old})
    assert await ask(site, client_id, first, "x") == 401
    assert await ask(site, client_id, second[0], "x") == 0
    reset = await browser.post(f"{path}/secrets", {**hidden_fields(page), "act": "reset"})
    assert await ask(site, client_id, second[0], "x") == 401
    third = re.search(r"gls_us_[0-9A-Za-z]+", reset.text)
    assert third is not None
    assert await ask(site, client_id, third[0], "x") == 0


async def test_deleting_asks_first_and_then_ends_it(site: Site) -> None:
    browser = await site.signed_in()
    client_id, secret, _ = await declare(browser)
    path = f"/console/apis/{client_id}"
    page = await browser.get(path)
    asked = await browser.post(f"{path}/delete", hidden_fields(page))
    assert asked.status_code == 400
    assert await ask(site, client_id, secret, "x") == 0
    gone = await browser.post(f"{path}/delete", {**hidden_fields(page), "sure": "yes"})
    assert gone.status_code == 303
    assert await ask(site, client_id, secret, "x") == 401
    assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize(("form", "fields"), [("secrets", {"act": "reset"}), ("delete", {"sure": "yes"})])
async def test_T5_an_older_sign_in_is_proven_again_before_secrets_change_or_all_is_deleted(
    site: Site, form: str, fields: dict[str, str]
) -> None:
    browser = await site.signed_in()
    client_id, secret, _ = await declare(browser)
    site.clock.advance(3600)
    page = await browser.get(f"/console/apis/{client_id}")
    asked = await browser.post(f"/console/apis/{client_id}/{form}", {**hidden_fields(page), **fields})
    assert 'name="password"' in asked.text
    assert await ask(site, client_id, secret, "x") == 0
