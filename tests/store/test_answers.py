"""An answer of a revision stands once, whoever is second; each of its steps is one commit with its audit row."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from caiso_ads.core.answers import OCCUPIED, OPEN, Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import ReasonCode, ResponseResult
from caiso_ads.errors import CommandError, StoreError
from caiso_ads.ports.answers import AnswerStore
from caiso_ads.store.chain import first_broken
from caiso_ads.store.sqlite import SqlStore
from tests.answer_fakes import MemoryAnswers
from tests.store.making import NOON, StillClock, ask

ORIGIN = {"command": "c1", "host": "h"}
MINUTE = timedelta(minutes=1)
ONE = Answer(
    0, "HASP-1", "HASP-1-I0", "UNIT_0", 2, AnswerKind.PARTIAL, "alice", NOON, NOON + 5 * MINUTE, 12.5,
    ReasonCode.UNIT_DERATE,
)  # fmt: skip
OTHERS = [state for state in AnswerState if state not in OPEN]


@pytest.fixture(params=["sqlite", "memory"])
def answers(request: pytest.FixtureRequest) -> AnswerStore:
    """Both stores must keep the same promises, or the tests of the loop prove nothing."""
    if request.param == "memory":
        return MemoryAnswers()
    found: AnswerStore = request.getfixturevalue("store")
    return found


async def settle(answers: AnswerStore, answer_id: int, state: AnswerState, text: str = "") -> None:
    await answers.settle_answer(answer_id, state, result=None, text=text, at=NOON)


async def in_state(answers: AnswerStore, state: AnswerState) -> Answer:
    """Bring an answer to a state by the steps that lead there."""
    first = AnswerState.PROPOSED if state is AnswerState.PROPOSED else AnswerState.DECIDED
    made = await answers.record_answer(replace(ONE, state=first), ORIGIN)
    if state in {AnswerState.PROPOSED, AnswerState.DECIDED}:
        return made
    await answers.mark_sending(made.answer_id, NOON)
    if state is not AnswerState.SENDING:
        await settle(answers, made.answer_id, state)
    return replace(made, state=state)


async def test_its_way_from_the_decision_to_the_result(answers: AnswerStore) -> None:
    made = await answers.record_answer(ONE, ORIGIN)
    assert made == replace(ONE, answer_id=1)
    assert list(await answers.open_answers()) == [made]
    await answers.mark_sending(1, NOON + MINUTE)
    assert [item.state for item in await answers.open_answers()] == [AnswerState.SENDING]
    result = ResponseResult.RC_SUCCESS
    await answers.settle_answer(1, AnswerState.CONFIRMED, result=result, text="taken", at=NOON + 2 * MINUTE)
    ended = replace(made, state=AnswerState.CONFIRMED, result=result, text="taken")
    assert list(await answers.answers_of("HASP-1-I0")) == [ended]
    assert list(await answers.open_answers()) == []
    assert list(await answers.answers_of("HASP-1-I1")) == []


@pytest.mark.parametrize("state", list(AnswerState))
async def test_only_one_answer_of_a_revision_stands(answers: AnswerStore, state: AnswerState) -> None:
    await in_state(answers, state)
    other = replace(ONE, kind=AnswerKind.ACCEPT, who="bob", mw=None, reason_code=None)
    if state in OCCUPIED:
        with pytest.raises(CommandError, match=f"alice was first: partial .*is {state.value}"):
            await answers.record_answer(other, ORIGIN)
        assert len(await answers.answers_of("HASP-1-I0")) == 1
    else:
        assert (await answers.record_answer(other, ORIGIN)).answer_id == 2
    assert (await answers.record_answer(replace(other, revision_no=3), ORIGIN)).revision_no == 3


async def test_of_fifty_at_once_one_wins(answers: AnswerStore) -> None:
    tries = [answers.record_answer(replace(ONE, who=f"operator {n}"), ORIGIN) for n in range(50)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert len([one for one in ended if isinstance(one, Answer)]) == 1
    assert len([one for one in ended if isinstance(one, CommandError)]) == 49


async def test_what_a_dry_run_would_have_sent_keeps_nobody_from_answering(answers: AnswerStore) -> None:
    dry = replace(ONE, who="policy", state=AnswerState.DRY_RUN)
    await answers.record_answer(ONE, ORIGIN)
    await answers.record_answer(dry, ORIGIN)
    await answers.record_answer(dry, ORIGIN)
    assert [item.state for item in await answers.open_answers()] == [AnswerState.DECIDED]


async def test_a_second_person_agrees(answers: AnswerStore) -> None:
    await in_state(answers, AnswerState.PROPOSED)
    with pytest.raises(StoreError, match="must not be sent: it is proposed"):
        await answers.mark_sending(1, NOON)
    for same in ("alice", "Alice "):
        with pytest.raises(CommandError, match="another person must agree"):
            await answers.second_answer(1, same, NOON, ORIGIN)
    agreed = await answers.second_answer(1, "bob", NOON, ORIGIN)
    assert (agreed.state, agreed.who, agreed.seconded_by) == (AnswerState.DECIDED, "alice", "bob")
    with pytest.raises(CommandError, match="does not wait for a second person: it is decided"):
        await answers.second_answer(1, "carol", NOON, ORIGIN)
    with pytest.raises(CommandError, match="there is no answer 7"):
        await answers.second_answer(7, "carol", NOON, ORIGIN)


@pytest.mark.parametrize("state", [state for state in AnswerState if state is not AnswerState.DECIDED])
async def test_only_what_was_decided_is_sent_and_only_once(answers: AnswerStore, state: AnswerState) -> None:
    await in_state(answers, state)
    with pytest.raises(StoreError, match=f"must not be sent: it is {state.value}"):
        await answers.mark_sending(1, NOON)


@pytest.mark.parametrize("state", OTHERS)
async def test_an_end_is_an_end(answers: AnswerStore, state: AnswerState) -> None:
    await in_state(answers, state)
    await settle(answers, 1, state)  # the same once more, as after a commit whose outcome was not known
    for other in AnswerState:
        if other is not state:
            with pytest.raises(StoreError, match=f"is {state.value} and cannot become {other.value}"):
                await settle(answers, 1, other)


async def test_what_never_left_is_not_confirmed_and_may_expire(answers: AnswerStore) -> None:
    await in_state(answers, AnswerState.DECIDED)
    with pytest.raises(StoreError, match="is decided and cannot become confirmed"):
        await settle(answers, 1, AnswerState.CONFIRMED)
    await settle(answers, 1, AnswerState.EXPIRED, "the window closed")
    assert list(await answers.open_answers()) == []


async def test_an_answer_that_is_not_there(answers: AnswerStore) -> None:
    with pytest.raises(StoreError, match="there is no answer 1"):
        await answers.mark_sending(1, NOON)
    with pytest.raises(StoreError, match="there is no answer 1"):
        await settle(answers, 1, AnswerState.LOST)


def two_of_a_revision(store: SqlStore) -> None:
    raw = sqlite3.connect(store.path, isolation_level=None)
    try:
        columns = "batch_uid, instruction_uid, resource_id, revision_no, kind, who, given_at, state, text, seconded_by"
        raw.execute(f"INSERT INTO answer ({columns}) SELECT {columns} FROM answer")
    finally:
        raw.close()


async def test_the_database_itself_refuses_the_second(store: SqlStore) -> None:
    await store.record_answer(ONE, ORIGIN)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        two_of_a_revision(store)


async def test_each_step_has_its_audit_row_in_its_commit(store: SqlStore) -> None:
    await in_state(store, AnswerState.PROPOSED)
    await store.second_answer(1, "bob", NOON + MINUTE, {"command": "c2"})
    await store.mark_sending(1, NOON + 2 * MINUTE)
    done = ResponseResult.RC_UNAUTHORIZED
    await store.settle_answer(1, AnswerState.REFUSED, result=done, text="not authorized", at=NOON + 3 * MINUTE)
    with pytest.raises(StoreError):
        await store.mark_sending(1, NOON)
    rows = await store.audit_rows(0, 10)
    assert [(row.kind, row.who, row.resource, row.text) for row in rows] == [
        ("answer proposed", "alice", "UNIT_0", "partial 12.5 MW, unit derate"),
        ("answer seconded", "bob", "UNIT_0", "partial 12.5 MW, unit derate"),
        ("answer sending", "caiso-ads", "UNIT_0", "partial 12.5 MW, unit derate"),
        ("answer refused", "caiso-ads", "UNIT_0", "not authorized"),
    ]
    assert [row.at for row in rows] == [NOON + n * MINUTE for n in range(4)]
    assert '"command":"c2"' in rows[1].detail
    assert '"result":5' in rows[3].detail
    assert first_broken(rows) is None
    assert ask(store, "SELECT uid, count(*) FROM audit_subject GROUP BY uid") == [("HASP-1", 4), ("HASP-1-I0", 4)]
    shown = "state, result_name, sending_at, settled_at"
    assert ask(store, f"SELECT {shown} FROM v_answer") == [
        ("refused", "rc unauthorized", "2026-07-21T12:02:00.000Z", "2026-07-21T12:03:00.000Z")
    ]


async def test_open_answers_come_back_after_a_restart(store: SqlStore) -> None:
    await in_state(store, AnswerState.SENDING)
    await store.close()
    again = await SqlStore.open(store.path, StillClock())
    assert [item.state for item in await again.open_answers()] == [AnswerState.SENDING]
    await again.close()


@pytest.mark.parametrize("change", [{"kind": "maybe"}, {"state": "perhaps"}])
async def test_the_database_knows_the_words(store: SqlStore, change: dict[str, Any]) -> None:
    await store.record_answer(ONE, ORIGIN)
    ((name, value),) = change.items()
    raw = sqlite3.connect(store.path)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        raw.execute(f"UPDATE answer SET {name} = ?", (value,))
    raw.close()
