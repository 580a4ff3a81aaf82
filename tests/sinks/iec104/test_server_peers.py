"""Foreign eyes: lib60870-C (c104) as a master in its own process, and Wireshark's dissector on what went over the wire."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.iec104.values import IV, NT, SB
from tests.sinks.iec104.master import COUNTERS, command
from tests.sinks.iec104.serving import Rig, running
from tests.sinks.modbus.snapshots import AT, IDS, resource, snapshot

needs_c104 = pytest.mark.skipif(find_spec("c104") is None, reason="c104 (lib60870-C) is not installed")
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
PEER = Path(__file__).with_name("peer_c104.py")
DIRECTIVE, REASONS, SETPOINT, TARGET_TIME, FOLLOW, HOLD = 1001, 1002, 1004, 1007, 1502, 1503
HELD = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=0x80000001)


class Peer:
    """The foreign master; each request is a line, each answer JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            return json.loads(await self._process.stdout.readline())

    async def ask(self, request: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(request.encode() + b"\n")
        return await self.line()

    async def seen(self) -> dict[int, list[Any]]:
        return {int(address): line for address, line in (await self.ask("seen")).items()}

    async def until(self, address: int, value: float) -> list[Any]:
        """Return what was seen of an object once it has that value."""
        async with asyncio.timeout(10):
            while (line := (await self.seen()).get(address)) is None or line[0] != value:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        return line


@asynccontextmanager
async def foreign(rig: Rig) -> AsyncIterator[Peer]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PEER), str(rig.port), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    peer = Peer(process)
    try:
        assert (await peer.line())["state"] == "OPEN"
        yield peer
    finally:
        process.kill()
        await process.wait()


@needs_c104
async def test_lib60870_reads_values_and_quality_is_told_changes_and_can_change_nothing() -> None:
    shown = {IDS[0]: resource(), IDS[1]: resource(Quality.UNCERTAIN)}
    async with running(snapshot(shown, generation=1)) as rig, foreign(rig) as peer:
        assert (await peer.ask("interrogate"))["done"]
        assert (await peer.ask("counters"))["done"]
        seen = await peer.seen()
        assert set(seen) == {entry.number for entry in rig.sink.plan.entries()}
        assert seen[DIRECTIVE][:3] == [Directive.FOLLOW, 0, "M_ME_NC_1"]
        assert seen[SETPOINT] == [150.25, 0, "M_ME_NC_1", "INTERROGATED_BY_STATION", None]
        assert seen[1011][:2] == [-22.0, 0]
        assert seen[TARGET_TIME][:3] == [int(AT.timestamp()), 0, "M_BO_NA_1"]
        assert seen[FOLLOW][:3] == [1, 0, "M_SP_NA_1"]
        assert seen[2004][:2] == [150.25, NT]
        assert math.isnan(seen[1008][0])  # next_dot_mw is not known
        assert seen[1008][1] == IV | NT
        assert seen[1][:2] == [5, 0]  # the heartbeat, a counter

        held = {IDS[0]: HELD, IDS[1]: resource(Quality.FORCED)}
        await rig.publish(snapshot(held, generation=2, heartbeat=6))
        assert await peer.until(HOLD, 1) == [1, IV | NT, "M_SP_TB_1", "SPONTANEOUS", AT.timestamp()]
        seen = await peer.seen()
        assert seen[DIRECTIVE] == [Directive.HOLD, IV | NT, "M_ME_TF_1", "SPONTANEOUS", AT.timestamp()]
        assert seen[REASONS][:3] == [0x80000001, IV | NT, "M_BO_TB_1"]
        assert seen[2004][:2] == [150.25, SB]
        assert seen[1][:3] == [6, 0, "M_IT_TB_1"]

        for request in ("clock", f"control {SETPOINT} 5", "control 999999 5"):
            assert (await peer.ask(request))["done"] is False
        assert (await peer.ask("test"))["done"]
        assert (await peer.ask(f"read {HOLD}"))["done"]
        refused = [what for _, _, what in rig.evidence.refusals]
        assert refused == ["clock synchronisation", "control (type 50)", "control (type 50)"]
        assert rig.sink.dropped == 0
        assert {generation for *_, generation in rig.evidence.reads} == {1, 2}


@needs_tshark
async def test_wireshark_finds_nothing_malformed_in_what_we_send(tmp_path: Path) -> None:
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        await master.interrogate()
        await master.interrogate(COUNTERS)
        await master.ask(command(102, b"", cause=5, address=SETPOINT))
        await master.ask(command(50, bytes(5), address=SETPOINT))
        await rig.publish(snapshot({IDS[0]: HELD, IDS[1]: resource()}, generation=2, heartbeat=6))
        await master.change_of(HOLD)
    capture = tmp_path / "wire.pcap"
    capture.write_bytes(pcap(bytes(master.bytes)))
    fields = ["-e", "iec60870_asdu.typeid", "-e", "_ws.malformed", "-e", "_ws.expert.message"]
    process = await asyncio.create_subprocess_exec(
        *("tshark", "-r", str(capture), "-T", "json", *fields),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    layers = [packet["_source"]["layers"] for packet in json.loads(output)]
    kinds = {int(kind) for layer in layers for kind in layer.get("iec60870_asdu.typeid", ())}
    assert {1, 7, 13, 15, 30, 33, 36, 37, 50, 100, 101} <= kinds
    assert [layer for layer in layers if "_ws.malformed" in layer] == []


def pcap(stream: bytes) -> bytes:
    """Return a capture of a stream in TCP segments of a few hundred octets, from port 2404."""
    packets = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)]  # raw IP
    number, size = 1, 500
    for first in range(0, len(stream), size):
        data = stream[first : first + size]
        tcp = struct.pack(">HHIIBBHHH", 2404, 40_000, number, 1, 5 << 4, 0x18, 65_535, 0, 0)
        local = bytes((127, 0, 0, 1))
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, local, local)
        packets += [struct.pack("<IIII", 0, 0, 40 + len(data), 40 + len(data)), ip, tcp, data]
        number += len(data)
    return b"".join(packets)
