from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.codes import BatchStatus, BatchType, Code, DispatchMode, InstructionType, ReasonCode, ResponseResult


@given(
    st.sampled_from([BatchStatus, BatchType, DispatchMode, InstructionType, ReasonCode, ResponseResult]), st.integers()
)
def test_every_number_survives(code: type[Code], number: int) -> None:
    member = code(number)
    assert int(member) == number
    assert isinstance(member, code)
    assert member.is_known == (number in {item.value for item in code})


def test_labels_are_words() -> None:
    assert BatchType.FLEX_RAMP_AWARD.label == "flex ramp award"
    assert BatchType(99).label == "unknown 99"
