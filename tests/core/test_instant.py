from __future__ import annotations

from datetime import timedelta

from caiso_ads.core.instant import Instant
from tests.fakes import START


def test_both_clocks_move_together() -> None:
    assert Instant(START, 5.0).plus(2.5) == Instant(START + timedelta(seconds=2.5), 7.5)


def test_a_label_in_the_past_gets_a_smaller_mono() -> None:
    assert Instant(START, 5.0).at_wall(START - timedelta(seconds=3)).mono == 2.0
