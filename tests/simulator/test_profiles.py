from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from caiso_ads.simulator.fleet import Technology, default_fleet
from caiso_ads.simulator.grid import HALF_INTERVAL, HOUR, INTERVAL, QUARTER
from caiso_ads.simulator.profiles import Profiles

DAY = datetime(2026, 7, 22, 7, 0, tzinfo=UTC)
FLEET = default_fleet()


def _resource(technology: Technology) -> str:
    return next(r.resource_id for r in FLEET.resources if r.technology is technology)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_targets_stay_within_limits_and_ramps_all_day(seed: int) -> None:
    profiles = Profiles(seed)
    for resource in FLEET.resources:
        day = [profiles.target(resource, DAY + INTERVAL * n) for n in range(289)]
        for before, after in pairwise(day):
            if after.online:
                assert resource.pmin_mw <= after.dot_mw <= resource.pmax_mw
            if before.online == after.online:
                assert abs(after.dot_mw - before.dot_mw) <= 5 * resource.ramp_mw_per_min + 0.01


def test_parts_add_up_to_the_target() -> None:
    profiles = Profiles(1)
    for resource in FLEET.resources:
        for n in range(0, 288, 7):
            target = profiles.target(resource, DAY + INTERVAL * n)
            assert target.ramped_mw + target.supplemental_mw == pytest.approx(target.dot_mw, abs=1e-9)


def test_schedule_is_ramped_over_the_twenty_minutes_around_the_hour() -> None:
    profiles, hour = Profiles(1), datetime(2026, 7, 22, 16, 0, tzinfo=UTC)
    storage = FLEET.resource(_resource(Technology.STORAGE))
    assert storage is not None
    before, after = profiles.schedule_mw(storage, hour - HOUR), profiles.schedule_mw(storage, hour)
    assert before != after
    assert profiles.ramped_mw(storage, hour - timedelta(minutes=10)) == before
    assert profiles.ramped_mw(storage, hour) == pytest.approx((before + after) / 2)
    assert profiles.ramped_mw(storage, hour + timedelta(minutes=10)) == after
    assert profiles.ramped_mw(storage, hour + timedelta(minutes=29)) == after


def test_a_day_has_charging_curtailment_and_a_dark_night() -> None:
    profiles = Profiles(1)
    day = {r.resource_id: [profiles.target(r, DAY + INTERVAL * n) for n in range(288)] for r in FLEET.resources}
    assert min(t.dot_mw for t in day[_resource(Technology.STORAGE)]) < -30
    solar = day[_resource(Technology.SOLAR)]
    assert solar[0].dot_mw == 0.0
    assert any(t.curtailed and t.supplemental_mw < 0 for t in solar)


def test_a_committed_unit_starts_and_stops_once_a_day_on_a_quarter_hour() -> None:
    profiles = Profiles(1)
    gas = FLEET.resource(_resource(Technology.GAS))
    assert gas is not None
    changes = [profiles.switches_at(gas, DAY + QUARTER * n) for n in range(96)]
    assert changes.count(True) == 1
    assert changes.count(False) == 1
    start = DAY + QUARTER * changes.index(True)
    assert profiles.target(gas, start - INTERVAL).dot_mw == 0.0
    first = profiles.target(gas, start)
    assert gas.pmin_mw <= first.dot_mw <= gas.pmin_mw + gas.ramp_mw_per_min * 2.5


def test_exceptional_dispatch_holds_the_dot() -> None:
    profiles = Profiles(1)
    hydro = next(r for r in FLEET.resources if r.exceptional_share == 1.0)
    at = datetime(2026, 7, 22, 11, 0, tzinfo=UTC)
    held = profiles.exceptional(hydro, at)
    assert held is not None
    assert held.start < at < held.end
    assert profiles.target(hydro, at).dot_mw == held.mw


def test_an_accepted_hour_replaces_the_award() -> None:
    profiles, hour = Profiles(1), datetime(2026, 7, 22, 16, 0, tzinfo=UTC)
    tie = FLEET.resource(_resource(Technology.INTERTIE))
    assert tie is not None
    profiles.accepted_hourly[tie.resource_id, hour] = 7.0
    assert profiles.target(tie, hour + INTERVAL * 5).dot_mw == 7.0
    assert profiles.award_mw(tie, hour) != 7.0
    assert profiles.ramped_mw(tie, hour + HALF_INTERVAL * 8) == 7.0


def test_a_wish_curtails_what_the_wind_could_give_and_adds_nothing() -> None:
    profiles, wind = Profiles(1), FLEET.resource(_resource(Technology.WIND))
    assert wind is not None
    natural = profiles.target(wind, DAY).dot_mw
    profiles.want(wind.resource_id, DAY, DAY + HOUR, natural - 5.0)
    held = profiles.target(wind, DAY)
    assert held.dot_mw == pytest.approx(natural - 5.0)
    assert held.curtailed
    profiles.want(wind.resource_id, DAY, DAY + HOUR, natural + 5.0)
    assert profiles.target(wind, DAY).dot_mw == natural


def test_a_unit_that_is_not_wanted_is_shut_down_and_started_again() -> None:
    profiles, gas = Profiles(1), FLEET.resource(_resource(Technology.GAS))
    assert gas is not None
    noon = DAY + timedelta(hours=12)
    assert profiles.is_on(gas, noon)
    profiles.want(gas.resource_id, noon, noon + HOUR, 0.0)
    assert profiles.switches_at(gas, noon) is False
    assert profiles.target(gas, noon).online is False
    assert profiles.switches_at(gas, noon + HOUR) is True
