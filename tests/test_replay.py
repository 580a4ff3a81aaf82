"""A replay shows what the gateway showed: the same facts, in the same order, through the same functions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from caiso_ads.core.directive import Environment
from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.resource import Resource
from caiso_ads.errors import WireError
from caiso_ads.replay import Document, Frame, Outage, replay
from tests.fakes import START, batch, trajectory
from tests.market_feed import RESOURCES, Day
from tests.rig import FLAT, R1

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
TIMES = [START + 5 * MINUTE * n for n in range(36)]
FRESH = [Document(at, batch(f"B{n}", start=at, received=at)) for n, at in enumerate(TIMES)]
LEVEL = [Document(START, trajectory("T1", FLAT)), *FRESH]


def directives(frames: list[Frame]) -> list[Directive]:
    return [frame.view("R1").directive for frame in frames]


def run(
    documents: list[Document], *, start: datetime = START, seconds: float = 60.0, outages: tuple[Outage, ...] = ()
) -> list[Frame]:
    return list(replay(documents, R1, start=start, end=start + timedelta(seconds=seconds), outages=outages))


def shown(snapshot: Snapshot) -> tuple[object, ...]:
    """Everything but the counters of the process: beat, generation, receipts to confirm."""
    own = {"heartbeat", "unacknowledged_batches"}
    keys = ("utc_time", "environment", "link_age_s", "store_ok", "unreadable_batches")
    assert not own & set(keys)
    return snapshot.at, dict(snapshot.resources), [snapshot.gateway_value(key) for key in keys]


@pytest.mark.parametrize("hours", [1, pytest.param(24, marks=pytest.mark.slow)])
async def test_a_replay_of_a_simulated_day_equals_what_a_gateway_published_at_the_same_instants(hours: int) -> None:
    chance, day, published = random.Random(hours), Day(), {}
    down = range(2000, 2600)
    for second in range(0, hours * 3600, 10):
        day.source.down = second in down
        await day.gateway.poll_once()
        offset = chance.choice((0, 5))
        await day.clock.advance(offset)
        if second % 30 == 0 or second in down:
            day.gateway.tick()
            published[second + offset] = day.gateway.feed.latest
        await day.clock.advance(10 - offset)
    outage = Outage(START + timedelta(seconds=down.start), START + timedelta(seconds=down.stop))
    end = START + timedelta(hours=hours)
    frames = replay(
        day.store.documents, RESOURCES, start=START, end=end, step_s=5.0, environment=Environment.SIMULATOR,
        outages=[outage],
    )  # fmt: skip
    replayed = {int((frame.at - START).total_seconds()): frame.snapshot for frame in frames}
    assert [second for second in published if shown(replayed[second]) != shown(published[second])] == []
    codes = {snapshot.value(one, "directive").value for snapshot in published.values() for one in RESOURCES}
    assert {Directive.TEST, Directive.HOLD} <= codes, "the day had something to tell"


def test_frames_come_each_step_from_the_start_until_before_the_end() -> None:
    end = START + timedelta(seconds=60)
    times = [frame.at for frame in replay(LEVEL, R1, start=START, end=end, step_s=20.0)]
    assert times == [START + timedelta(seconds=seconds) for seconds in (0, 20, 40)]


def test_what_was_received_before_the_start_is_known_at_the_first_frame() -> None:
    first = run(LEVEL, start=START + HOUR, seconds=1)[0].view("R1")
    assert (first.directive, first.quality, first.setpoint_mw) == (Directive.FOLLOW, Quality.GOOD, 80.0)


def test_nothing_is_shown_before_it_was_received() -> None:
    documents = [*FRESH, Document(START + timedelta(seconds=30), trajectory("T1", FLAT))]
    frames = run(documents)
    assert directives(frames) == [Directive.NO_DATA] * 30 + [Directive.FOLLOW] * 30


def test_targets_rotate_at_their_own_time() -> None:
    target = START + timedelta(seconds=30)
    documents = [Document(START, batch("B1", dots={"R1": 42.0}, start=target)), Document(START, trajectory("T1", FLAT))]
    views = [frame.view("R1") for frame in run(documents)]
    assert [(view.dot_mw, view.next_dot_mw) for view in views] == [(None, 42.0)] * 30 + [(42.0, None)] * 30


def test_the_order_of_the_documents_given_does_not_matter() -> None:
    mixed = LEVEL.copy()
    random.Random(1).shuffle(mixed)
    assert run(mixed, seconds=600) == run(LEVEL, seconds=600)


def test_a_lost_link_ages_and_heals_as_in_the_gateway() -> None:
    outage = Outage(START + 5 * MINUTE, START + 10 * MINUTE)
    frames = run(LEVEL, seconds=700, outages=(outage,))
    held = [second for second, directive in enumerate(directives(frames)) if directive is Directive.HOLD]
    # Polled last at 290 s: uncertain after 30 s more; the first poll after the outage is at 600 s.
    assert (held[0], held[-1]) == (321, 599)
    lost = frames[400].view("R1")
    assert lost.quality is Quality.BAD_COMM
    assert Reason.ADS_UNREACHABLE in lost.reasons


def test_an_outage_that_began_before_the_start_is_already_old_at_the_start() -> None:
    outage = Outage(START + 10 * MINUTE, START + HOUR)
    first = run(LEVEL, start=START + 20 * MINUTE, seconds=1, outages=(outage,))[0].view("R1")
    assert (first.directive, first.quality) == (Directive.HOLD, Quality.BAD_COMM)


def test_what_was_sent_during_an_outage_arrives_with_the_first_poll_after_it() -> None:
    outages = (Outage(START, START + timedelta(seconds=25)), Outage(START + timedelta(seconds=28), START + MINUTE))
    frames = run([*FRESH, Document(START, trajectory("T1", FLAT))], seconds=120, outages=outages)
    assert directives(frames) == [Directive.NO_DATA] * 60 + [Directive.FOLLOW] * 60


def test_a_dispatch_batch_that_cannot_be_read_holds_the_plant_until_a_5_minute_batch_is() -> None:
    bad = Document(START + timedelta(seconds=10), WireError("odd"))
    frames = run([*LEVEL, bad, Document(START + timedelta(seconds=30), batch("N"))])
    assert directives(frames) == [Directive.FOLLOW] * 10 + [Directive.HOLD] * 20 + [Directive.FOLLOW] * 30
    assert frames[59].view("R1").reasons == Reason.BATCH_UNREADABLE


def test_a_trajectory_that_cannot_be_read_is_counted_and_changes_nothing_else() -> None:
    bad = Document(START + timedelta(seconds=10), WireError("odd"), dispatch=False)
    frames = run([*LEVEL, bad])
    assert [frame.snapshot.gateway_value("unreadable_batches").value for frame in (frames[9], frames[10])] == [0, 1]
    assert directives(frames) == [Directive.FOLLOW] * 60


def test_a_value_outside_the_limits_is_refused() -> None:
    low = {"R1": Resource("R1", "one", 0.0, 50.0)}
    frames = list(replay(LEVEL, low, start=START, end=START + timedelta(seconds=1)))
    assert Reason.VALUE_REFUSED in frames[0].view("R1").reasons


def test_only_the_resources_given_are_shown() -> None:
    frame = run(LEVEL, seconds=1)[0]
    assert list(frame.resource_ids) == ["R1"]
    with pytest.raises(KeyError):
        frame.view("R2")


@pytest.mark.parametrize("wrong", [{"step_s": 0.0}, {"poll_interval_s": -1.0}, {"start": START.replace(tzinfo=None)}])
def test_a_step_that_does_not_move_or_a_time_without_zone_is_refused(wrong: dict[str, object]) -> None:
    arguments: dict[str, object] = {"start": START, "end": datetime(2026, 7, 2, tzinfo=UTC)} | wrong
    with pytest.raises(ValueError, match=r"zero|zone"):
        replay(LEVEL, R1, **arguments)  # type: ignore[arg-type] # the wrong values are the point
