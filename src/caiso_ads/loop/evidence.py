"""The feed of the evidence chain: what happened is noted at once and written beside the loop, a few times a second.

Rule: ``note`` never waits and never raises, so whoever notes is not slowed by the disk. What the store does not take
is kept and offered again in order; what finds no room is counted, and a row says afterwards how much is missing.
Only rows that explain are fed here: a row that must be durable before something else may follow belongs into that
commit, not here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from caiso_ads.errors import StoreError
from caiso_ads.ports import Clock
from caiso_ads.ports.answers import Fact

log = logging.getLogger("caiso_ads.evidence")

WRITE_EVERY_S = 0.2
MOST = 20_000
"""How many rows wait for a store that takes no writes; more are counted only."""
ROWS_A_COMMIT = 500


class FactWriter(Protocol):
    """The one method of ``AnswerStore`` that is needed here."""

    async def append_facts(self, facts: Sequence[Fact]) -> None:
        """Append rows in one commit, in that order; StoreError when none of them was written."""


class EvidenceLog:
    """A queue of facts with one writer. ``most`` bounds what waits, in rows."""

    def __init__(self, store: FactWriter, clock: Clock, *, most: int = MOST) -> None:
        self._store, self._clock, self._most = store, clock, most
        self._waiting: deque[Fact] = deque()
        self._lost: list[Fact] = []  # the first and the last that found no room
        self._lost_count = 0
        self._told = False
        self._turn = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many rows are not written yet."""
        return len(self._waiting)

    def note(self, fact: Fact) -> None:
        """Take a fact to be written soon; without room it is counted instead. Never waits, never raises.

        One that no store could take (no plain JSON, no aware time) is named in a gap row: it must not block the others.
        """
        if len(self._waiting) >= self._most:
            self._lose(fact)
            return
        self._mend()
        problem = _problem(fact)
        self._waiting.append(fact if problem is None else self._unwritable(fact, problem))

    async def run(self) -> None:
        """Write until cancelled, and then once more what still waits. A StoreError is logged once and tried again."""
        writing: asyncio.Task[None] | None = None
        try:
            while True:
                await self._clock.sleep(WRITE_EVERY_S)
                writing = asyncio.create_task(self.write(), name="evidence write")
                await asyncio.shield(writing)  # a commit cut short might be done all the same, and written twice
        finally:
            if writing is not None:
                await writing
            await self.write()

    async def write(self) -> None:
        """Write all that waits, in commits of a bounded size; what the store does not take goes on waiting."""
        async with self._turn:  # what two would write at once would be written twice
            await self._write_waiting()

    async def durable(self) -> bool:
        """Write all that waits now, and tell whether everything noted before is written."""
        await self.write()
        return not self._waiting

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                rows = tuple(islice(self._waiting, ROWS_A_COMMIT))
                await self._store.append_facts(rows)
                for _ in rows:  # from the front only: whoever notes meanwhile adds at the end
                    self._waiting.popleft()
                self._mend()
        except StoreError as problem:
            if not self._told:
                log.warning("the evidence waits for the store: %s", problem)
            self._told = True
        else:
            self._told = False

    def _unwritable(self, fact: Fact, problem: str) -> Fact:
        text = f"a row of evidence cannot be written: {fact.kind!a}: {problem}"
        log.error("%s", text)
        detail = {"kind": ascii(fact.kind), "uid": ascii(fact.uid), "text": ascii(fact.text), "problem": problem}
        return Fact("gap", self._clock.now().wall, "gateway", text, detail=detail)

    def _lose(self, fact: Fact) -> None:
        if not self._lost_count:
            log.error("the evidence queue is full (%d rows): what happens now is counted, not recorded", self._most)
        self._lost_count += 1
        self._lost[1:] = [fact]
        self._lost = self._lost[:2]

    def _mend(self) -> None:
        """Where rows were lost, say so in their place: after the last one kept and before the next."""
        if not self._lost_count:
            return
        first, last, count = self._lost[0], self._lost[-1], self._lost_count
        self._lost, self._lost_count = [], 0
        span = f"{first.at.isoformat()} to {last.at.isoformat()}"
        detail = {"rows": count, "first_at": first.at.isoformat(), "last_at": last.at.isoformat()}
        text = f"{count} rows of evidence were not kept, of {span}: the store took no writes for too long"
        self._waiting.append(Fact("gap", self._clock.now().wall, "gateway", text, detail=detail))


def _problem(fact: Fact) -> str | None:
    """Return why a fact could not be written by any store, in ASCII."""
    if fact.at.utcoffset() is None:
        return "its time is without a zone"
    words = (fact.kind, fact.who, fact.text, fact.resource, fact.uid, fact.instruction)
    try:
        json.dumps([words, fact.detail], allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as problem:  # a lone surrogate is a ValueError too
        return ascii(str(problem))
    return None
