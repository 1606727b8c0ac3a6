"""Whatever changes what crosses raises the app's version and queues it; a new way to change an app must say
whether it does (T113)."""

import ast
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from grantline.clients import (
    Client,
    add_secret,
    add_secret_for,
    adopt,
    delete_client,
    find_client,
    go_on_above,
    list_elsewhere,
    read_logo,
    registration_of,
    reset_secrets,
    reset_secrets_for,
    revoke_secret,
    revoke_secret_for,
    set_data_centers,
    set_disabled,
    set_logo,
    share_secrets,
    transfer_client,
    update_client,
)
from grantline.workspaces import create_workspace, ensure_personal_workspace
from tests.centers import Sites
from tests.house import SOURCE, tree_of
from tests.site import Site
from tests.web.console.test_settings import png

Change = Callable[[Site, Client], Awaitable[object]]


async def _update(site: Site, client: Client) -> None:
    await update_client(site.db, client, replace(registration_of(client), name="Another"), site.clock())


async def _update_data_centers(site: Site, client: Client) -> None:
    await update_client(site.db, client, replace(registration_of(client), data_centers=("us",)), site.clock())


async def _switch_off(site: Site, client: Client) -> None:
    async with site.db.transaction() as tx:
        await set_data_centers(tx, client, ("us",), site.clock())


async def _transfer(site: Site, client: Client) -> None:
    owner, now = site.account.id, site.clock()
    await ensure_personal_workspace(site.db, owner, now)
    async with site.db.transaction() as tx:
        team = await create_workspace(tx, owner, "Team", now)
    async with site.db.transaction() as tx:
        await transfer_client(tx, client, to_workspace=team.workspace_id, account_id=owner, now=now)


async def _revoke(site: Site, client: Client) -> None:
    await add_secret(site.db, client, "us", site.clock())
    found = await find_client(site.db, client.id)
    assert found is not None
    await site.db.run("UPDATE client_elsewhere SET due_at = NULL, waiting_since = NULL, wanted_version = 0")
    await revoke_secret(site.db, found, client.secrets[0].id, site.clock())


async def _own_secret(site: Site, client: Client) -> str:
    async with site.db.transaction() as tx:
        _, secret = await add_secret_for(tx, client, "eu", site.clock())
    return secret.id


async def _revoke_own(site: Site, client: Client) -> None:
    first, _ = await _own_secret(site, client), await _own_secret(site, client)
    async with site.db.transaction() as tx:
        await revoke_secret_for(tx, client, "eu", first, site.clock())


async def _reset_own(site: Site, client: Client) -> None:
    async with site.db.transaction() as tx:
        await reset_secrets_for(tx, client, "eu", site.clock())


async def _share(site: Site, client: Client) -> None:
    async with site.db.transaction() as tx:
        await share_secrets(tx, client, "eu", site.clock())


async def _go_on_above(site: Site, client: Client) -> None:
    async with site.db.transaction() as tx:
        assert await go_on_above(tx, client.id, client.version + 3, site.clock())


CHANGES: Final[dict[str, Change]] = {
    "settings": _update,
    "data centers among the settings": _update_data_centers,
    "data centers": _switch_off,
    "off": lambda site, client: set_disabled(site.db, client.id, site.clock()),
    "on": lambda site, client: set_disabled(site.db, client.id, None, site.clock()),
    "deletion": lambda site, client: delete_client(site.db, client.id, site.clock()),
    "another secret": lambda site, client: add_secret(site.db, client, "us", site.clock()),
    "another secret that ends the first": lambda site, client: add_secret(
        site.db, client, "us", site.clock(), end_others_at=site.clock() + 60
    ),
    "new secrets": lambda site, client: reset_secrets(site.db, client, "us", site.clock()),
    "a secret less": _revoke,
    "a secret of its own": _own_secret,
    "new secrets of its own": _reset_own,
    "a secret of its own less": _revoke_own,
    "shared secrets": _share,
    "a logo": lambda site, client: set_logo(site.db, client, read_logo(png(9, 9)), site.clock()),
    "no logo": lambda site, client: set_logo(site.db, client, None, site.clock()),
    "other hands": _transfer,
    "a restored backup": _go_on_above,
}
URGENT: Final = frozenset({"deletion", "off", "data centers", "data centers among the settings"}) | {
    name for name in CHANGES if "secret" in name
}

IMPORT: Final = "what an app's home says is taken as it is"
OWNER: Final = "who owns an app never crosses"
HOME: Final = "rehearsals, trial runs and APIs are a matter of their home"
WRITERS: Final = {
    "clients/registration.py: insert_client": "a new app, which `register_client` queues",
    "clients/registration.py: update_client": "data centers among the settings",
    "clients/registration.py: _change": "settings",
    "clients/registration.py: delete_client": "deletion",
    "clients/registration.py: set_disabled": "off",
    "clients/client_secrets.py: _store": "new secrets",
    "clients/secrets_elsewhere.py: _store": "a secret of its own",
    "clients/elsewhere.py: set_data_centers": "data centers",
    "clients/elsewhere.py: switch": "data centers",
    "clients/logos.py: set_logo": "a logo",
    "clients/transfer.py: transfer_client": "other hands",
    "clients/deliveries.py: go_on_above": "a restored backup",
    "clients/imports.py: hold_import": IMPORT,
    "clients/imports.py: store_import": IMPORT,
    "clients/imports.py: _store_whole": IMPORT,
    "clients/imports.py: settle_imports": IMPORT,
    "clients/apis.py: update_api": HOME,
    "clients/apis.py: delete_api": HOME,
    "clients/rehearsals.py: start_rehearsal": HOME,
    "clients/rehearsals.py: stop_rehearsal": HOME,
    "clients/trials.py: end_trial": HOME,
    "workspaces/members.py: _hand_over": OWNER,
    "crossing/departing.py: ": OWNER,
}
"""Every place that writes what may cross: the change above that goes through it, or why it does not cross."""
STATEMENTS: Final = (
    "UPDATE clients SET",
    "INSERT INTO clients (",
    "UPDATE client_elsewhere SET enabled",
    "UPDATE client_elsewhere SET secrets",
)


def writers(path: Path) -> Iterator[str]:
    """Functions of a module, or its top, with a statement that writes what may cross."""
    tree = tree_of(path)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith(STATEMENTS)
        ):
            inside = [
                one.name for one in functions if one.lineno <= node.lineno <= (one.end_lineno or one.lineno)
            ]
            yield f"{path.relative_to(SOURCE).as_posix()}: {inside[-1] if inside else ''}"


def test_every_statement_that_changes_an_app_is_known() -> None:
    found = {writer for path in SOURCE.rglob("*.py") for writer in writers(path)}
    assert found == WRITERS.keys()
    reasons = {IMPORT, OWNER, HOME, WRITERS["clients/registration.py: insert_client"]}
    assert {*WRITERS.values()} - reasons <= CHANGES.keys()


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_raises_the_version_and_is_queued(sites: Sites, name: str) -> None:
    us = sites["us"]
    app = await us.app("server-based", data_centers=("us", "eu"))
    await sites.carry()
    before = app.client.version
    assert not (await list_elsewhere(us.db, app.id))[0].waiting
    sites.clock.advance(5)
    await CHANGES[name](us, app.client)
    row = await us.db.one("SELECT version FROM clients WHERE id = $1", app.id)
    shown = (await list_elsewhere(us.db, app.id))[0]
    assert row[0] > before
    assert shown.wanted_version == row[0]
    assert shown.waiting_since == sites.clock()
    due = await us.db.one("SELECT due_at, urgent FROM client_elsewhere WHERE client_id = $1", app.id)
    assert tuple(due) == (sites.clock(), int(name in URGENT))
    await sites.carry("us")
    assert not (await list_elsewhere(us.db, app.id))[0].waiting


async def test_a_new_app_that_works_elsewhere_is_queued_at_once(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("mobile", data_centers=("us", "eu"))
    shown = (await list_elsewhere(us.db, app.id))[0]
    assert (shown.enabled, shown.waiting_since, shown.wanted_version) == (True, sites.clock(), 1)
    alone = await us.app("mobile", name="Alone")
    assert await list_elsewhere(us.db, alone.id) == []


async def test_a_failed_change_queues_nothing(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("server-based", data_centers=("us", "eu"))
    await sites.carry()
    with pytest.raises(RuntimeError, match="broken"):
        async with us.db.transaction() as tx:
            await reset_secrets(tx, app.client, "us", sites.clock())
            raise RuntimeError("broken")
    assert not (await list_elsewhere(us.db, app.id))[0].waiting
    async with us.db.transaction() as tx:
        assert await adopt(tx, app.id, "eu") is None
