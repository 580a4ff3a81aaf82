"""What every listener's keys have in common: an address that is one, and numbers within what their declaration says.

Rule: the range stands once, in the key's own ``Meta``; msgspec checks it in a file, this in a Config made by hand.
"""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec

from caiso_ads.errors import ConfigError


def wrong(table: str, key: str, value: object, wanted: str) -> ConfigError:
    """Return the error for a value of a key."""
    return ConfigError(f"{value!r} is not {wanted}", table=table, key=key)


def check(config: msgspec.Struct, table: str) -> None:
    """Refuse an empty ``host``, and a number outside its range; ConfigError names the key."""
    host: Any = getattr(config, "host", None)
    if not str(host).strip():
        raise wrong(table, "host", host, "an address such as 127.0.0.1 or 0.0.0.0")
    hints = get_type_hints(type(config), include_extras=True)
    for key in config.__struct_fields__:
        value, (meta, *_) = getattr(config, key), getattr(hints[key], "__metadata__", (msgspec.Meta(),))
        if meta.ge is not None and not meta.ge <= value <= meta.le:
            raise wrong(table, key, value, f"from {meta.ge} to {meta.le}")
