"""What the plant reads of a node: active by time alone, quality that only an answer can improve."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core import happenings as facts
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import NODE_POINTS, Snapshot
from caiso_ads.core.price import FailedCheck
from caiso_ads.core.price_state import NodeState
from caiso_ads.core.price_view import Conditions, PriceLimits, view
from caiso_ads.core.quality import Quality
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import State, fold, initial
from tests.fakes import START, batch
from tests.price_source import NODE, OTHER, price

NOW = Instant(START, 1000.0)
GOOD, UNCERTAIN = Quality.GOOD, Quality.UNCERTAIN
BAD = (FailedCheck(NODE, "not the sum"),)


def at(minute: float) -> Instant:
    return NOW.plus(60.0 * minute)


def seen(minute: float, *starts: float, **more: object) -> facts.PricesSeen:
    """Make an answer that came at that minute with the intervals that begin at those; a price tells its minute."""
    return facts.PricesSeen(tuple(price(one, 100.0 + one) for one in starts), at(minute), **more)  # type: ignore[arg-type]


def after(*events: facts.Event) -> State:
    resources = {"R": Resource("R", "R", 0.0, 100.0, node=NODE), "X": Resource("X", "X", 0.0, 100.0)}
    state = initial(resources, Environment.PRODUCTION, (NODE, OTHER))
    for event in events:
        state = fold(state, event)
    return state


def take(state: State, minute: float) -> Snapshot:
    return snapshot(state, at(minute), DEFAULT_LIMITS, generation=1, heartbeat=1, unacknowledged=0)


def read(state: State, minute: float, which: str) -> tuple[object, Quality]:
    point = take(state, minute).node_value(NODE, f"{which}_lmp_usd_per_mwh")
    return point.value, point.quality


@pytest.mark.parametrize(
    ("minute", "active", "published"),
    [
        (0.0, (100.0, GOOD), (105.0, GOOD)),
        (4.999, (100.0, GOOD), (105.0, GOOD)),
        (5.0, (105.0, GOOD), (105.0, GOOD)),
        (9.999, (105.0, GOOD), (105.0, GOOD)),
        (10.0, (None, UNCERTAIN), (105.0, UNCERTAIN)),
        (19.99, (None, UNCERTAIN), (105.0, UNCERTAIN)),
        (20.0, (None, Quality.BAD_STALE), (105.0, Quality.BAD_STALE)),
        (600.0, (None, Quality.BAD_STALE), (105.0, Quality.BAD_STALE)),
    ],
)
def test_active_and_published_by_time_alone(minute: float, active: object, published: object) -> None:
    state = after(seen(0.0, 0.0, 5.0))
    assert read(state, minute, "active") == active
    assert read(state, minute, "published") == published


def test_a_failing_service_says_so_once_the_price_is_stale_and_not_before() -> None:
    state = after(seen(0.0, 0.0), facts.PricesFailed(1, at(1.0)))
    assert read(state, 4.0, "active") == (100.0, GOOD)
    assert read(state, 6.0, "active") == (None, UNCERTAIN)
    assert read(state, 16.0, "active") == (None, Quality.BAD_COMM)
    assert read(state, 16.0, "published") == (100.0, Quality.BAD_COMM)


def test_a_gap_before_an_interval_given_ahead_has_no_active_price() -> None:
    state = after(seen(0.0, 0.0, 10.0))
    assert read(state, 7.0, "active") == (None, UNCERTAIN)
    assert read(state, 7.0, "published") == (110.0, GOOD)
    assert read(after(seen(0.0, 10.0)), 7.0, "active") == (None, Quality.BAD_STALE)


def test_a_restart_shows_no_active_price_until_the_service_has_answered() -> None:
    state = after(seen(1.0, 0.0, 5.0, restored=True))
    assert read(state, 2.0, "active") == (None, Quality.INIT)
    assert read(state, 2.0, "published") == (105.0, Quality.INIT)
    assert take(state, 2.0).dot_prices["R"].value is None
    failed = fold(state, facts.PricesFailed(1, at(1.0)))
    assert read(failed, 2.0, "active") == (None, Quality.BAD_COMM)
    assert read(fold(state, seen(2.0, 5.0)), 3.0, "active") == (100.0, GOOD)


def test_nothing_known_is_no_number() -> None:
    shot = take(after(), 0.0)
    for point, value in zip(NODE_POINTS, shot.nodes[NODE], strict=True):
        assert value.value == (Quality.INIT if point.key.endswith("quality") else None), point.key


def test_a_refused_row_makes_what_is_held_bad() -> None:
    state = after(seen(0.0, 0.0), seen(1.0, refused=BAD))
    assert read(state, 2.0, "active") == (100.0, Quality.BAD_DATA)
    assert read(state, 6.0, "active") == (None, Quality.BAD_DATA)


def test_an_unknown_node_is_a_matter_of_configuration_unless_the_service_gives_its_price() -> None:
    unknown = facts.NodesUnknown(frozenset({NODE}))
    assert read(after(unknown), 0.0, "active") == (None, Quality.BAD_CONFIG)
    assert read(after(unknown, seen(0.0, 0.0)), 0.0, "active") == (100.0, GOOD)


def test_with_a_clock_not_to_be_trusted_nothing_is_active() -> None:
    state = after(seen(0.0, 0.0), facts.ClockSampled(60.0, at(0.5)))
    assert read(state, 1.0, "active") == (None, Quality.BAD_STALE)
    assert read(state, 1.0, "published") == (100.0, Quality.BAD_STALE)
    assert read(fold(state, facts.ClockSampled(0.1, at(2.0))), 2.0, "active") == (100.0, GOOD)


def test_at_shutdown_nothing_is_active() -> None:
    state = after(seen(0.0, 0.0), facts.Stopping())
    assert read(state, 1.0, "active") == (None, Quality.SHUTDOWN)
    assert take(state, 1.0).node_value(NODE, "quality").value == Quality.SHUTDOWN


def test_the_points_tell_components_begin_and_ages() -> None:
    shot = take(after(seen(0.0, 0.0), facts.PricesFailed(1003, at(5.0))), 7.0)

    def value(key: str) -> object:
        return shot.node_value(NODE, key).value

    assert value("published_start_time") == START
    assert (value("published_energy_usd_per_mwh"), value("published_congestion_usd_per_mwh")) == (99.0, 1.5)
    assert value("published_ghg_usd_per_mwh") is None
    assert value("price_age_s") == 120.0
    assert value("answer_age_s") == 420.0
    assert (value("quality"), value("published_quality")) == (UNCERTAIN, UNCERTAIN)
    assert shot.node_value(NODE, "published_lmp_usd_per_mwh").source_time == START
    gateway = {key: shot.gateway_value(key).value for key in ("price_nodes", "price_failures", "price_error")}
    assert gateway == {"price_nodes": 2, "price_failures": 1, "price_error": 1003}
    assert take(after(seen(0.0, 0.0)), 1.0).node_value(NODE, "active_start_time").value == START
    assert take(after(seen(0.0, 0.0)), 1.0).node_value(NODE, "price_age_s").value == 0.0


def test_the_dots_price_is_that_of_the_interval_its_target_time_lies_in() -> None:
    target = START + timedelta(seconds=150)
    dot = facts.BatchSeen(batch("B", dots={"R": 50.0, "X": 5.0}, start=target, received=START), NOW)
    state = after(seen(0.0, 0.0), seen(5.0, 5.0), dot)
    assert set(take(state, 3.0).dot_prices) == {"R"}
    found = {minute: take(state, minute).dot_prices["R"] for minute in (1.0, 3.0, 6.0, 30.0)}
    assert (found[1.0].value, found[1.0].quality) == (None, Quality.BAD_STALE)  # no target has come
    assert [found[minute].value for minute in (3.0, 6.0, 30.0)] == [100.0] * 3  # a settled fact does not age
    assert found[30.0].quality is GOOD
    assert take(fold(state, facts.Stopping()), 3.0).dot_prices["R"].quality is Quality.SHUTDOWN
    refused = fold(state, seen(6.0, refused=BAD))
    assert take(refused, 6.0).dot_prices["R"] == found[6.0]._replace(quality=Quality.BAD_DATA)


def test_the_limit_is_an_argument() -> None:
    node = NodeState((price(0),), NOW)
    shown = view(node, at(6.0).wall, Conditions(), PriceLimits(late_s=60.0))
    assert shown.quality is Quality.BAD_STALE
    assert view(node, at(5.99).wall, Conditions(), PriceLimits(late_s=60.0)).quality is UNCERTAIN


minutes = st.floats(-20, 60, allow_nan=False)
events = st.lists(
    st.one_of(
        st.builds(lambda m, s, r: seen(m, *s, restored=r), minutes, st.lists(st.integers(-4, 12).map(lambda n: 5.0 * n), max_size=4), st.booleans()),
        st.builds(lambda m: seen(m, refused=BAD), minutes),
        st.builds(lambda m: facts.PricesFailed(1, at(m)), minutes),
        st.builds(lambda u: facts.NodesUnknown(frozenset({NODE} if u else ())), st.booleans()),
        st.builds(lambda o: facts.ClockSampled(o, NOW), st.sampled_from([0.0, 60.0])),
        st.just(facts.Restarted()),
    ),
    max_size=8,
)  # fmt: skip


def rank(quality: Quality) -> int:
    return {GOOD: 0, UNCERTAIN: 1}.get(quality, 2)


@given(events, minutes, st.floats(0, 40))
def test_quality_never_improves_by_time_passing(happened: list[facts.Event], minute: float, more: float) -> None:
    """Only the begin of an interval that was given ahead makes a price active without an answer."""
    state = after(*happened)
    node, conditions = state.prices[NODE], Conditions(state.price_link.failures > 0, state.clock.ok)
    one, two = view(node, at(minute).wall, conditions), view(node, at(minute + more).wall, conditions)
    assert rank(two.published_quality) >= rank(one.published_quality)
    if rank(two.quality) < rank(one.quality):
        assert any(at(minute).wall < known.start <= at(minute + more).wall for known in node.prices)


@given(events, minutes)
def test_an_active_price_is_of_the_interval_that_contains_now_and_good_only_when_confirmed(
    happened: list[facts.Event], minute: float
) -> None:
    state = after(*happened)
    node, now = state.prices[NODE], at(minute).wall
    shown = view(node, now, Conditions(state.price_link.failures > 0, state.clock.ok))
    if shown.active is not None:
        assert shown.active.start <= now < shown.active.end
    if shown.quality is GOOD:
        assert node.confirmed
        assert shown.active is not None
        assert math.isfinite(shown.active.lmp_usd_per_mwh)
    if shown.published is not None:
        assert all(known.start <= shown.published.start for known in node.prices)
