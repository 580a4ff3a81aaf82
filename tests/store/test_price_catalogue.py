"""The catalogue of nodes is replaced as a whole and comes back in the ISO's order."""

from __future__ import annotations

from caiso_ads.core.price import NodeInfo
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import LATER, NOON, ask

ROWS = [
    NodeInfo("PNODE", "ZETA_1", start=NOON, end=LATER),
    NodeInfo("PNODE", "ALPHA_1", "X"),
    NodeInfo("PNODE", "ZETA_1"),
]


async def test_one_that_was_never_fetched_is_empty_and_has_no_time(store: SqlStore) -> None:
    assert await store.catalogue("PNODE") == ([], None)


async def test_it_comes_back_in_order_and_a_new_one_replaces_it_alone(store: SqlStore) -> None:
    other = [NodeInfo("RESOURCE", "UNIT_0", "ALPHA_1")]
    await store.record_catalogue("PNODE", ROWS, NOON)
    await store.record_catalogue("RESOURCE", other, NOON)
    assert await store.catalogue("PNODE") == (ROWS, NOON)
    await store.record_catalogue("PNODE", ROWS[1:2], LATER)
    assert await store.catalogue("PNODE") == (ROWS[1:2], LATER)
    assert await store.catalogue("RESOURCE") == (other, NOON)
    assert ask(store, "SELECT kind, name, node, fetched_at FROM v_node ORDER BY kind") == [
        ("PNODE", "ALPHA_1", "X", "2026-07-21T12:05:00.000Z"),
        ("RESOURCE", "UNIT_0", "ALPHA_1", "2026-07-21T12:00:00.000Z"),
    ]


async def test_an_empty_one_is_known_to_be_empty(store: SqlStore) -> None:
    await store.record_catalogue("PNODE", [], NOON)
    assert await store.catalogue("PNODE") == ([], NOON)
