"""The ADS client library. Rule: each call is one request value, one HTTP answer, one Receipt or typed error.

Two levels on one core: the ``Source`` port (``list_since``, ``fetch_batch``, ...) returns Receipts, which keep the
payload even when it cannot be decoded; the plain methods return the nouns themselves::

    context = client_context(ca_file=ca, certificate=pfx, passphrase_file=secret)
    async with AdsClient("https://host/ADS/APIWebService/v8", ssl_context=context) as ads:
        for header in await ads.dispatch_batches_since("-1"):
            batch = await ads.dispatch_batch(header.batch_uid)

Every method raises, from ``caiso_ads.errors``: UnreachableError (DeadlineError when the total deadline passed),
TlsError, HttpStatusError, SoapFaultError, NotSoapError, WireError.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from caiso_ads.ads.exchange import Endpoint, read_reply
from caiso_ads.ads.transport import Transport
from caiso_ads.core.codes import BatchStatus, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch, MssLfRequest, MssLfResponse, TrajectoryBatch
from caiso_ads.errors import DeadlineError, LocalError, WireError
from caiso_ads.ports import Clock, Receipt, SystemClock
from caiso_ads.wire.operations import OPERATIONS, ResultKind
from caiso_ads.wire.payload import BadItem, encode

FIRST_UID = "-1"
LARGE_ANSWER = 64 * 1024
"""From this size on (bytes) an answer is decoded in a thread: it would hold up the event loop for milliseconds."""

_EFFECTS = (ResultKind.NOTHING, ResultKind.RESULT_CODE, ResultKind.MSS)
READS = frozenset(name for name, operation in OPERATIONS.items() if operation.result not in _EFFECTS)
_KEPT = READS | {"validateDispatchBatch"}  # validating twice is harmless, so it may use a kept connection
_T = TypeVar("_T")
_SYSTEM_CLOCK = SystemClock()


class AdsClient:
    """All eleven operations over mutual TLS, asynchronous; also the gateway's ``Source``.

    ``url`` and ``response_url`` are the two services; ``version`` is taken from ``url`` when not given.
    ``ssl_context`` comes from ``caiso_ads.ads.tls.client_context``. ``deadline_s`` bounds each call in all, connecting
    and the last byte included; ``list_deadline_s`` bounds a list from ``-1``, the whole cache of 24 hours, and the
    next try of a list that did not come within ``deadline_s``. Raises ConfigError for an unusable address.
    """

    def __init__(
        self,
        url: str,
        *,
        ssl_context: ssl.SSLContext,
        response_url: str | None = None,
        version: str | None = None,
        clock: Clock = _SYSTEM_CLOCK,
        deadline_s: float = 8.0,
        list_deadline_s: float = 60.0,
        max_connections: int = 8,
    ) -> None:
        self.endpoint = Endpoint.of(url, response_url, version)
        self._ssl_context, self._clock, self._max_connections = ssl_context, clock, max_connections
        self._deadline_s, self._list_deadline_s = deadline_s, list_deadline_s
        self._overdue: set[str] = set()
        self._transport: Transport | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        transport, self._transport = self._transport, None
        if transport:
            await transport.close()

    # --- the Source port: Receipts ---

    async def list_since(self, batch_uid: str) -> Receipt[Sequence[DispatchBatch | BadItem]]:
        """GetDispatchBatchesSinceUID: headers after that batch, in the ISO's order. Spec: ADS API v7 §2."""
        return await self._list("getDispatchBatchesSinceUID", batch_uid)

    async def fetch_batch(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """GetDispatchBatch: one batch with the instructions this certificate may see."""
        return await self._ask("getDispatchBatch", batch_uid)

    async def fetch_header(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """GetBatchHeader: status and revision of one batch, without instructions."""
        return await self._ask("getBatchHeader", batch_uid)

    async def fetch_trajectories(self, batch_uid: str) -> Receipt[Sequence[TrajectoryBatch | BadItem]]:
        """GetTrajectoryData: all trajectory batches after that one."""
        return await self._list("getTrajectoryData", batch_uid)

    async def is_new_trajectory(self, batch_uid: str) -> bool:
        """IsNewTrajData: whether there is a trajectory batch after that one."""
        return bool(_content(await self._ask("isNewTrajData", batch_uid)))

    async def validate(self, batch_uid: str) -> None:
        """ValidateDispatchBatch: confirm receipt of a dispatch batch. Never sent twice by this client.

        Raises LocalError for the UID of a trajectory batch, which must not be validated. Spec: ADS API v7 §2.
        """
        if batch_uid.strip().upper().startswith("TRAJ-"):
            raise LocalError(f"{batch_uid!r} is a trajectory batch: only dispatch batches are validated")
        _content(await self._ask("validateDispatchBatch", batch_uid))

    # --- the library: nouns ---

    async def dispatch_batches_since(self, uid: str = FIRST_UID) -> list[DispatchBatch]:
        """Return batch headers after ``uid``, in the ISO's order; ``-1`` gives the last 24 hours.

        Raises the WireError of the first item that cannot be read; ``list_since`` keeps such items apart.
        """
        return _items(await self.list_since(uid))

    async def dispatch_batch(self, uid: str) -> DispatchBatch:
        """Return one batch with its visible instructions."""
        return _content(await self.fetch_batch(uid))

    async def batch_header(self, uid: str) -> DispatchBatch:
        """Return one batch without instructions: its status and revision."""
        return _content(await self.fetch_header(uid))

    async def batch_status(self, uid: str) -> BatchStatus:
        """Return the status of one batch; an unknown number survives as a member of its own."""
        return BatchStatus(_content(await self._ask("getBatchStatus", uid)))

    async def trajectories_since(self, uid: str = FIRST_UID) -> list[TrajectoryBatch]:
        """Return the trajectory batches after ``uid``; raises the WireError of the first that cannot be read."""
        return _items(await self.fetch_trajectories(uid))

    async def submit_mss_lf_request(self, request: MssLfRequest) -> MssLfResponse:
        """Submit metered-subsystem load-following amounts (MW, up positive). Never sent twice."""
        document = encode(request).decode("utf-8")
        content: MssLfResponse = _content(await self._call("submitMSSLFRequest", "", {"request": document}))
        return content

    async def accept(self, batch_uid: str, instruction_uid: str) -> ResponseResult:
        """Accept an instruction. Sent at most once: after an UnreachableError re-read the batch before trying again."""
        return await self._respond("acceptInstruction", batch_uid, instruction_uid, {})

    async def decline(self, batch_uid: str, instruction_uid: str, reason: ReasonCode) -> ResponseResult:
        """Decline an instruction. Sent at most once, see ``accept``."""
        return await self._respond("declineInstruction", batch_uid, instruction_uid, {"reasonCode": int(reason)})

    async def partial_accept(
        self, batch_uid: str, instruction_uid: str, accept_dot_mw: float, reason: ReasonCode
    ) -> ResponseResult:
        """Accept a part, in MW from 0 to the hourly DOT. Sent at most once, see ``accept``.

        Raises LocalError when the amount is not a finite number.
        """
        if not math.isfinite(accept_dot_mw):
            raise LocalError(f"accept_dot_mw: {accept_dot_mw} is not a finite number of MW")
        extra = {"acceptDOT": float(accept_dot_mw), "reasonCode": int(reason)}
        return await self._respond("partialAcceptInstruction", batch_uid, instruction_uid, extra)

    # --- the core ---

    async def _ask(self, operation: str, batch_uid: str) -> Receipt[Any]:
        return await self._call(operation, batch_uid, {"batchUID": batch_uid})

    async def _list(self, operation: str, batch_uid: str) -> Receipt[Any]:
        """Ask for a list. A long one after an outage must not fail for ever, nor each lost poll cost a minute."""
        patient = batch_uid == FIRST_UID or operation in self._overdue
        self._overdue.discard(operation)
        deadline_s = self._list_deadline_s if patient else self._deadline_s
        try:
            return await self._call(operation, batch_uid, {"batchUID": batch_uid}, deadline_s)
        except DeadlineError:
            if not patient:
                self._overdue.add(operation)
            raise

    async def _respond(
        self, operation: str, batch_uid: str, instruction_uid: str, extra: dict[str, float | int]
    ) -> ResponseResult:
        arguments = {"batchUID": batch_uid, "instructionUID": instruction_uid, **extra}
        return ResponseResult(_content(await self._call(operation, batch_uid, arguments)))

    async def _call(
        self, operation: str, argument: str, arguments: dict[str, Any], deadline_s: float | None = None
    ) -> Receipt[Any]:
        if self._transport is None:
            self._transport = Transport(
                ssl_context=self._ssl_context, clock=self._clock, max_connections=self._max_connections
            )
        reply = await self._transport.post(
            self.endpoint.request(operation, arguments),
            deadline_s=deadline_s or self._deadline_s,
            repeatable=operation in READS,
            once=operation not in _KEPT,
        )
        if len(reply.body) < LARGE_ANSWER:
            return read_reply(operation, argument, reply)
        return await asyncio.to_thread(read_reply, operation, argument, reply)


def _content(receipt: Receipt[_T]) -> _T:
    if isinstance(receipt.content, WireError):
        raise receipt.content
    return receipt.content


def _items(receipt: Receipt[Sequence[_T | BadItem]]) -> list[_T]:
    items: list[_T] = []
    for item in _content(receipt):
        if isinstance(item, BadItem):
            raise item.error
        items.append(item)
    return items
