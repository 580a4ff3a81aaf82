"""Which document stands under which topic. Rule: identifiers come from the configuration and are escaped."""

from __future__ import annotations

from dataclasses import dataclass

from caiso_ads.sinks._mqtt_config import level


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics below one prefix."""

    prefix: str

    @property
    def state(self) -> str:
        """Where the gateway is said to be ALIVE or DEAD."""
        return f"{self.prefix}/state"

    @property
    def gateway(self) -> str:
        """Where the gateway's own points stand."""
        return f"{self.prefix}/gateway"

    def resource(self, resource_id: str) -> str:
        """Return where a resource's document stands."""
        return f"{self.prefix}/resource/{level(resource_id)}"

    def node(self, node: str) -> str:
        """Return where a pricing node's document stands."""
        return f"{self.prefix}/node/{level(node)}"
