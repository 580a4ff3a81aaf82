"""Frames nobody should send, the same for the same seed: mutations of good ones, and the primitives of boofuzz."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator

from tests.sinks.modbus.snapshots import frame, read

GOOD = [
    read(1, 0, 4), read(2, 100, 2), read(3, 1000, 100), read(4, 1100, 125), frame("2b0e0100"), frame("2b0e0402"),
    frame("0604620001"), frame("0f0000000a02cd01"), frame("1004620002040000ffff"), frame("1604620000ffff"),
    frame("1704620001046200010200ff"), frame("14070600010000000a"), frame("11"), frame("080000a5a5"),
]  # fmt: skip
BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
WORDS = (0, 1, 2, 0x7D, 0x7E, 0x7D0, 0x7D1, 0x7FFF, 0x8000, 0xFF00, 0xFFFE, 0xFFFF)
DELIMITERS = (b"", b"\0", b"\r\n", b"A" * 300, b"%n%s", b"\xff" * 261, b"\0" * 260, b"<?xml?>", b"../..")


def _set_byte(dice: random.Random, data: bytearray) -> None:
    data[dice.randrange(len(data))] = dice.choice(BYTES)


def _flip_bit(dice: random.Random, data: bytearray) -> None:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _set_word(dice: random.Random, data: bytearray) -> None:
    struct.pack_into(">H", data, dice.randrange(len(data) - 1), dice.choice(WORDS))


def _cut(dice: random.Random, data: bytearray) -> None:
    del data[dice.randrange(1, len(data)) :]


def _insert(dice: random.Random, data: bytearray) -> None:
    at = dice.randrange(len(data))
    data[at:at] = dice.choice(DELIMITERS) or dice.randbytes(dice.randrange(1, 20))


def _function(dice: random.Random, data: bytearray) -> None:
    data[7] = dice.randrange(256)


def _random_body(dice: random.Random, data: bytearray) -> None:
    data[:] = frame(dice.randbytes(dice.randrange(1, 253)), dice.randrange(65_536), dice.choice((0, 1, 1, 1, 255)))


def _fixed_length(_dice: random.Random, data: bytearray) -> None:
    struct.pack_into(">H", data, 4, len(data) - 6)  # so that most reach beyond the header's checks


MUTATIONS: list[Callable[[random.Random, bytearray], None]] = [
    _set_byte, _flip_bit, _set_word, _cut, _insert, _function, _random_body,
]  # fmt: skip


def frames(seed: int, count: int) -> Iterator[bytes]:
    """Yield so many frames."""
    dice = random.Random(seed)
    for _ in range(count):
        data = bytearray(dice.choice(GOOD))
        for _ in range(dice.randrange(1, 4)):
            if len(data) > 8:
                dice.choice(MUTATIONS)(dice, data)
        if len(data) > 7 and len(data) < 261 and dice.random() < 0.7:
            _fixed_length(dice, data)
        yield bytes(data)
