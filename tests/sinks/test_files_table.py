"""Tables a plant reads: whole, safe to name and to open, and honest about their age."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, PointValue
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.ports import SinkContext
from caiso_ads.sinks._files_table import Tables, resource_file
from caiso_ads.sinks._files_write import replace_file
from caiso_ads.sinks.words import safe_text, shut_down
from tests.fakes import START, FakeClock
from tests.sinks.filing import HOSTILE, SAFE, ShelfStore, context, rows, snapshot


def test_each_resource_has_its_row_and_its_file(tmp_path: Path) -> None:
    Tables(tmp_path, context()).write(snapshot())
    both = rows(tmp_path / "all.csv")
    assert [row["resource_id"] for row in both] == ["A", "B"]
    assert rows(tmp_path / "resource-1-A.csv") == both[:1]
    assert rows(tmp_path / "resource-2-B.csv") == both[1:]


def test_a_row_says_value_directive_quality_age_and_target_time_in_utc(tmp_path: Path) -> None:
    Tables(tmp_path, context()).write(snapshot(at=START + timedelta(milliseconds=250)))
    row = rows(tmp_path / "resource-1-A.csv")[0]
    assert row["setpoint_mw"] == "50.0"
    assert (row["directive"], row["quality"], row["reasons"]) == ("FOLLOW", "GOOD", "NONE")
    assert row["trajectory_age_s"] == "7.0"
    assert row["dot_target_time_utc"] == "2026-07-01T12:00:00Z"
    assert row["snapshot_utc"] == "2026-07-01T12:00:00.250Z"
    assert row["valid_until_utc"] == "2026-07-01T12:00:05.250Z"
    assert (row["snapshot_id"], row["environment"], row["follow_dot_flag"]) == ("1", "production", "YES")


def test_the_columns_are_the_point_catalogue(tmp_path: Path) -> None:
    Tables(tmp_path, context()).write(snapshot())
    columns = " ".join(rows(tmp_path / "all.csv")[0])
    assert all(point.key in columns for point in GATEWAY_POINTS + RESOURCE_POINTS)


def test_what_is_not_known_is_empty_and_never_zero(tmp_path: Path) -> None:
    Tables(tmp_path, context()).write(snapshot(mw=None))
    row = rows(tmp_path / "resource-1-A.csv")[0]
    assert (row["setpoint_mw"], row["dot_mw"], row["next_dot_target_time_utc"]) == ("", "", "")
    assert (row["directive"], row["quality"]) == ("NO_DATA", "INIT")
    assert row["reasons"] == "RESTORED NOT_CONFIRMED"


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_never_written(tmp_path: Path, broken: float) -> None:
    Tables(tmp_path, context()).write(snapshot(mw=broken))
    assert rows(tmp_path / "resource-1-A.csv")[0]["setpoint_mw"] == ""


def test_numbers_stay_numbers_also_below_zero(tmp_path: Path) -> None:
    Tables(tmp_path, context()).write(snapshot(mw=-12.3456789))
    row = rows(tmp_path / "resource-1-A.csv")[0]
    assert (row["setpoint_mw"], row["supplemental_mw"], row["pmin_mw"]) == ("-12.345679", "-3.5", "0.0")


def test_a_hostile_id_is_data_only(tmp_path: Path) -> None:
    known = SinkContext(HOSTILE, {item: item for item in HOSTILE}, "production", ShelfStore(), FakeClock())
    Tables(tmp_path, known).write(snapshot(ids=HOSTILE))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"all.csv"} | {resource_file(number, item) for number, item in enumerate(HOSTILE, start=1)}
    assert all(len(name) < 70 and name.isascii() and set(name) <= SAFE for name in names)
    for row in rows(tmp_path / "all.csv"):
        assert not row["resource_id"].startswith(("=", "+", "-", "@"))
        assert row["resource_id"].isprintable()


@given(st.text())
def test_no_text_becomes_a_formula_or_a_second_line(text: str) -> None:
    safe = safe_text(text)
    assert safe.isprintable()
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_test_data_is_marked_in_every_row_and_production_is_not(tmp_path: Path) -> None:
    Tables(tmp_path, context(environment="simulator")).write(snapshot())
    assert {row["watermark"] for row in rows(tmp_path / "all.csv")} == {"TEST DATA - simulator - NOT FOR OPERATION"}
    Tables(tmp_path, context()).write(snapshot())
    assert {row["watermark"] for row in rows(tmp_path / "all.csv")} == {""}


def test_a_late_writer_cannot_undo_shutdown(tmp_path: Path) -> None:
    tables = Tables(tmp_path, context())
    tables.close(snapshot(1))
    tables.write(snapshot(2))
    assert {row["quality"] for row in rows(tmp_path / "all.csv")} == {"SHUTDOWN"}


def test_shutdown_holds_the_value_and_never_says_follow() -> None:
    stopped = shut_down(snapshot(mw=50.0))
    assert stopped.value("A", "setpoint_mw") == PointValue(50.0, Quality.SHUTDOWN, START)
    assert stopped.value("A", "directive").value == Directive.HOLD
    assert stopped.value("A", "quality").value == Quality.SHUTDOWN
    assert stopped.value("A", "reasons").value == Reason.SHUTTING_DOWN
    assert shut_down(snapshot(mw=None)).value("A", "directive").value == Directive.NO_DATA


@pytest.mark.parametrize("durable", [True, False])
def test_a_hammering_reader_never_sees_half_a_file(tmp_path: Path, *, durable: bool) -> None:
    path = tmp_path / "value.csv"
    contents = {bytes([letter]) * size for letter, size in ((65, 50_000), (66, 3), (67, 9_000))}
    seen: set[bytes] = set()
    done = threading.Event()
    replace_file(path, min(contents), durable=durable)

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(60):
        for content in contents:
            replace_file(path, content, durable=durable)
    done.set()
    reader.join()
    assert seen
    assert seen <= contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_held_open_on_windows_is_tried_again(tmp_path: Path) -> None:
    failures = [PermissionError("in use"), PermissionError("in use")]
    pauses: list[float] = []

    def move(source: Path, target: Path) -> None:
        if failures:
            raise failures.pop()
        source.replace(target)

    replace_file(tmp_path / "a", b"new", durable=False, move=move, pause=pauses.append)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert len(pauses) == 2


def test_a_file_held_for_ever_is_an_error_and_the_old_one_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    pauses: list[float] = []

    def move(source: Path, target: Path) -> None:
        raise PermissionError("in use")

    with pytest.raises(PermissionError):
        replace_file(tmp_path / "a", b"new", durable=False, move=move, pause=pauses.append)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
    assert 0.5 < sum(pauses) < 2.0
