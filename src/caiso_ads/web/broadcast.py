"""What all open pages hear: each snapshot as what changed, worked out and encoded once, whoever listens.

Rule: nobody is waited for. A page that does not take its messages gets the whole snapshot when it takes again, and is
dropped when it does not; the loop never knows that it exists.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Point, PointValue, Snapshot
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks.status import LMP, document, shown
from caiso_ads.sinks.words import utc_text

MOST_WAITING = 5
"""Messages that wait for one page; with more it gets the whole snapshot in their place."""


AT_ONCE = 10
"""Pages that are told in one turn of the loop; between two turns whoever is due comes first."""


def message(kind: str, data: Any) -> bytes:
    """Return one server-sent event."""
    return _event(kind, msgspec.json.encode(data))


def _event(kind: str, data: bytes) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


class Listener:
    """One open page: what it has not taken yet."""

    def __init__(self, wake: Any) -> None:
        self.wake = wake
        self.waiting: deque[bytes] = deque()
        self.behind = True  # the first thing it needs is the whole snapshot

    def put(self, said: bytes, *, whole: bool = False) -> None:
        """Let it have one more message; ``whole`` ones are left out where the whole snapshot comes anyway."""
        if whole and self.behind:
            self.wake.set()
            return
        if len(self.waiting) >= MOST_WAITING:
            self.waiting.clear()
            self.behind = True
        else:
            self.waiting.append(said)
        self.wake.set()


class Broadcast:
    """The messages of one site. ``tell`` is for what is no snapshot; the last of a kept kind greets who comes later."""

    def __init__(self, feed: Feed, context: SinkContext) -> None:
        self._feed, self._context = feed, context
        self._listeners: set[Listener] = set()
        self._kept: dict[str, bytes] = {}
        self._whole: tuple[int, bytes] = (-1, b"")
        self._told = feed.latest  # what all pages have that are not behind: the next change begins there

    @property
    def listeners(self) -> int:
        """How many pages are open."""
        return len(self._listeners)

    def whole(self, snapshot: Snapshot | None = None) -> bytes:
        """Return a snapshot, by default the newest, as JSON; encoded once however many ask."""
        asked = snapshot or self._feed.latest
        if self._whole[0] != asked.generation:
            self._whole = asked.generation, msgspec.json.encode(document(asked, self._context, "running"))
        return self._whole[1]

    async def run(self) -> None:
        """Follow the feed until cancelled."""
        while True:
            known, self._told = self._told, await self._feed.after(self._told.generation)
            listeners = tuple(self._listeners)
            said = message("change", changed(known, self._told)) if listeners else b""
            for begin in range(0, len(listeners), AT_ONCE):
                for each in listeners[begin : begin + AT_ONCE]:
                    each.put(said, whole=True)
                await asyncio.sleep(0)

    def tell(self, kind: str, data: Any, *, keep: bool = False) -> None:
        """Tell every open page; with ``keep`` also those that come later."""
        said = message(kind, data)
        if keep:
            self._kept[kind] = said
        for each in tuple(self._listeners):
            each.put(said)

    def join(self, listener: Listener) -> None:
        """Let a page listen from now on."""
        listener.waiting.extend(self._kept.values())
        self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        """Forget a page that is gone."""
        self._listeners.discard(listener)

    def take(self, listener: Listener) -> bytes:
        """Return what a page has not had, in order; the whole snapshot first where it is behind."""
        said = list(listener.waiting)
        listener.waiting.clear()
        if listener.behind:
            listener.behind = False
            kept = [] if said else list(self._kept.values())
            said = [_event("snapshot", self.whole(self._told)), *said, *kept]
        return b"".join(said)


def changed(old: Snapshot, new: Snapshot) -> dict[str, Any]:
    """Return what differs between two snapshots, each point as [value, quality, source time, word]."""
    told: dict[str, Any] = {
        "snapshot_id": new.generation,
        "at": utc_text(new.at),
        "gateway": _differing(GATEWAY_POINTS, old.gateway, new.gateway),
        "resources": _rows(RESOURCE_POINTS, old.resources, new.resources),
        "nodes": _rows(NODE_POINTS, old.nodes, new.nodes),
    }
    prices = {key: _short(LMP, one) for key, one in new.dot_prices.items() if old.dot_prices.get(key) != one}
    return {**told, "dot_prices": prices} if prices else told


def _rows(
    points: Sequence[Point], old: Mapping[str, Sequence[PointValue]], new: Mapping[str, Sequence[PointValue]]
) -> dict[str, dict[str, Any]]:
    found = {}
    for key, row in new.items():
        before = old[key]
        if row is not before and (differing := _differing(points, before, row)):
            found[key] = differing
    return found


def _differing(points: Sequence[Point], old: Sequence[PointValue], new: Sequence[PointValue]) -> dict[str, Any]:
    return {point.key: _short(point, now) for point, before, now in zip(points, old, new, strict=True) if now != before}


def _short(point: Point, known: PointValue) -> list[Any]:
    said = shown(point, known)
    return [said["value"], said["quality"], said.get("source_time"), said.get("word")]
