"""The code lists of ADS. Rule: a number we do not know survives as a member of its own, it is never refused.

Spec: ADS API v7 §1.3, §2, §6 (data dictionary); batch types 10 and 12 are documented by vendors of v8 clients.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Code(IntEnum):
    """An integer code; an unknown number becomes a member named ``UNKNOWN_<n>`` with that value."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether the number is in the list at all."""
        return not self.name.startswith("UNKNOWN_")

    @property
    def label(self) -> str:
        """The name in words, for people."""
        return self.name.replace("_", " ").lower()


class BatchStatus(Code):
    """``batchStatus`` of a batch and ``statusCode`` of an instruction."""

    NEW = 0
    ACTIVE = 1
    TIME_OUT = 2
    CLOSED = 3
    EMERGENCY_CANCELLED = 4
    OPERATOR_RESPONSE_PERIOD = 5
    DEFERRED = 6


class BatchType(Code):
    """``batchType``: what kind of market run the batch is from."""

    FIVE_MINUTE = 0
    HOURLY_PRE_DISPATCH = 1
    COMMITMENT = 2
    AS_AWARDS = 3
    OUT_OF_SEQUENCE = 4
    HOURLY_AS_AWARDS = 5
    FLEX_RAMP_AWARD = 10
    UNANNOUNCED_AS_TEST = 12


class InstructionType(Code):
    """``instructionType``: what the instruction asks for."""

    DOT = 0
    MIN_CONSTRAINT = 1
    MAX_CONSTRAINT = 2
    FIXED_CONSTRAINT = 3
    START_UP = 4
    SHUT_DOWN = 5
    CAPACITY_AWARD = 6
    MSG_TRANSITION = 7


class DispatchMode(Code):
    """``dispatchMode``: how the market run was started."""

    INTERVAL = 0
    MANUAL = 1
    CONTINGENCY = 2


class ReasonCode(Code):
    """``reasonCode`` of a decline or partial acceptance; 15 and 16 are set by the system only."""

    LINE_DOWN = 10
    ECONOMIC_CONSIDERATIONS = 11
    BAD_BID_SUBMITTED = 12
    UNIT_DERATE = 13
    NO_AVAILABLE_TRANSMISSION = 14
    TIMED_OUT_MINIMUM_ACCEPTED = 15
    TIMED_OUT_FORCED_DECLINE = 16


class ResponseResult(Code):
    """What accept, decline and partial accept return. Spec: ADS API v7 §1.3."""

    RC_SUCCESS = 0
    RC_INVALID_RESPONSE = 1
    RC_INVALID_RESPONSE_PERIOD = 2
    RC_BATCH_NOT_FOUND = 3
    RC_INSTRUCTION_NOT_FOUND = 4
    RC_UNAUTHORIZED = 5
