"""Times as a person writes them: an instant with its offset, or a Pacific day. Rule: nothing is guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

_YEARS = range(2001, 2101)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Day(click.ParamType[date]):
    """A day as 2026-03-08."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
        except ValueError:
            day = None
        if day is None or day.year not in _YEARS:
            self.fail(f"{value!r} is no day like 2026-03-08", param, ctx)
        return day


class Moment(click.ParamType[datetime]):
    """An instant as 2026-03-08T10:00Z or with an offset, or a Pacific day for its begin; aware UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant."""
        from caiso_ads.wire.oasis import trade_day

        if isinstance(value, datetime):
            return value
        if _DAY.fullmatch(value):
            return trade_day.bounds(Day().convert(value, param, ctx))[0]
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time like 2026-03-08T10:00Z and no day like 2026-03-08", param, ctx)
        if found.tzinfo is None:
            self.fail(f"{value!r} does not say its offset: end it with Z for UTC, or -08:00", param, ctx)
        if found.year not in _YEARS:
            self.fail(f"{value!r}: no time of this market", param, ctx)
        return found.astimezone(UTC)


def span(
    day: date | None, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime] | None:
    """Return the stretch that was asked for in UTC, None for the present; raises click.UsageError."""
    from caiso_ads.wire.oasis import trade_day

    if day is not None:
        if start or end:
            raise click.UsageError("--day stands alone, without --from and --to")
        return _possible(*trade_day.bounds(day), now)
    if start is None:
        if end is not None:
            raise click.UsageError("--to needs --from")
        return None
    end = end or now
    if end <= start:
        raise click.UsageError(f"the end, {end:%Y-%m-%dT%H:%MZ}, is not after the start, {start:%Y-%m-%dT%H:%MZ}")
    return _possible(start, end, now)


def _possible(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime]:
    if end > now + timedelta(days=8):
        raise click.UsageError(f"no price of {end:%Y-%m-%d} can exist yet")
    return start, end
