"""What the writer tells of its acts; the steady writes of a ramp become one row a minute. Pure.

Rule: nothing is left out: a write not told on its own is counted, with the first, last, lowest and highest value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Note:
    """One thing done, seen or refused. ``steady_mw`` is set where it is one of many writes of a ramp."""

    text: str
    detail: Mapping[str, object] = field(default_factory=dict)
    trouble: bool = False
    steady_mw: float | None = None


class Gather:
    """Takes notes in order and gives them back, the steady ones gathered."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._values: list[float] = []
        self._detail: Mapping[str, object] = {}

    def add(self, note: Note, now: float) -> Iterator[Note]:
        """Yield what is to be told now (monotonic s)."""
        if note.steady_mw is None:
            yield from self.flush(now, all_of_it=True)
            yield note
            return
        if self._since is None:
            self._since = now
        self._values.append(note.steady_mw)
        self._detail = note.detail
        yield from self.flush(now)

    def flush(self, now: float, *, all_of_it: bool = False) -> Iterator[Note]:
        """Yield the gathered row when its minute is over, or at once."""
        if self._since is None or not (all_of_it or now - self._since >= EVERY_S):
            return
        values, since, detail = self._values, self._since, self._detail
        self._since, self._values, self._detail = None, [], {}
        would = "" if detail.get("mode") == "live" else "would have "
        row = {
            **detail,
            "count": len(values),
            "first_mw": values[0],
            "last_mw": values[-1],
            "min_mw": min(values),
            "max_mw": max(values),
            "over_s": round(now - since, 1),
        }
        yield Note(f"{would}written {len(values)} times, last {values[-1]:g} MW", row)
