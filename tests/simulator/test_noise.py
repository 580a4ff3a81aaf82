from __future__ import annotations

from itertools import pairwise

from caiso_ads.simulator.noise import between, smooth, unit


def test_unit_depends_on_seed_and_key_only() -> None:
    assert unit(1, "a", 2) == unit(1, "a", 2)
    assert len({unit(1, "a", 2), unit(2, "a", 2), unit(1, "a", 3), unit(1, "b", 2)}) == 4


def test_unit_stays_in_range_and_spreads() -> None:
    values = [unit(5, "spread", n) for n in range(2000)]
    assert all(0 <= v < 1 for v in values)
    assert 0.45 < sum(values) / len(values) < 0.55


def test_smooth_never_jumps() -> None:
    values = [smooth(1, "x", minute, 45) for minute in range(1000)]
    assert max(abs(a - b) for a, b in pairwise(values)) < 0.05
    assert max(values) - min(values) > 0.5


def test_between_maps_the_unit_range() -> None:
    assert between(2.0, 6.0, 0.25) == 3.0
