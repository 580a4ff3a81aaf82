from __future__ import annotations

from datetime import UTC, datetime, timedelta

from caiso_ads.simulator.shelf import Entry, Shelf

START = datetime(2026, 7, 22, tzinfo=UTC)


def _shelf(*uids: str) -> Shelf[None, str]:
    shelf: Shelf[None, str] = Shelf()
    for n, uid in enumerate(uids):
        shelf.add(Entry(uid, START + timedelta(minutes=n), None, lambda uid=uid: f"content of {uid}"))  # type: ignore[misc]
    return shelf


def _uids(shelf: Shelf[None, str], since: str) -> list[str] | None:
    found = shelf.since(since)
    return None if found is None else [entry.uid for entry in found]


def test_since_is_strictly_after_in_order_of_arrival() -> None:
    shelf = _shelf("c", "a", "b")
    assert _uids(shelf, "-1") == ["c", "a", "b"]
    assert _uids(shelf, "c") == ["a", "b"]
    assert _uids(shelf, "b") == []
    assert _uids(shelf, "z") is None


def test_a_relisted_batch_comes_after_everything_listed_so_far() -> None:
    shelf = _shelf("a", "b", "c")
    shelf.list_again("a")
    assert _uids(shelf, "c") == ["a"]
    assert _uids(shelf, "b") == ["c", "a"]
    assert _uids(shelf, "a") == []


def test_what_is_too_old_is_as_unknown_as_what_never_was() -> None:
    shelf = _shelf("a", "b", "c")
    shelf.forget_before(START + timedelta(minutes=1))
    assert _uids(shelf, "-1") == ["b", "c"]
    assert _uids(shelf, "a") is None
    assert shelf.get("a") is None
    assert _uids(shelf, "b") == ["c"]
    assert len(shelf) == 2


def test_content_is_built_once_and_only_when_asked() -> None:
    built: list[int] = []

    def build() -> str:
        built.append(1)
        return "x"

    entry: Entry[None, str] = Entry("a", START, None, build)
    assert built == []
    assert entry.full() == entry.full() == "x"
    assert built == [1]
