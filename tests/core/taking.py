"""Short ways to make a state and look at what is published of it, for the tests of the snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from caiso_ads.core import happenings as facts
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.happenings import Event
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import InstructionDetail
from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Reason
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import State, fold, initial
from tests.fakes import START, batch, trajectory

NOW = Instant(START, 1000.0)
PLAIN = Resource("R1", "one", 0.0, 200.0)
MINUTES_5 = timedelta(minutes=5)
FLAT = trajectory("T", {"R1": [(START, 80.0), (START + timedelta(hours=1), 80.0)]})


def after(*events: Event, resource: Resource = PLAIN, environment: Environment = Environment.PRODUCTION) -> State:
    """Fold events, after a first 5-minute batch and before a complete poll."""
    state = fold(initial({"R1": resource}, environment), facts.BatchSeen(batch("M", start=START - MINUTES_5), NOW))
    for event in events:
        state = fold(state, event)
    return fold(state, facts.PollCompleted(NOW))


def take(state: State, seconds: float = 0.0, *, now: Instant | None = None) -> Snapshot:
    return snapshot(state, now or NOW.plus(seconds), DEFAULT_LIMITS, generation=1, heartbeat=1, unacknowledged=0)


def of(shot: Snapshot, key: str) -> float | int | datetime | None:
    return shot.value("R1", key).value


def reasons(shot: Snapshot) -> Reason:
    value = of(shot, "reasons")
    assert isinstance(value, Reason)
    return value


def dots(*pairs: tuple[float, float], flag: str | None = None, supp: float | None = None) -> list[Event]:
    """Make one batch for each (minutes from START, MW)."""
    made: list[Event] = []
    for number, (minute, mw) in enumerate(pairs):
        one = batch(f"D{number}", dots={"R1": mw}, start=START + timedelta(minutes=minute))
        detail = () if supp is None else (InstructionDetail(seg_no=2, service_type="SUPP", mw=supp),)
        inner = replace(one.instructions[0], follow_dot_flag=flag, detail=detail)
        made.append(facts.BatchSeen(replace(one, instructions=(inner,)), NOW))
    return made


def curve(points: list[tuple[float, float]], uid: str = "T", received: float = 0.0, binding: str | None = "Y") -> Event:
    """Make a trajectory of (seconds from START, MW)."""
    at = [(START + timedelta(seconds=when), mw) for when, mw in points]
    made = trajectory(uid, {"R1": at}, received=START + timedelta(seconds=received), binding=binding)
    return facts.TrajectorySeen(made, NOW)
