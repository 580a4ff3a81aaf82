"""Modbus/TCP Security over real sockets (row 169): no certificate, no channel; the wrong role, exception 01."""

from __future__ import annotations

import asyncio
import math
import ssl
import struct
from pathlib import Path

import pytest

from caiso_ads.sinks.modbus.server import Connection
from tests.fakes import KeptEvidence
from tests.sinks.modbus import papers
from tests.sinks.modbus.snapshots import Master, Running, frame, read, serving, snapshot

READER = papers.utf8_string("reader")


async def connect(running: Running, context: ssl.SSLContext) -> Master:
    return Master(*await asyncio.open_connection("127.0.0.1", running.port, ssl=context, server_hostname="localhost"))


async def reads_nothing(running: Running, context: ssl.SSLContext) -> None:
    """Connect and ask: with TLS 1.3 the refusal may come only with the first read."""
    try:
        master = await connect(running, context)
        await master.send(read(3, 1000, 1))
        assert await master.ended() == b""
        master.close()
    except (ssl.SSLError, ConnectionError):
        pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_row_169_a_master_with_the_role_is_answered(tmp_path: Path, version: ssl.TLSVersion) -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(), evidence=evidence, **papers.keys(tmp_path)) as running:
        context = papers.master_context(tmp_path, papers.issue("scada", role=READER))
        context.minimum_version = context.maximum_version = version
        master = await connect(running, context)
        assert await master.registers(1122, 2) == struct.pack(">f", 150.25)
        await master.send(b"".join(read(3, 1100, 100, transaction=number) for number in range(40)))
        assert [(await master.reply())[:2] for _ in range(40)] == [struct.pack(">H", number) for number in range(40)]
        assert await master.ask("0600000001") == b"\x86\x01"
        master.close()
        await running.until(lambda: running.sink.connections == 0)
    assert evidence.reads == [("modbus", "127.0.0.1", 1, 1)]
    assert evidence.refusals == [("modbus", "127.0.0.1", "write (function 06)")]


@pytest.mark.parametrize("role", [None, papers.utf8_string("writer"), b"\x13\x06reader"], ids=["no", "other", "type"])
async def test_row_169_the_wrong_role_gets_exception_01_for_every_request(tmp_path: Path, role: bytes | None) -> None:
    evidence = KeptEvidence()
    async with serving(snapshot(), evidence=evidence, **papers.keys(tmp_path)) as running:
        master = await connect(running, papers.master_context(tmp_path, papers.issue("scada", role=role)))
        for request in ("0303e80001", "0403e80001", "0200000001", "2b0e0100", "41", "0600000001"):
            function = int(request[:2], 16)
            assert await master.ask(request) == bytes((function | 0x80, 1))
        await master.send(frame("0303e80001", unit=9))
        assert (await master.reply())[3:] == b"\x83\x01"
        master.close()
        assert running.counters.roles_refused == 1
    assert evidence.reads == []
    assert evidence.refusals == [
        ("modbus", "127.0.0.1", "TLS role"), ("modbus", "127.0.0.1", "write (function 06)"),
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["none", "stranger", "expired", "server"])
async def test_row_169_without_a_good_certificate_there_is_no_channel(tmp_path: Path, who: str) -> None:
    pair = {
        "none": None,
        "stranger": papers.issue("scada", role=READER, by="another authority"),
        "expired": papers.issue("scada", role=READER, days=-1),
        "server": papers.issue("scada", role=READER, client=False),
    }[who]
    evidence = KeptEvidence()
    async with serving(snapshot(), evidence=evidence, max_per_address=1, **papers.keys(tmp_path)) as running:
        context = papers.master_context(tmp_path, pair)
        for tries in (1, 2, 3):  # its place is given back each time
            await reads_nothing(running, context)
            await running.until(lambda tries=tries: running.counters.handshakes_failed == tries)
            await running.until(lambda: running.sink.connections == 0)
        master = await connect(running, papers.master_context(tmp_path, papers.issue("scada", role=READER)))
        assert await master.registers(1000, 1) == b"\0\0"
        master.close()
        assert running.counters.requests == 1
    assert evidence.refusals == [("modbus", "127.0.0.1", "TLS handshake")] * 3


async def test_tls_older_than_12_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(snapshot(), **papers.keys(tmp_path)) as running:
        context = papers.master_context(tmp_path, papers.issue("scada", role=READER))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        await reads_nothing(running, context)
        await running.until(lambda: running.counters.handshakes_failed == 1)
    assert "UNSUPPORTED_PROTOCOL" in caplog.text


async def test_a_plain_request_is_not_answered(tmp_path: Path) -> None:
    async with serving(snapshot(), **papers.keys(tmp_path)) as running:
        master = await running.master()
        await master.send(read(3, 1000, 1))
        answer = await master.ended()  # at most a TLS alert
        assert answer[:1] in (b"", b"\x15")
        await running.until(lambda: running.sink.connections == 0)
        assert (running.counters.requests, running.counters.handshakes_failed) == (0, 1)


async def test_a_handshake_that_does_not_come_is_ended_and_gives_its_place_back(tmp_path: Path) -> None:
    keys = papers.keys(tmp_path, tls_handshake_timeout_s=0.05)
    async with serving(snapshot(), max_connections=2, **keys) as running:
        silent = [await running.master() for _ in range(2)]
        await silent[1].send(b"\x16\x03\x01\x02\x00")  # the begin of a hello
        assert [await master.ended() for master in silent] == [b"", b""]
        await running.until(lambda: running.sink.connections == 0)
        assert running.counters.handshakes_failed == 2


async def test_who_may_not_connect_costs_no_handshake(tmp_path: Path) -> None:
    evidence = KeptEvidence()
    keys = papers.keys(tmp_path, allow=("10.0.0.5",))
    async with serving(snapshot(), evidence=evidence, **keys) as running:
        await reads_nothing(running, papers.master_context(tmp_path, papers.issue("scada", role=READER)))
        assert (running.counters.handshakes_failed, running.counters.connections_refused) == (0, 1)
    assert evidence.refusals == [("modbus", "127.0.0.1", "connection (not in allow)")]


async def test_a_request_in_one_flight_with_the_end_of_the_handshake_is_answered_in_the_channel(tmp_path: Path) -> None:
    """With TLS 1.3 a master may send its last handshake message and its request together; we hold the request."""
    async with serving(snapshot(), **papers.keys(tmp_path)) as running:
        context = papers.master_context(tmp_path, papers.issue("scada", role=READER))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        master = await running.master()
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await master.send(outgoing.read())
                incoming.write(await master.reader.read(65_536))
        tls.write(read(3, 1000, 1) * 300)  # more than the buffer of a connection
        await master.send(outgoing.read())
        plain = b""
        while len(plain) < 300 * 11:
            incoming.write(await asyncio.wait_for(master.reader.read(65_536), 5))
            while True:
                try:
                    plain += tls.read(65_536)
                except ssl.SSLWantReadError:
                    break
        assert plain == (struct.pack(">HHHBBB", 1, 0, 5, 1, 3, 2) + b"\0\0") * 300


async def test_it_stops_while_handshakes_are_under_way_and_leaves_none_behind(tmp_path: Path) -> None:
    def handshakes() -> list[str]:
        return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "Modbus TLS handshake"]

    left: list[list[str]] = []
    async with serving(snapshot(), **papers.keys(tmp_path)) as running:
        waiting = [await running.master() for _ in range(3)]
        await running.until(lambda: running.sink.connections == 3)
        assert len(handshakes()) == 3
        (serving_task,) = (task for task in asyncio.all_tasks() if "ModbusSink.run" in repr(task))
        serving_task.add_done_callback(lambda _: left.append(handshakes()))
    assert left == [[]]
    assert [await master.ended() for master in waiting] == [b""] * 3
    assert running.sink.connections == 0


async def test_a_flood_without_reading_is_held_back_in_the_secured_channel_too(tmp_path: Path) -> None:
    async with serving(snapshot(), **papers.keys(tmp_path)) as running:
        context = papers.master_context(tmp_path, papers.issue("scada", role=READER))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=context, server_hostname="localhost", limit=1024
        )
        good = await connect(running, context)
        await running.until(lambda: sum(isinstance(one, Connection) for one in running.sink._open) == 2)
        secured = [one for one in running.sink._open if isinstance(one, Connection)]
        flood = asyncio.create_task(Master(reader, writer).send(read(3, 1100, 100) * 400_000))
        await running.until(lambda: any(one._blocked_since < math.inf for one in secured))
        (bad,) = [one for one in secured if one._blocked_since < math.inf]
        assert await good.registers(1000, 1) == b"\0\0"
        assert bad._transport.get_write_buffer_size() < 2 << 20
        running.sink.sweep(bad._blocked_since + 5.1)
        await running.until(lambda: running.sink.connections == 1)
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        writer.transport.abort()
        good.close()


def test_it_is_the_same_on_uvloop(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        async with serving(snapshot(), **papers.keys(tmp_path)) as running:
            await reads_nothing(running, papers.master_context(tmp_path, None))
            await running.until(lambda: running.counters.handshakes_failed == 1)
            master = await connect(running, papers.master_context(tmp_path, papers.issue("scada", role=READER)))
            assert await master.registers(1000, 1) == b"\0\0"
            master.close()
            await running.until(lambda: running.sink.connections == 0)

    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(scenario())
