"""One alarm that is not normal: how it settles, and what each change is told as.

Rule: its state is derived from what is known of it (holds, seen, shelved, suppressed) and never set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from caiso_ads.core.alarm_catalogue import BY_KEY
from caiso_ads.core.alarm_kinds import Alarm, AlarmEvent, AlarmKind, AlarmState, Ident, What, ident_of
from caiso_ads.core.instant import Instant


@dataclass(slots=True)
class Standing:
    """``holds``: its condition, settled; ``differs``: since when (monotonic s) the reading says otherwise.

    ``unseen``: it was announced and nobody acknowledged it. ``root``: what it is suppressed by. ``former_root``:
    that is over, and it must still hold for ``on_s`` (s) to be announced itself. ``chatters``: it came so often that it must be over for long.
    """

    ident: Ident
    kind: AlarmKind
    changed_at: datetime
    holds: bool = False
    differs: float | None = None
    unseen: bool = False
    root: str = ""
    former_root: str = ""
    on_s: float = -1.0
    raised_at: datetime | None = None
    text: str = ""
    by: str = ""
    note: str = ""
    shelved_until: datetime | None = None
    shelved_mono: float = 0.0
    count: int = 0
    chatters: bool = False

    def __post_init__(self) -> None:
        """Begin with the delay of its kind."""
        if self.on_s < 0.0:
            self.on_s = self.kind.on_delay_s

    @property
    def state(self) -> AlarmState:
        """Where it stands."""
        if self.shelved_until is not None:
            return AlarmState.SHELVED
        if self.root:
            return AlarmState.SUPPRESSED
        if self.holds:
            return AlarmState.ACTIVE_UNACK if self.unseen else AlarmState.ACTIVE_ACK
        return AlarmState.RETURNED_UNACK if self.unseen else AlarmState.NORMAL

    @property
    def is_at_rest(self) -> bool:
        """Whether there is nothing left to remember."""
        return self.state is AlarmState.NORMAL and self.differs is None and not self.former_root

    def settle(self, raw: bool | None, mono: float, off_s: float) -> bool:  # noqa: FBT001 - three-valued
        """Compare with a reading; True when it has said otherwise for long enough and ``holds`` changed."""
        if raw is None or raw is self.holds:
            self.differs = None
            return False
        if self.differs is None:
            self.differs = mono
        if mono - self.differs < (off_s if self.holds else self.on_s):
            return False
        self.holds, self.differs = raw, None
        return True

    def release(self, mono: float, delay_s: float) -> None:
        """Let it stand for itself again: it must hold for so long once more (s)."""
        self.root, self.former_root, self.holds, self.differs = "", self.root, False, mono
        self.on_s = max(self.kind.on_delay_s, delay_s)

    def resume(self, root: str) -> None:
        """Let it follow from a cause again that came back before it was announced: nothing was told in between."""
        self.root, self.former_root, self.holds, self.differs, self.on_s = root, "", True, None, self.kind.on_delay_s

    def begin(self, now: Instant, text: str) -> None:
        """Note that it begins, with the text of its begin."""
        self.raised_at, self.text, self.by, self.note = now.wall, text, "", ""
        self.count, self.former_root, self.on_s = self.count + 1, "", self.kind.on_delay_s

    def end(self, now: Instant, text: str) -> AlarmEvent:
        """Note that its condition is over, and return it as it was suppressed or not."""
        root = self.root or self.former_root
        self.root, self.former_root, self.on_s, self.differs = "", "", self.kind.on_delay_s, None
        event = self.change(What.RETURNED, now, text=text)
        return replace(event, alarm=replace(event.alarm, root=root))

    def unshelve(self, now: Instant, who: str, note: str) -> Iterator[AlarmEvent]:
        """End its shelving; what still holds is announced again."""
        self.shelved_until, self.by, self.note = None, "", ""
        again = self.holds and not self.root
        self.unseen = self.unseen or again
        yield self.change(What.UNSHELVED, now, who, note)
        if again:
            yield self.change(What.RAISED, now)

    def change(self, what: What, now: Instant, who: str = "", note: str = "", text: str = "") -> AlarmEvent:
        """Return what is told of a change that was made."""
        self.changed_at = now.wall
        return AlarmEvent(what, now.wall, self.view(), text or self.text, who, note)

    def view(self, children: tuple[str, ...] = ()) -> Alarm:
        """Return it as others see it."""
        return Alarm(
            self.ident, self.kind, self.state, self.holds, self.raised_at or self.changed_at, self.changed_at, self.text,
            self.by, self.note, self.shelved_until, self.root, self.count, children, unseen=self.unseen,
        )  # fmt: skip

    @classmethod
    def restored(cls, told: Mapping[str, object], now: Instant) -> Standing | None:
        """Return the alarm that ``saved`` told of; None where it is none of ours."""
        ident, holds = ident_of(str(told.get("alarm", ""))), told.get("holds") is True
        kind = BY_KEY.get(ident.key)
        if kind is None:
            return None
        until = _moment(told.get("shelved_until"))
        left = 0.0 if until is None else (until - now.wall).total_seconds()
        return cls(
            ident, kind, _moment(told.get("changed_at")) or now.wall,
            holds=holds, unseen=told.get("unseen") is True, root=str(told.get("root") or "") if holds else "",
            raised_at=_moment(told.get("raised_at")), text=str(told.get("text") or ""), by=str(told.get("by") or ""),
            note=str(told.get("note") or ""), shelved_until=until, shelved_mono=now.mono + left,
            count=told["count"] if isinstance(told.get("count"), int) else 1,  # type: ignore[arg-type]  # asked just now
        )  # fmt: skip


def saved(alarm: Alarm) -> dict[str, object]:
    """Return what brings an alarm back after a restart, as plain JSON values."""
    return {
        "alarm": alarm.ident.text, "priority": alarm.kind.priority.word, "state": alarm.state.value, "holds": alarm.active,
        "unseen": alarm.unseen, "root": alarm.root, "text": alarm.text, "by": alarm.by, "note": alarm.note,
        "count": alarm.count, "raised_at": alarm.raised_at.isoformat(), "changed_at": alarm.changed_at.isoformat(),
        "shelved_until": None if alarm.shelved_until is None else alarm.shelved_until.isoformat(),
    }  # fmt: skip


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
