"""The status file: the whole state, in words, never half a file, never a lie after the end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot as make_snapshot
from caiso_ads.core.state import initial
from caiso_ads.errors import ConfigError
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks.status import Config, document
from tests.fakes import START, FakeClock, MemoryStore


def snapshot(generation: int = 1) -> Snapshot:
    """Make a snapshot of a gateway that has just started."""
    state = initial({"A": Resource("A", "Plant A", 0.0, 100.0)}, Environment.PRODUCTION)
    return make_snapshot(
        state, Instant(START, 1.0), DEFAULT_LIMITS, generation=generation, heartbeat=generation, unacknowledged=0
    )


def context(clock: FakeClock | None = None, environment: str = "production") -> SinkContext:
    """Make a sink's context."""
    return SinkContext(("A",), {"A": "Plant A"}, environment, MemoryStore(), clock or FakeClock())


def read(path: Path) -> dict[str, Any]:
    """Read the status file."""
    state = json.loads(path.read_bytes())
    assert isinstance(state, dict)
    return state


async def until(reached: Any) -> None:
    """Let threads and tasks work until the condition holds; the suite's own time limit ends a broken one."""
    while not reached():  # noqa: ASYNC110 - a file is waited for, and nothing signals it
        await asyncio.sleep(0.002)


def test_every_point_is_in_the_document_with_value_quality_and_words() -> None:
    told = document(snapshot(), context(), "running")
    points = told["resources"][0]["points"]
    assert set(points) == {point.key for point in RESOURCE_POINTS}
    assert set(told["gateway"]) == {point.key for point in GATEWAY_POINTS}
    assert points["directive"]["word"] == "NO_DATA"
    assert points["quality"] == points["quality"] | {"value": 0, "word": "INIT"}
    assert "NOT_CONFIRMED" in points["reasons"]["word"].split()
    assert points["pmax_mw"] == points["pmax_mw"] | {"value": 100.0, "unit": "MW"}
    assert told["gateway"]["utc_time"]["value"] == "2026-07-01T12:00:00Z"


def test_what_is_not_known_is_null() -> None:
    points = document(snapshot(), context(), "running")["resources"][0]["points"]
    assert points["setpoint_mw"]["value"] is None
    assert points["setpoint_mw"]["quality"] == "INIT"


@pytest.mark.parametrize("broken", [float("nan"), float("-inf")])
def test_a_number_that_is_none_is_null_too(broken: float) -> None:
    shown = snapshot()
    values = tuple(PointValue(broken, Quality.GOOD) if point.key == "dop_mw" else value
                   for point, value in zip(RESOURCE_POINTS, shown.resources["A"], strict=True))  # fmt: skip
    told = document(replace(shown, resources={"A": values}), context(), "running")
    assert told["resources"][0]["points"]["dop_mw"]["value"] is None


def test_a_test_environment_is_marked() -> None:
    assert "TEST DATA" in document(snapshot(), context(environment="simulator"), "running")["watermark"]
    assert document(snapshot(), context(), "running")["watermark"] == ""


async def test_the_file_follows_the_feed_twice_a_second_at_most_and_says_stopped_at_the_end(tmp_path: Path) -> None:
    path, clock, feed, started = tmp_path / "run" / "status.json", FakeClock(), Feed(snapshot(1)), asyncio.Event()
    task = asyncio.create_task(Config(path=path).build(context(clock)).run(feed, started.set))
    await started.wait()
    assert read(path)["state"] == "running"
    await until(lambda: clock._sleepers)
    feed.publish(snapshot(2))
    feed.publish(snapshot(3))
    await clock.advance(0.4)
    assert read(path)["snapshot_id"] == 1
    await clock.advance(0.1)
    await until(lambda: read(path)["snapshot_id"] == 3)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    last = read(path)
    assert (last["state"], last["resources"][0]["points"]["quality"]["word"]) == ("stopped", "SHUTDOWN")
    assert list(path.parent.iterdir()) == [path]


async def test_a_path_that_cannot_be_written_is_an_error_for_the_supervisor(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        await Config(path=tmp_path / "taken" / "status.json").build(context()).run(Feed(snapshot()), lambda: None)


def test_without_a_path_the_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\[sinks\.status\] path"):
        Config().build(context())


def test_how_each_sink_fares_is_told_with_its_counts() -> None:
    fares = {"modbus": {"health": "serving", "restarts": 0, "last_error": "", "counts": {"writes_refused": 3}}}
    told = document(snapshot(), replace(context(), sinks=lambda: fares), "running")
    assert told["sinks"] == fares
    assert document(snapshot(), context(), "running")["sinks"] == {}
