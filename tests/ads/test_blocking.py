"""The thread behind the synchronous clients: results, errors and the end are the client's; nothing is left behind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from caiso_ads.ads.blocking import Blocking


class Client:
    """A client of asyncio that remembers where it ran."""

    def __init__(self) -> None:
        self.threads: set[str] = set()
        self.closed = 0

    async def add(self, a: int, b: int) -> int:
        self.threads.add(threading.current_thread().name)
        await asyncio.sleep(0)
        return a + b

    async def fail(self) -> None:
        raise LookupError("theirs")

    async def close(self) -> None:
        self.closed += 1


class Twin(Blocking[Client]):
    """The blocking form of it."""

    def add(self, a: int, b: int) -> int:
        return self._run(self._client.add(a, b))

    def fail(self) -> None:
        self._run(self._client.fail())


def test_calls_run_on_the_one_thread_and_give_results_and_errors() -> None:
    client = Client()
    with Twin(client, "twin-of-the-test") as twin:
        assert [twin.add(n, 1) for n in range(3)] == [1, 2, 3]
        with pytest.raises(LookupError, match="theirs"):
            twin.fail()
    assert client.threads == {"twin-of-the-test"}


async def test_it_works_where_a_loop_is_already_running() -> None:
    with Twin(Client(), "twin") as twin:
        assert twin.add(1, 2) == 3


def test_closing_closes_the_client_once_and_ends_the_thread() -> None:
    client = Client()
    twin = Twin(client, "twin-that-ends")
    twin.close()
    twin.close()
    assert client.closed == 1
    assert "twin-that-ends" not in {thread.name for thread in threading.enumerate()}
