"""docs/store.md says what is true: its queries run, and it names every table and view."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caiso_ads.core.price import Market
from caiso_ads.core.price_grid import PATIENCE
from caiso_ads.errors import WireError
from caiso_ads.store import schema, views
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import BadItem
from tests.store.making import NOON, a_batch, a_trajectory, answer, ask, bad_answer, trajectories
from tests.store.pricing import NODES, a_price, an_hour, told

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"### ([^\n]+)\n(?:(?!### )[^`])*```sql\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_has_its_queries() -> None:
    assert len(QUERIES) == 12


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL))
async def test_every_query_of_the_page_runs_and_finds_something(store: SqlStore, query: str) -> None:
    await store.record_batch(answer(a_batch("DISP-1", revision=0)), acknowledge=True)
    await store.record_recheck(answer(a_batch("DISP-1", revision=1)))
    await store.record_batch(bad_answer("DISP-2"), acknowledge=True)
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1"), BadItem("TRAJ-2", WireError("no number"))))
    await store.record_prices(an_hour(30.0))
    await store.record_prices(an_hour(31.0))
    assert ask(store, query)


@pytest.mark.parametrize("name", [*schema.metadata.tables, *views.VIEWS])
def test_every_table_and_view_is_described(name: str) -> None:
    assert f"`{name}`" in PAGE


async def test_the_last_dot_is_that_of_the_newest_start(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1", dot=10.0)), acknowledge=False)
    await store.record_recheck(answer(a_batch("DISP-1", revision=1, dot=20.0)))
    last = dict(QUERIES)["The last DOT of each resource"]
    assert [(row[0], row[2]) for row in ask(store, last)] == [("UNIT_0", 20.0), ("UNIT_1", 20.0)]


async def test_a_price_and_its_correction_are_shown_in_words(store: SqlStore) -> None:
    await store.record_prices(told(a_price(lmp=30.0, market=Market.DAM)))
    await store.record_prices(told(a_price(lmp=-5.0, market=Market.DAM), request="again"))
    begin = ("dam", "NODE_A", "2026-07-21T12:00:00.000Z")
    assert ask(
        store, "SELECT market, node, start_time, end_time, lmp_usd_per_mwh, request, revisions FROM v_price"
    ) == [(*begin, "2026-07-21T13:00:00.000Z", -5.0, "again", 1)]
    shown = "market, node, start_time, old_lmp_usd_per_mwh, new_lmp_usd_per_mwh, seen_at, request"
    assert ask(store, f"SELECT {shown} FROM v_price_correction") == [
        (*begin, 30.0, -5.0, "2026-07-22T12:00:00.000Z", "again")
    ]


async def test_what_was_asked_is_shown(store: SqlStore) -> None:
    await store.record_asked(Market.FMM, NODES[:1], NOON, NOON + PATIENCE, NOON + 2 * PATIENCE)
    assert ask(store, "SELECT market, node, start_time, end_time FROM v_price_asked") == [
        ("fmm", "NODE_A", "2026-07-21T12:00:00.000Z", "2026-07-22T12:00:00.000Z")
    ]
