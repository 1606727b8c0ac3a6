"""Networks as subjects: an IPv6 line counts by its /64, and its /48 may do eight times as much."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantline.db import Database, open_database
from grantline.limits import (
    Limit,
    Limiter,
    StoredLimit,
    give_back_for_network,
    is_reached,
    reserve,
    reserve_for_network,
)
from grantline.limits.networks import wider_network

THREE = Limit("three", 3, 60)
STORED = StoredLimit("stored", 3, 60)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(f"sqlite://{tmp_path}/one.db")
    yield opened
    await opened.close()


def lines(count: int) -> list[str]:
    """So many /64 of one /48."""
    return [f"2001:db8:7:{number:x}::/64" for number in range(count)]


@pytest.mark.parametrize(
    ("network", "wider"),
    [
        ("2001:db8:7:1::/64", "2001:db8:7::/48"),
        ("2001:db8:7:ffff::/64", "2001:db8:7::/48"),
        ("2001:db8:8:1::/64", "2001:db8:8::/48"),
        ("203.0.113.7", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_the_wider_network_of_an_address(network: str, wider: str | None) -> None:
    assert wider_network(network) == wider


def test_T68_a_network_of_many_lines_is_limited_as_a_whole() -> None:
    limiter = Limiter(1)
    passed = sum(limiter.take_for_network(THREE, line, 0) == 0 for line in lines(100))
    assert passed == 24
    assert limiter.take_for_network(THREE, "2001:db8:8:1::/64", 0) == 0
    assert limiter.take_for_network(THREE, "203.0.113.7", 0) == 0


def test_one_line_has_no_more_than_any_address() -> None:
    limiter = Limiter(1)
    for network in ("203.0.113.7", "2001:db8:7:1::/64"):
        assert [limiter.take_for_network(THREE, network, 0) == 0 for _ in range(4)] == [True] * 3 + [False]
        assert limiter.wait_for_network(THREE, network, 20) == 40


def test_loopback_and_trusted_proxies_are_not_limited() -> None:
    limiter = Limiter(1)
    assert not any(limiter.take_for_network(THREE, None, 0) for _ in range(100))


async def test_the_same_holds_for_counts_in_the_database(db: Database) -> None:
    waits = [await reserve_for_network(db, STORED, line, 0, factor=1) for line in lines(30)]
    assert waits.count(0) == 24
    assert [await reserve_for_network(db, STORED, None, 0, factor=1) for _ in range(9)] == [0] * 9


async def test_a_try_that_went_well_is_given_back_and_only_that(db: Database) -> None:
    for _ in range(3):
        assert await reserve_for_network(db, STORED, "203.0.113.7", 0, factor=1) == 0
    await give_back_for_network(db, STORED, "203.0.113.7")
    assert await reserve_for_network(db, STORED, "203.0.113.7", 0, factor=1) == 0
    assert await reserve_for_network(db, STORED, "203.0.113.7", 0, factor=1) > 0


async def test_asking_whether_a_count_is_used_up_counts_nothing(db: Database) -> None:
    for _ in range(3):
        assert not await is_reached(db, STORED, "all", 10, factor=1)
        await reserve(db, STORED, "all", 10, factor=1)
    assert await is_reached(db, STORED, "all", 69, factor=1)
    assert not await is_reached(db, STORED, "all", 70, factor=1)
    assert not await is_reached(db, STORED, "all", 20, factor=2)
    assert not await is_reached(db, STORED, "all", 20, factor=0)
