"""Which sinks the demo turns on, and that what it says of them is true."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from rich.console import Console

from caiso_ads.cli._demo_sinks import HOST, NOT_OFFERED, OFFERS, answers, choose, free_port
from caiso_ads.cli._demo_table import also_served, how_to_read
from caiso_ads.config import load_config
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import KitPaths, write_kit
from caiso_ads.sinks import REGISTRY
from caiso_ads.sinks.dnp3.plan import Plan
from caiso_ads.sinks.opcua.users import matches, read_users

FIRST = "SUNRDG_7_SOLAR1"
URL = "https://127.0.0.1:8447/ADS/APIWebService/v8"


def kit(folder: Path, **changes: object) -> KitPaths:
    sinks = choose(folder, FIRST, **changes).tables  # type: ignore[arg-type]  # the keys of choose
    return write_kit(folder, URL, URL, default_fleet(), modbus_port=5020, poll_interval_s=1, sinks=sinks)


def test_every_registered_sink_is_in_the_demo_or_says_why_not() -> None:
    assert set(REGISTRY) <= {*OFFERS, *NOT_OFFERED}
    assert not {*OFFERS} & {*NOT_OFFERED}


def test_what_is_installed_is_on_and_the_gateway_takes_the_configuration(tmp_path: Path) -> None:
    choice = choose(tmp_path, FIRST, broker="mqtt://127.0.0.1:1883")
    config = load_config(kit(tmp_path, broker="mqtt://127.0.0.1:1883").config)
    assert {told.name for told in choice.on} == {name for name in REGISTRY if name in OFFERS}
    assert set(config.sinks) == {"modbus", "files", "status", *(told.name for told in choice.on)}
    assert choice.left_out == {}


def test_a_sink_whose_library_is_missing_is_left_out_with_its_cure(tmp_path: Path) -> None:
    choice = choose(tmp_path, FIRST, installed=lambda library: library != "dnp3")
    assert "dnp3" not in choice.tables
    assert "caiso-ads[dnp3]" in choice.left_out["dnp3"]
    assert "--with-all" in choice.left_out["dnp3"]
    assert "opcua" in choice.tables
    config = load_config(kit(tmp_path, installed=lambda _: False).config)
    assert not {"dnp3", "opcua"} & set(config.sinks)


def test_mqtt_is_on_only_with_a_broker(tmp_path: Path) -> None:
    with_broker = choose(tmp_path, FIRST, broker="mqtt://10.0.0.7:1884", registered=["mqtt", "sparkplug"])
    assert {told.name for told in with_broker.on} == {"mqtt", "sparkplug"}
    assert with_broker.tables["mqtt"] == {"url": "mqtt://10.0.0.7:1884"}
    assert "-h 10.0.0.7 -p 1884" in with_broker.on[0].commands[0]


def test_a_usual_port_that_is_taken_is_not_used_again() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert answers(HOST, port)
        assert free_port(port) not in {port, 0}
    assert free_port(port) == port
    assert not answers(HOST, port)


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists instead of modes")
def test_the_login_of_opc_ua_stands_in_a_private_file_and_nowhere_else(tmp_path: Path) -> None:
    choice = choose(tmp_path, FIRST)
    file = tmp_path / "opcua-password"
    password = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert matches(password, read_users(tmp_path / "opcua-users")["demo"])
    assert file.name in how_to_read(choice)
    assert password not in how_to_read(choice) + kit(tmp_path).config.read_text()
    assert file.read_text().strip() == password  # also at the next start


def test_the_terminal_names_each_sink_its_place_and_a_command_that_can_be_copied(tmp_path: Path) -> None:
    choice = choose(tmp_path, FIRST, installed=lambda library: library != "dnp3")
    console = Console(width=100, record=True)
    console.print(also_served(choice, kit(tmp_path)))
    text = console.export_text()
    assert "left out: pip install 'caiso-ads[dnp3]'" in " ".join(text.split())
    (opcua,) = [told for told in choice.on if told.name == "opcua"]
    assert f"opc.tcp://127.0.0.1:{opcua.table['port']}/caiso-ads" in text
    assert "uaread" in how_to_read(choice)


def test_the_numbers_it_tells_are_those_of_the_map(tmp_path: Path) -> None:
    (dnp3,) = choose(tmp_path, FIRST, registered=["dnp3"]).on
    entries = {(entry.owner, entry.key): entry.number for entry in Plan((FIRST,)).entries() if entry.type == "AI"}
    assert dnp3.setpoint == (
        f"AI {entries[FIRST, 'setpoint_mw']} in kW; AI {entries[FIRST, 'directive']} is the directive"
    )
