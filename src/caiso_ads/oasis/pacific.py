"""Pacific time, which the market's days are cut by. Rule: named in one place, with the cure where a machine has no zones."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from caiso_ads.errors import ConfigError


@cache
def pacific() -> ZoneInfo:
    """Return the zone. Raises ConfigError on a machine without time zones (Windows without ``tzdata``)."""
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError as error:
        raise ConfigError("this machine has no time zones", cure="pip install tzdata") from error
