"""One changed byte anywhere in the audit table shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.store.chain import FIRST_HASH, AuditRow, canonical, first_broken, hash_of


def chain(length: int) -> list[AuditRow]:
    """Make a good chain."""
    rows: list[AuditRow] = []
    for number in range(1, length + 1):
        previous = rows[-1].hash if rows else FIRST_HASH
        row = AuditRow(number, 1_000_000 * number, "k", "alice", "A", "why", canonical({"mw": 1.5}), previous, b"")
        rows.append(replace(row, hash=hash_of(row)))
    return rows


def test_a_good_chain_is_not_broken() -> None:
    assert first_broken(chain(5)) is None
    assert first_broken([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"at_us": 1}, {"kind": "l"}, {"who": "alicf"}, {"resource": "B"}, {"resource": None}, {"text": "whx"},
        {"detail": '{"mw":2.5}'}, {"row": 9}, {"hash": bytes(32)}, {"previous_hash": bytes(31) + b"x"},
    ],
)  # fmt: skip
def test_any_changed_field_is_found(change: dict[str, object]) -> None:
    rows = chain(4)
    rows[2] = replace(rows[2], **change)  # type: ignore[arg-type]  # the fields of the table above
    assert first_broken(rows) == rows[2].row


def test_a_changed_row_with_a_hash_made_anew_breaks_the_next() -> None:
    rows = chain(4)
    forged = replace(rows[1], text="another")
    rows[1] = replace(forged, hash=hash_of(forged))
    assert first_broken(rows) == 3


def test_a_row_taken_out_or_put_in_is_found() -> None:
    rows = chain(4)
    assert first_broken(rows[:1] + rows[2:]) == 3
    assert first_broken(rows[1:]) == 2
    assert first_broken([*rows[:2], rows[1], *rows[2:]]) == 2


def test_a_part_of_the_chain_is_verified_against_the_hash_before_it() -> None:
    rows = chain(4)
    assert first_broken(rows[2:], rows[1].hash) is None


@given(st.dictionaries(st.text(), st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text()))
def test_the_same_content_is_the_same_text_in_any_order(detail: dict[str, object]) -> None:
    assert canonical(detail) == canonical(dict(reversed(detail.items())))


def test_what_is_no_number_is_no_detail() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"mw": float("nan")})
