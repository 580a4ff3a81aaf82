"""``[oasis]``, ``[[node]]`` and a resource's ``node``."""

from __future__ import annotations

from pathlib import Path

import pytest

from caiso_ads.config import load_config
from caiso_ads.config.prices import NodeConfig, OasisConfig, all_nodes, is_node
from caiso_ads.config.tables import ResourceConfig
from caiso_ads.core.directive import Environment
from caiso_ads.errors import ConfigError
from tests.config.test_init import GOOD, LOCAL, PRODUCTION, load, refusal

NODE = "TH_NP15_GEN-APND"
LISTED = f'[[node]]\nid = "{NODE}"\nname = "Northern hub"\n'
OURS = '[oasis]\nurl = "https://127.0.0.1:8444/oasisapi"\nca_file = "ca.pem"\n'


def of_resource(node: str, number: int = 1) -> str:
    return GOOD.replace(f'id = "PLANT_{number}_UNIT"', f'id = "PLANT_{number}_UNIT"\nnode = "{node}"').replace(
        f'id = " PLANT_{number}_UNIT "', f'id = "PLANT_{number}_UNIT"\nnode = "{node}"'
    )


def test_without_nodes_there_is_nothing_to_ask(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert config.nodes == ()
    assert config.oasis == OasisConfig()
    assert config.oasis.url == "https://oasis.caiso.com/oasisapi"
    assert (config.oasis.poll, config.oasis.min_interval_s) == (True, 6.0)


def test_nodes_listed_come_first_and_those_only_a_resource_names_after_them(tmp_path: Path) -> None:
    config = load(tmp_path, of_resource("PLANT_7_N001") + LISTED)
    assert [(node.id, node.name) for node in config.nodes] == [(NODE, "Northern hub"), ("PLANT_7_N001", "PLANT_7_N001")]
    assert config.resources[0].resource.node == "PLANT_7_N001"
    assert config.resources[1].resource.node == ""
    assert [node.name for node in load(tmp_path, of_resource(NODE) + LISTED).nodes] == ["Northern hub"]


def test_two_resources_may_share_a_node() -> None:
    one, two = (ResourceConfig(id=name, pmin_mw=0, pmax_mw=1, node="N") for name in ("A", "B"))
    assert all_nodes((), (one, two)) == (NodeConfig(id="N"),)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD.replace(PRODUCTION, LOCAL) + OURS)
    assert config.oasis.ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("text", "table", "key", "words"),
    [
        (GOOD + '[oasis]\nurl = "http://oasis.caiso.com/oasisapi"\n', "oasis", "url", "must be https"),
        (GOOD + '[oasis]\nurl = "https://localhost/oasisapi"\n', "oasis", "url", "is this machine"),
        (GOOD.replace(PRODUCTION, LOCAL) + LISTED, "oasis", "url", "belongs to CAISO"),
        (GOOD.replace(PRODUCTION, LOCAL) + "[oasis]\n", "oasis", "url", "belongs to CAISO"),
        (GOOD + "[oasis]\nmin_interval_s = 4.9\n", "oasis", "min_interval_s", "5"),
        (GOOD + "[oasis]\nverify = false\n", "oasis", "verify", "unknown key"),
        (GOOD + LISTED + LISTED, "[node]", "#2 id", "stands twice; each node has its own registers"),
        (GOOD + '[[node]]\nid = "A,B"\n', "[node]", "#1 id", "must be a node name"),
        (GOOD + '[[node]]\nid = " "\n', "[node]", "#1 id", "must be a node name"),
        (GOOD + '[[node]]\nid = "A"\nname = "a\\u0007"\n', "[node]", "#1 name", "control characters"),
        (of_resource("A B", 2), "[resource]", "#2 node", "cannot be the name of a node"),
        (GOOD + "[node]\nid = 1\n", "node", "", "headed [[node]]"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_its_place(
    tmp_path: Path, text: str, table: str, key: str, words: str
) -> None:
    error = refusal(tmp_path, text)
    assert (error.table, error.key) == (table, key)
    assert words in str(error)
    assert "gateway.toml" in error.file


def test_a_table_for_another_environment_is_refused_only_where_it_matters(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.replace(PRODUCTION, LOCAL)).nodes == ()
    assert load(tmp_path, GOOD.replace(PRODUCTION, LOCAL) + OURS + LISTED).oasis.url.endswith(":8444/oasisapi")
    with pytest.raises(ConfigError):
        OasisConfig(url="https://127.0.0.1/x").check_for(Environment.PRODUCTION)


@pytest.mark.parametrize("name", ["", "A B", "A,B", "A&x=1", "É", "A\n", "<A>"])
def test_what_cannot_be_a_node(name: str) -> None:
    assert not is_node(name)
    assert is_node(NODE)


def test_a_trailing_slash_of_the_address_is_no_matter(tmp_path: Path) -> None:
    text = GOOD + '[oasis]\nurl = " https://oasis.caiso.com/oasisapi/ "\n'
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    assert load_config(tmp_path / "gateway.toml").oasis.url == "https://oasis.caiso.com/oasisapi"
