"""The life of an instruction: every step in order, with its latency, and nothing that was not recorded."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import ResponseResult
from caiso_ads.ports.answers import Fact
from caiso_ads.store.evidence_reader import EvidenceReader, Found
from caiso_ads.store.life import Step, steps
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, a_batch, answer
from tests.store.test_evidence_reader import behind

SECOND = timedelta(seconds=1)
RECEIVED = NOON - 2 * SECOND


def at(seconds: float) -> timedelta:
    return seconds * SECOND


async def fill(store: SqlStore) -> None:
    """An instruction that was stored, seen, read, acknowledged and accepted; and another one of its batch."""
    made = await store.record_batch(answer(a_batch(), at=RECEIVED), acknowledge=True)
    read = {"sink": "modbus", "client": "10.0.0.5", "unit": 1, "snapshot": 7}
    await store.append_facts(
        [
            Fact("seen", NOON + at(0.1), "modbus", "shown", None, "DISP-1", "", {"snapshot": 7}),
            Fact("read", NOON + at(0.4), "10.0.0.5", "first read", None, "DISP-1", "", read),
        ]
    )
    assert made.intent is not None
    await store.settle_intent(made.intent.intent_id, result="ok", done=True, at=NOON + at(0.2))
    for n, who in ((0, "alice"), (1, "bob")):
        said = Answer(0, "DISP-1", f"DISP-1-I{n}", f"UNIT_{n}", 0, AnswerKind.ACCEPT, who, NOON + at(10))
        number = (await store.record_answer(said, {})).answer_id
        await store.mark_sending(number, NOON + at(11))
        result = ResponseResult.RC_SUCCESS
        await store.settle_answer(number, AnswerState.CONFIRMED, result=result, text="taken", at=NOON + at(12.5))


def life(store: SqlStore, uid: str = "DISP-1-I0") -> list[Step]:
    with EvidenceReader(store.path) as reader:
        found = reader.instruction(uid)
    assert isinstance(found, Found)
    return steps(found)


async def test_every_step_has_its_time_and_latency(store: SqlStore) -> None:
    await fill(store)
    assert [(step.what, step.who, step.after_s) for step in life(store)] == [
        ("received", "ISO", 0.0),
        ("stored", "caiso-ads", 2.0),
        ("seen", "modbus", 2.1),
        ("acknowledged", "caiso-ads", 2.2),
        ("read", "10.0.0.5", 2.4),
        ("answer decided", "alice", 12.0),
        ("answer sending", "caiso-ads", 13.0),
        ("answer confirmed", "caiso-ads", 14.5),
    ]
    assert all(step.intact for step in life(store))
    assert life(store)[0].text == "UNIT_0, DOT 25 MW"
    assert life(store)[4].detail["unit"] == 1


async def test_the_row_of_the_loop_takes_the_place_of_the_outbox(store: SqlStore) -> None:
    await fill(store)
    await store.append_facts([Fact("acknowledged", NOON + at(0.3), "caiso-ads", "ok", None, "DISP-1")])
    found = [(step.source, step.after_s) for step in life(store) if step.what == "acknowledged"]
    assert found == [("chain 10", 2.3)]


async def test_an_altered_row_is_marked_whatever_stands_in_it(store: SqlStore) -> None:
    await fill(store)
    behind(store, "UPDATE audit SET at = 'never', detail = x'00', who = 7 WHERE kind = 'seen'")
    (bad,) = [step for step in life(store) if not step.intact]
    assert (bad.what, bad.at, bad.who, bad.detail) == ("seen", RECEIVED, "7", {})


async def test_without_rows_of_evidence_the_payload_and_the_outbox_tell(store: SqlStore) -> None:
    await fill(store)
    raw = sqlite3.connect(store.path)
    raw.execute("DELETE FROM audit_subject")
    raw.commit()
    raw.close()
    assert [step.what for step in life(store)] == ["received", "acknowledged"]
