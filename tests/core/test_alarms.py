from __future__ import annotations

import pytest

from caiso_ads.core.alarms import ALARMS, SETTLE_S, Change, Phases, compare
from caiso_ads.core.events import Notice
from caiso_ads.core.points import RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Quality, Reason
from tests.fakes import START


def shot(*names: str, **values: float | None) -> Snapshot:
    row = tuple(PointValue(values.get(point.key), Quality.GOOD) for point in RESOURCE_POINTS)
    return Snapshot(1, START, (), dict.fromkeys(names or ("R1",), row))


def run(*shots: tuple[float, Snapshot]) -> list[Change]:
    """Compare snapshots at their times (s) and return all that changed."""
    phases: Phases = {}
    found: list[Change] = []
    for mono, one in shots:
        phases, changes = compare(phases, one, mono)
        found += changes
    return found


OFF = shot(reasons=0, notices=0, ramp_minus_dop_mw=1.0, dop_mw=50.0, missed_intervals=0)
APART = shot(reasons=Reason.MISMATCH, notices=0, ramp_minus_dop_mw=7.0, dop_mw=50.0, missed_intervals=0)


def test_a_disagreement_is_told_once_it_lasts_with_both_values() -> None:
    assert run((0, OFF), (1, APART), (1 + SETTLE_S - 0.1, APART)) == []
    found = run((0, OFF), (1, APART), (1 + SETTLE_S, APART), (500, APART))
    assert found == [Change("R1", True, "our ramp 57.0 MW and the ISO's operating point 50.0 MW disagree")]


def test_a_disagreement_that_comes_and_goes_within_the_delay_says_nothing_and_one_that_stands_is_not_over_by_a_dip() -> (
    None
):
    assert run(*((second * 20.0, (APART, OFF)[second % 2]) for second in range(50))) == []
    stands = [(0.0, APART), (SETTLE_S, APART)]
    assert len(run(*stands, (40, OFF), (60, APART), (80, OFF), (100, APART))) == 1
    assert [c.begins for c in run(*stands, (40, OFF), (40 + SETTLE_S, OFF))] == [True, False]


@pytest.mark.parametrize("key", ["ramp_minus_dop_mw", "missed_intervals"])
def test_what_is_not_known_neither_begins_nor_ends_an_alarm(key: str) -> None:
    bits = {"reasons": Reason.MISMATCH, "notices": Notice.INTERVALS_MISSING}
    known = shot(**bits, ramp_minus_dop_mw=7.0, dop_mw=50.0, missed_intervals=2)
    unknown = shot(reasons=0, notices=0)
    assert len(run((0, known), (100, known))) == 2
    assert len(run((0, known), (100, known), (200, unknown), (900, unknown))) == 2
    blind = shot(**bits, **{key: None})
    assert run((0, blind), (100, blind)) == []


@pytest.mark.parametrize("place", range(len(ALARMS)))
def test_each_alarm_begins_and_ends_once_and_its_texts_can_be_made(place: int) -> None:
    alarm = ALARMS[place]
    side = "reasons" if isinstance(alarm.bit, Reason) else "notices"
    numbers: dict[str, float | int | None] = {"reasons": 0, "notices": 0}
    if alarm.number:
        numbers[alarm.number] = 3
    on, off = shot("R1", "R2", **{**numbers, side: int(alarm.bit)}), shot("R1", "R2", **numbers)
    found = run((0, on), (50, on), (60, off), (200, off))
    names = [""] if alarm.common else ["R1", "R2"]
    assert [(change.resource_id, change.begins) for change in found] == [
        (name, begins) for begins in (True, False) for name in names
    ]
    assert not any("{" in change.text for change in found)
