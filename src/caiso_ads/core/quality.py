"""Quality says how good a number is; the directive says what the plant may do with it. Two words, never mixed.

Rule: nothing starts good, and quality never improves by time passing.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Quality(IntEnum):
    """How good a published number is. The integers are what protocols without words carry."""

    INIT = 0
    GOOD = 1
    UNCERTAIN = 2
    BAD_COMM = 3
    BAD_STALE = 4
    BAD_DATA = 5
    BAD_CONFIG = 6
    BAD_STORE = 7
    STANDBY = 8
    SHUTDOWN = 9
    FORCED = 10


class Directive(IntEnum):
    """What the plant may do with the setpoint."""

    NO_DATA = 0
    FOLLOW = 1
    HOLD = 2
    RELEASE = 3
    TEST = 4


class Reason(IntFlag):
    """Why the directive is not FOLLOW; several may hold at once. Bit values never change meaning."""

    NONE = 0
    ADS_UNREACHABLE = 1 << 0
    CERTIFICATE = 1 << 1
    INTERVAL_NOT_COVERED = 1 << 2
    MARKET_SILENT = 1 << 3
    CLOCK_OFF = 1 << 4
    RESOURCE_MISSING = 1 << 5
    VALUE_REFUSED = 1 << 6
    NOT_BINDING = 1 << 7
    RESTORED = 1 << 8
    STORE_FAILING = 1 << 9
    OPERATOR_OVERRIDE = 1 << 10
    STANDBY = 1 << 11
    TEST_ENVIRONMENT = 1 << 12
    NOT_CONFIRMED = 1 << 13
    LINK_AGING = 1 << 14
    SHUTTING_DOWN = 1 << 15
    BATCH_UNREADABLE = 1 << 16
    FREE_TO_RUN = 1 << 17
    FALLBACK = 1 << 18
    MISMATCH = 1 << 19
    CONFLICT = 1 << 20
