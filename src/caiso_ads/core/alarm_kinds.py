"""The nouns of alarms: what a kind of alarm is, the states one can be in, and what is told of each change.

Rule: an alarm asks a person to act, so it has a cause, a consequence and an action. Spec: ISA-18.2 (IEC 62682), states of
the alarm life cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

from caiso_ads.core.events import Notice
from caiso_ads.core.quality import Reason


class Priority(IntEnum):
    """How soon somebody must act; the smaller the sooner."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4

    @property
    def word(self) -> str:
        """The word in documents."""
        return self.name.lower()


class Scope(StrEnum):
    """What an alarm is about; its subject is the name of that one thing, empty for the gateway."""

    GATEWAY = "gateway"
    RESOURCE = "resource"
    NODE = "node"
    SINK = "sink"
    CERTIFICATE = "certificate"
    INSTRUCTION = "instruction"


class AlarmState(StrEnum):
    """Where an alarm stands; one that is normal is not listed at all."""

    ACTIVE_UNACK = "active_unack"
    ACTIVE_ACK = "active_ack"
    RETURNED_UNACK = "returned_unack"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    NORMAL = "normal"


class What(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"


class Ident(NamedTuple):
    """Which alarm: its kind and its subject."""

    key: str
    subject: str = ""

    @property
    def text(self) -> str:
        """The identifier people and documents use: ``link``, ``value_refused:RES_1``."""
        return f"{self.key}:{self.subject}" if self.subject else self.key


def ident_of(text: str) -> Ident:
    """Return the alarm of such an identifier."""
    key, _, subject = text.partition(":")
    return Ident(key, subject)


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One line of the catalogue.

    ``begins`` and ``over`` are its texts, with points of its resource in braces. ``bit`` is the bit of a resource that
    it is read from, where it is read from one; without a value for ``number`` nothing is known then. It changes once its condition has lasted ``on_delay_s`` or
    been over for ``off_delay_s`` (s). ``roots``: kinds whose alarm explains this one. ``logged`` is False where another
    part of the program writes the line.
    """

    key: str
    scope: Scope
    priority: Priority
    begins: str
    over: str
    cause: str
    consequence: str
    action: str
    bit: Reason | Notice | None = None
    number: str = ""
    on_delay_s: float = 0.0
    off_delay_s: float = 10.0
    roots: tuple[str, ...] = ()
    logged: bool = True


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm at one time. Times are UTC; ``children`` are the identifiers of those that follow from it.

    ``root`` is the alarm it follows from while it is suppressed. ``by`` is who acknowledged or shelved it. ``active``:
    its condition holds. ``count``: how often it was raised since it was last normal.
    ``unseen``: it waits for somebody to acknowledge it, also while it is shelved or suppressed.
    """

    ident: Ident
    kind: AlarmKind
    state: AlarmState
    active: bool
    raised_at: datetime
    changed_at: datetime
    text: str
    by: str = ""
    note: str = ""
    shelved_until: datetime | None = None
    root: str = ""
    count: int = 1
    children: tuple[str, ...] = ()
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One change: what happened to ``alarm``, which is as it stands after it, when (UTC) and by whom.

    ``who`` is empty where no person did it. Suppressed and shelved alarms change too: who only tells people what asks
    for them looks at ``announces``.
    """

    what: What
    at: datetime
    alarm: Alarm
    text: str
    who: str = ""
    note: str = ""

    @property
    def announces(self) -> bool:
        """Whether this calls somebody: an alarm that was raised, and is neither shelved nor suppressed."""
        return self.what is What.RAISED and self.alarm.state is AlarmState.ACTIVE_UNACK
