from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, select

from caiso_ads.store import schema
from caiso_ads.store.names import Names


@pytest.fixture
def db() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    for table in (schema.resource, schema.detail_layout):
        table.create(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_a_name_has_one_number_whoever_asks(db: Connection) -> None:
    first = Names().within(db)
    assert first.resource("R1") == first.resource("R1") != first.resource("R2")
    assert Names().within(db).resource("R1") == first.resource("R1")
    assert [name for (name,) in db.execute(select(schema.resource.c.resource_id))] == ["R1", "R2"]


def test_a_list_of_segments_has_one_number_in_its_order(db: Connection) -> None:
    names = Names().within(db)
    first, second = ((1, "SCHD"), (2, "SUPP")), ((1, "SUPP"), (2, "SCHD"))
    assert names.layout(first) == names.layout(first) != names.layout(second)


def test_a_number_that_was_rolled_back_is_not_remembered_on_a_new_connection(db: Connection) -> None:
    names = Names().within(db)
    names.resource("R1")
    db.rollback()
    with db.engine.connect() as another:
        assert names.within(another).resource("R1") == 1
        assert len(another.execute(select(schema.resource)).all()) == 1
