"""The eleven operations on the market's state: who asks what, and the text that goes into ``result``.

Rule: documents are written by the shared wire codec, after filtering by certificate; every error is a ServiceFault, as
the specification says that all errors are SOAP faults (v7 §1.4). Their texts are invented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from caiso_ads.core.codes import BatchType
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.simulator.faults import FaultKind
from caiso_ads.simulator.fleet import Identity
from caiso_ads.simulator.market import DispatchEntry, Market
from caiso_ads.simulator.mss import LoadFollowing
from caiso_ads.simulator.responses import Answer, respond, validate
from caiso_ads.simulator.visibility import of_batch, of_trajectory
from caiso_ads.wire.operations import OPERATIONS, Operation
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import PayloadStyle, encode, encode_batch_list, encode_trajectories
from caiso_ads.wire.scalars import read_double, read_int

UNKNOWN_TYPE = 99


class ServiceFault(Exception):  # noqa: N818 - a SOAP fault is what the protocol calls it; it never leaves the simulator
    """A SOAP fault to send. ``code`` is Client or Server."""

    def __init__(self, code: str, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, in which version, what, and which content fault hits it (empty for none)."""

    who: Identity
    version: str
    operation: Operation
    arguments: Mapping[str, str]
    fault: str = ""

    def text(self, name: str) -> str:
        """Return an argument without blanks around it; raises ServiceFault when it is missing."""
        value = self.arguments.get(name)
        if value is None:
            raise ServiceFault("Client", f"{self.operation.name} needs {name}")
        return value.strip()

    @property
    def uid(self) -> str:
        """The batch UID asked with, or one nobody knows when the fault says so."""
        uid = self.text("batchUID")
        return f"{uid[:5]}NOT-KEPT" if self.fault == FaultKind.UNKNOWN_UID else uid


class AdsService:
    """Answers calls from the market's state. Not thread-safe; call ``answer`` from one task."""

    def __init__(self, market: Market) -> None:
        self._market, self._switches = market, market.switches
        self._mss = LoadFollowing(market.fleet, market.seed, market.switches)
        self._style = PayloadStyle(
            namespace=self._switches.payload_namespace,
            time_format=self._switches.time_format,
            stray_spaces=self._switches.stray_spaces,
            extra_elements=self._switches.extra_elements,
        )
        self._handlers: dict[str, Callable[[Call, datetime], str | None]] = {
            "getDispatchBatchesSinceUID": self._since,
            "getBatchStatus": self._status,
            "getDispatchBatch": self._batch,
            "getBatchHeader": self._header,
            "isNewTrajData": self._is_new_trajectory,
            "getTrajectoryData": self._trajectories,
            "validateDispatchBatch": self._validate,
            "submitMSSLFRequest": self._load_following,
            "acceptInstruction": self._respond,
            "declineInstruction": self._respond,
            "partialAcceptInstruction": self._respond,
        }
        assert set(self._handlers) == set(OPERATIONS), "every operation of the table has its handler"

    def answer(self, call: Call) -> str | None:
        """Return the text of ``result``, None where the operation has none; raises ServiceFault."""
        now = self._market.advance()
        return self._handlers[call.operation.name](call, now)

    def _since(self, call: Call, _now: datetime) -> str:
        found = self._listed(call, self._market.dispatches.since, "DISP-")
        headers = [self._typed(call, entry.header) for entry in found]
        return _text(encode_batch_list(_content(call, headers), style=self._style))

    def _trajectories(self, call: Call, _now: datetime) -> str:
        found = self._listed(call, self._market.trajectories.since, "TRAJ-")
        batches: list[TrajectoryBatch] = [of_trajectory(entry.full(), call.who) for entry in found]
        return self._packed(encode_trajectories(_content(call, batches), style=self._style))

    def _is_new_trajectory(self, call: Call, _now: datetime) -> str:
        return "true" if self._listed(call, self._market.trajectories.since, "TRAJ-") else "false"

    def _status(self, call: Call, _now: datetime) -> str:
        return str(int(self._entry(call).header.batch_status))

    def _header(self, call: Call, _now: datetime) -> str:
        header = self._typed(call, self._entry(call).header)
        return "" if call.fault == FaultKind.EMPTY else _text(encode(header, style=self._style))

    def _batch(self, call: Call, _now: datetime) -> str:
        batch = self._typed(call, of_batch(self._entry(call).full(), call.who, call.version))
        if call.fault == FaultKind.EMPTY:
            batch = replace(batch, instructions=())
        return self._packed(encode(batch, style=self._style))

    def _validate(self, call: Call, now: datetime) -> None:
        if self._switches.unknown_validate == "fault" or self._is_of_other_stream(call.uid, "DISP-"):
            self._entry(call)
        validate(self._market, call.who, call.uid, now)

    def _load_following(self, call: Call, now: datetime) -> str:
        try:
            response = self._mss.submit(call.who, call.text("request"), now)
        except (WireError, PermissionError) as error:
            raise ServiceFault("Client", str(error)) from error
        return _text(encode(response, style=self._style))

    def _respond(self, call: Call, _now: datetime) -> str:
        try:
            answer = Answer(
                batch_uid=call.text("batchUID"),
                instruction_uid=call.text("instructionUID"),
                reason_code=read_int(call.text("reasonCode")) if call.operation.name != "acceptInstruction" else None,
                accept_dot_mw=read_double(call.text("acceptDOT")) if "acceptDOT" in call.arguments else None,
            )
        except WireError as error:
            raise ServiceFault("Client", str(error)) from error
        return str(int(respond(self._market, call.who, answer)))

    def _entry(self, call: Call) -> DispatchEntry:
        self._refuse_other_stream(call.uid, "DISP-")
        entry = self._market.dispatches.get(call.uid)
        if entry is None:
            raise ServiceFault("Server", f"batch {call.uid} not found")
        return entry

    def _listed(self, call: Call, since: Callable[[str], Sequence[Any] | None], prefix: str) -> Sequence[Any]:
        uid = call.uid
        self._refuse_other_stream(uid, prefix)
        found = since(uid)
        if found is not None:
            return found
        if self._switches.unknown_uid == "fault":
            raise ServiceFault("Server", f"batch {uid} not found")
        return (since("-1") or []) if self._switches.unknown_uid == "full" else []

    def _refuse_other_stream(self, uid: str, prefix: str) -> None:
        if self._switches.mixed_uid == "fault" and self._is_of_other_stream(uid, prefix):
            raise ServiceFault("Client", f"{uid} is not a {'dispatch' if prefix == 'DISP-' else 'trajectory'} batch")

    @staticmethod
    def _is_of_other_stream(uid: str, prefix: str) -> bool:
        return uid.startswith(("DISP-", "TRAJ-")) and not uid.startswith(prefix)

    def _packed(self, xml: bytes) -> str:
        return pack(xml, wrap=self._switches.wrapped_base64)

    @staticmethod
    def _typed(call: Call, batch: DispatchBatch) -> DispatchBatch:
        if call.fault == FaultKind.UNKNOWN_BATCH_TYPE:
            return replace(batch, batch_type=BatchType(UNKNOWN_TYPE))
        return batch


def _content(call: Call, items: list[Any]) -> list[Any]:
    if call.fault == FaultKind.EMPTY:
        return []
    return [item for item in items for _ in range(2)] if call.fault == FaultKind.DUPLICATE else items


def _text(xml: bytes) -> str:
    return xml.decode("utf-8")
