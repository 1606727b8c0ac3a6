"""What each data center says of the list in public, and what `doctor` makes of it."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from grantline.cli.comparing import NoAnswer, ask_serverinfo, find_differences
from grantline.datacenters import DataCenter
from tests.centers import Sites
from tests.site import Site

CENTER = DataCenter("eu", "https://eu.example", "https://api.eu.example")
DOCUMENTS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_R71_the_metadata_names_all_data_centers_as_the_list_does(sites: Sites, path: str) -> None:
    for site in (sites["us"], sites["eu"]):
        listed = (await site.call("GET", "/oauth/serverinfo")).json()
        assert set(listed["locations"]) == {"us", "eu"}
        document = (await site.call("GET", path)).json()
        assert document["data_centers"] == listed["locations"]
        assert document["data_centers"][site.server.code] == document["issuer"]


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_the_only_data_center_says_nothing_of_others(site: Site, path: str) -> None:
    assert "data_centers" not in (await site.call("GET", path)).json()


async def test_data_centers_with_the_same_file_say_the_same(sites: Sites) -> None:
    for one, other in (("us", "eu"), ("eu", "us")):
        ours, there = sites[one].mint.data_centers, sites[other]
        word = await ask_serverinfo(there.mint.home, sites.clock, there.transport)
        assert find_differences(ours, word.serverinfo) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"locations": {}}, ["does not list eu", "does not list us"]),
        ({"names": {}}, ["has another name for eu", "has another name for us"]),
        ({"keys": {}}, ["has other keys for eu", "has other keys for us"]),
        ({"consoles": {}}, ["has another console for eu", "has another console for us"]),
        ({"api_domains": {}}, ["has another API address for eu", "has another API address for us"]),
    ],
)
async def test_a_difference_is_named_with_its_data_center(
    sites: Sites, change: Mapping[str, Any], said: list[str]
) -> None:
    ours = sites["us"].mint.data_centers
    assert find_differences(ours, {**ours.serverinfo(), **change}) == said  # type: ignore[dict-item]


async def test_one_more_there_is_named_and_cut_to_a_length(sites: Sites) -> None:
    ours = sites["us"].mint.data_centers
    theirs: dict[str, Any] = {**ours.serverinfo()}
    theirs["locations"] = {**theirs["locations"], "x" * 99: "https://x.example"}
    (said,) = find_differences(ours, theirs)
    assert said == f"lists {'x' * 20!r}, which the registry here does not"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx2.Response(500), "answered 500"),
        (httpx2.Response(302, headers={"location": "https://evil.example"}), "answered 302"),
        (httpx2.Response(200, content=b"<html>"), "not a list"),
        (httpx2.Response(200, content=b"[" * 100_000), "not a list"),
        (httpx2.Response(200, content=b"[]"), "not a list"),
        (httpx2.Response(200, json={"locations": 7}), "not a list"),
        (httpx2.Response(200, content=b"x" * 600_000), "does not end"),
    ],
)
async def test_what_is_no_list_is_told_as_no_answer(answer: httpx2.Response, why: str) -> None:
    transport = httpx2.MockTransport(lambda request: answer)
    with pytest.raises(NoAnswer, match=why):
        await ask_serverinfo(CENTER, lambda: 0, transport)


@pytest.mark.parametrize(
    ("date", "ahead"),
    [("Sun, 22 Nov 2026 10:00:40 GMT", 40), ("Sun, 22 Nov 2026 09:58:00 GMT", -120), ("", 0), ("soon", 0)],
)
async def test_a_clock_is_compared_by_the_date_of_the_answer(sites: Sites, date: str, ahead: int) -> None:
    listed = dict(sites["us"].mint.data_centers.serverinfo())
    answer = httpx2.Response(200, json=listed, headers={"date": date})
    transport = httpx2.MockTransport(lambda request: answer)
    assert (await ask_serverinfo(CENTER, lambda: 1_795_341_600, transport)).seconds_ahead == ahead
