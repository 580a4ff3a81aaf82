"""A plant that answers a simulated ISO for real: client, store and response loop, started and ended again and again."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caiso_ads.ads.client import AdsClient
from caiso_ads.core.answers import Answer, AnswerKind
from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch
from caiso_ads.loop.responder import ResponseLoop
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports import Clock, ScaledClock
from caiso_ads.ports.answers import dismiss
from caiso_ads.simulator.answered import answered_twice, given
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.market import Market
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.operations import VERSIONS
from tests.e2e import processes
from tests.simulator.caller import client_context

OURS = "NORTIE_5_IMPRT1"
DOT_MW, PART_MW = 30.0, 12.5


def issue(market: Market, count: int, *, open_for_s: float = 18_000.0, hourly_mw: float = DOT_MW) -> DispatchBatch:
    """Let an hourly batch arrive that takes answers, with so many instructions for one resource of ours."""
    now = market.clock.now().wall.replace(microsecond=0)
    start = now + timedelta(hours=12)
    row = {
        "resource_id": OURS, "start_time": start, "end_time": start + timedelta(hours=1), "dot_mw": DOT_MW,
        "instruction_type": InstructionType.DOT, "hourly_mw": hourly_mw,
    }  # fmt: skip
    header = {
        "batch_type": BatchType.HOURLY_PRE_DISPATCH, "batch_status": BatchStatus.ACTIVE, "start_time": start,
        "batch_expires": now + timedelta(seconds=open_for_s),
    }  # fmt: skip
    entry = market.dispatches.get(market.issue(header, [row] * count))
    assert entry is not None
    return entry.full()


def answers_to(batch: DispatchBatch, now: datetime) -> list[Answer]:
    """Return an answer to each instruction, of each kind in turn, not yet recorded."""
    kinds = itertools.cycle((AnswerKind.ACCEPT, AnswerKind.DECLINE, AnswerKind.PARTIAL))
    return [
        Answer(
            0, batch.batch_uid, row.instruction_uid, row.resource_id, row.revision_number, kind, "ann", now,
            batch.batch_expires,
            mw=PART_MW if kind is AnswerKind.PARTIAL else None,
            reason_code=None if kind is AnswerKind.ACCEPT else ReasonCode.UNIT_DERATE,
        )
        for row, kind in zip(batch.instructions, kinds, strict=False)
    ]  # fmt: skip


class Plant:
    """Our side. ``lives`` counts starts; ``loop_type`` is for negative controls."""

    def __init__(
        self, simulator: AdsSimulator, response_port: int, path: Path, clock: Clock,
        loop_type: type[ResponseLoop] = ResponseLoop,
    ) -> None:  # fmt: skip
        self.path, self._clock, self._loop_type = path, clock, loop_type
        self._url = simulator.url
        self._response_url = f"https://127.0.0.1:{response_port}{VERSIONS['v8'].response_path}"
        self._context = client_context(simulator, simulator.authority.client(OPERATOR))

    @asynccontextmanager
    async def life(self) -> AsyncIterator[tuple[SqlStore, ResponseLoop]]:
        """Start; at the end everything is dropped where it stands, and only what is committed survives."""
        store = await SqlStore.open(self.path, self._clock)
        client = AdsClient(self._url, response_url=self._response_url, ssl_context=self._context, clock=self._clock)
        loop = self._loop_type(
            client,
            client,
            store,
            self._clock,
            RoleAlarm(self._clock, dismiss),
            lambda: True,
            responder=lambda: OPERATOR,
        )
        running = asyncio.create_task(loop.run())
        try:
            yield store, loop
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await client.close()
            await store.close()


async def until_settled(store: SqlStore, *, within_s: float = 20.0) -> None:
    """Wait until no answer is open."""
    async with asyncio.timeout(within_s):
        while await store.open_answers():  # noqa: ASYNC110 - the database is what is waited for
            await asyncio.sleep(0.02)


def ends(path: Path) -> dict[str, list[str]]:
    """Return instruction -> states of its answers, oldest first, read as a stranger with plain SQLite."""
    found: dict[str, list[str]] = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        for uid, state in db.execute("SELECT instruction_uid, state FROM answer ORDER BY id"):
            found.setdefault(uid, []).append(state)
    return found


def disagreements(simulator: AdsSimulator, path: Path) -> list[str]:
    """Return where store and ISO differ, and what the ISO was told twice; nothing may be left open."""
    heard = given(simulator.ledger)
    wrong = [f"{uid} revision {revision} answered twice" for uid, revision in answered_twice(heard)]
    taken = {each.instruction_uid for each in heard if each.taken}
    for uid, states in ends(path).items():
        expected = {"confirmed"} if uid in taken else {"lost", "expired"}
        if states[-1] not in expected or set(states[:-1]) - {"lost"}:
            wrong.append(f"{uid}: {states} here, {'taken' if uid in taken else 'never heard of'} there")
    return wrong


def arrivals(simulator: AdsSimulator) -> Sequence[str]:
    """Return the instruction of each answer that arrived, whatever became of it."""
    return [each.instruction_uid for each in given(simulator.ledger)]


def taken_once(simulator: AdsSimulator, batch: DispatchBatch) -> bool:
    """Whether the ISO took exactly one answer to each instruction."""
    good = [each.instruction_uid for each in given(simulator.ledger) if each.result is ResponseResult.RC_SUCCESS]
    return sorted(good) == sorted(row.instruction_uid for row in batch.instructions)


def configuration(directory: Path, simulator: AdsSimulator, response_port: int) -> Path:
    """Write a kit whose policy accepts what is asked for, through the proxy."""
    response_url = f"https://127.0.0.1:{response_port}{VERSIONS['v8'].response_path}"
    kit = write_kit(
        directory, simulator.url, response_url, simulator.fleet, modbus_port=processes.free_port(), poll_interval_s=5.0
    )  # fmt: skip
    text = kit.config.read_text().replace(f'id = "{OURS}"', f'id = "{OURS}"\nauto_accept_within_mw = {DOT_MW}')
    kit.config.write_text(f'{text}\n[responses]\nmode = "on"\n'.replace("acknowledge = true", "acknowledge = false"))
    return kit.config


async def until(condition: Callable[[], bool], within_s: float) -> bool:
    """Wait until a function says so."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


class SharedClock(ScaledClock):
    """A fast clock that a process of its own can show too."""

    def __init__(self, speed: float) -> None:
        self._wall, self._mono = datetime.now(UTC), time.monotonic()
        super().__init__(speed, self._wall)

    def gateway(self, config: Path) -> tuple[str, ...]:
        """Return the words after ``python`` that start a gateway on this clock."""
        program = str(Path(__file__).with_name("fast_gateway.py"))
        return program, str(config), str(self.speed), self._wall.isoformat(), str(self._mono)
