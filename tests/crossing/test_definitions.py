"""Apps across data centers: a definition goes to where the app works, and both sides end alike whatever the
network does (T109, T113)."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from grantline.clients import (
    CLIENT_TYPES,
    Client,
    RegistrationRefused,
    add_secret,
    add_secret_for,
    delete_client,
    find_client,
    find_import,
    list_elsewhere,
    load_definition,
    origin_is_registered,
    read_logo,
    registration_of,
    reset_secrets,
    revoke_secret_for,
    set_data_centers,
    set_disabled,
    set_logo,
    share_secrets,
    transfer_client,
    update_client,
)
from grantline.clients.client import render_secrets
from grantline.crossing.definitions import render_definition
from grantline.web import Neighbours
from tests.centers import Sites
from tests.crossing.test_messages import deliver, signed
from tests.site import API, SCOPE, App, Site
from tests.threats.test_remembered_clients import statements
from tests.web.console.test_settings import png

CROSSING = [name for name, kind in CLIENT_TYPES.items() if kind.crosses]


async def everywhere(sites: Sites, type_name: str = "server-based", **changes: Any) -> App:
    """An app of `us` that works in `eu`, too."""
    app = await sites["us"].app(type_name, data_centers=("us", "eu"), **changes)
    assert await sites.carry() == {}
    return app


async def fresh(sites: Sites, app: App, code: str = "us") -> Client:
    found = await find_client(sites[code].db, app.id)
    assert found is not None
    return found


async def switch(sites: Sites, app: App, *codes: str) -> None:
    async with sites["us"].db.transaction() as tx:
        await set_data_centers(tx, await fresh(sites, app), codes, sites.clock())


async def change(sites: Sites, app: App, **changes: Any) -> None:
    client = await fresh(sites, app)
    await update_client(sites["us"].db, client, replace(registration_of(client), **changes), sites.clock())


async def token(site: Site, app: App, secret: str | None = None, **fields: Any) -> Any:
    """The error that this data center gives the app for a refresh token that is none; empty when there is
    nothing wrong with the app itself."""
    credentials = {"client_id": app.id, **({"client_secret": secret or app.secret} if app.secret else {})}
    asked = {"grant_type": "refresh_token", "refresh_token": "x", **fields}
    members = (await site.post("/oauth/v2/token", {**credentials, **asked})).json()
    return "" if members["error"] == "invalid_grant" else members["error"]


async def state(sites: Sites, app: App) -> tuple[str, int] | None:
    found = await find_import(sites["eu"].db, app.id)
    return (found.state, found.version) if found is not None else None


async def audited(site: Site, kind: str) -> list[dict[str, Any]]:
    rows = await site.db.all("SELECT detail FROM audit WHERE kind = $1 ORDER BY number, at", kind)
    return [json.loads(row[0]) for row in rows]


def resent(sites: Sites, number: int, **changes: Any) -> tuple[str, bytes]:
    """The body of a message that passed, signed anew: with `changes` in its definition."""
    body = [body for address, body in sites.wires.passed if b'"client":' in body][number]
    said = json.loads(body)
    said["client"] |= changes
    content = json.dumps(said).encode()
    return signed(sites, content, sub="client", jti="again"), content


@pytest.mark.both_engines
@pytest.mark.parametrize("type_name", CROSSING)
async def test_an_app_that_is_switched_on_works_there_with_the_same_id_and_secret(
    sites: Sites, type_name: str
) -> None:
    app = await sites["us"].app(type_name)
    for site in sites.by_code.values():
        await site.api(API)
    assert await token(sites["eu"], app) == "invalid_client"
    await switch(sites, app, "us", "eu")
    assert await sites.carry() == {}
    tokens = await sites["eu"].tokens(app)
    assert tokens["api_domain"] == sites["eu"].mint.home.api_domain
    again = await sites["eu"].token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.status_code == 200
    shown = (await list_elsewhere(sites["us"].db, app.id))[0]
    assert (shown.data_center, shown.enabled, shown.waiting, shown.problem) == ("eu", True, False, "")
    assert shown.confirmed_version == shown.wanted_version == (await fresh(sites, app)).version


@pytest.mark.both_engines
async def test_an_import_is_what_its_home_says_and_nobody_s(sites: Sites) -> None:
    app = await everywhere(
        sites,
        homepage_url="https://app.example",
        app_scopes=("CRM.modules.READ",),
        scopes=(SCOPE,),
        policy_url="https://app.example/policy",
        vendor_compatible=True,
    )
    await set_logo(sites["us"].db, await fresh(sites, app), read_logo(png(40, 30)), sites.clock())
    await sites.carry()
    home, abroad = await fresh(sites, app), await fresh(sites, app, "eu")
    assert (
        replace(
            abroad,
            owner_account_id=home.owner_account_id,
            organization_id=home.organization_id,
            workspace_id=home.workspace_id,
            secrets=home.secrets,
            secrets_text=home.secrets_text,
        )
        == home
    )
    assert [(s.id, s.hash, s.created_by) for s in abroad.secrets] == [(s.id, s.hash, 0) for s in home.secrets]
    assert (abroad.owner_account_id, abroad.organization_id, abroad.workspace_id) == (0, 0, 0)
    logo = await sites["eu"].db.one("SELECT content FROM logos WHERE digest = $1", abroad.logo_digest)
    assert bytes(logo[0]) == read_logo(png(40, 30)).content


async def test_nothing_of_a_person_is_in_what_crosses(sites: Sites) -> None:
    app = await everywhere(sites)
    await add_secret(
        sites["us"].db, await fresh(sites, app), "us", sites.clock(), created_by=sites["us"].account.id
    )
    await sites.carry()
    sent = b"".join(body for _, body in sites.wires.passed)
    assert app.id.encode() in sent
    account = sites["us"].account
    for word in (account.email, account.name, str(account.id), str(app.client.organization_id), app.secret):
        assert str(word).encode() not in sent


async def test_a_self_client_and_a_data_center_that_is_not_listed_are_refused(sites: Sites) -> None:
    self_client, app = await sites["us"].app("self-client"), await sites["us"].app("server-based")
    with pytest.raises(RegistrationRefused, match="Self client apps work in their own data center alone"):
        await switch(sites, self_client, "us", "eu")
    with pytest.raises(RegistrationRefused, match="There is no data center in"):
        await switch(sites, app, "us", "in")
    with pytest.raises(RegistrationRefused, match="There is no data center in"):
        await change(sites, app, data_centers=("us", "in"))
    assert await list_elsewhere(sites["us"].db, app.id) == []


@pytest.mark.both_engines
async def test_switched_off_it_counts_as_unknown_there_and_its_tokens_stop(sites: Sites) -> None:
    app = await everywhere(sites)
    await sites["eu"].api(API)
    tokens = await sites["eu"].tokens(app)
    await switch(sites, app, "us")
    await sites.carry()
    response = await sites["eu"].token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert response.status_code == 401
    assert response.json()["error"] == "invalid_client"
    assert response.json()["expected_issuer"] == sites["us"].issuer
    page = await sites["eu"].call("GET", "/oauth/v2/auth", params=sites["eu"].request(app))
    assert page.status_code == 400
    assert "United States" in page.text
    assert await state(sites, app) == ("off", 2)
    await switch(sites, app, "us", "eu")
    await sites.carry()
    assert (
        await sites["eu"].token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    ).status_code == 200


@pytest.mark.both_engines
async def test_what_ends_at_home_ends_there(sites: Sites) -> None:
    app = await everywhere(sites)
    await set_disabled(sites["us"].db, app.id, sites.clock())
    await sites.carry()
    assert (await sites["eu"].token(app, grant_type="refresh_token", refresh_token="x")).json()[
        "error_description"
    ] == "This client is disabled."
    await set_disabled(sites["us"].db, app.id, None, sites.clock())
    await sites.carry()
    assert await token(sites["eu"], app) == ""
    value, _ = await reset_secrets(sites["us"].db, await fresh(sites, app), "us", sites.clock())
    await sites.carry()
    assert await token(sites["eu"], app) == "invalid_client"
    assert await token(sites["eu"], app, value) == ""
    await sites["eu"].api(API)
    tokens = await sites["eu"].tokens(App(await fresh(sites, app), value))
    await delete_client(sites["us"].db, app.id, sites.clock())
    await sites.carry()
    assert await state(sites, app) == ("deleted", 5)
    assert await find_client(sites["eu"].db, app.id) is None
    row = await sites["eu"].db.one("SELECT revoked_reason FROM authorizations WHERE client_id = $1", app.id)
    assert row[0] == "client_deleted"
    assert tokens["access_token"]
    assert (await list_elsewhere(sites["us"].db, app.id))[0].waiting is False


@pytest.mark.both_engines
async def test_a_new_name_and_new_hands_end_remembered_consents_there(sites: Sites) -> None:
    app = await everywhere(sites)
    await sites["eu"].api(API)
    await sites["eu"].tokens(app)

    async def remembered() -> str:
        row = await sites["eu"].db.one("SELECT redirect_hosts FROM consents WHERE client_id = $1", app.id)
        return str(row[0])

    assert await remembered() == '["app.example"]'
    await change(sites, app, scopes=(SCOPE,))
    await sites.carry()
    assert await remembered() == '["app.example"]'
    await change(sites, app, name="Lead Table")
    await sites.carry()
    assert await remembered() == "[]"
    await sites["eu"].db.run("UPDATE consents SET redirect_hosts = $1", '["app.example"]')
    us = sites["us"]
    async with us.db.transaction() as tx:
        await tx.run("INSERT INTO workspaces (id, name, personal, created_at) VALUES (77, 'Team', 0, 0)")
        await tx.run(
            "INSERT INTO workspaces (id, name, personal, created_at) VALUES ($1, '', 1, 0)"
            " ON CONFLICT (id) DO NOTHING",
            us.account.id,
        )
        for workspace in (77, us.account.id):
            await tx.run(
                "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at)"
                " VALUES ($1, $2, 'owner', 0) ON CONFLICT (account_id, workspace_id) DO NOTHING",
                us.account.id,
                workspace,
            )
    async with us.db.transaction() as tx:
        client = await fresh(sites, app)
        await transfer_client(tx, client, to_workspace=77, account_id=us.account.id, now=sites.clock())
    await sites.carry()
    assert await remembered() == "[]"


@pytest.mark.both_engines
async def test_secrets_of_its_own_there_are_minted_for_it_and_leave_home_alone(sites: Sites) -> None:
    app = await everywhere(sites)
    us = sites["us"].db

    async with us.transaction() as tx:
        value, secret = await add_secret_for(tx, await fresh(sites, app), "eu", sites.clock())
    assert value.startswith("gls_eu_")
    assert await token(sites["eu"], app) == ""
    await sites.carry()
    assert await token(sites["eu"], app) == "invalid_client"
    assert await token(sites["eu"], app, value) == ""
    assert await token(sites["us"], app) == ""
    assert await token(sites["us"], app, value) == "invalid_client"
    async with us.transaction() as tx:
        second, _ = await add_secret_for(tx, await fresh(sites, app), "eu", sites.clock())
    async with us.transaction() as tx:
        await revoke_secret_for(tx, await fresh(sites, app), "eu", secret.id, sites.clock())
    await sites.carry()
    assert await token(sites["eu"], app, value) == "invalid_client"
    assert await token(sites["eu"], app, second) == ""
    async with us.transaction() as tx:
        await share_secrets(tx, await fresh(sites, app), "eu", sites.clock())
    await sites.carry()
    assert await token(sites["eu"], app, second) == "invalid_client"
    assert await token(sites["eu"], app) == ""
    # With one of its own there, what home has does not go there at all (T110).
    await reset_secrets(us, await fresh(sites, app), "us", sites.clock())
    async with us.transaction() as tx:
        await add_secret_for(tx, await fresh(sites, app), "eu", sites.clock())
    sites.wires.passed.clear()
    await sites.carry()
    hashes = [one.hash.hex().encode() for one in (await fresh(sites, app)).secrets]
    assert not any(one in body for one in hashes for _, body in sites.wires.passed)


async def test_a_server_based_app_acts_for_itself_at_home_alone(sites: Sites) -> None:
    app = await everywhere(sites)
    for site in sites.by_code.values():
        await site.api(API)
    asked = {"grant_type": "client_credentials", "scope": SCOPE}
    refused = (await sites["eu"].token(app, **asked)).json()
    assert refused["error"] == "unauthorized_client"
    assert refused["expected_issuer"] == sites["us"].issuer


@pytest.mark.both_engines
async def test_lost_messages_and_lost_answers_change_nothing_about_the_end(sites: Sites) -> None:
    app = await everywhere(sites)
    sites.wires.cut = {"eu"}
    await change(sites, app, name="Lead Table")
    await set_disabled(sites["us"].db, app.id, sites.clock())
    assert await sites.carry("us") == {"us>eu": "no answer (ConnectError)"}
    shown = (await list_elsewhere(sites["us"].db, app.id))[0]
    assert shown.waiting_since == sites.clock()
    assert shown.tries == 1
    sites.wires.cut = set()
    sites.wires.lose_answers = True
    assert await sites.carry("us") == {"us>eu": "no answer (ReadError)"}
    assert await state(sites, app) == ("disabled", 3)
    sites.wires.lose_answers = False
    assert await sites.carry("us") == {}
    assert (await list_elsewhere(sites["us"].db, app.id))[0].waiting is False
    assert [one["version"] for one in await audited(sites["eu"], "client.imported")] == [1, 3]


@pytest.mark.both_engines
async def test_T109_an_older_state_that_arrives_later_is_refused_and_audited(sites: Sites) -> None:
    app = await everywhere(sites, redirect_uris=("https://app.example/old",))
    await change(sites, app, redirect_uris=("https://app.example/new",))
    await sites.carry()
    token_, body = resent(sites, 0)
    response = await sites["eu"].call(
        "POST", "/oauth/data-centers/messages", content=body, headers={"grantline-message": token_}
    )
    assert response.json() == {"version": 2, "refused": "stale"}
    assert (await fresh(sites, app, "eu")).redirect_uris == ("https://app.example/new",)
    assert await audited(sites["eu"], "client.import_refused") == [
        {"sender": "us", "version": 1, "present": 2, "reason": "stale"}
    ]


async def test_T109_what_was_deleted_stays_deleted(sites: Sites) -> None:
    app = await everywhere(sites)
    await delete_client(sites["us"].db, app.id, sites.clock())
    await sites.carry()
    token_, body = resent(sites, 0, version=9)
    answer = await sites["eu"].call(
        "POST", "/oauth/data-centers/messages", content=body, headers={"grantline-message": token_}
    )
    assert answer.json() == {"version": 2, "refused": "deleted"}
    assert await find_client(sites["eu"].db, app.id) is None


async def test_T109_a_sender_speaks_for_its_own_apps_alone(sites: Sites) -> None:
    own = await sites["eu"].app("server-based")
    await everywhere(sites)
    token_, body = resent(sites, 0, id=own.id)
    assert await deliver(sites, token_, body) == (403, "a client of another data center")
    assert await find_import(sites["eu"].db, own.id) is None
    assert await audited(sites["eu"], "message.refused") == [
        {"reason": "a client of another data center", "sender": "us"}
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["http://app.example/callback"]},
        {"redirect_uris": []},
        {"name": "\u202eevil"},
        {"homepage_url": "javascript:alert(1)"},
        {"origins": ["https://app.example"]},
        {"implicit": True},
    ],
)
async def test_T109_the_rules_of_registration_are_run_again(sites: Sites, changes: Mapping[str, Any]) -> None:
    app = await everywhere(sites)
    token_, body = resent(sites, 0, version=5, **changes)
    answer = await sites["eu"].call(
        "POST", "/oauth/data-centers/messages", content=body, headers={"grantline-message": token_}
    )
    assert answer.json()["refused"] == "rules"
    assert await state(sites, app) == ("enabled", 1)
    assert (await audited(sites["eu"], "client.import_refused"))[0]["reason"] == "rules"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 7},
        {"id": "glc_us_x"},
        {"type": "self-client"},
        {"type": "api"},
        {"state": "free"},
        {"version": 0},
        {"version": True},
        {"version": 2**60},
        {"secrets": [["sec_000000000000", "00", 1, None]]},
        {"secrets": [["try_000000000000", "00" * 32, 1, None]]},
        {"secrets": "x"},
        {"logo": "!!"},
        {"logo": "PHN2Zz4="},
        {"name": None},
        {"name": "\x00"},
        {"redirect_uris": [1]},
        {"data_centers": ["US"]},
        {"implicit": 1},
        {"created_at": -1},
    ],
)
async def test_what_is_no_definition_is_refused_as_a_message(
    sites: Sites, changes: Mapping[str, Any]
) -> None:
    await everywhere(sites)
    token_, body = resent(sites, 0, **{"version": 5, **changes})
    status, reason = await deliver(sites, token_, body)
    assert status == 403
    assert reason in ("not a definition", "no client id", "a sign that no text has")


async def test_another_type_is_refused_and_its_owner_reads_it(sites: Sites) -> None:
    app = await everywhere(sites)
    await sites["us"].db.run("UPDATE clients SET type = 'mobile' WHERE id = $1", app.id)
    await change(sites, replace_type(app), redirect_uris=("com.example.app:/cb",))
    assert await sites.carry("us") == {}
    shown = (await list_elsewhere(sites["us"].db, app.id))[0]
    assert shown.problem == "It is there as an app of another type."
    assert shown.waiting
    sites.wires.passed.clear()
    await sites.carry("us")
    assert sites.wires.passed == []  # tried again seldom
    sites.clock.advance(3600)
    await sites.carry("us")
    assert any(b'"client":{' in body for _, body in sites.wires.passed)


def replace_type(app: App) -> App:
    return App(replace(app.client, type=CLIENT_TYPES["mobile"]), app.secret)


async def test_what_ends_something_goes_before_the_rest(sites: Sites) -> None:
    apps = [await everywhere(sites, name=f"App {number}") for number in range(4)]
    for app in apps:
        await change(sites, app, homepage_url="https://app.example")
    sites.clock.advance(5)
    await set_disabled(sites["us"].db, apps[3].id, sites.clock())
    sites.wires.passed.clear()
    await sites.carry("us")
    first = json.loads(sites.wires.passed[0][1])["client"]
    assert (first["id"], first["state"]) == (apps[3].id, "disabled")


@pytest.mark.both_engines
async def test_two_couriers_at_once_send_each_change_once(sites: Sites) -> None:
    apps = [await everywhere(sites, name=f"App {number}") for number in range(5)]
    for app in apps:
        await change(sites, app, homepage_url="https://app.example")
    from grantline.crossing import Courier

    sites.wires.passed.clear()
    us = sites["us"].mint
    couriers = [Courier(us, sites.clock, sites.sender("us")) for _ in range(3)]
    assert await asyncio.gather(*(one.round("eu") for one in couriers)) == ["", "", ""]
    sent = [json.loads(body)["client"]["id"] for _, body in sites.wires.passed]
    assert sorted(sent) == sorted(app.id for app in apps)


@pytest.mark.both_engines
async def test_a_change_while_one_is_on_its_way_is_sent_too(sites: Sites) -> None:
    app = await everywhere(sites)
    await change(sites, app, name="Lead Table")
    forward = sites.wires.handle_async_request

    async def meanwhile(request: Any) -> Any:
        sites.wires.handle_async_request = forward  # type: ignore[method-assign]
        await change(sites, app, name="Lead Chair")
        return await forward(request)

    sites.wires.handle_async_request = meanwhile  # type: ignore[method-assign]
    await sites.carry("us")
    await sites.carry("us")
    assert (await fresh(sites, app, "eu")).name == "Lead Chair"
    assert (await list_elsewhere(sites["us"].db, app.id))[0].waiting is False


async def test_one_that_was_overtaken_confirms_what_is_there(sites: Sites) -> None:
    """The older message arrives after the newer one, and both were ours."""
    app = await everywhere(sites)
    await change(sites, app, name="Lead Table")
    old = await load_definition(sites["us"].db, app.id, "eu")
    await change(sites, app, name="Lead Chair")
    await sites.carry("us")
    assert old is not None
    answer = await sites.sender("us").send(sites["eu"].mint.home, "client", render_definition(old))
    assert answer == {"version": 3, "refused": "stale"}
    assert (await fresh(sites, app, "eu")).name == "Lead Chair"


@pytest.mark.both_engines
async def test_a_home_that_was_restored_from_a_backup_goes_on_above(sites: Sites) -> None:
    app = await everywhere(sites)
    for name in ("Lead Table", "Lead Chair", "Lead Stool"):
        await change(sites, app, name=name)
    await sites.carry("us")
    us = sites["us"].db
    await us.run("UPDATE clients SET version = 2, name = 'Lead Table' WHERE id = $1", app.id)
    await us.run("UPDATE client_elsewhere SET wanted_version = 2, confirmed_version = 2")
    sites.clock.advance(600)
    assert await sites.carry("us") == {}
    assert await sites.carry("us") == {}
    assert (await fresh(sites, app, "eu")).name == "Lead Table"
    assert (await fresh(sites, app)).version == 5
    assert await audited(sites["us"], "client.version_raised") == [{"data_center": "eu", "present": 4}]


async def test_another_state_of_the_same_version_is_noticed(sites: Sites) -> None:
    app = await everywhere(sites)
    await change(sites, app, name="Lead Chair")
    await sites.carry("us")
    await sites["us"].db.run("UPDATE clients SET version = 1, name = 'Lead Desk' WHERE id = $1", app.id)
    await change(sites, app, name="Lead Stool")
    await sites.carry("us")
    assert (await fresh(sites, app)).version == 3
    assert (await fresh(sites, app, "eu")).name == "Lead Stool"


async def test_a_version_that_is_far_above_is_not_believed(sites: Sites) -> None:
    app = await everywhere(sites)
    await sites["eu"].db.run("UPDATE clients SET version = 99999 WHERE id = $1", app.id)
    sites.clock.advance(600)
    await sites.carry("us")
    assert (await fresh(sites, app)).version == 1
    shown = (await list_elsewhere(sites["us"].db, app.id))[0]
    assert shown.problem == "It has a version there that is far above ours."


@pytest.mark.both_engines
async def test_what_a_receiver_lost_is_sent_again(sites: Sites) -> None:
    app = await everywhere(sites)
    other = await everywhere(sites, name="Lead Table")
    await change(sites, other, name="Lead Chair")
    await sites.carry("us")
    eu = sites["eu"].db
    await eu.run("DELETE FROM client_imports WHERE client_id = $1", app.id)
    await eu.run("DELETE FROM clients WHERE id = $1", app.id)
    await eu.run("UPDATE clients SET version = 1, name = 'Lead Table' WHERE id = $1", other.id)
    await sites.carry("us")
    assert await find_client(eu, app.id) is None
    sites.clock.advance(600)
    await sites.carry("us")
    await sites.carry("us")
    assert (await fresh(sites, app, "eu")).name == "Lead Desk"
    assert (await fresh(sites, other, "eu")).name == "Lead Chair"


@pytest.mark.both_engines
async def test_an_app_that_home_knows_nothing_of_any_more_is_switched_off(sites: Sites) -> None:
    lost, forgotten = await everywhere(sites), await everywhere(sites, name="Lead Table")
    us = sites["us"].db
    await us.run("DELETE FROM client_elsewhere")
    await us.run("DELETE FROM clients WHERE id = $1", lost.id)
    sites.clock.advance(600)
    assert await sites.carry("us") == {}
    assert await sites.carry("us") == {}
    assert await state(sites, lost) == ("off", 2)
    assert (await state(sites, forgotten) or ("", 0))[0] == "off"
    sites.wires.passed.clear()
    sites.clock.advance(600)
    await sites.carry("us")
    assert len(sites.wires.passed) == 1  # the hello, and nothing more to mend


@pytest.mark.both_engines
async def test_the_inventory_goes_page_by_page(sites: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grantline.crossing.inventory.PAGE", 2)
    apps = [await everywhere(sites, name=f"App {number}") for number in range(5)]
    await sites["eu"].db.run("UPDATE clients SET version = 0 WHERE workspace_id = 0")
    sites.clock.advance(600)
    await sites.carry("us")
    await sites.carry("us")
    assert [await state(sites, app) for app in apps] == [("enabled", 1)] * 5


@pytest.mark.parametrize("endless", [{"next": "a"}, {"next": 7}, {"has": [], "differ": 3, "next": "x" * 90}])
async def test_an_answer_to_hello_that_makes_no_sense_ends_it(
    sites: Sites, endless: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from grantline.crossing import Sender

    asked: list[Any] = []

    async def send(self: Sender, center: Any, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(body)
        return endless

    monkeypatch.setattr(Sender, "send", send)
    assert await sites.carry("us") == {}
    assert len(asked) <= 3


@pytest.mark.both_engines
async def test_blocked_by_the_operator_there_it_stays_blocked_whatever_home_wants(sites: Sites) -> None:
    app = await everywhere(sites)
    await set_disabled(sites["eu"].db, app.id, sites.clock())
    assert await token(sites["eu"], app) == "invalid_client"
    assert await token(sites["us"], app) == ""
    await change(sites, app, name="Lead Table")
    await sites.carry()
    assert await token(sites["eu"], app) == "invalid_client"
    await set_disabled(sites["eu"].db, app.id, None)
    assert await token(sites["eu"], app) == ""
    assert (await fresh(sites, app, "eu")).version == 2


async def test_only_its_home_changes_or_deletes_an_app(sites: Sites) -> None:
    app = await everywhere(sites)
    abroad = await fresh(sites, app, "eu")
    eu = sites["eu"].db
    assert not await delete_client(eu, app.id, sites.clock())
    with pytest.raises(RegistrationRefused, match="registered in another data center"):
        await update_client(eu, abroad, registration_of(abroad), sites.clock())
    with pytest.raises(ValueError, match="registered in another data center"):
        await reset_secrets(eu, abroad, "eu", sites.clock())
    assert await fresh(sites, app, "eu") == abroad


async def read_registry_of(sites: Sites, code: str, codes: Sequence[str]) -> None:
    """One data center reads a registry that lists these alone."""
    whole = sites.registry.read_text()
    tables = ["[" + table.removeprefix("[") for table in whole.split("\n[")]
    text = "\n".join(table for table in tables if table[1:].partition("]")[0] in codes)
    sites.registry.write_text(text)
    await sites[code].server.neighbours.look(sites[code].mint)
    sites.registry.write_text(whole)


@pytest.mark.both_engines
async def test_without_its_home_in_the_registry_an_app_counts_as_unknown(sites: Sites) -> None:
    app = await everywhere(sites)
    await sites["eu"].api(API)
    tokens = await sites["eu"].tokens(app)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    await read_registry_of(sites, "eu", ["eu"])
    refused = (await sites["eu"].token(app, **refresh)).json()
    assert refused["error_description"] == "No such client in any data center that this server knows."
    assert (
        await sites["eu"].call("GET", "/oauth/v2/auth", params=sites["eu"].request(app))
    ).status_code == 400
    await sites["eu"].server.neighbours.look(sites["eu"].mint)
    assert (await sites["eu"].token(app, **refresh)).status_code == 200


async def test_a_start_with_another_registry_counts_as_a_change_of_it(sites: Sites) -> None:
    app, eu = await everywhere(sites), sites["eu"]
    whole = sites.registry.read_text()
    sites.registry.write_text("[eu" + whole.partition("[eu")[2])
    alone = Neighbours(eu.db, sites.registry, eu.mint.home)
    assert (await alone.start()).others == ()
    assert not (await fresh(sites, app, "eu")).enabled
    sites.registry.write_text(whole)
    assert await Neighbours(eu.db, sites.registry, eu.mint.home).start()
    assert (await fresh(sites, app, "eu")).enabled


async def test_a_data_center_that_comes_back_into_the_registry_is_caught_up(sites: Sites) -> None:
    app = await everywhere(sites)
    await read_registry_of(sites, "us", ["us"])
    sites.wires.passed.clear()
    await change(sites, app, name="Lead Table")
    await sites.carry("us")
    assert sites.wires.passed == []
    await sites["us"].server.neighbours.look(sites["us"].mint)
    await sites.carry("us")
    assert (await fresh(sites, app, "eu")).name == "Lead Table"


async def test_one_that_is_down_delays_only_what_concerns_it(sites: Sites) -> None:
    app = await everywhere(sites)
    sites.wires.cut = {"us"}
    await change(sites, app, name="Lead Table")
    assert await sites.carry("us") == {}
    assert (await fresh(sites, app, "eu")).name == "Lead Table"


DAY = 24 * 3600


async def test_T113_after_a_day_of_silence_nothing_new_starts_and_refreshing_goes_on(sites: Sites) -> None:
    app = await everywhere(sites)
    device = await everywhere(sites, "non-browser")
    eu = sites["eu"]
    await eu.api(API)
    tokens = await eu.tokens(app)
    own = await eu.app("server-based")
    sites.clock.advance(DAY)
    code = await eu.code(app)
    started = await eu.device_start(device)
    await eu.device_decide(started["user_code"], "allow")
    sites.clock.advance(1)

    answer = await eu.authorize(app)
    assert "error=temporarily_unavailable" in answer.headers["location"]
    late = await eu.exchange(app, code)
    assert (late.status_code, late.json()["error"]) == (503, "temporarily_unavailable")
    assert "was not heard for a day" in late.json()["error_description"]
    refused = await eu.post("/oauth/v3/device/code", {"client_id": device.id, "scope": SCOPE})
    assert refused.json()["error"] == "temporarily_unavailable"
    polled = await eu.device_poll(device, started["device_code"])
    assert polled.json()["error"] == "temporarily_unavailable"
    assert (
        await eu.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    ).status_code == 200
    assert (await eu.tokens(own))["access_token"]
    sites.clock.advance(-1)
    await sites.carry("us")
    sites.clock.advance(1)
    await sites.carry("us")
    assert (await eu.exchange(app, code)).status_code == 200


async def test_T113_a_consent_page_that_was_open_through_the_silence_allows_nothing(sites: Sites) -> None:
    app = await everywhere(sites)
    eu = sites["eu"]
    await eu.api(API)
    sites.clock.advance(DAY)
    browser = await eu.signed_in()
    page = await browser.get("/oauth/v2/auth", params=eu.request(app))
    sites.clock.advance(1)
    answer = await browser.submit(page, {"decision": "allow"}, path="/oauth/v2/auth/decision")
    assert "error=temporarily_unavailable" in answer.headers["location"]
    assert await eu.db.one("SELECT 1 FROM consents") is None


async def test_a_secret_that_serves_a_run_at_home_stays_there(sites: Sites) -> None:
    app = await everywhere(sites)
    client = await fresh(sites, app)
    run = replace(client.secrets[0], id="try_000000000000", hash=bytes(32))
    await sites["us"].db.run(
        "UPDATE clients SET secrets = $2 WHERE id = $1", app.id, render_secrets([*client.secrets, run])
    )
    await change(sites, app, name="Lead Table")
    await sites.carry("us")
    abroad = await fresh(sites, app, "eu")
    assert ([one.id for one in abroad.secrets], abroad.name) == ([client.secrets[0].id], "Lead Table")


async def test_origins_follow_each_change_there(sites: Sites) -> None:
    app = await everywhere(sites, "client-based")
    spa = "https://other.example"
    await change(sites, app, origins=(spa,), redirect_uris=(f"{spa}/callback",))
    await sites.carry("us")
    await change(sites, app, name="Lead Table")
    await sites.carry("us")
    rows = await sites["eu"].db.all("SELECT origin FROM client_origins WHERE client_id = $1", app.id)
    assert [row[0] for row in rows] == [spa]
    assert await origin_is_registered(sites["eu"].db, spa)
    await switch(sites, app, "us")
    await sites.carry("us")
    assert not await origin_is_registered(sites["eu"].db, spa)


async def test_a_problem_is_over_as_soon_as_something_gets_through(sites: Sites) -> None:
    app = await everywhere(sites)
    await change(sites, app, name="Lead Table")
    sites.wires.cut = {"eu"}
    await sites.carry("us")
    sites.wires.cut = set()
    await sites.carry("us")
    row = await sites["us"].db.one("SELECT problem FROM data_centers WHERE code = 'eu'")
    assert row[0] == ""


async def test_a_comparison_that_did_not_get_through_is_made_as_soon_as_it_can_be(sites: Sites) -> None:
    await everywhere(sites)
    sites.clock.advance(600)
    sites.wires.cut = {"eu"}
    assert await sites.carry("us") == {"us>eu": "no answer (ConnectError)"}
    sites.wires.cut = set()
    sites.wires.passed.clear()
    assert await sites.carry("us") == {}
    assert [json.loads(body)["clients"] for _, body in sites.wires.passed] != []
    row = await sites["eu"].db.one("SELECT heard_at FROM data_centers WHERE code = 'us'")
    assert row[0] == sites.clock()


async def test_T113_refreshing_asks_nothing_about_the_home_and_apps_of_this_data_center_never_do(
    sites: Sites,
) -> None:
    app, eu = await everywhere(sites), sites["eu"]
    own = await eu.app("server-based")
    await eu.api(API)
    for one in (app, own):
        tokens = await eu.tokens(one)
        ask = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        await eu.token(one, **ask)
        told = await statements(eu, partial(eu.token, one, **ask))
        assert len(told) == 1, told
    codes = {one.id: await eu.code(one) for one in (own, app)}
    told = await statements(eu, lambda: eu.exchange(own, codes[own.id]))
    assert not any("data_centers WHERE" in text for text in told), told
    told = await statements(eu, lambda: eu.exchange(app, codes[app.id]))
    assert any("data_centers WHERE" in text for text in told), told


@pytest.mark.both_engines
async def test_apps_that_were_registered_for_a_data_center_before_the_first_contact_are_sent(
    sites: Sites,
) -> None:
    us = sites["us"]
    app, own = await us.app("server-based"), await us.app("self-client")
    await us.db.run("UPDATE clients SET data_centers = $1", '["us", "eu"]')
    assert await sites.carry("us") == {}
    assert await sites.carry("us") == {}
    assert await state(sites, app) == ("enabled", 1)
    assert await state(sites, own) is None
