"""``caiso-ads lmp`` against a price service over real TLS, with the real store as its cache."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.core.price import Market
from caiso_ads.wire.oasis.reports import CURRENT
from caiso_ads.wire.oasis.writing import THROTTLE_HTML
from tests.cli.pricing import iso, run, value
from tests.oasis.server import Asked, Authority, body, prices, refusal
from tests.price_fakes import NOW


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_the_present_price_is_told_with_both_times_and_its_components(
    authority: Authority, tmp_path: Path
) -> None:
    (result,), service = await run(authority, tmp_path, "lmp A TH_NP15_GEN-APND")
    assert result.exit_code == 0, result.output
    assert len(service.asked) == 1
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "RTD prices in USD/MWh, 2026-07-01 05:00 PDT (2026-07-01T12:00:00Z)"
    assert lines[2] == "A"
    assert lines[4] == "2026-07-01 05:00 PDT 2026-07-01 12:00Z 42.00 38.50 2.25 1.25 0.00 applies now"
    assert "TH_NP15_GEN-APND" in lines


async def test_a_price_of_the_next_interval_stands_beside_the_one_that_applies(
    authority: Authority, tmp_path: Path
) -> None:
    five = timedelta(minutes=5)

    def early(asked: Asked) -> web.Response:
        if asked["queryname"] == CURRENT.query:
            return prices(CURRENT, 2, [value("A", Market.RTD, NOW + five, five)], xml=True)
        return iso(asked)

    (result,), service = await run(authority, tmp_path, "lmp A", script=early)
    assert result.exit_code == 0, result.output
    assert [line.split("  ")[-1] for line in result.stdout.splitlines()[4:]] == ["applies now", "applies in 4 min"]
    assert service.asked[1]["startdatetime"] == "20260701T12:00-0000"


async def test_when_the_price_that_applies_cannot_be_read_that_is_said(authority: Authority, tmp_path: Path) -> None:
    five = timedelta(minutes=5)

    def early(asked: Asked) -> web.Response:
        if asked["queryname"] == CURRENT.query:
            return prices(CURRENT, 2, [value("A", Market.RTD, NOW + five, five)], xml=True)
        return refusal(1001)

    (result,), _ = await run(authority, tmp_path, "lmp A", script=early)
    assert "cannot be read" in result.stderr
    assert result.stdout.splitlines()[4].endswith("applies in 4 min")


async def test_a_price_that_ended_is_not_told_as_the_present_one(authority: Authority, tmp_path: Path) -> None:
    def late(asked: Asked) -> web.Response:
        if asked["queryname"] == CURRENT.query:
            return prices(
                CURRENT, 2, [value("A", Market.RTD, NOW - timedelta(minutes=20), timedelta(minutes=5))], xml=True
            )
        return refusal(1000)

    (result,), _ = await run(authority, tmp_path, "lmp A", script=late)
    assert result.stdout.splitlines()[4].endswith("ended 15 min ago")
    assert "applies now" not in result.stdout


async def test_without_a_newest_price_the_last_20_minutes_are_read(authority: Authority, tmp_path: Path) -> None:
    def none(asked: Asked) -> web.Response:
        return iso(asked) if asked["queryname"] != CURRENT.query else refusal(1000)

    (result,), service = await run(authority, tmp_path, "lmp A --json", script=none)
    assert [each["start_utc"] for each in document(result)["prices"]] == ["2026-07-01T12:00:00Z"]
    assert [asked["queryname"] for asked in service.asked] == ["PRC_CURR_LMP", "PRC_INTVL_LMP"]


@pytest.mark.parametrize(("day", "count", "first", "last"), [
    ("2026-03-08", 276, "2026-03-08T00:00-08:00", "2026-03-08T23:55-07:00"),
    ("2025-11-02", 300, "2025-11-02T00:00-07:00", "2025-11-02T23:55-08:00"),
])  # fmt: skip
async def test_a_day_on_which_the_clock_changes_is_whole(
    authority: Authority, tmp_path: Path, day: str, count: int, first: str, last: str
) -> None:
    (result,), service = await run(authority, tmp_path, f"lmp A --day {day} --json")
    starts = [each["start_pacific"] for each in document(result)["prices"]]
    assert (len(starts), starts[0], starts[-1]) == (count, first, last)
    assert len(service.asked) == 1


async def test_history_is_asked_for_once(authority: Authority, tmp_path: Path) -> None:
    lines = ("lmp A --from 2026-06-01 --to 2026-06-03 --csv", "lmp A --from 2026-06-01 --to 2026-06-03 --csv")
    (first, second), service = await run(authority, tmp_path, *lines)
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout
    assert len(service.asked) == 1
    rows = list(csv.DictReader(io.StringIO(first.stdout)))
    assert len(rows) == 2 * 288
    assert rows[0] == {
        "node": "A", "market": "rtd", "start_utc": "2026-06-01T07:00:00Z", "end_utc": "2026-06-01T07:05:00Z",
        "start_pacific": "2026-06-01T00:00-07:00", "lmp_usd_per_mwh": "37.0", "energy_usd_per_mwh": "33.5",
        "congestion_usd_per_mwh": "2.25", "loss_usd_per_mwh": "1.25", "ghg_usd_per_mwh": "0.0",
    }  # fmt: skip


async def test_without_a_cache_everything_is_asked_again_and_nothing_is_kept(
    authority: Authority, tmp_path: Path
) -> None:
    line = "lmp A --day 2026-06-01 --json --no-cache"
    results, service = await run(authority, tmp_path, line, line)
    assert [len(document(each)["prices"]) for each in results] == [288, 288]
    assert len(service.asked) == 2
    assert list(tmp_path.rglob("*.sqlite")) == []


async def test_other_markets_have_their_own_grid(authority: Authority, tmp_path: Path) -> None:
    lines = [f"lmp A --day 2026-06-01 --market {market} --json" for market in ("fmm", "hasp", "dam")]
    results, service = await run(authority, tmp_path, *lines)
    assert [len(document(each)["prices"]) for each in results] == [96, 96, 24]
    assert [asked["queryname"] for asked in service.asked] == ["PRC_RTPD_LMP", "PRC_HASP_LMP", "PRC_LMP"]


async def test_a_stretch_in_utc_is_taken_as_written(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "lmp A --from 2026-06-01T10:00Z --to 2026-06-01T04:00-07:00 --json")
    made = document(result)
    assert (made["start_utc"], made["end_utc"]) == ("2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z")
    assert len(made["prices"]) == 12


async def test_a_misspelled_node_is_named_with_what_may_be_meant(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "lmp A TH_NP15_GEN_APND --json")
    assert result.exit_code == 1
    assert "no such node; do you mean TH_NP15_GEN-APND?" in result.stderr
    made = json.loads(result.stdout)
    assert made["missing"] == ["TH_NP15_GEN_APND"]
    assert [each["node"] for each in made["prices"]] == ["A"]


async def test_a_node_without_prices_is_told_apart_from_an_unknown_one(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "lmp MOSSLD_7_N001 --day 2026-06-01")
    assert result.exit_code == 1
    assert "though the ISO lists it" in result.stderr


async def test_a_day_that_has_not_begun_is_told_as_such(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "lmp A --day 2026-07-02")
    assert result.exit_code == 1
    assert "note: no price of A yet: that time has not begun" in result.stderr


async def test_a_refusal_is_an_error_and_no_price(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "lmp A", script=lambda _: body(THROTTLE_HTML))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "too many requests" in result.stderr
    assert "cure: wait some minutes" in result.stderr


async def test_a_chart_has_its_scale_and_its_times(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "lmp A --day 2026-06-01 --plot")
    assert result.exit_code == 0, result.output
    assert "53.55 |" in result.stdout
    assert "30.00 |" in result.stdout
    assert "2026-06-01 00:00 PDT" in result.stdout
    assert result.stdout.isascii()


@pytest.mark.skipif(find_spec("pyarrow") is not None, reason="pyarrow is here")
async def test_parquet_without_its_library_says_what_to_install(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, f"lmp A --day 2026-06-01 --parquet {tmp_path / 'x.parquet'}")
    assert result.exit_code == 2
    assert "pip install caiso-ads[parquet]" in result.stderr
    assert not (tmp_path / "x.parquet").exists()


async def test_parquet_holds_what_csv_holds(authority: Authority, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (result,), _ = await run(authority, tmp_path, f"lmp A --day 2026-06-01 --parquet {tmp_path / 'x.parquet'}")
    assert result.exit_code == 0, result.output
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.num_rows == 288
    assert table.column("lmp_usd_per_mwh")[0].as_py() == 37.0


async def test_nodes_and_address_come_from_a_configuration(authority: Authority, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[ads]\nurl = "https://localhost/ADS/APIWebService/v8"\nenvironment = "simulator"\nca_file = "ca.pem"\n'
        'certificate = "c.pem"\n[store]\npath = "data/ads.sqlite"\n[[resource]]\nid = "R"\nnode = "B"\n'
        'pmin_mw = 0\npmax_mw = 1\n[oasis]\nurl = "https://127.0.0.1:9/oasisapi"\n[[node]]\nid = "A"\n'
    )
    (result,), _ = await run(authority, tmp_path, f"lmp --config {config} --json")
    assert [each["node"] for each in document(result)["prices"]] == ["A", "B"]
    assert list(tmp_path.rglob("oasis.pace")), "the pace stands where the gateway keeps it"


@pytest.mark.parametrize(("line", "words"), [
    ("lmp", "no node is named"), ("lmp A,B", "is no node"), ("lmp ALL", "for the library"),
    ("lmp A --from 2026-06-01T10:00", "does not say its offset"), ("lmp A --from yesterday", "no time like"),
    ("lmp A --day 2026-13-01", "no day like"), ("lmp A --day 0026-01-01", "no day like"),
    ("lmp A --to 2026-06-01", "--to needs --from"), ("lmp A --from 2026-06-02 --to 2026-06-01", "is not after"),
    ("lmp A --day 2026-06-01 --from 2026-06-01", "stands alone"), ("lmp A --market dam", "give --day or --from"),
    ("lmp A --plot", "give --day or --from"), ("lmp A --day 2090-01-01", "can exist yet"), ("lmp A --day 2026-06-01 --plot --csv", "exclude each other"),
    ("lmp A --url http://oasis.caiso.com/oasisapi", "no https address"),
    ("lmp A --cache x --no-cache", "exclude each other"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_reason(line: str, words: str, tmp_path: Path) -> None:
    environment = {name: str(tmp_path) for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME")}
    done = CliRunner(env=environment).invoke(main, line.split())
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.split())
