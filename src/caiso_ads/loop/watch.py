"""The alarms of the loop: what changed with a snapshot is logged, written to the evidence and told to who listens.

Rule: ``core.alarms`` decides, this tells. Each change is noted in its order, so that the last row of an alarm is what
it is; a start takes it from there. A listener hears each change on the loop and must not wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from caiso_ads.core.alarm_kinds import Alarm, AlarmEvent, AlarmKind, Ident, Scope, What
from caiso_ads.core.alarm_reading import NOTHING_ELSE, Extra, Reading, read, words
from caiso_ads.core.alarm_standing import saved
from caiso_ads.core.alarms import Book
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import Snapshot
from caiso_ads.ports.answers import Fact, dismiss

log = logging.getLogger("caiso_ads.alarm")

FACT = "alarm"
"""The kind of every row of evidence about an alarm."""
GATEWAY = "caiso-ads"


def subject_of(alarm: str) -> str:
    """Return the subject under which the rows of an alarm are found in the evidence."""
    return f"alarm {alarm}"


class AlarmWatch:
    """Looks at what was published, each second and after each poll.

    ``on_change`` are told each change, ``on_settled`` once after all changes of one look or of one act. ``sources`` gives
    what the points do not tell.
    """

    def __init__(self, note: Callable[[Fact], None] = dismiss) -> None:
        self.on_change: list[Callable[[AlarmEvent], None]] = []
        self.on_settled: list[Callable[[], None]] = []
        self.sources: Callable[[Instant], Extra] = lambda _now: NOTHING_ELSE
        self._note, self._book = note, Book()
        self._reading: Reading | None = None
        self.counts: tuple[int, int] | None = None

    def restore(self, told: Iterable[Mapping[str, object]], now: Instant) -> None:
        """Take over what an earlier life left: of each alarm the details of its last row."""
        self._book.restore(told, now)

    def look(self, shot: Snapshot, now: Instant) -> None:
        """Tell what changed with this snapshot."""
        self._reading = read(shot, self.sources(now), self._reading)

        def say(kind: AlarmKind, subject: str, begins: bool) -> str:  # noqa: FBT001 - the protocol of Say
            return words(kind, subject, shot, begins=begins)

        self._tell(self._book.look(self._reading, now, say))

    def alarms(self) -> list[Alarm]:
        """Return every alarm that is not normal."""
        return self._book.alarms()

    def acknowledge(self, alarm: Ident, who: str, note: str, now: Instant) -> None:
        """See ``Book.acknowledge``; raises CommandError."""
        self._tell(self._book.acknowledge(alarm, who, note, now))

    def acknowledge_all(self, who: str, note: str, now: Instant) -> int:
        """See ``Book.acknowledge_all``; return how many."""
        events = self._book.acknowledge_all(who, note, now)
        self._tell(events)
        return len(events)

    def shelve(self, alarm: Ident, who: str, note: str, span: timedelta, now: Instant) -> None:
        """See ``Book.shelve``; raises CommandError."""
        self._tell(self._book.shelve(alarm, who, note, span, now))

    def unshelve(self, alarm: Ident, who: str, note: str, now: Instant) -> None:
        """See ``Book.unshelve``; raises CommandError."""
        self._tell(self._book.unshelve(alarm, who, note, now))

    def _tell(self, events: list[AlarmEvent]) -> None:
        if events or self.counts is None:
            self.counts = self._book.counts()
        for event in events:
            _log(event)
            self._note(fact_of(event))
            for heard in self.on_change:
                heard(event)
        if events:
            for settled in self.on_settled:
                settled()


def fact_of(event: AlarmEvent) -> Fact:
    """Return the row of evidence of a change."""
    alarm = event.alarm
    resource = alarm.ident.subject if alarm.kind.scope is Scope.RESOURCE else None
    detail = {**saved(alarm), "what": event.what.value}
    if event.note:
        detail["said"] = event.note
    text = f"{event.what.value}: {event.text}"
    return Fact(FACT, event.at, event.who or GATEWAY, text, resource, subject_of(alarm.ident.text), detail=detail)


def _log(event: AlarmEvent) -> None:
    """Write the line of a change that no person made; one that follows from another only where all is logged."""
    alarm = event.alarm
    if event.what not in {What.RAISED, What.RETURNED, What.SUPPRESSED} or not alarm.kind.logged:
        return
    name = f"{alarm.ident.subject}: " if alarm.kind.scope is Scope.RESOURCE else ""
    if alarm.root:
        log.info("%s%s (follows from: %s)", name, event.text, alarm.root)
        return
    log.log(logging.ERROR if event.what is What.RAISED else logging.WARNING, "%s%s", name, event.text)
