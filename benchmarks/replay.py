"""A day of 10 resources replayed second by second, and one tick of a gateway with 200 resources.

The day: 288 five-minute batches, 288 trajectories, a poll each 10 s, a full snapshot each second for every resource, of
which directive, reasons, quality and powers are read. The yardstick is a bare loop of ``snapshot()`` calls on a state
with the same horizon: what is left when the events, the polls and the reading are taken away.

The tick: 200 resources and a state whose horizon is full (two hours of batches and trajectories). Figures are medians:
the usual tick (a snapshot), the two that fold a batch or a trajectory for all 200 first, and the one in which the memory
of the second before helps none of the 200, as where a target of all takes effect; these three come once in 300 s. Before
each, the snapshot of the second before is taken untimed, as the gateway does. The target holds for each of them; the worst
is what counts. Documents are made before the clock runs: making them stands for
decoding, which has a benchmark of its own. The yardstick is making the 32 point values of each resource one by
one and nothing else; a snapshot makes them only when they are read.

Flat: the same ticks on the state after 3 hours (the first with a full horizon) and after 24, in alternating rounds. The
state after 1 hour, its horizon half full, is shown too.

All times are CPU time of the process, which does nothing else: what other programs take of the machine is left out.

Run: python benchmarks/replay.py [--json] [--seconds 86400] [--resources 10]
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.happenings import BatchSeen, PollCompleted, TrajectorySeen
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch, DispatchOperatingPoint, Instruction, TrajectoryBatch
from caiso_ads.core.points import RESOURCE_POINTS, PointValue
from caiso_ads.core.quality import Quality
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import State, fold, initial
from caiso_ads.core.still import Memory
from caiso_ads.replay import Document, replay

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
INTERVAL = timedelta(minutes=5)
INTERVAL_S = 300.0
SPEED_TARGET, TICK_TARGET_MS, FLAT_TARGET = 5000.0, 10.0, 1.1
TICKS = 40
PER_HOUR = 12
_ANEW = "all at an edge"


def names(count: int) -> list[str]:
    return [f"UNIT_{n}" for n in range(count)]


def configured(count: int) -> dict[str, Resource]:
    return {name: Resource(name, name, 0.0, 200.0) for name in names(count)}


def a_batch(number: int, count: int) -> DispatchBatch:
    received, uid = START + number * INTERVAL, f"DISP-{number}"
    target = received + INTERVAL * 1.25
    return DispatchBatch(
        batch_uid=uid, market_id="1", batch_status=BatchStatus.CLOSED, batch_received=received,
        batch_type=BatchType.FIVE_MINUTE, start_time=received + INTERVAL, dispatch_mode=DispatchMode.INTERVAL,
        binding_flag="Y", revision_no=0,
        instructions=tuple(
            Instruction(
                instruction_uid=f"{uid}-I{n}", batch_uid=uid, resource_id=name, start_time=target,
                dot_mw=80.0 + (number * 7 + n) % 40, instruction_type=InstructionType.DOT, revision_number=0,
                status_code=BatchStatus.NEW,
            )
            for n, name in enumerate(names(count))
        ),
    )  # fmt: skip


def a_trajectory(number: int, count: int) -> TrajectoryBatch:
    received, uid = START + number * INTERVAL, f"TRAJ-{number}"
    return TrajectoryBatch(
        batch_uid=uid, batch_received=received, binding_flag="Y",
        dops=tuple(
            DispatchOperatingPoint(
                dop_uid=f"{uid}-D{n}-{minute}", resource_id=name, dop_mw=80.0 + (number * 7 + n + minute) % 40,
                target_time=received + timedelta(minutes=minute), sequence_number=minute,
            )
            for n, name in enumerate(names(count))
            for minute in range(8)
        ),
    )  # fmt: skip


def full_state(count: int, intervals: int = 30) -> tuple[State, Instant]:
    """Return a state with its horizon full, and the instant of the next arrival."""
    state, now = initial(configured(count), Environment.PRODUCTION), Instant(START, 0.0)
    for number in range(intervals):
        state = fold(state, TrajectorySeen(a_trajectory(number, count), now))
        state = fold(fold(state, BatchSeen(a_batch(number, count), now)), PollCompleted(now))
        now = now.plus(INTERVAL_S)
    return state, now


def a_day(seconds: int, count: int) -> float:
    """Replay and return the time it took (s)."""
    documents = [
        Document(START + number * INTERVAL, make(number, count))
        for number in range(-(-seconds // 300))
        for make in (a_trajectory, a_batch)
    ]
    resources, end, shown = configured(count), START + timedelta(seconds=seconds), 0
    begun = time.process_time()
    for frame in replay(documents, resources, start=START, end=end):
        for resource_id in frame.resource_ids:
            shown += frame.view(resource_id).setpoint_mw is not None
    took = time.process_time() - begun
    assert shown == seconds * count, "each second of each resource has a setpoint"
    return took


def bare(seconds: int, count: int) -> float:
    """Return the time of as many snapshots of a full state (s), reckoned from a tenth of them."""
    state, now = full_state(count)
    share, memory = max(1, seconds // 10), Memory()
    begun = time.process_time()
    for second in range(share):
        instant = now.plus(second % 300)
        _look(state, instant, memory)
    return (time.process_time() - begun) * seconds / share


def _look(state: State, at: Instant, memory: Memory) -> None:
    snapshot(state, at, DEFAULT_LIMITS, generation=1, heartbeat=1, unacknowledged=0, memory=memory)


class Tick:
    """The kinds of tick of one state; ``intervals`` is how many five-minute intervals it has seen."""

    def __init__(self, count: int, intervals: int) -> None:
        state, now = full_state(count, intervals)
        batch, trajectory = (
            BatchSeen(a_batch(intervals, count), now),
            TrajectorySeen(a_trajectory(intervals, count), now),
        )
        self._now, self._before = now, state
        self.kinds: dict[str, Callable[[], State]] = {
            "snapshot only": lambda: state,
            _ANEW: lambda: state,
            "a batch": lambda: fold(state, batch),
            "a trajectory": lambda: fold(state, trajectory),
        }

    def time_ms(self, kind: str) -> float:
        """Return the time of one tick (ms)."""
        memory = Memory()
        if kind != _ANEW:
            _look(self._before, self._now.plus(-1.0), memory)
        begun = time.process_time()
        _look(self.kinds[kind](), self._now, memory)
        return (time.process_time() - begun) * 1e3


def values_only_ms(count: int) -> float:
    """Return the time of making as many point values as a snapshot has (ms)."""
    begun = time.process_time()
    for _ in range(count):
        tuple([PointValue(1.0, Quality.GOOD, START) for _ in RESOURCE_POINTS])
    return (time.process_time() - begun) * 1e3


def day_result(seconds: int, count: int) -> dict[str, Any]:
    took, yardstick = a_day(seconds, count), bare(seconds, count)
    speed = seconds / took
    return {
        "what": f"{seconds / 3600:g} h of {count} resources replayed, each second, times real time, CPU",
        "value": f"{took:.1f} s",
        "yardstick": f"bare snapshot() calls {yardstick:.1f} s",
        "ratio": round(speed),
        "target": f">= {SPEED_TARGET:g}",
        "met": speed >= SPEED_TARGET,
    }


def tick_results(count: int) -> list[dict[str, Any]]:
    """Return the row of the worst tick and that of its growth over a day."""
    states = {hours: Tick(count, hours * PER_HOUR) for hours in (1, 3, 24)}
    rounds: dict[tuple[int, str], list[float]] = {}
    values = []
    for _ in range(TICKS):
        values.append(values_only_ms(count))
        for hours, tick in states.items():
            for kind in tick.kinds:
                rounds.setdefault((hours, kind), []).append(tick.time_ms(kind))
    found = {key: statistics.median(times) for key, times in rounds.items()}
    return [_worst(found, count, statistics.median(values)), _flat(found, count)]


def _worst(found: dict[tuple[int, str], float], count: int, values: float) -> dict[str, Any]:
    full = {kind: taken for (hours, kind), taken in found.items() if hours == 24}
    worst = max(full.values())
    return {
        "what": f"fold + snapshot, {count} resources, full horizon, worst kind of tick, CPU (ms)",
        "value": ", ".join(f"{kind} {taken:.1f} ms" for kind, taken in full.items()),
        "yardstick": f"making the point values alone {values:.1f} ms, {worst / values:.1f}x",
        "ratio": round(worst, 1),
        "target": f"<= {TICK_TARGET_MS:g}",
        "met": worst <= TICK_TARGET_MS,
    }


def _flat(found: dict[tuple[int, str], float], count: int) -> dict[str, Any]:
    spent = {hours: sum(taken for (at, _), taken in found.items() if at == hours) for hours in (1, 3, 24)}
    growth = spent[24] / spent[3]
    return {
        "what": f"the same, all kinds of tick together after 24 h ({count} resources)",
        "value": f"{spent[24]:.1f} ms",
        "yardstick": f"after 3 h {spent[3]:.1f} ms (after 1 h, horizon half full, {spent[1]:.1f} ms)",
        "ratio": round(growth, 3),
        "target": f"<= {FLAT_TARGET:g}",
        "met": growth <= FLAT_TARGET,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Replay of a day, and a tick of many resources.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=int, default=86400, help="length of the replay (86400)")
    parser.add_argument("--resources", type=int, default=10, help="resources replayed (10)")
    options = parser.parse_args()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the gateway sets it
    results = [day_result(options.seconds, options.resources), *tick_results(200)]
    if options.json:
        print(json.dumps({"name": "replay", "results": results}, indent=2))
        return
    for one in results:
        print(f"{one['what']}: {one['value']}; {one['yardstick']}")
        print(f"  ratio {one['ratio']} ({one['target']}: {'met' if one['met'] else 'MISSED'})")


if __name__ == "__main__":
    main()
