"""The monitor points of IEEE 1815.2 that a dispatch fills: one further outstation for each resource, read-only.

Rule: the catalogue's indices stay as they are, so these points stand at outstation addresses of their own. Only what
the profile mirrors of a target or a limit is served; what a plant measures is not ours to say. Spec: IEEE 1815.2-2025,
points AI148, AI149, AI213, AI619, AI620, BI69 and BI75, as dnp3py's tables have them. Interpretation: WMax is pmax_mw.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from caiso_ads.core.points import RESOURCE_POINTS, Kind, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.dnp3.plan import Entry
from caiso_ads.sinks.dnp3.values import FLAGS, ONLINE, OVERRANGE, Shown, analog

WATTS = 1_000_000
AGC_TARGET, AGC_ENABLED = 213, 75
MAX_SHARE, MIN_SHARE, MAX_WATTS, MIN_WATTS, LIMIT_ENABLED = 148, 149, 619, 620, 69
_INDEX = {point.key: place for place, point in enumerate(RESOURCE_POINTS)}
_NOTHING = PointValue(None, Quality.INIT)


class Line(NamedTuple):
    """One analog input: the point it shows, and whether in W or in 0.1 % of WMax."""

    number: int
    key: str
    unit: str
    doc: str


LINES: tuple[Line, ...] = (
    Line(MAX_SHARE, "max_constraint_mw", "0.1 %", "active power limit, most, of WMax (mirror of AO87)"),
    Line(MIN_SHARE, "min_constraint_mw", "0.1 %", "active power limit, least, of WMax (mirror of AO88)"),
    Line(AGC_TARGET, "setpoint_mw", "W", "AGC active power target (DAGC.WSpt, mirror of AO146)"),
    Line(MAX_WATTS, "max_constraint_mw", "W", "active power limit, most (mirror of AO509)"),
    Line(MIN_WATTS, "min_constraint_mw", "W", "active power limit, least (mirror of AO510)"),
)


class ProfilePlan:
    """The points of one resource."""

    def __init__(self, resource_id: str) -> None:
        self.resource_id = resource_id

    def entries(self) -> Iterator[Entry]:
        """Yield every analog, then every binary input."""
        for one in LINES:
            deadband = 100_000 if one.unit == "W" else 1
            yield Entry("AI", one.number, self.resource_id, one.key, one.unit, deadband, 1, one.doc)
        yield Entry("BI", LIMIT_ENABLED, self.resource_id, "limited", "", 0, 1, "1 while the ISO limits the power")
        yield Entry("BI", AGC_ENABLED, self.resource_id, "follow", "", 0, 1, "1 while the directive is FOLLOW")

    def analogs(self, snapshot: Snapshot) -> Iterator[tuple[int, Shown]]:
        """Yield every analog input with its index."""
        most = self._item(snapshot, "pmax_mw")
        for one in LINES:
            item = self._item(snapshot, one.key)
            yield one.number, analog(Kind.NUMBER, 1, _watts(item) if one.unit == "W" else _share(item, most))

    def binaries(self, snapshot: Snapshot) -> Iterator[tuple[int, Shown]]:
        """Yield every binary input with its index."""
        directive = self._item(snapshot, "directive")
        limits = [self._item(snapshot, key) for key in ("min_constraint_mw", "max_constraint_mw")]
        limited = next((one for one in limits if one.value is not None), None)
        flags = FLAGS[limited.quality if limited else directive.quality] & ~OVERRANGE
        yield LIMIT_ENABLED, (int(limited is not None), flags)
        known = directive.value is not None
        flags = FLAGS[directive.quality] & ~OVERRANGE
        yield AGC_ENABLED, (int(directive.value == Directive.FOLLOW), flags if known else flags & ~ONLINE)

    def _item(self, snapshot: Snapshot, key: str) -> PointValue:
        row = snapshot.resources.get(self.resource_id)
        return _NOTHING if row is None else row[_INDEX[key]]


def _watts(item: PointValue) -> PointValue:
    return item._replace(value=item.value * WATTS) if isinstance(item.value, float | int) else item


def _share(item: PointValue, most: PointValue) -> PointValue:
    """Return tenths of a percent of the most; nothing where that is not known or not above zero."""
    if not isinstance(item.value, float | int) or not isinstance(most.value, float | int) or most.value <= 0:
        return item._replace(value=None)
    return item._replace(value=1000 * item.value / most.value)
