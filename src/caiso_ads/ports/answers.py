"""What the loop needs to answer the ISO and to keep evidence of it, as protocols.

Rule: as in ``ports``: adapters know these and the nouns, never each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from caiso_ads.core.answers import Answer, AnswerState
from caiso_ads.core.codes import ReasonCode, ResponseResult
from caiso_ads.core.model import MssLfRequest, MssLfResponse


class Responder(Protocol):
    """The ISO's side of answers. Each call is sent at most once; a RemoteError means that its outcome is unknown.

    Only a LocalError says that nothing was sent.
    """

    async def accept(self, batch_uid: str, instruction_uid: str) -> ResponseResult:
        """AcceptInstruction."""

    async def decline(self, batch_uid: str, instruction_uid: str, reason: ReasonCode) -> ResponseResult:
        """DeclineInstruction."""

    async def partial_accept(
        self, batch_uid: str, instruction_uid: str, accept_dot_mw: float, reason: ReasonCode
    ) -> ResponseResult:
        """PartialAcceptInstruction."""

    async def submit_mss_lf_request(self, request: MssLfRequest) -> MssLfResponse:
        """SubmitMSSLFRequest."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One row for the evidence chain: what happened, when (aware UTC), by whom, of which resource or batch.

    ``detail`` must be plain JSON values. ``uid`` is the batch, ``instruction`` the instruction it concerns, where any.
    """

    kind: str
    at: datetime
    who: str
    text: str
    resource: str | None = None
    uid: str = ""
    instruction: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


def dismiss(_: Fact) -> None:
    """Take a fact where no evidence is kept."""


class AnswerStore(Protocol):
    """Durable memory of answers and of the evidence. A method that returns has committed; StoreError otherwise."""

    async def record_answer(self, answer: Answer, origin: Mapping[str, object]) -> Answer:
        """Commit a new answer and its evidence row; return it with its number.

        Raises CommandError naming the first one's author and state where the same revision is OCCUPIED.
        """

    async def second_answer(self, answer_id: int, who: str, at: datetime, origin: Mapping[str, object]) -> Answer:
        """Commit the second person's consent: PROPOSED becomes DECIDED. CommandError for the same person or state."""

    async def mark_sending(self, answer_id: int, at: datetime) -> None:
        """Commit that the answer may be on its way from now on; only a DECIDED one, else StoreError."""

    async def settle_answer(
        self, answer_id: int, state: AnswerState, *, result: ResponseResult | None, text: str, at: datetime
    ) -> None:
        """Commit what became of it, with its evidence row."""

    async def open_answers(self) -> Sequence[Answer]:
        """Return the answers that still change, oldest first."""

    async def answers_of(self, instruction_uid: str) -> Sequence[Answer]:
        """Return every answer to an instruction, oldest first."""

    async def append_facts(self, facts: Sequence[Fact]) -> None:
        """Append rows to the evidence chain in one commit, in that order."""
