"""Somebody who has a token and means harm: fields too many, IDs in odd places, bodies that are none, names
that deceive."""

import json
from typing import Any, Final

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grantline.clients import find_client
from grantline.workspaces import create_workspace
from tests.console_api.calling import V1, Program, program
from tests.site import App, Site

JSON: Final = {"Content-Type": "application/json"}
GOOD: Final = {"type": "non-browser", "name": "Dockside"}


async def create(caller: Program, content: Any, **headers: str) -> httpx2.Response:
    """Send these bytes as a new client."""
    return await caller.call("POST", "/clients", content=content, headers={**JSON, **headers})


async def none_made(caller: Program) -> bool:
    return (await caller.get("/clients"))["clients"] == []


@pytest.mark.sqlite_only
async def test_T4_no_column_that_is_not_offered_can_be_set(site: Site) -> None:
    """Every column's name, and words that sound well, at both doors: refused by name, the row as before."""
    app, caller = await site.app("server-based"), await program(site)
    path = f"/clients/{app.id}"
    columns = {row[1] for row in await site.db.all("PRAGMA table_info(clients)")}
    offered = {"name", "homepage_url", "redirect_uris", "origins", "post_logout_redirect_uris", "scopes"}
    offered |= {"policy_url", "terms_url", "implicit", "vendor_compatible", "type"}
    odd = {
        "verified",
        "skip_consent",
        "workspace",
        "owner",
        "client_id",
        "client_secret",
        "secret_ids",
        "__proto__",
    }
    headers = {"If-Match": (await caller.call("GET", path)).headers["etag"]}
    before = await find_client(site.db, app.id)
    for name in sorted((columns | odd) - offered):
        new = await caller.call("POST", "/clients", json={**GOOD, name: 1})
        old = await caller.call("PATCH", path, json={name: 1}, headers=headers)
        for answer in (new, old):
            assert answer.status_code == 422, name
            assert [problem["field"] for problem in answer.json()["problems"]] == [name]
    assert (await caller.call("PATCH", path, json={"type": "mobile"}, headers=headers)).status_code == 422
    assert await find_client(site.db, app.id) == before
    assert len((await caller.get("/clients"))["clients"]) == 1


async def test_T4_sending_back_what_was_read_changes_nothing(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    path = f"/clients/{app.id}"
    read = await caller.call("GET", path)
    settable = ("name", "homepage_url", "redirect_uris", "origins", "post_logout_redirect_uris", "scopes")
    same = {name: read.json()[name] for name in settable}
    answer = await caller.call("PATCH", path, json=same, headers={"If-Match": read.headers["etag"]})
    assert answer.json() == read.json()
    assert answer.headers["etag"] == read.headers["etag"]
    empty = await caller.call("PATCH", path, json={}, headers={"If-Match": read.headers["etag"]})
    assert empty.json() == read.json()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"type": "non-browser", "name": "Dockside"}}',
        b'{"type": "non-browser", "name": "Dockside", "name": "Quayside"}',
        b'{"type": "non-browser", "name": NaN}',
        b'{"type": "non-browser", "name": "\xff"}',
        b'\xef\xbb\xbf{"type": "non-browser", "name": "Dockside"}',
        b"[" * 20_000 + b"]" * 20_000,
        b'{"name":' * 5_000 + b"1" + b"}" * 5_000,
        '{"type": "non-browser", "name": "Dockside"}'.encode("utf-16"),
        b"type=non-browser&name=Dockside",
    ],
    ids=range(14),
)
async def test_what_is_not_one_json_object_is_refused(site: Site, body: bytes) -> None:
    caller = await program(site)
    answer = await create(caller, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "json_malformed")
    assert await none_made(caller)


@pytest.mark.parametrize(
    "value",
    [
        1,
        True,
        None,
        [],
        {},
        "",
        "x",
        "a\x00b",
        "a\nb",
        "a\u202eb",
        "Gооgle",
        "Grant1ine",
        "x" * 61,
        "\ud800",
        "  ",
    ],
    ids=range(15),
)
async def test_T3_names_that_are_none_or_deceive_are_refused_by_field(site: Site, value: Any) -> None:
    caller = await program(site)
    answer = await create(caller, json.dumps({**GOOD, "name": value}))
    assert answer.status_code == 422
    assert {problem["field"] for problem in answer.json()["problems"]} == {"name"}
    assert await none_made(caller)


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "http://a.example/cb",
        "https://a.example\\@b",
        "https://а.example",
        "data:x",
        "/cb",
        "https://a.example/cb#x",
        "https://u@a.example/cb",
        "https://*.example/cb",
        "https://a.example/\tx",
    ],
)
async def test_T1_T2_no_address_gets_in_that_the_page_refuses(site: Site, uri: str) -> None:
    caller = await program(site)
    body = {"type": "server-based", "name": "Dockside", "redirect_uris": [uri]}
    answer = await caller.call("POST", "/clients", json=body)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"].startswith("redirect_uris")
    manifest = f"redirect_uris:\n  - {json.dumps(uri)}\n"
    app = await site.app("server-based")
    refused = await caller.call("PUT", f"/clients/{app.id}/manifest", content=manifest)
    assert refused.status_code == 422
    assert await find_client(site.db, app.id) == app.client


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_a_body_of_another_kind_is_refused_so_that_no_form_of_a_page_gets_in(
    site: Site, kind: str
) -> None:
    caller = await program(site)
    answer = await create(caller, json.dumps(GOOD), **{"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "content_type_wrong")
    assert await none_made(caller)


async def test_a_giant_body_is_cut_off_and_a_query_or_body_where_none_belongs_is_refused(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    giant = await create(caller, b'{"name": "' + b"x" * 70_000 + b'"}')
    assert (giant.status_code, giant.json()["code"]) == (413, "body_too_large")
    assert giant.headers["content-type"] == "application/problem+json"
    path = f"/clients/{app.id}"
    for options in ({"params": {"client_id": "x"}}, {"content": b"{}"}, {"params": {"fields": "secrets"}}):
        assert (await caller.call("GET", path, **options)).status_code == 422
    twice = await site.call(
        "GET", f"{V1}/clients?limit=1&limit=2", headers={"Authorization": f"Bearer {caller.value}"}
    )
    assert twice.status_code == 422
    for limit in ("0", "201", "-1", "1_0", "１", " 5", "5.0", "", "9" * 30):
        assert (await caller.call("GET", "/clients", params={"limit": limit})).status_code == 422, limit
    for after in ("x", "1", "1.", ".x", "1.x'", "9" * 17 + ".x", "1.a.b"):
        assert (await caller.call("GET", "/clients", params={"after": after})).status_code == 422, after


@pytest.mark.parametrize(
    "path",
    [
        "/clients/",
        "/clients//",
        "/Clients",
        "/clients/%2e%2e/members",
        "/clients/../members",
        "/clients/a%00b",
        "/clients/x;y",
        "/nothing",
        "",
        "/clients/" + "x" * 101,
        "/clients/é",
    ],
)
async def test_odd_addresses_are_nothing_and_are_told_so_as_a_problem(site: Site, path: str) -> None:
    caller = await program(site)
    answer = await caller.call("GET", path)
    assert answer.status_code in (401, 404) if ".." not in path else answer.status_code in (200, 404)
    assert answer.headers["content-type"] in ("application/problem+json", "application/json")


async def test_T143_an_id_in_the_body_does_not_lead_to_somebody_elses_client(site: Site) -> None:
    other = await site.person("olga@example.com")
    mine, theirs = await site.app("server-based"), await site.app("server-based", owner=other, name="Theirs")
    caller = await program(site)
    etag = {"If-Match": (await caller.call("GET", f"/clients/{mine.id}")).headers["etag"]}
    body = {"name": "Quayside", "client_id": theirs.id}
    assert (await caller.call("PATCH", f"/clients/{mine.id}", json=body, headers=etag)).status_code == 422
    crossed = f"/clients/{mine.id}/secrets/{theirs.client.secrets[0].id}"
    assert (await caller.call("DELETE", crossed)).status_code == 404
    tokens = await site.tokens(theirs)
    row = await site.db.one("SELECT id FROM authorizations WHERE client_id = $1", theirs.id)
    assert (await caller.call("DELETE", f"/clients/{mine.id}/authorizations/{row[0]}")).status_code == 404
    assert await site.works(tokens["access_token"])
    listed = await caller.get("/audit", params={"client_id": theirs.id})
    assert listed["events"] == []


async def test_R45_a_self_clients_secrets_and_codes_are_its_owners_alone(site: Site) -> None:
    """Even if its row were put into a workspace of others, they get neither."""
    app: App = await site.app("self-client")
    other = await site.person("olga@example.com")
    async with site.db.transaction() as tx:
        team = await create_workspace(tx, other.id, "Northgate", site.clock())
    await site.db.run("UPDATE clients SET workspace_id = $2 WHERE id = $1", app.id, team.workspace_id)
    caller = await program(site, account_id=other.id, workspace_id=team.workspace_id)
    path = f"/clients/{app.id}"
    assert (await caller.call("GET", f"{path}/secrets")).status_code == 404
    assert (await caller.call("POST", f"{path}/secrets", json={})).status_code == 404
    assert (await caller.call("POST", f"{path}/secrets/reset")).status_code == 404
    assert (await caller.call("POST", f"{path}/codes", json={"scope": "openid"})).status_code == 404
    client = await find_client(site.db, app.id)
    assert client is not None
    assert client.secrets == app.client.secrets


async def test_the_last_owner_can_not_be_removed_or_made_less_by_the_api(site: Site) -> None:
    async with site.db.transaction() as tx:
        team = await create_workspace(tx, site.account.id, "Northgate", site.clock())
    caller = await program(site, workspace_id=team.workspace_id)
    me = f"/members/{site.account.id}"
    for answer in (
        await caller.call("DELETE", me),
        await caller.call("PATCH", me, json={"role": "viewer"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_possible")
    assert (await caller.get("/workspace"))["role"] == "owner"


async def test_limits_hold_for_changes_and_for_wrong_tokens(open_a_site: Any) -> None:
    async with open_a_site(limits="1") as strict:
        caller = await program(strict)
        statuses = [
            (await caller.call("POST", "/clients", json={"type": "mobile", "name": "x"})).status_code
            for _ in range(61)
        ]
        assert statuses == [422] * 60 + [429]
        assert (await caller.call("GET", "/clients")).status_code == 200
        strict.peer = "203.0.113.9"
        wrong = [
            (await strict.call("GET", f"{V1}/clients", headers={"Authorization": "Bearer x"})).status_code
            for _ in range(61)
        ]
        assert wrong == [401] * 60 + [429]
        last = await caller.call("GET", "/clients")
        assert last.status_code == 429, "this network has shown too many wrong ones"
        assert int(last.headers["retry-after"]) > 0


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from([*GOOD, "redirect_uris", "scopes", "x"]), inner, max_size=5)
        ),
        max_leaves=12,
    )
)
def test_no_body_whatever_is_a_500_and_none_comes_back_as_markup(body: Any) -> None:
    """The schema alone, which sees each body first."""
    from pydantic import ValidationError

    from grantline.web.console_api.clients import NewClient
    from grantline.web.console_api.problems import refused_values

    try:
        NewClient.model_validate(body)
    except ValidationError as refused:
        problem = refused_values(refused)
        assert problem.status == 422
        assert problem.problems
