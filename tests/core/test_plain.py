"""The generic way from nouns to JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from caiso_ads.core.codes import BatchStatus
from caiso_ads.core.plain import plain, to_json
from caiso_ads.errors import WireError


@dataclass(frozen=True, slots=True)
class Noun:
    dot_mw: float
    at: datetime
    status: BatchStatus
    inner: tuple[Noun, ...] = ()


def test_names_codes_and_times_are_as_promised() -> None:
    pacific = timezone(timedelta(hours=-7))
    inner = Noun(1.5, datetime(2026, 7, 21, 16, 20, tzinfo=pacific), BatchStatus(42))
    assert json.loads(to_json([Noun(0.0, datetime(2026, 7, 21, tzinfo=UTC), BatchStatus.CLOSED, (inner,))])) == [
        {
            "dot_mw": 0.0,
            "at": "2026-07-21T00:00:00Z",
            "status": {"code": 3, "name": "CLOSED"},
            "inner": [
                {
                    "dot_mw": 1.5,
                    "at": "2026-07-21T23:20:00Z",
                    "status": {"code": 42, "name": "UNKNOWN_42"},
                    "inner": [],
                }
            ],
        }
    ]


def test_error_becomes_its_text() -> None:
    assert plain({"error": WireError("odd", where="dot")}) == {"error": "dot: odd"}


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(float("nan"))
