"""Whether asking again can help, and when. Pure.

Rule: the class of an error decides, from the one table of codes; a code that is not known may pass by itself.
"""

from __future__ import annotations

from caiso_ads.errors import (
    HttpStatusError,
    OasisError,
    RemoteError,
    ThrottledError,
    UnreachableError,
    WireError,
)
from caiso_ads.wire.oasis.reports import ERROR_CODES, Verdict

FIRST_S = 5.0
LONGEST_S = 120.0


def verdict(error: RemoteError) -> Verdict:
    """Return what an error means for the one who asked."""
    match error:
        case OasisError():
            return ERROR_CODES[error.code][0] if error.code in ERROR_CODES else Verdict.RETRY
        case HttpStatusError():
            again = error.status in (408, 425, 429) or error.status >= 500
            return Verdict.RETRY if again else Verdict.PERMANENT
        case ThrottledError() | UnreachableError() | WireError():
            return Verdict.RETRY  # a broken archive is more often a broken transfer than a changed format
        case _:
            return Verdict.PERMANENT


def too_many_nodes(error: RemoteError) -> bool:
    """Whether fewer nodes in a request would do."""
    return (isinstance(error, OasisError) and error.code == 1017) or (
        isinstance(error, HttpStatusError) and error.status == 414
    )


def wrong_version(error: RemoteError) -> bool:
    """Whether another version of the report may do."""
    return isinstance(error, OasisError) and error.code == 1020


def delay_s(attempt: int, jitter: float) -> float:
    """Return how long to wait after so many failed attempts (s); ``jitter`` in 0..1 adds up to half."""
    return float(min(LONGEST_S, FIRST_S * 2 ** min(attempt - 1, 10))) * (1 + jitter / 2)
