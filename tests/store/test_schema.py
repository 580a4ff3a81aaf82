from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, create_mock_engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from caiso_ads.core.model import ComplianceInterval, DispatchBatch, DispatchOperatingPoint, Instruction, TrajectoryBatch
from caiso_ads.store import schema

SPLIT_UP = {
    Instruction: {"instruction_uid", "batch_uid", "resource_id", "start_time", "detail"},
    DispatchBatch: {"instructions"},
    DispatchOperatingPoint: {"dop_uid", "resource_id", "target_time"},
    ComplianceInterval: {"compliance_uid", "resource_id", "start_time"},
    TrajectoryBatch: {"dops", "compliance"},
}
"""Fields that have a place of their own: a key, a number, another table. test_sqlite shows them through the views."""


@pytest.mark.parametrize(
    ("noun", "tables"),
    [
        (DispatchBatch, [schema.batch]),
        (Instruction, [schema.instruction, schema.instruction_more]),
        (TrajectoryBatch, [schema.trajectory]),
        (DispatchOperatingPoint, [schema.dop]),
        (ComplianceInterval, [schema.compliance]),
    ],
)
def test_every_field_of_the_model_has_a_column(noun: type[Any], tables: list[Table]) -> None:
    columns = {column.name for table in tables for column in table.columns}
    assert {field.name for field in fields(noun)} - SPLIT_UP[noun] <= columns
    assert "unknown" in columns


def test_the_tables_can_be_made_on_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in schema.metadata.sorted_tables)
    assert "TIMESTAMP WITH TIME ZONE" in made
    assert "JSONB" in made
    assert "WITHOUT ROWID" not in made


def test_an_open_intent_is_unique_on_postgresql_too() -> None:
    said: list[str] = []

    def note(statement: Any, *_: object, **__: object) -> None:
        said.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql://", note)
    schema.metadata.create_all(engine, checkfirst=False)
    assert [text for text in said if "ix_outbox_open" in text] == [
        "CREATE UNIQUE INDEX ix_outbox_open ON outbox (kind, batch_uid) WHERE NOT done"
    ]


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_to_the_microsecond(at: datetime) -> None:
    dialect = sqlite.dialect()
    stored = schema.Utc().process_bind_param(at, dialect)
    assert isinstance(stored, int)
    assert schema.Utc().process_result_value(stored, dialect) == at


def test_another_zone_is_the_same_instant() -> None:
    dialect = sqlite.dialect()
    pacific = datetime(2026, 7, 21, 5, 0, tzinfo=timezone(timedelta(hours=-7)))
    utc = datetime(2026, 7, 21, 12, 0, tzinfo=UTC)
    assert schema.Utc().process_bind_param(pacific, dialect) == schema.Utc().process_bind_param(utc, dialect)


def test_a_time_without_a_zone_is_refused() -> None:
    dialect = sqlite.dialect()
    with pytest.raises(ValueError, match="without zone"):
        schema.Utc().process_bind_param(datetime(2026, 7, 21), dialect)  # noqa: DTZ001 - the very thing refused
