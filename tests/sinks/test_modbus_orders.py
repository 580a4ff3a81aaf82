"""Other people's masters read each word order, each unit and each twin: libmodbus all rows, pymodbus and mbpoll some."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient

from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.image import Renderer
from caiso_ads.sinks.modbus.orders import WORD_ORDERS
from tests.sinks.modbus.decoding import read_row
from tests.sinks.modbus.snapshots import IDS, resource, serving, snapshot
from tests.sinks.test_modbus import program

SHOWN = snapshot(
    {IDS[0]: resource(setpoint_mw=150.25), IDS[1]: resource(setpoint_mw=-7.5, dop_mw=4000.0)}, generation=9
)
KEYS: dict[str, Any] = {"units": "per-resource", "scaled_base": 40_000, "scaled_price_base": 50_000}
NODES = ("NODE",)
TWIN = 40_000 + 2 * 100  # of the first resource
SETPOINT = 3


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the libmodbus master once."""
    if not shutil.which("gcc") or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip("needs a C compiler and libmodbus")
    return tmp_path_factory.mktemp("orders") / "orders"


@pytest.mark.slow
@pytest.mark.parametrize("order", WORD_ORDERS)
async def test_libmodbus_reads_every_row_in_each_order_with_both_functions(order: Any, master: Path) -> None:
    if not master.exists():
        source = Path(__file__).parent / "modbus" / "orders.c"
        flags = ("-Wall", "-Wextra", "-Werror", "-I/usr/include/modbus")
        await program("gcc", *flags, source, "-lmodbus", "-o", master)
    plan = Config(word_order=order, **KEYS).plan(IDS, NODES)
    rows = [row for row in layout.rows(plan) if row.word_order in ("", order) and row.count <= 2 and row.table != "bit"]
    asked = [word for row in rows for f in ("3", "4") for word in (str(row.unit_id), f, str(row.pdu), row.type)]
    async with serving(SHOWN, IDS, NODES, word_order=order, **KEYS) as running:
        lines = (await program(master, str(running.port), order, *asked)).split()
    assert lines[0::2] == lines[1::2]
    image = Renderer(plan).render(SHOWN)
    read = {row: lines[2 * index] for index, row in enumerate(rows)}
    wrong = {row: text for row, text in read.items() if not same(text, read_row(image, row))}
    assert wrong == {}
    found = {(r.unit_id, r.resource, r.key, r.type): text for r, text in read.items()}
    assert found[1, IDS[0], "setpoint_mw", "float32"] == found[2, IDS[0], "setpoint_mw", "float32"] == "150.25"
    assert found[3, IDS[1], "setpoint_mw", "float32"] == "-7.5"
    assert found[3, IDS[1], "setpoint_mw", "int32"] == "-7500"
    assert (found[3, IDS[1], "dop_mw", "int32"], found[3, IDS[1], "dop_mw", "int16"]) == ("4000000", "-32768")
    assert found[3, "", "map_checksum", "uint32"] == str(layout.checksum(plan))
    assert found[1, "", "byte_order_check", "float32"] == f"{struct.unpack('>f', struct.pack('>f', 123.456))[0]:.9g}"


def same(text: str, value: float) -> bool:
    return (math.isnan(float(text)) and math.isnan(value)) or float(text) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(("order", "words"), [("ABCD", "big"), ("CDAB", "little")])
async def test_pymodbus_reads_both_orders_it_knows_and_the_twins(order: Any, words: Any) -> None:
    async with serving(SHOWN, IDS, NODES, word_order=order, **KEYS) as running:
        client = AsyncModbusTcpClient("127.0.0.1", port=running.port, framer=FramerType.SOCKET)
        assert await client.connect()
        try:
            block = (await client.read_holding_registers(1100, count=100, device_id=3)).registers
            wide = (await client.read_input_registers(TWIN, count=100, device_id=3)).registers
            narrow = (await client.read_holding_registers(TWIN + 100, count=100, device_id=3)).registers
            foreign = await client.read_holding_registers(1100, count=1, device_id=4)
        finally:
            client.close()
    types = client.DATATYPE
    assert client.convert_from_registers(block[22:24], types.FLOAT32, word_order=words) == -7.5
    assert client.convert_from_registers(block[0:2], types.UINT32, word_order=words) == 9
    raw = client.convert_from_registers(wide[2 + 2 * SETPOINT :][:2], types.INT32, word_order=words)
    scale = client.convert_from_registers(wide[66 + SETPOINT :][:1], types.INT16)
    assert (raw, scale) == (-7500, -3)
    raw = client.convert_from_registers(narrow[2 + SETPOINT :][:1], types.INT16)
    scale = client.convert_from_registers(narrow[34 + SETPOINT :][:1], types.INT16)
    assert (raw, scale) == (-75, -1)
    assert (foreign.isError(), foreign.exception_code) == (True, 11)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("mbpoll"), reason="mbpoll is not installed")
@pytest.mark.parametrize(
    ("order", "options", "line"),
    [
        ("CDAB", "-a 3 -t 4:float -r 1123", "[1123]: \t-7.5"),
        ("CDAB", "-a 1 -t 3:float -r 1223", "[1223]: \t-7.5"),
        ("ABCD", "-a 3 -t 4:float -B -r 1123", "[1123]: \t-7.5"),
        ("ABCD", f"-a 3 -t 4:int -B -r {TWIN + 2 + 2 * SETPOINT + 1}", f"[{TWIN + 2 + 2 * SETPOINT + 1}]: \t-7500"),
        ("CDAB", f"-a 3 -t 4:int -r {TWIN + 2 + 2 * SETPOINT + 1}", f"[{TWIN + 2 + 2 * SETPOINT + 1}]: \t-7500"),
        ("DCBA", f"-a 3 -t 4 -r {TWIN + 102 + SETPOINT + 1}", f"[{TWIN + 102 + SETPOINT + 1}]: \t65461 (-75)"),
    ],
)
async def test_mbpoll_reads_a_unit_in_its_order(order: Any, options: str, line: str) -> None:
    async with serving(SHOWN, IDS, NODES, word_order=order, **KEYS) as running:
        words = ("-m", "tcp", "-p", str(running.port), *options.split(), "-c", "1", "-1", "127.0.0.1")
        output = await program("mbpoll", *words)
    assert [one.rstrip() for one in output.splitlines() if one.startswith("[")] == [line]
