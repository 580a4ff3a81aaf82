"""The simulator as a witness of answers: what arrived, for which revision of the ISO, and whether any came twice."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from caiso_ads.core.codes import BatchType, ResponseResult
from caiso_ads.errors import ConfigError
from caiso_ads.simulator.answered import answered_twice, given, given_in
from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.fleet import BACKUP, OPERATOR, VIEWER
from caiso_ads.simulator.responses import Answer, respond, validate
from tests.simulator.bench import Bench, HandClock, told
from tests.simulator.caller import calling, serving

OPEN = datetime(2026, 7, 22, 19, 58, tzinfo=UTC)
TIE = "NORTIE_5_IMPRT1"


def _opened(*, validation_revises: bool = False) -> tuple[Bench, str, str]:
    bench = Bench(OPEN, validation_revises=validation_revises)
    entry = bench.market.newest(BatchType.HOURLY_PRE_DISPATCH)
    assert entry is not None
    return bench, entry.uid, told(entry.full(), TIE).instruction_uid


def test_a_second_answer_to_the_same_content_is_found_though_the_first_bumped_the_number() -> None:
    bench, uid, instruction = _opened()
    respond(bench.market, bench.who(), Answer(uid, instruction))
    assert answered_twice(given(bench.ledger)) == []
    respond(bench.market, bench.who(BACKUP), Answer(uid, instruction, 11))
    assert told(bench.batch(uid), TIE).revision_number == 2
    assert [(each.revision, each.said, each.common_name) for each in given(bench.ledger)] == [
        (0, "ACCEPT", OPERATOR),
        (0, "DECLINE", BACKUP),
    ]
    assert answered_twice(given(bench.ledger)) == [(instruction, 0)]


def test_an_answer_to_a_revision_of_the_iso_is_another_answer() -> None:
    bench, uid, instruction = _opened()
    respond(bench.market, bench.who(), Answer(uid, instruction))
    bench.market.revise(uid, TIE, 7.0)
    respond(bench.market, bench.who(), Answer(uid, instruction))
    assert [each.revision for each in given(bench.ledger)] == [0, 2]
    assert answered_twice(given(bench.ledger)) == []


def test_a_receipt_that_bumps_the_number_makes_no_new_content() -> None:
    bench, uid, instruction = _opened(validation_revises=True)
    respond(bench.market, bench.who(), Answer(uid, instruction))
    validate(bench.market, bench.who(), uid, bench.clock.now().wall)
    respond(bench.market, bench.who(), Answer(uid, instruction))
    assert answered_twice(given(bench.ledger)) == [(instruction, 0)]


def test_a_refused_answer_arrived_and_is_no_answer() -> None:
    bench, uid, instruction = _opened()
    respond(bench.market, bench.who(VIEWER), Answer(uid, instruction))
    respond(bench.market, bench.who(), Answer(uid, instruction, 15))
    respond(bench.market, bench.who(), Answer("DISP-0", instruction))
    respond(bench.market, bench.who(), Answer(uid, instruction, 11, 1.0))
    answers = given(bench.ledger)
    assert [int(each.result) for each in answers] == [5, 1, 3, 0]
    assert [each.revision for each in answers] == [0, 0, -1, 0]
    assert [each.taken for each in answers] == [False, False, False, True]
    assert answered_twice(answers) == []


@pytest.mark.parametrize(("kind", "applied"), [("lost-answer", True), ("lost-request", False)])
async def test_a_caller_cannot_tell_a_lost_answer_from_a_lost_request(
    tmp_path: Path, kind: str, *, applied: bool
) -> None:
    file = tmp_path / "ledger.jsonl"
    async with serving(clock=HandClock(OPEN), ledger_file=file) as iso, calling(iso) as caller:
        entry = iso.market.newest(BatchType.HOURLY_PRE_DISPATCH)
        assert entry is not None
        instruction = told(entry.full(), TIE).instruction_uid
        iso.faults.add(Fault(kind, "acceptInstruction"))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await caller.call("acceptInstruction", batchUID=entry.uid, instructionUID=instruction)
        [call] = iso.ledger.of("acceptInstruction")
        assert (call.fault, call.result) == (kind, "0" if applied else "")
        assert told(entry.full(), TIE).accept_status == ("ACCEPT" if applied else None)
        again = await caller.call("acceptInstruction", batchUID=entry.uid, instructionUID=instruction)
        assert again.result == "0"
        assert given_in(file) == given(iso.ledger)
        assert len(answered_twice(given(iso.ledger))) == int(applied)


def test_a_file_cut_off_by_a_kill_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    line = (
        '{"operation": "response", "uid": "I", "common_name": "A", "arguments": ["B", "0", "ACCEPT"], "result": "2"}\n'
    )
    file = tmp_path / "ledger.jsonl"
    file.write_text('{"operation": "issue", "uid": "B"}\n' + line + line[:20], "utf-8")
    [answer] = given_in(file)
    assert (answer.instruction_uid, answer.result) == ("I", ResponseResult.RC_INVALID_RESPONSE_PERIOD)
    with pytest.raises(ConfigError, match="cannot read the ledger"):
        given_in(tmp_path / "none")
