"""What the tests of the files sink share: snapshots, payloads, a store with a given history, readers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.errors import StoreError
from caiso_ads.ports import SinkContext, StoredPayload
from tests.fakes import START, FakeClock, MemoryStore

HOSTILE = ("../../etc/x", "a\0b", "CON", "=cmd()", "+1", "-1", "@x", "<script>", 'a"b,c\nd', "Ω" * 300, "ab", "AB", "")

SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def snapshot(
    generation: int = 1, *, ids: Sequence[str] = ("A", "B"), mw: float | None = 50.0, at: datetime = START
) -> Snapshot:
    """Make a snapshot in which every resource follows ``mw``."""
    resource: dict[str, Any] = {
        "directive": Directive.FOLLOW if mw is not None else Directive.NO_DATA,
        "reasons": Reason.NONE if mw is not None else Reason.NOT_CONFIRMED | Reason.RESTORED,
        "quality": Quality.GOOD if mw is not None else Quality.INIT,
        "setpoint_mw": mw,
        "supplemental_mw": -3.5,
        "dot_target_time": START,
        "trajectory_age_s": 7.0,
        "follow_dot_flag": 2,
        "pmin_mw": -0.0,
    }
    gateway: dict[str, Any] = {"heartbeat": generation, "utc_time": at, "environment": 0, "link_age_s": 1.25}
    return Snapshot(
        generation,
        at,
        tuple(PointValue(gateway.get(point.key), Quality.GOOD, at) for point in GATEWAY_POINTS),
        dict.fromkeys(
            ids, tuple(PointValue(resource.get(point.key), Quality.GOOD, START) for point in RESOURCE_POINTS)
        ),
    )


@dataclass
class ShelfStore(MemoryStore):
    """A store whose history is a list given by the test."""

    shelf: list[StoredPayload] = field(default_factory=list)
    failing: bool = False

    async def payloads_after(self, row: int, limit: int) -> Sequence[StoredPayload]:
        if self.failing:
            raise StoreError("disk I/O error")
        return [item for item in self.shelf if item.row > row][:limit]


def payload(
    row: int, uid: str | None = None, stream: str = "dispatch", received: datetime | None = None
) -> StoredPayload:
    """Make a payload; later rows arrive later."""
    uid = f"uid{row}" if uid is None else uid
    received = received or START + timedelta(seconds=row)
    return StoredPayload(row, stream, uid, received, f"<DispatchBatch row='{row}'/>".encode())


def context(
    store: ShelfStore | None = None,
    *,
    ids: tuple[str, ...] = ("A", "B"),
    environment: str = "production",
    clock: FakeClock | None = None,
) -> SinkContext:
    """Make a sink's context."""
    return SinkContext(
        ids, {item: f"name of {item}" for item in ids}, environment, store or ShelfStore(), clock or FakeClock()
    )


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def archived(folder: Path) -> list[Path]:
    """Return the archived documents in order."""
    return sorted(folder.glob("archive/*/*.xml"))
