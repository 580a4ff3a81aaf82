"""A book of alarms that is shown one snapshot after the other, for the tests of alarms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from caiso_ads.core.alarm_kinds import AlarmEvent, Ident
from caiso_ads.core.alarm_reading import NOTHING_ELSE, Extra, Reading, read, words
from caiso_ads.core.alarms import Book
from caiso_ads.core.events import Notice
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Quality, Reason
from tests.fakes import START

FINE = {"store_ok": 1, "clock_ok": 1, "unacknowledged_batches": 0, "price_failures": 0}
KNOWN = {
    "reasons": 0,
    "notices": 0,
    "ramp_minus_dop_mw": 1.0,
    "dop_mw": 50.0,
    "missed_intervals": 0,
    "setpoint_mw": 50.0,
}


def row(**values: float | None) -> tuple[PointValue, ...]:
    """Return the points of a resource: all is well but what is said."""
    told = {**KNOWN, **values}
    return tuple(PointValue(told.get(point.key), Quality.GOOD) for point in RESOURCE_POINTS)


def shot(
    resources: Iterable[str] = ("R1",), *, bad: Iterable[str] = (), gateway: dict[str, int | None] | None = None,
    nodes: dict[str, Quality] | None = None, **values: Any,
) -> Snapshot:  # fmt: skip
    """Return a snapshot in which the ``bad`` resources (all, where none is named) have these values."""
    chosen = tuple(bad) or tuple(resources)
    told = {**FINE, **(gateway or {})}
    return Snapshot(
        1, START,
        tuple(PointValue(told.get(point.key), Quality.GOOD) for point in GATEWAY_POINTS),
        {name: row(**values) if name in chosen else row() for name in resources},
        nodes={
            name: tuple(PointValue(quality if point.key == "quality" else None, quality) for point in NODE_POINTS)
            for name, quality in (nodes or {}).items()
        },
    )  # fmt: skip


class Run:
    """Time passes by what is said; everything told is kept."""

    def __init__(self) -> None:
        self.book, self.now, self.told = Book(), Instant(START, 0.0), list[AlarmEvent]()
        self._reading: Reading | None = None

    def look(self, one: Snapshot, extra: Extra = NOTHING_ELSE) -> list[AlarmEvent]:
        """Look once, now."""
        self._reading = read(one, extra, self._reading)
        found = self.book.look(
            self._reading, self.now, lambda kind, subject, begins: words(kind, subject, one, begins=begins)
        )
        self.told += found
        return found

    def last(self, seconds: float, one: Snapshot, extra: Extra = NOTHING_ELSE) -> list[str]:
        """Show one snapshot each second for so long; return what was told, as ``what alarm``."""
        before = len(self.told)
        for _ in range(int(seconds)):
            self.now = self.now.plus(1.0)
            self.look(one, extra)
        return lines(self.told[before:])

    def states(self) -> dict[str, str]:
        """Return the state of each alarm that is not normal."""
        return {alarm.ident.text: alarm.state.value for alarm in self.book.alarms()}


def lines(events: Iterable[AlarmEvent]) -> list[str]:
    """Return events as ``what alarm``."""
    return [f"{event.what.value} {event.alarm.ident.text}" for event in events]


LOST = int(Reason.LINK_AGING | Reason.ADS_UNREACHABLE | Reason.INTERVAL_NOT_COVERED)
REFUSED, CONTINGENCY = int(Reason.VALUE_REFUSED), int(Notice.CONTINGENCY)
R1_REFUSED = Ident("value_refused", "R1")
