"""Keeps the sinks running. Rule: a sink that dies is started again with back-off and takes nobody with it.

One log line when a sink stops, one when it serves again; health is what the outbox and the status ask for. Only a port
that another program has when the gateway starts ends the gateway: half a one would not be noticed.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from caiso_ads.errors import LocalError
from caiso_ads.ports import Clock, Counting, Feed, Sink

log = logging.getLogger("caiso_ads.sinks")

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0


class SinkHealth(StrEnum):
    """What a sink is doing."""

    STARTING = "starting"
    SERVING = "serving"
    FAILED = "failed"


@dataclass(slots=True)
class SupervisedSink:
    """A sink, whether acknowledging depends on it, and its health."""

    name: str
    sink: Sink
    required: bool
    health: SinkHealth = SinkHealth.STARTING
    last_error: str = ""
    restarts: int = 0


class Supervisor:
    """All sinks of one gateway."""

    def __init__(self, sinks: Mapping[str, tuple[Sink, bool]], clock: Clock) -> None:
        self.sinks = [SupervisedSink(name, sink, required) for name, (sink, required) in sinks.items()]
        self._clock = clock

    def add(self, name: str, sink: Sink) -> None:
        """Keep one more running, on which acknowledging does not depend; before ``run``."""
        self.sinks.append(SupervisedSink(name, sink, required=False))

    def required_serving(self) -> bool:
        """Whether every sink marked ``required`` is serving."""
        return all(entry.health is SinkHealth.SERVING for entry in self.sinks if entry.required)

    async def run(self, feed: Feed) -> None:
        """Run every sink until cancelled. Raises LocalError where a port is taken by another program at the start."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for entry in self.sinks:
                    tasks.create_task(self._keep_running(entry, feed), name=f"sink {entry.name}")
        except ExceptionGroup as taken:  # nothing else is raised within
            raise taken.exceptions[0] from None

    def report(self) -> dict[str, dict[str, object]]:
        """Return how each sink fares, as plain values for the status."""
        return {
            entry.name: {
                "health": entry.health.value,
                "restarts": entry.restarts,
                "last_error": entry.last_error,
                "counts": dict(entry.sink.counts()) if isinstance(entry.sink, Counting) else {},
            }
            for entry in self.sinks
        }

    async def _keep_running(self, entry: SupervisedSink, feed: Feed) -> None:
        delay = FIRST_DELAY_S
        while True:
            started_mono = self._clock.now().mono
            try:
                await entry.sink.run(feed, lambda: self._started(entry))
                error = "it ended"
            except Exception as problem:  # a foreign library may raise anything; it must die alone
                if _is_taken_port(problem) and entry.health is SinkHealth.STARTING:
                    raise LocalError(f"sink {entry.name} cannot start: {problem}") from problem
                error = f"{type(problem).__name__}: {problem}"
            self._failed(entry, error)
            if self._clock.now().mono - started_mono > LONGEST_DELAY_S:
                delay = FIRST_DELAY_S
            await self._clock.sleep(delay)
            delay = min(delay * 2.0, LONGEST_DELAY_S)

    @staticmethod
    def _started(entry: SupervisedSink) -> None:
        entry.health = SinkHealth.SERVING
        if entry.last_error:
            log.warning("sink %s serves again after %d restarts", entry.name, entry.restarts)
            entry.last_error = ""

    @staticmethod
    def _failed(entry: SupervisedSink, error: str) -> None:
        if error != entry.last_error:
            log.error("sink %s stopped and will be restarted: %s", entry.name, error)
        entry.health, entry.last_error = SinkHealth.FAILED, error
        entry.restarts += 1


def _is_taken_port(problem: Exception) -> bool:
    return isinstance(problem, OSError) and problem.errno == errno.EADDRINUSE
