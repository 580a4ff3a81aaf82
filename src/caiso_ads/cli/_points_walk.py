"""``caiso-ads points walk``: connect as a master and show what each register of the map holds now.

Rule: what is shown was read over the wire and decoded from the printed map, not taken from the gateway's memory. It
reads only. With ``--test-pattern`` it serves made-up numbers itself, for wiring a SCADA before there is any data.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import report_errors
from caiso_ads.cli._modbus_client import Client, ExceptionError
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.errors import ConfigError

if TYPE_CHECKING:
    from caiso_ads.config import Config
    from caiso_ads.sinks.modbus import Config as ModbusConfig
    from caiso_ads.sinks.modbus.layout import Row

_LONGEST = 100  # registers of one request: a block, so that what belongs together is of one snapshot
_GAP = 64
_FORMS = {"float32": ">f", "uint32": ">I", "int32": ">i", "uint16": ">H", "int16": ">h"}
_NOTHING: Mapping[str, float] = {
    "uint32": 0xFFFF_FFFF, "int32": -0x8000_0000, "uint16": 0xFFFF, "int16": -0x8000,
}  # fmt: skip
_WORDS = {"directive": Directive, "quality": Quality, "published_quality": Quality}
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to connect to, not where to listen
_HEAD = ("unit", "pdu", "number", "resource", "key", "value", "", "quality", "type", "raw")

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One row of the map as it was read. ``raw`` are its registers in hexadecimal, or its bit.

    ``quality`` says what the same request tells about the value: "good", "not good", "no value", a name of a quality,
    or "" where the map has nothing beside it. ``value`` is None where there is none; ``problem`` is the exception.
    """

    row: Row
    raw: tuple[str, ...]
    value: Value
    quality: str
    problem: str = ""

    @property
    def word(self) -> str:
        """The name of a code, where it has one."""
        words = _WORDS.get(self.row.key) or (Quality if self.row.key.endswith(".quality") else None)
        try:
            return words(int(self.value)).name if words and isinstance(self.value, int | float) else ""
        except ValueError:
            return "not a known code"


@click.command("walk")
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help="The gateway's file.")
@click.option("--filter", "wanted", help="Only rows whose resource, key or number holds this text.")
@click.option("--host", help="Where to connect, instead of the configured host.")
@click.option("--port", type=click.IntRange(1, 65_535), help="The port there, instead of the configured one.")
@click.option("--step", is_flag=True, help="One row at a time: press Enter for the next, read again each time.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--test-pattern", is_flag=True, help="Serve made-up numbers, marked TEST, until Ctrl-C; no gateway may run."
)
@click.option("--yes", is_flag=True, help="With --test-pattern: do not ask before serving.")
@report_errors()
def walk(
    config_path: Path, wanted: str | None, host: str | None, port: int | None,
    *, step: bool, as_json: bool, test_pattern: bool, yes: bool,
) -> None:  # fmt: skip
    """Read every point over Modbus TCP and show value, quality and raw registers.

    PDU addresses count from 0, numbers such as 41101 from 1.
    """
    from caiso_ads.config import load_config

    config = load_config(config_path)
    sink = modbus_of(config)
    if test_pattern and (host or port or step):
        raise click.UsageError("--test-pattern serves on the configured host and port, and does not stop at each row")
    if test_pattern:
        _pattern(config, sink, wanted, as_json=as_json, yes=yes)
        return
    rows = chosen(rows_of(config, sink), wanted)
    with Client(host or _EVERYWHERE.get(sink.host, sink.host), port or sink.port) as client:
        if step:
            _step(client, rows)
        else:
            click.echo(shown(read_all(client, rows), as_json=as_json), nl=False)


def modbus_of(config: Config) -> ModbusConfig:
    """Return the Modbus table; ConfigError where there is none."""
    from caiso_ads.sinks.modbus import Config as Modbus

    found = config.sinks.get("modbus")
    if not isinstance(found, Modbus):
        cure = "Add a line [sinks.modbus]."
        raise ConfigError("is missing", file=str(config.source), table="sinks.modbus", cure=cure)
    return found


def rows_of(config: Config, sink: ModbusConfig) -> list[Row]:
    """Return the map of a configuration."""
    from caiso_ads.sinks.modbus import layout

    resources, nodes = tuple(one.id for one in config.resources), tuple(one.id for one in config.nodes)
    return layout.rows(sink.plan(resources, nodes))


def chosen(rows: Iterable[Row], wanted: str | None) -> list[Row]:
    """Return the rows that hold the text; ConfigError where none does."""
    text = (wanted or "").lower()
    found = [row for row in rows if text in f"{row.resource} {row.key} {row.number}".lower() and row.key[:1] != "("]
    if not found:
        raise ConfigError(f"no row of the map holds {wanted!r}", cure="caiso-ads points shows them all")
    return found


# --- reading ------------------------------------------------------------------------------------------------------


def read_all(client: Client, rows: Sequence[Row]) -> Iterator[Reading]:
    """Yield each row as read; rows that stand near each other come of one request, and so of one snapshot.

    Raises UnreachableError or WireError; an exception of the server is a Reading with its ``problem``.
    """
    for together in _requests(rows):
        try:
            yield from _read(client, together)
        except ExceptionError as error:
            if len(together) == 1:
                yield Reading(together[0], (), None, "", str(error))
                continue
            for row in together:
                yield from read_all(client, [row])


def _requests(rows: Sequence[Row]) -> Iterator[list[Row]]:
    heap: list[Row] = []
    for row in rows:
        if heap and not _near(heap, row):
            yield heap
            heap = []
        heap.append(row)
    if heap:
        yield heap


def _near(heap: Sequence[Row], row: Row) -> bool:
    first, last = heap[0], heap[-1]
    same = (first.unit_id, first.table) == (row.unit_id, row.table)
    near = row.pdu - (last.pdu + last.count) < _GAP and row.pdu + row.count - first.pdu <= _LONGEST
    return same and near and not (row.key == "snapshot_id" and last.key == "snapshot_id")  # a new block


def _read(client: Client, rows: Sequence[Row]) -> Iterator[Reading]:
    first, last = rows[0], rows[-1]
    data = client.read(first.unit_id, first.table, first.pdu, last.pdu + last.count - first.pdu)
    found = [_decoded(row, data, row.pdu - first.pdu) for row in rows]
    companions = {(one.row.resource, one.row.key): one.value for one in found}
    return (Reading(one.row, one.raw, one.value, _quality(one, companions, first.pdu)) for one in found)


def _decoded(row: Row, data: bytes, place: int) -> Reading:
    if row.table == "bit":
        bit = data[place // 8] >> place % 8 & 1
        return Reading(row, (str(bit),), bit, "")
    own = data[2 * place : 2 * (place + row.count)]
    raw = tuple(own[at : at + 2].hex().upper() for at in range(0, len(own), 2))
    return Reading(row, raw, _value(row, own), "")


def _value(row: Row, own: bytes) -> Value:
    if row.type == "ASCII":
        return own.rstrip(b"\0").decode("ascii", "replace")
    if row.word_order:
        own = bytes(own[row.word_order.index(letter)] for letter in "ABCD")
    (number,) = struct.unpack(_FORMS[row.type], own)
    if math.isnan(number) or number == _NOTHING.get(row.type):
        return None
    if row.type == "float32":
        number = float(f"{number:.9g}")  # nine digits tell every float32 from its neighbours
    return float(f"{number * row.worth:.9g}") if row.worth != 1 else number


def _quality(one: Reading, companions: Mapping[tuple[str, str], Value], base: int) -> str:
    """Return what the same request says about the value."""
    owner, key = one.row.resource, one.row.key
    if isinstance(told := companions.get((owner, f"{key}.quality")), int):
        return Quality(told).name if told in set(Quality) else str(told)
    if (told := companions.get((owner, f"{key}.good"))) is not None:
        return _said(one.value, good=bool(told))
    index = _slot(one.row, base)
    good, present = companions.get((owner, "good")), companions.get((owner, "present"))
    if index is None or not isinstance(good, int) or not isinstance(present, int):
        return "no value" if one.value is None else ""
    return _said(one.value if present >> index & 1 else None, good=bool(good >> index & 1))


def _said(value: Value, *, good: bool) -> str:
    return "no value" if value is None else "good" if good else "not good"


def _slot(row: Row, base: int) -> int | None:
    """Return the point's bit in ``present`` and ``good`` where the row is of a native block that begins at ``base``."""
    from caiso_ads.sinks.modbus.layout import BLOCK, FIRST_SLOT, SLOTS

    index, odd = divmod(row.pdu - base - FIRST_SLOT, 2)
    is_point = row.meaning.startswith(f"[{index}]") and not odd and row.pdu - base < BLOCK
    return index if is_point and 0 <= index < SLOTS else None


# --- showing ------------------------------------------------------------------------------------------------------


def shown(readings: Iterable[Reading], *, as_json: bool) -> str:
    """Return the readings as a table or as JSON."""
    if as_json:
        return json.dumps([_object(one) for one in readings], indent=2) + "\n"
    lines = [_HEAD, *(_cells(one) for one in readings)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join(text) + "\n"


def _cells(one: Reading) -> tuple[str, ...]:
    row = one.row
    value = one.problem or ("-" if one.value is None else str(one.value))
    meant = one.word or (row.unit if one.value is not None else "")
    kind = f"{row.type} {row.word_order}".strip()
    raw = " ".join(one.raw[:4]) + (" ..." if len(one.raw) > 4 else "")
    return (
        str(row.unit_id), str(row.pdu), row.number, row.resource or "gateway", row.key, value, meant, one.quality, kind, raw
    )  # fmt: skip


def _object(one: Reading) -> dict[str, object]:
    row = one.row
    return {
        "unit_id": row.unit_id, "table": row.table, "pdu": row.pdu, "number": row.number, "resource": row.resource,
        "key": row.key, "type": row.type, "word_order": row.word_order, "unit": row.unit, "raw": list(one.raw),
        "value": one.value, "word": one.word, "quality": one.quality, "problem": one.problem,
    }  # fmt: skip


def _step(client: Client, rows: Sequence[Row]) -> None:
    for row in rows:
        click.echo(shown(read_all(client, [row]), as_json=False), nl=False)
        if row is not rows[-1] and click.prompt("Enter for the next, q to end", default="", show_default=False) == "q":
            return


# --- the pattern --------------------------------------------------------------------------------------------------


def _pattern(config: Config, sink: ModbusConfig, wanted: str | None, *, as_json: bool, yes: bool) -> None:
    from caiso_ads.cli._running import run_until_stopped
    from caiso_ads.cli._test_pattern import serve
    from caiso_ads.ports import Sink, SystemClock

    rows = chosen(rows_of(config, sink), wanted)
    warning = f"Masters at {sink.host}, port {sink.port}, will read MADE-UP numbers, marked TEST (configured: "
    click.echo(f"{warning}{config.ads.environment}). No gateway of this configuration can run meanwhile.", err=True)
    if not yes:
        click.confirm("Serve them?", abort=True, err=True)

    async def main() -> None:
        listening: asyncio.Future[Sink] = asyncio.get_running_loop().create_future()
        serving = asyncio.ensure_future(serve(config, SystemClock(), listening.set_result))
        try:
            waited: set[asyncio.Future[Any]] = {serving, listening}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                host, port = listening.result().bound[0]  # type: ignore[attr-defined]  # the Modbus sink has it
                text = await asyncio.to_thread(_walked, _EVERYWHERE.get(host, host), port, rows, as_json=as_json)
                click.echo(text, nl=False)
                click.echo(f"TEST pattern on {host}, port {port}, until Ctrl-C.", err=True)
            await serving
        finally:
            serving.cancel()
            await asyncio.wait({serving})

    run_until_stopped(main())


def _walked(host: str, port: int, rows: Sequence[Row], *, as_json: bool) -> str:
    with Client(host, port) as client:
        return shown(read_all(client, rows), as_json=as_json)
