"""The CSV file in which a plant says itself where each point stands: read, and checked line by line.

Rule: the whole file is good or it is refused; each refusal names file, line and column and says what to write instead.
Nothing is guessed: a point, an owner or a type that is not known is an error, not a row left out.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caiso_ads.core.points import Kind, Point
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.modbus.encode import POINTS, Family
from caiso_ads.sinks.modbus.orders import WORD_ORDERS

COLUMNS = ("point", "resource", "table", "address", "type", "scale")
OPTIONAL = ("node", "unit")
TABLES = {
    "register": "register", "holding": "register", "input": "register",
    "bit": "bit", "coil": "bit", "discrete": "bit",
}  # fmt: skip
SIZES = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "bit": 1}
GATEWAY = "gateway"
LAST = 65_535

VALUE, GOOD, PRESENT, QUALITY, FLAG = "", "good", "present", "quality", "flag"

_WHOLE = ("int16", "uint16", "int32", "uint32")
_TYPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.NUMBER: (*_WHOLE, "float32"),
    Kind.COUNT: _WHOLE,
    Kind.CODE: (*_WHOLE, "float32"),
    Kind.BITS: ("uint32",),
    Kind.TIME: ("uint32",),
}
_ASPECTS = {GOOD: ("bit", "uint16"), PRESENT: ("bit", "uint16"), QUALITY: ("uint16", "int16"), FLAG: ("bit", "uint16")}
_HIGHEST = {Kind.BITS: 31, Kind.CODE: 65_535}

TEMPLATE = f"""{",".join((*COLUMNS, *OPTIONAL))}
# One line for each register or bit; a line that begins with # is left out. docs/custom-map.md explains it.
# point     a key of docs/points.md, or <key>.good, <key>.present, <key>.quality, <key>.<bit or code>
# resource  the resource ID, or the word gateway; empty where the column node names a pricing node
# table     holding, input or register (functions 03 and 04 read the same), coil, discrete or bit (01 and 02)
# address   PDU address, counted from 0: 40001 is 0
# type      int16, uint16, int32, uint32, float32 (32 bits also with their order, as in: float32 CDAB), bit
# scale     what one step of the register is worth: 0.1 makes 1503 of 150.3 MW; empty is 1
# unit      the unit ID; empty is unit_id of [sinks.modbus]
#setpoint_mw,EXAMPLE_1_UNIT,holding,20000,int16,0.1,,
#setpoint_mw.good,EXAMPLE_1_UNIT,holding,20001,uint16,,,
#directive,EXAMPLE_1_UNIT,holding,20002,uint16,,,
#heartbeat,gateway,holding,20003,uint16,,,
#active_lmp_usd_per_mwh,,holding,20004,float32 CDAB,,EXAMPLE_NODE,
#setpoint_mw.good,EXAMPLE_1_UNIT,discrete,20000,bit,,,
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what stands where. ``aspect`` is VALUE, or what is said about the value; ``flag`` is of FLAG alone."""

    line: int
    family: Family
    owner: str
    index: int
    point: Point
    aspect: str
    flag: int
    table: str
    address: int
    type: str
    order: str
    scale: float
    unit_id: int

    @property
    def count(self) -> int:
        """How many registers or bits it takes."""
        return SIZES[self.type]

    @property
    def stop(self) -> int:
        """One past its last register or bit."""
        return self.address + self.count

    @property
    def key(self) -> str:
        """The point as the file names it."""
        what = str(self.flag) if self.aspect == FLAG else self.aspect
        return f"{self.point.key}.{what}" if what else self.point.key

    @property
    def name(self) -> str:
        """The point and its owner, for people."""
        return f"{self.key} of {self.owner or GATEWAY}"


@dataclass(frozen=True, slots=True)
class Known:
    """What a line may name, and what holds where it says nothing."""

    resource_ids: Sequence[str]
    node_ids: Sequence[str]
    unit_id: int
    word_order: str = WORD_ORDERS[0]


def read(path: Path, known: Known) -> tuple[Entry, ...]:
    """Return the lines of the file, each checked by itself; ConfigError names file, line and column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cure = "write a template with: caiso-ads points --custom-template"
        raise ConfigError(f"cannot be read: {error}", file=str(path), cure=cure) from error
    return parse(text, known, str(path))


def parse(text: str, known: Known, file: str) -> tuple[Entry, ...]:
    """Return the entries of a text; ``file`` is its name for the errors."""
    lines = _lines(text, file)
    number, head = next(lines, (1, []))
    names = [cell.strip().lower() for cell in head]
    _check_head(names, f"{file}:{number}")
    entries = []
    for number, cells in lines:
        if len(cells) > len(names):
            problem = f"{len(cells)} cells where the heading has {len(names)} columns"
            raise ConfigError(problem, file=f"{file}:{number}", cure="quote a cell that holds a comma")
        row = dict.fromkeys((*COLUMNS, *OPTIONAL), "") | dict(zip(names, map(str.strip, cells), strict=False))
        entries.append(_Line(f"{file}:{number}", number, row, known).entry())
    return tuple(entries)


def _lines(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                yield reader.line_num, cells
    except csv.Error as error:
        problem = f"is not CSV: {error}"
        raise ConfigError(problem, file=f"{file}:{reader.line_num}", cure="close the quotes of this line") from error


def _check_head(names: Sequence[str], where: str) -> None:
    heading = ",".join((*COLUMNS, *OPTIONAL))
    cure = f"the first line must be: {heading} (the last two may be missing)"
    for name in COLUMNS:
        if name not in names:
            raise ConfigError("is missing in the heading", file=where, key=f"column {name}", cure=cure)
    for name in names:
        if name not in (*COLUMNS, *OPTIONAL) or names.count(name) > 1:
            problem = "stands twice in the heading" if names.count(name) > 1 else "is not a column of this file"
            raise ConfigError(problem, file=where, key=f"column {name}", cure=cure)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line's cells, and where they stand."""

    where: str
    number: int
    cells: Mapping[str, str]
    known: Known

    def entry(self) -> Entry:
        family, owner = self._owner()
        index, point, aspect, flag = self._point(family)
        table = self._table()
        kind, order = self._type(point, aspect, table)
        return Entry(
            self.number, family, owner, index, point, aspect, flag, table,
            self._whole("address", 0, LAST + 1 - SIZES[kind]), kind, order, self._scale(point, aspect, kind),
            self._whole("unit", 0, 255, self.known.unit_id),
        )  # fmt: skip

    def _wrong(self, column: str, problem: str, cure: str) -> ConfigError:
        return ConfigError(problem, file=self.where, key=f"column {column}", cure=cure)

    def _owner(self) -> tuple[Family, str]:
        resource, node = self.cells["resource"], self.cells["node"]
        if resource and node:
            raise self._wrong("node", f"{resource!r} and {node!r} cannot both own a point", "leave one cell empty")
        if node:
            if node not in self.known.node_ids:
                cure = self._near(node, self.known.node_ids, "add a [[node]] table")
                raise self._wrong("node", f"{node!r} is no configured node", cure)
            return Family.NODE, node
        if resource in self.known.resource_ids:
            return Family.RESOURCE, resource
        if resource == GATEWAY:
            return Family.GATEWAY, ""
        if resource in self.known.node_ids:
            raise self._wrong("resource", f"{resource!r} is a node", "write it in the column node")
        cure = self._near(resource, self.known.resource_ids, "write a [[resource]] id, or the word gateway")
        raise self._wrong("resource", f"{resource!r} is no configured resource" if resource else "is empty", cure)

    @staticmethod
    def _near(text: str, names: Iterable[str], otherwise: str) -> str:
        near = difflib.get_close_matches(text, list(names), n=1)
        return f"did you mean {near[0]}?" if near else otherwise

    def _point(self, family: Family) -> tuple[int, Point, str, int]:
        text = self.cells["point"]
        key, _, rest = text.partition(".")
        keys = [point.key for point in POINTS[family]]
        if key not in keys:
            cure = self._near(key, keys, f"docs/points.md lists the points of a {family.value}")
            raise self._wrong("point", f"{text!r} is no point of a {family.value}", cure)
        index = keys.index(key)
        point = POINTS[family][index]
        if "." not in text:
            return index, point, VALUE, 0
        if rest in (GOOD, PRESENT, QUALITY):
            return index, point, rest, 0
        highest = _HIGHEST.get(point.kind, -1)
        if rest.isascii() and rest.isdigit() and int(rest[:6]) <= highest:
            return index, point, FLAG, int(rest[:6])
        more = f", or a number 0..{highest}" if highest > 0 else ""
        raise self._wrong(
            "point", f"{text!r} says nothing known", f"after the dot write good, present or quality{more}"
        )

    def _table(self) -> str:
        text = self.cells["table"].lower()
        if text not in TABLES:
            raise self._wrong("table", f"{text!r} is no table", f"write one of {', '.join(TABLES)}")
        return TABLES[text]

    def _type(self, point: Point, aspect: str, table: str) -> tuple[str, str]:
        words = self.cells["type"].split()
        kind, order = (words[0].lower() if words else ""), (words[1].upper() if len(words) > 1 else "")
        allowed = [
            one for one in (_ASPECTS[aspect] if aspect else _TYPES[point.kind]) if (one == "bit") == (table == "bit")
        ]
        if not allowed:
            cure = f"for a bit write {point.key}.good, or (a code, a set of bits) {point.key}.<number>"
            raise self._wrong("table", f"{self.cells['point']!r} cannot stand in a table of {table}s", cure)
        if kind not in allowed:
            problem = f"{self.cells['type']!r} cannot hold {self.cells['point']} in a {table}"
            raise self._wrong("type", problem, f"write one of {', '.join(allowed)}")
        if len(words) > 2 or (order and (order not in WORD_ORDERS or SIZES[kind] != 2)):
            cure = f"after int32, uint32 or float32 write {', '.join(WORD_ORDERS)} or nothing"
            raise self._wrong("type", f"{self.cells['type']!r} has no such word order", cure)
        return kind, (order or self.known.word_order) if SIZES[kind] == 2 else ""

    def _whole(self, column: str, low: int, high: int, default: int | None = None) -> int:
        text = self.cells[column]
        if not text and default is not None:
            return default
        if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high):
            hint = "; it counts from 0, so that 40001 is written 0" if column == "address" else ""
            raise self._wrong(column, f"{text!r} is out of range", f"write a whole number {low}..{high}{hint}")
        return int(text[:9])

    def _scale(self, point: Point, aspect: str, kind: str) -> float:
        text = self.cells["scale"] or "1"
        try:
            scale = float(text)
        except ValueError:
            scale = math.nan
        if not math.isfinite(scale) or scale == 0:
            cure = "write what one step of the register is worth, such as 0.1, or nothing"
            raise self._wrong("scale", f"{text!r} is no scale", cure)
        if scale != 1 and (aspect or point.kind is not Kind.NUMBER or kind == "bit"):
            problem = f"{text} is given to {self.cells['point']}, which is no measured number"
            raise self._wrong("scale", problem, "leave the cell empty")
        return scale
