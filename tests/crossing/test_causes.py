"""What is refused to an app away from its home, told to its home: by code and count alone, once however often
it is sent (R84, R88, T130)."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from grantline.activity import (
    Cause,
    Recorder,
    find_cause_elsewhere,
    list_causes_elsewhere,
    list_causes_elsewhere_of,
    list_to_tell,
    list_workspace_causes_elsewhere,
    note_causes_told,
    put_off_telling,
    store_elsewhere,
)
from grantline.activity.elsewhere import MOST_FOR_EACH
from grantline.activity.entries import Entry
from grantline.activity.to_tell import AGAIN_SECONDS, MOST_UNCONFIRMED, PUT_OFF_SECONDS
from grantline.clients import delete_client, set_data_centers
from grantline.crossing import NotTaken
from grantline.opaque import CLIENT_ID, mint
from grantline.web.background import sweep
from tests.centers import Sites
from tests.site import SCOPE, START, App, Site

WRONG_SECRET = {"grant_type": "client_credentials", "scope": SCOPE, "client_secret": "gls_eu_wrong"}


async def call_wrongly(site: Site, client_id: str, times: int = 1) -> None:
    """Calls of a data center with an app's id."""
    for _ in range(times):
        await site.post("/oauth/v2/token", {**WRONG_SECRET, "client_id": client_id})
    await site.mint.recorder.flush()


async def at_home(sites: Sites, app: App) -> list[tuple[str, int, bool, str]]:
    """What the home of the app knows."""
    causes = await list_causes_elsewhere(sites["us"].db, app.id)
    return [(cause.code, cause.count, cause.proven, cause.data_center) for cause in causes]


async def waiting(site: Site) -> Sequence[Any]:
    rows = await site.db.all(
        "SELECT client_id, count, told_count, due_at FROM causes_to_tell ORDER BY client_id"
    )
    return [tuple(row) for row in rows]


async def test_a_call_of_the_wrong_data_center_is_told_to_the_apps_home(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    await call_wrongly(sites["eu"], app.id, times=3)
    assert await sites.carry("eu") == {}
    assert await at_home(sites, app) == [("client_wrong_data_center", 3, False, "Europe")]
    assert await waiting(sites["eu"]) == [(app.id, 3, 3, None)]


async def test_what_an_app_is_refused_where_it_works_too_is_told_with_how_far_it_proved_itself(
    sites: Sites,
) -> None:
    """A wrong secret is nobody's proof; a code that is wrong, with the right secret, is the app's own."""
    us, eu = sites["us"], sites["eu"]
    app = await us.app("server-based")
    async with us.db.transaction() as tx:
        await set_data_centers(tx, app.client, ("us", "eu"), sites.clock())
    assert await sites.carry() == {}
    await call_wrongly(eu, app.id, times=2)
    assert (await eu.exchange(app, mint("glg", "eu"))).json()["grantline_code"] == "code_unknown"
    request = eu.request(app, redirect_uri="https://app.example/wrong")
    assert (await eu.browser().get("/oauth/v2/auth", params=request)).status_code == 400
    await eu.mint.recorder.flush()
    assert await sites.carry() == {}
    assert sorted(await at_home(sites, app)) == [
        ("client_secret_wrong", 2, False, "Europe"),
        ("code_unknown", 1, True, "Europe"),
        ("redirect_uri_mismatch", 1, False, "Europe"),
    ]


async def test_what_is_refused_at_home_is_told_to_nobody(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    await call_wrongly(sites["us"], app.id)
    assert await waiting(sites["us"]) == []


async def test_nothing_that_was_received_and_nothing_of_people_crosses(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    marks = ("unmistakable", "203.0.113.9", "mara@example.com", "Marked/1.0")
    eu = sites["eu"]
    eu.peer = marks[1]
    request = eu.request(
        app, redirect_uri="https://unmistakable.example/", state=marks[0], login_hint=marks[2]
    )
    browser = await eu.signed_in()
    await browser.get("/oauth/v2/auth", params=request, headers={"User-Agent": marks[3]})
    await call_wrongly(eu, app.id)
    sites.wires.passed.clear()
    assert await sites.carry("eu") == {}
    bodies = [body for _, body in sites.wires.passed]
    told = [json.loads(body)["causes"] for body in bodies if b'"causes"' in body]
    assert [sorted(cause) for causes in told for cause in causes] == 2 * [
        sorted(
            ["client_id", "code", "error", "endpoint", "proven", "first_at", "last_at", "last_id", "count"]
        )
    ]
    for mark in marks:
        assert mark.encode() not in b"".join(bodies)


async def test_a_lost_answer_counts_nothing_twice(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    assert await sites.carry("eu") == {}  # a first greeting
    await call_wrongly(sites["eu"], app.id, times=2)
    sites.wires.lose_answers = True
    assert await sites.carry("eu") != {}
    assert await at_home(sites, app) == [("client_wrong_data_center", 2, False, "Europe")]
    sites.wires.lose_answers = False
    await call_wrongly(sites["eu"], app.id)
    assert await sites.carry("eu") == {}
    assert await at_home(sites, app) == [("client_wrong_data_center", 3, False, "Europe")]


async def test_what_goes_on_is_told_again_after_a_while_and_not_with_each_call(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    await call_wrongly(sites["eu"], app.id)
    await sites.carry("eu")
    await call_wrongly(sites["eu"], app.id, times=4)
    sites.wires.passed.clear()
    await sites.carry("eu")
    assert not [body for _, body in sites.wires.passed if b'"causes"' in body]
    sites.clock.advance(AGAIN_SECONDS)
    await sites.carry("eu")
    assert await at_home(sites, app) == [("client_wrong_data_center", 5, False, "Europe")]


async def test_an_app_that_nobody_registered_leaves_no_trace_on_either_side(sites: Sites) -> None:
    deleted = await sites["us"].app("server-based", name="Gone")
    await delete_client(sites["us"].db, deleted.id, sites.clock())
    for client_id in (mint(CLIENT_ID, "us"), deleted.id):
        await call_wrongly(sites["eu"], client_id)
    assert len(await waiting(sites["eu"])) == 2
    assert await sites.carry("eu") == {}
    assert await waiting(sites["eu"]) == []
    assert await sites["us"].db.all("SELECT * FROM causes_elsewhere") == []


async def test_T130_invented_ids_fill_a_bounded_table_and_push_out_nothing(sites: Sites) -> None:
    """And an app that works here is told of, however many strangers there are."""
    us, eu = sites["us"], sites["eu"]
    known, real = await us.app("server-based"), await us.app("mobile")
    async with us.db.transaction() as tx:
        await set_data_centers(tx, known.client, ("us", "eu"), sites.clock())
    await sites.carry()
    await call_wrongly(eu, real.id)
    await sites.carry("eu")
    sites.wires.cut = {"us"}
    invented = [entry(str(n), app=mint(CLIENT_ID, "us")) for n in range(MOST_UNCONFIRMED + 50)]
    await record(eu, invented)
    rows = await eu.db.one("SELECT COUNT(*) FROM causes_to_tell WHERE told_count = 0")
    assert rows[0] == MOST_UNCONFIRMED
    await call_wrongly(eu, known.id)
    await call_wrongly(eu, real.id)
    sites.wires.cut = set()
    sites.clock.advance(2 * AGAIN_SECONDS)
    for _ in range(2):
        assert await sites.carry("eu") == {}
    assert sorted(one[0] for one in await waiting(eu)) == sorted([known.id, real.id])
    assert await at_home(sites, known) == [("client_secret_wrong", 1, False, "Europe")]
    assert await at_home(sites, real) == [("client_wrong_data_center", 2, False, "Europe")]


def entry(id: str, *, app: str, code: str = "client_wrong_data_center") -> Entry:
    return Entry(
        f"req_eu_{id}",
        "",
        False,
        START,
        "/oauth/v2/token",
        "invalid_client",
        code,
        401,
        {},
        app_elsewhere=app,
    )


async def record(site: Site, entries: Sequence[Entry]) -> None:
    for one in entries:
        site.mint.recorder.record(one)
    await site.mint.recorder.flush()


async def test_a_home_that_takes_no_causes_is_asked_again_seldom_and_holds_up_nothing(
    sites: Sites,
) -> None:
    app = await sites["us"].app("server-based")
    await call_wrongly(sites["eu"], app.id)
    # A form that the home refuses.
    await sites["eu"].db.run("UPDATE causes_to_tell SET code = 'No Word' WHERE client_id = $1", app.id)
    assert await sites.carry("eu") == {}
    assert (await waiting(sites["eu"]))[0][3] == sites.clock() + PUT_OFF_SECONDS
    assert await at_home(sites, app) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": 7},
        {"code": "Not A Word"},
        {"code": "x" * 62},
        {"error": None},
        {"endpoint": "/oauth/v2/token?code=glg_us_x"},
        {"last_id": "<b>"},
        {"first_at": 0},
        {"first_at": START + 10, "last_at": START},
        {"last_at": START + 10_000},
        {"count": True},
        {"count": -1},
        {"count": 2**60},
    ],
)
async def test_T109_a_cause_without_the_form_of_one_is_refused_as_a_whole(
    sites: Sites, changes: dict[str, Any]
) -> None:
    app = await sites["us"].app("server-based")
    good = {
        "client_id": app.id,
        "code": "client_wrong_data_center",
        "error": "invalid_client",
        "endpoint": "/oauth/v2/token",
        "proven": False,
        "first_at": START,
        "last_at": START,
        "last_id": "req_eu_1",
        "count": 1,
    }
    sender, home = sites.sender("eu"), sites["us"].mint.home
    with pytest.raises(NotTaken, match="a malformed cause"):
        await sender.send(home, "causes", {"causes": [good, {**good, **changes}]})
    assert await at_home(sites, app) == []
    assert await sender.send(home, "causes", {"causes": [good]}) == {"unknown": []}
    for wrong in ({}, {"causes": {}}, {"causes": [good] * 201}):
        with pytest.raises(NotTaken, match="no list of causes"):
            await sender.send(home, "causes", wrong)


async def test_T109_a_data_center_can_not_flood_the_owner_of_an_app(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    sender, home = sites.sender("eu"), sites["us"].mint.home
    told = {
        "client_id": app.id,
        "error": "invalid_client",
        "endpoint": "/oauth/v2/token",
        "proven": True,
        "first_at": START,
        "last_at": START,
        "last_id": "req_eu_1",
        "count": 1,
    }
    for start in range(0, 2 * MOST_FOR_EACH, 200):
        causes = [{**told, "code": f"made_up_{start + n}"} for n in range(200)]
        await sender.send(home, "causes", {"causes": causes})
    row = await sites["us"].db.one("SELECT COUNT(*) FROM causes_elsewhere")
    assert row[0] == MOST_FOR_EACH


async def test_an_old_message_takes_nothing_back_and_a_new_series_replaces_the_old_one(sites: Sites) -> None:
    app = await sites["us"].app("server-based")
    sender, home = sites.sender("eu"), sites["us"].mint.home

    async def tell(first_at: int, count: int) -> int:
        cause = {
            "client_id": app.id,
            "code": "code_unknown",
            "error": "invalid_grant",
            "endpoint": "/oauth/v2/token",
            "proven": True,
            "first_at": first_at,
            "last_at": START,
            "last_id": "req_eu_1",
            "count": count,
        }
        await sender.send(home, "causes", {"causes": [cause]})
        return (await list_causes_elsewhere(sites["us"].db, app.id))[0].count

    assert await tell(START - 100, 5) == 5
    assert await tell(START - 100, 3) == 5
    assert await tell(START - 100, 6) == 6
    assert await tell(START - 50, 1) == 1
    assert await tell(START - 100, 9) == 1


@pytest.mark.both_engines
async def test_two_nodes_that_count_the_same_lose_nothing(site: Site) -> None:
    app = mint(CLIENT_ID, "eu")
    nodes = [Recorder(site.db, "us") for _ in range(3)]
    for number, node in enumerate(nodes):
        for n in range(4):
            node.record(entry(f"{number}{n}", app=app))
        node.record(entry(f"{number}x", app=app, code="code_unknown"))
    for node in nodes:
        await node.flush()
    rows = await site.db.all("SELECT code, count, data_center, due_at FROM causes_to_tell ORDER BY code")
    assert [tuple(row) for row in rows] == [
        ("client_wrong_data_center", 12, "eu", START),
        ("code_unknown", 3, "eu", START),
    ]


@pytest.mark.both_engines
async def test_what_was_told_goes_after_ninety_days_and_with_its_app(site: Site) -> None:
    kept, gone = await site.app("server-based"), await site.app("mobile")
    for app in (kept, gone):
        told = (app.id, True, "code_unknown", "invalid_grant", START, START, "req_eu_1", 1)
        cause = Cause(*told, endpoint="token")
        async with site.db.transaction() as tx:
            await store_elsewhere(tx, "eu", [cause], own=[app.id])
    await record(site, [entry("1", app=mint(CLIENT_ID, "eu"))])
    await delete_client(site.db, gone.id, START)
    await sweep(site.db, START + 60)
    rows = await site.db.all("SELECT client_id FROM causes_elsewhere")
    assert [row[0] for row in rows] == [kept.id]
    assert len(await waiting(site)) == 1
    await sweep(site.db, START + 91 * 86400)
    assert await site.db.all("SELECT client_id FROM causes_elsewhere") == []
    assert await waiting(site) == []


@pytest.mark.both_engines
async def test_what_waits_is_told_noted_and_put_off_in_the_same_way_on_both_engines(site: Site) -> None:
    first, second = mint(CLIENT_ID, "eu"), mint(CLIENT_ID, "eu")
    await record(site, [entry("1", app=first), entry("2", app=second), entry("3", app=mint(CLIENT_ID, "in"))])
    told = await list_to_tell(site.db, "eu", START, limit=10)
    assert {(cause.client_id, cause.count, cause.endpoint) for cause in told} == {
        (first, 1, "/oauth/v2/token"),
        (second, 1, "/oauth/v2/token"),
    }
    await put_off_telling(site.db, "eu", START)
    assert await list_to_tell(site.db, "eu", START, limit=10) == []
    assert len(await list_to_tell(site.db, "in", START, limit=10)) == 1
    await record(site, [entry("4", app=first)])
    async with site.db.transaction() as tx:
        await note_causes_told(tx, told, {second}, START)
    rows = {one[0]: one[1:] for one in await waiting(site)}
    assert rows[first] == (2, 1, START + AGAIN_SECONDS)
    assert second not in rows


@pytest.mark.both_engines
async def test_what_was_told_is_listed_by_app_by_workspace_and_by_request_on_both_engines(site: Site) -> None:
    app = await site.app("server-based")
    told = (app.id, True, "code_unknown", "invalid_grant", START, START + 5, "req_eu_1", 3)
    cause = Cause(*told, endpoint="/oauth/v2/token")
    for center in ("eu", "eu", "in"):
        async with site.db.transaction() as tx:
            await store_elsewhere(tx, center, [cause], own=[app.id])
    listed = await list_causes_elsewhere(site.db, app.id)
    assert [(one.data_center, one.count) for one in listed] == [("EU", 3), ("IN", 3)]
    assert await list_causes_elsewhere(site.db, app.id, START + 6) == []
    of_workspace = await list_workspace_causes_elsewhere(site.db, app.client.workspace_id, START, limit=9)
    assert len(of_workspace) == 2
    assert await list_workspace_causes_elsewhere(site.db, app.client.workspace_id + 1, START, limit=9) == []
    assert len((await list_causes_elsewhere_of(site.db, [app.id, "x"], START))[app.id]) == 2
    found = await find_cause_elsewhere(site.db, "req_eu_1")
    assert found is not None
    assert found.client_id == app.id
    assert await find_cause_elsewhere(site.db, "req_eu_2") is None
