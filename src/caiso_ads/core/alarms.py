"""The life of alarms by ISA-18.2, from one reading to the next: raised, returned, acknowledged, shelved, suppressed.

Rule: an alarm that was announced stays until a person acknowledged it; shelving always has an end; what follows from a
cause that is in force itself is suppressed, and comes out when that is over and it still holds. Where a condition is not known the alarm
stays as it is. Time is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from caiso_ads.core.alarm_catalogue import BY_KEY, FLOOD
from caiso_ads.core.alarm_kinds import Alarm, AlarmEvent, AlarmKind, AlarmState, Ident, Priority, Scope, What
from caiso_ads.core.alarm_rates import CALM_BELOW, CHATTER_OFF_S, FLOOD_ABOVE, Rates
from caiso_ads.core.alarm_reading import Reading
from caiso_ads.core.alarm_standing import Standing
from caiso_ads.core.instant import Instant
from caiso_ads.errors import CommandError

RELEASE_S = 10.0
"""How long what was suppressed must still hold once its cause is over (s): one poll, which renews everything."""
LONGEST_SHELF = timedelta(hours=24)
_PLACE = {key: place for place, key in enumerate(BY_KEY)}
_THE_FLOOD = Ident(FLOOD)

Say = Callable[[AlarmKind, str, bool], str]
"""Gives the text of a kind and subject, of its begin (True) or end."""


class Book:
    """Every alarm that is not normal."""

    def __init__(self) -> None:
        self._standing: dict[Ident, Standing] = {}
        self._rates = Rates()
        self._last: Reading | None = None
        self._due = 0.0

    # --- what the program sees ---------------------------------------------------------------------------------------

    def look(self, reading: Reading, now: Instant, say: Say) -> list[AlarmEvent]:
        """Return what changed with this reading and this time; nothing is looked at while nothing can have changed."""
        if reading is self._last and now.mono < self._due:
            return []
        self._last = reading
        events = list(self._ended_shelves(now))
        self._calm_flood(now, say, events)
        force: dict[str, list[Ident]] = {}
        for ident in sorted({**reading.holding, **self._standing}, key=lambda one: _PLACE[one.key]):
            if ident == _THE_FLOOD:
                continue
            raw = reading.holds(ident)
            self._step(ident, raw, self._root(ident, force), now, say, events)
            one = self._standing.get(ident)
            if raw or (one is not None and one.holds):
                force.setdefault(ident.key, []).append(ident)
        self._standing = {ident: one for ident, one in self._standing.items() if not one.is_at_rest}
        self._due = min(
            (self._next(ident, one, now.mono) for ident, one in self._standing.items()), default=float("inf")
        )
        return events

    def _step(
        self, ident: Ident, raw: bool | None, root: Ident | None, now: Instant, say: Say, events: list[AlarmEvent]  # noqa: FBT001 - three-valued
    ) -> None:  # fmt: skip
        one = self._standing.get(ident)
        if one is None:
            if raw is not True:
                return
            one = self._standing[ident] = Standing(ident, BY_KEY[ident.key], now.wall)
        if one.root and root is None:
            one.release(now.mono, RELEASE_S)
        elif one.former_root and root is not None and raw is not False:
            one.resume(root.text)
        if one.settle(raw, now.mono, self._off_s(one)):
            act = self._rise if one.holds else self._fall
            act(one, root, now, say, events)
        elif one.former_root and raw is False:
            self._fall(one, root, now, say, events)
        elif one.holds and root is not None and one.root != root.text:
            fresh, one.root = not one.root, root.text
            if fresh:
                events.append(one.change(What.SUPPRESSED, now))

    def _rise(self, one: Standing, root: Ident | None, now: Instant, say: Say, events: list[AlarmEvent]) -> None:
        one.begin(now, say(one.kind, one.ident.subject, True))
        if root is None and one.shelved_until is None:
            root = self._gathered(one, now, say, events)
        if root is not None:
            one.root = root.text
            events.append(one.change(What.SUPPRESSED, now))
            return
        one.unseen = True
        events.append(one.change(What.RAISED, now))

    def _fall(self, one: Standing, _root: Ident | None, now: Instant, say: Say, events: list[AlarmEvent]) -> None:
        events.append(one.end(now, say(one.kind, one.ident.subject, False)))

    @staticmethod
    def _off_s(one: Standing) -> float:
        return CHATTER_OFF_S if one.chatters else one.kind.off_delay_s

    def _next(self, ident: Ident, one: Standing, mono: float) -> float:
        """Return when time alone may change it (monotonic s); at once where a wall clock decides."""
        if one.shelved_until is not None:
            return mono
        if ident == _THE_FLOOD and one.holds:
            return float("inf") if self._gathered_now() >= CALM_BELOW else self._rates.calm_at()
        return float("inf") if one.differs is None else one.differs + (self._off_s(one) if one.holds else one.on_s)

    # --- one cause, and floods ---------------------------------------------------------------------------------------

    def _root(self, ident: Ident, force: Mapping[str, Sequence[Ident]]) -> Ident | None:
        """Return the cause in force that explains an alarm, or the flood that it is gathered in."""
        kind = BY_KEY[ident.key]
        for key in kind.roots:
            own = kind.scope is not Scope.GATEWAY and BY_KEY[key].scope is kind.scope
            for root in force.get(key, ()):
                if not own or root.subject == ident.subject:
                    return root
        one = self._standing.get(ident)
        return _THE_FLOOD if one is not None and one.root == FLOOD and self._flooded else None

    @property
    def _flooded(self) -> bool:
        flood = self._standing.get(_THE_FLOOD)
        return flood is not None and flood.holds

    def _gathered(self, one: Standing, now: Instant, say: Say, events: list[AlarmEvent]) -> Ident | None:
        """Count an alarm that rises; return the flood where it is to be gathered there."""
        if self._rates.rise(one.ident, now.mono) > FLOOD_ABOVE and not self._flooded:
            flood = self._standing.setdefault(_THE_FLOOD, Standing(_THE_FLOOD, BY_KEY[FLOOD], now.wall))
            flood.holds, flood.unseen = True, True
            flood.begin(now, say(flood.kind, "", True))
            events.append(flood.change(What.RAISED, now))
        one.chatters = self._rates.chatters(one.ident)
        return _THE_FLOOD if self._flooded and self._may_gather(one) else None

    def _may_gather(self, one: Standing) -> bool:
        """Whether it may wait among others: one of low priority, or a high one of a kind that is announced already."""
        if one.kind.priority is Priority.HIGH:
            same = (other for other in self._standing.values() if other.kind is one.kind and other is not one)
            return any(other.state is AlarmState.ACTIVE_UNACK for other in same)
        return one.kind.priority > Priority.HIGH

    def _gathered_now(self) -> int:
        return sum(one.root == FLOOD for one in self._standing.values())

    def _calm_flood(self, now: Instant, say: Say, events: list[AlarmEvent]) -> None:
        if not self._flooded or self._gathered_now() >= CALM_BELOW:
            return
        if self._rates.recent(now.mono) < CALM_BELOW:
            flood = self._standing[_THE_FLOOD]
            flood.holds = False
            events.append(flood.end(now, say(flood.kind, "", False)))

    # --- what people do ----------------------------------------------------------------------------------------------

    def acknowledge(self, ident: Ident, who: str, note: str, now: Instant) -> list[AlarmEvent]:
        """Let a person say that it was seen. Raises CommandError where there is nothing to acknowledge."""
        one = self._found(ident)
        if not one.unseen:
            raise CommandError(f"{ident.text} is not waiting to be acknowledged", field="alarm")
        one.unseen, one.by, one.note = False, who, note
        event = one.change(What.ACKNOWLEDGED, now, who, note)
        self._forget(one)
        return [event]

    def acknowledge_all(self, who: str, note: str, now: Instant) -> list[AlarmEvent]:
        """Let a person say that all were seen that wait for it and are neither shelved nor suppressed."""
        states = (AlarmState.ACTIVE_UNACK, AlarmState.RETURNED_UNACK)
        idents = [ident for ident, one in self._standing.items() if one.state in states]
        return [event for ident in idents for event in self.acknowledge(ident, who, note, now)]

    def shelve(self, ident: Ident, who: str, note: str, span: timedelta, now: Instant) -> list[AlarmEvent]:
        """Let a person set it aside for a time. Raises CommandError for what does not stand, or an end out of bounds."""
        one = self._found(ident)
        if not timedelta() < span <= LONGEST_SHELF:
            raise CommandError("shelving must end within 24 hours", field="minutes")
        one.unseen, one.by, one.note = False, who, note
        one.shelved_until, one.shelved_mono = now.wall + span, now.mono + span.total_seconds()
        self._due = now.mono
        return [one.change(What.SHELVED, now, who, note)]

    def unshelve(self, ident: Ident, who: str, note: str, now: Instant) -> list[AlarmEvent]:
        """Let a person take it back. Raises CommandError where it is not shelved."""
        one = self._found(ident)
        if one.shelved_until is None:
            raise CommandError(f"{ident.text} is not shelved", field="alarm")
        events = list(one.unshelve(now, who, note))
        self._forget(one)
        return events

    def _ended_shelves(self, now: Instant) -> Iterator[AlarmEvent]:
        for one in self._standing.values():
            until = one.shelved_until
            if until is not None and (now.mono >= one.shelved_mono or now.wall >= until):
                yield from one.unshelve(now, "", "its time was over")

    def _found(self, ident: Ident) -> Standing:
        one = self._standing.get(ident)
        if one is None or one.state is AlarmState.NORMAL:
            raise CommandError(f"{ident.text!r} is no alarm that stands", field="alarm", cure="caiso-ads alarms list")
        return one

    def _forget(self, one: Standing) -> None:
        if one.is_at_rest:
            del self._standing[one.ident]

    # --- what others read --------------------------------------------------------------------------------------------

    def alarms(self) -> list[Alarm]:
        """Return every alarm that is not normal, in the order of the catalogue."""
        children: dict[str, list[str]] = {}
        for one in self._standing.values():
            if one.state is AlarmState.SUPPRESSED:
                children.setdefault(one.root, []).append(one.ident.text)
        shown = sorted(self._standing.values(), key=lambda one: (_PLACE[one.ident.key], one.ident.subject))
        return [
            one.view(tuple(sorted(children.get(one.ident.text, ()))))
            for one in shown
            if one.state is not AlarmState.NORMAL
        ]

    def counts(self) -> tuple[int, int]:
        """Return how many are announced and hold, and how many wait to be acknowledged."""
        states = [one.state for one in self._standing.values()]
        unseen = states.count(AlarmState.ACTIVE_UNACK)
        return unseen + states.count(AlarmState.ACTIVE_ACK), unseen + states.count(AlarmState.RETURNED_UNACK)

    def restore(self, saved: Iterable[Mapping[str, object]], now: Instant) -> None:
        """Take over what an earlier life left, of each alarm its last ``Standing.saved``; what is no alarm is left out."""
        for told in saved:
            one = Standing.restored(told, now)
            if one is not None and not one.is_at_rest:
                self._standing[one.ident] = one
