"""What developers may register, who may reach a generated code, and what a stranger learns (T1–T4, T7–T9)."""

import asyncio
import json
import re
import unicodedata
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.accounts import disable_account, personal_organization
from grantline.clients import CLIENT_TYPES, RegistrationRefused, find_client, register_client
from grantline.clients.checks import Registration, check_name, check_registration
from grantline.oauth.redirect_uri import RedirectKind, RedirectUriProblem, check_redirect_uri
from tests.conftest import SiteFactory
from tests.running import run_grantline
from tests.site import CALLBACK, PASSWORD, REGISTRATIONS, SCOPE, Browser, Site

BAD = (
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.example/x",
    "about:blank",
    "filesystem:https://app.example/x",
    "view-source:https://app.example/",
    "ws://app.example/",
    "mailto:a@app.example",
    "tel:1",
    "sms:1",
    "intent://app.example/#Intent;end",
    "http://app.example/callback",
    "http://127.0.0.1.evil.example/cb",
    "http://0.0.0.0/cb",
    "http://127.0.0.2/cb",
    "https:/app.example",
    "https://",
    "https:///callback",
    "https://a.example\\@b.example",
    "https://user@app.example/",
    "https://app.example/callback#fragment",
    "https://app.example/callback?code=x",
    "https://app.example/callback?x=1&state=y",
    "https://app.example/cb/../evil",
    "https://app.example/cb/..;/evil",
    "https://app.example/./cb",
    "https://app.example/*",
    "https://*.app.example/",
    "https://\u0430pp.example/",
    "https://app.example/\t/x",
    "https://app.example/ x",
    "https://app.example:0/",
    "https://app.example:99999/",
    "https://1.2.3/",
    "https://0x7f000001/",
    "https://app.example/" + "x" * 2000,
)


def form_of(page: httpx2.Response, action: str) -> dict[str, str]:
    """The hidden fields of the page's form that goes there."""
    form = page.text.partition(f'action="{action}"')[2].partition("</form>")[0]
    return dict(re.findall(r'name="(token|flow|creation_key)" value="([^"]*)"', form))


async def by_console(site: Site, browser: Browser, kind: str, uri: str) -> bool:
    path = f"/console/clients/new/{kind}"
    form = {
        **form_of(await browser.get(path), path),
        "name": "Lead Desk",
        "homepage_url": "",
        "redirect_uris": uri,
    }
    if kind == "client-based":
        form["origins"] = "https://app.example"
    answer = await browser.post(path, form)
    assert answer.status_code in (200, 400)
    return answer.status_code == 200


@pytest.mark.parametrize("kind", ["server-based", "mobile", "client-based"])
async def test_T1_no_bad_address_enters_through_the_console(site: Site, kind: str) -> None:
    """RFC 9700 §4.1.3: creating and editing alike, with the field named."""
    browser, app = await site.signed_in(), await site.app(kind)
    for uri in BAD:
        assert not await by_console(site, browser, kind, uri), uri
        for page, field in (("redirects", "redirect_uris"), ("settings", "post_logout_redirect_uris")):
            path = f"/console/clients/{app.id}/{page}"
            form = form_of(await browser.get(path), path)
            changed = await browser.post(path, {**form, field: uri})
            assert changed.status_code == 400, uri
    assert await find_client(site.db, app.id) == app.client
    assert await by_console(site, browser, kind, "https://app.example/callback")


def test_T1_no_bad_address_enters_through_the_command_line(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/grantline.db"
    run_grantline("migrate", database=database)
    mara = "mara@example.com"
    run_grantline("user", "create", mara, "--password-stdin", database=database, input=PASSWORD + "\n")
    create = ("client", "create", "--type", "server-based", "--name", "Lead Desk", "--owner", mara)
    bad = [part for uri in BAD[:4] for part in ("--redirect-uri", uri)]
    with pytest.raises(AssertionError, match="javascript: runs code"):
        run_grantline(*create, "--redirect-uri", CALLBACK, *bad, database=database)
    assert "Lead Desk" not in run_grantline("client", "list", database=database)
    assert "glc_" in run_grantline(*create, "--redirect-uri", CALLBACK, database=database)


async def test_T1_a_bad_row_written_straight_into_the_database_leads_nowhere(site: Site) -> None:
    """The guard stands before each redirect, too."""
    app, browser = await site.app("server-based"), await site.signed_in()
    for uri in BAD:
        await site.db.run("UPDATE clients SET redirect_uris = $1 WHERE id = $2", json.dumps([uri]), app.id)
        for more in ({}, {"prompt": "none"}, {"scope": "nonsense"}):
            answer = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=uri, **more))
            assert answer.status_code == 400, uri
            assert "location" not in answer.headers
        only = await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=None))
        assert "location" not in only.headers, uri


WHOLE = re.compile(
    r"(https://|http://(127\.0\.0\.1|\[::1\]|localhost)|[a-z][a-z0-9+-]*(\.[a-z0-9][a-z0-9+-]*)+:)"
)


@given(
    st.text(max_size=60)
    | st.text("htps:/.@\\#?&=%*[]1;ab\t \u0430", max_size=40).map("https://a.example".__add__)
)
def test_T2_whatever_is_registered_has_one_reading(uri: str) -> None:
    """RFC 3986 §3: visible ASCII, one host, no user, no dots to climb, nothing that a browser drops."""
    try:
        check_redirect_uri(uri, kind=RedirectKind.NATIVE)
    except RedirectUriProblem:
        return
    assert WHOLE.match(uri)
    assert all("!" <= letter <= "~" for letter in uri)
    assert not set(uri) & set('\\#*"<>^`{|}')
    authority = uri.partition("://")[2].partition("/")[0].partition("?")[0]
    assert "@" not in authority
    path = uri.partition("?")[0].split("/")[3:]
    assert not {".", ".."} & {part.partition(";")[0] for part in path}
    assert len(uri) <= 2000


@pytest.mark.parametrize(
    "homepage",
    ["javascript:alert(1)", "https://exa\tmple.com", "https://example.com/\n", "https://good.example@evil.example",
     "//example.com", "ftp://example.com", "https://", "https://example.com\\@evil.example", "https://ex\u0430mple.com",
     'https://example.com/"x', "https://example.com/ x", "https://[::1"],
)  # fmt: skip
def test_T2_a_homepage_has_one_reading_too(homepage: str) -> None:
    with pytest.raises(RegistrationRefused):
        check_registration(CLIENT_TYPES["self-client"], Registration(name="Export", homepage_url=homepage))
    fine = Registration(name="Export", homepage_url="https://example.com:8443/a?b=c#d".partition("#")[0])
    assert check_registration(CLIENT_TYPES["self-client"], fine) == fine


IMPOSTORS = (
    *("Grantline", "grant line", "Grant1ine", "GrantIine Security", "Gr\u00e0ntl\u00eene", "Grantl\u0131ne"),
    *(
        "Grant-line",
        "G.r.a.n.t.l.i.n.e",
        "grant_line & Co",
        "\uff27\uff52\uff41\uff4e\uff54\uff4c\uff49\uff4e\uff45",
    ),
    *("\u0262\u0280\u1d00\u0274\u1d1b\u029f\u026a\u0274\u1d07", "\U0001d406\U0001d42b\U0001d41a"),
    *(
        "G\u043e\u043egle",
        "\u0420aypal",
        "Lead\u202eDesk",
        "Lead\u200bDesk",
        "Lead\u00adDesk",
        "Lead\ufeffDesk",
    ),
    *("Lead\u2066Desk", "x", "x" * 61, "Lead<b>", "Lead\nDesk", "Lead\x00Desk", "Lead  Desk", 'Lead"', ""),
)


@pytest.mark.parametrize("name", IMPOSTORS)
def test_T3_no_app_is_named_like_another_thing_or_like_nothing(name: str) -> None:
    """RFC 6819 §4.1.4."""
    with pytest.raises(ValueError, match=r"[.]$"):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    ["Lead Desk", "Caf\u00e9 24", "\u041f\u043e\u0447\u0442\u0430", "\u5bff\u53f8 Bar", "R2-D2_x & Co."],
)
def test_T3_ordinary_names_pass_in_one_form(name: str) -> None:
    assert check_name(unicodedata.normalize("NFD", name)) == unicodedata.normalize("NFC", name)


async def test_T3_a_new_name_ends_what_was_remembered_for_the_old(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    await site.code(app, browser=browser)
    path = f"/console/clients/{app.id}/settings"
    saved = await browser.post(path, {**form_of(await browser.get(path), path), "name": "Lead Bank"})
    assert saved.status_code == 303
    again = await browser.get("/oauth/v2/auth", params=site.request(app))
    assert "Lead Bank" in again.text
    assert 'name="decision"' in again.text


COLUMNS = (
    "owner_account_id",
    "organization_id",
    "verified",
    "skip_consent",
    "app_scopes",
    "data_centers",
    "secrets",
    "type",
    "grants",
    "client_id",
    "id",
    "disabled_at",
    "deleted_at",
    "version",
    "created_at",
    "trusted",
)


async def test_T4_no_column_slips_in_through_a_form_or_an_authorization_request(site: Site) -> None:
    """RFC 7591 §5: unknown fields of a form are refused, what an app sends along is no registration."""
    browser, app = await site.signed_in(), await site.app("server-based")
    new, own = "/console/clients/new/server-based", f"/console/clients/{app.id}/settings"
    good = {**form_of(await browser.get(new), new), "name": "Second", "redirect_uris": CALLBACK}
    detail = form_of(await browser.get(own), own)
    for column in (*COLUMNS, "implicit", "origins", "legacy_secret", "public", "redirect_uri"):
        made = await browser.post(new, {**good, column: "1"})
        assert made.status_code == 400, column
        changed = await browser.post(own, {**detail, "name": "X1", column: "1"})
        assert changed.status_code == 400, column
    await browser.get(
        "/oauth/v2/auth", params={**site.request(app), "name": "X", "implicit": "1", "verified": "1"}
    )
    assert await find_client(site.db, app.id) == app.client
    assert (await browser.post(new, good)).status_code == 200
    assert {field.name for field in fields(Registration)} & {*COLUMNS} == {"app_scopes", "data_centers"}


@pytest.mark.parametrize("kind", CLIENT_TYPES)
async def test_T4_no_type_takes_fields_of_another(site: Site, kind: str) -> None:
    allowed = REGISTRATIONS[kind]
    foreign = {
        "implicit": (True, CLIENT_TYPES[kind].may_choose_implicit),
        "legacy_secret": (True, CLIENT_TYPES[kind].secret == "optional"),
        "origins": (("https://spa.example",), CLIENT_TYPES[kind].origins),
        "redirect_uris": (("https://spa.example/callback",), CLIENT_TYPES[kind].redirect_uris != "none"),
        "app_scopes": ((SCOPE,), "client_credentials" in CLIENT_TYPES[kind].grants),
    }
    for name, (value, fits) in foreign.items():
        changes: dict[str, Any] = {name: value}
        asked = replace(allowed, **changes)
        if fits:
            assert check_registration(CLIENT_TYPES[kind], asked)
        else:
            with pytest.raises(RegistrationRefused):
                check_registration(CLIENT_TYPES[kind], asked)


async def test_T7_nobody_is_a_verified_publisher_yet(site: Site) -> None:
    app, browser = await site.app("server-based"), await site.signed_in()
    page = await browser.get("/oauth/v2/auth", params=site.request(app))
    assert "verified" not in page.text.lower()


async def leave(site: Site) -> None:
    await site.db.run("DELETE FROM memberships WHERE account_id = $1", site.account.id)


async def transfer(site: Site) -> None:
    other = await site.person("tom@example.com")
    await site.db.run("UPDATE clients SET owner_account_id = $1", other.id)


async def disable(site: Site) -> None:
    await disable_account(site.db, site.account.id, site.clock())


@pytest.mark.parametrize("change", [leave, transfer, disable])
async def test_T8_a_generated_code_is_good_while_its_maker_owns_client_and_data(
    site: Site, change: Any
) -> None:
    app = await site.app("self-client")
    code = await site.console_code(app)
    await change(site)
    refused = await site.exchange(app, code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await site.db.one("SELECT COUNT(*) FROM authorizations"))[0] == 0


async def test_T8_a_foreign_organization_is_refused(site: Site) -> None:
    app = await site.app("self-client")
    ask = {"grant_type": "client_credentials", "scope": SCOPE}
    own = str(app.client.organization_id)
    for soid in ("ZohoCRM.1", "1", own + "0", f"{own}.1", "x"):
        refused = await site.token(app, **ask, soid=soid)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target"), soid
    assert (await site.token(app, **ask, soid=f"ZohoCRM.{own}")).status_code == 200


async def test_T9_a_stranger_learns_no_registered_address_and_the_owner_does(
    open_a_site: SiteFactory,
) -> None:
    """OpenID Connect Core §16.5: staging hosts and paths are nobody's business."""
    async with open_a_site(demo=False) as site:
        secret = "https://staging-7.internal.example/very/private"
        app = await site.app("server-based", redirect_uris=(secret, "https://app.example/callback"))
        await site.person("tom@example.com")
        sent = site.request(app, redirect_uri=secret + "x")
        for browser in (site.browser(), await site.signed_in("tom@example.com")):
            page = await browser.get("/oauth/v2/auth", params=sent)
            text = page.text.replace("<wbr>", "")
            assert page.status_code == 400
            assert text.count("very/private") == text.count("very/privatex")
            assert "app.example/callback" not in text
        own = re.sub(r"<[^>]+>", "", (await (await site.signed_in()).get("/oauth/v2/auth", params=sent)).text)
        assert own.count("very/private") > own.count("very/privatex")


async def test_T9_the_token_endpoint_tells_no_registered_address_either(site: Site) -> None:
    app = await site.app("server-based")
    answer = await site.exchange(app, await site.code(app), redirect_uri="https://evil.example/callback")
    assert "app.example" not in answer.text


async def test_one_person_has_one_self_client_however_fast_they_ask(site: Site) -> None:
    account = await site.person("olga@example.com")
    organization = await personal_organization(site.db, account.id)

    async def register() -> str:
        client, _ = await register_client(
            site.db, type_name="self-client", asked=Registration(name="Export"), owner_account_id=account.id,
            organization_id=organization.id, data_center="us", now=site.clock(),
        )  # fmt: skip
        return client.id

    assert len(set(await asyncio.gather(*(register() for _ in range(10))))) == 1
