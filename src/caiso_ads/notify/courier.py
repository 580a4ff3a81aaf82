"""One notifier at work: what it is told waits, goes out as soon as it may, and is tried again until it is given up.

Rule: ``heard`` never waits; a send has a time limit; a failure ends ``run``, so that the supervisor shows this notifier
as failed and its alarm is told by the others. Each message leaves a row of evidence with what was told of the alarms
that stand, and a new start takes from there what is still to tell.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from caiso_ads.core.alarm_kinds import Alarm, AlarmEvent, AlarmState, What
from caiso_ads.errors import CaisoAdsError, RemoteError
from caiso_ads.notify import NotifyConfig, Way
from caiso_ads.notify.letterbox import Letterbox, Waiting
from caiso_ads.notify.message import Item, Message, item_of, plain, standing_item, test_item
from caiso_ads.ports import Clock, Feed, Instant
from caiso_ads.ports.answers import Fact

log = logging.getLogger("caiso_ads.notify")

FACT = "notify"
"""The kind of every row of evidence about a message."""
WHO = "caiso-ads"
SEND_S = 20.0
"""How long one send may take in all (s)."""
LOOK_S = 1.0
FIRST_DELAY_S, LONGEST_DELAY_S = 5.0, 300.0
"""The pauses between two attempts (s)."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What every courier knows. ``standing`` gives the alarms that are not normal."""

    environment: str
    clock: Clock
    note: Callable[[Fact], None]
    standing: Callable[[], Sequence[Alarm]]


class Courier:
    """One notifier, run by the supervisor as ``sink_name``. ``subject`` finds its rows in the evidence."""

    def __init__(self, config: NotifyConfig, way: Way, about: Circumstances) -> None:
        self.rules, self._way, self._about = config.rules, way, about
        self.name = config.rules.name
        self.sink_name = self.subject = f"{FACT} {self.name}"
        self._box = Letterbox(self.rules)
        self._told: dict[str, str] = {}  # alarm to the time it was raised, as told
        self._reminded: dict[str, float] = {}
        self._not_before, self._delay, self._attempts = float("-inf"), FIRST_DELAY_S, 0
        self._sent, self._failed, self._given_up = 0, 0, 0

    # --- what is to be told ------------------------------------------------------------------------------------------

    def heard(self, event: AlarmEvent) -> None:
        """Take a change of an alarm where it is to be told. Never waits, never raises."""
        if self.wants(event):
            self.take(event, item_of(event))

    def wants(self, event: AlarmEvent) -> bool:
        """Whether it is to be told here; of its own failure only others can tell."""
        own = event.alarm.ident.subject == self.sink_name
        return not own and (self.rules.wants(event) or self._ends_what_was_told(event))

    def take(self, event: AlarmEvent, item: Item) -> None:
        """Let a change wait that is wanted. Never waits, never raises."""
        now = self._about.clock.now()
        self._box.put(item, now)
        if event.what is What.RAISED:
            self._reminded[event.alarm.ident.text] = now.mono

    def _ends_what_was_told(self, event: AlarmEvent) -> bool:
        """Whether this is the end of an alarm that was told, and then came to follow from another."""
        alarm = event.alarm
        known = self._told.get(alarm.ident.text) == alarm.raised_at.isoformat() and alarm.shelved_until is None
        return known and event.what is What.RETURNED and "returned" in self.rules.events

    def restore(self, told: Mapping[str, object]) -> None:
        """Take the detail of the last row of an earlier life; what stands and was not told then is to be told now."""
        before = told.get("told")
        self._told = {str(key): str(at) for key, at in before.items()} if isinstance(before, Mapping) else {}
        now = self._about.clock.now()
        for alarm in self._about.standing():
            unseen = alarm.state in (AlarmState.ACTIVE_UNACK, AlarmState.RETURNED_UNACK)
            what = "raised" if alarm.active else "returned"
            fresh = self._told.get(alarm.ident.text) != alarm.raised_at.isoformat()
            if unseen and fresh and what in self.rules.events and self.rules.concerns(alarm):
                self._box.put(standing_item(alarm, what, alarm.changed_at), now)
            self._reminded[alarm.ident.text] = now.mono

    def _remind(self, now: Instant) -> None:
        if not self.rules.repeat_min:
            return
        waiting = {alarm.ident.text: alarm for alarm in self._about.standing() if self.rules.repeats(alarm)}
        self._reminded = {name: at for name, at in self._reminded.items() if name in waiting}
        for name, alarm in waiting.items():
            if now.mono - self._reminded.setdefault(name, now.mono) >= self.rules.repeat_min * 60.0:
                self._reminded[name] = now.mono
                self._box.put(standing_item(alarm, "reminder", now.wall), now)

    # --- telling it --------------------------------------------------------------------------------------------------

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:  # noqa: ARG002 - a sink is given the feed
        """Tell what there is to tell until cancelled; raises what a send failed of, and is then started again."""
        told = False
        while True:
            now = self._about.clock.now()
            self._remind(now)
            due = self._box.due(now) if now.mono >= self._not_before else ()
            if due:
                await self._deliver(due, now)
            if not told and not self._attempts:
                told = True
                started()
            await self._about.clock.sleep(LOOK_S)

    async def _deliver(self, due: Sequence[Waiting], now: Instant) -> None:
        left_out = self._box.left_out
        message = Message(now.wall, self._about.environment, tuple(one.item for one in due), left_out)
        self._attempts += 1
        try:
            await self._send(message)
        except CaisoAdsError as problem:
            self._note_failure(message, str(problem))
            raise
        now = self._about.clock.now()
        self._box.sent(due, left_out, now)
        for one in due:
            self._told[one.item.alarm] = one.item.raised_at.isoformat()
        self._sent += 1
        self._row("sent", message, now.wall, "")
        self._attempts, self._delay, self._not_before = 0, FIRST_DELAY_S, float("-inf")

    async def _send(self, message: Message) -> None:
        """Send within the time limit. Raises CaisoAdsError whatever happens, with a text that holds no secret."""
        try:
            async with asyncio.timeout(SEND_S):
                await self._way.send(message)
        except TimeoutError:
            raise RemoteError(f"not sent within {SEND_S:g} s") from None
        except OSError as problem:
            raise RemoteError(plain(problem.strerror or str(problem), 200)) from problem
        except CaisoAdsError:
            raise
        except Exception as problem:  # a foreign library may raise anything; its text might hold what we sent
            raise RemoteError(f"not sent: {type(problem).__name__}") from problem

    def _note_failure(self, message: Message, problem: str) -> None:
        now = self._about.clock.now()
        self._failed += 1
        if self._attempts == 1:
            self._row("failed", message, now.wall, problem)
        self._not_before, self._delay = now.mono + self._delay, min(self._delay * 2.0, LONGEST_DELAY_S)
        old = self._box.expired(now)
        if old:
            self._given_up += len(old)
            lost = Message(now.wall, self._about.environment, tuple(one.item for one in old))
            log.error("%s: given up %d changes of alarms that could not be sent: %s", self.sink_name, len(old), problem)
            self._row("given up", lost, now.wall, problem)

    def _row(self, outcome: str, message: Message, at: datetime, problem: str) -> None:
        """Note what became of a message. It carries what was told of all that stands: the last row is enough."""
        standing = {alarm.ident.text for alarm in self._about.standing()}
        self._told = {alarm: raised for alarm, raised in self._told.items() if alarm in standing}
        detail: dict[str, object] = {
            "notifier": self.name, "kind": self.rules.kind, "outcome": outcome, "message_id": message.message_id,
            "attempts": self._attempts, "changes": [item.item_id for item in message.items],
            "alarms": sorted({item.alarm for item in message.items}), "left_out": message.left_out,
            "problem": plain(problem, 200), "told": dict(self._told),
        }  # fmt: skip
        text = f"notifier {self.name}: {outcome}: {message.subject}"
        self._about.note(Fact(FACT, at, WHO, text, uid=self.subject, detail=detail))

    # --- what others ask ---------------------------------------------------------------------------------------------

    async def try_out(self, who: str) -> str:
        """Send a test message at once, whatever the rules say, and return what became of it."""
        now = self._about.clock.now()
        message = Message(now.wall, self._about.environment, (test_item(self.name, who, now.wall),))
        try:
            await self._send(message)
        except CaisoAdsError as problem:
            self._row("failed", message, now.wall, str(problem))
            return f"failed: {problem}"
        self._row("sent", message, now.wall, "")
        return "sent"

    def counts(self) -> Mapping[str, int]:
        """Return messages sent, attempts failed, changes given up, and changes that wait."""
        return {"sent": self._sent, "failed": self._failed, "given_up": self._given_up, "waiting": len(self._box)}
