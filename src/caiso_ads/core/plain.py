"""From the nouns to what JSON can say, by one generic function. Rule: names are the model's, so they carry units.

Times become ISO 8601 in UTC with ``Z``; a code becomes its number and its name, an unknown one ``UNKNOWN_<n>``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from caiso_ads.core.codes import Code


def plain(value: Any) -> Any:
    """Return the value built of dict, list, str, int, float, bool and None only."""
    if isinstance(value, Code):
        return {"code": int(value), "name": value.name}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Exception):
        return str(value)
    if dataclasses.is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value


def to_json(value: Any) -> str:
    """Return indented JSON; strict: no NaN, no Infinity."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
