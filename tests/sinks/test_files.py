"""Files a plant reads: whole, safe to name and to open, and honest about their age."""

from __future__ import annotations

import asyncio
import csv
import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.errors import StoreError
from caiso_ads.ports import Feed, SinkContext, StoredPayload
from caiso_ads.sinks._files_archive import Archive, name_of
from caiso_ads.sinks._files_table import Tables, resource_file
from caiso_ads.sinks._files_words import safe_text, shut_down
from caiso_ads.sinks._files_write import replace_file
from caiso_ads.sinks.files import Config
from tests.fakes import START, FakeClock, MemoryStore

HOSTILE = ("../../etc/x", "a\0b", "CON", "=cmd()", "+1", "-1", "@x", "<script>", 'a"b,c\nd', "Ω" * 300, "ab", "AB", "")


def snapshot(
    generation: int = 1, *, ids: Sequence[str] = ("A", "B"), mw: float | None = 50.0, at: datetime = START
) -> Snapshot:
    """Make a snapshot in which every resource follows ``mw``."""
    resource: dict[str, Any] = {
        "directive": Directive.FOLLOW if mw is not None else Directive.NO_DATA,
        "reasons": Reason.NONE if mw is not None else Reason.NOT_CONFIRMED | Reason.RESTORED,
        "quality": Quality.GOOD if mw is not None else Quality.INIT,
        "setpoint_mw": mw,
        "supplemental_mw": -3.5,
        "dot_target_time": START,
        "trajectory_age_s": 7.0,
        "follow_dot_flag": 2,
        "pmin_mw": -0.0,
    }
    gateway: dict[str, Any] = {"heartbeat": generation, "utc_time": at, "environment": 0, "link_age_s": 1.25}
    return Snapshot(
        generation,
        at,
        tuple(PointValue(gateway.get(point.key), Quality.GOOD, at) for point in GATEWAY_POINTS),
        dict.fromkeys(
            ids, tuple(PointValue(resource.get(point.key), Quality.GOOD, START) for point in RESOURCE_POINTS)
        ),
    )


@dataclass
class ShelfStore(MemoryStore):
    """A store whose history is a list given by the test."""

    shelf: list[StoredPayload] = field(default_factory=list)
    failing: bool = False

    async def payloads_after(self, row: int, limit: int) -> Sequence[StoredPayload]:
        if self.failing:
            raise StoreError("disk I/O error")
        return [item for item in self.shelf if item.row > row][:limit]


def payload(
    row: int, uid: str | None = None, stream: str = "dispatch", received: datetime | None = None
) -> StoredPayload:
    """Make a payload; later rows arrive later."""
    uid = f"uid{row}" if uid is None else uid
    received = received or START + timedelta(seconds=row)
    return StoredPayload(row, stream, uid, received, f"<DispatchBatch row='{row}'/>".encode())


def context(
    store: ShelfStore | None = None,
    *,
    ids: tuple[str, ...] = ("A", "B"),
    environment: str = "production",
    clock: FakeClock | None = None,
) -> SinkContext:
    """Make a sink's context."""
    return SinkContext(
        ids, {item: f"name of {item}" for item in ids}, environment, store or ShelfStore(), clock or FakeClock()
    )


@asynccontextmanager
async def running(config: Config, known: SinkContext, feed: Feed) -> AsyncIterator[asyncio.Task[None]]:
    """Run a files sink until the block ends, then cancel it."""
    started = asyncio.Event()
    task = asyncio.create_task(config.build(known).run(feed, started.set))
    waiter = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield task
    finally:
        waiter.cancel()
        task.cancel()
        await asyncio.wait({task})


async def until(reached: Any) -> None:
    """Let threads and tasks work until the condition holds; the suite's own time limit ends a broken one."""
    while not reached():  # noqa: ASYNC110 - a file is waited for, and nothing signals it
        await asyncio.sleep(0.002)


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def archived(folder: Path) -> list[Path]:
    """Return the archived documents in order."""
    return sorted(folder.glob("archive/*/*.xml"))


def documents(folder: Path) -> set[bytes]:
    """Return what the newest dispatch document is, or nothing."""
    return {path.read_bytes() for path in folder.glob("dispatch.xml")}


# --- tables --------------------------------------------------------------------------------------------------------


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


SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


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


# --- replacing -----------------------------------------------------------------------------------------------------


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


# --- archive -------------------------------------------------------------------------------------------------------


def open_archive(folder: Path, *, files: int = 1000, size: float = 1e9, environment: str = "production") -> Archive:
    """Open the archive in a folder."""
    archive = Archive(folder / "archive", environment, max_files=files, max_bytes=size)
    archive.open()
    return archive


def test_every_payload_is_archived_as_it_is_and_indexed(tmp_path: Path) -> None:
    payloads = [payload(1), payload(2, stream="trajectory"), payload(3, uid="=HYPERLINK(1)")]
    open_archive(tmp_path).add(payloads)
    assert {path.read_bytes() for path in archived(tmp_path)} == {item.xml for item in payloads}
    index = {row["name"]: row for row in rows(tmp_path / "archive" / "2026-07-01" / "index.csv")}
    assert set(index) == {path.name for path in archived(tmp_path)}
    assert [row["uid"] for row in index.values()] == ["uid1", "uid2", "'=HYPERLINK(1)"]
    assert all(row["sha256"] == sha256((tmp_path / "archive/2026-07-01" / name).read_bytes()).hexdigest()
               for name, row in index.items())  # fmt: skip


@pytest.mark.parametrize("uid", HOSTILE)
def test_a_hostile_uid_never_names_a_file(tmp_path: Path, uid: str) -> None:
    open_archive(tmp_path).add([payload(1, uid=uid)])
    day, _, name = name_of(payload(1, uid=uid), "production").partition("/")
    assert day == "2026-07-01"
    assert name.startswith("20260701T120001.000000Z-dispatch-")
    assert archived(tmp_path) == [tmp_path / "archive" / day / name]
    assert len(rows(tmp_path / "archive" / day / "index.csv")) == 1


@settings(max_examples=50)
@given(st.text(), st.text())
def test_a_name_has_only_safe_letters_whatever_uid_and_stream_say(uid: str, stream: str) -> None:
    assert set(name_of(payload(1, uid=uid, stream=stream), "simulator")) <= SAFE | {"/"}


def test_uids_that_differ_in_case_only_stay_two_files(tmp_path: Path) -> None:
    open_archive(tmp_path).add([payload(1, uid="ab", received=START), payload(1, uid="AB", received=START)])
    assert len({path.name.lower() for path in archived(tmp_path)}) == 2


def test_the_cap_removes_the_oldest_files_their_index_rows_and_empty_days(tmp_path: Path) -> None:
    archive = open_archive(tmp_path, files=3)
    archive.add([payload(1, received=START - timedelta(days=1)), payload(2), payload(3)])
    archive.add([payload(4)])
    assert [path.read_bytes() for path in archived(tmp_path)] == [payload(row).xml for row in (2, 3, 4)]
    assert [path.name for path in (tmp_path / "archive").iterdir() if path.is_dir()] == ["2026-07-01"]
    archive.add([payload(5), payload(6)])
    assert [row["uid"] for row in rows(tmp_path / "archive/2026-07-01/index.csv")] == ["uid4", "uid5", "uid6"]


def test_the_cap_on_size_holds_after_a_restart_too(tmp_path: Path) -> None:
    each = len(payload(1).xml)
    open_archive(tmp_path, size=3.5 * each).add([payload(row) for row in (1, 2, 3)])
    open_archive(tmp_path, size=3.5 * each).add([payload(4)])
    assert [path.read_bytes() for path in archived(tmp_path)] == [payload(row).xml for row in (2, 3, 4)]


def test_a_file_that_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "2026-07-01"
    folder.mkdir(parents=True)
    (folder / "notes.xml").write_text("mine")
    open_archive(tmp_path, files=1).add([payload(1), payload(2)])
    assert (folder / "notes.xml").read_text() == "mine"
    assert len(archived(tmp_path)) == 2


def test_copying_again_gives_the_same_files(tmp_path: Path) -> None:
    archive = open_archive(tmp_path)
    archive.add([payload(1), payload(2)])
    before = archived(tmp_path)
    archive.add([payload(1), payload(2)])
    assert archived(tmp_path) == before
    assert len(rows(tmp_path / "archive/2026-07-01/index.csv")) == 2


def test_the_position_survives_and_a_broken_one_means_the_beginning(tmp_path: Path) -> None:
    archive = open_archive(tmp_path)
    position = archive.add([payload(7)])
    assert archive.open() == position
    for broken in ("", "{}", "[]", '{"row": "x"}', '{"row": 3}'):
        (tmp_path / "archive" / "position.json").write_text(broken)
        assert archive.open().row == 0


def test_archived_test_data_is_marked_by_name_and_index(tmp_path: Path) -> None:
    open_archive(tmp_path, environment="market-sim").add([payload(1)])
    assert archived(tmp_path)[0].name.startswith("TEST-")
    assert "market-sim" in rows(tmp_path / "archive/2026-07-01/index.csv")[0]["watermark"]


# --- the sink ------------------------------------------------------------------------------------------------------


async def test_history_is_copied_and_the_newest_documents_stand_in_front(tmp_path: Path) -> None:
    store = ShelfStore(shelf=[payload(1), payload(2, stream="trajectory"), payload(3)])
    async with running(Config(directory=tmp_path), context(store), Feed(snapshot())):
        await until((tmp_path / "trajectory.xml").exists)
        assert (tmp_path / "dispatch.xml").read_bytes() == payload(3).xml
        assert (tmp_path / "trajectory.xml").read_bytes() == payload(2).xml
    assert len(archived(tmp_path)) == 3


async def test_the_past_is_never_shown_as_the_newest_while_catching_up(tmp_path: Path) -> None:
    clock = FakeClock()
    store = ShelfStore(shelf=[payload(row) for row in range(1, 121)])
    feed = Feed(snapshot())
    shown: set[bytes] = set()
    async with running(Config(directory=tmp_path), context(store, clock=clock), feed):
        while len(archived(tmp_path)) < 120:
            await asyncio.sleep(0.002)
            shown |= documents(tmp_path)
            if clock._sleepers:
                feed.publish(snapshot(feed.latest.generation + 1))
                await clock.advance(1.0)
        await until((tmp_path / "dispatch.xml").exists)
    assert shown <= {payload(120).xml}


async def test_after_a_restart_only_what_is_new_is_copied(tmp_path: Path) -> None:
    store = ShelfStore(shelf=[payload(1), payload(2)])
    async with running(Config(directory=tmp_path), context(store), Feed(snapshot())):
        await until(lambda: len(archived(tmp_path)) == 2)
        await until((tmp_path / "dispatch.xml").exists)
    for path in archived(tmp_path):
        path.unlink()
    store.shelf.append(payload(3))
    async with running(Config(directory=tmp_path), context(store), Feed(snapshot())):
        await until(lambda: (tmp_path / "dispatch.xml").read_bytes() == payload(3).xml)
    assert [path.read_bytes() for path in archived(tmp_path)] == [payload(3).xml]


async def test_another_store_is_noticed_and_copied_from_its_beginning(tmp_path: Path) -> None:
    async with running(Config(directory=tmp_path), context(ShelfStore(shelf=[payload(5)])), Feed(snapshot())):
        await until((tmp_path / "dispatch.xml").exists)
    fresh = ShelfStore(shelf=[payload(1, uid="new1"), payload(5, uid="new5", received=START + timedelta(days=1))])
    fresh.shelf[1] = StoredPayload(5, "dispatch", "new5", START + timedelta(days=1), b"<other/>")
    async with running(Config(directory=tmp_path), context(fresh), Feed(snapshot())):
        await until(lambda: (tmp_path / "dispatch.xml").read_bytes() == b"<other/>")
    assert len(archived(tmp_path)) == 3


async def test_a_failing_store_does_not_stop_the_tables(tmp_path: Path) -> None:
    clock, store = FakeClock(), ShelfStore(shelf=[payload(1)], failing=True)
    feed = Feed(snapshot(1, mw=1.0))
    async with running(Config(directory=tmp_path), context(store, clock=clock), feed):
        await until(lambda: clock._sleepers)
        feed.publish(snapshot(2, mw=2.0))
        await clock.advance(1.0)
        await until(lambda: rows(tmp_path / "all.csv")[0]["setpoint_mw"] == "2.0")
        store.failing = False
        await until(lambda: clock._sleepers)
        feed.publish(snapshot(3, mw=3.0))
        await clock.advance(1.0)
        await until((tmp_path / "dispatch.xml").exists)


async def test_the_tables_are_written_at_most_once_a_second(tmp_path: Path) -> None:
    clock = FakeClock()
    feed = Feed(snapshot(1))
    async with running(Config(directory=tmp_path), context(clock=clock), feed):
        await until(lambda: clock._sleepers)
        for generation in range(2, 30):
            feed.publish(snapshot(generation))
            await clock.settle()
        await clock.advance(0.9)
        assert rows(tmp_path / "all.csv")[0]["snapshot_id"] == "1"
        await clock.advance(0.1)
        await until(lambda: rows(tmp_path / "all.csv")[0]["snapshot_id"] == "29")


async def test_the_first_tables_stand_before_the_sink_counts_as_started(tmp_path: Path) -> None:
    seen: list[bool] = []
    sink = Config(directory=tmp_path / "made" / "here").build(context())
    feed = Feed(snapshot())
    task = asyncio.create_task(sink.run(feed, lambda: seen.append((tmp_path / "made/here/all.csv").exists())))
    await until(lambda: seen)
    task.cancel()
    await asyncio.wait({task})
    assert seen == [True]


async def test_a_stopped_gateway_leaves_quality_shutdown_in_every_table(tmp_path: Path) -> None:
    async with running(Config(directory=tmp_path), context(), Feed(snapshot(mw=50.0))) as task:
        pass
    assert task.cancelled()
    for name in ("all.csv", "resource-1-A.csv", "resource-2-B.csv"):
        for row in rows(tmp_path / name):
            assert (row["quality"], row["directive"], row["setpoint_mw"]) == ("SHUTDOWN", "HOLD", "50.0")


async def test_a_sink_that_was_stopped_serves_again_when_started_again(tmp_path: Path) -> None:
    sink = Config(directory=tmp_path).build(context())
    for _ in range(2):
        started = asyncio.Event()
        task = asyncio.create_task(sink.run(Feed(snapshot()), started.set))
        await started.wait()
        assert rows(tmp_path / "all.csv")[0]["quality"] == "GOOD"
        task.cancel()
        await asyncio.wait({task})


async def test_a_directory_that_takes_no_files_is_an_error_for_the_supervisor(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        await Config(directory=tmp_path / "taken").build(context()).run(Feed(snapshot()), lambda: None)


async def test_the_newest_documents_of_a_test_environment_are_marked_and_stay_xml(tmp_path: Path) -> None:
    store = ShelfStore(shelf=[payload(1)])
    async with running(Config(directory=tmp_path), context(store, environment="simulator"), Feed(snapshot())):
        await until((tmp_path / "dispatch.xml").exists)
    text = (tmp_path / "dispatch.xml").read_text()
    assert text.startswith("<DispatchBatch row='1'/>")
    assert "TEST DATA - simulator" in text
    assert json.loads((tmp_path / "archive" / "position.json").read_text())["row"] == 1


def test_the_time_of_a_name_is_utc_whatever_zone_it_came_in() -> None:
    local = datetime.fromisoformat("2026-07-01T20:30:00-07:00")
    assert name_of(payload(1, received=local), "production").startswith("2026-07-02/20260702T033000.000000Z")
    assert local.astimezone(UTC).day == 2
