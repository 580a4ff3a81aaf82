"""People and alarms: what the commands do, what they refuse, and that they work while the store does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from caiso_ads.core.points import Snapshot
from caiso_ads.errors import StoreError
from caiso_ads.loop.alarm_desk import AlarmDesk
from caiso_ads.loop.alarm_sources import Sources
from caiso_ads.loop.commands import FIELDS, Result
from caiso_ads.loop.desk import Desk
from caiso_ads.loop.evidence import EvidenceLog
from caiso_ads.loop.watch import AlarmWatch
from caiso_ads.ports.answers import Fact
from tests.alarming import REFUSED, shot
from tests.fakes import FakeClock

BAD = shot(reasons=REFUSED)


class Writer:
    """Keeps rows, or takes none."""

    def __init__(self) -> None:
        self.rows: list[Fact] = []
        self.broken = False

    async def append_facts(self, facts: Sequence[Fact]) -> None:
        """Keep them."""
        if self.broken:
            raise StoreError("full")
        self.rows += facts


class Bench:
    """A watch with one alarm, and a desk."""

    def __init__(self) -> None:
        self.clock, self.store = FakeClock(), Writer()
        self.evidence = EvidenceLog(self.store, self.clock)
        self.watch, self.sources = AlarmWatch(self.evidence.note), Sources()
        self.watch.sources = self.sources
        made = AlarmDesk(self.watch, self.sources, self.clock, self.evidence.note, self.evidence.durable)
        self.desk = Desk(made.handlers(), self.clock)
        self.look(BAD)

    def look(self, one: Snapshot) -> None:
        """Look at a snapshot."""
        self.watch.look(one, self.clock.now())

    async def ask(self, kind: str, **said: object) -> Result:
        """Give a command as ann."""
        assert said.keys() <= FIELDS[kind]
        return await self.desk.ask({"kind": kind, **said}, "ann", "desk-1")

    def states(self) -> dict[str, str]:
        """Return the state of each alarm."""
        return {alarm.ident.text: alarm.state.value for alarm in self.watch.alarms()}


async def test_an_alarm_is_acknowledged_and_the_row_is_durable_before_the_answer() -> None:
    bench = Bench()
    assert (await bench.ask("alarm-ack", alarm="value_refused:R1", note="seen")).done
    assert bench.states() == {"value_refused:R1": "active_ack"}
    raised, seen = bench.store.rows
    assert (raised.kind, raised.who, raised.detail["what"]) == ("alarm", "caiso-ads", "raised")
    assert (seen.who, seen.detail["what"], seen.detail["said"], seen.resource) == ("ann", "acknowledged", "seen", "R1")
    assert seen.uid == "alarm value_refused:R1"


async def test_while_the_store_cannot_write_people_can_still_acknowledge_and_are_told() -> None:
    bench = Bench()
    bench.store.broken = True
    result = await bench.ask("alarm-ack-all")
    assert result.done
    assert "cannot write it yet" in result.text
    assert bench.states() == {"value_refused:R1": "active_ack"}
    bench.store.broken = False
    assert await bench.evidence.durable()
    assert [row.detail["what"] for row in bench.store.rows] == ["raised", "acknowledged"]


async def test_shelving_says_until_when_and_can_be_taken_back() -> None:
    bench = Bench()
    result = await bench.ask("alarm-shelve", alarm="value_refused:R1", minutes=30, reason="on site")
    assert result == Result(done=True, text="value_refused:R1: shelved until 2026-07-01 12:30:00 UTC")
    assert bench.states() == {"value_refused:R1": "shelved"}
    assert (await bench.ask("alarm-unshelve", alarm="value_refused:R1")).done
    assert bench.states() == {"value_refused:R1": "active_unack"}


async def test_the_test_alarm_is_raised_named_and_over_by_itself_but_waits_to_be_seen() -> None:
    bench = Bench()
    bench.look(shot())
    assert (await bench.ask("alarm-test")).done
    bench.look(shot())
    assert bench.states()["test"] == "active_unack"
    assert [row.who for row in bench.store.rows if row.uid == "alarm test"] == ["ann"]
    await bench.clock.advance(30.0)
    bench.look(shot())
    assert bench.states()["test"] == "returned_unack"


@pytest.mark.parametrize(
    ("kind", "said", "field"),
    [
        ("alarm-ack", {}, "alarm"),
        ("alarm-ack", {"alarm": 7}, "alarm"),
        ("alarm-ack", {"alarm": "link"}, "alarm"),
        ("alarm-ack", {"alarm": "value_refused:R1", "note": "x\n"}, ""),
        ("alarm-ack", {"alarm": "value_refused:R1", "note": "x\ny"}, "note"),
        ("alarm-ack", {"alarm": "value_refused:R1", "note": 5}, "note"),
        ("alarm-ack", {"alarm": "value_refused:R1", "note": "x" * 201}, "note"),
        ("alarm-shelve", {"alarm": "value_refused:R1", "minutes": 5}, "reason"),
        ("alarm-shelve", {"alarm": "value_refused:R1", "minutes": 0, "reason": "x"}, "minutes"),
        ("alarm-shelve", {"alarm": "value_refused:R1", "minutes": 1441, "reason": "x"}, "minutes"),
        ("alarm-shelve", {"alarm": "value_refused:R1", "minutes": True, "reason": "x"}, "minutes"),
        ("alarm-shelve", {"alarm": "value_refused:R1", "minutes": 1.5, "reason": "x"}, "minutes"),
        ("alarm-unshelve", {"alarm": "value_refused:R1"}, "alarm"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field_and_changes_nothing(
    kind: str, said: dict[str, object], field: str
) -> None:
    bench = Bench()
    result = await bench.ask(kind, **said)
    assert result.done is (not field)
    assert field in result.text
    assert not field or bench.states() == {"value_refused:R1": "active_unack"}
