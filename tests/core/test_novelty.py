from __future__ import annotations

from dataclasses import replace

from caiso_ads.core.codes import BatchType, InstructionType
from caiso_ads.core.model import Unknown
from caiso_ads.core.novelty import novelties
from tests.fakes import batch


def test_a_batch_we_know_wholly_has_no_novelty() -> None:
    assert list(novelties(batch("A", dots={"R1": 5.0}))) == []


def test_unknown_elements_and_codes_are_named_at_every_depth() -> None:
    one = batch("A", dots={"R1": 5.0}, batch_type=BatchType(99))
    inner = replace(one.instructions[0], instruction_type=InstructionType(8), unknown=(Unknown("soc", "0.4"),))
    strange = replace(one, instructions=(inner,), unknown=(Unknown("runId", "7"),))
    assert set(novelties(strange)) == {
        "batchType 99", "instructionType 8", "element soc in Instruction", "element runId in DispatchBatch",
    }  # fmt: skip
