from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.points import NODE_POINTS, Kind, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.dnp3.plan import Plan
from caiso_ads.sinks.dnp3.values import FLAGS, ONLINE, OVERRANGE, UNKNOWN, analog, analogs, binaries
from tests.sinks.modbus.snapshots import IDS, resource, snapshot
from tests.sinks.modbus.snapshots import values as point_values


def test_each_quality_has_its_flags_and_only_three_are_online() -> None:
    assert {quality: FLAGS[quality] for quality in Quality} == {
        Quality.INIT: 0x02,
        Quality.GOOD: 0x01,
        Quality.UNCERTAIN: 0x05,
        Quality.BAD_COMM: 0x04,
        Quality.BAD_STALE: 0x04,
        Quality.BAD_DATA: 0x20,
        Quality.BAD_CONFIG: 0,
        Quality.BAD_STORE: 0,
        Quality.STANDBY: 0,
        Quality.SHUTDOWN: 0x04,
        Quality.FORCED: 0x11,
    }


@given(st.one_of(st.none(), st.floats(), st.integers(-(2**40), 2**40)), st.sampled_from(Quality))
def test_any_number_fits_and_only_a_true_one_is_online(value: float | None, quality: Quality) -> None:
    number, flags = analog(Kind.NUMBER, 1000, PointValue(value, quality))
    assert -(2**31) <= number < 2**31
    if value is None or math.isnan(value):
        assert (number, flags & ONLINE) == (UNKNOWN, 0)
    elif flags & ONLINE:
        assert FLAGS[quality] & ONLINE
        assert abs(number / 1000 - value) <= 0.0005001
    elif abs(value) > 2**31 / 1000:
        assert flags & OVERRANGE


@pytest.mark.parametrize(
    ("kind", "factor", "value", "shown"),
    [
        (Kind.NUMBER, 1000, 2_147_483.647, (2**31 - 1, 0x01)),
        (Kind.NUMBER, 1000, 2_147_483.648, (2**31 - 1, 0x20)),
        (Kind.NUMBER, 1000, -3e6, (-(2**31) + 1, 0x20)),
        (Kind.NUMBER, 100, -12.34, (-1234, 0x01)),
        (Kind.BITS, 1, 1 << 31 | 1, (-(2**31) + 1, 0x01)),
        (Kind.COUNT, 1, 2**32 - 1, (2**31 - 1, 0x20)),
        (Kind.TIME, 1, datetime(2039, 1, 1, tzinfo=UTC), (2**31 - 1, 0x20)),
    ],
)
def test_what_does_not_fit_says_so(kind: Kind, factor: int, value: float | datetime, shown: tuple[int, int]) -> None:
    assert analog(kind, factor, PointValue(value, Quality.GOOD)) == shown


def test_the_bits_say_what_the_words_say() -> None:
    held = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=int(Reason.ADS_UNREACHABLE | Reason.CLOCK_OFF))
    bits = dict(binaries(Plan(IDS), snapshot({IDS[0]: held, IDS[1]: resource()})))
    assert [bits[index] for index in (100, 101, 102, 120, 121, 124)] == [
        (0, 0x04),
        (0, 0x04),
        (1, 0x04),
        (1, 0x04),
        (0, 0x04),
        (1, 0x04),
    ]
    assert (bits[200], bits[201], bits[202], bits[220]) == ((1, 1), (1, 1), (0, 1), (0, 1))


@pytest.mark.parametrize("quality", list(Quality))
def test_row_158_no_point_stays_online_when_the_loop_stands_still(quality: Quality) -> None:
    shown = without_trust(snapshot(dict.fromkeys(IDS, resource(quality))))
    plan = Plan(IDS, ())
    assert not any(flags & ONLINE for _, (_, flags) in (*analogs(plan, shown), *binaries(plan, shown)))


def test_good_needs_a_setpoint() -> None:
    bits = dict(binaries(Plan(IDS), snapshot({IDS[0]: resource(setpoint_mw=None), IDS[1]: resource()})))
    assert bits[100][0] == 0


def test_a_resource_the_snapshot_does_not_know_is_not_known() -> None:
    shown = snapshot({IDS[0]: resource()})
    assert dict(analogs(Plan(IDS), shown))[153] == (UNKNOWN, 0x02)
    assert dict(binaries(Plan(IDS), shown))[201] == (0, 0x02)


def test_prices_are_hundredths_of_a_dollar() -> None:
    known = {"quality": Quality.GOOD, "active_lmp_usd_per_mwh": -12.34, "published_quality": Quality.UNCERTAIN}
    plain = snapshot()
    row = point_values(NODE_POINTS, known, Quality.GOOD)
    shown = Snapshot(1, plain.at, plain.gateway, plain.resources, nodes={"N": row})
    plan = Plan(IDS, ("N", "M"))
    assert dict(analogs(plan, shown))[30_001] == (-1234, 0x01)
    assert dict(analogs(plan, shown))[30_051] == (UNKNOWN, 0x02)
    bits = dict(binaries(plan, shown))
    assert (bits[60_000], bits[60_001], bits[60_004]) == ((1, 0x01), (0, 0x01), (0, 0x02))
