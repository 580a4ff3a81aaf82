"""A loop that has stopped is noticed at the first read, also by a server that starts or wakes up only then."""

from __future__ import annotations

import pytest

from caiso_ads.ports import Feed
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.server import ModbusSink
from tests.sinks.modbus.snapshots import IDS, fell_silent, snapshot


async def test_row_158_a_sink_that_starts_beside_a_stopped_loop_shows_nothing_good() -> None:
    config = Config(port=0)
    sink = ModbusSink(config.plan(IDS), config.settings())
    sink.attach(fell_silent(snapshot()), 0.0)
    assert not sink._current().live
    assert sink.readable == -1


async def test_row_158_the_first_read_after_a_pause_of_the_machine_is_not_answered_as_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    config = Config(port=0)
    sink, feed = ModbusSink(config.plan(IDS), config.settings()), Feed(snapshot(generation=1), lambda: now[0])
    sink.attach(feed, 0.0)
    assert sink._current().live
    now[0] = 3600.0  # no sweep has run meanwhile
    assert not sink._current().live
    assert "published nothing" in caplog.text
    feed.publish(snapshot(generation=2))
    assert sink._current().live
