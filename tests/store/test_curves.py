"""Targets and operating points of a span are what the core makes of the stored documents, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from caiso_ads.core.codes import BatchStatus, BatchType, ReasonCode
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.resource import leg_of
from caiso_ads.core.setpoint import targets_of
from caiso_ads.core.trajectory import merge
from caiso_ads.store.curves import NEWEST, CurveReader
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, a_batch, a_trajectory, answer, trajectories

HOUR = timedelta(hours=1)


async def keep(store: SqlStore, batch: DispatchBatch) -> None:
    await store.record_batch(answer(batch), acknowledge=False)


def shown(store: SqlStore) -> list[tuple[str, float]]:
    with CurveReader(store.path) as reader:
        return [(each.batch_uid, each.dot_mw) for each in reader.targets("UNIT_0", NOON - HOUR, NOON + 2 * HOUR)]


async def test_a_target_is_what_the_core_makes_of_its_batch(store: SqlStore) -> None:
    batch = a_batch("DISP-1")
    await keep(store, batch)
    with CurveReader(store.path) as reader:
        found = reader.targets("UNIT_0", NOON, NOON + HOUR)
    assert found == [target for resource_id, target in targets_of(batch) if resource_id == "UNIT_0"]
    assert found[0].supplemental_mw == -22.25


async def test_for_one_time_the_batch_received_last_counts(store: SqlStore) -> None:
    await keep(store, replace(a_batch("B", dot=30.0), batch_received=NOON + timedelta(seconds=1)))
    await keep(store, a_batch("A", dot=25.0))
    assert shown(store) == [("B", 30.0)]


async def test_what_is_withdrawn_not_binding_or_revised_is_no_target(store: SqlStore) -> None:
    await keep(store, replace(a_batch("GONE"), batch_status=BatchStatus.EMERGENCY_CANCELLED))
    await keep(store, replace(a_batch("ADVICE"), binding_flag="N"))
    await keep(store, replace(a_batch("AWARD"), batch_type=BatchType.AS_AWARDS))
    await keep(store, a_batch("DISP-1", dot=25.0))
    await keep(store, a_batch("DISP-1", dot=31.0, revision=1))
    assert shown(store) == [("DISP-1", 31.0)]


async def test_of_an_hourly_one_that_was_declined_nothing_counts(store: SqlStore) -> None:
    hourly = replace(a_batch("HOUR-1", resources=1), batch_type=BatchType.HOURLY_PRE_DISPATCH)
    (row,) = hourly.instructions
    answers = (
        {"accept_status": "ACCEPT"},
        {"accept_status": "PARTIAL", "accept_dot_mw": 12.0},
        {"accept_status": "DECLINE"},
    )
    for n, said in enumerate(answers):
        start = NOON + timedelta(minutes=n)
        mine = replace(row, start_time=start, reason_code=ReasonCode.UNIT_DERATE if n else None, **said)  # type: ignore[arg-type]  # fields of the noun
        await keep(store, replace(hourly, batch_uid=f"HOUR-{n}", instructions=(replace(mine, batch_uid=f"HOUR-{n}", instruction_uid=f"HOUR-{n}-I0"),)))  # fmt: skip
    assert shown(store) == [("HOUR-0", 25.0), ("HOUR-1", 12.0)]


async def test_the_curve_is_the_one_the_gateway_would_follow(store: SqlStore) -> None:
    first, second = (
        a_trajectory("T1", mw=30.0),
        replace(a_trajectory("T2", mw=50.0), batch_received=NOON + timedelta(minutes=5)),
    )
    second = replace(
        second, dops=tuple(replace(dop, target_time=dop.target_time + timedelta(minutes=5)) for dop in second.dops)
    )
    await store.record_trajectories(trajectories(first, second))
    with CurveReader(store.path) as reader:
        found = reader.curve("UNIT_0", NOON, NOON + HOUR)
        assert reader.curve("UNIT_9", NOON, NOON + HOUR).times == ()
    assert found == merge([leg_of(first, list(first.dops)), leg_of(second, list(second.dops))])


async def test_points_of_every_trajectory_come_in_pages_of_any_size(store: SqlStore) -> None:
    await store.record_trajectories(trajectories(a_trajectory("T1"), a_trajectory("T2", mw=50.0)))
    with CurveReader(store.path) as reader:
        whole = reader.points("UNIT_0", NEWEST, 100)
        assert [(row.batch_uid, row.dop_mw) for row in whole[:2]] == [("T2", 52.0), ("T1", 32.0)]
        for size in (1, 4):
            found = page = reader.points("UNIT_0", NEWEST, size)
            while page := reader.points("UNIT_0", page[-1].place, size):
                found = found + page
            assert found == whole
