"""``[web]``: the page and the HTTP API. Rule: without the table there is no listener; it listens on this machine only until told otherwise."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError


class WebConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[web]``. ConfigError names the key of a value that cannot work."""

    host: Annotated[str, Meta(description="address to listen on; 0.0.0.0 is every network of this machine")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0 is any free one")] = 8080

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if not self.host.strip():
            raise ConfigError(f"{self.host!r} is not an address such as 127.0.0.1", table="web", key="host")
