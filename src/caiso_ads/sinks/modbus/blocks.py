"""The block of 100 registers: its compiled structure for each family of points, in the plant's word order.

Rule: a value we do not have is NaN (or all ones), never 0, and its ``present`` bit is 0. Read ``layout`` for the
places; a test holds that what is packed here stands where ``layout`` says.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from caiso_ads.core.points import Kind, Point, PointValue, qualities_of, values_of
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.modbus import encode, layout
from caiso_ads.sinks.modbus.encode import U32, Value
from caiso_ads.sinks.modbus.orders import arranger

Field = float | int


def _code(value: Value) -> Field | None:
    # the point's second register stays all ones, reserved
    found = encode.code(value)
    return None if found is None else found << 16 | 0xFFFF


_ENCODE: dict[Kind, tuple[str, Callable[[Value], Field | None], Field]] = {
    Kind.NUMBER: ("f", encode.number, math.nan),
    Kind.COUNT: ("I", encode.count, U32),
    Kind.BITS: ("I", encode.count, U32),
    Kind.TIME: ("I", encode.time, U32),
    Kind.CODE: ("I", _code, U32),
}


class Block:
    """One kind of block: its points, and the compiled structure of its 200 bytes.

    ``checksum`` is the map's, where the block is the header: it takes the last slot.
    """

    def __init__(self, points: Sequence[Point], order: str = "ABCD", checksum: int | None = None) -> None:
        room = layout.SLOTS if checksum is None else layout.HEADER_SLOTS
        if len(points) > room:
            raise ValueError(f"{len(points)} points do not fit the {room} slots of a block")
        self._fields = [_ENCODE[point.kind][1:] for point in points]
        formats = "".join(_ENCODE[point.kind][0] for point in points)
        self._unused = b"\xff" * (4 * (layout.SLOTS - len(points)))
        if checksum is not None:
            self._unused = self._unused[:-4] + struct.pack(">I", checksum)
        self._struct = struct.Struct(f">IHH16sII{formats}{len(self._unused)}s{2 * layout.TEXT_REGISTERS}sI")
        self._constants = layout.constants()
        wide = [layout.slot(index) for index, point in enumerate(points) if point.kind is not Kind.CODE]
        last = [] if checksum is None else [layout.CHECKSUM]
        ends = [0, layout.PRESENT, layout.GOOD, layout.TRAILER]
        self._arrange = arranger(layout.BLOCK, [*ends, *wide, *last], order)

    def pack(self, identity: int, position: int, row: Sequence[PointValue], text: bytes) -> bytes:
        """Return the 200 bytes of one row; ``identity`` is the snapshot's."""
        present = good = 0
        fields: list[Field] = []
        bit = 1
        for (encoded, blank), value, quality in zip(self._fields, values_of(row), qualities_of(row), strict=True):
            field = None if value is None else encoded(value)
            if field is None:
                fields.append(blank)
            else:
                fields.append(field)
                present |= bit
                if quality is Quality.GOOD:
                    good |= bit
            bit <<= 1
        head = (identity, layout.MAP_VERSION, position, self._constants, present, good)
        return self._arrange(self._struct.pack(*head, *fields, self._unused, text, identity))


def text_of(name: str) -> bytes:
    """Return a name as the block's text: its first 36 signs, in ASCII."""
    return name.encode("ascii", "replace")[: 2 * layout.TEXT_REGISTERS]
