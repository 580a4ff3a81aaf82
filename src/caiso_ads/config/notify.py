"""``[[notify]]``: who is told of alarms, and how. Rule: the keys of all kinds and those of one are checked by their own structs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caiso_ads.notify import KINDS, config_type
from caiso_ads.notify.rules import RulesConfig

SHARED = RulesConfig.__struct_fields__


def parts(table: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keys that every kind has, and the others."""
    return (
        {key: value for key, value in table.items() if key in SHARED},
        {key: value for key, value in table.items() if key not in SHARED},
    )


def described() -> list[tuple[str, Any]]:
    """Return the tables of the documentation: the keys of all, then those of each kind."""
    each = [(f'[[notify]] kind = "{kind}"', config_type(kind)) for kind in KINDS]
    return [("[[notify]]", RulesConfig), *each]
