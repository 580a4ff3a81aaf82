from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Table

from caiso_ads.core.model import InstructionDetail, Unknown
from caiso_ads.store import rows, schema
from tests.store.making import NOON, a_batch, a_trajectory


class CountedNumbers:
    """Numbers resources and layouts as they come."""

    def __init__(self) -> None:
        self.resources: list[str] = []
        self.layouts: list[rows.Layout] = []

    def resource(self, name: str) -> int:
        self.resources.append(name)
        return len(self.resources)

    def layout(self, segments: rows.Layout) -> int:
        self.layouts.append(segments)
        return len(self.layouts)


def named(table: Table, row: rows.Row) -> dict[str, Any]:
    return dict(zip(table.columns.keys(), row, strict=True))


@pytest.mark.parametrize(
    ("uid", "parts"),
    [
        ("DISP-1-I1177", (1177, None)),
        ("DISP-1-I0", (0, None)),
        ("DISP-1-I", (None, "DISP-1-I")),
        ("DISP-1-I007", (None, "DISP-1-I007")),
        ("DISP-1-I-1", (None, "DISP-1-I-1")),
        ("DISP-1-I٣", (None, "DISP-1-I٣")),
        ("DISP-1-I" + "9" * 30, (None, "DISP-1-I" + "9" * 30)),
        ("DISP-2-I1", (None, "DISP-2-I1")),
        ("", (None, "")),
    ],
)
def test_a_uid_becomes_a_number_only_when_it_can_be_written_back(
    uid: str, parts: tuple[int | None, str | None]
) -> None:
    assert rows.uid_parts(uid, "DISP-1", "-I") == parts


def test_an_instruction_without_a_start_lies_at_its_batchs_start_and_says_so() -> None:
    batch = a_batch(resources=1)
    batch = replace(batch, instructions=(replace(batch.instructions[0], start_time=None),))
    main, _ = rows.instruction_rows(batch, 7, CountedNumbers())
    row = named(schema.instruction, main[0])
    assert (row["start_time"], row["start_given"]) == (NOON, False)


def test_what_a_five_minute_dot_does_not_carry_makes_a_row_only_when_present() -> None:
    batch = a_batch(resources=2)
    plain, award = batch.instructions
    batch = replace(batch, instructions=(plain, replace(award, award_mw=0.0)))
    main, more = rows.instruction_rows(batch, 7, CountedNumbers())
    assert len(main) == 2
    assert [named(schema.instruction_more, row)["award_mw"] for row in more] == [0.0]


def test_unknown_elements_are_kept_with_their_place() -> None:
    batch = a_batch(resources=1)
    segment = InstructionDetail(seg_no=1, service_type="NEW", mw=None, unknown=(Unknown("price", "3.5"),))
    item = replace(batch.instructions[0], detail=(segment,), unknown=(Unknown("soc", "77"),))
    main, _ = rows.instruction_rows(replace(batch, instructions=(item,)), 7, CountedNumbers())
    row = named(schema.instruction, main[0])
    assert row["unknown"] == [["soc", "77"], ["detail[0]/price", "3.5"]]
    assert row["detail"] == [None]


def test_segments_keep_their_number_and_name_once_in_the_layout() -> None:
    numbers = CountedNumbers()
    main, _ = rows.instruction_rows(a_batch(resources=1), 7, numbers)
    assert numbers.layouts == [((1, "SCHD"), (2, "SUPP"))]
    assert named(schema.instruction, main[0])["detail"] == [47, -22.25]


def test_a_trajectorys_points_and_compliance_have_every_column() -> None:
    batch = a_trajectory()
    points = [named(schema.dop, row) for row in rows.dop_rows(batch, 3, CountedNumbers())]
    assert [(row["dop_mw"], row["dop_no"], row["n"]) for row in points] == [(30.0, 0, 0), (31.0, 1, 1), (32.0, 2, 2)]
    (energy,) = (named(schema.compliance, row) for row in rows.compliance_rows(batch, 3, CountedNumbers()))
    assert (energy["expected_energy_mwh"], energy["compl_flag"], energy["compliance_no"]) == (2.5, "Y", 1)
