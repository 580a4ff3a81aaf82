from __future__ import annotations

from caiso_ads.core.price import NodeInfo
from caiso_ads.oasis.search import find, names, node_of, suggest, unknown

LISTS = {
    "PNODE": [NodeInfo("PNODE", "MOSSLD_7_N001"), NodeInfo("PNODE", "BIGMOSS_1_N001")],
    "APNODE": [NodeInfo("APNODE", "TH_NP15_GEN-APND"), NodeInfo("APNODE", "MOSS")],
    "RESOURCE": [NodeInfo("RESOURCE", "PLANT_7_UNIT1", "MOSSLD_7_N001")],
}


def test_exact_stands_before_prefix_before_substring_before_a_resource_at_the_node() -> None:
    assert [row.name for row in find("moss", LISTS)] == ["MOSS", "MOSSLD_7_N001", "BIGMOSS_1_N001", "PLANT_7_UNIT1"]


def test_nothing_is_found_for_nothing() -> None:
    assert find("  ", LISTS) == []
    assert find("XYZ", LISTS) == []


def test_a_typo_is_answered_with_the_nearest_names() -> None:
    assert suggest("th_np15_gen_apnd", names(LISTS)) == ["TH_NP15_GEN-APND"]
    assert suggest("QQQQ", names(LISTS)) == []


def test_a_resource_leads_to_its_node() -> None:
    assert node_of("plant_7_unit1", LISTS["RESOURCE"]) == "MOSSLD_7_N001"
    assert node_of("OTHER", LISTS["RESOURCE"]) is None
    assert node_of("X", [NodeInfo("RESOURCE", "X")]) is None


def test_unknown_nodes_are_named_but_not_while_nothing_is_known() -> None:
    assert unknown(["MOSS", "MOZZ"], LISTS) == ["MOZZ"]
    assert unknown(["MOZZ"], {}) == []
