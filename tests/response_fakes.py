"""An ISO that takes answers, and a bomb at any call of a port, for the tests of what is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from caiso_ads.core.answers import Answer, AnswerKind
from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch, LoadFollowingResult, MssLfRequest, MssLfResponse
from caiso_ads.errors import UnreachableError
from tests.fakes import START, FakeClock, ScriptedSource, batch

CLOSES = START + timedelta(minutes=10)
WORDS = {AnswerKind.ACCEPT: "ACCEPT", AnswerKind.DECLINE: "DECLINE", AnswerKind.PARTIAL: "PARTIAL"}


def hourly(uid: str = "H", *, count: int = 1, mw: float = 80.0, schedule: float = 80.0) -> DispatchBatch:
    """Return an active hourly batch whose window ends ten minutes after START."""
    made = batch(
        uid, dots={f"R{number}": mw for number in range(1, count + 1)}, start=START + timedelta(hours=1),
        batch_type=BatchType.HOURLY_PRE_DISPATCH, status=BatchStatus.ACTIVE,
    )  # fmt: skip
    rows = tuple(
        replace(row, status_code=BatchStatus.ACTIVE, hourly_mw=schedule, instruction_type=InstructionType.DOT)
        for row in made.instructions
    )
    return replace(made, batch_expires=CLOSES, instructions=rows)


def given(of: DispatchBatch, kind: AnswerKind = AnswerKind.ACCEPT, **more: Any) -> Answer:
    """Return a decided answer of alice to the first instruction of a batch."""
    row = of.instructions[0]
    reason = None if kind is AnswerKind.ACCEPT else ReasonCode.UNIT_DERATE
    made = Answer(
        0, of.batch_uid, row.instruction_uid, row.resource_id, row.revision_number, kind, "alice", START,
        of.batch_expires, reason_code=reason, mw=50.0 if kind is AnswerKind.PARTIAL else None,
    )  # fmt: skip
    return replace(made, **more)


@dataclass
class FakeIso(ScriptedSource):
    """Reads like ScriptedSource, takes answers. ``ledger`` is what arrived and was booked.

    ``lose`` drops the next answer ``before`` or ``after`` it was booked; ``code`` is what it returns instead of success,
    without booking; ``hide`` keeps what was booked from being read back.
    """

    ledger: list[tuple[str, str]] = field(default_factory=list)
    submitted: list[MssLfRequest] = field(default_factory=list)
    lose: str = ""
    code: ResponseResult = ResponseResult.RC_SUCCESS
    hide: bool = False

    async def accept(self, batch_uid: str, instruction_uid: str) -> ResponseResult:
        return await self._answer(batch_uid, instruction_uid, AnswerKind.ACCEPT, None, None)

    async def decline(self, batch_uid: str, instruction_uid: str, reason: ReasonCode) -> ResponseResult:
        return await self._answer(batch_uid, instruction_uid, AnswerKind.DECLINE, None, reason)

    async def partial_accept(
        self, batch_uid: str, instruction_uid: str, accept_dot_mw: float, reason: ReasonCode
    ) -> ResponseResult:
        return await self._answer(batch_uid, instruction_uid, AnswerKind.PARTIAL, accept_dot_mw, reason)

    async def submit_mss_lf_request(self, request: MssLfRequest) -> MssLfResponse:
        await self._called("mss", request.sc_mss_batch_id)
        self.submitted.append(request)
        if self.lose:
            raise UnreachableError("reset")
        results = tuple(
            LoadFollowingResult(
                caiso_mss_batch_id="C1", caiso_instruction_id=f"C1-{number}", sc_mss_batch_id=row.sc_mss_batch_id,
                sc_instruction_id=row.sc_instruction_id, validated=row.load_following_mw < 100.0,
            )
            for number, row in enumerate(request.requests)
        )  # fmt: skip
        return MssLfResponse(caiso_mss_batch_id="C1", sc_mss_batch_id=request.sc_mss_batch_id, results=results)

    async def _answer(
        self, batch_uid: str, instruction_uid: str, kind: AnswerKind, mw: float | None, reason: ReasonCode | None
    ) -> ResponseResult:
        await self._called(kind.value, instruction_uid)
        if self.lose == "before":
            self.lose = ""
            raise UnreachableError("reset before it arrived")
        if self.code is not ResponseResult.RC_SUCCESS:
            return self.code
        self.ledger.append((kind.value, instruction_uid))
        if not self.hide:
            self._book(batch_uid, instruction_uid, WORDS[kind], mw, reason)
        if self.lose == "after":
            self.lose = ""
            raise UnreachableError("reset before the reply")
        return ResponseResult.RC_SUCCESS

    def _book(self, batch_uid: str, uid: str, word: str, mw: float | None, reason: ReasonCode | None) -> None:
        for place, item in enumerate(self.batches):
            if isinstance(item, DispatchBatch) and item.batch_uid == batch_uid:
                rows = tuple(
                    replace(row, accept_status=word, accept_dot_mw=mw, reason_code=reason)
                    if row.instruction_uid == uid
                    else row
                    for row in item.instructions
                )
                self.batches[place] = replace(item, instructions=rows, revision_no=item.revision_no + 1)

    def sent(self) -> list[str]:
        """Return which answers were sent, booked or not."""
        return [operation for operation, _ in self.calls if operation in WORDS]


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Bomb:
    """Explodes at the n-th step; each call of a port is two, before it and after it. ``steps`` counts."""

    at: int = 0
    steps: int = 0

    def guard(self, port: Any) -> Any:
        """Return the port with the bomb at each of its calls."""
        return _Guarded(port, self)

    def step(self) -> None:
        """Go one step further, or die."""
        self.steps += 1
        if self.steps == self.at:
            raise Killed


class _Guarded:
    def __init__(self, port: Any, bomb: Bomb) -> None:
        self._port, self._bomb = port, bomb

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._port, name)

        async def guarded(*args: Any, **more: Any) -> Any:
            self._bomb.step()
            result = await call(*args, **more)
            self._bomb.step()
            return result

        return guarded


def iso_of(*batches: DispatchBatch, clock: FakeClock) -> FakeIso:
    """Return an ISO with these batches."""
    return FakeIso(batches=list(batches), clock=clock)
