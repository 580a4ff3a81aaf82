"""An operator's override of one resource: a value or a directive, with a reason and an end. Rule: it ends by itself.

An override never says FOLLOW: only the ISO's data may. Times are wall time in UTC, because people agree on them; so
an override is ignored once its end has passed, and also while its end is further away than any override may last,
which only a clock that was set wrongly can bring about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from caiso_ads.core.quality import Directive
from caiso_ads.errors import CommandError

LONGEST = timedelta(hours=24)
CLOCK_ROOM = timedelta(hours=1)
"""How far a clock may be set back while an override of full length stays in force."""

DIRECTIVES = {"hold": Directive.HOLD, "release": Directive.RELEASE, "no-data": Directive.NO_DATA}
"""What may be forced beside a value."""

LONGEST_REASON = 200
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Override:
    """What an operator forced. Either ``setpoint_mw`` (MW) or ``directive`` is given; times are aware UTC."""

    resource_id: str
    setpoint_mw: float | None
    directive: Directive | None
    reason: str
    who: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Cleared:
    """An operator ended the override of a resource before its time; ``at`` is aware UTC."""

    resource_id: str
    reason: str
    who: str
    at: datetime


class Limited(Protocol):
    """A resource that may be forced: its limits in MW."""

    @property
    def pmin_mw(self) -> float:
        """Lowest value."""

    @property
    def pmax_mw(self) -> float:
        """Highest value."""


def active(overrides: Iterable[Override], now: datetime) -> dict[str, Override]:
    """Return the override that stands for each resource at that time: the one set last."""
    standing = [item for item in overrides if now < item.until <= now + LONGEST + CLOCK_ROOM]
    return {item.resource_id: item for item in sorted(standing, key=lambda item: item.since)}


def after(overrides: Iterable[Override], change: Override | Cleared) -> tuple[Override, ...]:
    """Return all that is in force after a change: what stood before for the same resource is gone."""
    others = tuple(item for item in overrides if item.resource_id != change.resource_id)
    return (*others, change) if isinstance(change, Override) else others


def usable(overrides: Iterable[Override], resources: Mapping[str, Limited]) -> tuple[Override, ...]:
    """Return those whose resource and value the configuration still allows: it may have changed since they were set."""
    return tuple(
        item
        for item in overrides
        if (limits := resources.get(item.resource_id)) is not None
        and (item.setpoint_mw is None or limits.pmin_mw <= item.setpoint_mw <= limits.pmax_mw)
    )


def read_override(said: Mapping[str, object], *, now: datetime, resources: Mapping[str, Limited], who: str) -> Override:
    """Make an override of ``resource``, ``mw`` or ``directive``, ``reason`` and ``until``, in force from now on.

    Raises CommandError naming the field.
    """
    resource_id = _resource(said, resources)
    mw, word = said.get("mw"), said.get("directive")
    if (mw is None) == (word is None):
        raise CommandError("give either a value in MW or a directive", field="mw")
    setpoint = None if mw is None else _megawatts(mw, resource_id, resources[resource_id])
    directive = None if word is None else read_directive(word)
    until = _end(said.get("until"), now)
    return Override(resource_id, setpoint, directive, _reason(said), _name(who), now, until)


def read_clear(said: Mapping[str, object], *, now: datetime, resources: Mapping[str, Limited], who: str) -> Cleared:
    """Make the early end of an override of ``resource`` with its ``reason``. Raises CommandError naming the field."""
    return Cleared(_resource(said, resources), _reason(said), _name(who), now)


def read_directive(word: object) -> Directive:
    """Return the directive an operator may force. Raises CommandError, also for ``follow``."""
    found = DIRECTIVES.get(word) if isinstance(word, str) else None
    if found is None:
        raise CommandError(f"{word!r} cannot be forced; allowed: {', '.join(DIRECTIVES)}", field="directive")
    return found


def read_duration(text: str) -> timedelta:
    """Return a span such as ``90s``, ``30m``, ``2h`` or ``1h30m``. Raises CommandError."""
    found = re.fullmatch(r"(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?", text.strip(), re.ASCII)
    if found is None or not any(found.groups()):
        raise CommandError(f"{text!r} is no time span; write for example 30m or 1h30m", field="for")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def read_time(text: str, field: str = "until") -> datetime:
    """Return an ISO 8601 time as UTC; one without a zone is refused. Raises CommandError."""
    try:
        found = datetime.fromisoformat(text.strip())
        zoned = found.tzinfo is not None
        utc = found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{text!r} is no ISO 8601 time", field=field) from error
    if not zoned:
        raise CommandError(f"{text!r} has no zone; write for example {text.strip()}Z or -07:00", field=field)
    return utc


def _resource(said: Mapping[str, object], resources: Mapping[str, Limited]) -> str:
    found = said.get("resource")
    if not isinstance(found, str) or found not in resources:
        raise CommandError(f"{found!r} is not configured; known: {', '.join(resources)}", field="resource")
    return found


def _megawatts(mw: object, resource_id: str, limits: Limited) -> float:
    if isinstance(mw, bool) or not isinstance(mw, int | float):
        raise CommandError(f"{mw!r} is no number", field="mw")
    try:
        value = float(mw)
    except OverflowError:
        value = math.inf
    if not limits.pmin_mw <= value <= limits.pmax_mw:  # also refuses what is not a number
        span = f"{limits.pmin_mw:g} to {limits.pmax_mw:g} MW"
        raise CommandError(f"{value:g} MW is outside the limits of {resource_id}, {span}", field="mw")
    return value


def _end(said: object, now: datetime) -> datetime:
    if not isinstance(said, str):
        raise CommandError("an end time must be given", field="until")
    until = read_time(said)
    if until <= now:
        raise CommandError(f"{until.isoformat()} has passed", field="until")
    if until > now + LONGEST:
        raise CommandError(f"{until.isoformat()} is more than 24 hours away", field="until")
    return until


def _reason(said: Mapping[str, object]) -> str:
    found = said.get("reason")
    text = " ".join(found.split()) if isinstance(found, str) else ""
    if not text or not text.isprintable() or len(text) > LONGEST_REASON:
        raise CommandError(f"give 1 to {LONGEST_REASON} characters of plain text", field="reason")
    return text


def _name(who: str) -> str:
    if not who or not who.isprintable() or len(who) > LONGEST_NAME:
        raise CommandError("is not a name", field="who")
    return who
