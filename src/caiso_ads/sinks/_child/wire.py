"""What the gateway and the process of a sink tell each other.

Rule: to the process go frames of MessagePack, a length of four bytes before each: first its caps, then its setup, then
snapshots, each only after the last was shown, so nothing queues. Back come lines of JSON, short and few.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import msgspec

from caiso_ads.core.points import PointValue, Row, Snapshot, Value, qualities_of, values_of
from caiso_ads.core.quality import Quality

HEAD = 4
LONGEST = 64 << 20  # bytes of one frame; thousands of resources are far below
LONGEST_TEXT = 500


class Caps(msgspec.Struct, frozen=True):
    """What the process may use, and how long after the end of its input it may still live (s). 0 MB is no cap."""

    memory_limit_mb: int
    descriptor_limit: int
    last_word_s: float = 0.0


class Columns(msgspec.Struct, frozen=True, array_like=True):
    """The points of one resource, node or the gateway, in the order of the catalogue."""

    values: Sequence[float | int | datetime | None]
    qualities: Sequence[int]
    source_times: Sequence[datetime | None]


class Shown(msgspec.Struct, frozen=True):
    """One snapshot on its way."""

    generation: int
    at: datetime
    gateway: Columns
    resources: dict[str, Columns]
    nodes: dict[str, Columns]
    dot_prices: dict[str, Columns]


class Bound(msgspec.Struct, frozen=True, tag="bound"):
    """The sink listens there, and shows what it was given."""

    places: list[tuple[str, int]]


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """The plant can read that snapshot now; the next may come."""

    generation: int


class Read(msgspec.Struct, frozen=True, tag="read"):
    """A client was answered from that snapshot."""

    client: str
    unit: int
    generation: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """A client tried what it may not."""

    client: str
    what: str


class Line(msgspec.Struct, frozen=True, tag="log"):
    """One line for the gateway's log."""

    level: int
    text: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Why the process ends. ``number`` is the errno where the system refused something, else 0."""

    text: str
    number: int = 0


Reply = Bound | Seen | Read | Refused | Line | Failed
_REPLY: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def columns(row: Sequence[PointValue]) -> Columns:
    """Return one row as plain columns."""
    times = row.source_times if isinstance(row, Row) else [item.source_time for item in row]
    plain: list[Value] = [int(v) if isinstance(v, int) else v for v in values_of(row)]
    return Columns(plain, [int(quality) for quality in qualities_of(row)], times)


def packed(snapshot: Snapshot) -> Shown:
    """Return a snapshot as it travels."""
    return Shown(
        snapshot.generation,
        snapshot.at,
        columns(snapshot.gateway),
        {key: columns(row) for key, row in snapshot.resources.items()},
        {key: columns(row) for key, row in snapshot.nodes.items()},
        {key: columns((price,)) for key, price in snapshot.dot_prices.items()},
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
        {key: row(one)[0] for key, one in shown.dot_prices.items()},
    )


def frame(message: msgspec.Struct) -> bytes:
    """Return one message with its length before it."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(HEAD, "big") + body


def read_frame(source: BinaryIO) -> bytes | None:
    """Return one frame; None when the other side has closed, or sends what is no frame. Blocks."""
    head = source.read(HEAD)
    length = int.from_bytes(head, "big")
    if len(head) < HEAD or length > LONGEST:
        return None
    body = source.read(length)
    return body if len(body) == length else None


def line(reply: Reply) -> bytes:
    """Return one reply as a line."""
    return msgspec.json.encode(reply) + b"\n"


def reply_of(text: bytes) -> Reply:
    """Return the reply of a line; ValueError for what is none."""
    return _REPLY.decode(text)
