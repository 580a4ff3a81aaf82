"""Quality as an OPC UA status code. Rule: only GOOD is good; a value that is not there is never good.

An operator's override is UncertainSubstituteValue ("manually overwritten", OPC 10000-8), because a client that looks
at the severity alone would take GoodLocalOverride for the ISO's word.
"""

from __future__ import annotations

from caiso_ads.core.quality import Quality

GOOD = 0x00000000
NO_DATA = 0x809B0000
UNCERTAIN = 0x40000000
_BAD = 0x80000000

STATUS: dict[Quality, int] = {
    Quality.INIT: 0x80320000,  # BadWaitingForInitialData
    Quality.GOOD: GOOD,
    Quality.UNCERTAIN: 0x40900000,  # UncertainLastUsableValue
    Quality.BAD_COMM: 0x80310000,  # BadNoCommunication
    Quality.BAD_STALE: NO_DATA,  # BadNoData
    Quality.BAD_DATA: 0x803C0000,  # BadOutOfRange
    Quality.BAD_CONFIG: 0x80890000,  # BadConfigurationError
    Quality.BAD_STORE: 0x80040000,  # BadResourceUnavailable
    Quality.STANDBY: 0x808D0000,  # BadOutOfService
    Quality.SHUTDOWN: 0x800C0000,  # BadShutdown
    Quality.FORCED: 0x40910000,  # UncertainSubstituteValue
}


_WORDS = ("directive", "reasons", "quality", "published_quality")


def status_of(key: str, quality: Quality, *, present: bool) -> int:
    """Return the status code of a point's value; one that should be usable but is not there is BadNoData.

    A Bad status takes the value away (OPC 10000-4 §7.11). The words that say why nothing is good stay readable: they
    are Uncertain then, so that a client that looks at the severity alone does not trust them.
    """
    code = STATUS[quality]
    if key in _WORDS and present and code & _BAD:
        return UNCERTAIN
    return code if present or code & _BAD else NO_DATA


def held_status(status: int, *, present: bool) -> int:
    """Return the status of the companion that shows a held number: Uncertain where the point itself is Bad.

    UncertainLastUsableValue is the standard's word for a value that is kept while nothing newer comes. It is never
    better than the point's own status in the eyes of a client that wants Good.
    """
    return STATUS[Quality.UNCERTAIN] if present and status & _BAD else status
