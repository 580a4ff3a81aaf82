"""The newest content of each batch, as long as it matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.directive import Environment
from caiso_ads.core.happenings import BatchSeen, Stopping
from caiso_ads.core.state import initial
from caiso_ads.errors import CommandError
from caiso_ads.loop.board import KEPT, Board
from tests.fakes import START, FakeClock
from tests.response_fakes import hourly
from tests.rig import R1


def test_an_instruction_is_found_in_the_newest_revision_of_its_batch() -> None:
    board, newer = Board(), replace(hourly(), revision_no=2)
    board.see(newer, START)
    board.see(hourly(), START)  # an older one that came late
    assert board.find("H-I0") == (newer, newer.instructions[0])
    assert board.batch("H") is newer


def test_what_is_folded_is_kept_and_other_events_are_nothing_to_it() -> None:
    board, state = Board(), initial(R1, Environment.PRODUCTION)
    board.folded(Stopping(), state)
    board.folded(BatchSeen(hourly(), FakeClock().now()), state)
    assert board.batch("H") == hourly()


def test_what_is_past_or_unknown_is_refused_by_name() -> None:
    board = Board()
    board.see(hourly("OLD"), START)
    board.see(hourly("NEW"), START + KEPT + timedelta(hours=2))
    assert board.batch("OLD") is None
    assert board.batch("NEW") is None
    with pytest.raises(CommandError, match="'OLD-I0' is not known") as refused:
        board.find("OLD-I0")
    assert refused.value.field == "instruction"
