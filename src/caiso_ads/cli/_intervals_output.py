"""How the interval ledger is written: lines for each hour with what is missing by name, CSV or JSON.

Rule: a name from outside is data only, to a terminal, a spreadsheet or a parser; what is not known is empty or null,
never 0.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any

from caiso_ads.cli._errors import one_line
from caiso_ads.core.intervals import INTERVAL, Entry, Fate, Outage, Span
from caiso_ads.sinks.words import safe_text, utc_text

COLUMNS = (
    *("resource", "start_utc", "start_local", "expected", "fate", "missing", "received_utc", "delay_s", "dot_mw"),
    *("batch_uid", "revisions", "last_mw"),
)
"""The columns of the CSV and the keys of the JSON."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is shown: the day, its span in UTC, its entries by resource and time, and the outages that touch it."""

    day: date
    zone: tzinfo
    span: Span
    entries: tuple[Entry, ...]
    outages: tuple[Outage, ...]

    def by_resource(self) -> Iterator[tuple[str, list[Entry]]]:
        """Yield each resource with its entries in order of time."""
        for resource_id, group in groupby(self.entries, lambda entry: entry.resource_id):
            yield resource_id, list(group)


def as_lines(report: Report) -> Iterator[str]:
    """Yield lines for people."""
    hours = (report.span.end - report.span.start) / timedelta(hours=1)
    where = "UTC" if report.zone is UTC else "Pacific"
    yield f"{report.day}, {where} day of {hours:g} hours, {hours * 12:g} intervals"
    for outage in report.outages:
        length = str(timedelta(seconds=int((outage.end - outage.start).total_seconds())))
        seconds = "%Y-%m-%d %H:%M:%S"
        yield (
            f"no polls from {_local(outage.start, report.zone, seconds)} to {_local(outage.end, report.zone, seconds)}"
            f" ({length}): {one_line(outage.reason)}"
        )
    for resource_id, entries in report.by_resource():
        yield ""
        yield from _of_resource(one_line(resource_id), entries, report.zone)


def _of_resource(name: str, entries: Sequence[Entry], zone: tzinfo) -> Iterator[str]:
    yield f"{name}: {_summary(entries)}"
    yield f"  {'hour':<10} {'in time':>8} {'late':>8} {'back-filled':>11} {'missing':>8} {'waiting':>8}"
    for hour, group in groupby(entries, lambda entry: _local(entry.start, zone, "%H:00")):
        found = Counter(entry.fate for entry in group)
        lost = sum(number for fate, number in found.items() if fate.missing)
        yield (
            f"  {hour:<10} {found[Fate.RECEIVED]:>8} {found[Fate.LATE]:>8} {found[Fate.BACK_FILLED]:>11}"
            f" {lost:>8} {found[Fate.WAITING]:>8}"
        )
    for fate, run in groupby(entries, lambda entry: entry.fate):
        if fate.missing or fate in {Fate.LATE, Fate.BACK_FILLED}:
            yield f"  {_stretch(list(run), zone)}: {fate.value}"


def _summary(entries: Sequence[Entry]) -> str:
    found = Counter(entry.fate for entry in entries)
    has = sum(found[fate] for fate in Fate if fate.has_dot)
    others = ", ".join(f"{found[fate]} {fate.value}" for fate in Fate if found[fate] and fate is not Fate.RECEIVED)
    return f"{has} of {len(entries)} have a DOT" + (f" ({others})" if others else "")


def _stretch(run: Sequence[Entry], zone: tzinfo) -> str:
    first = _local(run[0].start, zone, "%H:%M")
    delays = [entry.delay_s for entry in run if entry.delay_s is not None]
    delay = f", {_duration(max(delays))} after the begin at most" if delays else ""
    if len(run) == 1:
        return first + delay
    return f"{first} to {_local(run[-1].start + INTERVAL, zone, '%H:%M')}, {len(run)} intervals{delay}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else str(timedelta(seconds=int(seconds)))


def _local(at: datetime, zone: tzinfo, form: str) -> str:
    """Return a time with the name of its zone, without which an hour in autumn would stand there twice."""
    return at.astimezone(zone).strftime(f"{form} %Z")


def as_csv(report: Report) -> Iterator[str]:
    """Yield CSV, line by line."""
    for values in (COLUMNS, *(_cells(entry, report.zone) for entry in report.entries)):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="").writerow(values)
        yield text.getvalue()


def _cells(entry: Entry, zone: tzinfo) -> list[str]:
    return [_cell(value) for value in _values(entry, zone).values()]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return safe_text(value) if isinstance(value, str) else repr(value)


def _values(entry: Entry, zone: tzinfo) -> dict[str, Any]:
    values = (
        *(entry.resource_id, utc_text(entry.start), entry.start.astimezone(zone).isoformat(timespec="minutes"), True),
        *(entry.fate.value, entry.fate.missing, entry.received_at and utc_text(entry.received_at)),
        *(_number(entry.delay_s), _number(entry.dot_mw), entry.batch_uid, entry.revisions, _number(entry.last_mw)),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _number(value: float | None) -> float | None:
    """Return a short number; adding 0.0 turns a minus zero into a zero."""
    return None if value is None else round(value + 0.0, 6)


def as_json(report: Report) -> Iterator[str]:
    """Yield one JSON object; strict: no NaN."""
    made = {
        "day": report.day.isoformat(),
        "zone": str(report.zone),
        "start_utc": utc_text(report.span.start),
        "end_utc": utc_text(report.span.end),
        "missing": sum(entry.fate.missing for entry in report.entries),
        "outages": [
            {"start_utc": utc_text(each.start), "end_utc": utc_text(each.end), "reason": each.reason}
            for each in report.outages
        ],
        "resources": {name: _counts(entries) for name, entries in report.by_resource()},
        "intervals": [_values(entry, report.zone) for entry in report.entries],
    }
    yield json.dumps(made, indent=1, allow_nan=False)


def _counts(entries: Sequence[Entry]) -> dict[str, int]:
    found = Counter(entry.fate for entry in entries)
    return {fate.value: found[fate] for fate in Fate}


FORMATS: Mapping[str, Callable[[Report], Iterator[str]]] = {"lines": as_lines, "csv": as_csv, "json": as_json}
