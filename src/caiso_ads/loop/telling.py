"""What is said of a document beside its values: what our tables do not know, and contents that contradict each other.

Rule: said after it was published, because it may wait and the plant may not; each novelty once in the life of a process.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.novelty import novelties
from caiso_ads.ports import Recorded

log = logging.getLogger("caiso_ads.gateway")

MOST_TOLD = 500
"""How many novelties are told in the life of a process; a flood of made-up names must not fill the log."""


class Teller:
    """Remembers what it has told."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def news(self, document: DispatchBatch | TrajectoryBatch, foreign: Iterable[str]) -> None:
        """Log what is not in our tables, and resources (``foreign``) that are not configured."""
        self._once("resource not configured, stored and not published", foreign)
        self._once("unknown to this version, kept", novelties(document))

    def conflict(self, uid: str, recorded: Recorded) -> None:
        """Log that a revision came again with another content."""
        if recorded.conflict:
            log.error("batch %s: same revision, other content: both kept, the one received last is used", uid)

    def _once(self, what: str, found: Iterable[str]) -> None:
        for text in set(found) - self._told:
            if len(self._told) < MOST_TOLD:
                self._told.add(text)
                log.warning("%s: %s", what, text)
