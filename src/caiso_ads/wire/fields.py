"""The field table of core/model.py, made ready for both directions. Nothing about a field is stated a second time.

Rule: element names come from the metadata of a noun's fields, and how their text is read and written from the types.
An empty element counts as absent where the field is optional, except for a number: that is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, make_dataclass
from dataclasses import fields as declared_fields
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any, TypeAlias, get_args, get_type_hints

from caiso_ads.core.codes import Code
from caiso_ads.core.model import DispatchBatch, MssLfRequest, MssLfResponse, TrajectoryBatch
from caiso_ads.wire.scalars import (
    BLANKS,
    TimeFormat,
    read_bool,
    read_double,
    read_identifier,
    read_int,
    read_text,
    read_time,
    write_bool,
    write_double,
    write_time,
)

Read: TypeAlias = Callable[[str], Any]
Write: TypeAlias = Callable[[Any, TimeFormat], str]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A field held by one element or attribute."""

    name: str
    wire: str
    read: Read
    write: Write


@dataclass(frozen=True, slots=True)
class Items:
    """A field held by a list element ``wire`` with children ``item``."""

    name: str
    wire: str
    item: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Plan:
    """How one noun lies on the wire. ``elements`` are in the schema's order, by element name.

    ``repeats``: it has no identifier that sets it apart, so equal ones may be one object, as the segments of a DOT.
    """

    noun: type[Any]
    make: Callable[..., Any]
    attribute: Scalar | None
    elements: Mapping[str, Scalar | Items]
    required: frozenset[str]
    repeats: bool


@dataclass(frozen=True, slots=True)
class ListDocument:
    """A document that is nothing but a list of nouns: root, list element, item element."""

    root: str
    wrapper: str
    item: str
    noun: type[Any]


BATCH_LIST = ListDocument("APIDispatchResponse", "dispatchBatchList", "DispatchBatch", DispatchBatch)
TRAJECTORIES = ListDocument("APITrajectoryResponse", "trajectoryBatchList", "trajectoryBatch", TrajectoryBatch)
ROOTS: Mapping[type[Any], str] = {
    DispatchBatch: "DispatchBatch",
    TrajectoryBatch: "trajectoryBatch",
    MssLfRequest: "MSSLFRequest",
    MssLfResponse: "MSSLFResponse",
}
"""Root element of each noun that is a document of its own."""
_PLANS: dict[type[Any], Plan] = {}


def plan_of(noun: type[Any]) -> Plan:
    """Return the plan of a noun of core/model.py."""
    plan = _PLANS.get(noun)
    if plan is None:
        plan = _PLANS[noun] = _plan(noun)
    return plan


def _plan(noun: type[Any]) -> Plan:
    hints = get_type_hints(noun)
    declared = [each for each in declared_fields(noun) if each.metadata]
    made = [_field(each.name, each.metadata, hints[each.name]) for each in declared]
    attributes = [each for each in made if isinstance(each, Scalar) and each.wire in _attributes(declared)]
    return Plan(
        noun=noun,
        make=_maker(noun),
        attribute=attributes[0] if attributes else None,
        elements={each.wire: each for each in made if each not in attributes},
        required=frozenset(each.name for each in declared if each.metadata["required"]),
        repeats=any(each.read is read_int for each in attributes),
    )


def _maker(noun: type[Any]) -> Callable[..., Any]:
    """Return a constructor of a noun, by keywords, three times as fast as the noun's own.

    A frozen dataclass sets its fields one by one through ``object.__setattr__``. A thawed twin with the same slots
    stores them directly and then becomes the noun, which Python allows between classes of one layout.
    """
    twin = make_dataclass(
        noun.__name__,
        [
            (each.name, Any, field() if each.default is MISSING else field(default=each.default))
            for each in declared_fields(noun)
        ],
        kw_only=True,
        slots=True,
    )

    def make(**values: Any) -> Any:
        made = twin(**values)
        made.__class__ = noun
        return made

    return make


def _attributes(declared: list[Any]) -> set[str]:
    return {each.metadata["wire"] for each in declared if each.metadata["attribute"]}


def _field(name: str, meta: Mapping[str, Any], hint: Any) -> Scalar | Items:
    if meta["item"]:
        return Items(name, meta["wire"], meta["item"], plan_of(get_args(hint)[0]))
    kind = next(option for option in (get_args(hint) or (hint,)) if option is not NoneType)
    read, write, is_number = _SCALARS.get(kind) or _code(kind)
    if meta["attribute"] and kind is str:
        return Scalar(name, meta["wire"], read_identifier, write)
    return Scalar(name, meta["wire"], read if meta["required"] or is_number else _optional(read), write)


@cache
def _optional(read: Read) -> Read:
    def read_or_none(text: str) -> Any:
        return read(text) if text.strip(BLANKS) else None

    return read_or_none


@cache
def _code(kind: type[Code]) -> tuple[Read, Write, bool]:
    def read(text: str) -> Code:
        return kind(read_int(text))

    return read, _write_int, True


def _write_int(value: int, _form: TimeFormat) -> str:
    return str(int(value))


_SCALARS: Mapping[type[Any], tuple[Read, Write, bool]] = {
    str: (read_text, lambda value, _form: value, False),
    float: (read_double, lambda value, _form: write_double(value), True),
    int: (read_int, _write_int, True),
    bool: (read_bool, lambda value, _form: write_bool(value), False),
    datetime: (read_time, write_time, False),
}
