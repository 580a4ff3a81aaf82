"""The 42 cases a server must get right, each over a real socket while another master is served (rows 147 to 151, 153)."""

from __future__ import annotations

import random
import struct
from typing import Any, NamedTuple

import pytest

from tests.fakes import KeptEvidence
from tests.sinks.modbus.snapshots import Master, Running, frame, read, resource, serving, snapshot

CLOSED = None
"""Stands in the list of replies where the connection must end."""


class Case(NamedTuple):
    """Bytes to send, and the PDUs of the replies in order (hex); CLOSED at the end: then it is closed."""

    name: str
    sent: bytes
    replies: list[str | None]
    counter: str = "exceptions"


def refused(name: str, pdu: str, reply: str, counter: str = "exceptions") -> Case:
    return Case(name, frame(pdu), [reply], counter)


def broken(name: str, sent: bytes) -> Case:
    return Case(name, sent, [CLOSED], "broken_frames")


def half(name: str, sent: bytes) -> Case:
    return Case(name, sent, [CLOSED], "connections_dropped")


ONE = "03020000"  # the reply to a read of register 1000
READ = read(3, 1000, 1)
TLS_HELLO = bytes.fromhex("160301020001000001fc0303") + bytes(range(64))
HTTP = b"GET / HTTP/1.1\r\nHost: plant\r\n\r\n"
RANDOM = random.Random(42).randbytes(2000)

CASES = [
    # functions (row 149: every write is refused)
    refused("unknown function 0x41", "41", "c101"),
    refused("function 0", "00", "8001"),
    refused("function 0x80, a reply's", "83", "8301"),
    refused("function 0x7F", "7f00", "ff01"),
    refused("exception status 07", "07", "8701"),
    refused("diagnostics 08", "080000a5a5", "8801"),
    refused("server id 17 says nothing of us", "11", "9101"),
    refused("read file record 20", "14070600010000000a", "9401"),
    refused("write coil 05", "05006eff00", "8501", "writes_refused"),
    refused("write register 06", "0604620001", "8601", "writes_refused"),
    refused("write coils 15", "0f0000000a02cd01", "8f01", "writes_refused"),
    refused("write registers 16", "1004620002040000ffff", "9001", "writes_refused"),
    refused("write file record 21", "150d0600040007000306af04be100d", "9501", "writes_refused"),
    refused("mask write 22", "1604620000ffff", "9601", "writes_refused"),
    refused("read and write 23", "1704620001046200010200ff", "9701", "writes_refused"),
    refused("a write cut short", "06", "8601", "writes_refused"),
    # addresses and quantities (row 150: exception 02 or 03, never a neighbour's data)
    refused("address in the gap", "0303000001", "8302"),
    refused("last register of the gap", "0303e70001", "8302"),
    refused("one register beyond the map", "0305140001", "8302"),
    refused("over the end of the map", "0305130002", "8302"),
    refused("the last address, two of it", "03ffff0002", "8302"),
    refused("quantity 0", "0303e80000", "8303"),
    refused("quantity 126", "0403e8007e", "8403"),
    refused("quantity 65535", "0303e8ffff", "8303"),
    refused("bits: quantity 0", "0200000000", "8203"),
    refused("bits: quantity 2001", "01000007d1", "8103"),
    refused("bits beyond the map", "0200660001", "8202"),
    # lengths of the PDU
    refused("read without address", "03", "8303"),
    refused("read cut in the quantity", "0303e800", "8303"),
    refused("read with a byte too much", "0303e8000100", "8303"),
    # unit and header (rows 147 and 151)
    Case("wrong unit", frame("0303e80001", unit=9), ["830b"]),
    Case("unit 0 is not any unit", frame("0303e80001", unit=0), ["830b"]),
    broken("protocol id 1", frame("0303e80001", protocol=1)),
    broken("length 0", frame("0303e80001", length=0)),
    broken("length 65535", frame("0303e80001", length=65_535)),
    # half frames, then nothing (row 148)
    half("half a header", READ[:3]),
    half("header without its frame", READ[:7]),
    # many at once, and what is no Modbus (row 153)
    Case("20 requests in one segment", READ * 20, [ONE] * 20, "requests"),
    Case("a good one, a refused one, a broken one", READ + frame("41") + HTTP, [ONE, "c101", CLOSED], "broken_frames"),
    broken("HTTP", HTTP),
    broken("TLS hello", TLS_HELLO),
    broken("random bytes", RANDOM),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_row_147_148_149_150_151_153_each_malformed_frame_has_its_right_answer(case: Case) -> None:
    async with serving(snapshot(), half_frame_timeout_s=0.05) as running:
        good, bad = await running.master(), await running.master()
        before = await good.registers(1100, 100)
        await bad.send(case.sent)
        for expected in case.replies:
            if expected is CLOSED:
                assert await bad.ended() == b""
            else:
                assert await one_reply(bad) == expected
        if case.replies[-1] is not CLOSED:
            assert await bad.registers(1000, 1) == b"\0\0"  # it stays usable
        assert await good.registers(1100, 100) == before  # unchanged, and served meanwhile
        assert getattr(running.counters, case.counter) >= 1
        await running.until(lambda: running.sink.connections == (1 if case.replies[-1] is CLOSED else 2))


def test_there_are_42_cases() -> None:
    assert len({case.sent for case in CASES}) == len({case.name for case in CASES}) == 42


async def one_reply(master: Master) -> str:
    """Return the PDU of the next reply in hex; its header must be right."""
    head = await master.reader.readexactly(7)
    transaction, protocol, length, _ = struct.unpack(">HHHB", head)
    assert (transaction, protocol) == (1, 0)
    return (await master.reader.readexactly(length - 1)).hex()


async def test_row_151_a_wrong_unit_gets_silence_where_that_is_configured() -> None:
    async with serving(snapshot(), foreign_unit="ignore") as running:
        master = await running.master()
        await master.send(frame("0303e80001", transaction=1, unit=9) + read(3, 1000, 1, transaction=2))
        assert (await master.reply())[:2] == b"\0\x02"


WRITES = ["0500000000", "0604620001", "0f0000000101ff", "100462000102ffff", "150d0600040007000306af04be100d",
          "160462000000ff", "17046200010462000102ffff"]  # fmt: skip


@pytest.mark.parametrize("pdu", WRITES)
async def test_row_149_a_write_is_refused_recorded_and_changes_nothing(pdu: str) -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(), evidence=evidence) as running:
        master = await running.master()
        before = [await master.registers(1100, 100), await master.registers(0, 100), await master.ask("0200000004")]
        function = int(pdu[:2], 16)
        assert await master.ask(pdu) == bytes((function | 0x80, 1))
        after = [await master.registers(1100, 100), await master.registers(0, 100), await master.ask("0200000004")]
        assert after == before
        assert running.counters.writes_refused == 1
    assert evidence.refusals == [("modbus", "127.0.0.1", f"write (function {function:02d})")]


async def test_row_150_no_read_at_any_edge_of_the_map_shows_what_is_beside_it() -> None:
    """Each edge, each side of it, one and many: data of exactly that size, or an exception."""
    edges = {0: 100, 1000: 1300}
    async with serving(snapshot(dict.fromkeys(("A", "B"), resource())), ids=("A", "B")) as running:
        master = await running.master()
        for edge in (0, 99, 100, 101, 999, 1000, 1299, 1300, 1301, 65_535):
            for quantity in (1, 2, 125):
                reply = await master.ask(struct.pack(">BHH", 3, edge, quantity))
                inside = any(start <= edge and edge + quantity <= stop for start, stop in edges.items())
                assert reply[:2] == (bytes((3, 2 * quantity)) if inside else b"\x83\x02"), (edge, quantity)
                assert len(reply) == (2 + 2 * quantity if inside else 2)


PROBES = [  # what service detection and modbus-discover send
    b"\r\n\r\n", b"OPTIONS / RTSP/1.0\r\n\r\n", b"\x80\0\0\x28\x72\xfe\x1d\x13" + bytes(36), b"\0\x1e\0\x06\x01\0\0\x01\0\0\0\0\0\0\x07version",
    b"HELP\r\n", TLS_HELLO, b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0", b"\0\0\0\xa4\xff\x53\x4d\x42\x72" + bytes(30),
    frame("11", unit=1), frame("2b0e0100"), frame("2b0e0300"), frame("11", unit=0), frame("2b0e0100", unit=247),
]  # fmt: skip


async def test_row_153_a_port_scan_learns_the_configured_texts_and_nothing_else() -> None:
    texts: dict[str, Any] = {
        "vendor_name": "Plant",
        "product_code": "x1",
        "revision": "7",
        "product_name": "N",
        "application_name": "",
    }
    async with serving(snapshot(), max_per_address=64, **texts) as running:
        learnt = b""
        for probe in PROBES:
            scanner = await running.master()
            await scanner.send(probe)
            scanner.writer.write_eof()
            learnt += await scanner.ended()
        assert b"Plant" in learnt
        assert b"x1" in learnt
        for ours in (b"caiso", b"CAISO", b"ADS", b"ALPHA", b"python"):
            assert ours not in learnt
        assert await served(running)


async def served(running: Running) -> bool:
    """Whether a new master is answered."""
    return await (await running.master()).registers(1000, 1) == b"\0\0"
