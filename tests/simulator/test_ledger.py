from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.simulator.ledger import ISSUE, Ledger
from tests.simulator.bench import HandClock


def test_records_keep_their_order_and_what_was_served() -> None:
    clock = HandClock()
    ledger = Ledger(clock)
    ledger.record(ISSUE, "DISP-1")
    clock.move(3)
    ledger.record("getDispatchBatch", "DISP-1", common_name="A", payload="abc")
    first, second = ledger
    assert (first.order, second.order) == (1, 2)
    assert second.mono - first.mono == 3
    assert second.digest == sha256(b"abc").hexdigest()
    assert second.payload == "abc"
    assert ledger.issued() == ["DISP-1"]
    assert ledger.of("getDispatchBatch") == [second]


def test_each_line_is_in_the_file_at_once_and_holds_no_payload(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(HandClock(), file=file)
    ledger.record("validateDispatchBatch", "DISP-1", common_name="Plant Operatorx1234")
    ledger.record("getDispatchBatch", "DISP-1", payload="secret text")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [row["operation"] for row in rows] == ["validateDispatchBatch", "getDispatchBatch"]
    assert rows[1]["digest"] == sha256(b"secret text").hexdigest()
    assert "secret text" not in file.read_text("utf-8")
    ledger.close()


def test_a_bounded_ledger_forgets_the_oldest_and_all_payloads() -> None:
    ledger = Ledger(HandClock(), keep=10)
    for n in range(100):
        ledger.record("getDispatchBatch", str(n), payload="x")
    assert 10 <= len(ledger) <= 20
    assert [record.uid for record in ledger][-1] == "99"
    assert {record.payload for record in ledger} == {""}
    assert {record.digest for record in ledger} == {sha256(b"x").hexdigest()}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing.ledger\.jsonl"):
        Ledger(HandClock(), file=tmp_path / "missing" / "ledger.jsonl")
