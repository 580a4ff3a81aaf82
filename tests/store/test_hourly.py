"""What takes answers, read beside the gateway: the newest revision, the answers to it, and no guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, BatchType, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import StoreError
from caiso_ads.ports import Receipt
from caiso_ads.store.engine import connect_writer
from caiso_ads.store.hourly import NEWEST, HourlyReader
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import encode
from tests.store.making import LATER, NOON, StillClock, a_batch, answer

SINCE = NOON - timedelta(hours=1)


def _hourly(uid: str = "DISP-1", revision: int = 0, **changes: object) -> DispatchBatch:
    found = replace(
        a_batch(uid, revision=revision),
        batch_type=BatchType.HOURLY_PRE_DISPATCH,
        batch_status=BatchStatus.ACTIVE,
        batch_expires=LATER,
    )
    return replace(found, **changes)  # type: ignore[arg-type] # fields of a noun, checked where they are read


def _given(**changes: object) -> Answer:
    found = Answer(
        0, "DISP-1", "DISP-1-I0", "UNIT_0", 0, AnswerKind.PARTIAL, "ann", NOON, LATER, 3.5, ReasonCode.UNIT_DERATE
    )
    return replace(found, **changes)  # type: ignore[arg-type] # as above


@pytest.fixture
async def store(path: Path) -> SqlStore:
    return await SqlStore.open(path, StillClock())


async def test_only_batches_that_take_answers_are_read_and_each_instruction_is_a_row(store: SqlStore) -> None:
    for batch in (a_batch("DISP-0"), _hourly(), _hourly("DISP-2", batch_type=BatchType.HOURLY_AS_AWARDS)):
        await store.record_batch(answer(batch), acknowledge=False)
    with HourlyReader(store.path) as reader:
        found = reader.asked(SINCE)
        later = reader.asked(LATER)
    assert [row.instruction.instruction_uid for row in found.rows] == [
        "DISP-1-I0", "DISP-1-I1", "DISP-2-I0", "DISP-2-I1",
    ]  # fmt: skip
    assert (found.rows[0].batch, found.rows[0].stored_at, found.damaged) == (_hourly(), NOON, 0)
    assert later.rows == ()
    await store.close()


async def test_the_newest_revision_stands_and_a_newer_header_overrules_its_status(store: SqlStore) -> None:
    await store.record_batch(answer(_hourly(revision=1)), acknowledge=False)
    await store.record_batch(answer(_hourly(revision=0)), acknowledge=False)
    for revision, status in ((3, BatchStatus.EMERGENCY_CANCELLED), (0, BatchStatus.CLOSED)):
        header = replace(_hourly(revision=revision), batch_status=status, batch_expires=NOON, instructions=())
        await store.record_batch(Receipt("getBatchHeader", "DISP-1", encode(header), NOON, header), acknowledge=False)
    with HourlyReader(store.path) as reader:
        [row, _] = reader.asked(SINCE).rows
    assert (row.batch.revision_no, row.batch.batch_status) == (3, BatchStatus.EMERGENCY_CANCELLED)
    assert row.batch.batch_expires == NOON
    await store.close()


async def test_answers_are_read_as_they_were_written(store: SqlStore) -> None:
    await store.record_batch(answer(_hourly()), acknowledge=False)
    first = await store.record_answer(_given(), {})
    await store.mark_sending(first.answer_id, NOON)
    code = ResponseResult.RC_INVALID_RESPONSE
    await store.settle_answer(first.answer_id, AnswerState.REFUSED, result=code, text="no", at=NOON)
    second = await store.record_answer(_given(kind=AnswerKind.ACCEPT, mw=None, reason_code=None, closes_at=None), {})
    with HourlyReader(store.path) as reader:
        mine, other = reader.asked(SINCE).rows
        assert reader.answers(LATER) == []
    assert mine.answers == tuple(await store.answers_of("DISP-1-I0"))
    assert (mine.answers[0].state, mine.answers[0].result, mine.answers[1]) == (AnswerState.REFUSED, code, second)
    assert other.answers == ()
    await store.close()


@pytest.mark.parametrize("change", ["body = zeroblob(9)", "corrupt = 1", "body = x'61', sha256 = zeroblob(32)"])
async def test_a_damaged_copy_is_counted_and_not_shown(store: SqlStore, change: str) -> None:
    await store.record_batch(answer(_hourly()), acknowledge=False)
    await store.close()
    db = connect_writer(store.path)
    db.execute(f"UPDATE payload SET {change}")
    db.close()
    with HourlyReader(store.path) as reader:
        found = reader.asked(SINCE)
    assert (found.rows, found.damaged) == ((), 1)


async def test_a_database_of_before_answers_has_none(store: SqlStore) -> None:
    await store.record_batch(answer(_hourly()), acknowledge=False)
    await store.close()
    db = connect_writer(store.path)
    db.execute("DROP VIEW v_answer")
    db.execute("DROP TABLE answer")
    db.close()
    with HourlyReader(store.path) as reader:
        assert [row.answers for row in reader.asked(SINCE).rows] == [(), ()]


def test_a_database_that_is_none_of_ours_is_refused(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("no database, but long enough to look like one" * 20)
    with pytest.raises(StoreError, match="cannot be"), HourlyReader(path) as reader:
        reader.asked(SINCE)


async def test_pages_give_the_newest_hour_first_and_each_instruction_once(store: SqlStore) -> None:
    for n in range(25):
        start = NOON + timedelta(hours=n % 7)
        await store.record_batch(answer(_hourly(f"DISP-{n}", start_time=start)), acknowledge=False)
    with HourlyReader(store.path) as reader:
        whole = list(reader.newest(NEWEST, SINCE))
        assert [place for place, _ in whole] == sorted(
            (place for place, _ in whole), key=lambda at: (-at[0], -at[1], at[2])
        )
        assert len({row.instruction.instruction_uid for _, row in whole}) == len(whole) == 50
        assert {row.instruction.instruction_uid for _, row in whole} == {
            row.instruction.instruction_uid for row in reader.asked(SINCE).rows
        }
        for at in (0, 1, 30, 49):
            assert list(reader.newest(whole[at][0], SINCE)) == whole[at + 1 :]
        assert list(reader.newest(NEWEST, LATER)) == []
    await store.close()


async def test_a_page_knows_the_newer_header_and_the_answers(store: SqlStore) -> None:
    await store.record_batch(answer(_hourly(revision=1)), acknowledge=False)
    header = replace(_hourly(revision=3), batch_status=BatchStatus.CLOSED, instructions=())
    await store.record_batch(Receipt("getBatchHeader", "DISP-1", encode(header), NOON, header), acknowledge=False)
    given = await store.record_answer(_given(), {})
    with HourlyReader(store.path) as reader:
        (_, first), (_, second) = reader.newest(NEWEST, SINCE)
    assert (first.batch.revision_no, first.batch.batch_status) == (3, BatchStatus.CLOSED)
    assert (first.answers, second.answers) == ((given,), ())
    await store.close()
