"""What is sent, in words and as a document: plain text, both clocks, and a mark on all that is not production.

Rule: every text passes ``plain``: nothing in it can begin a line, a header or a terminal sequence, or turn the reading
direction. No secret is known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from caiso_ads.core.alarm_catalogue import BY_KEY, TEST
from caiso_ads.core.alarm_kinds import Alarm, AlarmEvent, Ident, Priority, Scope

WHOLE = 5
"""How many changes are told with cause, consequence and action; of more there is a line for each."""
LISTED = 50
"""How many are listed at all."""
LONGEST = 400
"""Longest text of one field (characters)."""
SUBJECT = 120
"""Longest subject (characters)."""


def plain(text: str, longest: int = LONGEST) -> str:
    """Return printable text of at most that many characters; what is not printable is escaped, so that it shows."""
    if text.isprintable() and len(text) <= longest:
        return text  # nearly all of them: a flood must not cost the control loop its time
    parts: list[str] = []
    room = longest
    for one in text:
        shown = one if one.isprintable() else f"\\u{{{ord(one):x}}}"
        if len(shown) > room:
            return f"{''.join(parts)[: longest - 1]}…"
        parts.append(shown)
        room -= len(shown)
    return "".join(parts)


def pacific(at: datetime) -> datetime | None:
    """Return a time on the Pacific clock; None where this machine does not know the zone."""
    try:
        return at.astimezone(ZoneInfo("America/Los_Angeles"))
    except ZoneInfoNotFoundError:  # Windows without the tzdata package
        return None


def both_clocks(at: datetime) -> str:
    """Return a time for people, UTC and Pacific."""
    local = pacific(at)
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return utc if local is None else f"{utc} / {local:%Y-%m-%d %H:%M:%S %Z}"


@dataclass(frozen=True, slots=True)
class Item:
    """One change, as text. ``what``: raised, returned, acknowledged, shelved, unshelved, reminder or test."""

    what: str
    at: datetime
    alarm: str
    priority: Priority
    resource: str
    text: str
    cause: str
    consequence: str
    action: str
    raised_at: datetime
    who: str = ""
    note: str = ""

    @property
    def item_id(self) -> str:
        """The same for the same change, so that a receiver can see that it was told twice."""
        named = f"{self.alarm}\0{self.what}\0{self.at.isoformat()}"
        return sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def line(self) -> str:
        """It in one line."""
        about = f"{self.resource}: " if self.resource else ""
        return f"{self.what.upper()} {self.priority.word}: {about}{self.text}"


def item_of(event: AlarmEvent) -> Item:
    """Return what is told of a change."""
    return _item(event.alarm, event.what.value, event.at, event.text, event.who, event.note)


def standing_item(alarm: Alarm, what: str, at: datetime) -> Item:
    """Return what is told of an alarm as it stands."""
    return _item(alarm, what, at, alarm.text, "", "")


def test_item(name: str, who: str, at: datetime) -> Item:
    """Return what a test of a notifier tells."""
    kind = BY_KEY[TEST]
    text = f"test of the notifier {name}: nothing is wrong"
    action = "none: it shows that alarms reach people"
    return Item("test", at, TEST, Priority.LOW, "", plain(text), plain(kind.cause), "none", action, at, plain(who), "")


def _item(alarm: Alarm, what: str, at: datetime, text: str, who: str, note: str) -> Item:
    kind = alarm.kind
    resource = alarm.ident.subject if kind.scope is Scope.RESOURCE else ""
    cause, consequence, action = plain(kind.cause), plain(kind.consequence), plain(kind.action)
    ident = Ident(alarm.ident.key, plain(alarm.ident.subject)).text
    return Item(
        what, at, ident, kind.priority, plain(resource), plain(text), cause, consequence, action, alarm.raised_at,
        plain(who), plain(note),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one or more changes, the oldest first. ``left_out``: how many older ones found no room."""

    at: datetime
    environment: str
    items: tuple[Item, ...]
    left_out: int = 0

    @property
    def message_id(self) -> str:
        """The same for the same changes."""
        return sha256(" ".join(item.item_id for item in self.items).encode()).hexdigest()[:24]

    @property
    def is_real(self) -> bool:
        """Whether it is about the production market, and no test."""
        return self.environment == "production" and self.foremost.what != "test"

    @property
    def foremost(self) -> Item:
        """The newest of the most urgent."""
        return min(reversed(self.items), key=lambda item: item.priority)

    @property
    def subject(self) -> str:
        """It in one printable line; begins with TEST unless it is real."""
        mark, first = "" if self.is_real else "TEST ", self.foremost
        if len(self.items) == 1 and not self.left_out:
            return plain(f"{mark}caiso-ads {first.line}", SUBJECT)
        count = len(self.items) + self.left_out
        return plain(f"{mark}caiso-ads {count} changes of alarms, foremost {first.line}", SUBJECT)

    @property
    def text(self) -> str:
        """It in lines, none of them longer than a field."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        if self.environment != "production":
            yield f"TEST: environment {plain(self.environment)}, not production. No plant is concerned."
            yield ""
        shown = self.items[-LISTED:]
        hidden = len(self.items) - len(shown) + self.left_out
        for item in reversed(shown):
            yield from _whole(item) if len(self.items) <= WHOLE else (f"{both_clocks(item.at)}  {item.line}",)
        if hidden:
            yield f"and {hidden} older changes: see the page or the journal of alarms"

    @property
    def document(self) -> dict[str, object]:
        """It as plain JSON values: times ISO 8601 UTC, ``items`` the newest first."""
        shown = self.items[-LISTED:]
        return {
            "format": "caiso-ads alarms 1",
            "id": self.message_id,
            "at": _iso(self.at),
            "environment": plain(self.environment),
            "test": not self.is_real,
            "subject": self.subject,
            "text": self.text,
            "items": [_document(item) for item in reversed(shown)],
            "left_out": len(self.items) - len(shown) + self.left_out,
        }


def _whole(item: Item) -> Iterator[str]:
    yield item.line
    yield f"  at: {both_clocks(item.at)}"
    if item.raised_at != item.at:
        yield f"  raised: {both_clocks(item.raised_at)}"
    if item.who:
        yield f"  by: {item.who}"
    if item.note:
        yield f"  note: {item.note}"
    if item.what in {"raised", "reminder", "test"}:
        yield f"  cause: {item.cause}"
        yield f"  consequence: {item.consequence}"
        yield f"  do: {item.action}"
    yield f"  alarm: {item.alarm}"
    yield ""


def _document(item: Item) -> dict[str, object]:
    return {
        "id": item.item_id, "what": item.what, "at": _iso(item.at), "alarm": item.alarm,
        "priority": item.priority.word, "resource_id": item.resource or None, "text": item.text, "cause": item.cause,
        "consequence": item.consequence, "action": item.action, "raised_at": _iso(item.raised_at),
        "who": item.who or None, "note": item.note or None,
    }  # fmt: skip


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
