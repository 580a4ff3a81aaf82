from __future__ import annotations

from pathlib import Path

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.simulator.faults import KINDS, Fault, FaultKind, Faults, parse

LIST = "getDispatchBatchesSinceUID"
DOC = Path(__file__).parents[2] / "docs" / "simulator.md"


def test_a_fault_hits_its_operation_as_often_as_armed() -> None:
    faults = Faults()
    faults.add(Fault("drip", "getDispatchBatch", times=2))
    taken = [faults.take(name) for name in (LIST, "getDispatchBatch", "getDispatchBatch", "getDispatchBatch")]
    assert [fault.kind if fault else None for fault in taken] == [None, "drip", "drip", None]


def test_faults_wait_their_turn() -> None:
    faults = Faults()
    faults.add(Fault("html"))
    faults.add(Fault("reset"))
    kinds = [fault.kind if fault else None for fault in (faults.take(LIST), faults.take(LIST), faults.take(LIST))]
    assert kinds == ["html", "reset", None]


def test_a_chance_comes_from_the_seed() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(Fault("http-500", times=None, probability=0.3))
        return [faults.take(LIST) is not None for _ in range(300)]

    assert hits(1) == hits(1) != hits(2)
    assert 60 < sum(hits(1)) < 120


def test_a_kind_for_documents_leaves_other_operations_alone() -> None:
    faults = Faults()
    faults.add(Fault("bad-gzip"))
    assert faults.take("getBatchStatus") is None
    assert faults.take("getTrajectoryData") is not None


def test_the_price_service_is_hit_only_where_it_is_named() -> None:
    faults = Faults()
    for fault in (Fault("html"), Fault("drip", "oasis"), Fault("xml"), Fault("reset", "PRC_LMP")):
        faults.add(fault)
    taken = [faults.take(name) for name in ("PRC_LMP", "PRC_CURR_LMP", "PRC_CURR_LMP", "PRC_LMP", LIST)]
    assert [fault.kind if fault else None for fault in taken] == ["drip", "xml", None, "reset", "html"]


def test_clear_disarms() -> None:
    faults = Faults()
    faults.add(Fault("hang", times=None))
    faults.clear()
    assert faults.take(LIST) is None
    assert list(faults) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drip", Fault("drip")),
        ("drip:getDispatchBatch", Fault("drip", "getDispatchBatch")),
        ("bad_gzip:getDispatchBatch:3", Fault("bad-gzip", "getDispatchBatch", 3)),
        ("reset:*:forever", Fault("reset", "", None)),
        ("drip:oasis", Fault("drip", "oasis")),
        ("oasis-1003:PRC_CURR_LMP:2", Fault("oasis-1003", "PRC_CURR_LMP", 2)),
        ("throttle", Fault("throttle")),
    ],
)
def test_the_command_line_form_is_read(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("drop", "drop"),
        ("drip:getNothing", "getNothing"),
        ("drip::soon", "soon"),
        ("bad-gzip:getBatchStatus", "bad-gzip"),
        ("drip::0", "drip"),
        ("oasis-NNNN", "NNNN"),
        ("oasis-999", "oasis-999"),
        ("oasis-1003:getDispatchBatch", "oasis-1003"),
        ("soap-fault:oasis", "soap-fault"),
    ],
)
def test_a_wrong_fault_is_refused_by_name(text: str, names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        parse(text)


def test_every_kind_is_in_the_table_and_in_the_documentation() -> None:
    assert set(KINDS) == set(FaultKind)
    page = DOC.read_text(encoding="utf-8")
    for kind, row in KINDS.items():
        assert f"| `{kind}` | {row.doc} |" in page


def test_one_fault_is_disarmed_and_the_others_stay() -> None:
    faults, first, second = Faults(), Fault("reset", times=None), Fault("reset", times=None)
    faults.add(first)
    faults.add(second)
    faults.remove(first)
    faults.remove(first)
    assert [fault is second for fault in faults] == [True]
