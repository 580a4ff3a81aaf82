"""``caiso-ads instructions`` against the simulator: what it shows, refuses, sends, and says became of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from caiso_ads.cli import main
from caiso_ads.cli._instructions_answer import exit_code
from caiso_ads.config import load_config
from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus
from caiso_ads.loop.commands import Result as Reply
from caiso_ads.loop.commands import Spool
from caiso_ads.simulator.answered import answered_twice, given
from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.fleet import BACKUP, VIEWER
from tests.cli.answering import TIE, Plant, plant

YES = "--yes"


def _row(on: Plant) -> dict[str, object]:
    told = json.loads(on.instructions("list", "--json").stdout)
    return next(row for row in told["instructions"] if row["instruction_uid"] == on.instruction_uid)


def test_an_instruction_is_listed_accepted_and_no_longer_open(tmp_path: Path) -> None:
    with plant(tmp_path) as on:
        listed = on.instructions("list", "--open")
        assert listed.exit_code == 0, listed.output
        for text in (on.instruction_uid, TIE, "40", "20", "1 active", "left", "1 instructions"):
            assert text in listed.stdout
        row = _row(on)
        assert (row["open"], row["dot_mw"], row["min_accept_mw"], row["answers"]) == (True, 40.0, 20.0, [])
        assert 0 < float(str(row["seconds_left"])) <= 600
        done = on.instructions("accept", on.instruction_uid, YES)
        assert done.exit_code == 0, done.output
        assert "confirmed: accepted by the ISO" in done.stdout
        assert f"{TIE}, hour from" in done.stderr
        assert [(each.said, each.taken) for each in given(on.iso.ledger)] == [("ACCEPT", True)]
        assert "no instruction that takes answers" in on.instructions("list", "--open").stdout
        assert ": confirmed" in on.instructions("list").stdout
        again = on.instructions("decline", on.instruction_uid, "--reason", "derate", YES)
        assert again.exit_code == 2
        assert "answered before: accept by " in again.stderr
        assert len(given(on.iso.ledger)) == 1


@pytest.mark.parametrize(
    ("words", "said", "reason", "mw"),
    [
        (("decline", "--reason", "line-down"), "DECLINE", 10, None),
        (("decline", "--reason", "14"), "DECLINE", 14, None),
        (("partial", "--mw", "12.5", "--reason", "Economic"), "PARTIAL", 11, 12.5),
    ],
)
def test_what_was_meant_is_what_the_iso_has(
    tmp_path: Path, words: tuple[str, ...], said: str, reason: int, mw: float | None
) -> None:
    with plant(tmp_path, common_name=BACKUP) as on:
        done = on.instructions(words[0], on.instruction_uid, *words[1:], YES, "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert (told["done"], told["answer"]["state"], told["answer"]["result"]["code"]) == (True, "confirmed", 0)
        entry = on.iso.market.dispatches.get(on.batch_uid)
        assert entry is not None
        row = entry.full().instructions[0]
        assert (row.accept_status, row.reason_code, row.responder) == (said, reason, BACKUP)
        assert mw is None or row.accept_dot_mw == mw


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("decline", "--reason", "15"), "reason: '15' is no reason that may be given; allowed: 10 line-down"),
        (("decline", "--reason", "weather"), "'weather' is no reason"),
        (("partial", "--mw", "40.5", "--reason", "derate"), "mw: 40.5 MW is outside 0 to 40 MW"),
        (("partial", "--mw", "-1", "--reason", "derate"), "mw: -1 MW is outside"),
        (("partial", "--mw", "nan", "--reason", "derate"), "mw: nan MW is outside"),
        (("accept", "--revision", "3"), "revision 3 was shown, revision 0 stands"),
    ],
)
def test_what_the_iso_would_refuse_never_leaves(stocked: Plant, words: tuple[str, ...], named: str) -> None:
    done = stocked.instructions(words[0], stocked.instruction_uid, *words[1:], YES)
    assert done.exit_code == 2
    assert named in done.stderr
    assert given(stocked.iso.ledger) == []


def test_an_instruction_nobody_knows_is_refused(stocked: Plant) -> None:
    done = stocked.instructions("accept", "DISP-0-I1", YES)
    assert done.exit_code == 2
    assert "'DISP-0-I1' is not known here" in done.stderr


def test_without_a_terminal_and_without_yes_nothing_is_sent(stocked: Plant) -> None:
    done = stocked.instructions("accept", stocked.instruction_uid, answer="y\n")
    assert done.exit_code == 2
    assert "give --yes if you mean it" in done.stderr
    assert given(stocked.iso.ledger) == []


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("stocked")) as on:
        yield on


def test_a_revision_that_came_meanwhile_is_refused_and_shown(tmp_path: Path) -> None:
    with plant(tmp_path) as on:
        on.loop.call_soon_threadsafe(on.iso.market.revise, on.batch_uid, TIE, 35.0)
        on.see()
        done = on.instructions("accept", on.instruction_uid, "--revision", "0", YES)
        assert done.exit_code == 2
        assert "revision 0 was shown, revision 1 stands" in done.stderr
        assert on.instructions("accept", on.instruction_uid, "--revision", "1", YES).exit_code == 0
        assert [each.revision for each in given(on.iso.ledger)] == [1]


def test_a_cancelled_batch_takes_no_answer(tmp_path: Path) -> None:
    with plant(tmp_path) as on:
        on.loop.call_soon_threadsafe(on.iso.market.cancel, on.batch_uid)
        on.see()
        done = on.instructions("accept", on.instruction_uid, YES)
        assert (done.exit_code, "cancelled by the ISO" in done.stderr) == (2, True)
        row = _row(on)
        assert (row["open"], row["closes_at"]) == (False, None)
        assert row["batch_status"] == {"code": int(BatchStatus.EMERGENCY_CANCELLED), "name": "EMERGENCY_CANCELLED"}


def test_a_certificate_without_the_role_is_told_in_words(tmp_path: Path) -> None:
    with plant(tmp_path, common_name=VIEWER) as on:
        done = on.instructions("accept", on.instruction_uid, YES)
        assert done.exit_code == 1
        assert "no right to respond" in done.stderr
        assert _row(on)["open"] is True


def test_a_lost_reply_is_settled_by_reading_and_never_sent_again(tmp_path: Path) -> None:
    with plant(tmp_path) as on:
        on.iso.faults.add(Fault("lost-answer", "acceptInstruction"))
        done = on.instructions("accept", on.instruction_uid, YES)
        assert done.exit_code == 0, done.output
        assert "read back" in done.stdout
        assert len(on.iso.ledger.of("acceptInstruction")) == 1
        assert answered_twice(given(on.iso.ledger)) == []


def test_a_request_that_got_lost_is_not_known_yet_and_not_sent_again(tmp_path: Path) -> None:
    with plant(tmp_path) as on:
        on.iso.faults.add(Fault("lost-request", "acceptInstruction"))
        done = on.instructions("accept", on.instruction_uid, YES)
        assert done.exit_code == 3, done.output
        assert "not known yet" in done.stderr
        assert len(on.iso.ledger.of("acceptInstruction")) == 1
        assert given(on.iso.ledger) == []


def test_a_decline_needs_a_second_person_who_is_not_the_first(tmp_path: Path) -> None:
    with plant(tmp_path, two_persons=True) as on:
        proposed = on.instructions("decline", on.instruction_uid, "--reason", "derate", YES)
        assert proposed.exit_code == 0, proposed.output
        assert "a second person must agree" in proposed.stdout
        assert given(on.iso.ledger) == []
        assert "#1 decline, 13 unit-derate by" in on.instructions("list").stdout
        mine = on.instructions("second", "1", YES)
        assert (mine.exit_code, "the second person must be another one" in mine.stderr) == (2, True)
        nobodys = on.instructions("second", "7", YES)
        assert (nobodys.exit_code, "no proposal 7 waits" in nobodys.stderr) == (2, True)


def test_without_a_gateway_nothing_was_done(tmp_path: Path) -> None:
    with plant(tmp_path) as on:
        uid = on.instruction_uid
    Spool(load_config(on.config).store.path).folder.rmdir()
    assert "no instruction" not in on.instructions("list", "--open").stdout  # the store alone tells
    done = on.instructions("accept", uid, YES)
    assert done.exit_code == 2
    assert "no gateway is running" in done.stderr
    text = on.config.read_text("utf-8")
    on.config.write_text(text + "\n[responses]\nread_only = true\n", "utf-8")
    done = on.instructions("accept", uid, YES)
    assert (done.exit_code, "read-only" in done.stderr) == (2, True)


def test_a_damaged_copy_is_counted_and_never_shown(tmp_path: Path) -> None:
    with plant(tmp_path) as on:
        pass
    raw = sqlite3.connect(load_config(on.config).store.path, isolation_level=None)
    raw.execute("UPDATE payload SET body = zeroblob(9)")
    raw.close()
    listed = on.instructions("list")
    assert "no instruction that takes answers" in listed.stdout
    assert "1 batches in the store cannot be read" in listed.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(
    ("typed", "revised", "code", "sent"), [("y\n", False, 0, ["ACCEPT"]), ("n\n", False, 1, []), ("y\n", True, 2, [])]
)
def test_on_a_terminal_one_is_asked_and_a_yes_is_for_what_was_shown(
    tmp_path: Path, typed: str, *, revised: bool, code: int, sent: list[str]
) -> None:
    import pty

    with plant(tmp_path) as on:
        ours, theirs = pty.openpty()
        program = [sys.executable, "-c", "from caiso_ads.cli import main; main()"]
        words = ["instructions", "accept", on.instruction_uid, "--config", str(on.config)]
        child = subprocess.Popen([*program, *words], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stderr is not None
        asked = b""
        while b"Accept all of it?" not in asked and (part := os.read(child.stderr.fileno(), 4096)):
            asked += part
        assert b"DOT 40 MW" in asked
        if revised:
            on.loop.call_soon_threadsafe(on.iso.market.revise, on.batch_uid, TIE, 35.0)
            on.see()
        os.write(ours, typed.encode())
        _, said = child.communicate(timeout=60)
        os.close(ours)
        os.close(theirs)
        assert child.returncode == code, said
        assert (b"revision 0 was shown, revision 1 stands" in said) is revised
        assert [each.said for each in given(on.iso.ledger)] == sent


def test_help_names_the_exit_codes() -> None:
    assert "3: not known yet" in CliRunner().invoke(main, ["instructions", "--help"]).output


@pytest.mark.parametrize(
    ("done", "state", "unanswered", "code"),
    [
        (True, AnswerState.CONFIRMED, False, 0),
        (False, None, False, 2),
        (False, None, True, 3),
        (False, AnswerState.DECIDED, True, 3),
        (False, AnswerState.SENDING, False, 3),
        (False, AnswerState.REFUSED, False, 1),
        (False, AnswerState.EXPIRED, True, 1),
    ],
)
def test_the_exit_code_never_says_that_nothing_was_sent_where_it_may_have_been(
    *, done: bool, state: AnswerState | None, unanswered: bool, code: int
) -> None:
    given_at = datetime(2026, 7, 21, 12, tzinfo=UTC)
    fate = None if state is None else Answer(1, "B", "I", TIE, 0, AnswerKind.ACCEPT, "ann", given_at, state=state)
    assert exit_code(Reply(done=done, text=""), fate, unanswered=unanswered) == code
