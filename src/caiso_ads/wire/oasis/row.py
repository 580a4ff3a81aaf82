"""One price row as OASIS sends it, what a reader wants of an answer, and the checks of single fields.

Rule: structure that is wrong always raises; a single field that is wrong goes to ``refuse``, which raises or notes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from typing import Any, NamedTuple, cast

from caiso_ads.core.price import FailedCheck

MAX_NAME = 80
_NUMBER = frozenset("0123456789.+-eE")


class LmpRow(NamedTuple):
    """One component of one price. ``kind`` is LMP, MCE, MCC, MCL, MGHG or what else OASIS wrote; times are UTC."""

    node: str
    start: datetime
    end: datetime
    kind: str
    usd_per_mwh: float


_AS_ROW = cast("Callable[[Iterable[Any]], LmpRow]", partial(tuple.__new__, LmpRow))  # no Python call for each row


class Block(NamedTuple):
    """Some rows as columns of one length: a million rows go through without a step for each."""

    nodes: list[str]
    starts: list[datetime]
    ends: list[datetime]
    kinds: list[str]
    usd_per_mwh: list[float]

    @classmethod
    def of(cls, rows: Iterable[LmpRow]) -> Block:
        """Turn rows into columns."""
        found = list(rows)
        return cls(
            [row.node for row in found],
            [row.start for row in found],
            [row.end for row in found],
            [row.kind for row in found],
            [row.usd_per_mwh for row in found],
        )

    def rows(self) -> Iterable[LmpRow]:
        """Return the rows."""
        return map(_AS_ROW, zip(*self, strict=True))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows to yield; None is all. Members and rows that are not wanted are skipped as early as possible."""

    nodes: frozenset[str] | None = None
    kinds: frozenset[str] | None = None

    def holds(self, row: LmpRow) -> bool:
        """Whether a row is wanted."""
        return (self.nodes is None or row.node in self.nodes) and (self.kinds is None or row.kind in self.kinds)


EVERYTHING = Wanted()

Refuse = Callable[[FailedCheck], None]
"""Called with the reason for each row left out; it may raise."""


def instant(text: str) -> datetime:
    """Return an aware UTC time; raises ValueError for anything else, also without an offset."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is UTC:  # what "-00:00" becomes; each price has two of them
        return value
    if value.tzinfo is None:
        raise ValueError(f"time without an offset: {text!r}")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"time out of range: {text!r}") from None


def number(text: str) -> float:
    """Return a finite number in plain digits; raises ValueError for anything else."""
    if not _NUMBER.issuperset(text) or not isfinite(value := float(text)):
        raise ValueError(f"not a finite number: {text[:40]!r}")
    return value


def name(text: str) -> str:
    """Return a node's or component's name; raises ValueError when it is empty, long or not printable ASCII."""
    if not text or len(text) > MAX_NAME or not (text.isascii() and text.isprintable()):
        raise ValueError(f"not a name: {text[:40]!r}")
    return text


def failed(node: str, start: str, text: str) -> FailedCheck:
    """Return why a row was left out, with as much of its node and begin as can be read."""
    try:
        return FailedCheck(name(node), text, instant(start))
    except ValueError:
        pass  # one of the two is what is wrong with it
    try:
        return FailedCheck(name(node), text)
    except ValueError:
        return FailedCheck("", text)
