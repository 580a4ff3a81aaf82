"""Points of a pricing node, for the tests of sinks and commands."""

from __future__ import annotations

from typing import Any

from caiso_ads.core.points import NODE_POINTS, PointValue
from caiso_ads.core.quality import Quality
from tests.fakes import START

GOOD: dict[str, Any] = {
    "active_lmp_usd_per_mwh": 31.25,
    "active_start_time": START,
    "active_energy_usd_per_mwh": 30.0,
    "published_lmp_usd_per_mwh": -4.5,
    "published_start_time": START,
    "price_age_s": 0.0,
    "answer_age_s": 12.0,
}


def node(quality: Quality = Quality.GOOD, **changes: Any) -> tuple[PointValue, ...]:
    """Return a node's points, all of one quality but for the codes and ages; None takes a value away."""
    known = {**GOOD, "quality": quality, "published_quality": quality, **changes}
    ours = {"quality", "published_quality", "price_age_s", "answer_age_s"}
    return tuple(
        PointValue(known.get(point.key), Quality.GOOD if point.key in ours else quality) for point in NODE_POINTS
    )
