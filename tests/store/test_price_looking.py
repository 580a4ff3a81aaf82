"""The command line reads what the store would return, beside it and without SQLAlchemy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from caiso_ads.core.price import Market, NodeInfo
from caiso_ads.errors import StoreError
from caiso_ads.store import engine, migrate, schema
from caiso_ads.store.price_looking import _NUMBERS, _PARTS, PriceLooking
from caiso_ads.store.prices_schema import MARKETS, PARTS
from caiso_ads.store.sqlite import SqlStore, open_core
from tests.store.making import LATER, NOON
from tests.store.pricing import DAY, NODES, a_bare_price, a_price, an_hour, told

END = NOON + DAY


def test_its_numbers_and_columns_are_those_of_the_tables() -> None:
    assert _NUMBERS == MARKETS
    assert ("length_s", *PARTS) == _PARTS


async def test_it_returns_what_the_running_store_returns(store: SqlStore) -> None:
    await store.record_prices(an_hour())
    await store.record_prices(told(a_price(n=2, lmp=-3.0), a_bare_price(n=40, lmp=8.0), at=END + DAY))
    await store.record_catalogue("PNODE", [NodeInfo("PNODE", "NODE_A", start=NOON), NodeInfo("PNODE", "B", "C")], LATER)
    with PriceLooking(store.path) as look:
        for nodes in (NODES, ["NODE_B", "NODE_B", "NONE"], []):
            assert look.prices(Market.RTD, nodes, NOON, END) == await store.prices(Market.RTD, nodes, NOON, END)
        assert len(look.prices(Market.RTD, NODES, NOON, LATER)) == 2
        assert look.corrections(Market.RTD, NOON, END) == await store.corrections(Market.RTD, NOON, END)
        assert len(look.corrections(Market.RTD, NOON, END)) == 1
        assert look.corrections(Market.DAM, NOON, END) == []
        assert look.nodes() == ["NODE_A", "NODE_B"]
        for kind in ("PNODE", "APNODE"):
            assert look.catalogue(kind) == await store.catalogue(kind)


def test_a_database_of_before_prices_has_none(path: Path) -> None:
    engine.create_file(path)
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    with db.begin():
        migrate._run_alembic(db, migrate.Scripts(schema.REVISIONS[: schema.REVISIONS.index("0005")]))
    db.close()
    with PriceLooking(path) as look:
        assert look.prices(Market.RTD, NODES, NOON, END) == []
        assert look.corrections(Market.RTD, NOON, END) == []
        assert look.catalogue("PNODE") == ([], None)
        assert look.nodes() == []


def test_what_cannot_be_read_is_named(path: Path) -> None:
    engine.create_file(path)
    path.write_bytes(b"not a database, but long enough to look like one would" * 40)
    with pytest.raises(StoreError, match=r"gateway\.db"), PriceLooking(path) as look:
        look.nodes()


def test_reading_loads_no_sqlalchemy() -> None:
    program = "import sys; import caiso_ads.store.price_looking; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
