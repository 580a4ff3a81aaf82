"""One request at a time on one connection, and a doubtful answer ends it."""

from __future__ import annotations

import asyncio

import pytest

from caiso_ads.sinks.plant_writer.client import Client
from caiso_ads.sinks.plant_writer.frames import PlantRefusedError, PlantUncertainError
from tests.sinks.plant_writer.controller import Controller, controller


def client(one: Controller, timeout_s: float = 0.1) -> Client:
    return Client("127.0.0.1", one.port, 1, timeout_s=timeout_s)


async def test_it_reads_and_writes_by_each_function() -> None:
    async with controller(r5=1, r6=2) as one:
        mine = client(one, 5.0)
        assert await mine.read(5, 2) == (1, 2)
        assert await mine.read(5, 1, 4) == (1,)
        await mine.write(5, (7, 8))
        await mine.write(5, (9,), single=True)
        assert one.registers == {5: 9, 6: 8}
        assert [function for function, _, _ in one.log] == [3, 4, 16, 6]
        assert one.connections == 1
        mine.close()
        mine.close()


async def test_a_refusal_keeps_the_connection_and_says_its_code() -> None:
    async with controller(r5=1) as one:
        mine = client(one, 5.0)
        one.refuse_writes = 3
        with pytest.raises(PlantRefusedError, match="exception 03"):
            await mine.write(5, (7,))
        with pytest.raises(PlantRefusedError, match="exception 02"):
            await mine.read(6, 1)
        assert mine.is_open
        assert one.registers == {5: 1}
        mine.close()


@pytest.mark.parametrize("wrong", ["transaction", "unit", "protocol", "echo", "function", "length"])
async def test_a_wrong_answer_to_a_write_is_uncertain_and_ends_the_connection(wrong: str) -> None:
    async with controller(r5=1) as one:
        mine = client(one, 5.0 if wrong != "length" else 0.1)
        one.wrong, one.once = wrong, True
        with pytest.raises(PlantUncertainError):
            await mine.write(5, (7,))
        assert not mine.is_open
        assert await mine.read(5, 1) == (7,)
        assert one.connections == 2
        mine.close()


async def test_an_answer_that_comes_late_is_never_taken_for_another() -> None:
    async with controller(r5=1, r6=2) as one:
        mine = client(one)
        one.late_s, one.once = 0.15, True
        with pytest.raises(PlantUncertainError, match=r"no answer in 0\.1 s"):
            await mine.read(5, 1)
        assert await mine.read(6, 1) == (2,)
        await asyncio.sleep(0.1)
        assert await mine.read(6, 1) == (2,)
        mine.close()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_dropped_connection_and_silence_are_uncertain(when: str) -> None:
    async with controller(r5=1) as one:
        mine, one.once = client(one), True
        one.drop_on_write = when
        with pytest.raises(PlantUncertainError, match="connection"):
            await mine.write(5, (7,))
        one.silent_on_write = when
        with pytest.raises(PlantUncertainError, match="no answer"):
            await mine.write(5, (7,))
        assert await mine.read(5, 1) == (7 if when == "after" else 1,)
        mine.close()


async def test_nobody_there_is_uncertain_too() -> None:
    async with controller() as one:
        gone = one.port
    with pytest.raises(PlantUncertainError, match="connection failed"):
        await Client("127.0.0.1", gone, 1, timeout_s=5.0).read(0, 1)


async def test_a_cancelled_request_ends_the_connection() -> None:
    async with controller(r5=1) as one:
        mine, one.deaf = client(one, 5.0), True
        task = asyncio.create_task(mine.write(5, (7,)))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not mine.is_open


async def test_two_requests_at_once_go_one_after_the_other() -> None:
    async with controller(r5=1, r6=2) as one:
        mine = client(one, 5.0)
        assert await asyncio.gather(*(mine.read(5 + n % 2, 1) for n in range(20))) == [(1,), (2,)] * 10
        assert one.most_at_once == 1
        mine.close()


@pytest.mark.parametrize("code", [4, 5, 11, 200])
async def test_an_exception_that_does_not_say_that_a_write_was_not_begun_is_uncertain(code: int) -> None:
    async with controller(r5=1) as one:
        mine = client(one, 5.0)
        one.refuse_writes = code
        with pytest.raises(PlantUncertainError, match="does not say"):
            await mine.write(5, (7,))
        assert not mine.is_open


async def test_a_name_that_cannot_be_one_is_no_contact() -> None:
    with pytest.raises(PlantUncertainError):
        await Client("a" * 70, 502, 1, timeout_s=1.0).read(0, 1)
