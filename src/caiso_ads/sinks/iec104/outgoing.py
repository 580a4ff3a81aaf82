"""What one master is still to be told: answers and changes in the order they arose, bounded.

Rule: an older value never follows a newer one. An answer is never lost; of changes, when more wait than the limit, only
the newest of each object is kept: a slow master misses states in between, never the last one, and memory is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from caiso_ads.sinks.iec104 import asdu
from caiso_ads.sinks.iec104.asdu import TIMED, Cause, Object, Type
from caiso_ads.sinks.iec104.station import Answer

MOST_REPLIES, MOST_INTERROGATIONS = 64, 2


class Change(NamedTuple):
    """One change to be told, and the snapshot it comes from (-1: from none that is live)."""

    object: Object
    generation: int


class Message(NamedTuple):
    """A message, and the generation of the snapshot whose changes or objects end with it; -1 for none.

    ``completes`` marks the end of a general interrogation: from then on the master's picture is whole.
    """

    asdu: bytes
    generation: int
    completes: bool = False


class _Interrogation(NamedTuple):
    """What is left of one: its messages, made when they are taken, and those behind them."""

    body: Iterator[Message]
    tail: deque[Message]


class Outgoing:
    """The queue of one master. ``collapsed`` counts how often changes in between were given up."""

    def __init__(self, common_address: int, types: Mapping[int, Type], limit: int) -> None:
        self.collapsed = 0
        self._common_address, self._types, self._limit = common_address, types, limit
        self._replies: deque[bytes] = deque()
        self._behind = 0
        self._interrogations: deque[_Interrogation] = deque()
        self._changes: deque[Change] = deque()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._replies or self._interrogations or self._changes)

    @property
    def busy(self) -> bool:
        """Whether no other interrogation can be taken now."""
        return len(self._interrogations) >= MOST_INTERROGATIONS

    @property
    def flooded(self) -> bool:
        """Whether more short answers wait than a master that takes them ever has."""
        return len(self._replies) + self._behind > MOST_REPLIES

    @property
    def waiting(self) -> int:
        """How many changes wait by themselves."""
        return len(self._changes)

    def clear(self) -> None:
        """Forget everything: the connection was stopped, and what is old then is not told as new later."""
        self._behind = 0
        self._replies.clear()
        self._interrogations.clear()
        self._changes.clear()

    def reply(self, message: bytes, read: int | None = None) -> None:
        """Queue a short answer before all else; one that reads an object, behind what is older.

        A change of that object which waits is older too, and is not told after it.
        """
        if read is None or not self._interrogations:
            self._replies.append(message)
        else:
            self._interrogations[-1].tail.append(Message(message, -1))  # what that interrogation holds is older
            self._behind += 1
        if read is not None and self._changes:
            self._changes = deque(one for one in self._changes if one.object.address != read)

    def interrogated(self, answer: Answer, generation: int, *, completes: bool) -> None:
        """Queue the answer to an interrogation behind the changes that wait: they are older."""
        older = [self._take() for _ in iter(self._changes.__len__, 0)]
        values = (Message(one, -1) for one in answer.body or ())
        body = chain(older, (Message(answer.first, -1),), values)
        self._interrogations.append(_Interrogation(body, deque((Message(answer.last, generation, completes),))))

    def tell(self, changes: Iterable[Change]) -> None:
        """Queue changes behind what waits."""
        self._changes.extend(changes)
        if len(self._changes) > self._limit:
            newest: dict[int, Change] = {}
            for change in self._changes:
                newest.pop(change.object.address, None)
                newest[change.object.address] = change
            self.collapsed += len(newest) < len(self._changes)
            self._changes = deque(newest.values())

    def next(self) -> Message | None:
        """Take the next message, or nothing when none waits."""
        if self._replies:
            return Message(self._replies.popleft(), -1)
        if not self._interrogations:
            self._behind = 0
        else:
            body, tail = self._interrogations[0]
            if (message := next(body, None)) is None:
                message = tail.popleft()
            if not tail:
                self._interrogations.popleft()
            return message
        return self._take() if self._changes else None

    def _take(self) -> Message:
        """Pack as many changes of one type as stand together at the front."""
        changes, types = self._changes, self._types
        kind = types[changes[0].object.address]
        taken: list[Change] = []
        while changes and types[changes[0].object.address] is kind and len(taken) < asdu.room(TIMED[kind]):
            taken.append(changes.popleft())
        last = taken[-1].generation
        ends = not changes or changes[0].generation != last
        message = asdu.pack(TIMED[kind], Cause.SPONTANEOUS, self._common_address, [one.object for one in taken])
        return Message(message, last if ends else -1)
