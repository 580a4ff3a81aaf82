"""What the ISO sends that our tables do not know: elements and codes. Rule: kept in the nouns, and told once by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from caiso_ads.core.codes import Code


@dataclass(frozen=True, slots=True)
class _Shape:
    """Which fields of a noun can hold a novelty: codes as (field, element), and lists of nouns."""

    codes: tuple[tuple[str, str], ...]
    lists: tuple[str, ...]


_SHAPES: dict[type[Any], _Shape] = {}


def _shape(noun: type[Any]) -> _Shape:
    """Return the shape of a class of nouns, worked out once."""
    if noun in _SHAPES:
        return _SHAPES[noun]
    hints = get_type_hints(noun)
    wire = {field.name: field.metadata.get("wire", "") for field in fields(noun)}
    codes = tuple((name, wire[name]) for name in wire if _is_code(hints[name]))
    shape = _SHAPES[noun] = _Shape(codes, tuple(each.name for each in fields(noun) if each.metadata.get("item")))
    return shape


def _is_code(hint: Any) -> bool:
    return any(isinstance(option, type) and issubclass(option, Code) for option in (hint, *get_args(hint)))


def novelties(noun: Any) -> Iterator[str]:
    """Yield one text for each unknown element and code in a noun and all it holds, such as ``batchType 99``."""
    shape = _shape(type(noun))
    for name, element in shape.codes:
        code = getattr(noun, name)
        if code is not None and not code.is_known:
            yield f"{element} {int(code)}"
    for unknown in noun.unknown:
        yield f"element {unknown.name} in {type(noun).__name__}"
    for name in shape.lists:
        for item in getattr(noun, name):
            yield from novelties(item)
