"""What pages are told beside snapshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode
from caiso_ads.core.directive import Environment
from caiso_ads.core.happenings import BatchSeen, StoreChanged
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.web.broadcast import Broadcast
from caiso_ads.web.news import OLD, News
from tests.alarming import REFUSED, Run, shot
from tests.fakes import START, FakeClock, MemoryStore, batch
from tests.sinks.modbus.snapshots import snapshot

NOW = Instant(START, 0.0)
STATE = initial({one: Resource(one, one, 0.0, 100.0) for one in ("R1", "R2")}, Environment.PRODUCTION)


class Heard(Broadcast):
    """Keeps what it is to tell."""

    def __init__(self) -> None:
        super().__init__(Feed(snapshot()), SinkContext(("R1",), {"R1": "R1"}, "simulator", MemoryStore(), FakeClock()))
        self.told: list[tuple[str, Any, bool]] = []

    def tell(self, kind: str, data: Any, *, keep: bool = False) -> None:
        """Keep it."""
        self.told.append((kind, msgspec.json.decode(msgspec.json.encode(data)), keep))


def told(*batches: DispatchBatch, restored: bool = False) -> list[dict[str, Any]]:
    heard = Heard()
    news = News(heard, list)
    for one in batches:
        news.folded(BatchSeen(one, NOW, restored=restored), STATE)
    assert {kind for kind, _, _ in heard.told} <= {"news"}
    return [data for _, data, _ in heard.told]


HOURLY = replace(
    batch("H", dots={"R1": 5.0}, batch_type=BatchType.HOURLY_PRE_DISPATCH, status=BatchStatus.ACTIVE),
    batch_expires=START + timedelta(minutes=20),
)
CONTINGENCY = replace(batch("C", dots={"R1": 5.0, "R2": 6.0, "X": 1.0}), dispatch_mode=DispatchMode.CONTINGENCY)
EXCEPTIONAL = batch("E", dots={"R2": 5.0}, batch_type=BatchType.OUT_OF_SEQUENCE)


@pytest.mark.parametrize(
    ("made", "kind", "resource"),
    [(HOURLY, "instruction", "R1"), (CONTINGENCY, "contingency", None), (EXCEPTIONAL, "exceptional", "R2")],
)
def test_each_kind_of_batch_with_something_to_notice_is_told_once(
    made: DispatchBatch, kind: str, resource: str | None
) -> None:
    (news,) = told(made, made)
    assert (news["kind"], news["resource_id"], news["batch_uid"]) == (kind, resource, made.batch_uid)
    assert resource or "2 resources" in news["text"]


def test_a_revision_is_told_as_one() -> None:
    first, second = told(HOURLY, replace(HOURLY, revision_no=1))
    assert (first["kind"], second["kind"]) == ("instruction", "revision")


def test_plain_targets_foreign_resources_and_what_was_read_back_are_no_news() -> None:
    foreign = replace(CONTINGENCY, batch_uid="F", instructions=CONTINGENCY.instructions[2:])
    assert told(batch("A", dots={"R1": 5.0}), foreign) == []
    assert told(HOURLY, CONTINGENCY, restored=True) == []
    heard = Heard()
    News(heard, list).folded(StoreChanged(ok=False), STATE)
    assert heard.told == []


def test_how_the_alarms_stand_is_kept_for_pages_that_come_later() -> None:
    run, heard = Run(), Heard()
    run.last(2, shot(reasons=REFUSED))
    News(heard, run.book.alarms).alarms_changed()
    assert heard.told == [("alarms", {"active": 1, "unacknowledged": 1, "highest": "high"}, True)]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("made", [HOURLY, CONTINGENCY, EXCEPTIONAL])
def test_what_is_filled_in_long_after_its_time_is_no_news(made: DispatchBatch, *, late: bool) -> None:
    begins = made.batch_expires or made.start_time
    heard = Heard()
    arrived = begins + OLD + timedelta(seconds=1 if late else -1)
    News(heard, list).folded(BatchSeen(made, Instant(arrived, 0.0)), STATE)
    assert bool(heard.told) is not late
