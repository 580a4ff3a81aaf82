from __future__ import annotations

from caiso_ads.store.price_names import chunks, known, numbers, request_number
from caiso_ads.store.sqlite import SqlStore


def test_parts_hold_everything_once() -> None:
    assert [list(part) for part in chunks([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(chunks([], 2)) == []


async def test_a_name_has_one_number_for_good(store: SqlStore) -> None:
    first = await store._write(lambda db: numbers(db, ["B", "A", "B"]))
    assert first == {"A": 1, "B": 2}
    assert await store._write(lambda db: numbers(db, ["C", "A"])) == {"A": 1, "C": 3}
    assert await store._write(lambda db: known(db, ["C", "D"])) == {"C": 3}


async def test_a_request_is_kept_once(store: SqlStore) -> None:
    said = [await store._write(lambda db, text=text: request_number(db, text)) for text in ("a", "b", "a")]  # type: ignore[misc]
    assert said == [1, 2, 1]
