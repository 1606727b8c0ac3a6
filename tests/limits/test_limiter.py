"""Counts in memory: windows, the factor, and the bound on how many there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.limits import Limit, Limiter
from grantline.limits.limiter import MOST_BUCKETS

THREE = Limit("three", 3, 60)


def test_a_limit_lets_its_count_through_and_then_says_how_long_to_wait() -> None:
    limiter = Limiter(1)
    assert [limiter.take(THREE, "a", 100) for _ in range(3)] == [0, 0, 0]
    assert limiter.take(THREE, "a", 110) == 50
    assert limiter.take(THREE, "a", 159) == 1
    assert limiter.take(THREE, "a", 160) == 0


def test_subjects_and_limits_do_not_share_a_count() -> None:
    limiter = Limiter(1)
    for _ in range(3):
        limiter.take(THREE, "a", 0)
    assert limiter.take(THREE, "b", 0) == 0
    assert limiter.take(Limit("other", 3, 60), "a", 0) == 0
    assert limiter.take(THREE, "a", 0) > 0


def test_waiting_counts_nothing() -> None:
    limiter = Limiter(1)
    assert [limiter.wait(THREE, "a", 0) for _ in range(9)] == [0] * 9
    assert limiter.take(THREE, "a", 0) == 0


def test_what_is_refused_does_not_lengthen_the_wait() -> None:
    limiter = Limiter(1)
    for second in range(10):
        limiter.take(THREE, "a", second)
    assert limiter.take(THREE, "a", 60) == 0


def test_giving_back_makes_room_and_never_more_than_was_taken() -> None:
    limiter = Limiter(1)
    limiter.give_back(THREE, "a")
    assert [limiter.take(THREE, "a", 0) for _ in range(3)] == [0] * 3
    limiter.give_back(THREE, "a")
    assert limiter.take(THREE, "a", 0) == 0
    assert limiter.take(THREE, "a", 0) > 0


@pytest.mark.parametrize(("factor", "allowed"), [(1, 3), (2, 6), (100, 300), (0.5, 1)])
def test_the_factor_multiplies_counts(factor: float, allowed: int) -> None:
    limiter = Limiter(factor)
    assert limiter.allowed(THREE) == allowed
    assert [limiter.take(THREE, "a", 0) for _ in range(allowed)] == [0] * allowed
    assert limiter.take(THREE, "a", 0) > 0


def test_off_is_off() -> None:
    limiter = Limiter(0)
    assert not any(limiter.take(THREE, "a", 0) for _ in range(1000))


def test_a_small_factor_never_closes_a_limit_for_good() -> None:
    """A factor below one over the count would otherwise allow nothing at all."""
    limiter = Limiter(0.01)
    assert limiter.take(THREE, "a", 0) == 0
    assert limiter.take(THREE, "a", 0) > 0


def test_T136_many_subjects_take_bounded_room_and_the_oldest_goes_first() -> None:
    limiter = Limiter(1)
    for number in range(MOST_BUCKETS + 500):
        limiter.take(THREE, str(number), 0)
    assert len(limiter._windows) == MOST_BUCKETS
    assert limiter.take(THREE, str(MOST_BUCKETS + 499), 0) == 0
    assert (THREE.name, "0") not in limiter._windows


def test_T114_two_limiters_share_nothing() -> None:
    one, other = Limiter(1), Limiter(1)
    for _ in range(4):
        one.take(THREE, "a", 0)
    assert one.take(THREE, "a", 0) > 0
    assert other.take(THREE, "a", 0) == 0


@given(steps=st.lists(st.integers(min_value=0, max_value=30), max_size=60))
def test_no_span_ever_holds_more_than_twice_the_count_and_no_window_more_than_the_count(
    steps: list[int],
) -> None:
    limiter, now = Limiter(1), 0
    passed: list[int] = []
    for step in steps:
        now += step
        if limiter.take(THREE, "a", now) == 0:
            passed.append(now)
    for start in passed:
        assert sum(start <= at < start + 60 for at in passed) <= 6
