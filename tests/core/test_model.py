from __future__ import annotations

import dataclasses
import inspect

import pytest

from caiso_ads.core import model

NOUNS = [
    noun
    for _, noun in inspect.getmembers(model, dataclasses.is_dataclass)
    if isinstance(noun, type) and noun is not model.Unknown
]


@pytest.mark.parametrize("noun", NOUNS)
def test_each_field_states_its_wire_name_meaning_and_unit_once(noun: type) -> None:
    fields = [item for item in dataclasses.fields(noun) if item.name != "unknown"]
    names = [item.metadata["wire"] for item in fields]
    assert len(set(names)) == len(names)
    for item in fields:
        assert item.metadata["doc"]
        assert (item.metadata["unit"] in {"MW", "MWh"}) == ("float" in str(item.type))


def test_each_noun_is_frozen() -> None:
    batch = model.InstructionDetail(seg_no=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.seg_no = 2  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("text", "expected"), [("Y", True), (" y ", True), ("N", False), ("", None), (None, None), ("?", None)]
)
def test_flags(text: str | None, expected: bool | None) -> None:  # noqa: FBT001 - a table of three values
    assert model.is_yes(text) is expected
