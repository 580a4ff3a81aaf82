from __future__ import annotations

import re

import pytest

from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.oasis_nodes import LARGEST, Nodes, is_external


@pytest.mark.parametrize("size", [1, 24, 25, 500, LARGEST, LARGEST + 1])
def test_the_size_is_what_was_asked_within_its_limits(size: int) -> None:
    nodes = Nodes(default_fleet(), size=size)
    smallest = len(nodes.aggregates) + len({resource.node for resource in default_fleet().resources})
    assert len(nodes.everything) == max(smallest, min(size, LARGEST))
    assert len(set(nodes.everything)) == len(nodes.everything)


def test_every_resource_of_the_fleet_has_its_node_in_all_reports() -> None:
    nodes = Nodes(default_fleet(), size=1)
    mapped = {row.name: row.node for row in nodes.catalogue("RESOURCE")}
    listed = {row.name for row in nodes.catalogue("PNODE")}
    for resource in default_fleet().resources:
        assert mapped[resource.resource_id] == resource.node
        assert resource.node in nodes
        assert resource.node in listed
    assert "NOWHERE_1_N001" not in nodes


def test_names_have_the_published_patterns_and_resources_point_to_known_nodes() -> None:
    nodes = Nodes(default_fleet(), size=3000)
    assert all(re.fullmatch(r"[A-Z]{6}_\d_N\d{3}", name) for name in nodes.pnodes)
    assert all(name.endswith("-APND") for name in nodes.aggregates)
    assert {row.node for row in nodes.catalogue("RESOURCE")} <= set(nodes.pnodes)
    assert len(nodes.catalogue("RESOURCE")) > 500
    assert [row.name for row in nodes.catalogue("APNODE")] == sorted(nodes.aggregates)


def test_the_seed_makes_the_names() -> None:
    def names(seed: int) -> tuple[str, ...]:
        return Nodes(default_fleet(), seed=seed, size=200).everything

    assert names(1) == names(1) != names(2)


def test_only_nodes_of_other_areas_are_external() -> None:
    outside = [name for name in Nodes(default_fleet()).everything if is_external(name)]
    assert outside
    assert all(name.startswith("ELAP_") for name in outside)
