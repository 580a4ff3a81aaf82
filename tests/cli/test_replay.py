"""``caiso-ads replay`` on a real store and on folders: complete, safe, and never stopped by one bad file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caiso_ads.cli.replay import _with_progress, command
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.resource import Resource
from caiso_ads.errors import WireError
from caiso_ads.ports import Receipt, StoredPayload
from caiso_ads.replay import replay
from caiso_ads.sinks._files_archive import Archive
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import encode, encode_header, encode_trajectories
from tests.fakes import START, FakeClock, batch, trajectory

Content = DispatchBatch | TrajectoryBatch
SECOND = timedelta(seconds=1)
LINE = [(START, 80.0), (START + timedelta(minutes=10), 90.0)]
MARKET: Sequence[Content] = (
    trajectory("T1", {"R1": LINE, "=R2+cmd": LINE}),
    batch("D1", dots={"R1": 81.0}, start=START + timedelta(seconds=150)),
    batch("D2", dots={"R1": 85.0, "=R2+cmd": 7.0}, start=START + timedelta(seconds=450), received=START + 60 * SECOND),
)
CONFIG = """
[ads]
url = "https://localhost:1/ADS/APIWebService/v8"
certificate = "plant.p12"
environment = "simulator"
[store]
path = "ads.sqlite"
[[resource]]
id = "R1"
pmin_mw = 0.0
pmax_mw = 82.0
"""


def ask(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def table(*arguments: str | Path) -> list[dict[str, str]]:
    result = ask(*arguments, "--csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def iso(seconds: float) -> str:
    return (START + seconds * SECOND).isoformat()


def payload(content: Content) -> bytes:
    return encode_trajectories([content]) if isinstance(content, TrajectoryBatch) else encode(content)


def receipt(content: Content, at: datetime) -> Receipt[object]:
    uid = content.batch_uid
    if isinstance(content, TrajectoryBatch):
        return Receipt("getTrajectoryData", uid, pack(payload(content)).encode(), at, (content,))
    return Receipt("getDispatchBatch", uid, pack(payload(content)).encode(), at, content)


async def fill(path: Path, *more: Receipt[DispatchBatch]) -> None:
    store = await SqlStore.open(path, FakeClock())
    for content in MARKET:
        made = receipt(content, content.batch_received)
        if isinstance(content, TrajectoryBatch):
            await store.record_trajectories(made)  # type: ignore[arg-type] # its content is a trajectory's
        else:
            await store.record_batch(made, acknowledge=False)  # type: ignore[arg-type] # and here a batch's
    for one in more:
        await store.record_batch(one, acknowledge=False)
    await store.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    asyncio.run(fill(tmp_path / "ads.sqlite"))
    return tmp_path / "ads.sqlite"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one document in each form."""
    made = tmp_path / "documents"
    (made / "deep").mkdir(parents=True)
    (made / "t1.xml").write_bytes(payload(MARKET[0]))
    (made / "d1.b64").write_text(pack(payload(MARKET[1]), wrap=True), encoding="ascii")
    (made / "deep" / "d2.xml.gz").write_bytes(__import__("gzip").compress(payload(MARKET[2])))
    return made


def test_a_store_and_a_folder_of_the_same_documents_give_the_same_seconds(store: Path, folder: Path) -> None:
    found = table("--store", store)
    assert found == table("--directory", folder)
    assert len(found) == 2 * 360
    at = {(row["time_utc"], row["resource"]): row for row in found}
    assert at["2026-07-01T12:02:30Z", "R1"] == {
        "time_utc": "2026-07-01T12:02:30Z", "resource": "R1", "directive": "FOLLOW", "reasons": "", "quality": "GOOD",
        "dot_mw": "81.0", "next_dot_mw": "85.0", "dop_mw": "82.5", "setpoint_mw": "82.5",
    }  # fmt: skip
    assert at["2026-07-01T12:00:59Z", "R1"]["next_dot_mw"] == "81.0"
    assert at["2026-07-01T12:00:59Z", "R1"]["dot_mw"] == "", "not known is empty"


def test_the_archive_of_the_files_sink_is_replayed_at_the_times_in_its_names(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", "simulator", max_files=100, max_bytes=1e9)
    archive.open()
    streams = ["trajectory" if isinstance(one, TrajectoryBatch) else "dispatch" for one in MARKET]
    archive.add(
        [
            StoredPayload(n, stream, one.batch_uid, START + 120 * SECOND, payload(one))
            for n, (stream, one) in enumerate(zip(streams, MARKET, strict=True), start=1)
        ]
    )
    found = table("--directory", tmp_path / "archive", "--from", iso(0), "--to", iso(180))
    directives = [row["directive"] for row in found if row["resource"] == "R1"]
    assert directives == ["NO_DATA"] * 120 + ["TEST"] * 60


def test_a_bad_file_is_named_and_counted_and_stops_nothing(folder: Path) -> None:
    good = table("--directory", folder)
    (folder / "broken.xml").write_text("<DispatchBatch", encoding="utf-8")
    (folder / "photo.bin").write_bytes(bytes(range(256)))
    (folder / "empty.xml").touch()
    (folder / "list.xml").write_text("<APIDispatchResponse/>", encoding="utf-8")
    result = ask("--directory", folder, "--csv")
    assert result.exit_code == 0
    assert list(csv.DictReader(io.StringIO(result.stdout))) == good
    assert "3 cannot be read" in result.stderr
    assert all(name in result.stderr for name in ("broken.xml", "photo.bin", "empty.xml"))


def test_a_header_saved_beside_its_batch_does_not_withdraw_it(folder: Path) -> None:
    good = table("--directory", folder)
    assert isinstance(MARKET[1], DispatchBatch)
    (folder / "z-header.xml").write_bytes(encode_header(MARKET[1]))
    assert table("--directory", folder) == good


def test_the_window_the_step_and_the_resource_are_those_asked_for(store: Path) -> None:
    found = table("--store", store, "--from", iso(100), "--to", iso(161), "--every", "30", "--resource", "R1")
    assert [row["time_utc"][-9:-1] for row in found] == ["12:01:40", "12:02:10", "12:02:40"]
    assert {row["resource"] for row in found} == {"R1"}
    assert found[0]["directive"] == "FOLLOW", "what came before the window is known"


def test_the_configuration_gives_resources_limits_environment_and_store(store: Path) -> None:
    config = store.parent / "gateway.toml"
    config.write_text(CONFIG, encoding="utf-8")
    found = table("--config", config, "--to", iso(60))
    assert {row["resource"] for row in found} == {"R1"}
    assert {row["quality"] for row in found} == {"BAD_DATA"}, "the curve leaves the limits, so it is refused"
    assert all("value refused" in row["reasons"] and "test environment" in row["reasons"] for row in found)


def test_a_name_is_no_formula_in_csv_and_json_parses(store: Path) -> None:
    assert {row["resource"] for row in table("--store", store)} == {"R1", "'=R2+cmd"}
    found = json.loads(ask("--store", store, "--json", "--to", iso(2)).stdout)
    assert [(row["resource"], row["dot_mw"], row["setpoint_mw"]) for row in found[:2]] == [
        ("=R2+cmd", None, 80.0),
        ("R1", None, 80.0),
    ]


def test_lines_for_people_are_the_default(store: Path) -> None:
    lines = ask("--store", store, "--resource", "R1", "--from", iso(200), "--to", iso(202)).stdout.splitlines()
    assert lines[0].split()[:4] == ["time", "UTC", "resource", "directive"]
    assert lines[1].split() == ["2026-07-01T12:03:20Z", "R1", "FOLLOW", "GOOD", "81.00", "85.00", "83.33", "83.33"]


def test_the_summary_counts_seconds_changes_and_the_range(store: Path) -> None:
    span = f"{iso(100)}/{iso(200)}"
    shown = ask("--store", store, "--summary", "--resource", "R1", "--link-down", span, "--to", iso(300)).stdout
    words = shown.splitlines()[1].split()
    # Held from 121 s, 30 s after the last poll; good again with the poll at 200 s; worse once in between.
    assert words == ["R1", "0", "s", "221", "s", "79", "s", "0", "s", "0", "s", "3", "0", "s", "80.00", "84.98"]


def test_the_output_file_is_complete_or_not_there(store: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert ask("--store", store, "--csv", "--output", target).exit_code == 0
    assert len(target.read_text(encoding="utf-8").splitlines()) == 1 + 2 * 360
    assert sorted(path.name for path in tmp_path.glob("out.csv*")) == ["out.csv"]
    refused = ask("--store", store, "--output", tmp_path / "no" / "out.csv")
    assert refused.exit_code == 2
    assert "cannot be written" in refused.stderr


def test_a_running_gateways_store_can_be_replayed(tmp_path: Path) -> None:
    async def beside() -> list[dict[str, str]]:
        await fill(tmp_path / "ads.sqlite")
        running = await SqlStore.open(tmp_path / "ads.sqlite", FakeClock())
        found = await asyncio.to_thread(table, "--store", tmp_path / "ads.sqlite")
        await running.close()
        return found

    assert len(asyncio.run(beside())) == 2 * 360


def test_check_lists_what_an_upgrade_has_made_readable_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ads.sqlite"
    made = batch("D9", dots={"R1": 1.0})
    old: Receipt[DispatchBatch] = Receipt(
        "getDispatchBatch", "D9", pack(encode(made)).encode(), START, WireError("odd form")
    )
    bad: Receipt[DispatchBatch] = Receipt("getDispatchBatch", "D8", b"<html/>", START, WireError("a page"))
    asyncio.run(fill(path, old, bad))
    before = path.read_bytes()
    result = ask("--store", path, "--check")
    assert result.exit_code == 0
    assert "D9: readable now; then: odd form" in result.stdout
    assert "1 readable now, 1 still not" in result.stdout
    assert "takes up when it starts" in result.stdout
    assert path.read_bytes() == before
    told = ask("--store", path, "--summary")
    assert "2 cannot be read" in told.stderr, "a replay shows what was seen then"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give --config FILE"),
        (["--store", "a", "--directory", "b"], "exclude each other"),
        (["--directory", "none"], "is not a folder"),
        (["--store", "none"], "there is no database"),
        (["--store", "none", "--from", "2026-07-01T12:00:00"], "no time zone"),
        (["--store", "none", "--link-down", "2026-07-01T12:00:00Z"], "FROM/TO"),
        (["--store", "none", "--link-down", "2026-07-01T12:00:00Z/2026-07-01T11:00:00Z"], "ends before it begins"),
        (["--directory", ".", "--check"], "--check looks into a database"),
    ],
)
def test_wrong_usage_is_told_in_one_line(arguments: list[str], problem: str) -> None:
    result = ask(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_resource_an_empty_folder_and_an_empty_window_are_refused(store: Path, tmp_path: Path) -> None:
    assert "no such resource: R7; there are: =R2+cmd, R1" in ask("--store", store, "--resource", "R7").stderr
    (tmp_path / "empty").mkdir()
    assert "no document to replay" in ask("--directory", tmp_path / "empty").stderr
    early = datetime(2026, 7, 1, 11, 0, tzinfo=UTC).isoformat()
    assert "nothing to replay" in ask("--store", store, "--from", iso(0), "--to", early).stderr


def test_the_progress_bar_stays_on_standard_error_and_passes_every_frame(capsys: pytest.CaptureFixture[str]) -> None:
    plant = {"R1": Resource("R1", "one", 0.0, 100.0)}
    frames = list(replay([], plant, start=START, end=START + 1200 * SECOND))
    assert list(_with_progress(iter(frames), len(frames), shown=True)) == frames
    assert capsys.readouterr().out == ""
