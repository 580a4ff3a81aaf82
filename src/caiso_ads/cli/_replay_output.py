"""How a replay is written: lines, CSV, JSON or a summary.

Rule: a name from outside is data only, to a terminal, a spreadsheet or a parser; what is not known is empty or null,
never 0.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from caiso_ads.cli._errors import one_line
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.replay import Frame, View
from caiso_ads.sinks.words import safe_text, utc_text

COLUMNS = (
    *("time_utc", "resource", "directive", "reasons", "quality"),
    *("dot_mw", "next_dot_mw", "dop_mw", "setpoint_mw"),
)
"""The columns of the CSV and the keys of the JSON; the table shows the same in this order."""


def rows(frames: Iterable[Frame]) -> Iterator[tuple[Frame, str, View]]:
    """Yield (frame, resource id, view): one for each instant and resource."""
    for frame in frames:
        for resource_id in frame.resource_ids:
            yield frame, resource_id, frame.view(resource_id)


class Words:
    """Reasons in words, each combination made once."""

    def __init__(self) -> None:
        self._known: dict[Reason, str] = {}

    def of(self, reasons: Reason) -> str:
        """Return, for example, ``link aging, ads unreachable``; empty for none."""
        known = self._known.get(reasons)
        if known is None:
            known = ", ".join((reason.name or "").lower().replace("_", " ") for reason in reasons)
            self._known[reasons] = known
        return known


def as_csv(frames: Iterable[Frame]) -> Iterator[str]:
    """Yield CSV, line by line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    words, names = Words(), _Cached(safe_text)
    writer.writerow(COLUMNS)
    for frame, resource_id, view in rows(frames):
        writer.writerow(
            (
                *(utc_text(frame.at), names.of(resource_id), view.directive.name),
                *(words.of(view.reasons), view.quality.name),
                *map(_number, _powers(view)),
            )
        )
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def as_json(frames: Iterable[Frame]) -> Iterator[str]:
    """Yield one JSON array, an object on each line; strict: no NaN."""
    words, mark = Words(), "[\n"
    for frame, resource_id, view in rows(frames):
        values = (utc_text(frame.at), resource_id, view.directive.name, words.of(view.reasons), view.quality.name)
        powers = (None if mw is None else round(mw + 0.0, 6) for mw in _powers(view))
        made = dict(zip(COLUMNS, (*values, *powers), strict=True))
        yield mark + json.dumps(made, allow_nan=False)
        mark = ",\n"
    yield "[]\n" if mark == "[\n" else "\n]\n"


def as_lines(frames: Iterable[Frame]) -> Iterator[str]:
    """Yield lines for people."""
    words, names = Words(), _Cached(one_line)
    yield (
        f"{'time UTC':<20} {'resource':<20} {'directive':<9} {'quality':<9} "
        f"{'DOT':>9} {'next DOT':>9} {'DOP':>9} {'setpoint':>9}  reasons\n"
    )
    for frame, resource_id, view in rows(frames):
        powers = " ".join(f"{'-' if mw is None else f'{mw:.2f}':>9}" for mw in _powers(view))
        yield (
            f"{utc_text(frame.at):<20} {names.of(resource_id):<20} {view.directive.name:<9} {view.quality.name:<9} "
            f"{powers}  {words.of(view.reasons)}\n"
        )


FORMATS: Mapping[str, Callable[[Iterable[Frame]], Iterator[str]]] = {"csv": as_csv, "json": as_json, "lines": as_lines}


@dataclass(slots=True)
class Total:
    """What a summary says of one resource."""

    seconds: Counter[Directive] = field(default_factory=Counter)
    refused: int = 0
    changes: int = 0
    least_mw: float | None = None
    most_mw: float | None = None
    last: tuple[Directive, Quality] | None = None

    def add(self, view: View) -> None:
        """Count one instant."""
        self.seconds[view.directive] += 1
        self.refused += Reason.VALUE_REFUSED in view.reasons
        shown = (view.directive, view.quality)
        self.changes += self.last is not None and self.last != shown
        self.last = shown
        if view.setpoint_mw is not None:
            self.least_mw = view.setpoint_mw if self.least_mw is None else min(self.least_mw, view.setpoint_mw)
            self.most_mw = view.setpoint_mw if self.most_mw is None else max(self.most_mw, view.setpoint_mw)


def summary(frames: Iterable[Frame], step_s: float) -> Iterator[str]:
    """Yield a table: for each resource the seconds in each directive, the changes, and the range of the setpoint."""
    totals: dict[str, Total] = {}
    for _, resource_id, view in rows(frames):
        totals.setdefault(resource_id, Total()).add(view)
    heads = " ".join(f"{directive.name:>9}" for directive in Directive)
    yield f"{'resource':<20} {heads} {'changes':>8} {'refused':>8} {'min MW':>9} {'max MW':>9}\n"
    for resource_id, total in totals.items():
        spent = " ".join(f"{f'{total.seconds[directive] * step_s:g} s':>9}" for directive in Directive)
        powers = " ".join(f"{'-' if mw is None else f'{mw:.2f}':>9}" for mw in (total.least_mw, total.most_mw))
        refused = f"{total.refused * step_s:g} s"
        yield f"{one_line(resource_id):<20} {spent} {total.changes:>8} {refused:>8} {powers}\n"


def time_of(text: str) -> datetime:
    """Read an ISO time; raises ValueError without a zone, because a guess of an hour would mislead."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: add Z for UTC, or -07:00")
    return moment.astimezone(UTC)


class _Cached:
    def __init__(self, make: Callable[[str], str]) -> None:
        self._make, self._known = make, dict[str, str]()

    def of(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = self._make(name)
        return self._known[name]


def _powers(view: View) -> tuple[float | None, ...]:
    return view.dot_mw, view.next_dot_mw, view.dop_mw, view.setpoint_mw


def _number(mw: float | None) -> str:
    """Return a plain number; adding 0.0 turns a minus zero into a zero."""
    return "" if mw is None else repr(round(mw + 0.0, 6))
