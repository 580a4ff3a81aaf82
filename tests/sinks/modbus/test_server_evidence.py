"""What the server tells of reads: once for each master and snapshot, and only where data went out as live."""

from __future__ import annotations

import pytest

from tests.fakes import KeptEvidence
from tests.sinks.modbus.snapshots import frame, read, serving, snapshot


async def test_each_master_is_told_once_for_each_snapshot_it_was_answered_from() -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(generation=1), evidence=evidence, unit_id=1) as running:
        first, second = await running.master(), await running.master()
        for _ in range(3):
            await first.registers(1000, 1)
        await second.ask("0100000004")
        assert evidence.reads == [("modbus", "127.0.0.1", 1, 1)] * 2
        running.feed.publish(snapshot(generation=2))
        running.feed.publish(snapshot(generation=3))
        for _ in range(3):
            await first.registers(1000, 1)
        assert evidence.reads[2:] == [("modbus", "127.0.0.1", 1, 3)]
        assert evidence.shown == [("modbus", 1), ("modbus", 3)]


@pytest.mark.parametrize(
    "request_frame", [read(3, 900, 1), frame("2b0e0100"), frame("060000ffff"), frame("03", unit=9)]
)
async def test_what_carries_no_data_is_no_read(request_frame: bytes) -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(generation=1), evidence=evidence) as running:
        master = await running.master()
        await master.send(request_frame)
        await master.reply()
        assert evidence.reads == []
        await master.send(request_frame + read(3, 1000, 1))
        await master.reply()
        await master.reply()
        assert evidence.reads == [("modbus", "127.0.0.1", 1, 1)]


async def test_each_unit_that_was_asked_is_told_by_its_own_number_once_a_snapshot() -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(generation=1), evidence=evidence, units="per-resource", first_unit=8) as running:
        master = await running.master()

        async def ask(*units: int) -> None:
            await master.send(b"".join(frame("0303e80001", unit=unit) for unit in units))
            for _ in units:
                await master.reply()

        await ask(9)
        await ask(9, 8, 8, 77)
        await ask(1, 9)
        assert [unit for _, _, unit, _ in evidence.reads] == [9, 8, 1]
        running.feed.publish(snapshot(generation=4))
        await ask(8)
        await ask(8, 9)
        assert [read[2:] for read in evidence.reads[3:]] == [(8, 4), (9, 4)]


async def test_no_unit_of_a_stopped_loop_is_read() -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(generation=1), evidence=evidence, units="per-resource") as running:
        running.sink.sweep(running.sink.now + 60.0)
        master = await running.master()
        for unit in (2, 3, 1):
            await master.send(frame("0303e80001", unit=unit))
            await master.reply()
        assert evidence.reads == []


async def test_a_read_of_a_stopped_loop_is_no_read_of_its_last_batch() -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(generation=1), evidence=evidence) as running:
        master = await running.master()
        running.sink.sweep(running.sink.now + 60.0)
        await master.registers(1000, 1)
        assert evidence.reads == []
        running.feed.publish(snapshot(generation=2))
        await master.registers(1000, 1)
        assert evidence.reads == [("modbus", "127.0.0.1", 1, 2)]


async def test_a_sink_that_cannot_listen_has_shown_nothing() -> None:
    evidence = KeptEvidence()
    async with serving(snapshot()) as running:
        with pytest.raises(OSError, match="cannot listen"):
            async with serving(snapshot(), evidence=evidence, port=running.port):
                pytest.fail("must not start")
    assert evidence.shown == []
