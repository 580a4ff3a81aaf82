"""``caiso-ads intervals`` on a real database: what it says, and that it only reads."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.core.model import DispatchBatch
from caiso_ads.ports import Receipt
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import encode
from tests.fakes import FakeClock, batch

DAY = datetime(2025, 7, 1, 7, 0, tzinfo=UTC)
EARLY, HALF = timedelta(seconds=-227), timedelta(seconds=150)
OUT, BACK = DAY + timedelta(hours=10), DAY + timedelta(hours=13, seconds=5)
NEVER = {DAY + timedelta(hours=2), DAY + timedelta(hours=11)}


def received(start: datetime, at: datetime, resources: Iterable[str], mw: float = 10.0) -> Receipt[DispatchBatch]:
    made = batch(f"DISP-{start:%H%M}", dots=dict.fromkeys(resources, mw), start=start + HALF, received=start + EARLY)
    return Receipt("getDispatchBatch", made.batch_uid, pack(encode(made)).encode(), at, made)


async def fill(path: Path, *, hours: int = 24, resources: tuple[str, ...] = ("A", "B")) -> None:
    """Write a day with a three-hour outage that was back-filled, and two intervals for which the ISO sent none to A."""
    store = await SqlStore.open(path, FakeClock())
    await store.record_poll(DAY - timedelta(hours=30))
    for n in range(hours * 12):
        start = DAY + timedelta(minutes=5 * n)
        sent = start + EARLY
        at = BACK - timedelta(seconds=2) if OUT <= sent < BACK else sent
        await store.record_batch(received(start, at, resources[start in NEVER :]), acknowledge=False)
    await store.record_outage(OUT, BACK, "the ISO did not answer")
    await store.record_poll(DAY + timedelta(hours=30))
    await store.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("intervals") / "data" / "ads.sqlite"
    asyncio.run(fill(made))
    return made


def run(path: Path, *more: str, day: str = "2025-07-01") -> Result:
    return CliRunner().invoke(main, ["intervals", "--store", str(path), "--day", day, *more])


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_after_an_outage_and_its_back_fill_the_day_is_complete_and_the_gaps_are_named(path: Path) -> None:
    made = document(run(path, "--json"))
    fates = {(each["resource"], each["start_utc"]): each["fate"] for each in made["intervals"]}
    assert len(fates) == len(made["intervals"]) == 2 * 288
    assert sorted(key for key, fate in fates.items() if fate not in {"received", "back-filled"}) == [
        ("A", "2025-07-01T09:00:00Z"), ("A", "2025-07-01T18:00:00Z"),
    ]  # fmt: skip
    assert made["missing"] == 2
    assert made["resources"]["A"]["iso sent none"] == 2
    assert made["resources"]["B"]["back-filled"] == 36
    assert made["outages"] == [
        {"start_utc": "2025-07-01T17:00:00Z", "end_utc": "2025-07-01T20:00:05Z", "reason": "the ISO did not answer"}
    ]


def test_the_table_sums_up_each_hour_and_names_what_is_missing(path: Path) -> None:
    shown = run(path, "--resource", "A").stdout
    assert "2025-07-01, Pacific day of 24 hours, 288 intervals" in shown
    assert "no polls from 2025-07-01 10:00:00 PDT to 2025-07-01 13:00:05 PDT (3:00:05): the ISO did not answer" in shown
    assert "A: 286 of 288 have a DOT (35 back-filled, 2 iso sent none)" in shown
    assert "  02:00 PDT: iso sent none\n" in shown
    assert "  10:05 PDT to 11:00 PDT, 11 intervals, 2:55:03 after the begin at most: back-filled\n" in shown
    rows = [line.split() for line in shown.splitlines() if "PDT  " in line]
    assert len(rows) == 24
    assert rows[2] == ["02:00", "PDT", "11", "0", "0", "1", "0"]
    assert rows[11] == ["11:00", "PDT", "0", "0", "11", "1", "0"]
    assert "B:" not in shown


def test_the_csv_has_a_row_for_each_resource_and_interval(path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(path, "--csv").stdout)))
    assert Counter(row["resource"] for row in rows) == {"A": 288, "B": 288}
    first, missing = rows[0], rows[24]
    assert (first["start_utc"], first["start_local"]) == ("2025-07-01T07:00:00Z", "2025-07-01T00:00-07:00")
    assert (first["expected"], first["fate"], first["missing"], first["dot_mw"]) == ("yes", "received", "no", "10.0")
    assert (first["received_utc"], first["delay_s"], first["batch_uid"]) == ("2025-07-01T06:56:13Z", "", "DISP-0700")
    assert (missing["fate"], missing["missing"], missing["dot_mw"], missing["revisions"]) == (
        *("iso sent none", "yes", "", "0"),
    )


def test_it_ends_with_1_only_when_strict_and_something_is_missing(path: Path) -> None:
    assert run(path).exit_code == 0
    assert run(path, "--strict").exit_code == 1
    assert run(path, "--strict", "--resource", "B").exit_code == 0


def test_a_day_on_which_nobody_polled_was_not_fetched(path: Path) -> None:
    made = document(run(path, "--json", day="2025-06-01"))
    assert {each["fate"] for each in made["intervals"]} == {"not fetched"}


@pytest.mark.parametrize(("day", "number"), [("2025-03-09", 276), ("2025-11-02", 300), ("2025-07-01", 288)])
def test_a_pacific_day_has_its_own_length_and_a_utc_day_24_hours(path: Path, day: str, number: int) -> None:
    assert document(run(path, "--json", day=day))["resources"]["A"] is not None
    assert len(document(run(path, "--json", "--resource", "A", day=day))["intervals"]) == number
    utc = document(run(path, "--json", "--utc", "--resource", "A", day=day))
    assert (len(utc["intervals"]), utc["start_utc"]) == (288, f"{day}T00:00:00Z")


def test_the_hour_that_comes_twice_in_autumn_stands_there_twice(path: Path) -> None:
    lines = run(path, "--resource", "A", day="2025-11-02").stdout.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("  01:00 P") and "to" not in line] == [
        ["01:00", "PDT"],
        ["01:00", "PST"],
    ]


def test_a_machine_without_time_zones_says_so_and_takes_utc(path: Path) -> None:
    program = (
        "import sys, zoneinfo; zoneinfo.reset_tzpath(to=()); sys.modules['tzdata'] = None\n"
        "from caiso_ads.cli import main; main(sys.argv[1:])"
    )
    words = ["intervals", "--store", str(path), "--day", "2025-07-01", "--json"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert "no time zones, so the day is a UTC day" in done.stderr
    assert json.loads(done.stdout)["start_utc"] == "2025-07-01T00:00:00Z"


def test_the_resources_of_the_configuration_are_shown_in_its_order_and_also_without_any_dot(path: Path) -> None:
    config = path.with_name("gateway.toml")
    resources = "".join(f'[[resource]]\nid = "{name}"\npmin_mw = 0\npmax_mw = 1\n' for name in ("Z", "B"))
    config.write_text(
        '[ads]\nurl = "https://h.example/APIWebService/v8"\ncertificate = "c.pem"\n'
        f'[store]\npath = "{path.name}"\n{resources}'
    )
    result = CliRunner().invoke(main, ["intervals", "--config", str(config), "--day", "2025-07-01", "--json"])
    made = document(result)
    assert list(made["resources"]) == ["Z", "B"]
    assert made["resources"]["Z"]["iso sent none"] == 288


def test_it_reads_beside_a_running_gateway_and_writes_nothing(tmp_path: Path) -> None:
    async def beside() -> Result:
        store = await SqlStore.open(tmp_path / "d" / "a.db", FakeClock())
        await store.record_poll(DAY)
        await store.record_batch(received(DAY, DAY + EARLY, ["A"]), acknowledge=False)
        result = await asyncio.to_thread(run, store.path, "--json")
        await store.record_poll(DAY + HALF)
        await store.close()
        return result

    assert document(asyncio.run(beside()))["resources"]["A"]["received"] == 1


def test_a_hostile_name_or_reason_neither_steers_the_terminal_nor_runs_in_a_spreadsheet(tmp_path: Path) -> None:
    name = "=HYPERLINK(1)\x1b[2J"

    async def make() -> Path:
        store = await SqlStore.open(tmp_path / "d" / "a.db", FakeClock())
        good = received(DAY, DAY + EARLY, ["A"], mw=-5.0)
        assert isinstance(good.content, DispatchBatch)
        named = replace(good.content.instructions[0], resource_id=name, batch_uid="+1", instruction_uid="+1-I0")
        bad = replace(good.content, batch_uid="+1", instructions=(named,))
        await store.record_batch(replace(good, content=bad, argument="+1"), acknowledge=False)
        await store.record_outage(DAY, DAY + HALF, "x\x1b[2J\ny")
        await store.close()
        return store.path

    path = asyncio.run(make())
    shown, table = run(path).stdout, run(path, "--csv").stdout
    assert "\x1b" not in shown
    assert "\x1b" not in table
    row = next(csv.DictReader(io.StringIO(table)))
    assert (row["resource"], row["batch_uid"], row["dot_mw"]) == ("'=HYPERLINK(1)\\x1b[2J", "'+1", "-5.0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--day", "2025-07-01"], "give --config FILE or --store FILE"),
        (["--store", "none.db"], "Missing option '--day'"),
        (["--store", "none.db", "--day", "yesterday"], "is no day like"),
        (["--store", "none.db", "--day", "1066-10-14"], "no trade day"),
        (["--store", "none.db", "--day", "2025-07-01"], "there is no database"),
    ],
)
def test_what_is_wrong_with_the_call_is_said(words: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["intervals", *words])
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_unknown_resource_is_named_with_those_there_are(path: Path) -> None:
    result = run(path, "--resource", "C")
    assert result.exit_code == 2
    assert "no such resource: C; there are: A, B" in result.stderr


def test_it_starts_without_sqlalchemy(path: Path) -> None:
    program = "import sys\nfrom caiso_ads.cli import main\ntry: main(sys.argv[1:])\nfinally: print('sqlalchemy' in sys.modules)"
    words = ["intervals", "--store", str(path), "--day", "2025-07-01", "--resource", "A"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
