"""Answers are counted by the kind of their status; a clock set back takes no time away."""

from __future__ import annotations

from caiso_ads.web.traffic import Traffic


def test_answers_are_counted_by_kind() -> None:
    traffic = Traffic()
    for status, seconds in ((200, 0.5), (204, 0.25), (404, -3.0)):
        traffic.count(status, seconds)
    assert (traffic.answered, traffic.seconds) == ({2: 2, 4: 1}, 0.75)
