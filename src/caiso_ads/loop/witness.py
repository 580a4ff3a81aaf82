"""What the gateway tells the evidence of itself: its start and end, its configuration, and its clock.

Rule: of the configuration only a SHA-256 is told, never a value: a secret would stay in the chain for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from caiso_ads.core.happenings import ClockSampled, ClockStepped, Event
from caiso_ads.core.state import State
from caiso_ads.ports.answers import Fact

WHO = "caiso-ads"
CONFIGURATION = "configuration"
"""The subject under which the digest of the last start is found."""


def digest_of(config: Path) -> str:
    """Return the SHA-256 of the configuration file in hexadecimal; empty when it cannot be read."""
    try:
        return sha256(config.read_bytes()).hexdigest()
    except OSError:
        return ""


def started(at: datetime, version: str, environment: str, digest: str, before: str | None) -> list[Fact]:
    """Return the facts of a start. ``before`` is the digest of the configuration at the last start, None at the first."""
    detail = {"version": version, "environment": environment, "config_sha256": digest}
    text = f"started with the configuration {digest[:12]}"
    facts = [Fact("started", at, WHO, text, uid=CONFIGURATION, detail=detail)]
    if before is not None and before != digest:
        change = {"config_sha256": digest, "before_sha256": before}
        text = f"the configuration changed since the last start: {before[:12]} to {digest[:12]}"
        facts.insert(0, Fact("config changed", at, WHO, text, detail=change))
    return facts


def stopped(at: datetime) -> Fact:
    """Return the fact of an orderly end."""
    return Fact("stopped", at, WHO, "stopped")


@dataclass(slots=True)
class ClockWitness:
    """Notes each step of our clock, and each change of trust in it."""

    note: Callable[[Fact], None]
    now: Callable[[], datetime]
    _trusted: bool = field(default=True, init=False)

    def folded(self, event: Event, state: State) -> None:
        """Look at the state after an event."""
        if isinstance(event, ClockStepped):
            before, at = event.before, event.at
            step_s = (at.wall - before.wall).total_seconds() - (at.mono - before.mono)
            self._tell("clock step", f"our clock was set by {step_s:+.3f} s", {"step_s": round(step_s, 3)})
        if isinstance(event, ClockStepped | ClockSampled) and state.clock.ok is not self._trusted:
            self._trusted = state.clock.ok
            kind = "clock trusted" if self._trusted else "clock not trusted"
            offset_s = state.clock.offset_s
            told = "not known" if offset_s is None else f"{offset_s:+.1f} s"
            self._tell(kind, f"{kind}: the ISO's minus ours is {told}", {"offset_s": offset_s})

    def _tell(self, kind: str, text: str, detail: dict[str, object]) -> None:
        self.note(Fact(kind, self.now(), WHO, text, detail=detail))
