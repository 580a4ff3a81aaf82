from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.core.price import NodeInfo
from caiso_ads.errors import UnreachableError
from caiso_ads.oasis.catalogues import load
from tests.price_fakes import NOW, MemoryPriceStore, ScriptedPriceSource

OLD, NEW = [NodeInfo("PNODE", "OLD")], [NodeInfo("PNODE", "NEW")]


async def test_a_list_is_fetched_once_a_day() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource(lists={"PNODE": OLD})
    assert (await load(source, store, ["PNODE"], NOW)).rows["PNODE"] == OLD
    source.lists["PNODE"] = NEW
    assert list((await load(source, store, ["PNODE"], NOW + timedelta(hours=23))).rows["PNODE"]) == OLD
    assert list((await load(source, store, ["PNODE"], NOW + timedelta(hours=24))).rows["PNODE"]) == NEW


async def test_an_old_list_serves_while_the_service_is_down_and_says_so() -> None:
    down = UnreachableError("down")
    store, source = MemoryPriceStore(), ScriptedPriceSource(lists={"PNODE": down})
    with pytest.raises(UnreachableError):
        await load(source, store, ["PNODE"], NOW)
    await store.record_catalogue("PNODE", OLD, NOW - timedelta(days=9))
    found = await load(source, store, ["PNODE"], NOW)
    assert list(found.rows["PNODE"]) == OLD
    assert found.old == {"PNODE": down}


async def test_an_empty_answer_does_not_replace_a_list() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()
    await store.record_catalogue("PNODE", OLD, NOW - timedelta(days=9))
    assert list((await load(source, store, ["PNODE"], NOW)).rows["PNODE"]) == OLD
    assert (await store.catalogue("PNODE"))[0] == tuple(OLD)
