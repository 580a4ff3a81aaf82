"""CSV of prices -> rows, a block of lines at a time, without a Python step for each line.

Rule: columns are found by their names in the header. A block in which anything is odd goes line by line through the
strict reader, which alone decides what is wrong and says so; both give the same rows. Memory is one block.
Interpretation: no field of a price report holds a comma, a quote or a line break; a line with quotes is still read.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import TypeVar

import msgspec

from caiso_ads.errors import WireError
from caiso_ads.wire.oasis.reports import DATA_ITEMS, PRICE_COLUMNS
from caiso_ads.wire.oasis.row import Block, LmpRow, Refuse, Wanted, failed, instant, name, number

T = TypeVar("T")

MAX_LINE = 64 * 1024
"""Longest line (bytes). Real ones have about 170."""
_MAX_REMEMBERED = 50_000
_DIGITS = b"0123456789.+-eE,"
_floats = msgspec.json.Decoder(list[float]).decode  # four times as fast as float(), stricter, and never infinite
_BOM = b"\xef\xbb\xbf"


class _Known(dict[bytes, T]):
    """Bytes -> value, made once: an hour of all nodes has 12 times and 17,000 names in a million rows."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: bytes) -> T:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        value = self[key] = self._make(key.decode("utf-8"))
        return value


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a line. ``run`` is None when the report has no such column."""

    count: int
    start: int
    end: int
    node: int
    kind: int
    price: int
    run: int | None

    @classmethod
    def of(cls, header: bytes) -> Columns:
        """Read a header line; raises WireError naming the column that is missing."""
        text = header.removeprefix(_BOM).decode("ascii", "replace").strip("\r\n")
        names = [each.strip().strip('"').upper() for each in text.split(",")]
        prices = [column for column in PRICE_COLUMNS if column in names]
        if len(prices) > 1:
            raise WireError(f"more than one price column: {', '.join(prices)}", where="header")

        def position(*choices: str) -> int:
            for choice in choices:
                if choice in names:
                    return names.index(choice)
            raise WireError(f"no column {choices[0]} in {text[:200]!r}", where="header")

        return cls(
            count=len(names),
            start=position("INTERVALSTARTTIME_GMT", "INTERVAL_START_GMT"),
            end=position("INTERVALENDTIME_GMT", "INTERVAL_END_GMT"),
            node=position("NODE", "NODE_ID", "NODE_ID_XML"),
            kind=position("LMP_TYPE", "XML_DATA_ITEM"),
            price=position(*PRICE_COLUMNS),
            run=names.index("MARKET_RUN_ID") if "MARKET_RUN_ID" in names else None,
        )


def kind_of(text: str) -> str:
    """Return the component's name, whether the report gave that or its data item."""
    return DATA_ITEMS.get(text) or name(text)


class Memory:
    """What was read before of an answer; its members share it, since they tell of the same times and nodes."""

    def __init__(self) -> None:
        self.times = _Known(instant)
        self.nodes = _Known(name)
        self.kinds = _Known(kind_of)


@dataclass(slots=True)
class _Reader:
    columns: Columns
    wanted: Wanted
    run: str
    refuse: Refuse
    memory: Memory = field(default_factory=Memory)
    line: int = 1

    def block(self, block: bytes) -> Block:
        """Return the wanted rows of some whole lines."""
        lines = block.count(b"\n")
        try:
            found = self._at_once(block, lines)
        except ValueError:  # something is odd; the strict reader finds and names it
            found = Block.of(self._one_by_one(block))
            lines = 0  # it has counted them itself
        self.line += lines
        return found

    def _at_once(self, block: bytes, lines: int) -> Block:
        """Read a block in which every line is plain; raises ValueError when one is not."""
        if b'"' in block:
            raise ValueError
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        at, width = self.columns, self.columns.count + 1
        # Each line end becomes a cell of its own: where all of them stand in one column, each line has all its fields.
        cells = block.replace(b"\n", b",\n,").split(b",")
        cells.pop()  # what follows the last line end
        if len(cells) != lines * width or cells[at.count :: width].count(b"\n") != lines:
            raise ValueError
        start, end, node, kind, price = (cells[i::width] for i in (at.start, at.end, at.node, at.kind, at.price))
        if self.run and at.run is not None and cells[at.run :: width].count(self.run.encode()) != lines:
            raise ValueError
        numbers = b",".join(price)
        if numbers.translate(None, _DIGITS):
            raise ValueError
        values = _floats(b"[" + numbers + b"]")
        nodes, kinds = list(map(self.memory.nodes.__getitem__, node)), self._kinds(kind)
        keep = self._keep(nodes, kinds)
        if keep is not None:
            start, end = list(compress(start, keep)), list(compress(end, keep))
            nodes, kinds, values = (
                list(compress(nodes, keep)),
                list(compress(kinds, keep)),
                list(compress(values, keep)),
            )
        times = self.memory.times.__getitem__
        return Block(nodes, list(map(times, start)), list(map(times, end)), kinds, values)

    def _kinds(self, kind: list[bytes]) -> list[str]:
        known, first = self.memory.kinds, kind[0] if kind else b""
        if kind and kind.count(first) == len(kind):  # from version 3 each member is of one kind
            return [known[first]] * len(kind)
        return list(map(known.__getitem__, kind))

    def _keep(self, nodes: list[str], kinds: list[str]) -> list[bool] | None:
        wanted = self.wanted
        if wanted.nodes is None:
            return None if wanted.kinds is None else list(map(wanted.kinds.__contains__, kinds))
        keep = list(map(wanted.nodes.__contains__, nodes))
        if wanted.kinds is None:
            return keep
        return [a and b in wanted.kinds for a, b in zip(keep, kinds, strict=True)]

    def _one_by_one(self, block: bytes) -> Iterator[LmpRow]:
        for line in block.split(b"\n")[:-1]:
            self.line += 1
            if not line.strip():
                continue
            try:
                row = self._strict(line)
            except ValueError as error:
                cells = line.decode("utf-8", "replace").replace('"', "").split(",")
                cells += [""] * (self.columns.count - len(cells))
                text = f"line {self.line}: {error}"
                self.refuse(failed(cells[self.columns.node], cells[self.columns.start], text))
                continue
            if self.wanted.holds(row):
                yield row

    def _strict(self, line: bytes) -> LmpRow:
        at = self.columns
        try:
            fields = next(csv.reader([line.decode("utf-8").rstrip("\r")], strict=True))
        except (csv.Error, StopIteration, UnicodeDecodeError) as error:
            raise ValueError(f"unreadable: {error}") from None
        if len(fields) != at.count:
            raise WireError(f"{len(fields)} fields where the header has {at.count}", where=f"line {self.line}")
        if self.run and at.run is not None and fields[at.run] != self.run:
            raise ValueError(f"market run {fields[at.run][:20]!r} where {self.run} was asked for")
        return LmpRow(
            name(fields[at.node]),
            instant(fields[at.start]),
            instant(fields[at.end]),
            kind_of(fields[at.kind]),
            number(fields[at.price]),
        )


def blocks(chunks: Iterable[bytes], wanted: Wanted, run: str, refuse: Refuse, memory: Memory) -> Iterator[Block]:
    """Yield the wanted rows. ``run`` is the market run each row must be of, where the report names it; "" is any."""
    reader: _Reader | None = None
    for block in _whole_lines(chunks):
        rest = block
        if reader is None:
            header, _, rest = block.partition(b"\n")
            reader = _Reader(Columns.of(header), wanted, run, refuse, memory)
        if rest:
            yield reader.block(rest)


def only_kind(beginning: bytes) -> str | None:
    """Return the component of the first row in a file's first bytes; None when they do not hold one."""
    header, _, rest = beginning.partition(b"\n")
    first, complete, _ = rest.partition(b"\n")
    try:
        fields = first.decode("ascii").strip("\r").split(",")
        return kind_of(fields[Columns.of(header).kind]) if complete else None
    except (WireError, ValueError, IndexError):
        return None  # whoever reads the file as a whole will say what is wrong with it


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines, each block ending with a line end; the last one may lack it in the file."""
    carry = b""
    for chunk in chunks:
        lines, line_end, tail = chunk.rpartition(b"\n")
        if line_end:
            yield carry + lines + line_end
            carry = tail
        else:
            carry += tail
        if len(carry) > MAX_LINE:
            raise WireError(f"a line is longer than {MAX_LINE} bytes")
    if carry:
        yield carry + b"\n"
