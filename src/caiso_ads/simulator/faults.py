"""Faults on demand: what goes wrong, for which operation, how often. The table of kinds is here; wires break elsewhere.

Rule: a fault is taken by a call when it is armed for it and its chance (from the seed, not from luck) says so; the
first armed one wins. ``content`` kinds change the document, ``wire`` kinds change how the answer travels. A fault armed
for any operation hits the dispatch services; the price service must be named (``oasis``, or one of its reports).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from caiso_ads.errors import ConfigError
from caiso_ads.simulator.noise import unit
from caiso_ads.simulator.oasis_query import GROUPS, SINGLE
from caiso_ads.wire.oasis.reports import ERROR_CODES
from caiso_ads.wire.operations import OPERATIONS, ResultKind

ANY_REPORT = "oasis"
REPORTS = frozenset({ANY_REPORT, *SINGLE, *GROUPS})
"""What a fault of the price service may be armed for."""
PRICES = "prices"
_SOAP = tuple(ResultKind)
_DOCUMENTS = (ResultKind.LIST, ResultKind.BATCH, ResultKind.HEADER, ResultKind.TRAJECTORY)


class FaultKind(StrEnum):
    """What can go wrong."""

    LATE = "late"
    DUPLICATE = "duplicate"
    EMPTY = "empty"
    NO_RESULT = "no-result"
    HTTP_500 = "http-500"
    HTTP_503 = "http-503"
    SOAP_FAULT = "soap-fault"
    HTML = "html"
    REDIRECT = "redirect"
    TRUNCATED_BASE64 = "truncated-base64"
    BAD_GZIP = "bad-gzip"
    DRIP = "drip"
    CUT = "cut"
    RESET = "reset"
    HANG = "hang"
    UNKNOWN_UID = "unknown-uid"
    UNKNOWN_BATCH_TYPE = "unknown-batch-type"
    WRONG_ANSWER = "wrong-answer"
    LOST_ANSWER = "lost-answer"
    LOST_REQUEST = "lost-request"
    OASIS_CODE = "oasis-NNNN"
    THROTTLE = "throttle"
    TRUNCATED_ZIP = "truncated-zip"
    XML = "xml"
    EMPTY_XML = "empty-xml"
    HTTP_404 = "http-404"


@dataclass(frozen=True, slots=True)
class KindRow:
    """What a kind does, to which results it applies (all when empty), and what ``seconds`` means for it."""

    doc: str
    results: tuple[ResultKind | str, ...] = ()
    seconds: float = 0.0


KINDS: dict[FaultKind, KindRow] = {
    FaultKind.LATE: KindRow("the answer waits so many seconds", seconds=5.0),
    FaultKind.DUPLICATE: KindRow("every batch of a list twice", (ResultKind.LIST, ResultKind.TRAJECTORY)),
    FaultKind.EMPTY: KindRow("the document without its content", _DOCUMENTS),
    FaultKind.NO_RESULT: KindRow("an answer without a result element", _SOAP),
    FaultKind.HTTP_500: KindRow("HTTP 500 with plain text"),
    FaultKind.HTTP_503: KindRow("HTTP 503 with Retry-After of so many seconds", seconds=30.0),
    FaultKind.SOAP_FAULT: KindRow("a SOAP fault; its text is invented", _SOAP),
    FaultKind.HTML: KindRow("HTTP 200 with a login page"),
    FaultKind.REDIRECT: KindRow("HTTP 302 to another host"),
    FaultKind.TRUNCATED_BASE64: KindRow(
        "the packed document cut in the middle", (ResultKind.BATCH, ResultKind.TRAJECTORY)
    ),
    FaultKind.BAD_GZIP: KindRow("the packed document with a wrong checksum", (ResultKind.BATCH, ResultKind.TRAJECTORY)),
    FaultKind.DRIP: KindRow("the answer byte by byte, one every so many seconds", seconds=1.0),
    FaultKind.CUT: KindRow("a body shorter than its Content-Length, then the end"),
    FaultKind.RESET: KindRow("half an answer, then a connection reset"),
    FaultKind.HANG: KindRow("no answer at all"),
    FaultKind.UNKNOWN_UID: KindRow(
        "answered as if the UID were unknown", (*_DOCUMENTS, ResultKind.STATUS, ResultKind.FLAG)
    ),
    FaultKind.UNKNOWN_BATCH_TYPE: KindRow(
        "batches of a type nobody knows, 99", (ResultKind.LIST, ResultKind.BATCH, ResultKind.HEADER)
    ),
    FaultKind.WRONG_ANSWER: KindRow("the answer to another operation", _SOAP),
    FaultKind.LOST_ANSWER: KindRow("done as asked, then the end of the connection without a byte of answer", _SOAP),
    FaultKind.LOST_REQUEST: KindRow("nothing done, and the same end: no caller can tell the two apart", _SOAP),
    FaultKind.OASIS_CODE: KindRow("INVALID_REQUEST with that error code, as in oasis-1003", (PRICES,)),
    FaultKind.THROTTLE: KindRow("the page that refuses a request too soon", (PRICES,)),
    FaultKind.TRUNCATED_ZIP: KindRow("the zip cut in the middle, with a length that fits", (PRICES,)),
    FaultKind.XML: KindRow("XML, whatever form was asked for", (PRICES,)),
    FaultKind.EMPTY_XML: KindRow("XML without rows, as where nothing is published yet", (PRICES,)),
    FaultKind.HTTP_404: KindRow("HTTP 404 with plain text", (PRICES,)),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One armed fault: ``operation`` empty for all; ``times`` None for ever; ``seconds`` None for the kind's own.

    Raises ConfigError for an unknown kind or operation, or where the kind cannot apply to the operation.
    """

    kind: str
    operation: str = ""
    times: int | None = 1
    probability: float = 1.0
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in set(FaultKind) - {FaultKind.OASIS_CODE} and self.code is None:
            raise ConfigError("no such fault", table="fault", key=self.kind, cure=f"known: {', '.join(FaultKind)}")
        if self.operation and self.operation not in OPERATIONS and self.operation not in REPORTS:
            raise ConfigError("no such operation", table="fault", key=self.operation)
        if self.operation and not self.fits(self.operation):
            raise ConfigError(f"{self.kind} cannot happen to {self.operation}", table="fault", key="operation")
        if not 0.0 < self.probability <= 1.0 or (self.times is not None and self.times < 1):
            raise ConfigError("times must be at least 1 and probability in (0, 1]", table="fault", key=self.kind)

    @property
    def code(self) -> int | None:
        """The price service's error code of an ``oasis-NNNN``; None for every other kind."""
        head, _, digits = self.kind.partition("-")
        known = head == "oasis" and digits.isascii() and digits.isdigit() and int(digits) in ERROR_CODES
        return int(digits) if known else None

    @property
    def family(self) -> FaultKind:
        """Its row of the table."""
        return FaultKind.OASIS_CODE if self.code is not None else FaultKind(self.kind)

    def fits(self, operation: str) -> bool:
        """Whether it may hit a call of that operation."""
        results = KINDS[self.family].results
        if operation in REPORTS:
            armed = {operation, ANY_REPORT} | ({""} if results == (PRICES,) else set())
            return self.operation in armed and (not results or PRICES in results)
        return self.operation in {"", operation} and (not results or OPERATIONS[operation].result in results)

    @property
    def delay_s(self) -> float:
        """Seconds of delay, drip or Retry-After."""
        return KINDS[self.family].seconds if self.seconds is None else self.seconds


def parse(text: str) -> Fault:
    """Read ``KIND[:operation[:times]]``; ``*`` for any operation, ``forever`` for no end. Raises ConfigError."""
    kind, _, rest = text.partition(":")
    operation, _, times = rest.partition(":")
    if times not in {"", "forever"} and not (times.isascii() and times.isdigit()):
        raise ConfigError(f"{times!r} is not a number of times", file="--fault", key=text)
    count = None if times == "forever" else int(times or 1)
    return Fault(kind=kind.replace("_", "-"), operation="" if operation == "*" else operation, times=count)


class Faults:
    """The armed faults; tests add from any thread, the server takes."""

    def __init__(self, seed: int = 0) -> None:
        self._seed, self._calls = seed, 0
        self._armed: list[tuple[Fault, int | None]] = []
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault, _ in self._armed])

    def add(self, fault: Fault) -> None:
        """Arm a fault; several wait their turn."""
        with self._lock:
            self._armed.append((fault, fault.times))

    def remove(self, fault: Fault) -> None:
        """Disarm that fault, wherever it stands; one that is gone already stays gone."""
        with self._lock:
            self._armed = [(one, left) for one, left in self._armed if one is not fault]

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._armed.clear()

    def take(self, operation: str) -> Fault | None:
        """Return the fault that hits this call, and count it down."""
        with self._lock:
            self._calls += 1
            for index, (fault, left) in enumerate(self._armed):
                if fault.fits(operation) and unit(self._seed, "fault", self._calls, index) < fault.probability:
                    self._count_down(index, fault, left)
                    return fault
        return None

    def _count_down(self, index: int, fault: Fault, left: int | None) -> None:
        if left == 1:
            del self._armed[index]
        elif left is not None:
            self._armed[index] = (fault, left - 1)
