"""Other people's masters read a plant's own map where the file says: mbpoll and pymodbus."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from tests.sinks.modbus.snapshots import IDS, resource, serving, snapshot
from tests.sinks.test_modbus import program

ONE, TWO = IDS
MAP = f"""point,resource,table,address,type,scale,node,unit
setpoint_mw,{ONE},holding,200,int16,0.1,,
setpoint_mw.good,{ONE},holding,201,uint16,,,
setpoint_mw,{TWO},holding,202,float32 BADC,,,
setpoint_mw.quality,{TWO},holding,204,uint16,,,
setpoint_mw,{TWO},holding,205,uint16,,,
setpoint_mw.good,{ONE},discrete,300,bit,,,
setpoint_mw.good,{TWO},discrete,301,bit,,,
setpoint_mw,{TWO},input,0,int32 CDAB,0.001,,9
"""
SHOWN = {ONE: resource(setpoint_mw=-150.25), TWO: resource(setpoint_mw=-7.5)}  # which no uint16 can hold


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "map.csv"
    path.write_text(MAP, encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("mbpoll"), reason="mbpoll is not installed")
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ("-a 1 -t 4 -0 -r 200 -c 2", ["[200]: \t64034 (-1502)", "[201]: \t1"]),
        ("-a 1 -t 4 -0 -r 204 -c 2", ["[204]: \t6", "[205]: \t65535 (-1)"]),
        ("-a 1 -t 1 -0 -r 300 -c 2", ["[300]: \t1", "[301]: \t0"]),
        ("-a 9 -t 3:int -0 -r 0 -c 1", ["[0]: \t-7500"]),
    ],
)
async def test_mbpoll_reads_a_custom_map(file: Path, options: str, lines: list[str]) -> None:
    async with serving(snapshot(SHOWN), custom_map=file) as running:
        output = await program("mbpoll", "-m", "tcp", "-p", str(running.port), *options.split(), "-1", "127.0.0.1")
    assert [line.rstrip() for line in output.splitlines() if line.startswith("[")] == lines


async def test_pymodbus_reads_a_custom_map_and_cannot_write_it(file: Path) -> None:
    async with serving(snapshot(SHOWN), custom_map=file) as running:
        client = AsyncModbusTcpClient("127.0.0.1", port=running.port)
        assert await client.connect()
        try:
            words = (await client.read_holding_registers(200, count=6, device_id=1)).registers
            own = (await client.read_input_registers(0, count=2, device_id=9)).registers
            bits = (await client.read_coils(300, count=2, device_id=1)).bits[:2]
            native = (await client.read_holding_registers(1122, count=2, device_id=1)).registers
            write = await client.write_register(200, 5, device_id=1)
            beyond = await client.read_holding_registers(206, count=1, device_id=1)
            foreign = await client.read_holding_registers(1000, count=1, device_id=9)
        finally:
            client.close()
    assert client.convert_from_registers(words[:1], client.DATATYPE.INT16) == -1502
    assert words[1] == 1
    swapped = [(word >> 8 | word << 8) & 0xFFFF for word in words[2:4]]  # pymodbus knows no byte order
    assert client.convert_from_registers(swapped, client.DATATYPE.FLOAT32) == -7.5
    assert words[4:] == [6, 0xFFFF]
    assert client.convert_from_registers(own, client.DATATYPE.INT32, word_order="little") == -7500
    assert bits == [True, False]
    assert client.convert_from_registers(native, client.DATATYPE.FLOAT32) == -150.25
    assert [one.exception_code for one in (write, beyond, foreign)] == [1, 2, 2]
