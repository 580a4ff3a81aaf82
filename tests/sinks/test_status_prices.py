"""Prices in the status file."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec

from caiso_ads.core.points import NODE_POINTS, PointValue
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.status import document
from tests.price_points import node
from tests.sinks import filing

NODE = "TH_NP15_GEN-APND"


def test_each_node_stands_with_value_quality_unit_and_words() -> None:
    known = replace(filing.context(), nodes=(NODE,), node_names={NODE: "Northern hub"}, node_of={"A": NODE})
    shot = replace(filing.snapshot(), nodes={NODE: node()}, dot_prices={"A": PointValue(28.75, Quality.GOOD)})
    shown = json.loads(msgspec.json.encode(document(shot, known, "running")))
    (one,) = shown["nodes"]
    assert (one["id"], one["name"]) == (NODE, "Northern hub")
    assert list(one["points"]) == [point.key for point in NODE_POINTS]
    assert one["points"]["active_lmp_usd_per_mwh"] == {"value": 31.25, "quality": "GOOD", "unit": "USD/MWh"}
    assert one["points"]["quality"]["word"] == one["points"]["published_quality"]["word"] == "GOOD"
    assert one["points"]["active_ghg_usd_per_mwh"]["value"] is None
    first, second = shown["resources"]
    assert (first["node"], first["dot_lmp"]["value"]) == (NODE, 28.75)
    assert "dot_lmp" not in second


def test_without_nodes_the_list_is_empty() -> None:
    assert document(filing.snapshot(), filing.context(), "running")["nodes"] == []
