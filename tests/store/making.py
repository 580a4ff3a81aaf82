"""Batches, answers and a still clock for the tests of the store."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import (
    ComplianceInterval,
    DispatchBatch,
    DispatchOperatingPoint,
    Instruction,
    InstructionDetail,
    TrajectoryBatch,
)
from caiso_ads.errors import WireError
from caiso_ads.ports import Instant, Receipt
from caiso_ads.store.engine import connect_reader
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import BadItem, encode, encode_trajectories

NOON = datetime(2026, 7, 21, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


class StillClock:
    """A clock that stands at noon."""

    def now(self) -> Instant:
        return Instant(NOON, 0.0)

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


def a_batch(uid: str = "DISP-1", *, revision: int = 0, dot: float = 25.0, resources: int = 2) -> DispatchBatch:
    return DispatchBatch(
        batch_uid=uid,
        market_id="120072117",
        batch_status=BatchStatus.CLOSED,
        batch_received=NOON,
        batch_type=BatchType.FIVE_MINUTE,
        start_time=NOON,
        dispatch_mode=DispatchMode.INTERVAL,
        binding_flag="Y",
        revision_no=revision,
        instructions=tuple(an_instruction(uid, n, dot) for n in range(resources)),
    )


def an_instruction(uid: str, n: int, dot: float) -> Instruction:
    return Instruction(
        instruction_uid=f"{uid}-I{n}",
        batch_uid=uid,
        resource_id=f"UNIT_{n}",
        start_time=NOON + timedelta(seconds=150),
        dot_mw=dot,
        instruction_type=InstructionType.DOT,
        revision_number=0,
        status_code=BatchStatus.NEW,
        detail=(
            InstructionDetail(seg_no=1, service_type="SCHD", mw=47.0),
            InstructionDetail(seg_no=2, service_type="SUPP", mw=-22.25),
        ),
    )


def a_trajectory(uid: str = "TRAJ-1", *, mw: float = 30.0) -> TrajectoryBatch:
    return TrajectoryBatch(
        batch_uid=uid,
        batch_received=NOON,
        binding_flag="Y",
        dops=tuple(
            DispatchOperatingPoint(
                dop_uid=f"{uid}-D{n}",
                resource_id="UNIT_0",
                dop_mw=mw + n,
                target_time=NOON + timedelta(minutes=5 * n),
                sequence_number=n,
            )
            for n in range(3)
        ),
        compliance=(
            ComplianceInterval(
                compliance_uid=f"{uid}-C1",
                resource_id="UNIT_0",
                start_time=NOON,
                expected_energy_mwh=2.5,
                compl_flag="Y",
            ),
        ),
    )


def answer(batch: DispatchBatch, *, argument: str | None = None, at: datetime = NOON) -> Receipt[DispatchBatch]:
    payload = pack(encode(batch)).encode()
    return Receipt("getDispatchBatch", argument or batch.batch_uid, payload, at, batch)


def bad_answer(uid: str, payload: bytes = b"<html>log in</html>", at: datetime = NOON) -> Receipt[DispatchBatch]:
    return Receipt("getDispatchBatch", uid, payload, at, WireError("not a batch", where="html"))


def trajectories(
    *items: TrajectoryBatch | BadItem, argument: str = "-1", at: datetime = NOON
) -> Receipt[tuple[TrajectoryBatch | BadItem, ...]]:
    """An answer with these items in these places; the payload has a broken batch where a bad item stands."""
    return Receipt("getTrajectoryData", argument, pack(_with_broken(items)).encode(), at, items)


def _with_broken(items: tuple[TrajectoryBatch | BadItem, ...]) -> bytes:
    never = datetime(1999, 1, 1, tzinfo=UTC)
    good = [
        TrajectoryBatch(batch_uid=item.uid or "NAMELESS", batch_received=never) if isinstance(item, BadItem) else item
        for item in items
    ]
    xml = encode_trajectories(good)
    return xml.replace(b"1999-01-01T00:00:00Z", b"never").replace(b' batchUID="NAMELESS"', b"")


def ask(store: SqlStore, query: str, *values: object) -> list[tuple[Any, ...]]:
    reader = connect_reader(store.path)
    try:
        return reader.execute(query, values).fetchall()
    finally:
        reader.close()


def damage(store: SqlStore, row: int) -> None:
    """Flip one bit of a stored payload, as a bad disk would."""
    raw = sqlite3.connect(store.path)
    (body,) = raw.execute("SELECT body FROM payload WHERE id = ?", (row,)).fetchone()
    raw.execute("UPDATE payload SET body = ? WHERE id = ?", (body[:-1] + bytes([body[-1] ^ 1]), row))
    raw.commit()
    raw.close()
