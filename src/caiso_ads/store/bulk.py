"""Many rows into one table at the driver's speed, in the form SQLAlchemy would have given them.

Rule: the statement and the conversion of each column come from the Table, compiled once for a dialect; only the
construction of a parameter dict for each row is left out, which is half the time of a commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

Converters = tuple[tuple[int, Callable[[Any], Any]], ...]


def insert_rows(db: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows that hold a value for every column of the table, in its order. An empty list does nothing."""
    if not rows:
        return
    if not db.dialect.positional:  # a driver with named parameters; there SQLAlchemy's own way is the right one
        names = table.columns.keys()
        db.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        return
    statement, converters = _compiled(table, db.dialect)
    db.exec_driver_sql(statement, [_converted(row, converters) for row in rows])


@lru_cache(maxsize=32)
def _compiled(table: Table, dialect: Dialect) -> tuple[str, Converters]:
    compiled = insert(table).compile(dialect=dialect)
    found = ((n, column.type.dialect_impl(dialect).bind_processor(dialect)) for n, column in enumerate(table.columns))
    return str(compiled), tuple((n, convert) for n, convert in found if convert is not None)


def _converted(row: Sequence[Any], converters: Converters) -> tuple[Any, ...]:
    values = list(row)
    for n, convert in converters:
        values[n] = convert(values[n])
    return tuple(values)
