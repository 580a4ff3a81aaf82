"""One connection's rules: start and stop, numbering, windows and timers, without a socket or a clock.

Rule: what breaks the protocol is a WireError and ends the connection; time is an argument, in seconds of any clock
that never jumps. Spec: IEC 60870-5-104 §5 (k, w, t1, t2, t3) and §5.3 (controlled station).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from caiso_ads.errors import WireError
from caiso_ads.sinks.iec104.apdu import MODULO, Frame, IFrame, SFrame, U, UFrame


@dataclass(frozen=True, slots=True)
class Limits:
    """``k`` frames may wait for acknowledgement, ``w`` are acknowledged at the latest; timers in seconds."""

    k: int = 12
    w: int = 8
    t1: float = 15.0
    t2: float = 10.0
    t3: float = 20.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that waits for acknowledgement, and what its sender wants to know it by."""

    at: float
    tag: int


class Session:
    """The controlled station's side of one connection.

    ``outbox`` holds frames to write, in order. ``acknowledged`` is the highest tag of all frames the other side has
    confirmed. ``started`` tells that data may flow.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self.started = False
        self.outbox: list[Frame] = []
        self.acknowledged = -1
        self._limits = limits
        self._next = self._expected = 0
        self._unconfirmed: deque[Sent] = deque()
        self._unanswered = 0  # I frames received that we have not acknowledged
        self._unanswered_since = self._heard = now
        self._tested: float | None = None
        self._stopping = False

    @property
    def may_send(self) -> bool:
        """Whether an I frame may leave now."""
        return self.started and len(self._unconfirmed) < self._limits.k

    def send(self, asdu: bytes, now: float, tag: int = -1) -> None:
        """Send a message; only while ``may_send``."""
        self.outbox.append(IFrame(self._next, self._expected, asdu))
        self._next = (self._next + 1) % MODULO
        self._unconfirmed.append(Sent(now, tag))
        self._unanswered = 0

    def receive(self, frame: Frame, now: float) -> bytes | None:
        """Take a frame; return the message of an I frame. WireError when the connection must end."""
        self._heard = now
        match frame:
            case IFrame(sent, received, asdu):
                self._confirm(received)
                if not self.started:
                    raise WireError("an I frame before STARTDT", where="APCI")
                if sent != self._expected:
                    raise WireError(f"frame {sent} came where {self._expected} was due", where="APCI")
                self._count(now)
                return asdu
            case SFrame(received):
                self._confirm(received)
            case UFrame(function):
                self._control(function)
        return None

    def _count(self, now: float) -> None:
        self._expected = (self._expected + 1) % MODULO
        if not self._unanswered:
            self._unanswered_since = now
        self._unanswered += 1
        if self._unanswered >= self._limits.w:
            self._acknowledge()

    def _acknowledge(self) -> None:
        self.outbox.append(SFrame(self._expected))
        self._unanswered = 0

    def _confirm(self, received: int) -> None:
        pending = len(self._unconfirmed)
        confirmed = (received - (self._next - pending)) % MODULO
        if confirmed > pending:
            raise WireError(f"frame {received} acknowledged, {self._next} is the next", where="APCI")
        for _ in range(confirmed):
            self.acknowledged = max(self.acknowledged, self._unconfirmed.popleft().tag)
        self._stop_if_confirmed()

    def _control(self, function: U) -> None:
        match function:
            case U.STARTDT_ACT:
                self.started, self._stopping = True, False
                self.outbox.append(UFrame(U.STARTDT_CON))
            case U.STOPDT_ACT:
                self.started, self._stopping = False, True
                if self._unanswered:
                    self._acknowledge()
                self._stop_if_confirmed()
            case U.TESTFR_ACT:
                self.outbox.append(UFrame(U.TESTFR_CON))
            case U.TESTFR_CON:
                self._tested = None
            case U.STARTDT_CON | U.STOPDT_CON:
                raise WireError(f"{function.name} to a station that asked for nothing", where="APCI")

    def _stop_if_confirmed(self) -> None:
        """Spec: 60870-5-104 §5.3: a stop is confirmed when all that was sent has been acknowledged."""
        if self._stopping and not self._unconfirmed:
            self._stopping = False
            self.outbox.append(UFrame(U.STOPDT_CON))

    def tick(self, now: float) -> None:
        """Do what time demands; WireError when t1 has run out."""
        limits = self._limits
        if self._unconfirmed and now - self._unconfirmed[0].at >= limits.t1:
            raise WireError(f"nothing acknowledged for t1 = {limits.t1:g} s", where="APCI")
        if self._tested is not None and now - self._tested >= limits.t1:
            raise WireError(f"TESTFR not answered for t1 = {limits.t1:g} s", where="APCI")
        if self._unanswered and now - self._unanswered_since >= limits.t2:
            self._acknowledge()
        if self._tested is None and now - self._heard >= limits.t3:
            self._tested = now
            self.outbox.append(UFrame(U.TESTFR_ACT))
