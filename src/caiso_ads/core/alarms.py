"""When an alarm of the loop begins and when it is over, from one snapshot to the next.

Rule: an alarm is nothing that the plant cannot read as well: it compares published bits and computes no truth. A bit
that follows a number near its limit must settle before the alarm changes; where its number is not known, the alarm stays
as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from caiso_ads.core.events import Notice
from caiso_ads.core.points import RESOURCE_POINTS, Snapshot, Value, values_of
from caiso_ads.core.quality import Reason

SETTLE_S = 30.0
"""How long a difference or a rate must have crossed its limit (s)."""

_PLACE = {point.key: place for place, point in enumerate(RESOURCE_POINTS)}


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is watched: one bit of ``reasons`` or ``notices``, and the texts of its begin and its end.

    Texts name points in braces. Without a value for ``number`` nothing is known. ``common``: the same for every
    resource, so the first speaks for all.
    """

    bit: Reason | Notice
    begins: str
    over: str
    number: str = ""
    settle_s: float = 0.0
    common: bool = False


ALARMS = (
    Alarm(
        Notice.INTERVALS_MISSING,
        "no target for {missed_intervals} intervals in a row",
        "targets arrive again",
        number="missed_intervals",
    ),
    Alarm(
        Reason.MISMATCH,
        "our ramp {ramp_mw} MW and the ISO's operating point {dop_mw} MW disagree",
        "our ramp {ramp_mw} MW and the ISO's operating point {dop_mw} MW agree again",
        number="ramp_minus_dop_mw",
        settle_s=SETTLE_S,
    ),
    Alarm(
        Notice.BEYOND_RAMP,
        "next target {next_dot_mw} MW needs {required_mw_per_min} MW/min, more than the configured ramp rate",
        "the next target can be reached in time again",
        settle_s=SETTLE_S,
    ),
    Alarm(
        Reason.VALUE_REFUSED,
        "a value was refused, outside the limits or beyond the ramp rate; {setpoint_mw} MW is kept",
        "a usable value took the place of the one refused",
    ),
    Alarm(
        Reason.NOT_BINDING,
        "the setpoint {setpoint_mw} MW carries no binding flag: UNCERTAIN",
        "the setpoint is flagged as binding again",
    ),
    Alarm(
        Reason.CONFLICT,
        "two contents of one revision; the last received is used, UNCERTAIN until it is read again; target {dot_mw} MW",
        "two contents of one revision: read again, or no longer shown; target {dot_mw} MW",
    ),
    Alarm(
        Notice.CONFIGURATION,
        "target {dot_mw} MW is for another configuration than the one before, and no transition was instructed",
        "the configuration of the targets no longer changes without a transition",
    ),
    Alarm(
        Notice.CONTINGENCY,
        "contingency dispatch; target {dot_mw} MW, next {next_dot_mw} MW",
        "contingency dispatch is over",
    ),
    Alarm(
        Reason.MARKET_SILENT,
        "market silent: no new 5-minute batch comes",
        "5-minute batches come again",
        common=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Phase:
    """Whether an alarm stands, and since when (monotonic s) its bit says otherwise; None while it agrees."""

    on: bool
    differs: float | None


Phases = Mapping[str, Mapping[int, Phase]]
"""What is not at rest, by resource id and then place in ``ALARMS``."""


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm that began or ended; ``resource_id`` is empty where it concerns them all."""

    resource_id: str
    begins: bool
    text: str


def compare(known: Phases, shot: Snapshot, mono: float) -> tuple[Phases, list[Change]]:
    """Return what is not at rest after this snapshot, and what changed with it."""
    phases: dict[str, dict[int, Phase]] = {}
    changes: list[Change] = []
    for order, (resource_id, row) in enumerate(shot.resources.items()):
        values = values_of(row)
        before = known.get(resource_id, _NONE)
        # An enum's own & is slow, and most resources have nothing to say most of the time.
        sides = {side: int(bits) for side, place in _SIDES if isinstance(bits := values[place], int)}
        if not before and not any(bits & _WATCHED[side] for side, bits in sides.items()):
            continue
        for place, alarm in enumerate(ALARMS):
            if alarm.common and order:
                continue
            was = before.get(place, _REST)
            phase = _next(was, _holds(alarm, values, sides), mono, alarm.settle_s)
            if phase != _REST:
                phases.setdefault(resource_id, {})[place] = phase
            if phase.on is not was.on:
                changes.append(_change(alarm, "" if alarm.common else resource_id, values, begins=phase.on))
    return phases, changes


_REST = Phase(on=False, differs=None)
_NONE: Mapping[int, Phase] = {}
_SIDES = ((Reason, _PLACE["reasons"]), (Notice, _PLACE["notices"]))
_WATCHED = {side: sum(int(alarm.bit) for alarm in ALARMS if isinstance(alarm.bit, side)) for side, _ in _SIDES}


def _holds(alarm: Alarm, values: tuple[Value, ...], sides: Mapping[type[Reason | Notice], int]) -> bool | None:
    if alarm.number and values[_PLACE[alarm.number]] is None:
        return None
    return bool(sides.get(type(alarm.bit), 0) & int(alarm.bit))


def _next(before: Phase, holds: bool | None, mono: float, settle_s: float) -> Phase:  # noqa: FBT001 - three-valued
    if holds is None or holds is before.on:
        return Phase(before.on, None)
    differs = mono if before.differs is None else before.differs
    return Phase(holds, None) if mono - differs >= settle_s else Phase(before.on, differs)


def _change(alarm: Alarm, resource_id: str, values: tuple[Value, ...], *, begins: bool) -> Change:
    number = {key: values[place] for key, place in _PLACE.items()}
    dop, ahead = number["dop_mw"], number["ramp_minus_dop_mw"]
    known = isinstance(dop, (int, float)) and isinstance(ahead, (int, float))
    ramp = dop + ahead if known else None  # type: ignore[operator]  # both are numbers then
    words = {key: _text(value) for key, value in {**number, "ramp_mw": ramp}.items()}
    return Change(resource_id, begins, (alarm.begins if begins else alarm.over).format_map(words))


def _text(value: float | datetime | None) -> str:
    if value is None:
        return "(not known)"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
