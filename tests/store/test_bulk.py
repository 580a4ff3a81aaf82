from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import JSON, Column, Connection, Integer, MetaData, Table, Text, create_engine, insert, select

from caiso_ads.store.bulk import insert_rows
from caiso_ads.store.schema import Utc

TABLE = Table(
    "sample", MetaData(), Column("id", Integer, primary_key=True), Column("at", Utc()), Column("more", JSON),
    Column("note", Text),
)  # fmt: skip
AT = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
ROWS = [(1, AT, {"a": [1, None]}, "x"), (2, None, None, None)]


@pytest.fixture
def db() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    TABLE.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_rows_are_stored_as_sqlalchemy_itself_would_store_them(db: Connection) -> None:
    insert_rows(db, TABLE, ROWS)
    fast = db.execute(select(TABLE).order_by(TABLE.c.id)).all()
    db.execute(TABLE.delete())
    db.execute(insert(TABLE), [dict(zip(TABLE.columns.keys(), row, strict=True)) for row in ROWS])
    assert fast == db.execute(select(TABLE).order_by(TABLE.c.id)).all() == ROWS


def test_no_rows_is_nothing_to_do(db: Connection) -> None:
    insert_rows(db, TABLE, [])
    assert db.execute(select(TABLE)).all() == []


def test_a_time_without_a_zone_is_refused(db: Connection) -> None:
    with pytest.raises(Exception, match=r"zone|naive|aware"):
        insert_rows(db, TABLE, [(1, AT.replace(tzinfo=None), None, None)])
