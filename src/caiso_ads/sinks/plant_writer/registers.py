"""How a power stands in the registers of a controller: type, word order, scale and unit, both ways. Pure.

Rule: a number the registers cannot hold between the limits is refused, never cut; what is no number reads as None.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Type = Literal["int16", "uint16", "int32", "float32"]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Unit = Literal["MW", "kW", "W", "percent"]

_RANGES = {"int16": (-0x8000, 0x7FFF), "uint16": (0, 0xFFFF), "int32": (-0x8000_0000, 0x7FFF_FFFF)}
_FORMS = {"int16": ">h", "uint16": ">H", "int32": ">i", "float32": ">f"}
_MW = {"MW": 1.0, "kW": 1e-3, "W": 1e-6}
_NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Register:
    """One number: the register times ``scale`` is the power in ``unit``; percent is of pmax_mw.

    ``absent`` is the raw value that means "not implemented"; ``function`` is that of reading (3 or 4).
    """

    address: int
    type: Type = "float32"
    order: Order = "ABCD"
    scale: float = 1.0
    unit: Unit = "MW"
    absent: int | None = None
    function: int = 3

    @property
    def count(self) -> int:
        """How many 16-bit registers it takes."""
        return 2 if self.type in ("int32", "float32") else 1

    def decode(self, words: Sequence[int], pmax_mw: float | None) -> float | None:
        """Return the power (MW); None for no number, or for percent of a limit that is not known."""
        raw = struct.unpack(_FORMS[self.type], _turned(struct.pack(f">{self.count}H", *words), self.order))[0]
        step = self._step_mw(pmax_mw)
        if step is None or raw == self.absent or not math.isfinite(raw):
            return None
        return float(raw * step)

    def encode(self, mw: float, pmax_mw: float | None) -> tuple[int, ...]:
        """Return the registers for a power that ``quantised`` returned; ValueError for one they cannot hold."""
        step = self._step_mw(pmax_mw)
        if step is None or not math.isfinite(mw):
            raise ValueError(f"{mw} MW has no registers")
        raw: float = mw / step if self.type == "float32" else round(mw / step)
        try:
            data = struct.pack(_FORMS[self.type], raw)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{mw:g} MW does not fit {self.type}") from error
        return struct.unpack(f">{self.count}H", _turned(data, self.order))

    def quantised(self, mw: float, low_mw: float, high_mw: float) -> float | None:
        """Return the power nearest to ``mw`` that the registers can hold between the limits; None without one."""
        step = self._step_mw(high_mw)
        if step is None or not math.isfinite(mw):
            return None
        found = (
            _float_inside(mw, low_mw, high_mw, step)
            if self.type == "float32"
            else self._whole(mw, low_mw, high_mw, step)
        )
        return found if found is not None and low_mw - _NEAR <= found <= high_mw + _NEAR else None

    def _whole(self, mw: float, low_mw: float, high_mw: float, step: float) -> float | None:
        least, most = math.ceil(low_mw / step - _NEAR), math.floor(high_mw / step + _NEAR)
        if least > most:
            return None
        raw, (lowest, highest) = min(max(round(mw / step), least), most), _RANGES[self.type]
        return None if raw == self.absent or not lowest <= raw <= highest else raw * step

    def _step_mw(self, pmax_mw: float | None) -> float | None:
        """Return the power of one (MW)."""
        if self.unit != "percent":
            return self.scale * _MW[self.unit]
        return None if pmax_mw is None or pmax_mw <= 0 else self.scale * pmax_mw / 100.0


def _float_inside(mw: float, low_mw: float, high_mw: float, step: float) -> float | None:
    """Return the nearest 32-bit float; one step nearer to the middle where its rounding leaves the limits."""
    try:
        near = struct.unpack(">f", struct.pack(">f", mw / step))[0]
    except OverflowError:
        return None
    ulp = max(abs(near) * 2.0**-23, 2.0**-126)
    for raw in (near, near - ulp, near + ulp):
        rounded = float(struct.unpack(">f", struct.pack(">f", raw))[0]) * step
        if low_mw <= rounded <= high_mw:
            return rounded
    return None


def _turned(data: bytes, order: Order) -> bytes:
    """Turn bytes between ABCD and another order; each order is its own way back."""
    if order in ("BADC", "DCBA"):
        data = b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))
    if order in ("CDAB", "DCBA"):
        data = data[2:] + data[:2]
    return data
