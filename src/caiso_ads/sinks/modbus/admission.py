"""Who gets a place: the allow-list, the limits, and the places kept for the masters a plant cannot do without.

Rule: strangers can never fill the places kept for reserved masters, however many connect and however long they stay.
A reserved master takes any free place, also one that is not kept; the limit for one address holds for it too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from caiso_ads.sinks._allow import AllowList

NOT_ALLOWED = "not in allow"


@dataclass(frozen=True, slots=True)
class Places:
    """The limits: ``most`` connections at one time, ``per_address`` of one address, ``kept`` for ``reserved`` masters."""

    allow: AllowList
    reserved: AllowList
    most: int
    per_address: int
    kept: int

    @property
    def for_strangers(self) -> int:
        """How many places masters that are not reserved may take together."""
        return self.most - self.kept if self.reserved else self.most


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a master is refused: ``kind`` of a small set, and the same in words."""

    kind: str
    text: str


@dataclass(slots=True)
class Admission:
    """Counts who is in. ``enter`` and ``leave`` must come in pairs."""

    places: Places
    _inside: Counter[str] = field(default_factory=Counter)
    _strangers: int = 0

    def refusal(self, peer: str) -> Refusal | None:
        """Return why this peer may not enter now; None when it may."""
        places, total = self.places, self._inside.total()
        if not places.allow.admits(peer):
            return Refusal(NOT_ALLOWED, "its address is not in allow")
        if self._inside[peer] >= places.per_address:
            return Refusal("address", f"{places.per_address} connections from there are open")
        if total >= places.most:
            return Refusal("full", f"{places.most} connections are open")
        if self._strangers >= places.for_strangers and not places.reserved.lists(peer):
            return Refusal("kept", f"the {places.kept} places left are kept for reserved masters")
        return None

    def enter(self, peer: str) -> None:
        """Take one connection into account."""
        self._inside[peer] += 1
        self._strangers += not self.places.reserved.lists(peer)

    def leave(self, peer: str) -> None:
        """Take one connection out of account."""
        self._inside[peer] -= 1
        if not self._inside[peer]:
            del self._inside[peer]
        self._strangers -= not self.places.reserved.lists(peer)
