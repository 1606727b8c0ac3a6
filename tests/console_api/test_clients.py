"""Clients, their secrets and codes, by the console's API: the same rules as on the pages."""

import asyncio
from typing import Any

import pytest

from grantline.audit import list_client_events
from grantline.clients import CLIENT_TYPES, find_client
from tests.console_api.calling import V1, program
from tests.site import Site

DETAILS: dict[str, dict[str, Any]] = {
    "server-based": {"name": "Dockside", "redirect_uris": ["https://dock.example/cb"]},
    "client-based": {
        "name": "Dockside",
        "origins": ["https://dock.example"],
        "redirect_uris": ["https://dock.example/cb"],
    },
    "self-client": {},
    "non-browser": {"name": "Dockside"},
    "mobile": {"name": "Dockside", "redirect_uris": ["com.example.dock:/cb"]},
}


@pytest.mark.both_engines
@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_a_client_of_each_type_is_made_read_changed_and_deleted(site: Site, kind: str) -> None:
    caller = await program(site)
    made = await caller.call("POST", "/clients", json={"type": kind, **DETAILS[kind]})
    assert made.status_code == 201, made.text
    told = made.json()
    path = f"/clients/{told['client_id']}"
    assert made.headers["location"] == f"{V1}{path}"
    assert "no-store" in made.headers["cache-control"]
    assert bool(told.pop("client_secret")) == bool(told["secret_ids"])
    read = await caller.call("GET", path)
    assert read.json() == told
    changed = await caller.call(
        "PATCH", path, json={"name": "Quayside"}, headers={"If-Match": read.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json() == {**told, "name": "Quayside", "updated_at": changed.json()["updated_at"]}
    assert (await caller.call("DELETE", path)).status_code == 204
    assert (await caller.call("GET", path)).status_code == 404
    events = await list_client_events(site.db, told["client_id"])
    assert {event.kind for event in events} == {"client.created", "client.updated", "client.deleted"}
    assert {event.detail["key"] for event in events} == {caller.token.id}


async def test_R47_the_same_idempotency_key_makes_one_client_and_shows_its_secret_once(site: Site) -> None:
    caller = await program(site)
    body = {"type": "server-based", **DETAILS["server-based"]}
    headers = {"Idempotency-Key": "deploy 17"}
    first = await caller.call("POST", "/clients", json=body, headers=headers)
    again = await caller.call("POST", "/clients", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["client_id"] == again.json()["client_id"]
    assert first.json()["client_secret"]
    assert again.json()["client_secret"] is None
    other = await caller.call(
        "POST", "/clients", json={"type": "non-browser", "name": "Another"}, headers=headers
    )
    assert (other.status_code, other.json()["code"]) == (422, "key_used_before")
    site.clock.advance(60)
    assert (await caller.call("POST", "/clients", json=body, headers=headers)).status_code == 200
    assert len((await caller.get("/clients"))["clients"]) == 1
    path = f"/clients/{first.json()['client_id']}"
    assert (await caller.call("DELETE", path)).status_code == 204
    anew = await caller.call("POST", "/clients", json=body, headers=headers)
    assert anew.json()["client_id"] != first.json()["client_id"]


async def test_the_list_goes_page_by_page_and_ends(site: Site) -> None:
    caller = await program(site)
    for number in range(5):
        await caller.call("POST", "/clients", json={"type": "non-browser", "name": f"Number {number}"})
        site.clock.advance(number % 2)
    seen, after = [], ""
    for _ in range(4):
        page = await caller.get("/clients", params={"limit": "2", "after": after})
        seen += [client["name"] for client in page["clients"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == [f"Number {number}" for number in range(5)]


async def test_refused_fields_are_named_with_a_sentence_each(site: Site) -> None:
    caller = await program(site)
    answer = await caller.call(
        "POST",
        "/clients",
        json={
            "type": "server-based",
            "name": "x",
            "redirect_uris": ["http://dock.example/cb"],
            "verified": True,
        },
    )
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, told["code"], told["status"]) == (422, "fields_refused", 422)
    assert told["type"].endswith("/errors/fields_refused")
    assert told["problems"] == [{"field": "verified", "sentence": "There is no such field here."}]
    answer = await caller.call(
        "POST",
        "/clients",
        json={"type": "server-based", "name": "x", "redirect_uris": ["http://dock.example/cb"]},
    )
    assert {problem["field"] for problem in answer.json()["problems"]} == {"name", "redirect_uris"}
    assert (await caller.get("/clients"))["clients"] == []


async def test_a_change_needs_the_version_that_was_read(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    path = f"/clients/{app.id}"
    etag = (await caller.call("GET", path)).headers["etag"]
    without = await caller.call("PATCH", path, json={"name": "Quayside"})
    assert (without.status_code, without.json()["code"]) == (428, "version_missing")
    first = await caller.call("PATCH", path, json={"enabled": False}, headers={"If-Match": etag})
    assert first.json()["enabled"] is False
    stale = await caller.call("PATCH", path, json={"name": "Quayside"}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_stale")
    client = await find_client(site.db, app.id)
    assert client is not None
    assert (client.name, client.enabled) == ("Lead Desk", False)
    fresh = {"If-Match": first.headers["etag"]}
    assert (await caller.call("PATCH", path, json={"enabled": True}, headers=fresh)).status_code == 200


@pytest.mark.both_engines
async def test_of_changes_at_once_by_one_etag_one_is_made(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    path = f"/clients/{app.id}"
    headers = {"If-Match": (await caller.call("GET", path)).headers["etag"]}
    answers = await asyncio.gather(
        *(
            caller.call("PATCH", path, json={"name": f"Quayside {number}"}, headers=headers)
            for number in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_R39_secrets_follow_one_another_and_each_value_is_shown_once(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    path = f"/clients/{app.id}/secrets"
    added = await caller.call("POST", path, json={"old_ends": "day"})
    assert added.status_code == 201
    new = added.json()
    listed = (await caller.get(path))["secrets"]
    assert [secret["expires_at"] is None for secret in listed] == [False, True]
    third = await caller.call("POST", path, json={})
    assert (third.status_code, third.json()["code"]) == (409, "not_possible")
    assert "Revoke one first" in third.json()["detail"]
    assert (await caller.call("DELETE", f"{path}/{listed[0]['secret_id']}")).status_code == 204
    assert (await caller.call("DELETE", f"{path}/{listed[0]['secret_id']}")).status_code == 404
    last = await caller.call("DELETE", f"{path}/{new['secret_id']}")
    assert last.status_code == 409
    reset = await caller.call("POST", f"{path}/reset")
    assert reset.json()["client_secret"] != new["client_secret"]
    assert new["client_secret"] not in (await caller.call("GET", path)).text
    kinds = [event.kind for event in await list_client_events(site.db, app.id)]
    assert sorted(kinds) == ["secret.added", "secret.reset", "secret.revoked"]


async def test_R42_a_code_is_for_a_self_client_and_can_be_exchanged(site: Site) -> None:
    own, other, caller = await site.app("self-client"), await site.app("server-based"), await program(site)
    made = await caller.call(
        "POST", f"/clients/{own.id}/codes", json={"scope": "CRM.modules.leads.READ", "minutes": 10}
    )
    assert made.status_code == 201, made.text
    assert made.json()["expires_in"] == 600
    assert (await site.exchange(own, made.json()["code"])).status_code == 200
    refused = await caller.call("POST", f"/clients/{own.id}/codes", json={"scope": "CRM.nothing.READ"})
    assert refused.json()["problems"][0]["field"] == "scope"
    answer = await caller.call("POST", f"/clients/{other.id}/codes", json={"scope": "openid"})
    assert answer.status_code == 404


async def test_a_manifest_is_told_before_it_is_applied(site: Site) -> None:
    app, caller = await site.app("server-based"), await program(site)
    path = f"/clients/{app.id}/manifest"
    text = (await caller.call("GET", path)).text
    assert "redirect_uris:" in text
    assert (await caller.get(path, params={"format": "json"}))["name"] == app.client.name
    wanted = text.replace("https://app.example/callback", "https://app.example/return")
    tried = await caller.call("PUT", path, params={"dry_run": "1"}, content=wanted)
    assert tried.status_code == 200, tried.text
    [change] = tried.json()["changes"]
    assert (change["key"], change["added"]) == ("redirect_uris", ["https://app.example/return"])
    assert tried.json()["applied"] is False
    assert (await caller.call("GET", path)).text == text
    done = await caller.call("PUT", path, content=wanted)
    assert done.json()["applied"] is True
    assert (await caller.call("GET", path)).text == wanted
    again = await caller.call("PUT", path, content=wanted)
    assert again.json()["changes"] == []
    for wrong in ("type: mobile\n", "nonsense: 1\n", "name: x\n", "a: &a [*a]\n", "[" * 9000):
        refused = await caller.call("PUT", path, content=wrong)
        assert refused.status_code == 422, wrong
    assert (await caller.call("GET", path)).text == wanted
