"""One data center switched on or off for an app: what others switch at the same moment holds too."""

import asyncio

import pytest

from grantline.clients import (
    RegistrationRefused,
    delete_client,
    find_client,
    list_elsewhere,
    list_leaving,
    switch_data_center,
)
from tests.centers import Sites
from tests.site import App, Site


async def switch(site: Site, app: App, center: str, *, on: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    async with site.db.transaction() as tx:
        return await switch_data_center(tx, app.client, center, site.clock(), on=on)


@pytest.mark.both_engines
async def test_two_that_are_switched_at_the_same_moment_both_hold(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("server-based")
    await us.db.run(
        "INSERT INTO data_centers (code, name, issuer, console, api_domain, keys, listed, problem)"
        " VALUES ('in', 'India', 'https://in.example', '', 'https://api.in.example', '[]', 1, '')"
    )
    await asyncio.gather(*(switch(us, app, center, on=True) for center in ("eu", "in")))
    client = await find_client(us.db, app.id)
    assert client is not None
    assert client.data_centers == ("us", "eu", "in")
    assert [row.enabled for row in await list_elsewhere(us.db, app.id)] == [True, True]
    await asyncio.gather(*(switch(us, app, center, on=False) for center in ("eu", "in")))
    client = await find_client(us.db, app.id)
    assert client is not None
    assert client.data_centers == ("us",)


async def test_what_stands_so_already_raises_no_version(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("server-based")
    assert await switch(us, app, "eu", on=True) == (("us",), ("us", "eu"))
    before = await find_client(us.db, app.id)
    assert await switch(us, app, "eu", on=True) == (("us", "eu"), ("us", "eu"))
    assert await switch(us, app, "us", on=False) == (("us", "eu"), ("us", "eu"))
    assert await find_client(us.db, app.id) == before


async def test_an_app_of_another_data_center_is_not_switched_here(sites: Sites) -> None:
    app = await sites["us"].app("server-based", data_centers=("us", "eu"))
    assert await sites.carry() == {}
    before = await find_client(sites["eu"].db, app.id)
    assert before is not None
    with pytest.raises(RegistrationRefused, match="registered in another data center"):
        await switch(sites["eu"], app, "us", on=False)
    with pytest.raises(RegistrationRefused, match="registered in another data center"):
        await switch(sites["eu"], app, "eu", on=False)
    assert await find_client(sites["eu"].db, app.id) == before


@pytest.mark.both_engines
async def test_a_deleted_app_is_leaving_until_every_other_data_center_has_heard(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("server-based", data_centers=("us", "eu"))
    here = app.client.workspace_id
    assert await sites.carry() == {}
    assert await list_leaving(us.db, here) == []
    await delete_client(us.db, app.id, us.clock())
    assert [one.client_id for one in await list_leaving(us.db, here)] == [app.id]
    assert await list_leaving(us.db, here + 1) == []
    assert await sites.carry() == {}
    assert await list_leaving(us.db, here) == []


async def test_one_that_is_not_listed_any_more_is_not_waited_for(sites: Sites) -> None:
    us = sites["us"]
    app = await us.app("server-based", data_centers=("us", "eu"))
    await delete_client(us.db, app.id, us.clock())
    await us.db.run("UPDATE data_centers SET listed = 0 WHERE code = 'eu'")
    assert await list_leaving(us.db, app.client.workspace_id) == []
