"""The policy at work: each instruction that can be answered is decided on once for each of its revisions.

Rule: every decision goes into the evidence with its inputs, also that it is left to people. Nothing is decided again
where anybody, the policy included, has answered the revision before. What cannot be decided now, because the store
takes no writes or our clock is not the ISO's, is looked at again while the window is open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from caiso_ads.core.answering import period_refusal, refusal
from caiso_ads.core.answers import OPEN, Answer
from caiso_ads.core.happenings import BatchSeen, Event
from caiso_ads.core.model import DispatchBatch, Instruction
from caiso_ads.core.policy import (
    NO_POLICY,
    POLICY,
    Decision,
    Outage,
    Policy,
    PolicyMode,
    answer_of,
    capability_at,
    decide,
    delivery,
)
from caiso_ads.core.state import State
from caiso_ads.errors import CommandError, StoreError
from caiso_ads.ports import Clock
from caiso_ads.ports.answers import AnswerStore, Fact

log = logging.getLogger("caiso_ads.policy")

LOOK_EVERY_S = 1.0
KEPT_DECISIONS = 5000


@dataclass(frozen=True, slots=True)
class Rules:
    """What decisions are made from: for each resource its policy and what it can give (MW), and the outages."""

    policies: Mapping[str, Policy]
    capabilities_mw: Mapping[str, float]
    outages: Iterable[Outage] = ()

    @property
    def work(self) -> bool:
        """Whether anything is decided at all."""
        return any(policy.mode is not PolicyMode.OFF for policy in self.policies.values())

    def decide(self, batch: DispatchBatch, instruction: Instruction, clock: Clock) -> Decision:
        """Return the decision at this time."""
        of, (start, end) = instruction.resource_id, delivery(batch, instruction)
        normal = self.capabilities_mw.get(of)
        capability = None if normal is None else capability_at(of, normal, self.outages, start, end)
        return decide(batch, instruction, self.policies.get(of, NO_POLICY), capability, clock.now().wall)


class Autopilot:
    """Looks at each batch that is folded. ``send`` takes what is to be sent; ``clock_ok``: our clock is trusted."""

    def __init__(
        self, rules: Rules, store: AnswerStore, clock: Clock, note: Callable[[Fact], None],
        send: Callable[[Answer], None], clock_ok: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._rules, self._store, self._clock, self._note = rules, store, clock, note
        self._send, self._clock_ok = send, clock_ok
        self._waiting: dict[str, DispatchBatch] = {}
        self._decided: dict[tuple[str, int], None] = {}

    def folded(self, event: Event, _: State) -> None:
        """Remember to look at the batch of an event; no I/O."""
        if isinstance(event, BatchSeen):
            self._waiting[event.batch.batch_uid] = event.batch

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Decide on everything that waits and can be decided now."""
        for uid, batch in list(self._waiting.items()):
            closed = period_refusal(batch, self._clock.now().wall) is not None
            looked = closed or (self._clock_ok() and await self._looked_at(batch))
            if looked and self._waiting.get(uid) is batch:
                del self._waiting[uid]

    async def _looked_at(self, batch: DispatchBatch) -> bool:
        """Decide on each instruction of ours; False when some must be looked at again."""
        try:
            for instruction in batch.instructions:
                if self._rules.policies.get(instruction.resource_id, NO_POLICY).mode is not PolicyMode.OFF:
                    await self._decide(batch, instruction)
        except StoreError as problem:
            log.warning("the policy waits for the store: %s", problem)
            return False
        return True

    async def _decide(self, batch: DispatchBatch, instruction: Instruction) -> None:
        key = (instruction.instruction_uid, instruction.revision_number)
        if key in self._decided:
            return
        earlier = await self._store.answers_of(instruction.instruction_uid)
        if not any(answer.revision_no == instruction.revision_number for answer in earlier):
            await self._act(batch, instruction, self._rules.decide(batch, instruction, self._clock))
        self._decided[key] = None
        while len(self._decided) > KEPT_DECISIONS:
            del self._decided[next(iter(self._decided))]

    async def _act(self, batch: DispatchBatch, instruction: Instruction, decision: Decision) -> None:
        """Record what was decided, and let it be sent where that is its meaning. Raises StoreError: nothing done."""
        now = self._clock.now().wall
        answer = answer_of(decision, batch, instruction, now)
        refused = answer and refusal(answer, batch, now, clock_ok=self._clock_ok())
        if answer is None or refused:
            self._left(instruction, decision, str(refused or decision.why))
            return
        try:
            recorded = await self._store.record_answer(answer, {"policy": dict(decision.inputs), "why": decision.why})
        except CommandError as taken:
            self._left(instruction, decision, str(taken))
            return
        log.warning("%s: %s %s: %s", instruction.resource_id, recorded.state.value, recorded.kind.value, decision.why)
        if recorded.state in OPEN:
            self._send(recorded)

    def _left(self, instruction: Instruction, decision: Decision, why: str) -> None:
        log.info("%s: left to people: %s", instruction.resource_id, why)
        self._note(
            Fact(
                "policy", self._clock.now().wall, POLICY, f"left to people: {why}", instruction.resource_id,
                instruction.batch_uid, instruction.instruction_uid, {"inputs": dict(decision.inputs)},
            )
        )  # fmt: skip
