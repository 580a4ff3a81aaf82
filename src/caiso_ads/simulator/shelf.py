"""Batches of one stream in order of arrival, for as long as ADS keeps them.

Rule: order is arrival, never the identifier's value; what is older than the keeping time is gone, and its identifier is
as unknown as one that never was. Spec: ADS API v7 §2.1 (24 hours).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

H = TypeVar("H")
F = TypeVar("F")

KEEPING_TIME = timedelta(hours=24)


@dataclass(slots=True)
class Entry(Generic[H, F]):
    """One batch: its header at once, its content when somebody asks for it first."""

    uid: str
    received: datetime
    header: H
    build: Callable[[], F]
    content: F | None = None

    def full(self) -> F:
        """Return the whole batch, computed once."""
        if self.content is None:
            self.content = self.build()
        return self.content


class Shelf(Generic[H, F]):
    """The batches of one stream."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry[H, F]] = {}
        self._log: list[tuple[int, str]] = []
        self._last_place: dict[str, int] = {}
        self._places = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry[H, F]]:
        return iter(list(self._entries.values()))

    def add(self, entry: Entry[H, F]) -> None:
        """Put a batch at the end."""
        self._entries[entry.uid] = entry
        self.list_again(entry.uid)

    def list_again(self, uid: str) -> None:
        """Let a batch appear after everything that was listed so far."""
        self._places += 1
        self._log.append((self._places, uid))
        self._last_place[uid] = self._places

    def get(self, uid: str) -> Entry[H, F] | None:
        """Return a batch, or None when it is not, or no more, kept."""
        return self._entries.get(uid)

    def since(self, uid: str) -> list[Entry[H, F]] | None:
        """Return what came strictly after that batch, all for ``-1``, None for an identifier that is not kept."""
        if uid == "-1":
            return list(self._entries.values())
        if uid not in self._entries:
            return None
        place = self._last_place[uid]
        later = self._log[bisect_right(self._log, place, key=lambda row: row[0]) :]
        return [self._entries[name] for name in dict.fromkeys(name for _, name in later)]

    def forget_before(self, oldest: datetime) -> None:
        """Drop what was received before that instant."""
        gone = set()
        for uid, entry in self._entries.items():
            if entry.received >= oldest:
                break
            gone.add(uid)
        if gone:
            for uid in gone:
                del self._entries[uid], self._last_place[uid]
            self._log = [row for row in self._log if row[1] not in gone]
