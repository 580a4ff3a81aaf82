"""What the ISO sends that our tables do not know: elements and codes. Rule: kept in the nouns, and told once by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from caiso_ads.core.codes import Code
from caiso_ads.core.model import Unknown


def novelties(noun: Any) -> Iterator[str]:
    """Yield one text for each unknown element and code in a noun and all it holds, such as ``batchType 99``."""
    for field in fields(noun):
        value = getattr(noun, field.name)
        if isinstance(value, Code) and not value.is_known:
            yield f"{field.metadata['wire']} {int(value)}"
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, Unknown):
                    yield f"element {item.name} in {type(noun).__name__}"
                else:
                    yield from novelties(item)
