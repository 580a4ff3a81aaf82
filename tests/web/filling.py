"""A store as a gateway leaves it: batches of every kind, trajectories, an answer, an override, prices, and a poll."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, ReasonCode
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.override import Override
from caiso_ads.core.price import Market, Price
from caiso_ads.core.quality import Directive
from caiso_ads.ports.prices import PriceAnswer
from caiso_ads.store.sqlite import SqlStore
from tests.fakes import FakeClock
from tests.sinks.modbus.snapshots import IDS
from tests.store.making import a_batch, a_trajectory, answer, bad_answer, trajectories

NOW = FakeClock().now().wall
NODE = "TH_NP15_GEN-APND"
FIVE = timedelta(minutes=5)
BATCHES = 12
"""Five-minute batches, the last for the interval that is now."""


def of_us(batch: DispatchBatch, start: datetime, **changes: object) -> DispatchBatch:
    """Give a batch of the store's tests our resources and its time."""
    instructions = tuple(
        replace(each, resource_id=IDS[n], start_time=start + timedelta(seconds=150), pre_goto_mw=20.0)
        for n, each in enumerate(batch.instructions)
    )
    changed = {"start_time": start, "batch_received": start - FIVE, "instructions": instructions, **changes}
    return replace(batch, **changed)  # type: ignore[arg-type]  # names of the noun


def five_minute(n: int) -> DispatchBatch:
    """The batch of an interval, 11 for that of now."""
    return of_us(a_batch(f"DISP-{n}", dot=20.0 + n), NOW - FIVE * (BATCHES - 1 - n))


def hourly(uid: str, start: datetime, *, closes: datetime | None = None) -> DispatchBatch:
    """A batch that takes answers until then."""
    made = of_us(
        a_batch(uid), start, batch_type=BatchType.HOURLY_PRE_DISPATCH, batch_status=BatchStatus.ACTIVE,
        batch_expires=closes,
    )  # fmt: skip
    return replace(made, instructions=tuple(replace(each, start_time=start) for each in made.instructions))


async def fill(path: Path) -> None:
    """Make the database."""
    store = await SqlStore.open(path, FakeClock())
    for n in range(BATCHES):
        if n != 7:
            await store.record_batch(answer(five_minute(n), at=NOW - FIVE * (BATCHES - n)), acknowledge=True)
    contingency = of_us(a_batch("CONT-1"), NOW - FIVE, batch_type=BatchType.OUT_OF_SEQUENCE)
    contingency = replace(contingency, dispatch_mode=DispatchMode.CONTINGENCY, contingency_type="RTCD")
    await store.record_batch(answer(contingency, at=NOW - FIVE), acknowledge=False)
    await store.record_batch(bad_answer("BAD-1", at=NOW - FIVE), acknowledge=False)
    for number, ahead in enumerate((1, 2)):
        asked = hourly(f"HOUR-{number}", NOW + timedelta(hours=ahead), closes=NOW + timedelta(minutes=20 * ahead - 30))
        await store.record_batch(answer(asked, at=NOW - timedelta(minutes=20)), acknowledge=False)
    await store.record_answer(_answer(), {})
    moved = replace(a_trajectory(), batch_received=NOW)
    moved = replace(
        moved, dops=tuple(replace(dop, resource_id=IDS[0], target_time=NOW + FIVE * n) for n, dop in enumerate(moved.dops))
    )  # fmt: skip
    await store.record_trajectories(trajectories(moved, at=NOW))
    until = NOW + timedelta(hours=1)
    await store.record_override(Override(IDS[1], None, Directive.HOLD, "a test", "somebody", NOW, until), {})
    prices = tuple(Price(NODE, Market.RTD, NOW - FIVE * n, NOW - FIVE * (n - 1), 30.5 + n) for n in range(12))
    await store.record_prices(PriceAnswer("a request", Market.RTD, 3, NOW, prices))
    await store.record_poll(NOW - timedelta(hours=1))
    await store.record_poll(NOW)
    await store.close()


def _answer() -> Answer:
    return Answer(
        0, "HOUR-1", "HOUR-1-I0", IDS[0], 0, AnswerKind.DECLINE, "Ann", NOW, None, None, ReasonCode.UNIT_DERATE,
        AnswerState.PROPOSED,
    )  # fmt: skip


def filled(path: Path) -> Path:
    """Make the database where no loop runs."""
    asyncio.run(fill(path))
    return path
