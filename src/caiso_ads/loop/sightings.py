"""Who could read which batch, and who did: of each batch the first sight by a sink and the first read by a client.

Rule: a batch counts as seen from the first snapshot that holds it, never from an earlier one. Sinks and clients are
remembered by the newest snapshot they had, not batch by batch; so what is told for each snapshot costs a look-up, and
each row is written once in the life of a process. Batches stored before this process began are not followed.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.loop.refusals import Refusals
from caiso_ads.ports import Clock
from caiso_ads.ports.answers import Fact

log = logging.getLogger("caiso_ads.evidence")

KEEP_S = 3600.0
"""How long after a batch was shown a first sight or read of it is still noted (s)."""
MOST_BATCHES = 2000
"""More than the ISO's cache holds (a day), which may come at once after an outage."""
MOST_CLIENTS = 2048
"""A master counts once for each unit it reads: eight masters of 247 units."""

_NONE_YET = -1


@dataclass(frozen=True, slots=True)
class _Shown:
    """One revision of a batch, since when it is in the feed, and its resource where it has only one."""

    uid: str
    revision: int
    resource: str | None
    generation: int
    at: Instant


@dataclass(slots=True)
class _Mark:
    """The newest snapshot somebody had, and when (monotonic s)."""

    generation: int = _NONE_YET
    mono: float = 0.0


class Sightings:
    """Hears the loop (``published``) and the sinks (all else); ``note`` takes the facts and must not wait."""

    def __init__(self, note: Callable[[Fact], None], clock: Clock) -> None:
        self._note, self._clock = note, clock
        self._shown: deque[_Shown] = deque(maxlen=MOST_BATCHES)
        self._sinks: dict[str, _Mark] = {}
        self._clients: dict[tuple[str, str, int], _Mark] = {}
        self._refusals = Refusals(note)
        self._told = False

    def published(self, batch: DispatchBatch, generation: int) -> None:
        """Follow a stored batch that is in the feed from that snapshot on; call it before any sink can run.

        One in which nothing is visible to us changes nothing that can be read, and is not followed.
        """
        ids = {item.resource_id for item in batch.instructions}
        if not ids:
            return
        only = next(iter(ids)) if len(ids) == 1 else None
        self._shown.append(_Shown(batch.batch_uid, batch.revision_no, only, generation, self._clock.now()))

    def seen(self, sink: str, generation: int) -> None:
        """Note each batch that this sink shows for the first time with this snapshot."""
        now = self._clock.now()
        self._refusals.flush(now)
        for one in self._news(self._sinks.setdefault(sink, _Mark()), generation, now):
            text = f"shown by {sink} from snapshot {generation} on"
            detail = {"sink": sink, "snapshot": generation, **_since(one, now)}
            self._note(Fact("seen", now.wall, sink, text, one.resource, one.uid, detail=detail))

    def read(self, sink: str, client: str, unit: int, generation: int) -> None:
        """Note each batch that this client was for the first time answered from with this snapshot."""
        now = self._clock.now()
        mark = self._client((sink, client, unit), now)
        if mark is None:
            return
        for one in self._news(mark, generation, now):
            text = f"first read by {client}, unit {unit}, over {sink}: snapshot {generation}"
            detail = {"sink": sink, "client": client, "unit": unit, "snapshot": generation, **_since(one, now)}
            self._note(Fact("read", now.wall, client, text, one.resource, one.uid, detail=detail))

    def refused(self, sink: str, client: str, what: str) -> None:
        """Note what a client tried and may not; many of one kind make one row a minute."""
        self._refusals.add(sink, client, what, self._clock.now())

    def acted(self, sink: str, resource: str, text: str, detail: Mapping[str, object]) -> None:
        """Note what a sink did to the plant."""
        self._note(Fact("plant", self._clock.now().wall, sink, text, resource, detail={"sink": sink, **detail}))

    def _news(self, mark: _Mark, generation: int, now: Instant) -> Sequence[_Shown]:
        last, mark.mono = mark.generation, now.mono
        if generation <= last:
            return ()
        mark.generation = generation
        if not self._shown or self._shown[-1].generation <= last:
            return ()
        while self._shown and now.mono - self._shown[0].at.mono > KEEP_S:
            self._shown.popleft()
        return [one for one in self._shown if last < one.generation <= generation]

    def _client(self, key: tuple[str, str, int], now: Instant) -> _Mark | None:
        """Return what is known of a client; None where too many others are known to take one more."""
        known = self._clients.get(key)
        if known is not None:
            return known
        if len(self._clients) >= MOST_CLIENTS:
            # One that was silent so long had none of the batches still followed: it cannot be noted twice.
            self._clients = {name: mark for name, mark in self._clients.items() if now.mono - mark.mono <= KEEP_S}
        if len(self._clients) >= MOST_CLIENTS:
            self._refuse(key[1], now)
            return None
        return self._clients.setdefault(key, _Mark(mono=now.mono))

    def _refuse(self, client: str, now: Instant) -> None:
        if self._told:
            return
        self._told = True
        text = f"more than {MOST_CLIENTS} clients read: the reads of {client} and of further ones are not recorded"
        log.warning("%s", text)
        self._note(Fact("gap", now.wall, "gateway", text, detail={"clients": MOST_CLIENTS}))


def _since(one: _Shown, now: Instant) -> dict[str, object]:
    """Return the revision, the first snapshot that held it, and the time since then (s)."""
    after_s = round(max(0.0, now.mono - one.at.mono), 3)
    return {"revision": one.revision, "first_snapshot": one.generation, "after_s": after_s}
