"""What open pages are told beside snapshots: how the alarms stand, and that a batch has something to notice.

Rule: of a batch one message for each kind, however many resources it is for; what was read back at a start, or fetched
long after its time, is no news.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from caiso_ads.core.alarm_kinds import Alarm
from caiso_ads.core.alarm_view import summary
from caiso_ads.core.answering import closes_at
from caiso_ads.core.events import Notice, events_of
from caiso_ads.core.happenings import BatchSeen, Event
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.state import State
from caiso_ads.web.broadcast import Broadcast

OLD = timedelta(minutes=15)
"""So long after its window has closed, or its time has begun, a batch is no news."""
_KNOWN = 4000
"""How many batches are remembered."""


class News:
    """Tells the pages of one site. ``alarms`` are those that are not normal."""

    def __init__(self, broadcast: Broadcast, alarms: Callable[[], list[Alarm]]) -> None:
        self._broadcast, self._alarms = broadcast, alarms
        self._revisions: dict[str, int] = {}

    def alarms_changed(self) -> None:
        """Tell how the alarms stand now."""
        self._broadcast.tell("alarms", summary(self._alarms()), keep=True)

    def folded(self, event: Event, state: State) -> None:
        """Look at an event."""
        if not isinstance(event, BatchSeen):
            return
        batch, ours = event.batch, state.configured
        before = self._revisions.pop(batch.batch_uid, None)
        self._revisions[batch.batch_uid] = batch.revision_no
        if len(self._revisions) > _KNOWN:
            del self._revisions[next(iter(self._revisions))]
        if event.restored or before == batch.revision_no or _is_old(batch, event.arrived.wall):
            return
        resources = {one.resource_id: None for one in batch.instructions if one.resource_id in ours}
        for kind, text, about in _news(batch, revised=before is not None):
            concerned = [one for one in resources if about is None or one in about]
            if concerned:
                self._tell(kind, text, batch, concerned)

    def _tell(self, kind: str, text: str, batch: DispatchBatch, resources: list[str]) -> None:
        one = resources[0] if len(resources) == 1 else None
        more = "" if one else f", {len(resources)} resources"
        told = {"kind": kind, "resource_id": one, "batch_uid": batch.batch_uid, "text": text + more}
        self._broadcast.tell("news", told)


def _is_old(batch: DispatchBatch, now: datetime) -> bool:
    """Whether nobody can do anything about it any more: it was filled in after an outage."""
    return now - (closes_at(batch) or batch.start_time) > OLD


def _news(batch: DispatchBatch, *, revised: bool) -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield kind, text and the resources it is about (None: all of the batch)."""
    hourly = closes_at(batch) is not None
    if revised:
        yield "revision", f"revision {batch.revision_no} of a batch ({batch.batch_type.label})", None
    elif hourly:
        yield "instruction", "an hourly instruction waits for an answer", None
    events = list(events_of(batch))
    for notice, kind in ((Notice.CONTINGENCY, "contingency"), (Notice.EXCEPTIONAL_DISPATCH, "exceptional")):
        about = {resource_id for resource_id, event in events if notice in event.notice}
        if about and not revised:
            yield kind, f"{kind} dispatch", about
