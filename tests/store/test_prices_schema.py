from __future__ import annotations

from dataclasses import fields

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from caiso_ads.core.price import Market, Price
from caiso_ads.store import prices_schema


def test_every_field_of_a_price_has_a_column() -> None:
    names = {field.name for field in fields(Price)} - {"end"} | {"length_s"}
    renamed = {"start": "start_time"}
    assert {renamed.get(name, name) for name in names} <= set(prices_schema.price.columns.keys())
    assert set(prices_schema.PARTS) == {name for name in names if name.endswith("_usd_per_mwh")}


def test_the_number_of_a_market_never_changes() -> None:
    assert prices_schema.MARKETS == {Market.RTD: 1, Market.FMM: 2, Market.HASP: 3, Market.DAM: 4}


def test_the_tables_can_be_made_on_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    text = str(CreateTable(prices_schema.price).compile(dialect=dialect))
    assert "start_time TIMESTAMP WITH TIME ZONE NOT NULL" in text
    assert "lmp_usd_per_mwh DOUBLE PRECISION NOT NULL" in text
    assert "ROWID" not in text
