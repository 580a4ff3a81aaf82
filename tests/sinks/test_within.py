"""A limit of time holds, also in a task that is being cancelled, and a further cancellation is not taken for it."""

from __future__ import annotations

import asyncio

import pytest

from caiso_ads.sinks._within import within


async def test_what_ends_in_time_ends_as_it_likes() -> None:
    async with within(5):
        await asyncio.sleep(0)
    with pytest.raises(KeyError):
        async with within(5):
            raise KeyError


async def test_the_limit_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with within(0.01):
            await asyncio.sleep(5)


async def goodbye(said: list[str], seconds: float) -> None:
    try:
        await asyncio.sleep(5)
    finally:
        try:
            async with within(seconds):
                await asyncio.sleep(5)
        except TimeoutError:
            said.append("too late")


async def test_in_a_cancelled_task_it_is_a_timeout_too() -> None:
    said: list[str] = []
    task = asyncio.create_task(goodbye(said, 0.01))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
    assert said == ["too late"]


async def test_a_second_cancellation_is_none() -> None:
    said: list[str] = []
    task = asyncio.create_task(goodbye(said, 5))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
    assert said == []
