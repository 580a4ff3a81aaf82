"""Each row of the documented truth table, with what it must say written down a second time by hand."""

from __future__ import annotations

import pytest

from caiso_ads.core.cases import CASES, verdict
from caiso_ads.core.quality import Directive, Quality, Reason

D, Q, R = Directive, Quality, Reason

EXPECTED = {
    "polled, covered, in limits, binding": (Q.GOOD, D.FOLLOW, R.NONE),
    "no complete poll since start": (Q.INIT, D.NO_DATA, R.NOT_CONFIRMED),
    "the same, with values from the store": (Q.INIT, D.NO_DATA, R.NOT_CONFIRMED | R.RESTORED),
    "last poll 30 s ago": (Q.GOOD, D.FOLLOW, R.NONE),
    "last poll 31 s ago": (Q.UNCERTAIN, D.HOLD, R.LINK_AGING),
    "last poll 61 s ago, ADS does not answer": (Q.BAD_COMM, D.HOLD, R.LINK_AGING | R.ADS_UNREACHABLE),
    "our link lost for the hold time (30 min)": (Q.BAD_COMM, D.RELEASE, R.LINK_AGING | R.FALLBACK),
    "the same, and never a value": (Q.BAD_COMM, D.NO_DATA, R.LINK_AGING | R.FALLBACK | R.INTERVAL_NOT_COVERED),
    "our certificate is refused, not yet for long": (Q.GOOD, D.FOLLOW, R.CERTIFICATE),
    "schedule ran out 1 s ago": (Q.UNCERTAIN, D.HOLD, R.INTERVAL_NOT_COVERED),
    "schedule ran out 301 s ago": (Q.BAD_STALE, D.HOLD, R.INTERVAL_NOT_COVERED),
    "the ISO answers and has sent nothing for a day": (Q.BAD_STALE, D.HOLD, R.INTERVAL_NOT_COVERED | R.MARKET_SILENT),
    "no 5-minute batch for 421 s": (Q.UNCERTAIN, D.HOLD, R.MARKET_SILENT),
    "no 5-minute batch ever": (Q.UNCERTAIN, D.HOLD, R.MARKET_SILENT),
    "no value": (Q.BAD_STALE, D.NO_DATA, R.INTERVAL_NOT_COVERED),
    "the resource is in no answer": (Q.BAD_STALE, D.NO_DATA, R.INTERVAL_NOT_COVERED | R.RESOURCE_MISSING),
    "a value outside the limits was refused": (Q.BAD_DATA, D.HOLD, R.VALUE_REFUSED),
    "a batch could not be read, no 5-minute batch since": (Q.UNCERTAIN, D.HOLD, R.BATCH_UNREADABLE),
    "the same, for a day": (Q.UNCERTAIN, D.HOLD, R.BATCH_UNREADABLE),
    "a batch could not be read, then a 5-minute batch was": (Q.GOOD, D.FOLLOW, R.BATCH_UNREADABLE),
    "a batch could not be read 421 s ago, then a 5-minute batch was": (Q.GOOD, D.FOLLOW, R.NONE),
    "a target's batch came with two contents of one revision, not yet read again": (Q.UNCERTAIN, D.HOLD, R.CONFLICT),
    "the same, and our link lost for 61 s": (Q.BAD_COMM, D.HOLD, R.CONFLICT | R.LINK_AGING),
    "no binding flag": (Q.UNCERTAIN, D.HOLD, R.NOT_BINDING),
    "our clock is not trusted": (Q.UNCERTAIN, D.HOLD, R.CLOCK_OFF),
    "the store takes no writes": (Q.UNCERTAIN, D.HOLD, R.STORE_FAILING),
    "wind or solar, flag not Y": (Q.GOOD, D.RELEASE, R.FREE_TO_RUN),
    "ramp and operating points disagree": (Q.GOOD, D.FOLLOW, R.MISMATCH),
    "an operator forces HOLD or a value": (Q.FORCED, D.HOLD, R.OPERATOR_OVERRIDE),
    "an operator forces RELEASE": (Q.FORCED, D.RELEASE, R.OPERATOR_OVERRIDE),
    "an operator forces NO_DATA": (Q.FORCED, D.NO_DATA, R.OPERATOR_OVERRIDE),
    "simulator": (Q.GOOD, D.TEST, R.TEST_ENVIRONMENT),
    "market simulation": (Q.GOOD, D.TEST, R.TEST_ENVIRONMENT),
    "the gateway is stopping": (Q.SHUTDOWN, D.HOLD, R.SHUTTING_DOWN),
    "stopping, an operator forces RELEASE": (Q.SHUTDOWN, D.HOLD, R.SHUTTING_DOWN | R.OPERATOR_OVERRIDE),
}


@pytest.mark.parametrize("name", CASES)
def test_the_row_says_what_it_must(name: str) -> None:
    said = verdict(name)
    assert (said.quality, said.directive, said.reasons) == EXPECTED[name]


def test_no_row_is_left_over() -> None:
    assert list(EXPECTED) == list(CASES)
