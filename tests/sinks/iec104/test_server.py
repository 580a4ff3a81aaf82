from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from random import Random

import pytest

from caiso_ads.core.points import GATEWAY_POINTS
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.iec104 import apdu
from caiso_ads.sinks.iec104.apdu import IFrame, SFrame, U, UFrame
from caiso_ads.sinks.iec104.asdu import Cause, Shown, Type, moment_of, parse_head
from caiso_ads.sinks.iec104.server import Connection
from caiso_ads.sinks.iec104.session import Limits
from caiso_ads.sinks.iec104.values import IV, NT
from tests.sinks.iec104.master import COUNTERS, INTERROGATION, command
from tests.sinks.iec104.serving import LATER, Rig, running
from tests.sinks.modbus.snapshots import AT, IDS, fell_silent, resource, snapshot, values

DIRECTIVE, SETPOINT, GOOD, FOLLOW, HOLD = 1001, 1004, 1501, 1502, 1503
HEARTBEAT = 1
HELD = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=1)
WRITE = command(50, bytes.fromhex("0000a04000"), address=SETPOINT)


async def publish_mw(rig: Rig, generation: int, mw: float) -> None:
    await rig.publish(snapshot({IDS[0]: resource(setpoint_mw=mw), IDS[1]: resource()}, generation=generation))


async def test_what_is_not_known_is_invalid_and_never_zero() -> None:
    async with running() as rig:
        found = await (await rig.master()).interrogate()
    assert found[DIRECTIVE] == (Directive.NO_DATA, IV | NT)
    assert found[SETPOINT][1] == IV | NT
    assert found[SETPOINT][0] != 0
    assert found[GOOD] == found[FOLLOW] == (0, IV | NT)


async def test_a_change_of_directive_is_told_with_its_time_and_what_did_not_change_is_not() -> None:
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        await master.interrogate()
        await rig.publish(snapshot({IDS[0]: HELD, IDS[1]: resource()}, generation=2))
        head, objects = await master.spontaneous()
        told = {one.address: one for one in objects}
        assert (head.type, told[DIRECTIVE].shown) == (Type.M_ME_TF_1, (Directive.HOLD, IV | NT))
        assert moment_of(told[DIRECTIVE].stamp)[0] == AT
        assert told[SETPOINT].shown == (150.25, IV | NT)  # the value is as before
        assert not any(2000 <= address < 3000 for address in told)
        assert (await master.change_of(HOLD)).shown == (1, IV | NT)


@pytest.mark.parametrize(("clock_ok", "marked"), [(1, False), (0, True)])
async def test_a_time_of_a_clock_that_is_not_trusted_is_marked(clock_ok: int, *, marked: bool) -> None:
    known = {"heartbeat": 9, "clock_ok": clock_ok}
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        await master.interrogate()
        shown = snapshot(dict.fromkeys(IDS, HELD), generation=2)
        object.__setattr__(shown, "gateway", values(GATEWAY_POINTS, known, Quality.GOOD))
        await rig.publish(shown)
        assert moment_of((await master.change_of(DIRECTIVE)).stamp)[1] is marked


async def test_the_heartbeat_is_a_counter_told_at_the_start_on_request_and_each_second() -> None:
    async with running(snapshot(generation=1, heartbeat=7)) as rig:
        master = await rig.master()
        assert (await master.change_of(HEARTBEAT)).shown == (7, 0)
        assert HEARTBEAT not in await master.interrogate()
        assert (await master.interrogate(COUNTERS))[HEARTBEAT] == (7, 0)
        await rig.publish(snapshot(generation=2, heartbeat=8))
        assert (await master.change_of(HEARTBEAT)).shown == (8, 0)


async def test_row_158_when_the_loop_stands_still_nothing_is_good_any_more() -> None:
    async with running(snapshot(generation=1), faster={"stall_limit_s": 0.05}) as rig:
        master = await rig.master()
        await master.interrogate()
        change = await master.change_of(DIRECTIVE)
        assert change.shown == Shown(Directive.HOLD, IV | NT)
        assert moment_of(change.stamp) == (LATER, True)  # of the clock's now, not of the old snapshot
        assert all(flags & IV for _, flags in (await master.interrogate()).values())
        await rig.publish(snapshot(generation=2))
        assert (await master.change_of(DIRECTIVE)).shown == Shown(Directive.FOLLOW, 0)
    assert all(generation != -1 for *_, generation in rig.evidence.reads)


async def test_row_158_a_sink_that_starts_beside_a_stopped_loop_shows_nothing_good() -> None:
    async with running(fell_silent(snapshot(generation=1))) as rig:
        master = await rig.master()
        shown = await master.interrogate()
        assert shown[DIRECTIVE] == Shown(Directive.HOLD, IV | NT)
        assert all(flags & IV for _, flags in shown.values())
        await rig.publish(snapshot(generation=2))
        assert (await master.change_of(DIRECTIVE)).shown == Shown(Directive.FOLLOW, 0)
    assert all(generation != 1 for *_, generation in rig.evidence.reads)


async def test_after_a_stop_only_the_newest_state_is_told() -> None:
    async with running(snapshot(generation=1), k=1, w=1) as rig:
        master = await rig.master()
        await master.interrogate()
        master.confirm = False
        for generation, mw in ((2, 10.0), (3, 20.0)):  # one leaves, the other waits for the window
            await publish_mw(rig, generation, mw)
        assert (await master.change_of(SETPOINT)).shown.value == 10.0
        master.write(UFrame(U.STOPDT_ACT), SFrame(master.received))
        master.confirm = True
        await master.control(U.TESTFR_ACT, U.TESTFR_CON)
        await publish_mw(rig, 4, 30.0)
        await publish_mw(rig, 5, 40.0)
        await master.control(U.STARTDT_ACT, U.STARTDT_CON)
        assert (await master.interrogate())[SETPOINT] == (40.0, 0)
        await publish_mw(rig, 6, 50.0)
        await master.change_of(SETPOINT)
        assert [one.shown.value for one in master.told if one.address == SETPOINT] == [10.0, 50.0]


async def test_the_end_of_initialisation_is_told_a_master_once() -> None:
    async with running() as rig:
        first = await rig.master()
        assert parse_head(await first.message()).type == Type.M_EI_NA_1
        first.close()
        again = await rig.master()
        assert parse_head(await again.message()).type != Type.M_EI_NA_1


async def test_what_was_published_just_before_the_end_is_told() -> None:
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        await master.interrogate()
        rig.feed.publish(snapshot(dict.fromkeys(IDS, resource(Quality.SHUTDOWN)), generation=2))
        rig.task.cancel()
        assert (await master.change_of(SETPOINT)).shown == (150.25, IV | NT)
        assert await master.ended()
    assert ("iec104", 2) in rig.evidence.shown


async def test_a_read_is_told_once_all_was_asked_for_and_has_been_acknowledged() -> None:
    async with running(snapshot(generation=4)) as rig:
        master = await rig.master()
        await rig.publish(snapshot(generation=5, heartbeat=6))
        await master.change_of(HEARTBEAT)
        await master.interrogate(COUNTERS)
        assert rig.evidence.reads == []
        await master.interrogate()
        await rig.until(lambda: bool(rig.evidence.reads))
        await rig.publish(snapshot(generation=6, heartbeat=7))
        await master.change_of(HEARTBEAT)
        await rig.until(lambda: len(rig.evidence.reads) > 1)
    assert rig.evidence.reads == [("iec104", "127.0.0.1", 1, 5), ("iec104", "127.0.0.1", 1, 6)]


async def test_a_control_and_a_clock_are_refused_recorded_and_change_nothing() -> None:
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        before = await master.interrogate()
        for request in (WRITE, command(Type.C_CS_NA_1, bytes(7))):
            head = await master.ask(request)
            assert (head.cause, head.negative) == (Cause.ACTIVATION_CON, True)
        assert str(await master.interrogate()) == str(before)  # as text: NaN is not equal to itself
    assert rig.evidence.refusals == [
        ("iec104", "127.0.0.1", "control (type 50)"),
        ("iec104", "127.0.0.1", "clock synchronisation"),
    ]


async def test_row_152_an_address_that_is_not_listed_is_closed_at_once() -> None:
    async with running(allow=("10.0.0.0/8",)) as rig:
        assert await (await rig.master(start=False)).ended()
        assert rig.sink.dropped == 1


async def test_row_146_no_more_masters_than_the_limit() -> None:
    async with running(max_connections=2) as rig:
        first, second = await rig.master(), await rig.master()
        assert await (await rig.master(start=False)).ended()
        second.close()
        await asyncio.sleep(0.02)
        await (await rig.master()).interrogate()
        await first.interrogate()


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("16030100c8010000c4"),
        bytes.fromhex("6803430000"),
        bytes.fromhex("680e0000000064010600010000000014"),  # before STARTDT
        bytes.fromhex("680407000000680e0200000064010600010000000014"),  # wrong number
        bytes.fromhex("680407000000680a00000000640106000100"),  # no object
        bytes.fromhex("680407000000680401000a00"),  # acknowledges what was never sent
    ],
)
async def test_row_147_malformed_bytes_close_that_connection_alone(octets: bytes) -> None:
    async with running(snapshot(generation=1)) as rig:
        other = await rig.master()
        bad = await rig.master(start=False)
        bad.raw(octets)
        assert await bad.ended()
        assert (await other.interrogate())[SETPOINT] == (150.25, 0)


async def test_row_148_half_a_frame_and_silence_are_closed() -> None:
    quick = Limits(t1=0.1, t2=0.05, t3=0.1)
    async with running(snapshot(generation=1), faster={"limits": quick}) as rig:
        half = await rig.master(start=False)
        half.raw(b"\x68\x0e")
        while await half.frame() != UFrame(U.TESTFR_ACT):
            pass
        half.raw(b"\x00")  # not even the rest of a frame
        await rig.until(lambda: rig.sink.dropped == 1)


async def test_a_master_that_never_acknowledges_gets_k_frames_and_is_dropped_alone() -> None:
    quick = Limits(k=4, w=2, t1=0.4, t2=0.1, t3=10.0)
    async with running(snapshot(generation=1)) as rig:
        other = await rig.master()
        rig.sink.settings = replace(rig.sink.settings, limits=quick)
        deaf = await rig.master()
        deaf.confirm = False
        deaf.write(IFrame(0, 0, INTERROGATION))
        assert await deaf.ended()
        assert deaf.received == quick.k
        assert (await other.interrogate())[SETPOINT] == (150.25, 0)
        assert rig.sink.dropped == 1


async def test_a_third_interrogation_at_a_time_is_refused_and_a_flood_of_requests_is_closed() -> None:
    async with running(snapshot(generation=1), k=1, w=1) as rig:
        master = await rig.master()
        master.confirm = False
        for _ in range(3):
            master.send(INTERROGATION)
        master.confirm = True
        causes: list[tuple[int, bool]] = []
        while causes.count((Cause.TERMINATION, False)) < 2:
            head = parse_head(await master.message())
            causes.append((head.cause, head.negative))
            master.write(SFrame(master.received))
        assert causes.count((Cause.ACTIVATION_CON, True)) == 1
        flooding = await rig.master()
        flooding.confirm = False
        for _ in range(100):
            flooding.send(WRITE)
        assert await flooding.ended()


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("10.0.0.9", 1)})
        self.written, self.closed = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True


def garbled(random: Random) -> bytes:
    """Return frames as a master sends them, of which any part may be wrong."""
    sent, stream = 0, apdu.encode(UFrame(U.STARTDT_ACT))
    for _ in range(random.randrange(12)):
        kind = random.choice((45, 50, 100, 101, 102, 103, 104, 107, 120, random.randrange(256)))
        body = random.randbytes(random.choice((0, 1, 1, 2, 5, 7, random.randrange(200))))
        cause, station = random.choice((5, 6, 6, 8, random.randrange(64))), random.choice((1, 1, 1, 2, 65_535))
        message = command(kind, body, cause=cause, address=random.choice((0, 0, SETPOINT, 7)), station=station)
        received = random.choice((0, 0, 0, 1, 9))
        choices = (IFrame(sent, received, message), SFrame(received), UFrame(random.choice(list(U))))
        frame = random.choices(choices, (8, 1, 1))[0]
        sent += isinstance(frame, IFrame)
        stream += apdu.encode(frame)
    damaged = bytearray(stream)
    for _ in range(random.choice((0, 0, 1, 3))):
        damaged[random.randrange(len(damaged))] = random.randrange(256)
    return bytes(damaged)


async def test_row_154_whatever_comes_is_answered_or_closed_and_never_an_exception() -> None:
    random, closed = Random(104), 0
    async with running(snapshot(generation=1)) as rig:
        for _ in range(1500):
            wire, connection = Wire(), Connection(rig.sink)
            connection.connection_made(wire)
            stream = garbled(random)
            cut = random.randrange(len(stream) + 1)
            for part in (stream[:cut], stream[cut:]):
                connection.data_received(part)
            _, used = apdu.split(wire.written)
            assert used == len(wire.written)
            closed += wire.closed
            connection.connection_lost(None)
    assert 100 < closed < 1400  # both kinds were among them


async def test_row_168_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"IEC 104 cannot listen on 127.0.0.1:{port}"):
            async with running(faster={"port": port}):
                pass


async def test_one_message_of_a_snapshot_says_one_thing() -> None:
    """Value and quality stand in one object: they can never be read apart (row 156)."""
    async with running(snapshot(generation=1)) as rig:
        master = await rig.master()
        await master.interrogate()
        for generation in range(2, 40):
            good = generation % 2 == 0
            row = resource(setpoint_mw=float(generation)) if good else HELD
            await rig.publish(snapshot({IDS[0]: row, IDS[1]: resource()}, generation=generation))
            change = await master.change_of(SETPOINT)
            assert change.shown == ((float(generation), 0) if good else (150.25, IV | NT))
