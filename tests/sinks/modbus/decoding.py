"""What a master makes of registers, by the printed row alone and without the encoder: libmodbus' four readings."""

from __future__ import annotations

import struct
from typing import Any

from caiso_ads.sinks.modbus.image import Image
from caiso_ads.sinks.modbus.layout import Row


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def word32(data: bytes, order: str) -> int:
    """Return the 32-bit number two registers hold in that order, as modbus_get_float_abcd and its kin take it."""
    first: int
    second: int
    first, second = struct.unpack(">HH", data)
    high, low = {
        "ABCD": (first, second),
        "CDAB": (second, first),
        "BADC": (_swapped(first), _swapped(second)),
        "DCBA": (_swapped(second), _swapped(first)),
    }[order]
    return high << 16 | low


def decoded(row: Row, data: bytes) -> Any:
    """Return what the row's registers hold, not scaled."""
    match row.type:
        case "ASCII":
            return data.rstrip(b"\0").decode("ascii")
        case "uint16":
            return struct.unpack(">H", data)[0]
        case "int16":
            return struct.unpack(">h", data)[0]
    form = {"float32": ">f", "uint32": ">I", "int32": ">i"}[row.type]
    return struct.unpack(form, word32(data, row.word_order).to_bytes(4, "big"))[0]


def read_row(image: Image, row: Row) -> Any:
    """Return what a master reads there; both functions share one image, so it is asked once."""
    view = image.units[row.unit_id]
    if row.table == "bit":
        bits = view.discrete(row.pdu, 1)
        assert bits is not None, row
        return bits == b"\x01"
    data = view.registers(row.pdu, row.count)
    assert data is not None, row
    assert len(data) == 2 * row.count
    return decoded(row, data)
