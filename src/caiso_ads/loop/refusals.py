"""What clients tried and may not do: the first attempt of a kind is a row at once, repeats are one row a minute.

Rule: an attacker who tries a thousand times a second, from many addresses, cannot fill the evidence; the counts stay
true. What is still counted when the process is killed is lost, at most a minute of repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from caiso_ads.core.instant import Instant
from caiso_ads.ports.answers import Fact

REPEAT_S = 60.0
"""How often repeats of one kind are written (s)."""
MOST_KINDS = 256
"""Sink, client and attempt together; further ones are counted as one kind, of all clients, for each sink."""

OTHERS = "further clients"


@dataclass(slots=True)
class _Repeats:
    """How many since the last row, and when that was (monotonic s)."""

    written: float
    count: int = 0


class Refusals:
    """Counts attempts; ``note`` takes the facts and must not wait."""

    def __init__(self, note: Callable[[Fact], None]) -> None:
        self._note = note
        self._known: dict[tuple[str, str, str], _Repeats] = {}

    def add(self, sink: str, client: str, what: str, now: Instant) -> None:
        """Take one attempt into account."""
        key = (sink, client, what)
        if key not in self._known and len(self._known) >= MOST_KINDS:
            key = (sink, OTHERS, "")
        known = self._known.get(key)
        if known is None:
            self._known[key] = _Repeats(now.mono)
            self._write(key, 1, now)
        else:
            known.count += 1
            self.flush(now)

    def flush(self, now: Instant) -> None:
        """Write the repeats whose minute is over, and forget what has not come again for one."""
        for key, known in list(self._known.items()):
            if now.mono - known.written < REPEAT_S:
                continue
            if known.count:
                self._write(key, known.count, now)
                known.written, known.count = now.mono, 0
            else:
                del self._known[key]

    def _write(self, key: tuple[str, str, str], count: int, now: Instant) -> None:
        sink, client, what = key
        text = f"refused {client} over {sink}: {what or 'attempts of many kinds'}"
        text += f", {count} times more" if count > 1 or self._known[key].count else ""
        detail = {"sink": sink, "client": client, "what": what, "times": count}
        self._note(Fact("refused", now.wall, client, text, detail=detail))
