"""The ledger of responses: which answers arrived for which revision of which instruction, and whether any came twice.

Rule: a revision counts as the ISO's only when the ISO made it. An answer bumps the number too, so that a second answer
to the same content would else look like the first to a new one. What never arrived is not in it; what was refused is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from caiso_ads.core.codes import ResponseResult
from caiso_ads.core.model import Instruction
from caiso_ads.errors import ConfigError
from caiso_ads.simulator.ledger import RESPONSE, Record


class Revisions:
    """Tells the revisions the ISO made from those that answers and receipts made."""

    def __init__(self) -> None:
        self._followed: dict[str, set[int]] = {}

    def follow(self, instruction: Instruction) -> None:
        """Note that the next revision of it changes nothing the ISO asks for."""
        self._followed.setdefault(instruction.instruction_uid, set()).add(instruction.revision_number + 1)

    def issued(self, instruction: Instruction) -> int:
        """Return the revision in which the ISO last said what it asks for."""
        followed, number = self._followed.get(instruction.instruction_uid, set()), instruction.revision_number
        while number in followed:
            number -= 1
        return number


@dataclass(frozen=True, slots=True)
class Given:
    """One answer that arrived. ``revision`` is the ISO's; ``said`` ACCEPT, DECLINE or PARTIAL."""

    instruction_uid: str
    batch_uid: str
    revision: int
    said: str
    common_name: str
    result: ResponseResult

    @property
    def taken(self) -> bool:
        """Whether it was applied."""
        return self.result is ResponseResult.RC_SUCCESS


def given(records: Iterable[Record]) -> list[Given]:
    """Return every answer that arrived, oldest first."""
    return [
        _given(record.uid, record.arguments, record.common_name, record.result)
        for record in records
        if record.operation == RESPONSE
    ]


def given_in(file: Path) -> list[Given]:
    """Return the same from a ledger's file, also one whose last line a kill cut off; raises ConfigError."""
    try:
        lines = file.read_text("utf-8").splitlines(keepends=True)
    except OSError as error:
        raise ConfigError(f"cannot read the ledger: {error.strerror}", file=str(file)) from error
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [
        _given(row["uid"], row["arguments"], row["common_name"], row["result"])
        for row in rows
        if row["operation"] == RESPONSE
    ]


def answered_twice(answers: Iterable[Given]) -> list[tuple[str, int]]:
    """Return each (instruction, revision of the ISO) to which more than one answer was applied. It must be empty."""
    counted = Counter((each.instruction_uid, each.revision) for each in answers if each.taken)
    return [key for key, number in counted.items() if number > 1]


def _given(uid: str, arguments: Iterable[str], common_name: str, result: str) -> Given:
    batch_uid, revision, said, *_ = arguments
    return Given(uid, batch_uid, int(revision), said, common_name, ResponseResult(int(result)))
