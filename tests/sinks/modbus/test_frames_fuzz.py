"""Row 154: 100,000 frames that nobody should send, against the protocol itself and over real sockets."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter

import pytest

from caiso_ads.sinks.modbus.frames import BUFFER_SIZE, Responder
from caiso_ads.sinks.modbus.image import Renderer
from caiso_ads.sinks.modbus.layout import Plan
from tests.sinks.modbus.fuzzing import frames
from tests.sinks.modbus.snapshots import IDS, Master, Running, serving, snapshot

WRITES = (5, 6, 15, 16, 21, 22, 23)


def through_the_core(seed: int, count: int) -> Counter[str]:
    """Answer so many frames as one stream does: each alone, and what is left waits for the next. Check every reply."""
    image, found = Renderer(Plan(IDS)).render(snapshot()), Counter[str]()
    told: list[int] = []
    responder = Responder(
        lambda: image, units=(1,), identity={0: b"a"}, audit=lambda function, _: told.append(function)
    )
    buffer, end = bytearray(BUFFER_SIZE), 0
    for data in frames(seed, count):
        piece = data[: BUFFER_SIZE - end]
        buffer[end : end + len(piece)] = piece
        end += len(piece)
        replies, used, sound = responder.answer(buffer, end)
        assert 0 <= used <= end
        assert len(buffer) == BUFFER_SIZE
        for reply in replies:
            found[check(reply)] += 1
        found["closed"] += not sound
        left = buffer[used:end] if sound else b""
        assert len(left) < 260  # so a waiting half frame never fills the buffer
        end = len(left)
        buffer[:end] = left
    assert set(told) == set(WRITES)
    assert responder.counters.writes_refused == len(told)
    assert responder.counters.exceptions == sum(found[kind] for kind in found if kind.startswith("exception"))
    return found


def check(reply: bytes) -> str:
    """Assert that a reply is what the specification allows; return its kind."""
    _, protocol, length, _, function = struct.unpack_from(">HHHBB", reply)
    assert (protocol, length, len(reply) <= 260) == (0, len(reply) - 6, True)
    if function & 0x80 or (len(reply) == 9 and reply[8] in (1, 2, 3, 0x0B)):
        assert len(reply) == 9
        assert reply[8] in (1, 2, 3, 0x0B)
        return f"exception {reply[8]:02X}"
    assert function in (1, 2, 3, 4, 0x2B)
    assert function == 0x2B or reply[8] == len(reply) - 9
    return "data"


def test_row_154_a_hundred_thousand_fuzzed_frames_get_right_answers() -> None:
    found = through_the_core(seed=154, count=100_000)
    assert min(found[kind] for kind in ("data", "closed", "exception 01", "exception 02", "exception 03")) > 1000


async def fuzz_sockets(running: Running, seed: int, count: int) -> None:
    """Send fuzzed frames over connections of four fuzzers at a time, while a good master is served."""
    good = await running.master()
    stream = frames(seed, count)

    async def fuzzer() -> None:
        while pieces := [data for data, _ in zip(stream, range(10), strict=False)]:
            master = await running.master()
            replies = asyncio.create_task(all_replies(master))
            try:
                for data in pieces:
                    await master.send(data)
                master.writer.write_eof()
            except ConnectionError:
                pass  # closed on us: one of the two right answers
            await replies
            master.close()

    fuzzers = [asyncio.create_task(fuzzer()) for _ in range(4)]
    while not all(task.done() for task in fuzzers):
        assert await asyncio.wait_for(good.registers(1000, 1), 5) == b"\0\0"
        await asyncio.sleep(0)
    await asyncio.gather(*fuzzers)
    await running.until(lambda: running.sink.connections == 1)


async def all_replies(master: Master) -> None:
    data = await master.ended()
    while data:
        size = 6 + int.from_bytes(data[4:6], "big")
        if len(data) >= size:
            check(data[:size])
        data = data[size:]


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_row_154_fuzzed_sockets_do_not_keep_a_master_waiting(count: int) -> None:
    trouble: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
    async with serving(snapshot()) as running:
        await fuzz_sockets(running, seed=count, count=count)
        assert running.counters.broken_frames > count // 100
        assert running.counters.writes_refused > count // 100
    assert trouble == []
