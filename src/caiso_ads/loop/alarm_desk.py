"""What people do with alarms: acknowledge, shelve, take back, test. As commands, whoever brings them.

Rule: it takes effect at once, also while the store cannot write, because the alarm of the store must be acknowledged
too; the answer says whether its row of evidence is durable already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from caiso_ads.core.alarm_kinds import Ident, ident_of
from caiso_ads.core.instant import Instant
from caiso_ads.errors import CommandError
from caiso_ads.loop.alarm_sources import Sources
from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.desk import Handlers
from caiso_ads.loop.watch import FACT, AlarmWatch, subject_of
from caiso_ads.ports import Clock
from caiso_ads.ports.answers import Fact

LONGEST_NOTE = 200
LONGEST_MINUTES = 24 * 60


class AlarmDesk:
    """The handler of the five kinds. ``durable`` writes what was noted, and tells whether all of it is written."""

    slow = False

    def __init__(
        self, watch: AlarmWatch, sources: Sources, clock: Clock, note: Callable[[Fact], None],
        durable: Callable[[], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._watch, self._sources, self._clock, self._note, self._durable = watch, sources, clock, note, durable

    def handlers(self) -> Handlers:
        """Return what to register."""
        return dict.fromkeys(("alarm-ack", "alarm-ack-all", "alarm-shelve", "alarm-unshelve", "alarm-test"), self)

    async def __call__(self, command: Command, now: datetime) -> Result:  # noqa: ARG002 - both clocks are needed
        """Do it. Raises CommandError naming the field: nothing done."""
        instant = self._clock.now()
        text = self._test(command, instant) if command.kind == "alarm-test" else self._act(command, instant)
        if not await self._durable():
            text += "; the store cannot write it yet, a restart would forget it"
        return Result(done=True, text=text)

    def _act(self, command: Command, now: Instant) -> str:
        who = command.author
        if command.kind == "alarm-ack-all":
            return f"{self._watch.acknowledge_all(who, _note(command, 'note'), now)} alarms acknowledged"
        alarm = _alarm(command)
        if command.kind == "alarm-ack":
            self._watch.acknowledge(alarm, who, _note(command, "note"), now)
            return f"{alarm.text}: acknowledged"
        reason = _note(command, "reason", needed=command.kind == "alarm-shelve")
        if command.kind == "alarm-unshelve":
            self._watch.unshelve(alarm, who, reason, now)
            return f"{alarm.text}: no longer shelved"
        span = _span(command)
        self._watch.shelve(alarm, who, reason, span, now)
        return f"{alarm.text}: shelved until {now.wall + span:%Y-%m-%d %H:%M:%S} UTC"

    def _test(self, command: Command, now: Instant) -> str:
        self._sources.test(now)
        detail: dict[str, object] = {"alarm": "test", "what": "asked for"}
        self._note(
            Fact(FACT, now.wall, command.author, "a test alarm was asked for", uid=subject_of("test"), detail=detail)
        )
        return "the test alarm is raised within a second"


def _alarm(command: Command) -> Ident:
    found = command.said.get("alarm")
    if not isinstance(found, str) or not found.strip():
        raise CommandError("must be given as text", field="alarm")
    return ident_of(found.strip())


def _note(command: Command, field: str, *, needed: bool = False) -> str:
    found = command.said.get(field)
    text = found.strip() if isinstance(found, str) else ""
    if found is not None and not isinstance(found, str):
        raise CommandError("must be given as text", field=field)
    if len(text) > LONGEST_NOTE or not text.isprintable():
        raise CommandError(f"must be plain text of at most {LONGEST_NOTE} characters", field=field)
    if needed and not text:
        raise CommandError("must say why", field=field)
    return text


def _span(command: Command) -> timedelta:
    found = command.said.get("minutes")
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= LONGEST_MINUTES:
        raise CommandError(f"must be a whole number of minutes, 1 to {LONGEST_MINUTES}", field="minutes")
    return timedelta(minutes=found)
