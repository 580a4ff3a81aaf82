"""What the walk shows was read over the wire, decoded by the printed map, and never better than what is served."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caiso_ads.cli import main
from caiso_ads.cli._modbus_client import Client
from caiso_ads.cli._points_walk import Reading, chosen, read_all, shown
from caiso_ads.core.points import RESOURCE_POINTS, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.image import Renderer
from caiso_ads.sinks.modbus.layout import Row
from tests.sinks.modbus.snapshots import IDS, nothing_known, resource, serving, snapshot

ONE, TWO = IDS
CONFIG = """
[ads]
url = "https://127.0.0.1:8443/ADS/APIWebService/v8"
certificate = "plant.p12"
environment = "simulator"
[store]
path = "ads.sqlite"
[[resource]]
id = "ALPHA_1_UNIT"
pmin_mw = 0.0
pmax_mw = 100.0
[[resource]]
id = "BETA_2_UNIT"
pmin_mw = 0.0
pmax_mw = 50.0
"""
MAP = f"""point,resource,table,address,type,scale,node,unit
setpoint_mw,{ONE},holding,20000,int16,0.1,,
setpoint_mw.good,{ONE},holding,20001,uint16,,,
setpoint_mw,{TWO},holding,20002,int32 CDAB,0.000001,,
setpoint_mw.quality,{TWO},holding,20004,uint16,,,
setpoint_mw.good,{ONE},coil,20003,bit,,,
dop_mw,{ONE},holding,3,float32 DCBA,,,9
"""


async def walked(first: Snapshot, rows: list[Row] | None = None, **keys: Any) -> dict[tuple[int, str, int], Reading]:
    """Return all readings of a served snapshot by unit, table and PDU address."""
    every = rows or layout.rows(Config(**keys).plan(IDS))
    async with serving(first, **keys) as running:

        def look() -> list[Reading]:
            with Client("127.0.0.1", running.port) as client:
                return list(read_all(client, every))

        found = await asyncio.to_thread(look)
    return {(one.row.unit_id, one.row.table, one.row.pdu): one for one in found}


async def test_every_row_is_read_and_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text(MAP, encoding="utf-8")
    keys: dict[str, Any] = {"custom_map": path, "units": "per-resource", "scaled_base": 21_000, "word_order": "BADC"}
    rows = layout.rows(Config(**keys).plan(IDS))
    found = await walked(snapshot(), **keys)
    assert len(found) == len(rows)
    assert [one.problem for one in found.values() if one.problem] == []
    for one in found.values():
        assert len(one.raw) == one.row.count
        if one.row.key == "byte_order_check":
            assert one.value == 123.456001
        if one.row.key == "setpoint_mw":
            assert one.value == pytest.approx(150.25, abs=0.06)
        if one.row.key == "text" and one.row.resource:
            assert one.value == one.row.resource


async def test_value_quality_and_raw_registers_stand_side_by_side() -> None:
    rows = {ONE: resource(setpoint_mw=150.25), TWO: resource(Quality.UNCERTAIN, dop_mw=None)}
    found = await walked(snapshot(rows))
    one = found[1, "register", 1122]
    assert (one.value, one.quality, one.raw) == (150.25, "good", ("4316", "4000"))
    assert (found[1, "register", 1222].quality, found[1, "register", 1224].quality) == ("not good", "no value")
    assert found[1, "register", 1224].value is None
    directive = found[1, "register", 1116]
    assert (directive.value, directive.word, directive.raw) == (1, "FOLLOW", ("0001",))
    assert found[1, "register", 1220].word == "UNCERTAIN"
    assert (found[1, "bit", 0].value, found[1, "bit", 100].value, found[1, "bit", 101].value) == (0, 1, 0)
    assert found[1, "register", 0].quality == ""  # the old map has no quality beside it
    text = shown(found.values(), as_json=False)
    line = next(line for line in text.splitlines() if " 1122 " in line)
    assert line.split() == [
        "1", "1122", "41123", "/", "31123", ONE, "setpoint_mw", "150.25", "MW", "good", "float32", "ABCD", "4316", "4000",
    ]  # fmt: skip


async def test_before_anything_is_known_nothing_has_a_value() -> None:
    found = await walked(nothing_known())
    blocks = [one for one in found.values() if one.row.resource and one.row.meaning.startswith("[")]
    assert len(blocks) == 2 * len(RESOURCE_POINTS)
    assert {one.quality for one in blocks} == {"no value", "not good"}  # not good: the words NO_DATA and INIT
    assert {one.row.key for one in blocks if one.quality == "not good"} == {"directive", "quality"}


class Canned(Client):
    """A master that reads one block of its own."""

    def __init__(self, block: bytes) -> None:
        self.block = block

    def read(self, unit_id: int, table: str, address: int, quantity: int) -> bytes:
        """Return the block."""
        assert (unit_id, table, address, quantity) == (1, "register", 1100, 100)
        return self.block


def test_what_the_block_says_is_not_present_has_no_value_whatever_its_registers_hold() -> None:
    plan = Config().plan(IDS)
    block = Renderer(plan).render(snapshot()).units[1].registers(1100, 100)
    assert block is not None
    rows = [row for row in layout.rows(plan) if 1100 <= row.pdu < 1200 and row.table == "register"]
    for present, said in ((block[24:28], "good"), (bytes(4), "no value")):
        changed = Canned(block[:24] + present + block[28:])
        found = {one.row.key: one for one in read_all(changed, rows)}
        assert found["setpoint_mw"].quality == said


async def test_a_custom_point_is_told_by_its_companions(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text(MAP, encoding="utf-8")
    rows = {ONE: resource(setpoint_mw=150.2), TWO: resource(setpoint_mw=9999.0)}
    found = await walked(snapshot(rows), custom_map=path)
    one, two = found[1, "register", 20000], found[1, "register", 20002]
    assert (one.value, one.quality, one.raw) == (150.2, "good", ("05DE",))
    assert (two.value, two.quality, two.raw) == (None, "BAD_CONFIG", ("0000", "8000"))
    assert (found[1, "bit", 20003].value, found[9, "register", 3].value) == (1, 149.5)


async def test_a_row_that_is_not_served_is_told_and_the_others_are_read() -> None:
    rows = [row for row in layout.rows(Config().plan(IDS)) if 1100 <= row.pdu < 1200]
    ghost = Row("register", 1300, 2, "GHOST", "dop_mw", "float32", "ABCD", "MW", "")
    found = await walked(snapshot(), [*rows, ghost])
    assert found[1, "register", 1300].problem.endswith("exception 02: no such address")
    assert found[1, "register", 1122].value == 150.25
    near = [rows[-1], Row("register", 1199, 3, "GHOST", "dop_mw", "float32", "ABCD", "MW", "")]
    again = await walked(snapshot(), near)
    assert again[1, "register", 1198].problem == ""


def test_a_filter_finds_by_resource_key_and_number() -> None:
    rows = layout.rows(Config().plan(IDS))
    assert {row.resource for row in chosen(rows, "beta_2")} == {TWO}
    assert [row.pdu for row in chosen(rows, "41123")] == [1122]
    assert len(chosen(rows, None)) == len(rows) - 1
    with pytest.raises(ConfigError, match="no row of the map holds 'nothing'"):
        chosen(rows, "nothing")


async def command(tmp_path: Path, *words: str, typed: str = "") -> tuple[int, str, str]:
    """Run the command against a server of a good snapshot."""
    async with serving(snapshot()) as running:
        path = tmp_path / "gateway.toml"
        path.write_text(f'{CONFIG}[sinks.modbus]\nhost = "0.0.0.0"\nport = {running.port}\n', encoding="utf-8")
        words = ("points", "walk", "--config", str(path), *words)
        result = await asyncio.to_thread(lambda: CliRunner().invoke(main, words, input=typed))
    return result.exit_code, result.stdout, result.output


async def test_json_has_address_raw_value_and_quality(tmp_path: Path) -> None:
    code, output, _ = await command(tmp_path, "--json", "--filter", "alpha_1_unit setpoint_mw")
    assert code == 0
    assert json.loads(output) == [
        {
            "unit_id": 1, "table": "register", "pdu": 1122, "number": "41123 / 31123", "resource": ONE,
            "key": "setpoint_mw", "type": "float32", "word_order": "ABCD", "unit": "MW", "raw": ["4316", "4000"],
            "value": 150.25, "word": "", "quality": "", "problem": "",
        }
    ]  # fmt: skip


async def test_step_by_step_each_row_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    code, output, _ = await command(tmp_path, "--step", "--filter", "seconds_to_next_target", typed="\n")
    assert (code, output.count("seconds_to_next_target")) == (0, 2)
    code, output, _ = await command(tmp_path, "--step", "--filter", "seconds_to_next_target", typed="q\n")
    assert (code, output.count("seconds_to_next_target")) == (0, 1)


async def test_a_gateway_that_is_not_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    code, _, output = await command(tmp_path, "--host", "127.0.0.1", "--port", "1")
    assert code == 1
    assert "no connection" in output
    assert "Traceback" not in output


def test_without_modbus_the_missing_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG, encoding="utf-8")
    result = CliRunner().invoke(main, ["points", "walk", "--config", str(path)])
    assert result.exit_code == 2
    assert "[sinks.modbus]" in result.output


@pytest.mark.parametrize("words", [("--host", "10.0.0.1"), ("--port", "502"), ("--step",)])
def test_the_pattern_goes_to_the_configured_address_only(tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f"{CONFIG}[sinks.modbus]\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["points", "walk", "--config", str(path), "--test-pattern", *words])
    assert result.exit_code == 2
    assert "configured host and port" in result.output


def test_the_pattern_is_not_served_without_consent(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f"{CONFIG}[sinks.modbus]\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["points", "walk", "--config", str(path), "--test-pattern"], input="n\n")
    assert result.exit_code == 1
    assert "MADE-UP numbers" in result.output
    assert not (tmp_path / "ads.sqlite").exists()


def test_every_code_read_back_has_its_word_or_is_told_as_unknown() -> None:
    row = Row("register", 1, 1, ONE, "directive", "uint16", "", "", "")
    assert Reading(row, ("0004",), 4, "").word == "TEST"
    assert Reading(row, ("0063",), 99, "").word == "not a known code"
    assert Reading(row, ("FFFF",), None, "").word == ""
    assert struct.calcsize(">H") == 2 * row.count
