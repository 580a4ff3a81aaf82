"""A simulated day answered by policy: each open instruction once and as the policy says, in a chain that shows a flip.

The ISO is the simulator's, called without a network so that the day passes in seconds; some of its replies get lost.
"""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.exchange import HttpReply, read_reply
from caiso_ads.cli import main
from caiso_ads.core.answering import ANSWERED_TYPES
from caiso_ads.core.codes import ReasonCode
from caiso_ads.core.directive import Environment
from caiso_ads.core.model import Instruction
from caiso_ads.core.policy import Outage, Policy, PolicyMode
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.errors import UnreachableError
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.loop.autopilot import Autopilot, Rules
from caiso_ads.loop.evidence import EvidenceLog
from caiso_ads.loop.responder import ResponseLoop
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports import Instant, Receipt
from caiso_ads.simulator.answered import given
from caiso_ads.simulator.answering import Answering
from caiso_ads.simulator.faults import Fault, FaultKind, Faults
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.service import AdsService
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.operations import OPERATIONS, VERSIONS
from caiso_ads.wire.soap import encode_request
from tests.e2e.answering import OURS
from tests.simulator.bench import NOON, Bench

pytestmark = [pytest.mark.slow, pytest.mark.alone]

STEP_S = 480
DAY = timedelta(hours=24)
WITHIN_MW, CAPABILITY_MW = 8.0, 50.0
OUTAGE = Outage(OURS, NOON + timedelta(hours=8), NOON + timedelta(hours=16), 12.0)
POLICY = Policy(
    accept_within_mw=WITHIN_MW, decline_above_capability=True, decline_reason=ReasonCode.UNIT_DERATE,
    pmin_mw=0.0, pmax_mw=50.0,
)  # fmt: skip


class DayClock:
    """Stands still until moved; whoever sleeps looks again at once."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def now(self) -> Instant:
        return self._bench.clock.now()

    async def sleep(self, _: float) -> None:
        await asyncio.sleep(0.001)


class NearAds(AdsClient):
    """The real client whose wire is a function call; a lost reply is an error of the connection.

    Before each side effect a stranger looks into the database for what must be durable by then.
    """

    def __init__(self, bench: Bench, faults: Faults, path: Path, clock: DayClock) -> None:
        super().__init__(
            f"https://near{VERSIONS['v8'].dispatch_path}", ssl_context=ssl.create_default_context(), clock=clock
        )
        self._bench, self._path = bench, path
        self.unstored: list[str] = []
        self.effects = 0
        service = AdsService(bench.market)
        self._iso = Answering(service, bench.fleet, faults, bench.ledger, bench.market.switches)

    async def _call(
        self, operation: str, argument: str, arguments: dict[str, Any], deadline_s: float | None = None
    ) -> Receipt[Any]:
        if OPERATIONS[operation].service == "response":
            self._look(
                "SELECT count(*) FROM answer WHERE state = 'sending' AND instruction_uid = ?",
                arguments["instructionUID"],
            )
        elif operation == "validateDispatchBatch":
            self._look("SELECT count(*) FROM payload WHERE stream = 1 AND error IS NULL AND uid = ?", argument)
        version = VERSIONS["v8"]
        body = encode_request(version, operation, arguments)
        reply, fault = self._iso.answer(body, OPERATOR, OPERATIONS[operation].service, version)
        await asyncio.sleep(0)
        if fault is not None:
            raise UnreachableError("the connection was reset")
        now = self._bench.clock.now().wall
        headers = {"content-type": reply.content_type, "date": format_datetime(now, usegmt=True)}
        return read_reply(operation, argument, HttpReply(reply.status, headers, reply.body, now))

    def _look(self, query: str, uid: str) -> None:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            found = db.execute(query, (uid,)).fetchone()[0]
        self.effects += 1
        if not found:
            self.unstored.append(uid)


async def live_a_day(bench: Bench, faults: Faults, path: Path, mode: PolicyMode) -> NearAds:
    """Poll, decide and answer for 24 hours."""
    clock = DayClock(bench)
    iso = NearAds(bench, faults, path, clock)
    store = await SqlStore.open(path, clock)
    evidence = EvidenceLog(store, clock)
    ours = {OURS: Resource(OURS, "import", 0.0, 50.0)}
    gateway = Gateway(
        iso, store, clock, initial(ours, Environment.SIMULATOR), Settings(acknowledge=mode is PolicyMode.ON), lambda: True, evidence.note
    )  # fmt: skip
    responses = ResponseLoop(
        iso, iso, store, clock, RoleAlarm(clock, evidence.note), lambda: gateway.state.clock.ok
    )  # fmt: skip
    rules = Rules({OURS: replace(POLICY, mode=mode)}, {OURS: CAPABILITY_MW}, (OUTAGE,))
    pilot = Autopilot(rules, store, clock, evidence.note, responses.add, lambda: gateway.state.clock.ok)
    gateway.onlookers.append(pilot.folded)
    beside = [asyncio.create_task(responses.run()), asyncio.create_task(evidence.run())]
    await gateway.restore()
    end = clock.now().wall + DAY
    while clock.now().wall < end:
        await gateway.poll_once()
        await gateway._outbox.send_due(gateway.feed)
        await pilot.look()
        async with asyncio.timeout(10.0):
            while await store.open_answers():  # noqa: ASYNC110 - the database is what is waited for
                await asyncio.sleep(0.001)
        bench.move(STEP_S)
    for task in beside:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await store.close()
    return iso


def by_the_rules(instruction: Instruction) -> str:
    """Return what a person would say by the same rules, worked out from the numbers anew."""
    dot, schedule, start = instruction.dot_mw, instruction.hourly_mw, instruction.start_time
    assert dot is not None
    assert schedule is not None
    assert start is not None
    out = start < OUTAGE.end and OUTAGE.start < start + timedelta(hours=1)
    if dot > (OUTAGE.available_mw if out else CAPABILITY_MW) + 0.01:
        return "DECLINE"
    return "ACCEPT" if dot - schedule <= WITHIN_MW else ""


def expected(bench: Bench, began: datetime) -> dict[str, str]:
    """Return instruction -> what must be said, of every window that was open in the day."""
    found = {}
    for batch in bench.batches():
        if batch.batch_type in ANSWERED_TYPES and began <= batch.batch_received < began + DAY - timedelta(minutes=20):
            for row in batch.instructions:
                if row.resource_id == OURS and by_the_rules(row):
                    found[row.instruction_uid] = by_the_rules(row)
    return found


def recorded(path: Path, state: str) -> dict[str, str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT instruction_uid, upper(kind) FROM answer WHERE state = ?", (state,)).fetchall()
    assert len(rows) == len(dict(rows)), "each once"
    return dict(rows)


def verify(path: Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["evidence", "verify", "--store", str(path)])
    return result.exit_code, result.output


def flip_one_byte(path: Path) -> int:
    """Change one digit of one decision in the file itself and return the number of its row."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = db.execute("SELECT id, detail FROM audit WHERE detail LIKE '%decided_at%' ORDER BY id").fetchall()
    number, detail = rows[len(rows) // 2]
    place = detail.index("decided_at")
    text = detail[place : place + 40].encode()
    content = bytearray(path.read_bytes())
    assert content.count(text) == 1
    content[content.index(text) + len(b'decided_at":"2')] ^= 1
    path.write_bytes(content)
    return int(number)


@pytest.mark.parametrize("mode", [PolicyMode.ON, PolicyMode.DRY_RUN])
async def test_a_day_by_policy_answers_each_instruction_once_and_leaves_a_chain_that_shows_a_flipped_byte(
    tmp_path: Path, mode: PolicyMode
) -> None:
    bench, faults, path = Bench(), Faults(), tmp_path / "gateway.db"
    bench.market.dispatches.forget_before(NOON - timedelta(minutes=30))
    for _ in range(3):
        faults.add(Fault(FaultKind.LOST_ANSWER, operation="acceptInstruction", times=1))
    began = bench.clock.now().wall
    iso = await live_a_day(bench, faults, path, mode)
    assert iso.unstored == []
    assert iso.effects > (250 if mode is PolicyMode.ON else -1)
    wanted, heard = expected(bench, began), given(bench.ledger)
    assert len(wanted) >= 12
    assert set(wanted.values()) == {"ACCEPT", "DECLINE"}
    told = {each.instruction_uid: each.said for each in heard if each.instruction_uid in wanted}
    assert len(heard) == len({each.instruction_uid for each in heard}), "each once"
    if mode is PolicyMode.ON:
        assert told == wanted
        assert not list(faults), "the replies were lost"
        assert recorded(path, "confirmed").items() >= wanted.items()
    else:
        assert heard == []
        assert recorded(path, "dry run").items() >= wanted.items()
    code, output = verify(path)
    assert code == 0, output
    row = flip_one_byte(path)
    code, output = verify(path)
    assert code == 1
    assert f"BROKEN: row {row} (" in output
