"""A login that fails must wait longer and longer; who works is not locked out by others; memory is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.sinks.opcua._throttle import FIRST_S, FORGET_S, FREE, LONGEST_S, MOST, Throttle

HERE, THERE, NAME = "10.0.0.5", "10.0.0.6", "historian"


def failing(times: int, address: str = HERE, name: str = NAME) -> Throttle:
    made = Throttle()
    for _ in range(times):
        made.failed(address, name, 0.0)
    return made


@pytest.mark.parametrize(
    ("failures", "wait"), [(0, 0), (FREE, 0), (FREE + 1, FIRST_S), (FREE + 3, 4 * FIRST_S), (60, LONGEST_S)]
)
def test_each_failure_beyond_the_free_ones_doubles_the_wait(failures: int, wait: float) -> None:
    throttle = failing(failures)
    assert throttle.wait_s(HERE, NAME, 0.0) == wait
    assert throttle.wait_s(HERE, NAME, wait) == 0.0


def test_another_name_from_there_and_the_name_from_elsewhere_wait_too() -> None:
    throttle = failing(10)
    assert throttle.wait_s(HERE, "other", 1.0) > 0
    assert throttle.wait_s(THERE, NAME, 1.0) > 0
    assert throttle.wait_s(THERE, "other", 1.0) == 0


def test_who_logged_in_from_there_before_is_not_locked_out_by_others() -> None:
    throttle = Throttle()
    throttle.succeeded(HERE, NAME)
    for _ in range(20):
        throttle.failed(THERE, NAME, 0.0)
        throttle.failed(HERE, "other", 0.0)
    assert throttle.wait_s(HERE, NAME, 0.0) == 0
    for _ in range(FREE + 1):
        throttle.failed(HERE, NAME, 0.0)
    assert throttle.wait_s(HERE, NAME, 0.0) == FIRST_S


def test_after_a_quiet_time_it_begins_anew() -> None:
    throttle = failing(20)
    throttle.failed(HERE, NAME, FORGET_S + 1)
    assert throttle.wait_s(HERE, NAME, FORGET_S + 1) == 0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=50), st.integers(MOST, MOST + 300))
def test_the_memory_is_bounded(some: list[tuple[int, bool]], many: int) -> None:
    throttle = Throttle()
    for number, good in [*some, *((one, bool(one % 2)) for one in range(many))]:
        if good:
            throttle.succeeded(str(number), NAME)
        else:
            throttle.failed(str(number), str(number), 0.0)
    assert len(throttle) <= 2 * MOST
