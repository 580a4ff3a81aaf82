"""Writes setpoints into plant controllers over Modbus TCP. Off unless configured, and then a dry-run unless told "live".

Rule: nothing is written but what ``permit`` allows and ``machine`` decides; every act goes into the evidence.
Read ``permit`` for when, ``machine`` and ``ramp`` for what, ``client`` for how, ``driver`` for the loop around them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Feed, Sink, SinkContext
from caiso_ads.sinks.plant_writer.client import Client
from caiso_ads.sinks.plant_writer.driver import Driver, Standing
from caiso_ads.sinks.plant_writer.keys import TABLE, PlantKeys
from caiso_ads.sinks.plant_writer.machine import Machine
from caiso_ads.sinks.plant_writer.permit import Target
from caiso_ads.sinks.plant_writer.plant import Plant


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.plant_writer]``. ConfigError names the key of what cannot work."""

    TABLES: ClassVar[dict[str, type[msgspec.Struct]]] = {"plant": PlantKeys}

    plant: Annotated[tuple[PlantKeys, ...], Meta(min_length=1, description="one table for each controller, see below")]
    mode: Annotated[
        Literal["dry-run", "live"], Meta(description="dry-run reads and tells what it would write, and writes nothing")
    ] = "dry-run"
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink works")] = False
    stall_limit_s: Annotated[
        float, Meta(ge=2, le=60, description="without a new snapshot for so long the plants are let go")
    ] = 5.0

    def __post_init__(self) -> None:
        """Refuse two writers of one thing."""
        for what, names in (
            ("resource", [plant.resource for plant in self.plant]),
            ("host", [f"{plant.host.lower()}:{plant.port} unit {plant.unit_id}" for plant in self.plant]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ConfigError(f"{twice} stands twice; one plant has one writer", table=TABLE, key=what)

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; does no I/O. ConfigError for a resource that is not served, or a simulator in production."""
        production = context.environment == "production"
        for plant in self.plant:
            if plant.resource not in context.resource_ids:
                known = ", ".join(context.resource_ids)
                raise ConfigError(f"{plant.resource!r} is no [[resource]]; known: {known}", table=TABLE, key="resource")
            if plant.simulator and production:
                raise ConfigError("a simulator is not written to from production", table=TABLE, key="simulator")
        return PlantWriterSink(self, context)


class PlantWriterSink:
    """All plants of the gateway; they wait for each other never."""

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config, self._context = config, context
        self._drivers: dict[str, Driver] = {}

    @property
    def standing(self) -> Mapping[str, Standing]:
        """Where each plant stands, by resource."""
        return {resource: driver.standing for resource, driver in self._drivers.items()}

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled, then let the plants go. Raises ConfigError for a file of TLS that cannot be read."""
        self._drivers = {keys.resource: await self._driver(keys) for keys in self._config.plant}
        for driver in self._drivers.values():
            driver.look(feed)
        async with asyncio.TaskGroup() as tasks:
            for resource, driver in self._drivers.items():
                tasks.create_task(driver.run(feed), name=f"plant {resource}")
            started()

    async def _driver(self, keys: PlantKeys) -> Driver:
        context, points = self._context, keys.points()
        tls = await asyncio.to_thread(keys.tls)
        client = Client(keys.host, keys.port, keys.unit_id, timeout_s=keys.timeout_s, tls=tls)
        target = Target(
            keys.resource,
            production=context.environment == "production",
            simulator=keys.simulator,
            fallback_mw=context.fallback_mw.get(keys.resource),
            release_mw=keys.release_mw,
        )
        machine = Machine(keys.rules(points, live=self._config.mode == "live"))
        return Driver(
            target,
            Plant(client, points),
            machine,
            context.clock,
            context.evidence,
            stall_limit_s=self._config.stall_limit_s,
            release_limit_s=keys.release_limit_s,
        )
