from __future__ import annotations

import pytest

from caiso_ads.errors import (
    DeadlineError,
    HttpStatusError,
    OasisError,
    RemoteError,
    ThrottledError,
    TlsError,
    TlsReason,
    WireError,
)
from caiso_ads.oasis.retry import delay_s, too_many_nodes, verdict, wrong_version
from caiso_ads.wire.oasis.reports import ERROR_CODES, Verdict


@pytest.mark.parametrize("code", ERROR_CODES)
def test_the_table_decides_for_each_code(code: int) -> None:
    assert verdict(OasisError(code, "")) is ERROR_CODES[code][0]


@pytest.mark.parametrize(("error", "expected"), [
    (OasisError(4711, "new"), Verdict.RETRY), (ThrottledError(""), Verdict.RETRY), (DeadlineError(""), Verdict.RETRY),
    (WireError("", where=""), Verdict.RETRY), (HttpStatusError(503), Verdict.RETRY),
    (HttpStatusError(404), Verdict.PERMANENT), (HttpStatusError(302), Verdict.PERMANENT),
    (TlsError(TlsReason.UNKNOWN_CA), Verdict.PERMANENT),
])  # fmt: skip
def test_other_errors_have_their_class(error: RemoteError, expected: Verdict) -> None:
    assert verdict(error) is expected


def test_refusals_of_form_are_told_apart() -> None:
    assert too_many_nodes(OasisError(1017, ""))
    assert too_many_nodes(HttpStatusError(414))
    assert not too_many_nodes(OasisError(1004, ""))
    assert wrong_version(OasisError(1020, ""))
    assert not wrong_version(HttpStatusError(404))


def test_waits_double_up_to_minutes_and_jitter_adds() -> None:
    assert [delay_s(attempt, 0) for attempt in (1, 2, 3, 50)] == [5, 10, 20, 120]
    assert delay_s(1, 1) == 7.5
