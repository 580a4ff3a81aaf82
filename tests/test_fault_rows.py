"""The fault catalogue's rows 74 to 110 and 201 to 205: those that need the loop, and a roll-call of all of them."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.directive import Environment
from caiso_ads.core.events import Notice
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.core.state import initial
from caiso_ads.errors import SoapFaultError, WireError
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.ports import Receipt, SinkContext, SystemClock
from caiso_ads.sinks.files import Config as FilesConfig
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import decode_batch, encode, encode_trajectories, read_result
from tests.fakes import START, FakeClock, ScriptedSource, batch, trajectory
from tests.rig import FLAT, R1, Rig

ROWS = {*range(74, 111), *range(201, 206)}
NASTY = [
    "../../etc/x",
    "CON",
    "a" * 300,
    "<script>alert(1)</script>",
    "=cmd()|'/c calc'!A1",
    'quo"te',
    "ünïcode☃",
    "A",
    "a",
]


class RealSource(ScriptedSource):
    """Serves real payloads, so that what is stored is what the ISO would send."""

    async def fetch_batch(self, batch_uid: str) -> Receipt[DispatchBatch]:
        receipt = await super().fetch_batch(batch_uid)
        if isinstance(receipt.content, WireError):
            return receipt
        return replace(receipt, payload=pack(encode(receipt.content)).encode())


@pytest.mark.parametrize("answer", ["fault", "empty"])
async def test_row_74_78_an_unknown_cursor_is_resynchronised_without_loss_or_duplicate(answer: str) -> None:
    rig = Rig()
    rig.source.batches = [batch("A"), batch("B")]
    await rig.gateway.poll_once()
    rig.source.batches.append(batch("C"))
    real = rig.source._after

    async def forget(operation: str, uid: str) -> None:
        if operation == "list" and uid != "-1" and answer == "fault":
            raise SoapFaultError("Client", "unknown")

    rig.source.on_call = forget
    if answer == "empty":
        rig.source._after = lambda items, uid: real(items, uid) if uid == "-1" else ()  # type: ignore[method-assign]
        await rig.clock.advance(1801.0)
    await rig.gateway.poll_once()
    assert list(rig.store.batches) == ["A", "B", "C"]
    assert [uid for what, uid in rig.store.log if what == "batch"] == ["A", "B", "C"]


async def test_row_75_76_79_a_disordered_list_with_duplicates_is_one_row_and_one_acknowledgement_each() -> None:
    rig = Rig()
    rig.source.batches = [batch(uid) for uid in ("9", "GUID-1", "10", "9", "x/y", "GUID-1")]
    await rig.gateway.poll_once()
    await rig.acknowledge()
    assert list(rig.store.batches) == ["9", "GUID-1", "10", "x/y"]
    assert rig.validated() == ["9", "GUID-1", "10", "x/y"]


async def test_row_77_an_empty_list_refreshes_the_link_and_not_the_schedule() -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    rig.source.trajectories = [trajectory("T", {"R1": [(START, 5.0), (START + timedelta(seconds=60), 5.0)]})]
    await rig.gateway.poll_once()
    await rig.clock.advance(400.0)
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.gateway_value("link_age_s").value == 0.0
    assert rig.quality() is Quality.BAD_STALE


async def test_row_80_blanks_around_identifiers_do_not_hide_a_resource() -> None:
    text = (
        encode(batch("A", dots={"R1": 5.0}))
        .decode()
        .replace(">R1<", "> R1 <")
        .replace('batchUID="A"', 'batchUID=" A "')
    )
    decoded = decode_batch(text, expected_uid="A")
    assert (decoded.batch_uid, decoded.instructions[0].resource_id) == ("A", "R1")


async def test_row_81_109_no_identifier_from_the_wire_becomes_a_name_or_a_formula(tmp_path: Path) -> None:
    """Nasty UIDs and resource ids through the real store and the real files."""
    store = await SqlStore.open(tmp_path / "data" / "gateway.db", SystemClock())
    source, clock = RealSource(batches=[batch(uid, dots={uid: 1.0}) for uid in NASTY]), FakeClock()
    gateway = Gateway(source, store, clock, initial(R1, Environment.PRODUCTION), Settings(), lambda: True)
    await gateway.restore()
    await gateway.poll_once()
    rows = await store.payloads_after(0, 100)
    assert [row.uid for row in rows] == NASTY
    context = SinkContext(("R1",), {"R1": "=cmd()"}, "production", store, clock)
    out = tmp_path / "out"
    sink = FilesConfig(directory=out).build(context)
    await run_once(sink, gateway, clock)
    names = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert all(re.fullmatch(r"[A-Za-z0-9._/ -]+", name) for name in names), names
    assert not any(part in name for name in names for part in ("etc", "script", "cmd", "CON", "a" * 50))
    for path in out.rglob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "@", "+"))]
    await store.close()


async def run_once(sink: object, gateway: Gateway, clock: FakeClock) -> None:
    """Let a sink serve until it has copied the history, then stop it."""
    import asyncio

    from caiso_ads.ports import Sink

    started = asyncio.Event()
    serving: Sink = sink  # type: ignore[assignment]  # built by its own Config
    task = asyncio.create_task(serving.run(gateway.feed, started.set))
    await asyncio.wait_for(started.wait(), 20)
    for _ in range(40):
        gateway.tick()
        await clock.advance(1.0)
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})


async def test_row_84_the_same_revision_with_other_content_keeps_both(tmp_path: Path) -> None:
    store = await SqlStore.open(tmp_path / "gateway.db", SystemClock())
    for mw in (5.0, 6.0):
        one = batch("A", dots={"R1": mw})
        receipt = Receipt("getDispatchBatch", "A", pack(encode(one)).encode(), START, one)
        assert (await store.record_batch(receipt, acknowledge=False)).fresh
        assert (await store.history(START - timedelta(days=1))).disputed == ({"A"} if mw == 6.0 else set())
    assert len(await store.payloads_after(0, 10)) == 2
    assert [b.instructions[0].dot_mw for b, _ in (await store.history(START - timedelta(days=1))).batches] == [6.0]
    await store.close()


async def test_row_84_the_same_revision_with_other_content_is_an_alarm_and_the_last_received_is_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.source.batches = [batch("A", dots={"R1": 5.0}, status=BatchStatus.ACTIVE), batch("B")]
    await rig.gateway.poll_once()
    rig.source.batches[0] = batch("A", dots={"R1": 6.0}, status=BatchStatus.CLOSED)
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "dot_mw").value == 6.0
    found = [record for record in caplog.records if "same revision, other content" in record.getMessage()]
    assert [(record.levelname, "batch A" in record.getMessage()) for record in found] == [("ERROR", True)]


async def test_row_84_two_contents_are_held_until_the_next_poll_has_read_the_last_again_also_after_a_restart() -> None:
    rig, now = Rig(), START + timedelta(seconds=10)
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.batches = [batch("A", dots={"R1": 80.0}, start=now, status=BatchStatus.ACTIVE)]
    await rig.gateway.poll_once()
    assert rig.directive() is Directive.FOLLOW
    rig.source.batches = [batch("A", dots={"R1": 60.0}, start=now)]
    await rig.gateway.poll_once()
    assert (rig.directive(), rig.quality()) == (Directive.HOLD, Quality.UNCERTAIN)
    again = Rig(store=rig.store)
    again.source.batches, again.source.trajectories = rig.source.batches, rig.source.trajectories
    await again.gateway.restore()
    again.source.fail["batch A"] = SoapFaultError("Server", "busy")
    await again.gateway.poll_once()
    assert again.directive() is Directive.HOLD
    del again.source.fail["batch A"]
    for one in (rig, again):
        await one.gateway.poll_once()
        assert one.source.calls[-1] == ("batch", "A")
        assert one.directive() is Directive.FOLLOW
        assert one.gateway.feed.latest.value("R1", "next_dot_mw").value == 60.0


async def test_row_85_an_open_batch_that_is_forgotten_while_others_are_checked_ends_nothing() -> None:
    rig = Rig()
    later = START + timedelta(hours=3)
    rig.source.batches = [batch("P", status=BatchStatus.ACTIVE), batch("A", start=later, status=BatchStatus.ACTIVE)]
    await rig.gateway.poll_once()
    await rig.gateway.poll_once()
    rig.source.batches[1] = batch("A", start=later, revision=1, status=BatchStatus.CLOSED)
    await rig.clock.advance(7800.0)
    rig.gateway._fold(facts.BatchChecked("P", rig.clock.now()))
    await rig.gateway.poll_once()
    assert rig.gateway.state.batches["A"].revision_no == 1
    assert rig.source.calls[-2][0] == "header"
    assert rig.gateway.feed.latest.gateway_value("link_age_s").value == 0.0


@pytest.mark.parametrize("text", ["NaN", "INF", "1e400", "1_000", "١٢", "1u5", "12,5", ""])
def test_row_88_a_number_that_is_none_is_refused_with_its_field(text: str) -> None:
    bad = encode(batch("A", dots={"R1": 5.0})).decode().replace("<dot>5.0</dot>", f"<dot>{text}</dot>")
    with pytest.raises(WireError, match="dot") as caught:
        decode_batch(bad)
    assert "instructions[1]/dot" in caught.value.where


@pytest.mark.parametrize("mw", [1e-12, 0.1, 1999.999, -0.1])
def test_row_92_many_digits_survive_the_wire(mw: float) -> None:
    assert decode_batch(encode(batch("A", dots={"R1": mw})).decode()).instructions[0].dot_mw == mw


async def test_row_93_108_a_resource_that_is_not_ours_is_stored_told_once_and_not_published(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.source.batches = [batch(f"B{n}", dots={"OTHER_CO": 400.0, "R1": 5.0}) for n in range(3)]
    await rig.gateway.poll_once()
    assert list(rig.gateway.feed.latest.resources) == ["R1"]
    assert rig.gateway.feed.latest.value("R1", "dot_mw").value == 5.0
    assert sum("OTHER_CO" in record.getMessage() for record in caplog.records) == 1


async def test_row_95_points_of_one_time_are_ordered_by_their_sequence_whatever_the_document_says() -> None:
    one = trajectory("T", {"R1": [(START, 10.0), (START, 70.0), (START + timedelta(hours=1), 70.0)]})
    for dops in (one.dops, tuple(reversed(one.dops))):
        rig = Rig()
        rig.source.batches = [batch("M")]
        rig.source.trajectories = [replace(one, dops=dops)]
        await rig.gateway.poll_once()
        assert rig.gateway.feed.latest.value("R1", "setpoint_mw").value == 70.0


async def test_row_100_another_configuration_without_a_transition_is_one_alarm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    for n, name in enumerate(["1x1", "1x1", "2x1", "2x1"]):
        one = batch(f"B{n}", dots={"R1": 80.0}, start=START + timedelta(minutes=5 * n))
        rig.source.batches.append(replace(one, instructions=(replace(one.instructions[0], configuration_id=name),)))
    found: list[tuple[int, bool]] = []
    for second in range(0, 1200, 10):
        await rig.gateway.poll_once()
        notices = rig.gateway.feed.latest.value("R1", "notices").value
        assert isinstance(notices, Notice)
        found.append((second, Notice.CONFIGURATION in notices))
        await rig.clock.advance(10.0)
    assert [second for second, alarmed in found if alarmed] == list(range(600, 900, 10))
    assert sum("another configuration" in record.getMessage() for record in caplog.records) == 1


async def test_row_103_a_batch_without_instructions_is_stored_and_may_be_acknowledged() -> None:
    rig = Rig()
    rig.source.batches = [batch("A", batch_type=BatchType.COMMITMENT)]
    await rig.gateway.poll_once()
    await rig.acknowledge()
    assert rig.validated() == ["A"]


def test_row_104_ten_thousand_instructions_are_read() -> None:
    big = batch("A", dots={f"R{n}": float(n) for n in range(10_000)})
    assert len(read_result("getDispatchBatch", pack(encode(big)), "A").instructions) == 10_000


async def test_row_105_a_flag_stuck_at_false_does_not_hide_a_trajectory() -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    await rig.gateway.poll_once()
    rig.source.trajectories = [trajectory("T", FLAT)]

    async def never(_uid: str) -> bool:
        return False

    rig.source.is_new_trajectory = never  # type: ignore[method-assign,assignment]  # the ISO's fault
    await rig.clock.advance(300.0)
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "setpoint_mw").value == 80.0


async def test_row_106_the_streams_have_a_cursor_each_and_trajectories_are_never_acknowledged() -> None:
    rig = Rig()
    rig.source.batches, rig.source.trajectories = [batch("D")], [trajectory("T", FLAT)]
    await rig.gateway.poll_once()
    await rig.acknowledge()
    assert (rig.store.position.dispatch_uid, rig.store.position.trajectory_uid) == ("D", "T")
    assert rig.validated() == ["D"]


async def test_row_107_after_an_outage_the_curve_comes_first_and_nothing_is_good_before_the_end() -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.batches = [batch(f"B{n}", dots={"R1": 1.0}, start=START - timedelta(hours=20)) for n in range(50)]
    rig.source.batches.append(batch("PRESENT"))
    words: list[Directive] = []

    async def watch(operation: str, _uid: str) -> None:
        words.append(rig.directive())
        if operation == "batch":
            assert rig.gateway.feed.latest.value("R1", "setpoint_mw").value == 80.0

    rig.source.on_call = watch
    await rig.gateway.poll_once()
    assert set(words) == {Directive.NO_DATA}
    assert rig.directive() is Directive.FOLLOW


@pytest.mark.parametrize("namespace", ["http://ads.caiso.com", "http://ads.caiso.com/api/schema/v6", "urn:v9"])
def test_row_204_another_namespace_is_read_the_same(namespace: str) -> None:
    text = encode_trajectories([trajectory("T", FLAT)]).decode().replace("http://ads.caiso.com", namespace)
    assert read_result("getTrajectoryData", text)[0].dops[0].dop_mw == 80.0


def test_roll_call_every_row_has_a_test_that_names_it() -> None:
    named: set[int] = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        for match in re.findall(r"def test_rows?_((?:\d+_)+)", path.read_text(encoding="utf-8")):
            named |= {int(number) for number in match.split("_") if number}
    assert ROWS - named == set()
