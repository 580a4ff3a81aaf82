"""The four orders in which masters read the two words of a 32-bit value.

Rule: bytes only change places here, never meaning. A is the highest byte; single registers and text stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter

WORD_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_HIGHEST = ord("A")


def arranged(value: bytes, order: str) -> bytes:
    """Return the four bytes of a big-endian value in that order."""
    return bytes(value[ord(letter) - _HIGHEST] for letter in order)


def arranger(registers: int, places: Iterable[int], order: str) -> Callable[[bytes], bytes]:
    """Return what turns a block of so many registers, high word first, into that order.

    ``places`` are the registers at which 32-bit values begin.
    """
    if order == WORD_ORDERS[0]:
        return bytes  # of bytes: the same object
    sources = list(range(2 * registers))
    for place in places:
        sources[2 * place : 2 * place + 4] = [2 * place + ord(letter) - _HIGHEST for letter in order]
    pick = itemgetter(*sources)
    return lambda block: bytes(pick(block))
