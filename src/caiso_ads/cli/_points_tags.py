"""The map as files that SCADA programs import: tags for Ignition 8, and for Kepware's Modbus Ethernet driver.

Rule: every row of the map is there under the address, type and length that program knows it by, and none can be
written. One device of such a program reads one word order; rows of another order belong to a device of their own.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caiso_ads.sinks.modbus.layout import Row

DEVICE = "caiso_ads"
_OLD_REGISTERS = 100
SCAN_MS = 1000

# Type: designator of Ignition's Modbus driver, its data type, and Kepware's data type.
_TYPES = {
    "float32": ("HRF", "Float4", "Float"),
    "uint32": ("HRUI", "Int8", "DWord"),
    "int32": ("HRI", "Int4", "Long"),
    "uint16": ("HRUS", "Int4", "Word"),
    "int16": ("HR", "Int2", "Short"),
    "ASCII": ("HRS", "String", "String"),
    "bit": ("DI", "Boolean", "Boolean"),
}
KEPWARE_COLUMNS = (
    "Tag Name", "Address", "Data Type", "Respect Data Type", "Client Access", "Scan Rate", "Scaling", "Raw Low",
    "Raw High", "Scaled Low", "Scaled High", "Scaled Data Type", "Clamp Low", "Clamp High", "Eng Units",
    "Description", "Negate Value",
)  # fmt: skip


def exported(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are tags: all but the reserved stretches."""
    return [row for row in rows if not row.key.startswith("(")]


def named(rows: Sequence[Row]) -> Iterator[tuple[str, str, Row]]:
    """Yield each row with its folder and a name that stands once in it: letters, digits and underscores."""
    home, seen = (rows[0].unit_id if rows else 0), set()
    for row in rows:
        old = "" if row.pdu >= _OLD_REGISTERS else "low_"
        unit = "" if row.unit_id == home else f"unit_{row.unit_id}_"
        folder, name = unit + old + _plain(row.resource or "gateway"), _plain(row.key)
        if row.key == "byte_order_check":
            name += f"_{row.word_order}"
        if (folder, name) in seen:
            name += f"_at_{row.table}_{row.pdu}"
        seen.add((folder, name))
        yield folder, name, row


def _plain(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return plain if plain[:1].isalnum() else f"x{plain}"


# --- Ignition -----------------------------------------------------------------------------------------------------


def ignition(rows: Sequence[Row], device: str = DEVICE) -> str:
    """Return a tag import file (JSON) of folders of OPC tags, one folder for each resource.

    Rows in another word order than the first native one are read through a device ``<device>_<order>``.
    Interpretation: keys and addressing as in tag exports of Ignition 8.1 and in its manual of the Modbus driver, with
    that driver's one-based addressing.
    """
    folders: dict[str, list[dict[str, Any]]] = {}
    order = _order(rows)
    for folder, name, row in named(exported(rows)):
        other = row.word_order and row.word_order != order
        folders.setdefault(folder, []).append(
            _ignition_tag(name, row, f"{device}_{row.word_order}" if other else device)
        )
    tags = [{"name": name, "tagType": "Folder", "tags": inside} for name, inside in folders.items()]
    return json.dumps({"name": device, "tagType": "Folder", "tags": tags}, indent=2) + "\n"


def _ignition_tag(name: str, row: Row, device: str) -> dict[str, Any]:
    designator, kind, _ = _TYPES[row.type]
    length = f":{2 * row.count}" if row.type == "ASCII" else ""
    return {
        "name": name,
        "tagType": "AtomicTag",
        "valueSource": "opc",
        "opcServer": "Ignition OPC UA Server",
        "opcItemPath": f"ns=1;s=[{device}]{row.unit_id}.{designator}{row.pdu + 1}{length}",
        "dataType": kind,
        "readOnly": True,
        "enabled": True,
        "engUnit": _unit(row),
        "documentation": explained(row),
    }


# --- Kepware ------------------------------------------------------------------------------------------------------


def kepware(rows: Sequence[Row], order: str = "", unit_id: int | None = None) -> str:
    """Return a tag import file (CSV) for one device: one unit ID and one word order, by default the native map's.

    Rows without a word order (16 bits, text, bits) come with the native one.
    Interpretation: heading and addresses as in tag exports of KEPServerEX 6, with its "Zero-Based Addressing" on (its
    default), which makes 400001 the first holding register.
    """
    native = _order(rows)
    wanted, unit = order or native, rows[0].unit_id if unit_id is None else unit_id
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(KEPWARE_COLUMNS)
    for folder, name, row in named(exported(rows)):
        if row.unit_id == unit and (row.word_order or native) == wanted:
            writer.writerow(_kepware_tag(f"{folder}.{name}", row))
    return text.getvalue()


def _kepware_tag(name: str, row: Row) -> list[object]:
    address = f"1{row.pdu + 1:05d}" if row.table == "bit" else f"4{row.pdu + 1:05d}"
    if row.type == "ASCII":
        address += f".{2 * row.count}H"  # the high byte of a register is the first sign
    head = [name, address, _TYPES[row.type][2], 1, "RO", SCAN_MS]
    return [*head, *[""] * 8, _unit(row), explained(row), ""]


def _order(rows: Iterable[Row]) -> str:
    """Return the word order of the native map: that of the first snapshot_id."""
    return next(row.word_order for row in rows if row.key == "snapshot_id")


def _unit(row: Row) -> str:
    """Return the unit of the number as it is read: of a scaled register "0.1 MW", never its tenfold as MW."""
    return f"{row.worth:g} {row.unit}" if row.unit and row.worth != 1 else row.unit


def explained(row: Row) -> str:
    """Return what a tag's description says: the meaning, and what the number in the register is worth."""
    order = f" Word order {row.word_order}." if row.word_order else ""
    worth = f" The value is the register times {row.worth:g}." if row.worth != 1 else ""
    return f"{row.meaning}.{order}{worth}"
