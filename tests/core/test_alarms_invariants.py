"""What must hold of alarms whatever happens and whatever people do, second by second, against the bare conditions."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.alarm_kinds import Ident, What, ident_of
from caiso_ads.core.quality import Reason
from caiso_ads.errors import CommandError
from tests.alarming import R1_REFUSED, Run, shot

LINK, OVER = Ident("link"), Ident("schedule_over", "R1")
BITS = {LINK: Reason.LINK_AGING, OVER: Reason.INTERVAL_NOT_COVERED, R1_REFUSED: Reason.VALUE_REFUSED}
SHOTS = {
    flags: shot(reasons=int(sum(bit for on, bit in zip(flags, BITS.values(), strict=True) if on)))
    for flags in product((False, True), repeat=3)
}
ACTS = st.one_of(
    st.none(),
    st.tuples(st.just("ack"), st.sampled_from(list(BITS))),
    st.tuples(st.just("shelve"), st.sampled_from(list(BITS)), st.integers(1, 3)),
    st.tuples(st.just("unshelve"), st.sampled_from(list(BITS))),
)
STRETCHES = st.lists(st.tuples(st.tuples(*[st.booleans()] * 3), st.integers(1, 80), ACTS), min_size=1, max_size=10)


class Watcher:
    """Keeps the bare facts beside the book: how long each condition has been so, and who waits to be seen."""

    def __init__(self) -> None:
        self.run = Run()
        self.lasted = dict.fromkeys(BITS, 0)  # seconds it has held (positive) or been over (negative)
        self.waiting: set[Ident] = set()
        self.shelved: dict[Ident, float] = {}
        self.acknowledged = 0

    def act(self, act: tuple[object, ...] | None) -> None:
        if act is None:
            return
        word, ident = act[0], act[1]
        assert isinstance(ident, Ident)
        now, book = self.run.now, self.run.book
        try:
            if word == "ack":
                self.run.told += book.acknowledge(ident, "ann", "", now)
                self.acknowledged += 1
                self.waiting.discard(ident)
            elif word == "shelve":
                assert isinstance(act[2], int)
                self.run.told += book.shelve(ident, "ann", "why", timedelta(minutes=act[2]), now)
                self.shelved[ident] = now.mono + 60.0 * act[2]
                self.waiting.discard(ident)
            else:
                events = book.unshelve(ident, "ann", "", now)
                self.run.told += events
                self.waiting |= {event.alarm.ident for event in events if event.announces}
                del self.shelved[ident]
        except CommandError:
            return

    def second(self, flags: tuple[bool, ...]) -> None:
        before = len(self.run.told)
        self.run.last(1, SHOTS[flags])
        for ident, on in zip(BITS, flags, strict=True):
            was = self.lasted[ident]
            self.lasted[ident] = (max(was, 0) + 1) if on else (min(was, 0) - 1)
        for event in self.run.told[before:]:
            assert event.who == ""
            assert event.what not in {What.ACKNOWLEDGED, What.SHELVED}
            if event.announces:
                self.waiting.add(event.alarm.ident)

    def check(self) -> None:
        states = {ident_of(name): state for name, state in self.run.states().items()}
        for ident in self.waiting:  # latched
            assert states.get(ident) in {"active_unack", "returned_unack", "suppressed", "shelved"}, ident
        for ident, state in states.items():  # shelving ends
            if state == "shelved":
                assert self.run.now.mono < self.shelved[ident]
        assert self.told_last(R1_REFUSED) is not What.RETURNED or self.lasted[R1_REFUSED] < 0  # never lost
        if self.lasted[R1_REFUSED] > 0:
            assert R1_REFUSED in states
        if self.lasted[LINK] > 30:
            assert LINK in states
        if self.lasted[OVER] > 30 and self.lasted[LINK] > 0:  # explained, so announced to nobody new
            assert states[OVER] in {"suppressed", "shelved"}
        if self.lasted[OVER] > 80 and self.lasted[LINK] < -80:  # the cause is over and it still holds
            assert states[OVER] in {"active_unack", "active_ack", "shelved"}

    def told_last(self, ident: Ident) -> What | None:
        """What the journal says last of its begin or end."""
        ends = {What.RAISED, What.RETURNED, What.SUPPRESSED}
        said = [event.what for event in self.run.told if event.alarm.ident == ident and event.what in ends]
        return said[-1] if said else None


@settings(max_examples=40, deadline=None)
@given(STRETCHES)
def test_alarms_are_latched_never_lost_acknowledged_by_people_only_and_shelved_with_an_end(
    stretches: list[tuple[tuple[bool, ...], int, tuple[object, ...] | None]],
) -> None:
    watcher = Watcher()
    for flags, seconds, act in stretches:
        watcher.act(act)
        for _ in range(seconds):
            watcher.second(flags)
            watcher.check()
    done = [event for event in watcher.run.told if event.what is What.ACKNOWLEDGED]
    assert len(done) == watcher.acknowledged
    assert {event.who for event in done} <= {"ann"}
    watcher.run.last(700, SHOTS[False, False, False])  # calm, and no shelf lasts so long
    for ident in watcher.waiting:
        assert watcher.run.states()[ident.text] == "returned_unack"
    watcher.run.book.acknowledge_all("ann", "", watcher.run.now)
    assert watcher.run.states() == {}
