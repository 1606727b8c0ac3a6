"""Three data centers: what is refused to an app is a matter of the one that refused and of the app's home. A
third one, where the app works too, is told nothing and believes nothing about it (R84, T109)."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from grantline.activity import list_causes_elsewhere
from grantline.web.templating import Pages
from tests.centers import Sites, open_sites
from tests.crossing.test_causes import call_wrongly
from tests.site import START, App


@pytest.fixture
async def three(tmp_path: Path, sites_folder: Path, pages: Pages, password_hash: str) -> AsyncIterator[Sites]:
    """The data centers `us`, `eu` and `in` in this process."""
    shutil.copytree(sites_folder, tmp_path, dirs_exist_ok=True)
    codes = ("us", "eu", "in")
    async with open_sites(tmp_path, codes, pages=pages, password_hash=password_hash) as opened:
        yield opened


async def everywhere(three: Sites) -> App:
    """An app of `us` that works in the two others, and is known there."""
    app = await three["us"].app("server-based", data_centers=("us", "eu", "in"))
    assert await three.carry() == {}
    for site in three.by_code.values():
        assert await site.db.one("SELECT 1 FROM clients WHERE id = $1", app.id) is not None
    return app


async def known(three: Sites, app: App) -> dict[str, list[tuple[str, int, str]]]:
    """What each data center was told about the app."""
    return {
        code: [
            (cause.code, cause.count, cause.data_center)
            for cause in await list_causes_elsewhere(site.db, app.id)
        ]
        for code, site in three.by_code.items()
    }


def causes_told(three: Sites) -> list[str]:
    """Where messages about refusals went."""
    return [urljoin(address, "/") for address, body in three.wires.passed if b'"causes"' in body]


async def test_only_the_home_of_an_app_is_told_what_is_refused_to_it_elsewhere(three: Sites) -> None:
    app = await everywhere(three)
    await call_wrongly(three["in"], app.id, times=2)
    three.wires.cut = {"us"}
    three.wires.passed.clear()
    assert set(await three.carry("in")) == {"in>us"}
    assert causes_told(three) == []
    three.wires.cut = set()
    assert await three.carry("in") == {}
    assert causes_told(three) == [f"{three['us'].server.issuer}/"]
    assert await known(three, app) == {"us": [("client_secret_wrong", 2, "India")], "eu": [], "in": []}


async def test_T109_a_data_center_is_believed_about_no_app_whose_home_is_a_third_one(three: Sites) -> None:
    """One message names an app of the reader and one of a third data center, which works at the reader
    too."""
    foreign = await everywhere(three)
    own = await three["eu"].app("server-based", data_centers=("us", "eu", "in"))
    assert await three.carry() == {}
    sender, reader = three.sender("in"), three["eu"].mint.home
    told = {"causes": [cause(foreign), cause(own)]}
    assert await sender.send(reader, "causes", told) == {"unknown": [foreign.id]}
    assert (await known(three, foreign), (await known(three, own))["eu"]) == (
        {"us": [], "eu": [], "in": []},
        [("code_unknown", 1, "India")],
    )
    assert await sender.send(three["us"].mint.home, "causes", told) == {"unknown": [own.id]}
    assert (await known(three, foreign))["us"] == [("code_unknown", 1, "India")]


def cause(app: App) -> dict[str, Any]:
    """What a message says about an app: once, a code that nobody knows."""
    return {
        "client_id": app.id,
        "code": "code_unknown",
        "error": "invalid_grant",
        "endpoint": "/oauth/v2/token",
        "proven": True,
        "first_at": START,
        "last_at": START,
        "last_id": "req_in_1",
        "count": 1,
    }
