"""What a sink tells of who could read what, what it refused and what it did, as a protocol; and the deaf listener.

Rule: a sink calls these for each snapshot, not for each read, and never waits: what it costs is one call a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class SinkEvidence(Protocol):
    """Hears what sinks have shown and who has read it. ``generation`` is that of the snapshot; it never waits."""

    def seen(self, sink: str, generation: int) -> None:
        """Hear that the plant can now read that snapshot by this sink."""

    def read(self, sink: str, client: str, unit: int, generation: int) -> None:
        """Hear that a client was answered from that snapshot; ``client`` is its address, ``unit`` its unit ID."""

    def refused(self, sink: str, client: str, what: str) -> None:
        """Hear that a client tried what it may not: a write, a control, a login. Repeats are counted, not kept.

        ``what`` names the attempt in few words, from a small set: it must not hold text of the client's own.
        """

    def acted(self, sink: str, resource: str, text: str, detail: Mapping[str, object]) -> None:
        """Hear what a sink did, or would have done, to the plant; ``detail`` holds plain JSON values. Each is kept."""


class Unwatched:
    """Keeps no evidence; where a sink runs without a gateway."""

    def seen(self, sink: str, generation: int) -> None:
        """Keep nothing."""

    def read(self, sink: str, client: str, unit: int, generation: int) -> None:
        """Keep nothing."""

    def refused(self, sink: str, client: str, what: str) -> None:
        """Keep nothing."""

    def acted(self, sink: str, resource: str, text: str, detail: Mapping[str, object]) -> None:
        """Keep nothing."""


UNWATCHED = Unwatched()
