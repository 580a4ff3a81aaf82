"""The printed map is the served map, and the catalogue page is not stale."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from caiso_ads.cli import points
from caiso_ads.core.events import Notice
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS
from caiso_ads.core.quality import Directive, Quality, Reason

ROOT = Path(__file__).parents[2]
CONFIG = """
[ads]
url = "https://adsws.prod.caiso.com/ADS/APIWebService/v8"
certificate = "plant.p12"
[store]
path = "ads.sqlite"
[[resource]]
id = "NORTH_1_UNIT"
pmin_mw = 0.0
pmax_mw = 100.0
[[resource]]
id = "SOUTH_2_UNIT"
pmin_mw = 0.0
pmax_mw = 50.0
"""


def run(*arguments: str) -> str:
    result = CliRunner().invoke(points.command, arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG + "[sinks.modbus]\nunit_id = 7\nnative_base = 2000\n", encoding="utf-8")
    return path


def test_the_page_of_points_is_up_to_date() -> None:
    page = (ROOT / "docs" / "points.md").read_text(encoding="utf-8")
    assert page == run("--catalogue"), f"make it again: {points.REGENERATE}"


def test_the_page_explains_every_code() -> None:
    assert set(points.QUALITIES) == set(Quality)
    assert set(points.DIRECTIVES) == set(Directive)
    assert set(points.REASONS) == set(Reason)
    assert set(points.NOTICES) == set(Notice)
    page = points.catalogue_markdown()
    assert "| 3 | BAD_COMM |" in page
    assert "| 16 | BATCH_UNREADABLE |" in page
    assert page.isascii()


def test_without_a_configuration_the_map_of_two_example_resources_is_shown() -> None:
    output = run()
    assert "41123 / 31123" in output
    assert "EXAMPLE_1_UNIT" in output
    assert "EXAMPLE_2_UNIT" in output
    assert "Unit ID 1 on 127.0.0.1, port 5020." in output


def test_the_map_is_that_of_the_configuration(config: Path) -> None:
    shown = json.loads(run("--config", str(config), "--format", "json"))
    found = {(row["resource"], row["key"]): row for row in shown["points"] if row["pdu"] >= 2000}
    assert found["SOUTH_2_UNIT", "setpoint_mw"] == {
        "unit_id": 7, "functions": [3, 4], "pdu": 2222, "number": "42223 / 32223", "count": 2, "resource": "SOUTH_2_UNIT",
        "key": "setpoint_mw", "type": "float32", "word_order": "ABCD", "scale": 0, "unit": "MW",
        "meaning": "[3] what to do this second: operating point, ramp, step, fallback or override",
    }  # fmt: skip
    keys = {row["key"] for row in shown["points"]}
    assert {point.key for point in (*GATEWAY_POINTS, *RESOURCE_POINTS)} <= keys
    assert shown["notes"][0].startswith("Unit ID 7")


def test_csv_markdown_and_table_show_the_same_rows(config: Path) -> None:
    shown = json.loads(run("--config", str(config), "--format", "json"))["points"]
    lines = list(csv.DictReader(io.StringIO(run("--config", str(config), "--format", "csv"))))
    assert [(line["pdu"], line["key"], line["meaning"]) for line in lines] == [
        (str(row["pdu"]), row["key"], row["meaning"]) for row in shown
    ]
    markdown = [line for line in run("--config", str(config), "--format", "md").splitlines() if line.startswith("| 7")]
    table = [line for line in run("--config", str(config)).splitlines() if line.startswith("7 ")]
    assert len(markdown) == len(table) == len(shown)
    for row, one, other in zip(shown, markdown, table, strict=True):
        assert f"| {row['pdu']} | {row['number']} |" in one
        assert f"{row['number']} " in other


def test_more_than_ten_resources_are_told_about_the_legacy_map(config: Path) -> None:
    more = "".join(f'[[resource]]\nid = "R{n}"\npmin_mw = 0.0\npmax_mw = 1.0\n' for n in range(10))
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert "first ten resources; 2 more are in the native map only" in run("--config", str(config))


def test_a_configuration_without_modbus_is_told_what_to_add(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG, encoding="utf-8")
    result = CliRunner().invoke(points.command, ["--config", str(path)])
    assert result.exit_code == 2
    assert str(path) in result.output
    assert "[sinks.modbus]" in result.output


def test_a_missing_file_is_an_error_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(points.command, ["--config", str(tmp_path / "no.toml")])
    assert result.exit_code == 2
    assert "no.toml" in result.output
    assert "Traceback" not in result.output


def test_the_nodes_of_a_configuration_have_their_blocks_and_old_registers(config: Path) -> None:
    config.write_text(config.read_text(encoding="utf-8") + '[[node]]\nid = "TH_NP15_GEN-APND"\n', encoding="utf-8")
    points_of = json.loads(run("--config", str(config), "--format", "json"))["points"]
    found = {(row["key"], row["pdu"]) for row in points_of if row["resource"] == "TH_NP15_GEN-APND"}
    assert {("published_lmp_usd_per_mwh", 50), ("active_lmp_usd_per_mwh", 52), ("price_good", 5)} <= found
    assert ("active_lmp_usd_per_mwh", 30_018) in found


def test_tag_files_are_of_the_configured_map_and_of_modbus_only(config: Path) -> None:
    assert "ns=1;s=[caiso_ads]7.HRF2223" in run("--config", str(config), "--format", "ignition")
    lines = run("--config", str(config), "--format", "kepware").splitlines()
    assert any(line.startswith("SOUTH_2_UNIT.setpoint_mw,402223,Float,1,RO,") for line in lines)
    assert not any("dop_mw,400001" in line for line in lines)
    old = run("--config", str(config), "--format", "kepware", "--word-order", "CDAB", "--unit", "7")
    assert "low_NORTH_1_UNIT.dop_mw,400001,Float,1,RO," in old
    for form in ("ignition", "kepware"):
        refused = CliRunner().invoke(points.command, ["--sink", "dnp3", "--format", form])
        assert refused.exit_code == 2
        assert "is for Modbus" in refused.output


def test_the_template_of_a_custom_map_is_printed() -> None:
    assert run("--custom-template").startswith("point,resource,table,address,type,scale,node,unit\n#")
