"""A smaller PNG of the same picture: a page is flat colours, which pack best without the filters a browser puts on them."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def packed(png: bytes) -> bytes:
    """Return an RGB picture of 8 bits, as Chromium takes it, packed as small as zlib can."""
    parts = dict[bytes, bytes]()
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind = png[at + 4 : at + 8]
        parts[kind] = parts.get(kind, b"") + png[at + 8 : at + 8 + length]
        at += 12 + length
    width, height, depth, colour = struct.unpack_from(">IIBB", parts[b"IHDR"])
    assert (depth, colour) == (8, 2), "expected RGB"
    rows = b"".join(b"\0" + row for row in _unfiltered(zlib.decompress(parts[b"IDAT"]), 3 * width, height))
    chunks = ((b"IHDR", parts[b"IHDR"]), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _unfiltered(raw: bytes, stride: int, height: int) -> list[bytes]:
    rows, above = list[bytes](), bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        row = bytearray(raw[start + 1 : start + 1 + stride])
        for x in range(stride):
            left, corner = (row[x - 3], above[x - 3]) if x >= 3 else (0, 0)
            row[x] = (row[x] + _predicted(raw[start], left, above[x], corner)) & 0xFF
        above = bytes(row)
        rows.append(above)
    return rows


def _predicted(way: int, left: int, up: int, corner: int) -> int:
    if way == 4:
        near = left + up - corner
        return min((left, up, corner), key=lambda one: abs(near - one))
    return (0, left, up, (left + up) // 2)[way]
