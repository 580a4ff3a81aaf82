"""The SunSpec image: models 1, 704 and 715 of one resource at register 40000, as tables.

Rule: it is a mirror that cannot be written, and the setpoint is shown as enabled only while the directive is FOLLOW. What
the gateway does not know, and every control that is not its own, is "not implemented" as SunSpec writes it, never 0.

Spec: SunSpec Device Information Model Specification V1.2 (types, scale factors), DER models 704 and 715.
Interpretation: these models are meant to be written by a controller. Here they tell what the ISO asks of the resource.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from caiso_ads import __version__
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Snapshot
from caiso_ads.core.quality import Directive
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.modbus.encode import Family, row_of, scaled
from caiso_ads.sinks.modbus.layout import Extra, Plan, Row

BASE = 40_000
WATT_SCALE = 2  # WSet in 100 W: an int32 reaches 214,748 MW
PERCENT_SCALE = -2  # WSetPct and WMaxLimPct in 0.01 % of Pmax
MARK = b"SunS"
END = b"\xff\xff\x00\x00"

DISABLED, ENABLED = 0, 1
WATTS = 1
REMOTE, LOCAL = 0, 1

Value = int | bytes

# Each type: its letter for struct, its registers, and what stands where nothing is implemented.
TYPES: dict[str, tuple[str, int, Value]] = {
    "uint16": ("H", 1, 0xFFFF),
    "enum16": ("H", 1, 0xFFFF),
    "int16": ("h", 1, -0x8000),
    "sunssf": ("h", 1, -0x8000),
    "uint32": ("I", 2, 0xFFFFFFFF),
    "int32": ("i", 2, -0x80000000),
    "string8": ("16s", 8, b""),
    "string16": ("32s", 16, b""),
    "pad": ("H", 1, 0x8000),
}

# Name and type of each point after the two of the model's head, in order.
COMMON = "Mn string16, Md string16, Opt string8, Vr string8, SN string16, DA uint16, Pad pad"
DER_AC_CONTROLS = (
    "PFWInjEna enum16, PFWInjEnaRvrt enum16, PFWInjRvrtTms uint32, PFWInjRvrtRem uint32, "
    "PFWAbsEna enum16, PFWAbsEnaRvrt enum16, PFWAbsRvrtTms uint32, PFWAbsRvrtRem uint32, "
    "WMaxLimPctEna enum16, WMaxLimPct uint16, WMaxLimPctRvrt uint16, WMaxLimPctEnaRvrt enum16, "
    "WMaxLimPctRvrtTms uint32, WMaxLimPctRvrtRem uint32, "
    "WSetEna enum16, WSetMod enum16, WSet int32, WSetRvrt int32, WSetPct int16, WSetPctRvrt int16, "
    "WSetEnaRvrt enum16, WSetRvrtTms uint32, WSetRvrtRem uint32, "
    "VarSetEna enum16, VarSetMod enum16, VarSetPri enum16, VarSet int32, VarSetRvrt int32, "
    "VarSetPct int16, VarSetPctRvrt int16, VarSetEnaRvrt enum16, VarSetRvrtTms uint32, VarSetRvrtRem uint32, "
    "WRmp uint16, WRmpRef enum16, VarRmp uint16, AntiIslEna enum16, "
    "PF_SF sunssf, WMaxLimPct_SF sunssf, WSet_SF sunssf, WSetPct_SF sunssf, VarSet_SF sunssf, VarSetPct_SF sunssf, "
    "PFWInj.PF uint16, PFWInj.Ext enum16, PFWInjRvrt.PF uint16, PFWInjRvrt.Ext enum16, "
    "PFWAbs.PF uint16, PFWAbs.Ext enum16, PFWAbsRvrt.PF uint16, PFWAbsRvrt.Ext enum16"
)
DER_CONTROL = "LocRemCtl enum16, DERHb uint32, ControllerHb uint32, AlarmReset uint16, OpCtl enum16"

# What the points that are implemented mean here: unit, scale, meaning.
MEANINGS: dict[str, tuple[str, int, str]] = {
    "Mn": ("", 0, "caiso-ads"),
    "Md": ("", 0, "what is served"),
    "Vr": ("", 0, "version of the gateway"),
    "SN": ("", 0, "the resource ID, its first 32 characters"),
    "DA": ("", 0, "the unit ID"),
    "WMaxLimPctEna": ("", 0, "1 only while the directive is FOLLOW and the resource is curtailed"),
    "WMaxLimPct": ("%", PERCENT_SCALE, "the setpoint in percent of pmax_mw; none below 0"),
    "WSetEna": ("", 0, "1 only while the directive is FOLLOW; TEST is 0"),
    "WSetMod": ("", 0, "1, always: WSet counts, in watts"),
    "WSet": ("W", WATT_SCALE, "the setpoint; none while the directive is NO_DATA"),
    "WSetPct": ("%", PERCENT_SCALE, "the setpoint in percent of pmax_mw"),
    "WMaxLimPct_SF": ("", 0, f"{PERCENT_SCALE}, always"),
    "WSet_SF": ("", 0, f"{WATT_SCALE}, always"),
    "WSetPct_SF": ("", 0, f"{PERCENT_SCALE}, always"),
    "LocRemCtl": ("", 0, "0 remote: only while WSetEna is 1; else 1 local"),
    "DERHb": ("", 0, "the gateway's heartbeat; it stands still when the control loop does"),
    "ControllerHb": ("", 0, "the same number: the gateway is server and controller in one"),
}


class Model:
    """One SunSpec model: its number and points, and the compiled structure of its registers."""

    def __init__(self, number: int, points: str) -> None:
        body = [tuple(each.split()) for each in points.split(", ")]
        self.number = number
        self.points = [("ID", "uint16"), ("L", "uint16"), *((name, kind) for name, kind in body)]
        self._struct = struct.Struct(">" + "".join(TYPES[kind][0] for _, kind in self.points))
        self.registers = self._struct.size // 2

    def pack(self, values: Mapping[str, Value]) -> bytes:
        """Return the registers; a point without a value is not implemented."""
        given = {"ID": self.number, "L": self.registers - 2, **values}
        return self._struct.pack(*(given.get(name, TYPES[kind][2]) for name, kind in self.points))

    def places(self) -> Iterator[tuple[int, str, str]]:
        """Yield offset from the model's first register, name and type of each point."""
        at = 0
        for name, kind in self.points:
            yield at, name, kind
            at += TYPES[kind][1]


MODELS = (Model(1, COMMON), Model(704, DER_AC_CONTROLS), Model(715, DER_CONTROL))
COUNT = (len(MARK) + len(END)) // 2 + sum(model.registers for model in MODELS)

_POINT = {point.key: index for index, point in enumerate(RESOURCE_POINTS)}
_HEARTBEAT = next(index for index, point in enumerate(GATEWAY_POINTS) if point.key == "heartbeat")


def controls(snapshot: Snapshot, resource_id: str) -> dict[str, Value]:
    """Return the points of models 704 and 715 that are known of a resource; the others are left out."""
    row = row_of(snapshot, Family.RESOURCE, resource_id)
    directive, curtailed = row[_POINT["directive"]].value, row[_POINT["curtailed"]].value
    mw = None if directive == Directive.NO_DATA else row[_POINT["setpoint_mw"]].value
    found: dict[str, Value | None] = {
        "WSetMod": WATTS,
        "WSet_SF": WATT_SCALE,
        "WSetPct_SF": PERCENT_SCALE,
        "WMaxLimPct_SF": PERCENT_SCALE,
        "WSet": scaled(mw, Kind.NUMBER, WATT_SCALE - 6, 0x7FFFFFFF),
        "WSetPct": scaled(_percent(mw, row[_POINT["pmax_mw"]].value), Kind.NUMBER, PERCENT_SCALE, 0x7FFF),
    }
    # both count up to 327.67 %, so that one has no value the other lacks but below 0
    share = found["WSetPct"]
    found["WMaxLimPct"] = share if isinstance(share, int) and share >= 0 else None
    follow = directive == Directive.FOLLOW and found["WSet"] is not None
    limit = follow and curtailed == 1 and found["WMaxLimPct"] is not None
    found |= {
        "WSetEna": ENABLED if follow else DISABLED,
        "WMaxLimPctEna": ENABLED if limit else DISABLED,
        "LocRemCtl": REMOTE if follow else LOCAL,
    }
    beat = scaled(snapshot.gateway[_HEARTBEAT].value, Kind.COUNT, 0, 0xFFFFFFFE)
    found |= {"DERHb": beat, "ControllerHb": beat}
    return {name: value for name, value in found.items() if value is not None}


def _percent(mw: object, pmax_mw: object) -> float | None:
    if not isinstance(mw, int | float) or not isinstance(pmax_mw, int | float) or not pmax_mw > 0:
        return None
    return 100.0 * mw / pmax_mw


@dataclass(frozen=True, slots=True)
class SunSpec:
    """The image of one resource in one unit."""

    unit_id: int
    resource_id: str
    table: str = "register"
    base: int = BASE
    count: int = COUNT

    def render(self, snapshot: Snapshot) -> bytes:
        """Return the registers, from the mark to the end model."""
        serial = self.resource_id.encode("ascii", "replace")
        values: dict[str, Value] = {
            "Mn": b"caiso-ads", "Md": b"ADS setpoint mirror", "Vr": __version__.encode("ascii"), "SN": serial,
            "DA": self.unit_id, **controls(snapshot, self.resource_id),
        }  # fmt: skip
        return MARK + b"".join(model.pack(values) for model in MODELS) + END

    def rows(self) -> Iterator[Row]:
        """Return the lines of the printed map: the points that are implemented."""

        def row(at: int, count: int, key: str, kind: str, unit: str, scale: int, meaning: str) -> Row:
            order = "ABCD" if kind in ("uint32", "int32") else ""
            return Row("register", at, count, self.resource_id, key, kind, order, unit, meaning, self.unit_id, scale)

        yield row(self.base, 2, "sunspec", "ASCII", "", 0, "SunS: here a SunSpec scan finds its models")
        at = self.base + len(MARK) // 2
        for model in MODELS:
            yield row(at, 2, f"sunspec_{model.number}", "uint16", "", 0, "number of the model, and its length")
            for offset, name, kind in model.places():
                if name in MEANINGS:
                    text = "ASCII" if kind.startswith("string") else kind
                    yield row(at + offset, TYPES[kind][1], f"sunspec_{model.number}_{name}", text, *MEANINGS[name])
            at += model.registers
        yield row(at, 2, "sunspec_end", "uint16", "", 0, "0xFFFF and 0: no model follows")


def images(plan: Plan, resource_id: str) -> tuple[Extra, ...]:
    """Return the images of a plan: each resource's in its own unit, and one in the unit that has everything.

    There it is of ``resource_id``, or of the only resource. Raises ConfigError where no image would be served, or
    the resource is not one of the plan.
    """
    ids = plan.resource_ids
    if resource_id and resource_id not in ids:
        raise ConfigError(
            f"{resource_id!r} is not a configured resource", table="sinks.modbus", key="sunspec_resource",
            cure="name one of [[resource]]",
        )  # fmt: skip
    chosen = resource_id or (ids[0] if len(ids) == 1 else "")
    found: list[Extra] = [SunSpec(plan.unit_id, chosen)] if chosen else []
    own = ((unit, plan.resource_of(unit)) for unit in plan.unit_ids)
    found += [SunSpec(unit, ids[index]) for unit, index in own if index is not None]
    if ids and not found:
        raise ConfigError(
            f"one unit has room for one SunSpec image, and there are {len(ids)} resources",
            table="sinks.modbus", key="sunspec_resource", cure='name one, or set units = "per-resource"',
        )  # fmt: skip
    return tuple(found)
