"""Any noun of core/model.py, made from its own field table, for round trips."""

from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from hypothesis import strategies as st

from caiso_ads.core.codes import Code
from caiso_ads.core.model import Unknown
from caiso_ads.wire.scalars import BLANKS

_CONTROLS = "".join(chr(code) for code in range(32) if chr(code) not in BLANKS)
LEGAL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=_CONTROLS + "\ufffe\uffff"), max_size=12)
STRIPPED = LEGAL.map(lambda text: text.strip(BLANKS))
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants bounds without a zone
INTS = st.integers(-(2**31), 2**31 - 1)
_UNKNOWN = st.builds(Unknown, st.sampled_from(["addedLater", "socMwh", "é"]), STRIPPED)


@cache
def nouns(noun: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a noun."""
    hints = get_type_hints(noun)
    return st.builds(noun, **{field.name: _field(field.metadata, hints[field.name]) for field in fields(noun)})


def _field(meta: Any, hint: Any) -> st.SearchStrategy[Any]:
    if not meta:
        return st.lists(_UNKNOWN, max_size=1).map(tuple)
    if meta["item"]:
        return st.lists(nouns(get_args(hint)[0]), max_size=3).map(tuple)
    kind = next(option for option in (get_args(hint) or (hint,)) if option is not NoneType)
    if meta["attribute"] and kind is str:
        return STRIPPED.filter(bool)
    return _scalar(kind) if meta["required"] else st.none() | _scalar(kind).filter(lambda value: value != "")


def _scalar(kind: type[Any]) -> st.SearchStrategy[Any]:
    if issubclass(kind, Code):
        return (st.integers(0, 16) | INTS).map(kind)
    table: dict[type[Any], st.SearchStrategy[Any]] = {
        str: STRIPPED,
        float: st.floats(allow_nan=False, allow_infinity=False),
        int: INTS,
        bool: st.booleans(),
        datetime: TIMES,
    }
    return table[kind]
