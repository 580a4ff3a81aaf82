"""The plans follow the nouns: no field is stated twice or forgotten."""

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from caiso_ads.core import model
from caiso_ads.wire.fields import Items, plan_of

NOUNS = [getattr(model, name) for name in dir(model) if hasattr(getattr(model, name), "__dataclass_fields__")]


@pytest.mark.parametrize("noun", [noun for noun in NOUNS if noun is not model.Unknown])
def test_every_field_of_a_noun_is_in_its_plan(noun: type[Any]) -> None:
    plan = plan_of(noun)
    planned = [field.name for field in plan.elements.values()] + ([plan.attribute.name] if plan.attribute else [])
    assert sorted([*planned, "unknown"]) == sorted(field.name for field in fields(noun))
    assert plan_of(noun) is plan


def test_lists_know_the_plan_of_their_items() -> None:
    detail = plan_of(model.Instruction).elements["detail"]
    assert isinstance(detail, Items)
    assert detail.plan is plan_of(model.InstructionDetail)
    assert detail.plan.repeats
    assert not plan_of(model.Instruction).repeats


def test_what_a_plan_makes_is_the_noun_itself_and_frozen() -> None:
    noun = model.LoadFollowingResult(
        caiso_mss_batch_id="8", caiso_instruction_id="7", sc_mss_batch_id="B", sc_instruction_id="I", validated=True
    )
    made = plan_of(type(noun)).make(**{field.name: getattr(noun, field.name) for field in fields(noun)})
    assert made == noun
    assert type(made) is model.LoadFollowingResult
    assert hash(made) == hash(noun)
    with pytest.raises(FrozenInstanceError):
        setattr(made, "validated", False)  # noqa: B010 - a plain assignment is what mypy already refuses
