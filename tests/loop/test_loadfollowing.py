"""A load-following request: recorded, sent once, recorded; an outcome that is not known is called that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from caiso_ads.core.model import MssLfResponse
from caiso_ads.errors import CommandError, LocalError, StoreError, UnreachableError
from caiso_ads.loop.commands import Command
from caiso_ads.loop.loadfollowing import MOST_ROWS, LoadFollowing, read_request, told
from caiso_ads.ports.answers import Fact
from tests.answer_fakes import MemoryAnswers
from tests.fakes import START, FakeClock
from tests.response_fakes import FakeIso


def row(name: str = "1", **changes: object) -> dict[str, Any]:
    """Return a good row with some fields changed."""
    end = START + timedelta(minutes=5)
    good = {"id": name, "resource": "R1", "start": START.isoformat(), "end": end.isoformat(), "mw": -3.5}
    return {**good, **changes}


def asked(*rows: object, batch: object = "SC-1") -> Command:
    """Return a command as the spool has checked it."""
    return Command("0" * 32, {"kind": "mss", "host": "h", "who": "ads", "batch": batch, "rows": list(rows)}, "ads")


class Desk:
    """The handler on fakes."""

    def __init__(self) -> None:
        self.store, self.iso, self.noted = MemoryAnswers(), FakeIso(), list[Fact]()
        self.handler = LoadFollowing(self.iso, self.store, FakeClock(), self.noted.append)

    def kinds(self) -> list[str]:
        """Return what stands in the evidence."""
        return [fact.kind for fact in self.store.facts]


async def test_it_is_recorded_before_and_after_and_each_row_is_told() -> None:
    desk, before = Desk(), []

    async def look(*_: str) -> None:
        before.extend(desk.kinds())

    desk.iso.on_call = look
    result = await desk.handler(asked(row("1"), row("2", mw=150)), START)
    assert before == ["mss request"]
    assert desk.kinds() == ["mss request", "mss result"]
    assert (result.done, result.text) == (True, "CAISO batch C1: 1 of 2 rows valid")
    assert [(each["id"], each["caiso_id"], each["valid"]) for each in result.rows] == [
        ("1", "C1-0", True),
        ("2", "C1-1", False),
    ]
    assert desk.store.facts[0].detail["rows"] == [row("1"), row("2", mw=150.0)]
    assert (desk.store.facts[0].who, desk.store.facts[1].detail["command"]) == ("ads", "0" * 32)


async def test_an_unknown_outcome_is_told_recorded_and_never_sent_again() -> None:
    desk = Desk()
    desk.iso.lose = "after"
    result = await desk.handler(asked(row()), START)
    assert not result.done
    assert "unknown whether the ISO took it; it is not sent again" in result.text
    assert len(desk.iso.submitted) == 1
    assert "unknown" in desk.store.facts[-1].text


async def test_what_our_client_refuses_was_not_sent() -> None:
    desk = Desk()
    desk.iso.fail["mss"] = LocalError("no")
    result = await desk.handler(asked(row()), START)
    assert (result.done, result.text) == (False, "nothing was sent: no")


async def test_without_the_row_of_evidence_nothing_is_sent() -> None:
    desk = Desk()
    desk.store.broken = True
    with pytest.raises(StoreError):
        await desk.handler(asked(row()), START)
    assert desk.iso.calls == []


async def test_a_result_the_store_does_not_take_is_told_and_recorded_later() -> None:
    desk = Desk()

    async def full(*_: str) -> None:
        desk.store.broken = True

    desk.iso.on_call = full
    assert (await desk.handler(asked(row()), START)).done
    assert [fact.kind for fact in desk.noted] == ["mss result"]
    desk.iso.fail["mss"] = UnreachableError("down")
    assert "mss result" not in desk.kinds()


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (asked(), "rows"), (asked(*(row(str(number)) for number in range(MOST_ROWS + 1))), "rows"),
        (asked(row(), row()), "rows"), (asked(row(), batch=""), "batch"), (asked(row(), batch=5), "batch"),
        (asked(row(), batch="x" * 81), "batch"), (asked(5), "rows[1]"), (asked(row(), row("2", more=1)), "rows[2]"),
        (asked(row(resource="")), "rows[1].resource"), (asked(row(mw="3")), "rows[1].mw"),
        (asked(row(mw=float("inf"))), "rows[1].mw"), (asked(row(mw=True)), "rows[1].mw"),
        (asked(row(mw=10**400)), "rows[1].mw"), (asked(row(start="noon")), "rows[1].start"),
        (asked(row(end=START.isoformat())), "rows[1].end"), (asked(row(id="a\nb")), "rows[1].id"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_by_row_and_field(command: Command, field: str) -> None:
    desk = Desk()
    with pytest.raises(CommandError) as refused:
        await desk.handler(command, START)
    assert refused.value.field == field
    assert (desk.store.facts, desk.iso.calls) == ([], [])


def test_an_answer_that_leaves_rows_out_or_names_another_batch_is_no_success() -> None:
    request = read_request(asked(row()).said)
    silent = told(request, MssLfResponse(caiso_mss_batch_id="C", sc_mss_batch_id="SC-1"))
    other = told(request, MssLfResponse(caiso_mss_batch_id="C", sc_mss_batch_id="SC-2"))
    assert (silent.done, silent.text) == (False, "CAISO batch C: 0 of 1 rows valid; nothing was said about 1 rows")
    assert "the answer names another batch" in other.text
