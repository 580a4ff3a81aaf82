"""What the gateway and its OPC UA process tell each other: frames of MessagePack, a length of four bytes before each.

Rule: the gateway sends the newest snapshot only, and only after the last one was shown; nothing queues.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from caiso_ads.core.points import PointValue, Row, Snapshot, Value, qualities_of, values_of
from caiso_ads.core.quality import Quality

HEAD = 4
LONGEST = 64 << 20  # bytes of one frame; thousands of resources are far below


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the process needs to serve; passwords travel as hashes only, and never as arguments."""

    host: str
    port: int
    certificate: bytes
    key_file: str
    users: dict[str, str]
    trusted: list[bytes]
    resource_ids: list[str]
    names: dict[str, str]
    nodes: list[str]
    node_names: dict[str, str]
    max_sessions: int
    max_subscriptions: int
    max_message_bytes: int
    memory_limit_mb: int
    stall_limit_s: float


class Columns(msgspec.Struct, frozen=True, array_like=True):
    """The points of one resource, node or the gateway, in the order of the catalogue."""

    values: list[float | int | datetime | None]
    qualities: list[int]
    source_times: list[datetime | None]


class Shown(msgspec.Struct, frozen=True):
    """One snapshot on its way."""

    generation: int
    at: datetime
    gateway: Columns
    resources: dict[str, Columns]
    nodes: dict[str, Columns]


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the process: the port it listens on, the snapshot now visible, or why it ends."""

    port: int = 0
    shown: int = -1
    error: str = ""


def columns(row: Sequence[PointValue]) -> Columns:
    """Return one row as plain columns."""
    times = row.source_times if isinstance(row, Row) else [item.source_time for item in row]
    plain: list[Value] = [int(v) if isinstance(v, int) else v for v in values_of(row)]
    return Columns(plain, [int(quality) for quality in qualities_of(row)], list(times))


def packed(snapshot: Snapshot) -> Shown:
    """Return a snapshot as it travels."""
    return Shown(
        snapshot.generation,
        snapshot.at,
        columns(snapshot.gateway),
        {key: columns(row) for key, row in snapshot.resources.items()},
        {key: columns(row) for key, row in snapshot.nodes.items()},
    )


def unpacked(shown: Shown) -> Snapshot:
    """Return the snapshot that travelled; ValueError for a quality nobody knows."""

    def row(one: Columns) -> Row:
        return Row(tuple(one.values), tuple(Quality(code) for code in one.qualities), tuple(one.source_times))

    return Snapshot(
        shown.generation,
        shown.at,
        row(shown.gateway),
        {key: row(one) for key, one in shown.resources.items()},
        {key: row(one) for key, one in shown.nodes.items()},
    )


def frame(message: Setup | Shown) -> bytes:
    """Return one message with its length before it."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(HEAD, "big") + body
