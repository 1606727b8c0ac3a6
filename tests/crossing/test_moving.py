"""A person moves to another data center: with what is theirs, once, and nothing of them stays (R14, T111)."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from grantline.accounts import Account, find_account, find_account_by_email
from grantline.authorize import park_flow
from grantline.crossing import Move, Moved, MoveRefused, NotTaken, Sender
from grantline.crossing.arriving import ADDRESS_TAKEN, CANCELLED, MALFORMED, TOO_MANY
from grantline.crossing.departing import DELETED, KEPT, NotFree, depart
from grantline.crossing.moving import check_sealed, take_back
from grantline.datacenters import DataCenter, DataCenters
from grantline.db import erase_deleted
from grantline.db.tables import list_tables
from grantline.web.background import sweep
from grantline.workspaces import create_workspace, ensure_personal_workspace
from tests.centers import Sites
from tests.conftest import SiteFactory
from tests.site import App, Site

LENA = "lena.quixote@moving.example"
DAY = 24 * 3600


class Wire(httpx2.AsyncBaseTransport):
    """The wire of one sender; the test says what happens to each kind of message."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self.lost: set[str] = set()
        """Kinds that never arrive."""
        self.unanswered: set[str] = set()
        """Kinds that arrive, and whose answer is lost."""
        self.sent: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(await request.aread())
        kind = "person.move" if "email" in body else "person.cancel" if "move_id" in body else "hello"
        self.sent.append(kind)
        if kind in self.lost:
            raise httpx2.ConnectError("lost")
        response = await self._sites.wires.handle_async_request(request)
        if kind in self.unanswered:
            raise httpx2.ReadError("lost")
        return response


@pytest.fixture
def wire(sites: Sites) -> Wire:
    return Wire(sites)


def center(sites: Sites, code: str = "eu") -> DataCenter:
    found = sites["us"].mint.data_centers.find(code)
    assert isinstance(found, DataCenter)
    return found


async def way(sites: Sites, wire: Wire, email: str = LENA) -> Move:
    us = sites["us"]
    account = await find_account_by_email(us.db, email)
    assert account is not None
    return Move(us.mint, Sender(us.mint, sites.clock, wire), sites.clock, account, center(sites))


async def moved(sites: Sites, wire: Wire, email: str = LENA) -> Moved:
    return await (await way(sites, wire, email)).run()


async def lena(sites: Sites) -> Account:
    return await sites["us"].person(LENA, given_name="Lena", family_name="Quixote")


async def share(sites: Sites, app: App) -> None:
    """The app works in eu, too: its row there, as an import makes it."""
    us, eu = sites["us"], sites["eu"]
    await us.db.run("UPDATE clients SET data_centers = $2 WHERE id = $1", app.id, '["us", "eu"]')
    row = await us.db.one("SELECT * FROM clients WHERE id = $1", app.id)
    given = {name: row[name] for name in row.keys()}  # noqa: SIM118 (a row of SQLite iterates over values)
    given |= {"owner_account_id": 0, "organization_id": 0, "workspace_id": 0, "creation_key": None}
    names = ", ".join(given)
    marks = ", ".join(f"${number}" for number in range(1, len(given) + 1))
    await eu.db.run(f"INSERT INTO clients ({names}) VALUES ({marks})", *given.values())


async def offline_tokens(site: Site, app: App, email: str = LENA) -> dict[str, Any]:
    return await site.tokens(app, browser=await site.signed_in(email))


async def test_a_person_moves_with_name_password_and_consents(sites: Sites, wire: Wire) -> None:
    us, eu = sites["us"], sites["eu"]
    before = await lena(sites)
    both, one = await us.app("server-based"), await us.app("server-based", name="Stay Home")
    await share(sites, both)
    await offline_tokens(us, both)
    await offline_tokens(us, one)
    told = await moved(sites, wire)
    assert (told.taken, told.left) == ((both.id,), ((one.id, "Stay Home"),))
    after = await find_account_by_email(eu.db, LENA)
    assert after is not None
    assert after.sub == told.account != before.sub
    assert (after.given_name, after.family_name, after.email_verified) == ("Lena", "Quixote", True)
    assert after.password_hash == before.password_hash
    browser = await eu.signed_in(LENA)
    page = await browser.get("/oauth/v2/auth", params=eu.request(both))
    assert page.status_code == 303, "the consent came along"
    assert (await us.browser().sign_in(email=LENA)).status_code == 400
    assert await find_account(us.db, before.id) is None


async def test_tokens_end_and_the_app_is_told_where_the_person_is(sites: Sites, wire: Wire) -> None:
    us, eu = sites["us"], sites["eu"]
    await lena(sites)
    app, other = await us.app("server-based"), await us.app("server-based", name="Other")
    tokens = await offline_tokens(us, app)
    assert await us.works(tokens["access_token"])
    await moved(sites, wire)
    assert not await us.works(tokens["access_token"])
    answer = await us.refresh(app, tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_uri"].endswith("/account_moved")
    assert answer.json()["expected_issuer"] == eu.issuer
    await us.mint.recorder.flush()
    shown = await us.db.one("SELECT detail FROM activity WHERE code = 'account_moved'")
    assert "This person has moved to Europe. Send them through sign-in there." in shown[0]
    strange = await us.refresh(other, tokens["refresh_token"])
    assert strange.json()["error_uri"].endswith("/refresh_token_unknown")
    assert "expected_issuer" not in strange.json()
    forged = tokens["refresh_token"][:-1] + ("A" if tokens["refresh_token"][-1] != "A" else "B")
    assert (await us.refresh(app, forged)).json()["error_uri"].endswith("/refresh_token_unknown")


async def test_after_thirty_days_an_old_refresh_token_is_unknown(sites: Sites, wire: Wire) -> None:
    us = sites["us"]
    await lena(sites)
    app = await us.app("server-based")
    tokens = await offline_tokens(us, app)
    await moved(sites, wire)
    sites.clock.advance(30 * DAY - 1)
    await sweep(us.db, sites.clock())
    answer = await us.refresh(app, tokens["refresh_token"])
    assert answer.json()["error_uri"].endswith("/account_moved")
    sites.clock.advance(1)
    assert (await us.refresh(app, tokens["refresh_token"])).json()["error_uri"].endswith("_unknown")
    await sweep(us.db, sites.clock())
    assert await us.db.all("SELECT * FROM moved_authorizations") == []


async def test_nothing_is_changed_when_the_other_data_center_is_away(sites: Sites, wire: Wire) -> None:
    await lena(sites)
    wire.lost = {"hello"}
    with pytest.raises(MoveRefused, match=r"eu does not answer .* Nothing was changed\."):
        await moved(sites, wire)
    assert (await sites["us"].browser().sign_in(email=LENA)).status_code == 303


async def test_who_is_on_the_way_is_nowhere_and_can_come_back(sites: Sites, wire: Wire) -> None:
    us = sites["us"]
    await lena(sites)
    app = await us.app("server-based")
    tokens = await offline_tokens(us, app)
    browser = await us.signed_in(LENA)
    wire.lost = {"person.move"}
    with pytest.raises(MoveRefused, match="did not confirm"):
        await moved(sites, wire)
    assert (await us.browser().sign_in(email=LENA)).status_code == 400
    assert (await browser.get("/account")).status_code == 303, "the session ended"
    assert not await us.works(tokens["access_token"])
    waiting = await us.refresh(app, tokens["refresh_token"])
    assert (waiting.status_code, waiting.json()["error"]) == (503, "temporarily_unavailable")
    assert waiting.headers["retry-after"] == "30"
    await (await way(sites, wire)).cancel()
    assert (await us.browser().sign_in(email=LENA)).status_code == 303
    assert (await us.refresh(app, tokens["refresh_token"])).status_code == 200
    kinds = await us.db.all("SELECT kind FROM audit WHERE kind LIKE 'account.%' ORDER BY at, number")
    assert {row[0] for row in kinds} == {"account.moving", "account.move_cancelled"}


async def test_a_lost_answer_makes_nobody_twice(sites: Sites, wire: Wire) -> None:
    us, eu = sites["us"], sites["eu"]
    await lena(sites)
    both = await us.app("server-based")
    await share(sites, both)
    await offline_tokens(us, both)
    wire.unanswered = {"person.move"}
    for _ in range(2):
        with pytest.raises(MoveRefused, match="did not confirm"):
            await moved(sites, wire)
    there = await find_account_by_email(eu.db, LENA)
    with pytest.raises(MoveRefused, match=r"has arrived in eu\. Finish the move"):
        await (await way(sites, wire)).cancel()
    assert (await us.browser().sign_in(email=LENA)).status_code == 400
    wire.unanswered = set()
    told = await moved(sites, wire)
    assert there is not None
    assert (told.account, told.taken) == (there.sub, (both.id,))
    assert len(await eu.db.all("SELECT 1 FROM arrivals")) == 1


@pytest.mark.parametrize("step", ["account.moving", "account.moved"])
async def test_a_move_that_broke_off_at_a_write_goes_on(sites: Sites, wire: Wire, step: str) -> None:
    us, eu = sites["us"], sites["eu"]
    await lena(sites)
    await us.db.run(
        f"CREATE TRIGGER broken BEFORE INSERT ON audit WHEN NEW.kind = '{step}'"
        " BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    with pytest.raises(Exception, match="broken"):
        await moved(sites, wire)
    here, there = await find_account_by_email(us.db, LENA), await find_account_by_email(eu.db, LENA)
    assert here is not None
    assert (here.moving_to, there is not None) == (("", False) if step == "account.moving" else ("eu", True))
    await us.db.run("DROP TRIGGER broken")
    await moved(sites, wire)
    assert await find_account_by_email(us.db, LENA) is None
    assert (await eu.browser().sign_in(email=LENA)).status_code == 303


async def test_a_message_that_comes_after_the_move_was_taken_back_is_refused(
    sites: Sites, wire: Wire
) -> None:
    await lena(sites)
    wire.lost = {"person.move"}
    with pytest.raises(MoveRefused):
        await moved(sites, wire)
    row = await sites["us"].db.one("SELECT move_id FROM accounts WHERE moving_to = 'eu'")
    await (await way(sites, wire)).cancel()
    assert await send(sites, {**BODY, "move_id": row[0]}) == CANCELLED
    assert await find_account_by_email(sites["eu"].db, LENA) is None
    wire.lost = set()
    assert (await moved(sites, wire)).account, "another move of the same person is another one"


async def test_a_move_to_who_left_the_registry_is_taken_back_without_asking(sites: Sites, wire: Wire) -> None:
    us = sites["us"]
    account = await lena(sites)
    wire.lost = {"person.move"}
    with pytest.raises(MoveRefused):
        await moved(sites, wire)
    row = await us.db.one("SELECT move_id FROM accounts WHERE id = $1", account.id)
    await take_back(us.db, account, "eu", row[0], sites.clock())
    assert (await us.browser().sign_in(email=LENA)).status_code == 303


async def test_T111_an_address_that_is_there_is_somebody_else(sites: Sites, wire: Wire) -> None:
    us, eu = sites["us"], sites["eu"]
    await lena(sites)
    there = await eu.person(LENA.upper().replace("EXAMPLE", "example"), given_name="Somebody")
    with pytest.raises(MoveRefused, match=r"stays here.* an account there has this address already"):
        await moved(sites, wire)
    assert await find_account(eu.db, there.id) == there
    assert (await us.browser().sign_in(email=LENA)).status_code == 303
    refused = await eu.db.one("SELECT detail FROM audit WHERE kind = 'message.refused'")
    assert json.loads(refused[0]) == {"reason": ADDRESS_TAKEN, "sender": "us"}


async def test_who_owns_apps_stays_until_they_are_given_away(sites: Sites, wire: Wire) -> None:
    account = await lena(sites)
    app = await sites["us"].app("server-based", name="Lena Desk", owner=account)
    with pytest.raises(MoveRefused, match=rf"owns Lena Desk \({app.id}\).*grantline client delete"):
        await moved(sites, wire)
    assert wire.sent == ["hello"]
    assert (await sites["us"].browser().sign_in(email=LENA)).status_code == 303


async def test_the_only_owner_of_a_team_stays_until_there_is_another(sites: Sites, wire: Wire) -> None:
    us = sites["us"]
    account = await lena(sites)
    async with us.db.transaction() as tx:
        team = await create_workspace(tx, account.id, "Windmills", sites.clock())
    with pytest.raises(MoveRefused, match=rf"only owner of Windmills \({team.workspace_id}\)"):
        await moved(sites, wire)
    await join(us, us.account.id, team.workspace_id, "owner")
    app = await us.app("server-based", name="Team Desk", owner=account)
    await us.db.run("UPDATE clients SET workspace_id = $2 WHERE id = $1", app.id, team.workspace_id)
    told = await moved(sites, wire)
    assert told.teams == ("Windmills",)
    row = await us.db.one("SELECT owner_account_id FROM clients WHERE id = $1", app.id)
    assert row[0] == us.account.id, "the app is the other owner's"
    event = await us.db.one("SELECT account_id, detail FROM audit WHERE kind = 'member.moved'")
    assert (event[0], "moving.example" in event[1]) == (account.id, False)


async def test_an_obstacle_after_the_arrival_is_told_and_the_move_goes_on(sites: Sites, wire: Wire) -> None:
    us = sites["us"]
    account = await lena(sites)
    wire.unanswered = {"person.move"}
    with pytest.raises(MoveRefused):
        await moved(sites, wire)
    app = await us.app("server-based", name="Made By An Operator", owner=account)
    wire.unanswered = set()
    with pytest.raises(MoveRefused, match="Made By An Operator"):
        await moved(sites, wire)
    await us.db.run("UPDATE clients SET deleted_at = 1 WHERE id = $1", app.id)
    await moved(sites, wire)
    row = await us.db.one("SELECT name, owner_account_id, workspace_id FROM clients WHERE id = $1", app.id)
    assert tuple(row) == ("", 0, 0), "a deleted app is a number"


async def test_a_disabled_account_does_not_move(sites: Sites, wire: Wire) -> None:
    account = await lena(sites)
    await sites["us"].db.run("UPDATE accounts SET disabled_at = 1 WHERE id = $1", account.id)
    with pytest.raises(MoveRefused, match="grantline user enable"):
        await moved(sites, wire)


@pytest.mark.parametrize(
    ("home", "to", "allowed"),
    [
        ("https://us.example", "https://eu.example", True),
        ("http://127.0.0.1:1", "http://localhost:2", True),
        ("http://[::1]:1", "http://127.0.0.1:2", True),
        ("https://us.example", "http://127.0.0.1:2", False),
        ("http://127.0.0.1:1", "http://eu.example", False),
    ],
)
def test_a_person_crosses_by_tls_or_stays_on_the_machine(home: str, to: str, allowed: bool) -> None:
    ends = DataCenter("us", home, home), DataCenter("eu", to, to)
    if allowed:
        check_sealed(*ends)
        return
    with pytest.raises(MoveRefused, match="https"):
        check_sealed(*ends)


BODY: dict[str, Any] = {
    "move_id": "m" * 24,
    "email": LENA,
    "verified": True,
    "given_name": "Lena",
    "family_name": "Quixote",
    "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$FNQ2duF8gyPRqt/lHtZ0yA"
    "$eTeC0uk2kLKFtnpI2s16WyBHLfUi8wDqh/ko+4aPs/I",
    "consents": [],
}
CONSENT: dict[str, Any] = {
    "client_id": "glc_us_unknown",
    "scope": ["CRM.modules.ALL"],
    "offline": True,
    "redirect_hosts": ["app.example"],
    "resources": [],
}


async def send(sites: Sites, body: dict[str, Any], kind: str = "person.move", by: str = "us") -> str:
    """The reason why eu refuses this; empty if it does not."""
    try:
        await sites.sender(by).send(center(sites), kind, body)
    except NotTaken as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize(
    "change",
    [
        {"move_id": "short"},
        {"move_id": 7},
        {"email": "no address"},
        {"email": None},
        {"verified": 1},
        {"given_name": "x" * 61},
        {"family_name": "a\x07b"},
        {"password_hash": "plain"},
        {"password_hash": BODY["password_hash"].replace("m=19456", "m=999999")},
        {"password_hash": BODY["password_hash"].replace("t=2", "t=99")},
        {"consents": {}},
        {"consents": [CONSENT] * 1001},
        {"consents": ["x"]},
        {"consents": [{**CONSENT, "scope": "CRM.modules.ALL"}]},
        {"consents": [{**CONSENT, "scope": ["two words"]}]},
        {"consents": [{**CONSENT, "offline": "yes"}]},
        {"consents": [{**CONSENT, "redirect_hosts": [1]}]},
    ],
)
async def test_what_is_no_person_is_not_taken(sites: Sites, change: dict[str, Any]) -> None:
    assert await send(sites, {**BODY, **change}) == MALFORMED
    assert await sites["eu"].db.all("SELECT 1 FROM arrivals") == []
    assert await send(sites, {**BODY, "consents": [CONSENT]}) == "", "the same without the change is taken"
    assert await sites["eu"].db.all("SELECT 1 FROM consents") == [], "the app is not here"


async def test_a_data_center_that_went_bad_makes_a_hundred_accounts_an_hour_at_most(sites: Sites) -> None:
    sites["eu"].mint.limiter.factor = 0.02
    people = [{**BODY, "move_id": f"{n:024}", "email": f"p{n}@bad.example"} for n in range(3)]
    assert [await send(sites, body) for body in people] == ["", "", TOO_MANY]
    sites.clock.advance(3600)
    assert await send(sites, people[2]) == ""


async def test_moves_that_were_never_begun_are_not_taken_back_for_ever(sites: Sites) -> None:
    sites["eu"].mint.limiter.factor = 0.002
    asked = [await send(sites, {"move_id": f"{n:024}"}, "person.cancel") for n in range(3)]
    assert asked == ["", "", TOO_MANY]


async def test_when_too_many_came_the_person_stays(sites: Sites, wire: Wire) -> None:
    await lena(sites)
    sites["eu"].mint.limiter.factor = 0.01
    assert await send(sites, {**BODY, "move_id": "n" * 24, "email": "first@moving.example"}) == ""
    with pytest.raises(MoveRefused, match=r"stays here.*Go on in an hour"):
        await moved(sites, wire)
    assert (await sites["us"].browser().sign_in(email=LENA)).status_code == 303


async def test_a_move_is_known_to_the_data_center_that_began_it(sites: Sites) -> None:
    assert await send(sites, BODY) == ""
    await sites["eu"].db.run("UPDATE arrivals SET sender = 'in'")
    assert await send(sites, BODY) == MALFORMED
    assert await send(sites, {"move_id": BODY["move_id"]}, "person.cancel") == MALFORMED


async def test_T112_what_ended_here_opens_nothing_there(sites: Sites, wire: Wire) -> None:
    us, eu = sites["us"], sites["eu"]
    await lena(sites)
    both = await us.app("server-based")
    await share(sites, both)
    tokens = await offline_tokens(us, both)
    browser = await us.signed_in(LENA)
    await moved(sites, wire)
    assert not await eu.works(tokens["access_token"])
    assert (await eu.refresh(both, tokens["refresh_token"])).status_code == 400
    tossed = eu.browser()
    for cookie in browser.http.cookies.jar:
        tossed.http.cookies.set(cookie.name.replace("_us", "_eu").replace("us", "eu"), cookie.value or "")
        tossed.http.cookies.set(cookie.name, cookie.value or "")
    assert (await tossed.get("/account")).status_code == 303


async def join(site: Site, account_id: int, workspace_id: int, role: str) -> None:
    await site.db.run(
        "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at) VALUES ($1, $2, $3, 1)",
        account_id,
        workspace_id,
        role,
    )


async def test_every_table_is_known_to_a_move(site: Site) -> None:
    tables = {table.name for table in await list_tables(site.db)}
    deleted = {table for table, _statement, _needs in DELETED}
    assert tables - deleted - KEPT.keys() == set(), "say in departing.py what a move does to these tables"
    assert (deleted | KEPT.keys()) - tables == set()
    assert deleted & KEPT.keys() == set()


async def test_every_column_that_names_an_account_is_emptied_or_explained(site: Site) -> None:
    """A column with a number of an account is in a table that the move deletes from, or kept on purpose."""
    named = re.compile(r"account|invited_by|email|given|family")
    for table in await list_tables(site.db):
        columns = {column.name for column in table.columns if named.search(column.name)}
        if columns and table.name in KEPT:
            assert table.name in ("arrivals", "audit"), columns


FILL: tuple[tuple[str, str], ...] = (
    (
        "INSERT INTO invitations (id, token_hash, workspace_id, email, email_key, role, invited_by,"
        " created_at, expires_at) VALUES ('i1', $1, $2, $3, $3, 'viewer', $4, 1, 4000000000)",
        "hash1 team email other",
    ),
    (
        "INSERT INTO invitations (id, token_hash, workspace_id, email, email_key, role, invited_by,"
        " created_at, expires_at) VALUES ('i2', $1, $2, 'x@else.example', 'x@else.example',"
        " 'viewer', $3, 1, 4000000000)",
        "hash2 team account",
    ),
    ("INSERT INTO attempts (subject, started_at, count, last_at) VALUES ($1, 1, 1, 4000000000)", "attempts"),
    (
        "INSERT INTO personal_tokens (id, account_id, workspace_id, name, token_hash, scopes, created_at,"
        " expires_at) VALUES ('p1', $1, $2, 'Quixote laptop', $3, '', 1, 4000000000)",
        "account team hash1",
    ),
    (
        "INSERT INTO device_codes (device_code_hash, user_code_hash, client_id, scope, asked_scope,"
        " refresh_token, network, user_agent, created_at, expires_at, interval_seconds, claimed_account_id,"
        " status) VALUES ($1, $2, 'none', '', '', 0, '192.0.2.77', 'Quixote TV', 1, 4000000000, 5, $3, 'x')",
        "hash1 hash2 account",
    ),
    (
        "INSERT INTO client_causes (client_id, workspace_id, proven, code, error, first_at, last_at, last_id,"
        " count) VALUES ('none', $1, 1, 'x', 'x', 1, 4000000000, '', 1)",
        "account",
    ),
    (
        "INSERT INTO rehearsals (client_id, code, grant_type, account_id, remaining, started_at, ends_at)"
        " VALUES ('none', 'x', '', $1, 1, 1, 4000000000)",
        "account",
    ),
    (
        "INSERT INTO trials (client_id, account_id, trial_of, state_hash, version, sealed, created_at,"
        " ends_at) VALUES ('none', $1, 'none', $2, 1, $2, 1, 4000000000)",
        "account hash1",
    ),
)


async def fill(site: Site, account: Account, team: int) -> None:
    """Something of the person in every table that a walk through pages does not fill."""
    given = {
        "account": account.id,
        "team": team,
        "other": site.account.id,
        "email": account.email,
        "attempts": f"sign-in:{account.email}",
        "hash1": b"1" * 32,
        "hash2": b"2" * 32,
    }
    for statement, names in FILL:
        await site.db.run(statement, *(given[name] for name in names.split()))


def where(site_rows: dict[str, list[Any]], wanted: Callable[[Any], bool]) -> set[str]:
    return {table for table, rows in site_rows.items() if any(wanted(value) for row in rows for value in row)}


async def rows_of(site: Site) -> dict[str, list[Any]]:
    return {
        table.name: [
            tuple(row)
            for row in await site.db.all(
                table.select_all_in_sqlite() if site.db.engine == "sqlite" else table.select_all()
            )
        ]
        for table in await list_tables(site.db)
    }


@pytest.mark.both_engines
async def test_nothing_of_a_person_stays_in_any_table(open_a_site: SiteFactory) -> None:
    async with open_a_site() as site:
        account = await site.person(LENA, given_name="Lena", family_name="Quixote")
        team = await populate(site, account)
        before = await rows_of(site)
        markers = ("lena.quixote", "quixote")
        texts = where(
            before, lambda value: isinstance(value, str) and any(m in value.lower() for m in markers)
        )
        numbers = where(before, lambda value: value == account.id)
        deleted = {table for table, _statement, _needs in DELETED}
        assert deleted <= texts | numbers, "the test fills every table that a move deletes from"
        await site.db.run(
            "UPDATE accounts SET moving_to = 'eu', move_id = 'm1', disabled_at = 1 WHERE id = $1", account.id
        )
        gone = await depart(site.db, account, to="eu", move_id="m1", now=site.clock())
        assert gone is not None
        assert gone.refresh_tokens == 1
        after = await rows_of(site)
        assert where(after, lambda v: isinstance(v, str) and any(m in v.lower() for m in markers)) == set()
        assert where(after, lambda value: value == account.id) <= {"audit"}
        assert where(after, lambda v: isinstance(v, str) and str(account.id) in v) <= {"audit"}
        others = {value for row in after["workspace_members"] for value in row}
        assert {site.account.id, team} <= others, "the others are as they were"
        assert await depart(site.db, account, to="eu", move_id="m1", now=site.clock()) is None


async def populate(site: Site, account: Account) -> int:
    """A life: a team, tokens, a self client that is deleted; gives the team's number."""
    await ensure_personal_workspace(site.db, account.id, site.clock())
    async with site.db.transaction() as tx:
        team = await create_workspace(tx, site.account.id, "Windmills", site.clock())
    await join(site, account.id, team.workspace_id, "developer")
    own = await site.app("server-based", name="Quixote Desk", owner=account)
    await site.db.run("UPDATE clients SET deleted_at = 1 WHERE id = $1", own.id)
    app = await site.app("server-based")
    await offline_tokens(site, app)
    await site.code(app, browser=await site.signed_in(LENA))
    await park_flow(
        site.db, browser="b", kind="authorize", request=f'{{"login_hint": "{LENA}"}}', now=site.clock()
    )
    await site.browser().sign_in(email=LENA + "x")
    await fill(site, account, team.workspace_id)
    await site.mint.recorder.flush()
    return team.workspace_id


@pytest.mark.both_engines
async def test_a_move_that_was_taken_back_meanwhile_deletes_nobody(open_a_site: SiteFactory) -> None:
    async with open_a_site() as site:
        account = await site.person(LENA)
        with pytest.raises(NotFree, match="cancelled meanwhile"):
            await depart(site.db, account, to="eu", move_id="m1", now=site.clock())
        assert await find_account(site.db, account.id) is not None


@pytest.mark.sqlite_only
async def test_the_files_of_a_database_hold_nothing_of_who_moved(open_a_site: SiteFactory) -> None:
    async with open_a_site() as site:
        account = await site.person(LENA, given_name="Lena", family_name="Quixote")
        await populate(site, account)
        for number in range(60):  # rows around theirs, so that pages split and are filled again
            await site.person(f"somebody.{number:03}@filling.example", given_name="x" * (number % 50))
        await site.db.run(
            "DELETE FROM accounts WHERE email_key LIKE '%0@filling.example' AND id NOT IN"
            " (SELECT account_id FROM memberships)"
        )
        assert any(b"quixote" in content.lower() for content in files_of(site))
        await site.db.run(
            "UPDATE accounts SET moving_to = 'eu', move_id = 'm1', disabled_at = 1 WHERE id = $1", account.id
        )
        await depart(site.db, account, to="eu", move_id="m1", now=site.clock())
        assert await erase_deleted(site.db)
        assert not any(b"quixote" in content.lower() for content in files_of(site))
        assert not any(b"moving.example" in content.lower() for content in files_of(site))


def files_of(site: Site) -> list[bytes]:
    row = site.db._reader.execute("PRAGMA database_list").fetchone()
    return [path.read_bytes() for path in Path(row[2]).parent.glob("*.db*")]


async def test_a_person_who_is_gone_holds_nothing(site: Site) -> None:
    """What a request that began before the move writes after it counts for nobody."""
    account = await site.person(LENA)
    app = await site.app("server-based")
    tokens = await offline_tokens(site, app)
    for table in ("sessions", "consents", "memberships"):
        await site.db.run(f"DELETE FROM {table} WHERE account_id = $1", account.id)
    await site.db.run("DELETE FROM accounts WHERE id = $1", account.id)
    assert not await site.works(tokens["access_token"])
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 400


async def test_a_registry_of_one_has_nowhere_to_move_to(site: Site) -> None:
    assert DataCenters(site.mint.home).find("eu") is None
