"""What one commit writes for an answer: its row as it now stands, and the audit row that tells how it came there.

Rule: each function runs inside the transaction of its caller. An answer that may have left is never again one that may
be sent, and an answer that was never on its way is never confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from caiso_ads.core.answers import OCCUPIED, OPEN, Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import ReasonCode, ResponseResult
from caiso_ads.errors import CommandError, StoreError
from caiso_ads.ports.answers import Fact
from caiso_ads.store.answers_schema import OCCUPIED_WORDS, answer
from caiso_ads.store.audit import GATEWAY, append

_OPEN_WORDS = [state.value for state in OPEN]


def record(db: Connection, given: Answer, origin: Mapping[str, object]) -> Answer:
    """Write a new answer; raises CommandError where another one stands for the same revision."""
    if given.state in OCCUPIED:
        _refuse_second(db, given)
    values = {
        "batch_uid": given.batch_uid,
        "instruction_uid": given.instruction_uid,
        "resource_id": given.resource_id,
        "revision_no": given.revision_no,
        "kind": given.kind.value,
        "who": given.who,
        "given_at": given.given_at,
        "closes_at": given.closes_at,
        "mw": given.mw,
        "reason_code": given.reason_code,
        "state": given.state.value,
        "result": given.result,
        "text": given.text,
        "seconded_by": given.seconded_by,
    }
    made = db.execute(insert(answer), values).inserted_primary_key
    assert made is not None
    found = replace(given, answer_id=made[0])
    append(db, [_fact(found, given.given_at, given.who, _said(found), origin)])
    return found


def second(db: Connection, answer_id: int, who: str, at: datetime, origin: Mapping[str, object]) -> Answer:
    """Write the second person's consent; raises CommandError for the same person, or where none is waited for."""
    found = _get(db, answer_id)
    if found is None:
        raise CommandError(f"there is no answer {answer_id}", cure="see `caiso-ads instructions list`")
    if found.state is not AnswerState.PROPOSED:
        raise CommandError(f"answer {answer_id} does not wait for a second person: it is {found.state.value}")
    if who.strip().casefold() == found.who.strip().casefold():
        raise CommandError(f"{found.who} gave this answer; another person must agree to it", field="who")
    agreed = replace(found, state=AnswerState.DECIDED, seconded_by=who)
    _change(db, agreed)
    append(db, [replace(_fact(agreed, at, who, _said(agreed), origin), kind="answer seconded")])
    return agreed


def mark_sending(db: Connection, answer_id: int, at: datetime) -> None:
    """Write that it may be on its way; raises StoreError unless it is DECIDED."""
    found = _existing(db, answer_id)
    if found.state is not AnswerState.DECIDED:
        raise StoreError(f"answer {answer_id} must not be sent: it is {found.state.value}")
    sending = replace(found, state=AnswerState.SENDING)
    _change(db, sending, sending_at=at)
    append(db, [_fact(sending, at, GATEWAY, _said(sending), {})])


def settle(
    db: Connection, answer_id: int, state: AnswerState, *, result: ResponseResult | None, text: str, at: datetime
) -> None:
    """Write what became of it. The same end once more changes nothing; raises StoreError for any other change."""
    found = _existing(db, answer_id)
    if (found.state, found.result, found.text) == (state, result, text):
        return
    never_left = state is AnswerState.CONFIRMED and found.state is not AnswerState.SENDING
    if state in OPEN or found.state not in OPEN or never_left:
        raise StoreError(f"answer {answer_id} is {found.state.value} and cannot become {state.value}")
    ended = replace(found, state=state, result=result, text=text)
    _change(db, ended, settled_at=at)
    append(db, [_fact(ended, at, GATEWAY, text or _said(ended), {})])


def open_answers(db: Connection) -> list[Answer]:
    """Return the answers that still change, oldest first."""
    found = db.execute(select(answer).where(answer.c.state.in_(_OPEN_WORDS)).order_by(answer.c.id)).mappings()
    return [_answer(row) for row in found]


def answers_of(db: Connection, instruction_uid: str) -> list[Answer]:
    """Return every answer to an instruction, oldest first."""
    of_it = answer.c.instruction_uid == instruction_uid
    return [_answer(row) for row in db.execute(select(answer).where(of_it).order_by(answer.c.id)).mappings()]


def _refuse_second(db: Connection, given: Answer) -> None:
    same = (answer.c.instruction_uid == given.instruction_uid) & (answer.c.revision_no == given.revision_no)
    row = db.execute(select(answer).where(same, answer.c.state.in_(OCCUPIED_WORDS))).mappings().first()
    if row is None:
        return
    first = _answer(row)
    when = first.given_at.isoformat(timespec="seconds")
    raise CommandError(
        f"{first.who} was first: {first.kind.value} at {when} is {first.state.value}",
        field=given.instruction_uid,
        cure="see `caiso-ads instructions list`; one answer of a revision can stand",
    )


def _change(db: Connection, now: Answer, **times: datetime) -> None:
    values = {"state": now.state.value, "result": now.result, "text": now.text, "seconded_by": now.seconded_by, **times}
    db.execute(update(answer).where(answer.c.id == now.answer_id).values(values))


def _existing(db: Connection, answer_id: int) -> Answer:
    found = _get(db, answer_id)
    if found is None:
        raise StoreError(f"there is no answer {answer_id}")
    return found


def _get(db: Connection, answer_id: int) -> Answer | None:
    row = db.execute(select(answer).where(answer.c.id == answer_id)).mappings().one_or_none()
    return None if row is None else _answer(row)


def _said(given: Answer) -> str:
    mw = "" if given.mw is None else f" {given.mw:g} MW"
    reason = "" if given.reason_code is None else f", {given.reason_code.label}"
    return f"{given.kind.value}{mw}{reason}"


def _fact(given: Answer, at: datetime, who: str, text: str, origin: Mapping[str, object]) -> Fact:
    detail = {
        **origin,
        "answer": given.answer_id,
        "answer_kind": given.kind.value,
        "revision_no": given.revision_no,
        "mw": given.mw,
        "reason_code": None if given.reason_code is None else int(given.reason_code),
        "closes_at": None if given.closes_at is None else given.closes_at.isoformat(),
        "given_by": given.who,
        "seconded_by": given.seconded_by,
        "result": None if given.result is None else int(given.result),
    }
    kind = f"answer {given.state.value}"
    return Fact(kind, at, who, text, given.resource_id, given.batch_uid, given.instruction_uid, detail)


def _answer(row: RowMapping) -> Answer:
    return Answer(
        answer_id=row["id"],
        batch_uid=row["batch_uid"],
        instruction_uid=row["instruction_uid"],
        resource_id=row["resource_id"],
        revision_no=row["revision_no"],
        kind=AnswerKind(row["kind"]),
        who=row["who"],
        given_at=row["given_at"],
        closes_at=row["closes_at"],
        mw=row["mw"],
        reason_code=None if row["reason_code"] is None else ReasonCode(row["reason_code"]),
        state=AnswerState(row["state"]),
        result=None if row["result"] is None else ResponseResult(row["result"]),
        text=row["text"],
        seconded_by=row["seconded_by"],
    )
