"""Text of one element -> a number, a flag or an instant, and back. Strict where a plant's setpoint hangs on it.

Rule: only what XML Schema allows is read, in ASCII, and only finite numbers; anything else is a WireError that shows
the text. Blanks around a value are XML Schema's own whitespace rule and are dropped. An instant needs a zone and
becomes aware UTC. Python's own ``float`` and ``int`` are too generous (``1_000``, ``NaN``, other scripts' digits).
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal, TypeAlias

from caiso_ads.errors import WireError

TimeFormat: TypeAlias = Literal["Z", "offset7"]
"""``Z``: whole seconds and Z, as v8 sends. ``offset7``: seven fractional digits and an offset, as v7 prints."""

BLANKS = " \t\r\n"
"""XML's whitespace; other blanks are content."""

_DOUBLE = re.compile(r"[ \t\r\n]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\r\n]*")
_INT = re.compile(r"[+-]?[0-9]+")
_INT_DIGITS = 100  # far above 32 bits with leading zeros, far below Python's limit for int()
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_PACIFIC = timezone(timedelta(hours=-7))


def read_text(text: str) -> str:
    """Return the text without surrounding blanks."""
    return text.strip(BLANKS)


def read_identifier(text: str) -> str:
    """Return an identifier without surrounding blanks; raises WireError when nothing is left."""
    stripped = text.strip(BLANKS)
    if not stripped:
        raise WireError("empty")
    return stripped


def read_double(text: str) -> float:
    """Read a finite xsd:double; raises WireError for anything else, NaN and INF included."""
    if not _DOUBLE.fullmatch(text):
        raise WireError(f"{_shown(text)} is not a number")
    value = float(text)
    if not math.isfinite(value):
        raise WireError(f"{_shown(text)} is too large for a number")
    return value


def read_int(text: str) -> int:
    """Read an xsd:int (32 bits); raises WireError for anything else."""
    stripped = text.strip(BLANKS)
    if not _INT.fullmatch(stripped):
        raise WireError(f"{_shown(text)} is not a whole number")
    if len(stripped) > _INT_DIGITS or not -(2**31) <= (value := int(stripped)) < 2**31:
        raise WireError(f"{_shown(text)} is out of the range of a 32-bit number")
    return value


def read_bool(text: str) -> bool:
    """Read an xsd:boolean (true, 1, false, 0); raises WireError for anything else."""
    value = _BOOLEANS.get(text.strip(BLANKS))
    if value is None:
        raise WireError(f"{_shown(text)} is neither true nor false")
    return value


def read_time(text: str) -> datetime:
    """Read an xsd:dateTime with a zone as aware UTC; digits after the microseconds are cut off.

    ``24:00:00`` is the next midnight and second 60 the next minute. Raises WireError for a time without a zone.
    """
    match = _TIME.fullmatch(text.strip(BLANKS))
    if match is None:
        raise WireError(f"{_shown(text)} is not a date and time")
    *digits, fraction, zone = match.groups()
    if zone is None:
        raise WireError(f"{_shown(text)} has no time zone")
    try:
        return _instant([int(part) for part in digits], (fraction or "")[:6], zone)
    except (ValueError, OverflowError):
        raise WireError(f"{_shown(text)} is not a possible date and time") from None


def write_double(value: float) -> str:
    """Write a finite double with at least one decimal or an exponent; raises WireError for NaN and infinities."""
    if not math.isfinite(value):
        raise WireError(f"{value!r} cannot be written as a number")
    return repr(float(value))


def write_bool(value: bool) -> str:  # noqa: FBT001 - a flag is the whole argument here, not a switch
    """Write an xsd:boolean."""
    return "true" if value else "false"


def write_time(value: datetime, form: TimeFormat = "Z") -> str:
    """Write an aware time; raises WireError for one without a zone or outside of years 1 to 9999 in that zone."""
    if value.tzinfo is None:
        raise WireError(f"{value.isoformat()} has no time zone")
    try:
        if form == "offset7":
            local = value.astimezone(_PACIFIC).isoformat(timespec="microseconds")
            return f"{local[:26]}0{local[26:]}"
        plain = value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise WireError(f"{value.isoformat()} cannot be written in another zone") from None
    return plain.isoformat() + "Z"


def _instant(parts: list[int], fraction: str, zone: str) -> datetime:
    """Build the instant; ValueError or OverflowError where the calendar has no such one."""
    year, month, day, hour, minute, second = parts
    micro = int(fraction.ljust(6, "0"))
    carry = timedelta()
    if hour == 24 and not (minute or second or micro):
        hour, carry = 0, timedelta(days=1)
    elif second == 60 and minute == 59:
        second, carry = 59, timedelta(seconds=1)
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC) + carry - _offset(zone)


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError(zone)
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _shown(text: str) -> str:
    """Quote a value for a message, cut to a readable length."""
    return repr(text[:60] + "…" if len(text) > 60 else text) if text.strip(BLANKS) else "an empty text"
