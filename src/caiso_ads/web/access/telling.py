"""What the evidence hears of access. Rule: who, from where and what; never a secret, nor a name that nobody has.

What was refused is counted: one row at once, then one a minute, so that no guesser fills the chain.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from caiso_ads.ports.answers import Fact
from caiso_ads.ports.evidence import SinkEvidence

log = logging.getLogger("caiso_ads.web.access")


class Telling:
    """``note`` takes facts and never waits; ``now`` is the time the evidence is kept in."""

    def __init__(self, note: Callable[[Fact], None], evidence: SinkEvidence, now: Callable[[], datetime]) -> None:
        self.note, self._evidence, self._now = note, evidence, now

    def did(self, who: str, address: str, text: str, **detail: object) -> None:
        """Tell what somebody did, or what was done to an account."""
        log.warning("%s from %s: %s", who, address, text)
        self.note(Fact("access", self._now(), who, text, detail={"from": address, **detail}))

    def refused(self, address: str, what: str) -> None:
        """Tell what was refused; ``what`` must come from a small set."""
        self._evidence.refused("web", address, what)
