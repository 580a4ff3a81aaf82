"""The archive: everything is kept as it came, under names that nobody outside can choose, below a cap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.sinks._files_archive import Archive, name_of
from tests.fakes import START
from tests.sinks.filing import HOSTILE, SAFE, archived, payload, rows


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


def test_the_time_of_a_name_is_utc_whatever_zone_it_came_in() -> None:
    local = datetime.fromisoformat("2026-07-01T20:30:00-07:00")
    assert name_of(payload(1, received=local), "production").startswith("2026-07-02/20260702T033000.000000Z")
    assert local.astimezone(UTC).day == 2
