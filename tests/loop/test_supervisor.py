from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable

import pytest

from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import initial
from caiso_ads.errors import LocalError
from caiso_ads.loop.supervisor import SinkHealth, Supervisor
from caiso_ads.ports import Feed
from tests.fakes import FakeClock, RecordingSink

STATE = initial({"R1": Resource("R1", "one", 0.0, 1.0)}, Environment.PRODUCTION)


def feed(clock: FakeClock) -> Feed:
    return Feed(snapshot(STATE, clock.now(), DEFAULT_LIMITS, generation=0, heartbeat=0, unacknowledged=0))


async def test_a_sink_that_dies_is_restarted_and_the_others_never_notice(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    weak, strong = RecordingSink(crash=OSError("port 502 is taken")), RecordingSink()
    supervisor = Supervisor({"weak": (weak, True), "strong": (strong, False)}, clock)
    running = asyncio.create_task(supervisor.run(feed(clock)))
    with caplog.at_level(logging.INFO):
        await clock.settle()
        assert supervisor.sinks[0].health is SinkHealth.FAILED
        assert not supervisor.required_serving()
        assert strong.seen == [0]
        await clock.advance(1.5)
    assert supervisor.required_serving()
    assert (weak.runs, strong.runs) == (2, 1)
    assert sum("weak" in record.message for record in caplog.records) == 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_only_required_sinks_hold_up_acknowledging() -> None:
    clock = FakeClock()
    supervisor = Supervisor({"files": (RecordingSink(crash=OSError("disk")), False)}, clock)
    running = asyncio.create_task(supervisor.run(feed(clock)))
    await clock.settle()
    assert supervisor.required_serving()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_sink_that_keeps_failing_backs_off_and_logs_the_same_error_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()

    class Hopeless(RecordingSink):
        async def run(self, feed: Feed, started: object) -> None:
            self.runs += 1
            raise OSError("port 502 is taken")

    sink = Hopeless()
    running = asyncio.create_task(Supervisor({"modbus": (sink, True)}, clock).run(feed(clock)))
    with caplog.at_level(logging.INFO):
        await clock.advance(600.0)
    assert 15 <= sink.runs <= 26
    assert len(caplog.records) == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_row_168_a_port_that_is_taken_at_the_start_ends_the_gateway_with_that_message() -> None:
    clock = FakeClock()
    taken = RecordingSink(crash=OSError(errno.EADDRINUSE, "Modbus TCP cannot listen on 127.0.0.1:502: in use"))
    other = RecordingSink()
    running = asyncio.create_task(
        Supervisor({"modbus": (taken, True), "files": (other, False)}, clock).run(feed(clock))
    )
    await clock.settle()
    with pytest.raises(LocalError, match=r"sink modbus cannot start: .*cannot listen on 127\.0\.0\.1:502"):
        await running
    assert taken.runs == 1


async def test_a_port_that_is_taken_later_does_not_end_the_gateway() -> None:
    clock = FakeClock()

    class Unlucky(RecordingSink):
        async def run(self, feed: Feed, started: Callable[[], None]) -> None:
            self.runs += 1
            if self.runs == 1:
                raise OSError("the network is not up")
            raise OSError(errno.EADDRINUSE, "in use")

    sink = Unlucky()
    running = asyncio.create_task(Supervisor({"modbus": (sink, True)}, clock).run(feed(clock)))
    await clock.advance(30.0)
    assert sink.runs > 2
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_it_reports_how_each_sink_fares_with_the_counts_of_those_that_count() -> None:
    clock = FakeClock()

    class Counts(RecordingSink):
        def counts(self) -> dict[str, int]:
            return {"requests": self.runs}

    supervisor = Supervisor({"modbus": (Counts(), True), "files": (RecordingSink(crash=OSError("disk")), False)}, clock)
    running = asyncio.create_task(supervisor.run(feed(clock)))
    await clock.settle()
    assert supervisor.report() == {
        "modbus": {"health": "serving", "restarts": 0, "last_error": "", "counts": {"requests": 1}},
        "files": {"health": "failed", "restarts": 1, "last_error": "OSError: disk", "counts": {}},
    }
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
