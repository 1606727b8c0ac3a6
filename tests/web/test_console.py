"""The console's rules, in one process: whose client it is, what a form may set, what needs the password."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx2
import pytest

from grantline.audit import list_client_events
from grantline.clients import CLIENT_TYPES, find_client, list_workspace_clients
from grantline.web.console.routes import PAGES
from grantline.web.visit import RECENT_SECONDS
from tests.site import ISSUER, PASSWORD, App, Browser, Site

DETAILS: Mapping[str, Mapping[str, str]] = {
    "server-based": {"name": "Dockside", "redirect_uris": "https://dock.example/cb"},
    "client-based": {
        "name": "Dockside",
        "origins": "https://dock.example",
        "redirect_uris": "https://dock.example/cb",
    },
    "self-client": {},
    "non-browser": {"name": "Dockside"},
    "mobile": {"name": "Dockside", "redirect_uris": "com.example.dock:/cb"},
}


def form_of(page: httpx2.Response, ending: str) -> dict[str, str]:
    """What the form whose address ends so would send, untouched: inputs, checked choices, texts."""
    assert page.status_code < 500, page.text[:400]
    found = re.search(rf'<form[^>]* action="[^"]*{re.escape(ending)}">(.*?)</form>', page.text, re.DOTALL)
    assert found, f"no form for {ending}"
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", found[1]):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        unchecked = attributes.get("type") in ("radio", "checkbox") and " checked" not in tag
        if unchecked or "name" not in attributes:
            continue
        fields[attributes["name"]] = unescape(attributes.get("value", ""))
    for name, text in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', found[1], re.DOTALL):
        fields[name] = unescape(text)
    return fields


def saving(app: App) -> list[str]:
    """The pages of a client whose form saves what it shows."""
    redirects = ["/redirects"] if app.client.type.redirect_uris != "none" else []
    return [f"{path_of(app)}{page}" for page in ("/settings", "/scopes", *redirects)]


async def create(browser: Browser, kind: str, **fields: str) -> httpx2.Response:
    path = f"/console/clients/new/{kind}"
    shown = form_of(await browser.get(path), path)
    return await browser.post(path, {**shown, **DETAILS[kind], **fields})


def path_of(app: App) -> str:
    return f"/console/clients/{app.id}"


def secret_in(page: httpx2.Response) -> str:
    found = re.search(r"gls_\w+", page.text)
    assert found, page.text[:2000]
    return found[0]


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_R26_each_type_is_registered_with_the_fields_of_its_type_alone(site: Site, kind: str) -> None:
    browser = await site.signed_in()
    page = await create(browser, kind)
    assert page.status_code == 200
    assert "no-store" in page.headers["cache-control"]
    [client] = await list_workspace_clients(site.db, site.account.id)
    assert client.type.name == kind
    assert client.id in page.text
    if client.secrets:
        assert secret_in(page)
    else:
        assert "This type has no secret" in page.text
    events = await list_client_events(site.db, client.id)
    assert [event.kind for event in events] == ["client.created"]


async def test_T6_a_secret_is_in_the_answer_that_made_it_and_nowhere_after(site: Site) -> None:
    browser = await site.signed_in()
    secret = secret_in(await create(browser, "server-based"))
    [client] = await list_workspace_clients(site.db, site.account.id)
    for path in ("", "/activity", "/credentials", "/quickstart", "/quickstart/env", "/quickstart/postman"):
        page = await browser.get(f"/console/clients/{client.id}{path}")
        assert page.status_code == 200
        assert secret not in page.text
    assert client.secrets[0].id in (await browser.get(f"/console/clients/{client.id}/credentials")).text


async def test_R47_sending_the_form_twice_makes_one_client(site: Site) -> None:
    browser = await site.signed_in()
    path = "/console/clients/new/server-based"
    form = {**form_of(await browser.get(path), path), **DETAILS["server-based"]}
    first, second = await browser.post(path, form), await browser.post(path, form)
    [client] = await list_workspace_clients(site.db, site.account.id)
    assert secret_in(first)
    assert client.id in second.text
    assert "gls_" not in second.text
    assert "Its secret was shown before" in second.text


async def test_R40_a_second_self_client_is_the_first(site: Site) -> None:
    browser = await site.signed_in()
    first, second = await create(browser, "self-client"), await create(browser, "self-client")
    assert secret_in(first)
    assert "gls_" not in second.text
    assert len(await list_workspace_clients(site.db, site.account.id)) == 1


async def test_R86_a_refused_form_says_what_is_wrong_beside_the_field_and_keeps_the_rest(site: Site) -> None:
    browser = await site.signed_in()
    uris = "https://dock.example/cb\nhttp://dock.example/cb"
    page = await create(browser, "server-based", redirect_uris=uris, homepage_url="https://dock.example")
    assert page.status_code == 400
    assert "<title>Problem: " in page.text
    assert "Line 2: It uses http" in page.text
    kept = form_of(page, "/new/server-based")
    assert kept["redirect_uris"] == uris
    assert kept["homepage_url"] == "https://dock.example"
    assert not await list_workspace_clients(site.db, site.account.id)


@pytest.mark.sqlite_only
async def test_T4_no_form_sets_more_than_its_type_may(site: Site) -> None:
    """Every column's name, posted beside the right fields, is refused, and the row stays as it was."""
    browser = await site.signed_in()
    columns = [row[1] for row in await site.db.all("PRAGMA table_info(clients)")]
    assert "owner_account_id" in columns
    every = {*columns, "app_scopes", "data_centers", "verified", "skip_consent", "workspace"}
    for kind in CLIENT_TYPES:
        app = await site.app(kind)
        before = await find_client(site.db, app.id)
        new = f"/console/clients/new/{kind}"
        for path in (*saving(app), new):
            shown = form_of(await browser.get(path), path) | (DETAILS[kind] if path == new else {})
            for name in sorted(every - set(shown)):
                refused = await browser.post(path, {**shown, name: "1"})
                assert refused.status_code == 400, (path, name)
        assert await find_client(site.db, app.id) == before


async def test_T4_saving_what_the_page_shows_changes_nothing_and_absent_fields_stay(site: Site) -> None:
    browser = await site.signed_in()
    for kind in CLIENT_TYPES:
        app = await site.app(kind)
        before = await find_client(site.db, app.id)
        for path in saving(app):
            shown = form_of(await browser.get(path), path)
            for fields in (shown, {"token": shown["token"]}):
                assert (await browser.post(path, fields)).status_code == 303, path
                assert await find_client(site.db, app.id) == before, (kind, path)


def posts(app: App) -> list[tuple[str, str, dict[str, str]]]:
    """Every POST of the console: address, the page with its form, and fields that would do something."""
    path = path_of(app)
    return [
        (
            "/console/clients/new/server-based",
            "/console/clients/new/server-based",
            dict(DETAILS["server-based"]),
        ),
        (f"{path}/settings", f"{path}/settings", {"name": "Taken over"}),
        (f"{path}/switch", f"{path}/settings", {"to": "off"}),
        (f"{path}/manifest", f"{path}/manifest", {"manifest": "name: Taken over", "act": "apply"}),
        (f"{path}/delete", f"{path}/settings", {"typed_name": app.client.name}),
        (f"{path}/secrets/add", f"{path}/credentials", {}),
        (f"{path}/secrets/reset", f"{path}/credentials", {}),
        (f"{path}/secrets/revoke", f"{path}/credentials", {"secret_id": app.client.secrets[0].id}),
        (f"{path}/code", f"{path}/code", {"scope": "CRM.modules.ALL", "minutes": "3"}),
    ]


async def test_T5_nothing_changes_without_our_token_and_our_origin(site: Site) -> None:
    app = await site.app("self-client")
    browser, other = await site.signed_in(), await site.signed_in()
    before = (await find_client(site.db, app.id), len(await list_workspace_clients(site.db, site.account.id)))
    for path, shown_at, fields in posts(app):
        token = form_of(await browser.get(shown_at), path)["token"]
        foreign = form_of(await other.get(shown_at), path)["token"]
        attempts = [
            await browser.post(path, {**fields, "token": ""}),
            await browser.post(path, {**fields, "token": token[:-1]}),
            await browser.post(path, {**fields, "token": foreign}),
            await browser.post(path, {**fields, "token": token}, origin="https://evil.example"),
            await browser.post(path, {**fields, "token": token}, origin=ISSUER[:-1] + "9"),
            await browser.post(path, {**fields, "token": token}, origin="null"),
            await browser.post(path, {**fields, "token": token}, origin=None),
        ]
        assert [answer.status_code for answer in attempts] == [403] * 7, path
    assert (
        await find_client(site.db, app.id),
        len(await list_workspace_clients(site.db, site.account.id)),
    ) == before
    assert not await site.db.all("SELECT 1 FROM authorization_codes")


async def test_T5_an_old_sign_in_asks_for_the_password_and_loses_nothing(site: Site) -> None:
    app = await site.app("self-client")
    browser = await site.signed_in()
    forms = {path: form_of(await browser.get(at), path) for path, at, _ in posts(app)}
    site.clock.advance(RECENT_SECONDS + 1)
    before = await find_client(site.db, app.id)
    for path, _, fields in posts(app):
        asked = await browser.post(path, {**forms[path], **fields})
        assert asked.status_code == 200
        assert "Enter your password again" in asked.text
        kept = form_of(asked, path)
        assert {name: kept[name] for name in fields} == fields
        wrong = await browser.post(path, {**kept, "password": "not it"})
        assert wrong.status_code == 400
        assert "not the password" in wrong.text
        assert "not it" not in wrong.text
    assert await find_client(site.db, app.id) == before
    cookies = dict(browser.http.cookies)
    path = f"{path_of(app)}/settings"
    kept = form_of(await browser.post(path, {**forms[path], "name": "Nightly import"}), path)
    assert (await browser.post(path, {**kept, "password": PASSWORD})).status_code == 303
    changed = await find_client(site.db, app.id)
    assert changed is not None
    assert changed.name == "Nightly import"
    assert dict(browser.http.cookies) != cookies, "the session is a new one (T73)"
    assert (await browser.post(path, form_of(await browser.get(path), path))).status_code == 303


async def test_T5_pages_that_lead_to_a_secret_ask_an_old_sign_in_first(site: Site) -> None:
    app = await site.app("self-client")
    browser = await site.signed_in()
    site.clock.advance(RECENT_SECONDS + 1)
    for path in ("/console/clients/new/mobile", f"{path_of(app)}/code"):
        page = await browser.get(path)
        assert page.status_code == 303
        signed_in = await browser.sign_in(await browser.get(page.headers["location"]))
        assert signed_in.headers["location"] == path
        assert (await browser.get(path)).status_code == 200
        site.clock.advance(RECENT_SECONDS + 1)


def filled(path: str, app: App) -> str:
    """An address of the route table with something in each of its places."""
    return re.sub(r"\{\w+\}", "1", path.replace("{client_id}", app.id).replace("{type}", "mobile"))


async def test_R23_every_page_asks_strangers_to_sign_in_and_brings_them_back(site: Site) -> None:
    app = await site.app("self-client")
    for route in PAGES:
        if route.method == "GET":
            browser = site.browser()
            path = filled(route.path, app)
            page = await browser.get(f"{path}?request_id=req_us_1")
            assert page.status_code == 303, path
            signed_in = await browser.sign_in(await browser.get(page.headers["location"]))
            assert signed_in.headers["location"] == f"{path}?request_id=req_us_1"
        else:
            path = filled(route.path, app)
            assert (await site.browser().post(path, {"token": "x"})).status_code == 403, path


async def test_T143_a_foreign_client_is_a_client_that_does_not_exist(site: Site) -> None:
    owner = await site.person("olga@example.com")
    mine, foreign = await site.app("self-client"), await site.app("self-client", owner=owner)
    browser = await site.signed_in()
    for route in PAGES:
        if "{client_id}" not in route.path:
            continue
        own, other = (route.path.replace("{client_id}", app.id) for app in (mine, foreign))
        if route.method == "GET":
            if not own.endswith("/activity/add"):  # which is about one request
                assert (await browser.get(own)).status_code == 200, own
            assert (await browser.get(other)).status_code == 404, other
            assert (await browser.get(f"{other}x")).status_code == 404
        else:
            assert (await browser.post(other, {"token": "x"})).status_code == 404, other
            assert (await browser.post(own, {"token": "x", "client_id": foreign.id})).status_code == 400, own
    assert foreign.id not in (await browser.get("/console/clients")).text
    unchanged = await find_client(site.db, foreign.id)
    assert unchanged == foreign.client


async def test_T143_only_the_owner_finds_a_request_by_its_id(site: Site) -> None:
    owner = await site.person("olga@example.com")
    foreign, mine = await site.app("server-based", owner=owner), await site.app("server-based")
    ids = {}
    for app in (foreign, mine):
        answer = await site.token(app, grant_type="refresh_token", refresh_token="glr_us_nothing")
        ids[app.id] = answer.json()["request_id"]
    browser = await site.signed_in()
    found = await browser.get("/console/activity", params={"request_id": ids[mine.id]})
    assert "Do this" in found.text
    hidden = await browser.get("/console/activity", params={"request_id": ids[foreign.id]})
    unknown = await browser.get("/console/activity", params={"request_id": "req_us_0000000000"})
    assert "Nothing found" in hidden.text
    assert len(hidden.text) == len(unknown.text)


async def test_R39_secrets_follow_one_another_without_a_break(site: Site) -> None:
    app = await site.app("server-based")
    browser, path = await site.signed_in(), path_of(app)

    async def press(act: str, **fields: str) -> httpx2.Response:
        page = await browser.get(f"{path}/credentials")
        return await browser.post(f"{path}/secrets/{act}", {**form_of(page, "/secrets/reset"), **fields})

    async def works(secret: str | None) -> bool:
        answer = await site.post(
            "/oauth/v2/token",
            {
                "grant_type": "client_credentials",
                "client_id": app.id,
                "client_secret": secret,
                "scope": "CRM.org.READ",
            },
        )
        return answer.status_code == 200

    only = await press("revoke", secret_id=app.client.secrets[0].id)
    assert only.status_code == 400
    assert "This is the only secret" in only.text
    second = secret_in(await press("add"))
    assert await works(app.secret)
    assert await works(second)
    third = await press("add")
    assert third.status_code == 400
    assert "gls_" not in third.text
    assert (await press("revoke", secret_id=app.client.secrets[0].id)).status_code == 303
    assert not await works(app.secret)
    reset = secret_in(await press("reset"))
    assert not await works(second)
    assert await works(reset)
    kinds = [event.kind for event in await list_client_events(site.db, app.id)]
    assert sorted(kinds) == ["secret.added", "secret.reset", "secret.revoked"]


async def test_R87_a_browser_app_is_told_why_it_has_no_secret_and_gets_none(site: Site) -> None:
    app = await site.app("client-based")
    browser, path = await site.signed_in(), path_of(app)
    page = await browser.get(f"{path}/credentials")
    assert "This type has no secret" in page.text
    assert "/secrets/add" not in page.text
    other_act = form_of(await browser.get(f"{path}/settings"), "/delete")["token"]
    assert (await browser.post(f"{path}/secrets/add", {"token": other_act})).status_code == 403
    unchanged = await find_client(site.db, app.id)
    assert unchanged is not None
    assert not unchanged.secrets


async def generate(browser: Browser, app: App, **fields: str) -> httpx2.Response:
    path = f"{path_of(app)}/code"
    return await browser.post(path, {**form_of(await browser.get(path), path), **fields})


async def test_R42_a_generated_code_is_exchanged_once_for_what_was_asked(site: Site) -> None:
    app = await site.app("self-client")
    browser = await site.signed_in()
    page = await generate(browser, app, scope="crm.modules.leads.READ", minutes="5", description="Nightly")
    assert page.status_code == 200
    code = re.search(r"glg_\w+", page.text)
    assert code
    site.clock.advance(299)
    answer = await site.exchange(app, code[0])
    assert answer.status_code == 200
    assert answer.json()["refresh_token"]
    assert answer.json()["scope"] == "crm.modules.leads.READ"
    listed = await (await site.signed_in()).get(f"{path_of(app)}/code")
    assert code[0] not in listed.text
    assert "Nightly" in listed.text
    assert "Exchanged after 4 minutes 59 seconds" in listed.text


async def test_R43_a_code_that_ran_out_is_refused_and_listed_so(site: Site) -> None:
    app = await site.app("self-client")
    page = await generate(await site.signed_in(), app, scope="CRM.modules.ALL", minutes="3")
    code = re.search(r"glg_\w+", page.text)
    assert code
    site.clock.advance(181)
    assert (await site.exchange(app, code[0])).json()["grantline_code"] == "code_expired"
    assert "Expired unused" in (await (await site.signed_in()).get(f"{path_of(app)}/code")).text


async def test_boxes_count_without_a_script(site: Site) -> None:
    app = await site.app("self-client")
    ticks = {"tick:CRM.modules.leads.READ": "x", "tick:CRM.users.READ": "x"}
    page = await generate(await site.signed_in(), app, scope="openid", minutes="3", **ticks)
    code = re.search(r"glg_\w+", page.text)
    assert code
    granted = (await site.exchange(app, code[0])).json()["scope"]
    assert set(granted.split()) == {"openid", "CRM.modules.leads.READ", "CRM.users.READ"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"scope": ""}, "Name at least one scope"),
        ({"scope": "CRM.modules.leeds.READ"}, "There is no scope CRM.modules.leeds.READ"),
        ({"scope": 'CRM."x'}, "Problem: "),
        ({"scope": "CRM.modules.ALL", "minutes": "60"}, "Choose how long"),
        ({"scope": "CRM.modules.ALL", "description": "x" * 201}, "at most 200"),
    ],
)
async def test_a_refused_code_form_keeps_what_was_typed(
    site: Site, fields: dict[str, str], told: str
) -> None:
    app = await site.app("self-client")
    page = await generate(await site.signed_in(), app, **{"description": "Nightly", "minutes": "5", **fields})
    assert page.status_code == 400
    assert told in page.text
    kept = form_of(page, "/code")
    assert kept["scope"] == fields["scope"]
    assert kept["description"] == fields.get("description", "Nightly")
    assert "glg_" not in page.text


async def test_B1_the_eleventh_code_in_ten_minutes_waits(open_a_site: Any) -> None:
    async with open_a_site(limits="1") as site:
        app, browser = await site.app("self-client"), await site.signed_in()
        for _ in range(10):
            assert (await generate(browser, app, scope="CRM.modules.ALL")).status_code == 200
        page = await generate(browser, app, scope="CRM.modules.ALL")
        assert page.status_code == 429
        assert "Wait 10 minutes" in page.text


async def test_codes_are_generated_for_self_clients_alone(site: Site) -> None:
    app, own = await site.app("server-based"), await site.app("self-client")
    browser = await site.signed_in()
    assert (await browser.get(f"{path_of(app)}/code")).status_code == 404
    form = form_of(await browser.get(f"{path_of(own)}/code"), "/code")
    assert (
        await browser.post(f"{path_of(app)}/code", {**form, "scope": "CRM.modules.ALL"})
    ).status_code == 404


async def test_a_client_is_deleted_by_typing_its_name(site: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    browser, path = await site.signed_in(), path_of(app)
    form = form_of(await browser.get(f"{path}/settings"), "/delete")
    refused = await browser.post(f"{path}/delete", {**form, "typed_name": "lead desk"})
    assert refused.status_code == 400
    assert "Nothing was deleted" in refused.text
    deleted = await browser.post(f"{path}/delete", {**form, "typed_name": "Lead Desk"})
    assert deleted.headers["location"] == "/console/clients?deleted"
    assert "was deleted" in (await browser.get("/console/clients?deleted")).text
    assert (await browser.get(path)).status_code == 404
    assert not await site.works(tokens["access_token"])


async def test_R85_the_owner_sees_where_the_redirect_uri_differs(site: Site) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    sent = f"{app.redirect_uri}/"
    await browser.get("/oauth/v2/auth", params=site.request(app, redirect_uri=sent))
    await site.mint.recorder.flush()
    page = await browser.get(f"{path_of(app)}/activity")
    assert "Your app sent an extra / at the end." in page.text
    assert '<ins><span class="hidden-words">extra or different: </span>/</ins>' in page.text
    assert f'href="{path_of(app)}/redirects"' in page.text


async def test_activity_tells_what_happened_why_and_what_to_do(site: Site) -> None:
    app = await site.app("self-client")
    answer = await site.token(app, grant_type="authorization_code", code="glg_us_nothing")
    await site.mint.recorder.flush()
    browser = await site.signed_in()
    page = await browser.get(f"{path_of(app)}/activity", params={"request_id": answer.json()["request_id"]})
    for words in ("What happened", "Why", "Do this", answer.json()["request_id"], "Generate a new code"):
        assert words in page.text
    assert "<details open>" in page.text
    missing = await browser.get(f"{path_of(app)}/activity", params={"request_id": "req_us_-of-nobody"})
    assert "Nothing matches" in missing.text
