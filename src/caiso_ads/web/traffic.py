"""What was answered, counted since start. Rule: counts only; who asked what is not kept here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Traffic:
    """Answers by the first digit of their status, and the seconds they took in all; streams are left out."""

    answered: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    def count(self, status: int, seconds: float) -> None:
        """Count one answer."""
        kind = status // 100
        self.answered[kind] = self.answered.get(kind, 0) + 1
        self.seconds += max(0.0, seconds)
