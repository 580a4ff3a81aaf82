"""What a sink tells of who could read what, as a protocol; and the listener that keeps nothing.

Rule: a sink calls these for each snapshot, not for each read, and never waits: what it costs is one call a snapshot.
"""

from __future__ import annotations

from typing import Protocol


class SinkEvidence(Protocol):
    """Hears what sinks have shown and who has read it. ``generation`` is that of the snapshot; it never waits."""

    def seen(self, sink: str, generation: int) -> None:
        """Hear that the plant can now read that snapshot by this sink."""

    def read(self, sink: str, client: str, unit: int, generation: int) -> None:
        """Hear that a client was answered from that snapshot; ``client`` is its address, ``unit`` its unit ID."""


class Unwatched:
    """Keeps no evidence; where a sink runs without a gateway."""

    def seen(self, sink: str, generation: int) -> None:
        """Keep nothing."""

    def read(self, sink: str, client: str, unit: int, generation: int) -> None:
        """Keep nothing."""


UNWATCHED = Unwatched()
