"""What fits a register and what does not: a number is exact or absent, never bent."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.points import NODE_POINTS, RESOURCE_POINTS, Kind
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.modbus.encode import Family, code, count, number, row_of, scaled, time
from tests.sinks.modbus.snapshots import AT, IDS, snapshot


@pytest.mark.parametrize(
    ("value", "kind", "exponent", "limit", "raw"),
    [
        (150.26, Kind.NUMBER, -1, 32_767, 1503),
        (-150.26, Kind.NUMBER, -3, 2**31 - 1, -150_260),
        (3276.7, Kind.NUMBER, -1, 32_767, 32_767),
        (-3276.7, Kind.NUMBER, -1, 32_767, -32_767),
        (3276.8, Kind.NUMBER, -1, 32_767, None),
        (-3276.8, Kind.NUMBER, -1, 32_767, None),  # -32768 is the sign for "no value"
        (1234.0, Kind.NUMBER, 1, 32_767, 123),
        (0.0, Kind.NUMBER, -1, 32_767, 0),
        (math.nan, Kind.NUMBER, -1, 32_767, None),
        (math.inf, Kind.NUMBER, -3, 2**31 - 1, None),
        (1e300, Kind.NUMBER, -3, 2**31 - 1, None),
        (AT, Kind.NUMBER, -1, 32_767, None),
        (None, Kind.NUMBER, -1, 32_767, None),
        (AT, Kind.TIME, 0, 2**31 - 1, int(AT.timestamp())),
        (AT, Kind.TIME, 0, 32_767, None),
        (datetime(2039, 1, 1, tzinfo=UTC), Kind.TIME, 0, 2**31 - 1, None),
        (3, Kind.CODE, 0, 32_767, 3),
        (40_000, Kind.CODE, 0, 32_767, None),
        (0x8000_0000, Kind.BITS, 0, 2**31 - 1, None),
        (5, Kind.COUNT, 0, 32_767, 5),
    ],
)
def test_a_scaled_number_is_the_nearest_one_or_none(
    value: Any, kind: Kind, exponent: int, limit: int, raw: int | None
) -> None:
    assert scaled(value, kind, exponent, limit) == raw


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-4, 1), st.sampled_from((32_767, 2**31 - 1)))
def test_a_scaled_number_is_within_half_a_step_or_beyond_the_limit(value: float, exponent: int, limit: int) -> None:
    exact = Decimal(value).scaleb(-exponent)
    raw = scaled(value, Kind.NUMBER, exponent, limit)
    if raw is None:
        assert abs(exact) > limit
    else:
        assert abs(raw) <= limit
        assert abs(raw - exact) <= Decimal("0.500001")


def test_what_no_register_holds_is_none() -> None:
    assert [number(value) for value in (1.5, math.nan, 3.5e38, AT)] == [1.5, None, None, None]
    assert [count(value) for value in (2**32 + 1, -1, math.inf, AT)] == [1, None, None, None]
    assert [code(value) for value in (65_534, 65_535, -1, AT)] == [65_534, None, None, None]
    assert [time(value) for value in (AT, 1.0)] == [int(AT.timestamp()), None]


def test_what_the_snapshot_does_not_know_has_no_data() -> None:
    shown = snapshot()
    assert row_of(shown, Family.RESOURCE, IDS[0]) is shown.resources[IDS[0]]
    assert row_of(shown, Family.GATEWAY, "") is shown.gateway
    missing = dict(zip((p.key for p in RESOURCE_POINTS), row_of(shown, Family.RESOURCE, "other"), strict=True))
    assert missing["directive"] == (Directive.NO_DATA, Quality.INIT, None)
    assert missing["setpoint_mw"].value is None
    node = dict(zip((p.key for p in NODE_POINTS), row_of(shown, Family.NODE, "other"), strict=True))
    assert node["quality"].value == Quality.INIT
    assert node["active_lmp_usd_per_mwh"].value is None
