"""Prices in the CSV files: a table of nodes, and beside each resource the price its target belongs to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from caiso_ads.core.points import NODE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.ports import SinkContext
from caiso_ads.sinks._files_table import Tables
from caiso_ads.sinks.words import column
from tests.price_points import node
from tests.sinks import filing

NODES = ("TH_NP15_GEN-APND", "=cmd()")


def context() -> SinkContext:
    return replace(filing.context(), nodes=NODES, node_names={NODES[0]: "Northern hub"}, node_of={"A": NODES[0]})


def shot(quality: Quality = Quality.GOOD) -> Snapshot:
    points = dict.fromkeys(NODES, node(quality))
    return replace(filing.snapshot(), nodes=points, dot_prices={"A": PointValue(28.75, quality)})


def test_one_row_for_each_node_with_value_quality_and_age(tmp_path: Path) -> None:
    Tables(tmp_path, context()).write(shot())
    first, second = filing.rows(tmp_path / "prices.csv")
    assert (first["node"], first["node_name"]) == (NODES[0], "Northern hub")
    assert (first["active_lmp_usd_per_mwh"], first["published_lmp_usd_per_mwh"]) == ("31.25", "-4.5")
    assert (first["quality"], first["published_quality"], first["answer_age_s"]) == ("GOOD", "GOOD", "12.0")
    assert first["active_start_time_utc"] == "2026-07-01T12:00:00Z"
    assert first["active_ghg_usd_per_mwh"] == ""
    assert first["valid_until_utc"] == "2026-07-01T12:00:05Z"
    assert second["node"] == "'=cmd()"
    assert {column(point) for point in NODE_POINTS} <= set(first)


def test_each_resource_with_a_node_has_the_price_of_its_target(tmp_path: Path) -> None:
    Tables(tmp_path, context()).write(shot())
    first, second = filing.rows(tmp_path / "all.csv")
    assert (first["node"], first["dot_lmp_usd_per_mwh"], first["dot_lmp_quality"]) == (NODES[0], "28.75", "GOOD")
    assert (second["node"], second["dot_lmp_usd_per_mwh"], second["dot_lmp_quality"]) == ("", "", "")


def test_after_the_end_nothing_is_active_and_nothing_good(tmp_path: Path) -> None:
    tables = Tables(tmp_path, context())
    tables.close(shot())
    tables.write(shot())
    for row in filing.rows(tmp_path / "prices.csv"):
        assert (row["quality"], row["published_quality"]) == ("SHUTDOWN", "SHUTDOWN")
        assert (row["active_lmp_usd_per_mwh"], row["active_start_time_utc"]) == ("", "")
        assert row["published_lmp_usd_per_mwh"] == "-4.5"
    assert filing.rows(tmp_path / "all.csv")[0]["dot_lmp_quality"] == "SHUTDOWN"


def test_without_nodes_there_is_no_such_file(tmp_path: Path) -> None:
    Tables(tmp_path, filing.context()).write(filing.snapshot())
    assert not (tmp_path / "prices.csv").exists()
