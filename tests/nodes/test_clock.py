"""The clock of a node never runs back, and one that is astray goes by the database's and says so."""

import re
import time
from collections.abc import AsyncIterator

import pytest

from grantline.datacenters import MOST_ASTRAY_SECONDS, NodeClock, Pulse
from tests.conftest import SiteFactory
from tests.nodes.second import second_node
from tests.site import Site

HOUR = 3600
REAL = 1_795_000_000


class Hands:
    """Two clocks that the test moves: the system's, which may jump, and the steady one."""

    def __init__(self) -> None:
        self.system, self.steady = REAL, 0.0

    def pass_by(self, seconds: int) -> None:
        self.system += seconds
        self.steady += seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clock(hands: Hands) -> NodeClock:
    return NodeClock(lambda: hands.system, node="me", steady=lambda: hands.steady)


def test_time_does_not_run_back(clock: NodeClock, hands: Hands) -> None:
    assert clock() == REAL
    hands.system -= 20
    assert clock() == REAL
    assert clock.astray_seconds == 0
    hands.system += 21
    assert clock() == REAL + 1


def test_time_does_not_begin_before_what_was_written(clock: NodeClock) -> None:
    clock.observe(Pulse(0, REAL + 25, "somebody", None))
    assert clock() == REAL + 25


def test_a_clock_that_was_set_back_an_hour_goes_half_as_fast_until_it_has_caught_up(
    clock: NodeClock, hands: Hands
) -> None:
    assert clock() == REAL
    hands.system -= HOUR
    seen = [clock()]
    for _ in range(8000):
        hands.pass_by(1)
        seen.append(clock())
    assert seen == sorted(seen)
    assert seen[100] == REAL + 50
    assert seen[-1] == hands.system
    assert clock.astray_seconds == 0


def test_a_clock_that_leaves_that_of_a_database_server_is_not_followed(
    clock: NodeClock, hands: Hands
) -> None:
    clock.observe(Pulse(0, REAL, "", REAL))
    for jump in (HOUR, -HOUR):
        hands.system += jump
        assert clock.astray_seconds == jump
        assert not clock.may_write
        hands.pass_by(2)
        assert clock() - REAL in range(2, 5)
        hands.system -= jump
        assert clock.astray_seconds == 0
        assert clock.may_write


def test_where_there_is_no_other_clock_that_of_the_other_nodes_counts(clock: NodeClock, hands: Hands) -> None:
    for _ in range(6):
        clock.observe(Pulse(0, hands.system, "another", None))
        hands.pass_by(1)
    hands.system += HOUR
    clock.observe(Pulse(0, REAL + 6, "another", None))
    assert clock.astray_seconds == HOUR
    assert not clock.may_write
    assert clock() == REAL + 6


def test_a_node_that_is_alone_may_go_ahead_by_any_span(clock: NodeClock, hands: Hands) -> None:
    """The machine slept, or its clock was wrong when it started."""
    for _ in range(6):
        clock.observe(Pulse(0, hands.system, "me", None))
        hands.pass_by(1)
    hands.system += HOUR
    clock.observe(Pulse(0, REAL, "me", None))
    assert clock.astray_seconds == 0
    assert clock.may_write
    assert clock() == hands.system


class Machine:
    """A machine's clock: the real one, what the test lets pass, and what is wrong with it."""

    passed = 0

    def __init__(self) -> None:
        self.wrong = 0

    def __call__(self) -> int:
        return int(time.time()) + Machine.passed + self.wrong


@pytest.fixture
def machine() -> Machine:
    Machine.passed = 0
    return Machine()


@pytest.fixture
async def two(open_a_site: SiteFactory, machine: Machine) -> AsyncIterator[tuple[Site, Site]]:
    async with (
        open_a_site(clock=Machine()) as first,
        second_node(open_a_site, first, clock=machine) as second,
    ):
        yield first, second


async def both_look(first: Site, second: Site) -> None:
    """As both do every second."""
    Machine.passed += 1
    for node in (first, second):
        await node.server.node.look()
        await node.server.node.write_time()


@pytest.mark.both_engines
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_of_two_nodes_the_one_whose_clock_jumps_is_not_ready_and_the_other_is(
    two: tuple[Site, Site], machine: Machine, jump: int
) -> None:
    first, second = two
    now = int(time.time())
    for _ in range(6):
        await both_look(first, second)
    assert (await second.call("GET", "/health/ready")).status_code == 200
    machine.wrong = jump
    await both_look(first, second)
    told = await second.call("GET", "/health/ready")
    assert told.status_code == 503
    found = re.search(r"is (\d+) s (ahead of|behind) the database's", told.json()["reason"])
    assert found
    assert abs(int(found[1]) - HOUR) < MOST_ASTRAY_SECONDS
    assert found[2] == ("ahead of" if jump > 0 else "behind")
    assert (await second.call("GET", "/health/live")).status_code == 200
    assert (await first.call("GET", "/health/ready")).status_code == 200
    # Neither lives in the wrong hour.
    assert abs(first.server.clock() - now) < HOUR / 2
    assert abs(second.server.clock() - now) < HOUR / 2
    # It came back, and all is well again by itself.
    machine.wrong = 0
    await both_look(first, second)
    assert (await second.call("GET", "/health/ready")).status_code == 200


@pytest.mark.both_engines
async def test_a_code_that_expired_stays_expired_when_the_clock_is_set_back(
    open_a_site: SiteFactory,
) -> None:
    async with open_a_site() as site:
        app = await site.app("self-client")
        code = await site.console_code(app)
        site.clock.advance(200)
        assert (await site.exchange(app, code)).status_code == 400
        site.clock.advance(-190)
        assert (await site.exchange(app, code)).status_code == 400


async def test_a_server_that_starts_with_its_clock_behind_goes_on_from_the_newest_instant(
    open_a_site: SiteFactory,
) -> None:
    async with open_a_site() as site:
        await site.server.node.look()
        await site.server.node.write_time()
        written = site.clock()
        site.clock.advance(-HOUR)
        async with second_node(open_a_site, site) as later:
            await later.server.node.look()
            assert later.server.clock() >= written
            assert "behind" in (await later.call("GET", "/health/ready")).json()["reason"]
