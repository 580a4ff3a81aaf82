from __future__ import annotations

import json
from pathlib import Path

from tests.cli.pricing import run
from tests.oasis.server import Authority, refusal


async def test_a_node_is_found_by_a_part_of_its_name_and_the_lists_are_kept(
    authority: Authority, tmp_path: Path
) -> None:
    (first, second), service = await run(authority, tmp_path, "nodes find moss", "nodes find np15 --json")
    assert first.stdout.splitlines() == ["PNODE     MOSSLD_7_N001", "RESOURCE  PLANT_7_UNIT1  at MOSSLD_7_N001"]
    assert [row["name"] for row in json.loads(second.stdout)] == ["TH_NP15_GEN-APND"]
    assert sorted(asked["queryname"] for asked in service.asked) == ["ATL_APNODE", "ATL_PNODE", "ATL_RESOURCE"]


async def test_one_kind_asks_for_one_list(authority: Authority, tmp_path: Path) -> None:
    (result,), service = await run(authority, tmp_path, "nodes find a --kind apnode --limit 1")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["APNODE    TH_NP15_GEN-APND"]
    assert [asked["queryname"] for asked in service.asked] == ["ATL_APNODE"]


async def test_what_is_not_found_is_answered_with_the_nearest_name(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "nodes find TH_NP15_GEN_APND")
    assert result.exit_code == 1
    assert "do you mean TH_NP15_GEN-APND?" in result.stderr


async def test_a_resource_leads_to_its_node(authority: Authority, tmp_path: Path) -> None:
    lines = ("nodes resource plant_7_unit1", "nodes resource PLANT_7_UNIT1 --json", "nodes resource PLANT_7_UNIT2")
    (text, made, unknown), _ = await run(authority, tmp_path, *lines)
    assert text.stdout == "MOSSLD_7_N001\n"
    assert json.loads(made.stdout)[0]["node"] == "MOSSLD_7_N001"
    assert unknown.exit_code == 1
    assert "do you mean PLANT_7_UNIT1?" in unknown.stderr


async def test_a_service_that_refuses_is_an_error(authority: Authority, tmp_path: Path) -> None:
    (result,), _ = await run(authority, tmp_path, "nodes find x", script=lambda _: refusal(1001))
    assert result.exit_code == 1
    assert "1001" in result.stderr
