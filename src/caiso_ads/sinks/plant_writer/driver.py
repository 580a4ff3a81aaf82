"""Runs one plant: takes the newest snapshot, does what the machine says, tells the evidence, and lets go at the end.

Rule: one request at a time; a request that was begun is always told to the machine, also when the gateway stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from caiso_ads.core.quality import Directive
from caiso_ads.ports import Clock, Feed
from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks._within import within
from caiso_ads.sinks.plant_writer.frames import PlantRefusedError, PlantUncertainError
from caiso_ads.sinks.plant_writer.gather import Gather, Note
from caiso_ads.sinks.plant_writer.machine import Machine
from caiso_ads.sinks.plant_writer.permit import Stand, Target, Wish, wish_of
from caiso_ads.sinks.plant_writer.plant import Plant
from caiso_ads.sinks.plant_writer.rules import Item, Phase, Read, Write

NAME = "plant_writer"
LOOK_S = 0.25
"""How often the feed is looked at while there is nothing to do."""

log = logging.getLogger("caiso_ads.plant_writer")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one plant stands; ``read_mw`` is its setpoint register, ``trouble`` is "" when nothing is wrong."""

    directive: Directive
    phase: Phase
    target_mw: float | None
    read_mw: float | None
    trouble: str


class Driver:
    """One plant of the sink. Times in seconds."""

    def __init__(
        self,
        target: Target,
        plant: Plant,
        machine: Machine,
        clock: Clock,
        evidence: SinkEvidence,
        *,
        stall_limit_s: float,
        release_limit_s: float,
    ) -> None:
        self._target, self._plant, self._machine = target, plant, machine
        self._clock, self._evidence = clock, evidence
        self._stall_limit_s, self._release_limit_s = stall_limit_s, release_limit_s
        self._gather = Gather()
        self._newest = (-1, 0.0)  # generation, and when it came
        self._old = False
        self._wish = Wish(Stand.NONE, "nothing is known yet")

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        machine, wish = self._machine, self._wish
        return Standing(
            wish.directive, machine.phase, wish.target_mw, machine.reading.get(Item.SETPOINT), machine.trouble
        )

    def look(self, feed: Feed) -> None:
        """Take the newest snapshot. One that was old when it was first seen is waited out: it may be long overtaken."""
        now, snapshot = self._clock.now(), feed.latest
        if snapshot.generation != self._newest[0]:
            self._newest = (snapshot.generation, now.mono)
        stalled = now.mono - self._newest[1] > self._stall_limit_s
        self._old = not stalled and (now.wall - snapshot.at).total_seconds() > self._stall_limit_s
        self._wish = wish_of(snapshot, self._target, stalled=stalled)

    async def run(self, feed: Feed) -> None:
        """Serve until cancelled; whatever ends it, let the plant go."""
        try:
            try:
                while True:
                    self.look(feed)
                    await (self._clock.sleep(LOOK_S) if self._old else self._turn())
            finally:
                await self._let_go()
        finally:
            self._plant.close()
            self._tell(self._machine.notes())
            self._tell_now(self._gather.flush(self._clock.now().mono, all_of_it=True))

    async def _turn(self) -> None:
        action = self._machine.decide(self._clock.now().mono, self._wish)
        self._tell(self._machine.notes())
        if isinstance(action, Read):
            await self._read()
        elif isinstance(action, Write):
            await self._write(action)
        else:
            await self._clock.sleep(min(action.seconds, LOOK_S))

    async def _read(self) -> None:
        try:
            reading = await self._plant.read(self._wish.pmax_mw)
        except (PlantRefusedError, PlantUncertainError) as error:
            self._plant.close()
            self._machine.heard_nothing(self._clock.now().mono, str(error))
        else:
            self._machine.heard_reading(self._clock.now().mono, reading)

    async def _write(self, write: Write) -> None:
        try:
            await self._plant.write(write.item, write.value, self._wish.pmax_mw)
        except (PlantRefusedError, ValueError) as error:
            self._machine.heard_refused(self._clock.now().mono, str(error))
        except PlantUncertainError as error:
            self._machine.heard_unsure(self._clock.now().mono, str(error))
        except asyncio.CancelledError:
            self._machine.heard_unsure(self._clock.now().mono, "the gateway stops")
            raise
        else:
            self._machine.heard_written()

    async def _let_go(self) -> None:
        """Let the plant go while there is time; a controller that does not answer is left to its own watchdog."""
        if self._machine.released:
            return
        self._wish = replace(self._wish, stand=Stand.NONE, why="the gateway stops", refused=False)
        try:
            async with within(self._release_limit_s):
                self._machine.decide(self._clock.now().mono, self._wish)
                while not self._machine.released:
                    await self._turn()
        except TimeoutError:
            text = f"not let go within {self._release_limit_s:g} s: the controller's own watchdog must act"
            self._tell([*self._machine.notes(), Note(text, {"read_mw": self.standing.read_mw}, trouble=True)])

    def _tell(self, notes: Iterable[Note]) -> None:
        now = self._clock.now().mono
        for note in notes:
            self._tell_now(self._gather.add(note, now))
        self._tell_now(self._gather.flush(now))

    def _tell_now(self, notes: Iterable[Note]) -> None:
        for note in notes:
            log.log(logging.WARNING if note.trouble else logging.INFO, "%s: %s", self._target.resource, note.text)
            self._evidence.acted(NAME, self._target.resource, note.text, note.detail)
