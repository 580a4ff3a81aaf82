"""Connections: no master can harm another, and a stopped loop cannot look alive."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import socket
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.quality import Quality
from caiso_ads.ports import Feed
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.frames import BUFFER_SIZE
from caiso_ads.sinks.modbus.server import Connection, ModbusSink
from tests.sinks.modbus.snapshots import (
    IDS,
    Master,
    Running,
    frame,
    nothing_known,
    read,
    resource,
    serving,
    snapshot,
)


async def test_a_read_shows_the_newest_snapshot_at_once() -> None:
    async with serving(nothing_known()) as running:
        master = await running.master()
        assert (await master.registers(1120, 1)) == b"\0\0"
        running.feed.publish(snapshot())
        assert (await master.registers(1120, 1)) == b"\0\x01"
        assert (await master.registers(1122, 2, function=4)) == struct.pack(">f", 150.25)


@pytest.mark.parametrize("count", [2, 20])
async def test_pipelined_requests_are_all_answered_in_order(count: int) -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        await master.send(b"".join(read(3, 1100, 100, transaction=number) for number in range(count)))
        replies = [await master.reply() for _ in range(count)]
        assert [reply[:2] for reply in replies] == [struct.pack(">H", number) for number in range(count)]


async def test_two_requests_sent_byte_by_byte_are_answered() -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        data = read(3, 1000, 2, transaction=1) + frame("2b0e0100", transaction=2)
        for one in data:
            await master.send(bytes([one]))
            await asyncio.sleep(0)
        assert [(await master.reply())[:2] for _ in range(2)] == [b"\0\x01", b"\0\x02"]


async def test_two_requests_cut_at_each_byte_are_answered() -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        data = read(3, 1000, 100, transaction=1) + read(2, 0, 4, transaction=2)
        whole = None
        for cut in range(1, len(data)):
            await master.send(data[:cut])
            await asyncio.sleep(0)
            await master.send(data[cut:])
            replies = [await master.reply(), await master.reply()]
            assert whole in (None, replies)
            whole = replies


@pytest.mark.parametrize("junk", [frame("03", protocol=7), frame("03", length=0), b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_broken_frame_closes_its_connection_and_no_other(junk: bytes) -> None:
    async with serving(snapshot()) as running:
        good, bad = await running.master(), await running.master()
        await bad.send(read(3, 1000, 1) + junk)
        assert len(await bad.ended()) == 11
        assert await good.registers(1000, 1) == b"\0\0"
        assert running.counters.broken_frames == 1
        await running.until(lambda: running.sink.connections == 1)


async def test_half_a_frame_is_dropped_in_time_while_others_are_served() -> None:
    async with serving(snapshot(), half_frame_timeout_s=0.05) as running:
        bad, good = await running.master(), await running.master()
        await bad.send(read(3, 1000, 1)[:7])
        assert await bad.ended() == b""
        assert await good.registers(1000, 1) == b"\0\0"
        assert running.counters.connections_dropped == 1


async def connections(running: Running, count: int = 1) -> list[Connection]:
    await running.until(lambda: running.sink.connections == count)
    return [one for one in running.sink._open if isinstance(one, Connection)]


async def test_a_frame_that_drips_on_is_timed_from_its_first_byte() -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        (connection,) = await connections(running)
        began = set()
        for length, one in enumerate(read(3, 1000, 1)[:9], start=1):
            await master.send(bytes([one]))
            await running.until(lambda length=length: connection._end == length)
            running.sink.now += 0.5
            began.add(connection._half_since)
        (first,) = began
        assert connection.overdue(first + 5.0) == ""
        assert connection.overdue(first + 5.1) == "half a request, then nothing"


async def test_bytes_that_never_become_a_request_do_not_keep_a_connection_open() -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        (connection,) = await connections(running)
        before = connection._request_at
        running.sink.now += 30
        await master.send(b"\0")
        await running.until(lambda: connection._end == 1)
        assert connection._request_at == before
        await master.send(read(3, 1000, 1)[1:])
        await master.reply()
        assert connection._request_at >= before + 29
        assert connection.overdue(connection._request_at + 60.1) == "idle"


async def test_an_idle_master_is_dropped_and_a_busy_one_stays() -> None:
    async with serving(snapshot()) as running:
        idle, busy = await running.master(), await running.master()
        await connections(running, 2)
        running.sink.now += 40
        await busy.registers(1000, 1)
        running.sink.sweep(running.sink.now + 21)
        assert await idle.ended() == b""
        assert await busy.registers(1000, 1) == b"\0\0"


async def test_one_address_cannot_take_all_connections() -> None:
    async with serving(snapshot(), max_per_address=2) as running:
        masters = [await running.master() for _ in range(2)]
        await connections(running, 2)
        third = await running.master()
        assert await third.ended() == b""
        assert (running.counters.connections, running.counters.connections_refused) == (2, 1)
        masters[0].close()
        await connections(running, 1)
        masters[1].close()
        await connections(running, 0)
        for _ in range(2):
            assert await (await running.master()).registers(1000, 1) == b"\0\0"


async def test_connections_beyond_the_limit_are_refused_and_the_others_served() -> None:
    async with serving(snapshot(), max_connections=3, max_per_address=100) as running:
        masters = [await running.master() for _ in range(3)]
        await connections(running, 3)
        for _ in range(5):
            assert await (await running.master()).ended() == b""
        assert running.counters.connections_refused == 5
        assert [await master.registers(1000, 1) for master in masters] == [b"\0\0"] * 3


async def test_the_same_trouble_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        for _ in range(20):
            assert await master.ask("0600000001") == b"\x86\x01"
        running.sink.now += 61
        await master.ask("100000000102ffff")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "Modbus: 127.0.0.1 tried to write (function 06); this map is read-only",
        "Modbus: 127.0.0.1 tried to write (function 16); this map is read-only",
    ]
    assert running.counters.writes_refused == 21


async def deaf_master(running: Running) -> tuple[socket.socket, Connection]:
    """Connect with a small receive buffer, without reading."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    known = set(running.sink._open)
    await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", running.port))
    await running.until(lambda: running.sink._open - known)
    (connection,) = running.sink._open - known
    assert isinstance(connection, Connection)
    return deaf, connection


async def test_a_master_that_floods_without_reading_is_held_back_then_dropped() -> None:
    async with serving(snapshot()) as running:
        good = await running.master()
        await connections(running)
        deaf, bad = await deaf_master(running)
        flood = read(3, 1100, 100) * 1_500_000
        sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(deaf, flood))
        await running.until(lambda: math.isfinite(bad._blocked_since))
        for _ in range(20):
            await good.registers(1000, 100)
        assert bad._transport.get_write_buffer_size() < 64 * 1024 + (BUFFER_SIZE // 12 + 1) * 209
        assert not sending.done()
        assert bad.overdue(bad._blocked_since + 5.1) == "replies are not read"
        running.sink.sweep(bad._blocked_since + 5.1)
        await running.until(lambda: running.sink.connections == 1)
        assert running.counters.connections_dropped == 1
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        deaf.close()


async def test_a_master_that_reads_late_gets_every_reply() -> None:
    loop = asyncio.get_running_loop()
    async with serving(snapshot()) as running:
        late, connection = await deaf_master(running)
        count, got = 60_000, 0
        sending = asyncio.create_task(loop.sock_sendall(late, read(3, 1100, 100) * count))
        await running.until(lambda: math.isfinite(connection._blocked_since))
        running.sink.now += 4
        while got < count * 209:
            got += len(await loop.sock_recv(late, 1 << 20))
            assert connection.overdue(running.sink.now) == ""
        await sending
        assert connection._blocked_since == math.inf
        late.close()


async def test_the_rest_of_a_request_left_unread_while_held_back_gets_its_time_afterwards() -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        (connection,) = await connections(running)
        await master.send(read(3, 1000, 1)[:5])
        await running.until(lambda: connection._end == 5)
        connection.pause_writing()
        running.sink.now += 4
        connection.resume_writing()
        assert connection.overdue(running.sink.now + 4) == ""
        await master.send(read(3, 1000, 1)[5:])
        assert len(await master.reply()) == 7


async def test_a_read_is_never_torn_while_snapshots_come_at_full_speed() -> None:
    seen = set()
    async with serving(snapshot(), max_per_address=5) as running:
        masters = [await running.master() for _ in range(4)]
        for generation in range(2, 300):
            resources = dict.fromkeys(IDS, resource(setpoint_mw=float(generation), dop_mw=float(generation)))
            running.feed.publish(snapshot(resources, generation=generation))
            for data in await asyncio.gather(*(master.registers(1100, 100) for master in masters)):
                first, last = struct.unpack_from(">I", data)[0], struct.unpack_from(">I", data, 196)[0]
                assert first == last == struct.unpack_from(">f", data, 44)[0] == struct.unpack_from(">f", data, 48)[0]
                seen.add(first)
    assert len(seen) > 250


async def test_without_new_snapshots_nothing_stays_good(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(snapshot()) as running:
        master = await running.master()
        running.sink.sweep(running.sink.now + 4.9)
        assert await master.registers(1120, 1) == bytes((0, Quality.GOOD))
        running.sink.sweep(running.sink.now + 0.2)
        assert await master.registers(1120, 1) == bytes((0, Quality.BAD_COMM))
        assert await master.registers(1122, 2) == struct.pack(">f", 150.25)
        assert await master.ask("0200000004") == b"\x02\x01\x00"
        running.feed.publish(snapshot(generation=2))
        assert await master.registers(1120, 1) == bytes((0, Quality.GOOD))
        assert await master.ask("0200000004") == b"\x02\x01\x0f"
    assert "published nothing" in caplog.text


async def test_new_snapshots_nobody_reads_are_not_a_stopped_loop() -> None:
    async with serving(snapshot()) as running:
        for generation in range(2, 12):
            running.feed.publish(snapshot(generation=generation))
            running.sink.sweep(running.sink.now + 1.0)
        running.sink.sweep(running.sink.now + 4.0)
        assert await (await running.master()).registers(1120, 1) == bytes((0, Quality.GOOD))


async def test_a_taken_port_is_said_with_its_address() -> None:
    async with serving(snapshot()) as running:
        with pytest.raises(OSError, match=rf"Modbus TCP cannot listen on 127\.0\.0\.1:{running.port}: ") as caught:
            async with serving(snapshot(), port=running.port):
                pytest.fail("must not start")
        assert caught.value.errno in (errno.EADDRINUSE, errno.EACCES)  # Windows says the latter


async def test_when_cancelled_it_frees_the_port_and_ends_its_connections() -> None:
    async with serving(snapshot()) as running:
        master, port = await running.master(), running.port
        await connections(running)
    assert await master.ended() == b""
    assert (running.sink.connections, running.sink.bound) == (0, ())
    async with serving(snapshot(), port=port) as again:
        assert await (await again.master()).registers(1000, 1) == b"\0\0"


async def test_the_same_sink_can_run_again_and_shows_the_new_feed() -> None:
    config = Config(port=0)
    sink = ModbusSink(config.plan(IDS), config.settings())
    for first, expected in ((snapshot(), 1), (nothing_known(), 0)):
        started = asyncio.Event()
        task = asyncio.create_task(sink.run(Feed(first), started.set))
        await started.wait()
        master = Master(*await asyncio.open_connection(*sink.bound[0]))
        assert await master.registers(1120, 1) == bytes((0, expected))
        master.close()
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()


STREAMS = st.lists(
    st.binary(max_size=60) | st.builds(frame, st.binary(max_size=20)) | st.just(read(3, 1000, 100)), max_size=8
)


@given(STREAMS)
@settings(max_examples=60, deadline=None)
def test_random_bytes_get_valid_replies_or_a_closed_connection(pieces: list[bytes]) -> None:
    asyncio.run(talk(pieces))


async def talk(pieces: list[bytes]) -> None:
    trouble: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
    async with serving(snapshot()) as running:
        bad, good = await running.master(), await running.master()
        try:
            for piece in pieces:
                await bad.send(piece)
            bad.writer.write_eof()
        except ConnectionError:  # already closed on us, which is one of the two right answers
            pass
        rest = await bad.ended()
        while rest:
            _, protocol, length = struct.unpack_from(">HHH", rest)
            assert protocol == 0
            rest = rest[6 + length :] if len(rest) >= 6 + length else b""
        assert await good.registers(1000, 1) == b"\0\0"
    assert trouble == []


def test_it_serves_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(talk([read(3, 1000, 100), frame("03", protocol=1)]))


@pytest.mark.slow
async def test_a_thousand_idle_connections_do_not_slow_the_next() -> None:
    if sys.platform == "win32":
        pytest.skip("needs a raised descriptor limit")
    import resource as limits

    soft, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    if 0 <= hard < 2600:
        pytest.skip(f"only {hard} descriptors are allowed here")
    limits.setrlimit(limits.RLIMIT_NOFILE, (max(soft, 2600), hard))
    try:
        async with serving(snapshot(), max_connections=1100, max_per_address=1100) as running:
            masters = [await running.master() for _ in range(1000)]
            await connections(running, 1000)
            assert await (await running.master()).registers(1100, 100)
            for number in (0, 499, 999):
                assert await masters[number].registers(1000, 1) == b"\0\0"
            for _ in range(100):
                await running.master()
            await running.until(lambda: running.counters.connections_refused == 1)
    finally:
        limits.setrlimit(limits.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
async def test_random_talkers_and_half_senders_do_not_keep_a_master_waiting() -> None:
    async with serving(snapshot(), max_connections=700, max_per_address=700) as running:
        good = await running.master()
        for number in range(300):
            half = await running.master()
            await half.send(read(3, 1000, 1)[: 1 + number % 11])
            talker = await running.master()
            await talker.send(bytes((number * 31 + n * 17) % 256 for n in range(100)))
            assert await good.registers(1000, 1) == b"\0\0"
