"""Other people's masters try to write into a running gateway (row 149): refused, unchanged, counted, in the evidence."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient

from tests.e2e import processes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

READY = "caiso-ads [0-9.]+, simulator"


class Gateway:
    """A running gateway: its configuration and its Modbus port."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.port = int(re.findall(r"port = (\d+)", config.read_text())[0])

    def says(self, *words: str) -> str:
        command = [sys.executable, "-c", "from caiso_ads.cli import main; main()", *words, "--config", str(self.config)]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=processes.environment(), timeout=30
        ).stdout


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("refusals")
    log = directory / "gateway.log"
    with processes.simulator(directory) as config:
        process = processes.caiso_ads("run", "--config", str(config), log=log)
        try:
            processes.wait_for(READY, log, process)
            found = Gateway(config)
            wait_until_open(found.port)
            yield found
        finally:
            code = processes.stop(process)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    assert re.search(r"Modbus: \d+ requests, .* writes refused", log.read_text())


def wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 20.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def refusals(gateway: Gateway) -> dict[str, int]:
    """Return what the exported chain says of refused writes: how often each."""
    text = gateway.says("evidence", "export", "--json", "--utc", "--day", f"{datetime.now(UTC):%Y-%m-%d}")
    found: dict[str, int] = {}
    for row in rows(text):
        if row["kind"] == "refused":
            detail = row["detail"] if isinstance(row["detail"], dict) else json.loads(row["detail"])
            assert (detail["sink"], detail["client"], row["who"]) == ("modbus", "127.0.0.1", "127.0.0.1")
            found[detail["what"]] = found.get(detail["what"], 0) + detail["times"]
    return found


def rows(text: str) -> list[dict[str, Any]]:
    return [row for row in map(json.loads, text.splitlines()) if "kind" in row]


def until_refused(gateway: Gateway, wanted: set[str]) -> None:
    deadline = time.monotonic() + 15.0
    while not wanted <= refusals(gateway).keys():
        assert time.monotonic() < deadline, refusals(gateway)
        time.sleep(0.2)


def test_row_149_pymodbus_cannot_write_and_the_attempt_is_in_the_evidence(gateway: Gateway) -> None:
    with ModbusTcpClient("127.0.0.1", port=gateway.port, framer=FramerType.SOCKET) as client:
        constant = client.read_holding_registers(1104, count=2, device_id=1).registers
        answers = [
            client.write_coil(0, True, device_id=1),
            client.write_register(1104, 5, device_id=1),
            client.write_coils(0, [True], device_id=1),
            client.write_registers(1104, [1, 2], device_id=1),
            client.mask_write_register(address=1104, and_mask=0, or_mask=0xFFFF, device_id=1),
            client.readwrite_registers(read_address=1104, read_count=1, address=1104, values=[9], device_id=1),
        ]
        assert [(one.isError(), one.exception_code) for one in answers] == [(True, 1)] * 6
        assert client.read_holding_registers(1104, count=2, device_id=1).registers == constant
    until_refused(gateway, {f"write (function {function:02d})" for function in (5, 6, 15, 16, 22, 23)})


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="needs Debian's mbpoll")
def test_row_149_mbpoll_cannot_write_and_the_status_counts_it(gateway: Gateway) -> None:
    words = ["mbpoll", "-m", "tcp", "-p", str(gateway.port), "-a", "1", "-t", "4:float", "-B", "-r", "1123", "-1"]
    before = json.loads(gateway.says("status", "--json"))["sinks"]["modbus"]["counts"]
    done = subprocess.run([*words, "127.0.0.1", "999.5"], capture_output=True, text=True, check=False, timeout=30)
    assert "Illegal function" in done.stdout + done.stderr
    until_refused(gateway, {"write (function 16)"})
    time.sleep(1.2)  # the status file is written once a second
    after = json.loads(gateway.says("status", "--json"))["sinks"]["modbus"]
    assert after["health"] == "serving"
    assert after["counts"]["writes_refused"] == before["writes_refused"] + 1
    assert "writes refused" in gateway.says("status")
    read = subprocess.run([*words, "127.0.0.1"], capture_output=True, text=True, check=True, timeout=30).stdout
    assert "999.5" not in read


def test_row_168_a_taken_port_ends_the_start_with_its_message(gateway: Gateway, tmp_path: Path) -> None:
    """A second gateway, with a store of its own, on the port of the first."""
    log, config = tmp_path / "gateway.log", gateway.config.with_name("second.toml")
    config.write_text(gateway.config.read_text().replace("gateway.db", "second.db"))
    process = processes.caiso_ads("run", "--config", str(config), log=log)
    try:
        assert process.wait(30) == 2
    finally:
        processes.stop(process)
    text = log.read_text()
    assert re.search(
        rf"error: sink modbus cannot start: .*Modbus TCP cannot listen on 127\.0\.0\.1:{gateway.port}", text
    )
    assert "Traceback" not in text
    assert gateway.says("status")
