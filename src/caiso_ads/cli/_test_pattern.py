"""Made-up numbers for wiring a SCADA before there is any data: a server of its own that can never meet a gateway.

Rule: it holds the store's lock as long as it serves, so it starts only while no gateway of that configuration runs,
and none can start beside it. Each number is marked: directive TEST, quality FORCED, environment simulator; nothing
is good, so that a master that looks at its quality alone does not use it either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from caiso_ads.config import Config
from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.errors import CommandError
from caiso_ads.ports import Clock, Feed, Sink, SinkContext
from caiso_ads.ports.answers import Fact
from caiso_ads.store.sqlite import SqlStore

PERIOD_S = 1.0
GRACE_S = 1.0
"""How long the masters can read that it is over (s)."""

WHO = "caiso-ads points walk"
RAMP_S = 60
EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
BITS = 0xA5A5_0000
CODES = 1000
Value = float | int | datetime
_SIMULATOR = 2
_OLD_S = 20_000.0  # no age of the pattern looks fresh


def snapshot(
    resource_ids: Sequence[str], node_ids: Sequence[str], tick: int, now: datetime, *, over: bool = False
) -> Snapshot:
    """Return the pattern of second ``tick``. ``over``: the last one, which has no value and the quality SHUTDOWN.

    Place p (from 1) and index i of the catalogue make the numbers: 100 p + i + 0.25 for a resource, the same
    negative for a node, i + 0.25 for the gateway, 20,000 more where it counts seconds. They are exact in a float32.
    """
    gateway: dict[str, Value] = {"heartbeat": tick, "utc_time": now, "environment": _SIMULATOR}
    resource: dict[str, Value] = {"directive": Directive.TEST, "quality": Quality.FORCED}
    resource |= {"reasons": Reason.TEST_ENVIRONMENT, "seconds_to_next_target": float(RAMP_S - tick % RAMP_S)}
    node: dict[str, Value] = {"quality": Quality.FORCED, "published_quality": Quality.FORCED}
    if over:
        resource = {"directive": Directive.NO_DATA, "quality": Quality.SHUTDOWN, "reasons": Reason.SHUTTING_DOWN}
        node = dict.fromkeys(node, Quality.SHUTDOWN)
    quality = Quality.SHUTDOWN if over else Quality.FORCED
    return Snapshot(
        generation=tick,
        at=now,
        gateway=_row(GATEWAY_POINTS, 0, gateway, quality, blank=over),
        resources={
            name: _row(RESOURCE_POINTS, place, resource, quality, blank=over)
            for place, name in enumerate(resource_ids, start=1)
        },
        nodes={
            name: _row(NODE_POINTS, -place, node, quality, blank=over) for place, name in enumerate(node_ids, start=1)
        },
    )  # fmt: skip


def _row(
    points: Sequence[Point], place: int, fixed: Mapping[str, Value], quality: Quality, *, blank: bool
) -> tuple[PointValue, ...]:
    found = []
    for index, point in enumerate(points):
        value = fixed.get(point.key, None if blank else made(point, index, place))
        found.append(PointValue(value, quality if value is not None else Quality.INIT))
    return tuple(found)


def made(point: Point, index: int, place: int) -> Value:
    """Return the number of a point; ``place`` is 0 for the gateway and negative for a node."""
    if point.kind is Kind.NUMBER:
        number = 100.0 * abs(place) + index + 0.25
        if point.unit == "s":
            return number + _OLD_S
        return -number if place < 0 else number
    if point.kind is Kind.TIME:
        return EPOCH + timedelta(hours=place, minutes=index)
    if point.kind is Kind.BITS:
        return BITS | abs(place) << 8 & 0xFF00 | index
    return CODES + 100 * abs(place) % 50_000 + index


async def serve(config: Config, clock: Clock, listening: Callable[[Sink], None]) -> None:
    """Serve the pattern on the configured Modbus address until cancelled. ``listening`` is called once it does.

    Start and end go into the evidence chain. Raises StoreBusyError while a gateway (or another pattern) of this
    store runs, StoreError, ConfigError, and CommandError where the address cannot be had.
    """
    store = await SqlStore.open(config.store.path, clock)  # takes the lock that every gateway takes
    try:
        context = SinkContext(
            resource_ids=tuple(item.id for item in config.resources), names={item.id: item.name for item in config.resources},
            environment="simulator", store=store, clock=clock, nodes=tuple(node.id for node in config.nodes),
        )  # fmt: skip
        sink = config.sinks["modbus"].build(context)
        await store.append_facts([_fact(clock, "began")])
        try:
            await _serve(sink, context, clock, listening)
        finally:
            await asyncio.shield(store.append_facts([_fact(clock, "ended")]))
    finally:
        await asyncio.shield(store.close())


def _fact(clock: Clock, what: str) -> Fact:
    text = f"the test pattern {what}: made-up numbers on Modbus, directive TEST"
    return Fact(f"test pattern {what}", clock.now().wall, WHO, text)


async def _serve(sink: Sink, context: SinkContext, clock: Clock, listening: Callable[[Sink], None]) -> None:
    def at(tick: int, *, over: bool = False) -> Snapshot:
        return snapshot(context.resource_ids, context.nodes, tick, clock.now().wall, over=over)

    feed, tick = Feed(at(0)), 0
    serving = asyncio.create_task(sink.run(feed, lambda: listening(sink)))
    try:
        while True:
            done, _ = await asyncio.wait({serving}, timeout=PERIOD_S)
            if done:
                _explain(serving)
            tick += 1
            feed.publish(at(tick))
    finally:
        if not serving.done():
            feed.publish(at(tick + 1, over=True))
            with suppress(asyncio.CancelledError):
                await clock.sleep(GRACE_S)
            serving.cancel()
            await asyncio.wait({serving})


def _explain(serving: asyncio.Task[None]) -> None:
    error = serving.exception()
    problem = f"the pattern is not served: {error}" if error else "the server has ended"
    failure = CommandError(problem)
    failure.cure = "stop what listens on that address, or give [sinks.modbus] another port"
    raise failure from error
