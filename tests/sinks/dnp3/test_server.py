from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.ports import Feed
from caiso_ads.sinks.dnp3 import Config
from caiso_ads.sinks.dnp3.server import Dnp3Sink, settings_of
from tests.fakes import KeptEvidence
from tests.sinks.dnp3.master import CLASS_0, CLASS_1, Master
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, snapshot

HELD = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=1)
DIRECTIVE, SETPOINT = ("AI", 100), ("AI", 103)
GOOD, FOLLOW, HOLD = ("BI", 100), ("BI", 101), ("BI", 102)


class Rig:
    def __init__(self, sink: Dnp3Sink, feed: Feed, evidence: KeptEvidence) -> None:
        self.sink, self.feed, self.evidence = sink, feed, evidence
        self.masters: list[Master] = []

    @property
    def port(self) -> int:
        return self.sink.bound[0][1]

    async def publish(self, shown: Snapshot) -> None:
        self.feed.publish(shown)

        async def served() -> bool:
            return self.sink.engine.generation == shown.generation

        await self.until(served)

    async def master(self, local: str | None = None) -> Master:
        self.masters.append(await Master.open("127.0.0.1", self.port, local))
        return self.masters[-1]

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(20):
            while not await condition():  # noqa: ASYNC110 - what it waits for lies beyond a socket
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(first: Snapshot | None = None, ids: tuple[str, ...] = IDS, **keys: Any) -> AsyncIterator[Rig]:
    evidence = KeptEvidence()
    config = Config(port=0, **keys)
    sink = Dnp3Sink(config.plan(ids), settings_of(config), evidence)
    feed, started = Feed(first or nothing_known()), asyncio.Event()
    task = asyncio.create_task(sink.run(feed, started.set))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED, timeout=20)
    assert not task.done(), task
    rig = Rig(sink, feed, evidence)
    try:
        yield rig
    finally:
        for master in rig.masters:
            master.close()
        task.cancel()
        await asyncio.wait((task,))


async def test_what_is_not_known_is_offline_and_never_zero() -> None:
    async with running() as rig:
        found = await (await rig.master()).read()
    assert found[DIRECTIVE] == (Directive.NO_DATA, 0x02)
    assert found[SETPOINT] == (-(2**31), 0x02)
    assert found[GOOD] == found[FOLLOW] == (0, 0x02)


async def test_an_event_tells_of_a_new_directive_and_of_flags_alone() -> None:
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        assert await master.read(CLASS_1) == {}  # the first load makes none
        await rig.publish(snapshot({IDS[0]: HELD, IDS[1]: resource()}, generation=2))
        events = await master.read(CLASS_1)
        assert events[DIRECTIVE] == (Directive.HOLD, 0x04)
        assert events[SETPOINT] == (150_250, 0x04)  # the value is as before
        assert (events[FOLLOW], events[HOLD]) == ((0, 0x04), (1, 0x04))
        assert not any(150 <= index < 200 for _, index in events)  # the other resource did not change
        assert await master.read(CLASS_1) == {}


async def test_a_step_below_the_deadband_is_served_and_no_event() -> None:
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        for generation, mw, told in ((2, 150.3, False), (3, 150.36, True)):  # in all 50 kW, then 110 kW
            await rig.publish(snapshot({IDS[0]: resource(setpoint_mw=mw), IDS[1]: resource()}, generation=generation))
            assert (SETPOINT in await master.read(CLASS_1)) is told
            assert (await master.read())[SETPOINT][0] == round(mw * 1000)


async def test_row_159_dropped_events_are_told_once_and_the_static_values_stay_right() -> None:
    async with running(snapshot(generation=1), event_limit=100) as rig:
        for generation in range(2, 60):
            mw = 100.0 + generation
            await rig.publish(snapshot(dict.fromkeys(IDS, resource(setpoint_mw=mw)), generation=generation))
        master = await rig.master()
        assert rig.sink.engine.events == 100
        (first,) = await master.request(1, CLASS_1)
        assert first[3] & 0x08
        (second,) = await master.request(1, CLASS_1)
        assert not second[3] & 0x08
        assert (await master.read())[SETPOINT] == (159_000, 0x01)


async def test_events_of_an_answer_that_broke_off_are_told_as_missing() -> None:
    ids = tuple(f"UNIT_{number}" for number in range(60))
    async with running(snapshot(dict.fromkeys(ids, resource()), generation=1), ids) as rig:
        await rig.publish(snapshot(dict.fromkeys(ids, HELD), generation=2))
        master = await rig.master()
        (first,) = await master.request(1, CLASS_1, confirm=False)
        assert first[0] & 0x20
        master.close()

        async def gone() -> bool:
            return rig.sink._master is None

        await rig.until(gone)
        (answer,) = await (await rig.master()).request(1, CLASS_1)
        assert answer[3] & 0x08


async def test_row_160_the_restart_bit_stays_until_the_master_clears_it() -> None:
    async with running() as rig:
        master = await rig.master()
        for _ in range(2):
            assert (await master.request(1, CLASS_1))[0][2] & 0x80
        await master.request(2, bytes((80, 1, 0, 7, 7, 0)))
        assert not (await master.request(1, CLASS_1))[0][2] & 0x80


async def test_row_161_a_write_of_anything_but_the_restart_bit_and_the_time_is_refused_and_audited() -> None:
    async with running() as rig:
        master = await rig.master()
        await master.request(2, bytes((80, 1, 0, 7, 7, 0)))
        await master.request(2, bytes((50, 1, 7, 1, 0, 0, 0, 0, 0, 1)))
        assert rig.evidence.refusals == []
        for objects in ((34, 1, 0, 0, 0, 5, 0), (10, 1, 0, 0, 0, 1), (110, 4, 0, 0, 0, 65, 66, 67, 68)):
            (answer,) = await master.request(2, bytes(objects))
            assert answer[3] & 0x07
        assert rig.evidence.refusals == [("dnp3", "127.0.0.1", "control (function 2)")] * 3


async def test_row_161_wrong_addresses_are_ignored() -> None:
    async with running() as rig:
        master = await rig.master()
        for destination, source in ((11, 1), (10, 2)):
            master.destination, master.source = destination, source
            master.send(b"\xc0\x01" + CLASS_0)
        master.destination, master.source, master.sequence = 10, 1, 6
        (answer,) = await master.request(1, CLASS_1)
        assert answer[0] & 0x0F == 7  # the first answer there is


async def test_a_stranger_is_refused_at_once() -> None:
    async with running(allow=("127.0.0.2", "10.0.0.0/8")) as rig:
        with pytest.raises((ConnectionError, OSError)):
            await (await rig.master("127.0.0.1")).read()
        assert rig.sink.refused == 1
        assert await (await rig.master("127.0.0.2")).read()


async def test_one_master_at_a_time_and_a_newer_of_the_same_address_replaces_it() -> None:
    async with running() as rig:
        old = await rig.master()
        await old.read()
        with pytest.raises((ConnectionError, OSError)):
            await (await rig.master("127.0.0.3")).read()
        assert await old.read()
        assert await (await rig.master()).read()
        with pytest.raises((ConnectionError, OSError)):
            await old.read()


async def test_bytes_that_are_no_dnp3_hurt_nobody() -> None:
    async with running() as rig:
        for junk in (b"GET / HTTP/1.0\r\n\r\n", b"\x05\x64\xff", b"\x05\x64\x05\xc0\x0a\x00\x01\x00\xff\xff" * 50):
            master = await rig.master()
            master.writer.write(junk)
            await master.writer.drain()
        assert await (await rig.master()).read()


async def test_row_158_when_the_control_loop_stands_still_nothing_is_good() -> None:
    async with running(snapshot(generation=1), stall_limit_s=2) as rig:
        master = await rig.master()

        async def distrusted() -> bool:
            return (await master.read())[FOLLOW] == (0, 0x04)

        await rig.until(distrusted)
        found = await master.read()
        assert found[DIRECTIVE] == (Directive.HOLD, 0x04)
        assert found[SETPOINT] == (150_250, 0x04)
        await rig.publish(snapshot(generation=2))
        assert (await master.read())[FOLLOW] == (1, 0x01)


async def test_who_read_which_snapshot_is_told_once() -> None:
    async with running(snapshot(generation=4)) as rig:
        master = await rig.master()
        await master.read()
        await master.read()
        await master.request(23, b"")  # not a read
    assert rig.evidence.reads == [("dnp3", "127.0.0.1", 10, 4)]


# --- a master nobody here wrote -------------------------------------------------------------------------------------

needs_opendnp3 = pytest.mark.skipif(find_spec("opendnp3") is None, reason="yadnp3 is not installed")


class Foreign:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, command: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command.encode() + b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        return json.loads(line)

    async def scan(self, what: str) -> tuple[dict[tuple[str, int], tuple[int, int]], Any]:
        answer = await self.ask(f"scan {what}")
        assert "SUCCESS" in answer["result"]
        return {(kind, index): (value, flags & 0x7F) for kind, index, value, flags, _ in answer["values"]}, answer


@asynccontextmanager
async def foreign(port: int) -> AsyncIterator[Foreign]:
    program = Path(__file__).with_name("opendnp3_master.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, str(port), stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**24
    )
    try:
        yield Foreign(process)
    finally:
        process.kill()
        await process.wait()


@needs_opendnp3
async def test_opendnp3_reads_all_values_and_flags_then_the_change() -> None:
    async with running(snapshot(generation=1)) as rig, foreign(rig.port) as master:
        found, answer = await master.scan("integrity")
        assert answer["restarts"] >= 1  # IIN1.7 was set, and opendnp3 has cleared it
        assert not answer["iin"][0] & 0x80
        analogs = [index for kind, index in found if kind == "AI"]
        assert len(analogs) == len(GATEWAY_POINTS) + 2 * len(RESOURCE_POINTS)
        assert found[DIRECTIVE] == (Directive.FOLLOW, 0x01)
        assert found[SETPOINT] == (150_250, 0x01)
        assert found["AI", 104] == (149_500, 0x01)
        assert found["AI", 106] == (int(AT.timestamp()), 0x01)
        assert found["AI", 110] == (-22_000, 0x01)
        assert (found[GOOD], found[FOLLOW], found[HOLD]) == ((1, 0x01), (1, 0x01), (0, 0x01))
        await rig.publish(snapshot({IDS[0]: HELD, IDS[1]: resource(Quality.UNCERTAIN)}, generation=2))
        events, answer = await master.scan("events")
        assert all(event for *_, event in answer["values"])
        assert events[DIRECTIVE] == (Directive.HOLD, 0x04)
        assert events[SETPOINT] == (150_250, 0x04)
        assert events["AI", 153] == (150_250, 0x05)


@needs_opendnp3
async def test_row_161_opendnp3_can_change_nothing() -> None:
    async with running(snapshot(generation=1)) as rig, foreign(rig.port) as master:
        before, _ = await master.scan("integrity")
        for command in ("analog direct", "analog select", "crob direct", "crob select"):
            summary, statuses = await master.ask(command)
            assert "SUCCESS" in summary  # the task was answered
            assert ["NOT_SUPPORTED" in one for one in statuses] == [True]
        (summary,) = await master.ask("restart")
        assert "SUCCESS" not in summary
        after, _ = await master.scan("integrity")
        assert after == before
        assert rig.sink.refused >= 5


@needs_opendnp3
async def test_after_an_overflow_opendnp3_does_not_poll_in_a_loop() -> None:
    async with running(snapshot(generation=1), event_limit=100) as rig, foreign(rig.port) as master:
        await master.scan("integrity")
        for generation in range(2, 60):
            shown = dict.fromkeys(IDS, resource(setpoint_mw=100.0 + generation))
            await rig.publish(snapshot(shown, generation=generation))
        await master.scan("events")
        await master.scan("integrity")
        _, answer = await master.scan("events")
        assert not answer["iin"][1] & 0x08
