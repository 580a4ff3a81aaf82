from __future__ import annotations

from datetime import UTC, datetime

from caiso_ads.oasis.pacific import pacific


def test_summer_and_winter_are_known() -> None:
    hours = [datetime(2026, month, 1, tzinfo=UTC).astimezone(pacific()).strftime("%H %Z") for month in (1, 7)]
    assert hours == ["16 PST", "17 PDT"]
