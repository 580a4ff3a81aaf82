"""Who comes in when many want to: row 146, a thousand strangers; row 152, who is not listed; and a flood that is not read."""

from __future__ import annotations

import asyncio
import socket
import sys
import tracemalloc
from collections.abc import Iterator

import pytest

from caiso_ads.ports import Feed
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.server import ModbusSink
from tests.fakes import KeptEvidence
from tests.sinks.modbus.snapshots import IDS, Master, Running, read, serving, snapshot

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 as its own addresses")


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process have enough sockets for both ends of a thousand connections."""
    import resource as limits

    soft, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    if 0 <= hard < 2600:
        pytest.skip(f"only {hard} descriptors are allowed here")
    limits.setrlimit(limits.RLIMIT_NOFILE, (max(soft, 2600), hard))
    yield
    limits.setrlimit(limits.RLIMIT_NOFILE, (soft, hard))


async def master_from(running: Running, address: str) -> Master:
    """Connect with a source address of our choice."""
    streams = await asyncio.open_connection("127.0.0.1", running.port, local_addr=(address, 0))
    master = Master(*streams)
    running._masters.append(master)
    return master


@LINUX
@pytest.mark.usefixtures("many_descriptors")
async def test_row_146_a_thousand_idle_strangers_do_not_lock_the_plant_out() -> None:
    async with serving(snapshot(), reserved=("127.0.9.0/24",), reserved_connections=4) as running:
        early = await master_from(running, "127.0.9.1")
        assert await early.registers(1000, 1) == b"\0\0"
        for number in range(1000):
            await master_from(running, f"127.1.{number // 200}.{number % 200 + 1}")
        await running.until(lambda: running.counters.connections_refused == 1000 - 60)
        assert running.sink.connections == 61
        plant = [await master_from(running, f"127.0.9.{number}") for number in (2, 3, 4)]
        for master in (early, *plant):
            assert await master.registers(1000, 1) == b"\0\0"
        assert await (await master_from(running, "127.0.9.5")).ended() == b""
        assert running.sink.connections == 64
        running.sink.sweep(running.sink.now + 60.1)  # all were idle for so long, the plant's too
        await running.until(lambda: running.sink.connections == 0)
        assert running.counters.connections_dropped == 64
        assert await (await master_from(running, "127.1.0.1")).registers(1000, 1) == b"\0\0"


@LINUX
async def test_row_146_one_stranger_has_eight_connections_at_most() -> None:
    async with serving(snapshot()) as running:
        for _ in range(40):
            await master_from(running, "127.1.0.1")
        await running.until(lambda: running.counters.connections_refused == 32)
        assert await (await master_from(running, "127.0.0.1")).registers(1000, 1) == b"\0\0"


@LINUX
async def test_row_152_who_is_not_in_allow_is_closed_at_accept_logged_once_a_minute_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(), evidence=evidence, allow=("127.0.0.1", "127.0.3.0/24")) as running:
        for _ in range(5):
            stranger = await master_from(running, "127.0.2.1")
            assert await stranger.ended() == b""
        running.sink.now += 61
        assert await (await master_from(running, "127.0.2.1")).ended() == b""
        for address in ("127.0.0.1", "127.0.3.77"):
            assert await (await master_from(running, address)).registers(1000, 1) == b"\0\0"
        assert (running.counters.connections, running.counters.connections_refused) == (2, 6)
        assert running.sink.connections == 2
    lines = [record.getMessage() for record in caplog.records if "refused:" in record.getMessage()]
    assert lines == ["Modbus: connection of 127.0.2.1 refused: its address is not in allow"] * 2
    assert evidence.refusals == [("modbus", "127.0.2.1", "connection (not in allow)")] * 6


async def test_the_counts_are_told_while_it_runs_and_when_it_stops(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        async with serving(snapshot()) as running:
            master = await running.master()
            await master.registers(1000, 1)
            await master.ask("0600000001")
            counts = running.sink.counts()
            assert {name: count for name, count in counts.items() if count} == {
                "requests": 2, "exceptions": 1, "writes_refused": 1, "connections": 1, "open_connections": 1,
            }  # fmt: skip
            assert set(counts) == {
                "requests", "exceptions", "writes_refused", "broken_frames", "connections", "connections_refused",
                "connections_dropped", "handshakes_failed", "roles_refused", "open_connections",
            }  # fmt: skip
    assert "Modbus: 2 requests, 1 exceptions, 1 writes refused, 0 broken frames" in caplog.records[-1].getMessage()


async def test_a_flood_that_is_never_read_does_not_grow_our_memory() -> None:
    """Four masters offer 12 MB of requests each and read nothing; the answers to all of them would be 800 MB."""
    loop = asyncio.get_running_loop()
    async with serving(snapshot()) as running:
        good = await running.master()
        deaf = [socket.socket() for _ in range(4)]
        for one in deaf:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.setblocking(False)
            await loop.sock_connect(one, ("127.0.0.1", running.port))
        flood = read(3, 1100, 100) * 1_000_000
        tracemalloc.start()
        try:
            sending = [asyncio.create_task(loop.sock_sendall(one, flood)) for one in deaf]
            before = running.counters.requests
            for _ in range(200):
                await good.registers(1100, 100)
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert running.counters.requests - before > 200 + 100
        assert not any(task.done() for task in sending)
        assert grown < 2 << 20
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        for one in deaf:
            one.close()


async def test_row_168_a_taken_port_is_an_error_that_names_it_and_nothing_is_served() -> None:
    async with serving(snapshot()) as running:
        config = Config(port=running.port)
        sink = ModbusSink(config.plan(IDS), config.settings())
        served: list[bool] = []
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{running.port}"):
            await sink.run(Feed(snapshot()), lambda: served.append(True))
        assert served == []
        assert sink.bound == ()


async def test_row_145_fifty_masters_that_read_twenty_times_are_all_answered_in_order() -> None:
    async with serving(snapshot(), max_per_address=50) as running:
        masters = [await running.master() for _ in range(50)]

        async def twenty(master: Master) -> int:
            return sum([len(await master.registers(1100, 100)) for _ in range(20)])

        assert set(await asyncio.gather(*map(twenty, masters))) == {20 * 200}
        assert running.counters.requests == 1000
