"""Other people's masters read the right numbers: mbpoll, pymodbus and libmodbus."""

from __future__ import annotations

import asyncio
import math
import os
import re
import shutil
import struct
import sys
import tomllib
from pathlib import Path

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient, AsyncModbusTlsClient
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse

from tests.sinks.modbus import papers
from tests.sinks.modbus.snapshots import IDS, nothing_known, resource, serving, snapshot

GOOD = {IDS[0]: resource(setpoint_mw=150.25, dop_mw=150.0), IDS[1]: resource(setpoint_mw=-7.5, dop_mw=-7.0)}


async def program(*command: str | Path) -> str:
    """Run a program to its end and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("mbpoll"), reason="mbpoll is not installed")
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ("-t 4:float -B -r 1123 -c 1", ["[1123]: \t150.25"]),
        ("-t 3:float -B -r 1123 -c 1", ["[1123]: \t150.25"]),
        ("-t 4:float -B -0 -r 1222 -c 1", ["[1222]: \t-7.5"]),
        ("-t 4:float -r 1 -c 2", ["[1]: \t150", "[3]: \t-7"]),
        ("-t 4:float -B -r 1105 -c 1", ["[1105]: \t123.456"]),
        ("-t 4:float -r 1107 -c 1", ["[1107]: \t123.456"]),
        ("-t 1 -r 1 -c 4", ["[1]: \t1", "[2]: \t1", "[3]: \t1", "[4]: \t1"]),
        ("-t 0 -r 101 -c 2", ["[101]: \t1", "[102]: \t1"]),
    ],
)
async def test_mbpoll_reads(options: str, lines: list[str]) -> None:
    async with serving(snapshot(GOOD)) as running:
        output = await program(
            "mbpoll", "-m", "tcp", "-p", str(running.port), "-a", "1", *options.split(), "-1", "127.0.0.1"
        )
    assert [line.rstrip() for line in output.splitlines() if line.startswith("[")] == lines


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler")
@pytest.mark.skipif(not Path("/usr/include/modbus/modbus.h").exists(), reason="libmodbus is not installed")
async def test_libmodbus_reads_and_cannot_write(tmp_path: Path) -> None:
    source, client = Path(__file__).parent / "modbus" / "client.c", tmp_path / "client"
    await program("gcc", "-Wall", "-Werror", "-I/usr/include/modbus", source, "-lmodbus", "-o", client)
    async with serving(snapshot(GOOD)) as running:
        output = await program(client, str(running.port))
    assert dict(line.split(" ", 1) for line in output.splitlines()) == {
        "abcd": "123.456", "cdab": "123.456", "badc": "123.456", "dcba": "123.456",
        "setpoint": "150.25", "quality": "1", "same": "1", "legacy": "150.00", "bits": "1111",
        "gap": "Illegal data address", "write": "Illegal function", "writes": "Illegal function",
        "coil": "Illegal function", "unit": "Target device failed to respond",
    }  # fmt: skip


async def test_pymodbus_reads_and_cannot_write() -> None:
    async with serving(snapshot(GOOD)) as running:
        client = AsyncModbusTcpClient("127.0.0.1", port=running.port, framer=FramerType.SOCKET)
        assert await client.connect()
        try:
            block = (await client.read_holding_registers(1200, count=100, device_id=1)).registers
            same = (await client.read_input_registers(1200, count=100, device_id=1)).registers
            setpoint = client.convert_from_registers(block[22:24], client.DATATYPE.FLOAT32)
            legacy = (await client.read_holding_registers(0, count=4, device_id=1)).registers
            dop = client.convert_from_registers(legacy[2:4], client.DATATYPE.FLOAT32, word_order="little")
            bits = (await client.read_discrete_inputs(0, count=4, device_id=1)).bits[:4]
            identity = await client.read_device_information(read_code=2, object_id=0, device_id=1)
            write = await client.write_register(1122, 5, device_id=1)
            gap = await client.read_holding_registers(200, count=1, device_id=1)
        finally:
            client.close()
    assert block == same
    assert (setpoint, dop) == (-7.5, -7.0)
    assert bits == [True] * 4
    assert isinstance(identity, ReadDeviceInformationResponse)
    assert identity.information[0] == b"caiso-ads"
    assert identity.information[4] == b"CAISO ADS gateway"
    assert (write.isError(), write.exception_code) == (True, 1)
    assert (gap.isError(), gap.exception_code) == (True, 2)


async def test_pymodbus_reads_no_number_before_there_is_one() -> None:
    async with serving(nothing_known()) as running:
        client = AsyncModbusTcpClient("127.0.0.1", port=running.port, framer=FramerType.SOCKET)
        assert await client.connect()
        try:
            block = (await client.read_holding_registers(1100, count=100, device_id=1)).registers
            legacy = (await client.read_holding_registers(0, count=100, device_id=1)).registers
            good = (await client.read_discrete_inputs(0, count=1, device_id=1)).bits[0]
        finally:
            client.close()
    as_float = client.DATATYPE.FLOAT32
    assert math.isnan(float(str(client.convert_from_registers(block[22:24], as_float))))
    for address in range(0, 100, 2):
        value = client.convert_from_registers(legacy[address : address + 2], as_float, word_order="little")
        assert math.isnan(float(str(value)))
    assert good is False


@pytest.mark.parametrize(("role", "refused"), [("reader", False), ("writer", True)])
async def test_row_169_pymodbus_reads_over_modbus_security_by_its_role(
    tmp_path: Path, role: str, *, refused: bool
) -> None:
    async with serving(snapshot(GOOD), **papers.keys(tmp_path)) as running:
        pair = papers.issue("scada", role=papers.utf8_string(role))
        context = papers.master_context(tmp_path, pair)
        client = AsyncModbusTlsClient("localhost", port=running.port, sslctx=context)
        assert await client.connect()
        try:
            answer = await client.read_holding_registers(1222, count=2, device_id=1)
            write = await client.write_register(1222, 5, device_id=1)
        finally:
            client.close()
        assert (write.isError(), write.exception_code) == (True, 1)
        if refused:
            assert (answer.isError(), answer.exception_code) == (True, 1)
        else:
            assert client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32) == -7.5


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("openssl") or os.name != "posix", reason="needs openssl and a POSIX shell")
async def test_row_169_the_documented_way_to_modbus_security_works(tmp_path: Path) -> None:
    """Run the commands and the script of docs/modbus.md as they stand there, but for the port."""
    page = (Path(__file__).parents[2] / "docs" / "modbus.md").read_text(encoding="utf-8")
    ((shell,), (keys,), (script,)) = (
        [block for block in re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) if word in block]
        for language, word in (("sh", "openssl"), ("toml", "tls_key"), ("python", "AsyncModbusTlsClient"))
    )
    await program("sh", "-ec", f"cd {tmp_path}\n{shell}")
    table = {**tomllib.loads(keys)["sinks"]["modbus"], "port": 0}
    files = {key: tmp_path / table[key] for key in ("tls_certificate", "tls_key", "tls_client_ca")}
    async with serving(snapshot(GOOD), **{**table, **files}) as running:
        (tmp_path / "read.py").write_text(script.replace("port=802", f"port={running.port}"), encoding="utf-8")
        output = await program("sh", "-ec", f"cd {tmp_path} && {sys.executable} read.py")
    assert output.strip() == str(list(struct.unpack(">HH", struct.pack(">f", 150.25))))
