"""Steady writes make one row a minute, with nothing left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.sinks.plant_writer.gather import Gather, Note


def steady(mw: float, mode: str = "live") -> Note:
    return Note("writes", {"mode": mode}, steady_mw=mw)


def test_a_minute_of_writes_is_one_row_with_its_figures() -> None:
    gather = Gather()
    told = [note for second in range(61) for note in gather.add(steady(100.0 - abs(30 - second)), float(second))]
    assert [note.detail for note in told] == [
        {
            "mode": "live", "count": 61, "first_mw": 70.0, "last_mw": 70.0, "min_mw": 70.0, "max_mw": 100.0,
            "over_s": 60.0,
        }
    ]  # fmt: skip
    assert told[0].text == "written 61 times, last 70 MW"


def test_another_note_comes_after_what_went_before_it() -> None:
    gather = Gather()
    assert list(gather.add(steady(1.0, "dry-run"), 0.0)) == []
    told = list(gather.add(Note("no contact"), 1.0))
    assert [note.text for note in told] == ["would have written 1 times, last 1 MW", "no contact"]
    assert list(gather.flush(100.0, all_of_it=True)) == []


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans()), max_size=60))
def test_every_write_is_counted(steps: list[tuple[float, bool]]) -> None:
    gather, now = Gather(), 0.0
    told: list[Note] = []
    for wait, is_steady in steps:
        now += wait
        told += gather.add(steady(1.0) if is_steady else Note("x"), now)
    told += gather.flush(now, all_of_it=True)
    counts = [int(str(note.detail.get("count", 1))) for note in told]
    assert sum(counts) == len(steps)
