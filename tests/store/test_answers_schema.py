"""The tables of answers, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_mock_engine

from caiso_ads.core.answers import OCCUPIED
from caiso_ads.store import answers_schema, schema


def test_one_answer_of_a_revision_stands_on_postgresql_too() -> None:
    said: list[str] = []

    def note(statement: Any, *_: object, **__: object) -> None:
        said.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql://", note)
    schema.metadata.create_all(engine, checkfirst=False)
    (made,) = [text for text in said if "ix_answer_stands" in text]
    assert made.startswith("CREATE UNIQUE INDEX ix_answer_stands ON answer (instruction_uid, revision_no) WHERE state")


def test_every_state_that_keeps_others_away_is_in_the_index() -> None:
    assert set(answers_schema.OCCUPIED_WORDS) == set(OCCUPIED)
