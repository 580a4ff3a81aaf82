"""First sight and first read of each batch: once, from the snapshot that holds it, and for a bounded number of clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.codes import BatchStatus
from caiso_ads.loop.sightings import KEEP_S, MOST_BATCHES, MOST_CLIENTS, Sightings
from caiso_ads.ports.answers import Fact
from tests.fakes import START, FakeClock, batch
from tests.rig import Rig

ANY = {"R1": 5.0}


class Bench:
    """Sightings with what they noted."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.clock = FakeClock()
        self.sightings = Sightings(self.facts.append, self.clock)

    def take(self) -> list[tuple[str, str, str]]:
        """Return kind, who and batch of each fact since the last time."""
        found = [(fact.kind, fact.who, fact.uid) for fact in self.facts]
        self.facts.clear()
        return found


async def test_a_batch_is_seen_once_by_each_sink_from_the_snapshot_that_holds_it() -> None:
    bench = Bench()
    bench.sightings.seen("modbus", 4)
    bench.sightings.published(batch("A", dots={"R1": 5.0}, revision=2), 5)
    bench.sightings.seen("modbus", 4)
    assert bench.facts == []
    await bench.clock.advance(1.5)
    bench.sightings.seen("modbus", 7)
    (fact,) = bench.facts
    assert (fact.kind, fact.at, fact.who, fact.resource) == ("seen", bench.clock.now().wall, "modbus", "R1")
    assert fact.uid == "A"
    assert fact.text == "shown by modbus from snapshot 7 on"
    assert fact.detail == {"sink": "modbus", "snapshot": 7, "revision": 2, "first_snapshot": 5, "after_s": 1.5}
    bench.facts.clear()
    bench.sightings.seen("modbus", 8)
    assert bench.facts == []
    bench.sightings.seen("files", 8)
    assert bench.take() == [("seen", "files", "A")]


def test_a_batch_in_which_nothing_is_visible_is_not_followed() -> None:
    bench = Bench()
    bench.sightings.published(batch("A"), 1)
    bench.sightings.seen("modbus", 2)
    bench.sightings.read("modbus", "10.0.0.5", 1, 2)
    assert bench.facts == []


def test_a_batch_is_read_first_once_by_each_client_and_unit() -> None:
    bench = Bench()
    bench.sightings.published(batch("A", dots={"R1": 5.0, "R2": 1.0}), 1)
    bench.sightings.published(batch("B", dots=ANY), 3)
    bench.sightings.read("modbus", "10.0.0.5", 1, 2)
    (fact,) = bench.facts
    assert (fact.kind, fact.who, fact.uid, fact.resource) == ("read", "10.0.0.5", "A", None)
    assert fact.text == "first read by 10.0.0.5, unit 1, over modbus: snapshot 2"
    assert fact.detail["client"] == "10.0.0.5"
    assert fact.detail["unit"] == 1
    bench.facts.clear()
    bench.sightings.read("modbus", "10.0.0.5", 1, 4)
    bench.sightings.read("modbus", "10.0.0.5", 1, 5)
    assert bench.take() == [("read", "10.0.0.5", "B")]
    bench.sightings.read("modbus", "10.0.0.5", 2, 5)
    assert bench.take() == [("read", "10.0.0.5", "A"), ("read", "10.0.0.5", "B")]


def test_a_new_revision_of_a_batch_is_followed_too() -> None:
    bench = Bench()
    for revision in (0, 1):
        bench.sightings.published(batch("A", dots=ANY, revision=revision), revision + 1)
        bench.sightings.seen("modbus", revision + 1)
    assert [fact.detail["revision"] for fact in bench.facts] == [0, 1]


async def test_after_an_hour_a_batch_is_followed_no_more() -> None:
    bench = Bench()
    bench.sightings.published(batch("A", dots=ANY), 1)
    await bench.clock.advance(KEEP_S + 1.0)
    bench.sightings.published(batch("B", dots=ANY), 2)
    bench.sightings.read("modbus", "10.0.0.5", 1, 2)
    assert bench.take() == [("read", "10.0.0.5", "B")]


def test_a_clock_set_back_changes_no_latency() -> None:
    bench = Bench()
    bench.sightings.published(batch("A", dots=ANY), 1)
    bench.clock.jump_wall(-100.0)
    bench.sightings.seen("modbus", 1)
    assert bench.facts[0].detail["after_s"] == 0.0
    assert bench.facts[0].at < START


async def test_too_many_clients_are_said_once_and_the_silent_make_room(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for number in range(MOST_CLIENTS + 3):
        bench.sightings.read("modbus", f"client {number}", 1, 1)
    assert bench.take() == [("gap", "gateway", "")]
    assert len(caplog.records) == 1
    bench.sightings.published(batch("A", dots=ANY), 2)
    bench.sightings.read("modbus", f"client {MOST_CLIENTS}", 1, 2)
    assert bench.take() == []
    bench.sightings.read("modbus", "client 0", 1, 2)
    assert bench.take() == [("read", "client 0", "A")]
    await bench.clock.advance(KEEP_S + 1.0)
    bench.sightings.published(batch("B", dots=ANY), 3)
    bench.sightings.read("modbus", "new", 1, 3)
    assert bench.take() == [("read", "new", "B")]


def test_the_whole_cache_of_the_iso_at_once_is_followed() -> None:
    bench = Bench()
    for number in range(MOST_BATCHES):
        bench.sightings.published(batch(f"B{number}", dots=ANY), number + 1)
    bench.sightings.seen("modbus", MOST_BATCHES + 5)
    assert len(bench.facts) == MOST_BATCHES


@given(st.lists(st.sampled_from(["publish", "tick", "modbus", "files", "late"]), max_size=60))
def test_every_sink_has_every_batch_exactly_once_whatever_the_order(steps: list[str]) -> None:
    bench, generation, published = Bench(), 0, 0
    for step in [*steps, "modbus", "files"]:
        if step in {"publish", "tick"}:
            generation += 1
        if step == "publish":
            bench.sightings.published(batch(f"B{published}", dots=ANY), generation)
            published += 1
        elif step == "late":  # an older snapshot than the newest, as a slow writer has it
            bench.sightings.seen("files", max(0, generation - 1))
        elif step != "tick":
            bench.sightings.seen(step, generation)
    expected = [f"B{number}" for number in range(published)]
    for sink in ("modbus", "files"):
        assert [fact.uid for fact in bench.facts if fact.who == sink] == expected


async def test_the_loop_tells_of_each_stored_batch_and_of_the_first_snapshot_that_holds_it() -> None:
    rig = Rig()
    rig.source.batches = [batch("A", dots={"R1": 5.0}), batch("B", dots={"R1": 6.0}, status=BatchStatus.ACTIVE)]
    before = rig.gateway.feed.latest.generation
    await rig.gateway.poll_once()
    (first, _, at_first), (second, _, at_second) = rig.shown
    assert (first, second) == ("A", "B")
    assert before < at_first < at_second <= rig.gateway.feed.latest.generation
    rig.source.batches[1] = batch("B", dots={"R1": 7.0}, revision=1)
    await rig.clock.advance(60.0)
    await rig.gateway.poll_once()
    assert [item[:2] for item in rig.shown[2:]] == [("B", 1)]


async def test_what_is_not_stored_is_not_told() -> None:
    rig = Rig()
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    rig.store.broken = True
    await rig.gateway.poll_once()
    assert rig.shown == []
