"""``caiso-ads status`` shows prices where there are any."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from caiso_ads.cli.status import Seen, picture
from caiso_ads.core.points import PointValue
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.status import document
from tests.fakes import START
from tests.price_points import node
from tests.sinks import filing


def shown(*, priced: bool = True, **changes: Any) -> str:
    known, shot = filing.context(), filing.snapshot()
    if priced:
        known = replace(known, nodes=("N",), node_names={"N": "Northern hub"}, node_of={"A": "N"})
        points = {"N": node(**changes)}
        shot = replace(shot, nodes=points, dot_prices={"A": PointValue(28.75, Quality.GOOD)})
    state: dict[str, Any] = document(shot, known, "running")
    text = io.StringIO()
    Console(width=160, file=text).print(picture(Seen(Path("status.json"), state, 0.0, START)))
    return text.getvalue()


def test_a_node_has_a_line_with_the_price_of_now_and_the_newest_with_quality_and_age() -> None:
    text = shown(quality=Quality.UNCERTAIN, active_lmp_usd_per_mwh=None, price_age_s=65.0)
    (line,) = [line for line in text.splitlines() if "Northern hub" in line]
    words = line.replace("│", " ").replace("┃", " ").split()
    assert words[2:] == ["-", "UNCERTAIN", "-4.50", "07-01", "12:00", "UNCERTAIN", "1:05", "min"]


def test_the_price_of_the_targets_interval_stands_beside_the_resource_that_has_a_node() -> None:
    lines = {name: line for line in shown().splitlines() for name in ("name of A", "name of B") if name in line}
    assert "28.75" in lines["name of A"]
    assert "28.75" not in lines["name of B"]


def test_without_nodes_nothing_is_said_of_prices() -> None:
    assert "LMP" not in shown(priced=False)
