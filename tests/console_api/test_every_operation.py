"""Rules that hold for every operation, made out of the API's table: a new line is tested at once."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest

from grantline.clients import add_secret_for, list_elsewhere, switch_data_center
from grantline.datacenters import DataCenter, DataCenters, store_data_centers
from grantline.web.console_api.operations import Operation, address_pattern
from grantline.web.console_api.table import OPERATIONS
from grantline.workspaces import (
    CHANGE,
    MANAGE,
    TOKEN_SCOPES,
    VIEW,
    create_workspace,
    invite,
)
from tests.console_api.calling import V1, Program, program
from tests.site import App, Site

NAMES: Final = [operation.name for operation in OPERATIONS]
BODIES: Final[dict[str, Any]] = {
    "clients.create": {"type": "non-browser", "name": "Dockside"},
    "clients.update": {"name": "Quayside"},
    "secrets.add": {},
    "data_centers.switch": {"enabled": False},
    "codes.generate": {"scope": "openid"},
    "team.rename": {"name": "Quayside works"},
    "team.set_role": {"role": "viewer"},
    "team.invite_person": {"email": "new@example.com", "role": "viewer"},
}
"""A body that is accepted, for each operation that takes one."""
OF_EVERYBODY: Final = frozenset({"code"})
"""Names in addresses that are the same for everybody."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace with something of everything in it."""

    owner: Program
    app: App
    ids: dict[str, str]

    def address(self, operation: Operation, **changes: str) -> str:
        """The operation's address with this tenant's IDs."""
        given = {**self.ids, **changes}
        return re.sub(r"\{([a-z_]+)\}", lambda part: given[part[1]], operation.path)


async def tenant(site: Site) -> Tenant:
    """A team's workspace: an owner, a member, an invitation; a client with a person, a secret, an entry."""
    async with site.db.transaction() as tx:
        home = await create_workspace(tx, site.account.id, "Northgate", site.clock())
    member = await site.person("member@example.com")
    await site.db.run(
        "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at) VALUES ($1, $2, $3, $4)",
        member.id,
        home.workspace_id,
        "developer",
        site.clock(),
    )
    app = await site.app("server-based", name="Northgate desk")
    await site.db.run("UPDATE clients SET workspace_id = $2 WHERE id = $1", app.id, home.workspace_id)
    await site.tokens(app)
    refused = await site.token(app, grant_type="refresh_token", refresh_token="glr_us_nothing")
    await site.mint.recorder.flush()
    async with site.db.transaction() as tx:
        invitation, _ = await invite(
            tx,
            home.workspace_id,
            email="waits@example.com",
            email_key="waits@example.com",
            role="viewer",
            by=site.account.id,
            now=site.clock(),
        )
    await work_in_europe(site, app)
    row = await site.db.one("SELECT id FROM authorizations WHERE client_id = $1", app.id)
    ids = {
        "client_id": app.id,
        "secret_id": app.client.secrets[0].id,
        "request_id": refused.json()["request_id"],
        "invitation_id": invitation.id,
        "account_id": str(member.id),
        "authorization_id": str(row[0]),
        "code": "throttled",
        "data_center": "eu",
    }
    return Tenant(await program(site, workspace_id=home.workspace_id), app, ids)


async def work_in_europe(site: Site, app: App) -> None:
    """There is another data center, and the app works in it, with a secret of its own there."""
    europe = DataCenter("eu", "https://accounts.eu.example", "https://api.eu.example", "Europe")
    centers = DataCenters(site.mint.home, (europe,))
    await store_data_centers(site.db, centers)
    site.mint.data_centers = centers
    async with site.db.transaction() as tx:
        await switch_data_center(tx, app.client, "eu", site.clock(), on=True)
        await add_secret_for(tx, app.client, "eu", site.clock())


def with_body(operation: Operation) -> dict[str, Any]:
    """What is sent along."""
    options: dict[str, Any] = {"headers": {"If-Match": "*"}} if 428 in operation.also else {}
    if operation.body is not None:
        options["json"] = BODIES[operation.name]
    if operation.text and operation.writes:
        options["content"] = "name: Quayside\n"
    return options


async def send(caller: Program, operation: Operation, address: str) -> httpx2.Response:
    return await caller.call(operation.method, address, **with_body(operation))


async def everything(site: Site) -> dict[str, list[str]]:
    """Every row that a call may not have changed; when a token was used last is of no account."""
    tables = await site.db.all(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    kept = {}
    for table in sorted(row["name"] for row in tables):
        rows = await site.db.all(f'SELECT * FROM "{table}"')
        kept[table] = sorted(str(tuple(row)) for row in rows)
    used = await site.db.all("SELECT id, revoked_at FROM personal_tokens ORDER BY id")
    return {**kept, "personal_tokens": [str(tuple(row)) for row in used], "node_times": [], "pulse": []}


@pytest.mark.sqlite_only
async def test_T143_a_stranger_sees_and_changes_nothing_of_another_workspace(site: Site) -> None:
    """Foreign is the same as missing, in status and in every word; lists hold nothing of it."""
    theirs = await tenant(site)
    stranger = await program(site, account_id=(await site.person("olga@example.com")).id)
    own_other = await program(site)  # the same person's token for another workspace of theirs
    before = await everything(site)
    for caller in (stranger, own_other):
        for operation in OPERATIONS:
            answer = await send(caller, operation, theirs.address(operation))
            if set(operation.path_names) - OF_EVERYBODY:
                nothing = theirs.address(operation, **dict.fromkeys(theirs.ids, "0000"))
                missing = await send(caller, operation, nothing)
                assert answer.status_code == missing.status_code == 404, operation.name
                assert told(answer) == told(missing), operation.name
                assert await everything(site) == before, operation.name
            else:
                for mark in (theirs.app.id, "Northgate", "member@example.com", "waits@example.com"):
                    assert mark not in answer.text, operation.name
                before = await everything(site)


def told(answer: httpx2.Response) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(answer.text)
    return {name: value for name, value in members.items() if name != "request_id"}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
async def test_an_operation_works_for_an_owner_with_its_scope_and_for_nobody_else(
    site: Site, operation: Operation
) -> None:
    theirs = await tenant(site)
    home = theirs.owner.token.workspace_id
    if operation.name.startswith("codes."):
        own = await site.app("self-client")
        theirs = Tenant(await program(site), own, {**theirs.ids, "client_id": own.id})
        home = site.account.id
    if operation.name == "secrets.revoke":
        await theirs.owner.call("POST", f"/clients/{theirs.app.id}/secrets", json={})
    if operation.name == "data_centers.revoke_secret":
        [row] = await list_elsewhere(site.db, theirs.app.id)
        theirs.ids["secret_id"] = row.secrets[0].id if row.secrets else ""
        await theirs.owner.call("POST", f"/clients/{theirs.app.id}/data-centers/eu/secrets")
    if operation.name == "users.read" or (operation.name == "users.revoke"):
        theirs.ids["account_id"] = str(site.account.id)
    address = theirs.address(operation)
    if 428 in operation.also:
        etag = (await theirs.owner.call("GET", address)).headers["etag"]
    before = await everything(site)
    others = [scope for scope in TOKEN_SCOPES if scope != operation.scope]
    without = await program(site, workspace_id=home, scopes=others)
    refused = await send(without, operation, address)
    assert (refused.status_code, refused.json()["code"]) == (403, "key_scope_missing")
    assert refused.json()["needed"] == operation.scope
    assert f'scope="{operation.scope}"' in refused.headers["www-authenticate"]
    nobody = await site.call(operation.method, f"{V1}{address}", **with_body(operation))
    assert (nobody.status_code, nobody.json()["code"]) == (401, "key_invalid")
    for role in {VIEW: (), CHANGE: ("viewer",), MANAGE: ("viewer", "developer")}[operation.right]:
        await site.db.run(
            "UPDATE workspace_members SET role = $1 WHERE account_id = $2", role, site.account.id
        )
        refused = await send(theirs.owner, operation, address)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_insufficient")
    await site.db.run("UPDATE workspace_members SET role = 'owner' WHERE account_id = $1", site.account.id)
    after = await everything(site)
    assert {**after, "personal_tokens": []} == {**before, "personal_tokens": []}
    options = with_body(operation)
    if 428 in operation.also:
        options["headers"] = {"If-Match": etag}
    done = await theirs.owner.call(operation.method, address, **options)
    assert done.status_code == operation.status, done.text


async def test_other_methods_are_refused_by_name_and_no_page_of_another_origin_may_read(site: Site) -> None:
    caller = await program(site)
    for path in sorted({operation.path for operation in OPERATIONS}):
        await check_methods(caller, path)


async def check_methods(caller: Program, path: str) -> None:
    address = re.sub(r"\{[a-z_]+\}", "x", path)
    fitting = [operation for operation in OPERATIONS if address_pattern(operation.path).fullmatch(address)]
    allowed = {operation.method for operation in fitting}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        headers = {"X-HTTP-Method-Override": "GET", "X-HTTP-Method": "GET"}
        answer = await caller.call(method, address, headers=headers, params={"_method": "GET"})
        assert (answer.status_code, answer.json()["code"]) == (405, "method_wrong")
        named = set(answer.headers["allow"].split(", "))
        assert named == allowed | ({"HEAD"} if "GET" in allowed else set())
    origin = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    for method in ("OPTIONS", *allowed):
        answer = await caller.call(method, address, headers=origin)
        assert not [name for name in answer.headers if name.startswith("access-control-allow")]
