"""The demo as a user runs it, read by Modbus masters nobody here wrote, against what ``status --json`` says."""

from __future__ import annotations

import json
import math
import re
import shutil
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient

from caiso_ads.core.points import RESOURCE_POINTS
from caiso_ads.sinks.modbus.layout import Plan, slot
from tests.e2e import processes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SETPOINT = [point.key for point in RESOURCE_POINTS].index("setpoint_mw")

LIBMODBUS_CLIENT = r"""
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    uint16_t r[100];
    modbus_t *m = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_set_slave(m, 1);
    if (modbus_connect(m) || modbus_read_registers(m, atoi(argv[2]), 100, r) != 100) return 1;
    printf("%u %.9g\n", ((unsigned)r[0] << 16) | r[1], modbus_get_float_abcd(r + atoi(argv[3])));
    return 0;
}
"""


class Demo:
    """A running demo: its port, its directory, and the block of its first resource."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self.block = Plan(("one",)).block_base(0)

    def status(self) -> dict[str, Any]:
        words = ("status", "--json", "--status-file", str(self.directory / "gateway.db.status.json"))
        output = subprocess.run(
            [sys.executable, "-c", "from caiso_ads.cli import main; main()", *words],
            check=True, capture_output=True, env=processes.environment(),
        ).stdout  # fmt: skip
        found: dict[str, Any] = json.loads(output)
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory = tmp_path_factory.mktemp("demo")
    log, port = directory / "demo.log", processes.free_port()
    process = processes.caiso_ads(
        "demo", "--directory", str(directory), "--modbus-port", str(port), "--plain", "--calm", log=log
    )  # fmt: skip
    try:
        processes.wait_for(r"polled \d+ s ago", log, process)
        yield Demo(directory, port)
    finally:
        code = processes.stop(process)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def same_snapshot(demo: Demo, read: Callable[[], tuple[int, float]]) -> tuple[float, float]:
    """Read with a foreign master until it meets the snapshot that ``status --json`` shows; return both values."""
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        before = read()
        status = demo.status()
        first = status["resources"][0]
        after = read()
        for snapshot_id, value in (before, after):
            if snapshot_id == status["snapshot_id"]:
                return value, float(first["points"]["setpoint_mw"]["value"])
    raise AssertionError("never met on one snapshot")


def test_pymodbus_reads_what_status_says(demo: Demo) -> None:
    with ModbusTcpClient("127.0.0.1", port=demo.port, framer=FramerType.SOCKET) as client:

        def read() -> tuple[int, float]:
            registers = client.read_holding_registers(demo.block, count=100, device_id=1).registers
            raw = struct.pack(">100H", *registers)
            assert raw[:4] == raw[196:], "one block, one snapshot"
            return struct.unpack(">I", raw[:4])[0], struct.unpack_from(">f", raw, 2 * slot(SETPOINT))[0]

        read_value, said = same_snapshot(demo, read)
    assert math.isclose(read_value, said, abs_tol=0.001)


def test_libmodbus_reads_what_status_says(demo: Demo, tmp_path: Path) -> None:
    if not Path("/usr/include/modbus/modbus.h").exists() or shutil.which("gcc") is None:
        pytest.skip("needs Debian's libmodbus-dev and gcc")
    source, program = tmp_path / "client.c", tmp_path / "client"
    source.write_text(LIBMODBUS_CLIENT)
    subprocess.run(["gcc", "-I/usr/include/modbus", "-o", program, source, "-lmodbus"], check=True)

    def read() -> tuple[int, float]:
        words = [str(program), str(demo.port), str(demo.block), str(slot(SETPOINT))]
        snapshot_id, value = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
        return int(snapshot_id), float(value)

    read_value, said = same_snapshot(demo, read)
    assert math.isclose(read_value, said, abs_tol=0.001)


def mbpoll(demo: Demo, *words: str) -> list[float]:
    """Return the values mbpoll prints."""
    if shutil.which("mbpoll") is None:
        pytest.skip("needs Debian's mbpoll")
    command = ["mbpoll", "-m", "tcp", "-p", str(demo.port), "-a", "1", *words, "-1", "127.0.0.1"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(value) for value in re.findall(r"^\[\d+\]:\s+(\S+)", text, re.MULTILINE)]


def test_mbpoll_reads_what_status_says_in_the_legacy_order_and_the_native_block(demo: Demo) -> None:
    def native() -> tuple[int, float]:
        high, low = mbpoll(demo, "-t", "4", "-r", str(demo.block + 1), "-c", "2")
        (value,) = mbpoll(demo, "-t", "4:float", "-B", "-r", str(demo.block + slot(SETPOINT) + 1), "-c", "1")
        again = mbpoll(demo, "-t", "4", "-r", str(demo.block + 1), "-c", "2")
        return (int(high) << 16 | int(low), value) if again == [high, low] else (-1, value)

    def legacy() -> tuple[int, float]:
        high, low = mbpoll(demo, "-t", "4", "-r", str(demo.block + 1), "-c", "2")
        (value,) = mbpoll(demo, "-t", "4:float", "-r", "1", "-c", "1")
        again = mbpoll(demo, "-t", "4", "-r", str(demo.block + 1), "-c", "2")
        return (int(high) << 16 | int(low), value) if again == [high, low] else (-1, value)

    for read in (native, legacy):
        read_value, said = same_snapshot(demo, read)
        assert math.isclose(read_value, said, rel_tol=1e-4, abs_tol=0.01)


def test_mbpoll_reads_the_prices_that_the_price_command_shows(demo: Demo) -> None:
    """40051 is the newest price, 40053 the one that applies now; asked of the same service by the other way."""
    config = demo.directory / "gateway.toml"
    node = tomllib.loads(config.read_text())["node"][0]["id"]
    words = ("lmp", node, "--json", "--config", str(config))
    run = [sys.executable, "-c", "from caiso_ads.cli import main; main()"]
    deadline = time.monotonic() + 90.0
    while time.monotonic() < deadline:
        if mbpoll(demo, "-t", "1", "-r", "6", "-c", "1") != [1.0]:
            time.sleep(1.0)  # ask nothing meanwhile: the gateway shares the pace of the price service with us
            continue
        before = mbpoll(demo, "-t", "4:float", "-r", "51", "-c", "2")
        output = subprocess.run([*run, *words], check=True, capture_output=True, env=processes.environment()).stdout
        after = mbpoll(demo, "-t", "4:float", "-r", "51", "-c", "2")
        if before == after and mbpoll(demo, "-t", "1", "-r", "6", "-c", "1") == [1.0]:
            prices = json.loads(output)["prices"]
            newest = max(prices, key=lambda row: str(row["start_utc"]))
            said = [row["lmp_usd_per_mwh"] for row in (newest, applying(prices))]
            assert after == pytest.approx(said, rel=1e-4)
            return  # it was not over the edge of an interval, and the price of now was good
    raise AssertionError("no good price stood still")


def applying(prices: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the price of the interval that contains this moment."""
    now = datetime.now(UTC)
    (found,) = [
        row
        for row in prices
        if datetime.fromisoformat(row["start_utc"]) <= now < datetime.fromisoformat(row["end_utc"])
    ]
    return found


def test_the_files_of_the_demo_can_be_copied_and_checked(demo: Demo) -> None:
    text = (demo.directory / "gateway.toml").read_text()
    assert 'environment = "simulator"' in text
    assert f"port = {demo.port}" in text
    assert list((demo.directory / "files").glob("*.csv"))


def test_an_operator_forces_a_value_and_a_foreign_master_reads_it(demo: Demo) -> None:
    """From the command line through the spool, the store and the snapshot to the register, and in the audit."""
    gas = [item["id"] for item in demo.status()["resources"]].index("RIVRCK_1_GAS1")
    words = ("--config", str(demo.directory / "gateway.toml"), "--json", "--yes")
    forced = ("override", "set", "RIVRCK_1_GAS1", "--mw", "99", "--reason", "line work", "--for", "5m")
    run = [sys.executable, "-c", "from caiso_ads.cli import main; main()"]
    subprocess.run([*run, *forced, *words], check=True, capture_output=True, env=processes.environment())
    address = Plan(("one",)).block_base(gas) + slot(SETPOINT) + 1
    assert mbpoll(demo, "-t", "4:float", "-B", "-r", str(address), "-c", "1") == [99.0]
    deadline = time.monotonic() + 10.0
    points = demo.status()["resources"][gas]["points"]
    while points["quality"]["word"] != "FORCED" and time.monotonic() < deadline:
        points = demo.status()["resources"][gas]["points"]
    assert (points["quality"]["word"], points["directive"]["word"], points["setpoint_mw"]["value"]) == (
        "FORCED",
        "HOLD",
        99.0,
    )
