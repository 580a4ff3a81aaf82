"""The tag files hold every row of the map, at the address and in the type it is served."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.cli._points_tags import KEPWARE_COLUMNS, exported, ignition, kepware, named
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.layout import Row
from caiso_ads.sinks.modbus.orders import WORD_ORDERS

IDS, NODES = ("NORTH_1_UNIT", "SOUTH-2.UNIT"), ("TH_NP15_GEN-APND",)
SIZES = {"Float": 2, "DWord": 2, "Long": 2, "Word": 1, "Short": 1, "Boolean": 1}
CUSTOM = """point,resource,table,address,type,scale,node,unit
setpoint_mw,NORTH_1_UNIT,holding,20000,int16,0.1,,
setpoint_mw,NORTH_1_UNIT,holding,20001,float32 BADC,,,
setpoint_mw.good,NORTH_1_UNIT,coil,20000,bit,,,
dop_mw,SOUTH-2.UNIT,holding,0,int32,0.01,,40
"""


@pytest.fixture(params=["ABCD", "CDAB"])
def rows(tmp_path: Path, request: pytest.FixtureRequest) -> list[Row]:
    path = tmp_path / "map.csv"
    path.write_text(CUSTOM, encoding="utf-8")
    config = Config(custom_map=path, units="per-resource", first_unit=10, word_order=request.param, scaled_base=20_100)
    return layout.rows(config.plan(IDS, NODES))


def unit_of(row: Row) -> str:
    """Return what a client must show beside the number it reads, which it does not scale."""
    return {1: row.unit, 0.1: f"0.1 {row.unit}", 0.01: f"0.01 {row.unit}"}.get(
        row.worth, f"{row.worth:g} {row.unit}"
    ) if row.unit else ""  # fmt: skip


def tags(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return each tag of an Ignition file with its folder."""
    top = json.loads(text)
    assert (top["name"], top["tagType"]) == ("caiso_ads", "Folder")
    return [(folder["name"], tag) for folder in top["tags"] for tag in folder["tags"]]


def test_every_row_is_an_ignition_tag_that_reads_its_address(rows: list[Row]) -> None:
    native = next(row.word_order for row in rows if row.key == "snapshot_id")
    found: dict[tuple[str, int, str, int], tuple[str, dict[str, Any]]] = {}
    for folder, tag in tags(ignition(rows)):
        path = re.fullmatch(r"ns=1;s=\[(\w+)\](\d+)\.([A-Z]+)(\d+)(?::(\d+))?", tag["opcItemPath"])
        assert path, tag
        device, unit, designator, number, length = path.groups()
        assert (length is not None) == (designator == "HRS")
        assert length in (None, "36")
        found[device, int(unit), designator, int(number)] = folder, tag
    kinds = {
        "float32": ("HRF", "Float4"), "uint32": ("HRUI", "Int8"), "int32": ("HRI", "Int4"), "bit": ("DI", "Boolean"),
        "uint16": ("HRUS", "Int4"), "int16": ("HR", "Int2"), "ASCII": ("HRS", "String"),
    }  # fmt: skip
    expected = exported(rows)
    assert len(found) == len(expected) == len(rows) - 1  # but for the reserved stretch of the legacy map
    for row in expected:
        designator, kind = kinds[row.type]
        device = "caiso_ads" if row.word_order in ("", native) else f"caiso_ads_{row.word_order}"
        _, tag = found[device, row.unit_id, designator, row.pdu + 1]
        assert (tag["dataType"], tag["engUnit"], tag["valueSource"]) == (kind, unit_of(row), "opc")
        assert tag["readOnly"] is True
        assert row.meaning in tag["documentation"]


def test_every_row_is_a_kepware_tag_of_one_device(rows: list[Row]) -> None:
    native = next(row.word_order for row in rows if row.key == "snapshot_id")
    seen = set()
    for unit in {row.unit_id for row in rows}:
        for order in WORD_ORDERS:
            text = kepware(rows, order, unit)
            assert text.splitlines()[0] == ",".join(KEPWARE_COLUMNS)
            for line in csv.DictReader(io.StringIO(text)):
                seen.add((unit, order, line["Address"], line["Data Type"]))
                assert (line["Client Access"], line["Respect Data Type"], line["Scaling"]) == ("RO", "1", "")
    kinds = {
        "float32": "Float", "uint32": "DWord", "int32": "Long", "bit": "Boolean", "uint16": "Word", "int16": "Short",
        "ASCII": "String",
    }  # fmt: skip
    expected = set()
    for row in exported(rows):
        address = f"{1 if row.table == 'bit' else 4}{row.pdu + 1:05d}" + (".36H" if row.type == "ASCII" else "")
        expected.add((row.unit_id, row.word_order or native, address, kinds[row.type]))
        assert row.type == "ASCII" or row.count == SIZES[kinds[row.type]]
    assert seen == expected


def test_names_stand_once_and_hold_only_letters_digits_and_underscores(rows: list[Row]) -> None:
    names = [(folder, name) for folder, name, _ in named(exported(rows))]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9]\w*", part, re.ASCII) for pair in names for part in pair)
    assert ("NORTH_1_UNIT", "setpoint_mw") in names
    assert ("low_NORTH_1_UNIT", "dop_mw") in names
    assert ("unit_11_SOUTH_2_UNIT", "setpoint_mw") in names
    assert ("gateway", "byte_order_check_BADC") in names


def test_what_a_register_is_worth_is_in_the_description(rows: list[Row]) -> None:
    told = [tag["documentation"] for _, tag in tags(ignition(rows)) if "HR20001" in tag["opcItemPath"]]
    assert len(told) == 1
    assert "The value is the register times 0.1." in told[0]
    units = [tag["engUnit"] for _, tag in tags(ignition(rows)) if "HR20001" in tag["opcItemPath"]]
    assert units == ["0.1 MW"]  # who reads 1502 there must not take it for 1,502 MW
    assert any(line["Eng Units"] == "0.1 MW" for line in csv.DictReader(io.StringIO(kepware(rows))))


def test_without_choosing_kepware_gets_the_first_unit_in_the_native_order(rows: list[Row]) -> None:
    native = next(row.word_order for row in rows if row.key == "snapshot_id")
    assert kepware(rows) == kepware(rows, native, 1)
