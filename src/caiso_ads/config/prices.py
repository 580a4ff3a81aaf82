"""``[oasis]`` and ``[[node]]``: the ISO's price service and the pricing nodes the plant reads.

Rule: without a node nothing is ever asked. A resource's ``node`` need not be listed; it is served after those that are.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from caiso_ads.config.tables import ResourceConfig, check_url
from caiso_ads.core.directive import Environment
from caiso_ads.errors import ConfigError


class OasisConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[oasis]``: the price service."""

    url: Annotated[str, Meta(description="address of the price service, https only")] = (
        "https://oasis.caiso.com/oasisapi"
    )
    ca_file: Annotated[
        Path | None, Meta(description="authorities that may sign the server; by default the machine's")
    ] = None
    poll: Annotated[bool, Meta(description="ask for the prices of the nodes; false keeps the table for commands")] = (
        True
    )
    min_interval_s: Annotated[
        float, Meta(ge=5, le=600, description="time between the begins of two requests; CAISO refuses less than 5")
    ] = 6.0
    pace_file: Annotated[
        Path | None,
        Meta(
            description="file by which all programs of this machine keep that time together; by default beside the store"
        ),
    ] = None

    def __post_init__(self) -> None:
        """Trim the address; ``check_for`` checks it, since that needs the environment."""
        msgspec.structs.force_setattr(self, "url", self.url.strip().rstrip("/"))

    def check_for(self, environment: Environment) -> None:
        """Refuse an address that is not https or of another environment; ConfigError names the key."""
        check_url("url", self.url, environment)


DEFAULT_OASIS = OasisConfig()
"""CAISO's own service, as it is without a table."""


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[node]]``: one pricing node served to the plant, in the order of the register map."""

    id: Annotated[
        str, Meta(description="node as the ISO writes it, such as TH_NP15_GEN-APND; find it: `caiso-ads nodes`")
    ]
    name: Annotated[str, Meta(description="name for people; by default the id")] = ""

    def __post_init__(self) -> None:
        """Trim the texts; ConfigError names the key."""
        msgspec.structs.force_setattr(self, "id", self.id.strip())
        msgspec.structs.force_setattr(self, "name", self.name.strip() or self.id)
        if not is_node(self.id):
            raise ConfigError("must be a node name: letters, digits, and signs other than comma and blank", key="id")
        if not self.name.isprintable():
            raise ConfigError("must be text without control characters", key="name")


def is_node(text: str) -> bool:
    """Whether a text can be a node's name: the price service separates names by comma."""
    return bool(text) and text.isascii() and text.isprintable() and not set(text) & set(" ,;&=?#\"'<>")


def all_nodes(listed: Iterable[NodeConfig], resources: Iterable[ResourceConfig]) -> tuple[NodeConfig, ...]:
    """Return the nodes listed, then those only a resource names, each once."""
    found = {node.id: node for node in listed}
    for resource in resources:
        if resource.node:
            found.setdefault(resource.node, NodeConfig(id=resource.node))
    return tuple(found.values())
