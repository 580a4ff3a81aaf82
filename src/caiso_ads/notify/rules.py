"""What a notifier tells, and when: the keys every ``[[notify]]`` has.

Rule: a critical alarm is told in quiet hours too; what concerns the gateway itself is told whatever ``resources`` says.
"""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from caiso_ads.core.alarm_catalogue import TEST
from caiso_ads.core.alarm_kinds import Alarm, AlarmEvent, AlarmState, Priority, Scope, What
from caiso_ads.errors import ConfigError
from caiso_ads.notify.message import pacific

EventWord = Literal["raised", "returned", "acknowledged", "shelved"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_WORDS: dict[What, EventWord] = {
    What.RAISED: "raised",
    What.RETURNED: "returned",
    What.ACKNOWLEDGED: "acknowledged",
    What.SHELVED: "shelved",
    What.UNSHELVED: "shelved",
}


class RulesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of every ``[[notify]]``; ConfigError names the key of a value that cannot work."""

    kind: Annotated[Literal["email", "webhook", "mqtt", "command"], Meta(description="the way it is sent")]
    name: Annotated[str, Meta(description="its name in the status, the log and the evidence; each has its own")]
    min_priority: Annotated[
        Literal["critical", "high", "medium", "low"], Meta(description="alarms of this priority and above are told")
    ] = "high"
    events: Annotated[
        tuple[EventWord, ...],
        Meta(description='what is told of an alarm: "raised", "returned", "acknowledged", "shelved" (and its end)'),
    ] = ("raised", "returned")
    resources: Annotated[
        tuple[str, ...],
        Meta(
            description="alarms of these resources only; what concerns no single resource is always told; empty is all"
        ),
    ] = ()
    quiet_from: Annotated[
        str, Meta(description='Pacific time of day, "22:00": from then on only critical alarms, the rest at the end')
    ] = ""
    quiet_until: Annotated[str, Meta(description='end of the quiet hours, Pacific time of day, "06:00"')] = ""
    repeat_min: Annotated[
        float,
        Meta(ge=0, le=1440, description="tell an alarm again until somebody acknowledges it, minutes; 0 is never"),
    ] = 0.0
    most_per_hour: Annotated[
        int, Meta(ge=1, le=600, description="messages an hour; what comes faster is gathered into one")
    ] = 30
    give_up_min: Annotated[
        float, Meta(ge=1, le=1440, description="what could not be sent for so long is given up, minutes")
    ] = 60.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if not _NAME.fullmatch(self.name):
            raise ConfigError("must be 1 to 40 of a-z A-Z 0-9 . _ -, and begin with a letter or digit", key="name")
        if not self.events:
            raise ConfigError("must name at least one", key="events", cure='write events = ["raised", "returned"]')
        if bool(self.quiet_from) != bool(self.quiet_until):
            raise ConfigError(
                "goes together with the other end", key="quiet_from" if self.quiet_from else "quiet_until"
            )
        for key in ("quiet_from", "quiet_until"):
            _time_of_day(getattr(self, key), key)
        if self.quiet_from and self.quiet_from == self.quiet_until:
            raise ConfigError("is the same time as quiet_from", key="quiet_until")

    def wants(self, event: AlarmEvent) -> bool:
        """Whether a change is told: never one of an alarm that follows from another, or while it is shelved."""
        alarm, word = event.alarm, _WORDS.get(event.what)
        hidden = bool(alarm.root) or (event.what in {What.RAISED, What.RETURNED} and alarm.shelved_until is not None)
        return word in self.events and not hidden and self.concerns(alarm)

    def concerns(self, alarm: Alarm) -> bool:
        """Whether this notifier is for such an alarm at all. The test alarm is sent by another road, with an outcome."""
        if alarm.ident.key == TEST or alarm.kind.priority > Priority[self.min_priority.upper()]:
            return False
        return alarm.kind.scope is not Scope.RESOURCE or not self.resources or alarm.ident.subject in self.resources

    def repeats(self, alarm: Alarm) -> bool:
        """Whether it is told again: it is announced, nobody has acknowledged it, and this notifier tells what is raised."""
        return "raised" in self.events and alarm.state is AlarmState.ACTIVE_UNACK and self.concerns(alarm)

    def is_quiet(self, at: datetime) -> bool:
        """Whether that time lies in the quiet hours. They may go over midnight; without the zone's data there are none."""
        local = pacific(at)
        if not self.quiet_from or local is None:
            return False
        start, end = (_time_of_day(text, "") for text in (self.quiet_from, self.quiet_until))
        now = local.time()
        return start <= now < end if start < end else now >= start or now < end


def _time_of_day(text: str, key: str) -> time:
    try:
        found = time.fromisoformat(text or "00:00")
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise ConfigError(f"{text!r} is no time of day", key=key, cure='write it as "22:00"')
    return found
