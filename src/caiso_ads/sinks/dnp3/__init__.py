"""DNP3 outstation over TCP: every point as an analog or binary input with flags and events; read-only.

Rule: monitor direction only; controls are refused. Read ``plan`` for the indices, ``values`` for the flags, ``engine``
for the library and its faults, ``server`` for the connections.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Sink, SinkContext
from caiso_ads.sinks._allow import ALLOW_FORMS, AllowList
from caiso_ads.sinks.dnp3.plan import Plan


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.dnp3]``. Times are in seconds; ConfigError names the key of a value that cannot work."""

    host: Annotated[str, Meta(description="address to listen on; 0.0.0.0 is every network of this machine")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0 is any free one")] = 20_000
    address: Annotated[int, Meta(ge=1, le=65_519, description="DNP3 address of this outstation")] = 10
    master_address: Annotated[int, Meta(ge=0, le=65_519, description="DNP3 address the master must have; 0 is any")] = 1
    allow: Annotated[
        tuple[str, ...],
        Meta(description=f"{ALLOW_FORMS} that may connect; empty is any that reaches the port"),
    ] = ()
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink serves")] = False
    event_limit: Annotated[
        int, Meta(ge=100, le=100_000, description="events kept for each class; beyond it the oldest are dropped")
    ] = 10_000
    idle_timeout_s: Annotated[
        float, Meta(ge=0.01, le=86_400, description="a master that sends nothing for so long is dropped")
    ] = 300.0
    confirm_timeout_s: Annotated[
        float, Meta(ge=0.01, le=60, description="time for a master to take or confirm a part of an answer")
    ] = 5.0
    stall_limit_s: Annotated[
        float, Meta(ge=2, le=60, description="without a new snapshot for so long nothing is served as good")
    ] = 5.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if not self.host.strip():
            raise ConfigError(f"{self.host!r} is not an address such as 127.0.0.1", table="sinks.dnp3", key="host")
        self.allowed()

    def allowed(self) -> AllowList:
        """Return who may connect; ConfigError for a line that means nothing."""
        return AllowList(self.allow, table="sinks.dnp3")

    def plan(self, resource_ids: tuple[str, ...], node_ids: tuple[str, ...] = ()) -> Plan:
        """Return the map for these resources and nodes; ConfigError when they do not fit."""
        return Plan(resource_ids, node_ids)

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; ConfigError when the resources do not fit or the library is not installed."""
        if find_spec("dnp3") is None:
            raise ConfigError("needs the library dnp3py", table="sinks.dnp3", cure="pip install 'caiso-ads[dnp3]'")
        from caiso_ads.sinks.dnp3.server import (  # noqa: PLC0415 - the library is needed only here
            Dnp3Sink,
            Settings,
        )

        settings = Settings(
            host=self.host,
            port=self.port,
            address=self.address,
            master_address=self.master_address,
            allow=self.allowed(),
            event_limit=self.event_limit,
            idle_timeout_s=self.idle_timeout_s,
            confirm_timeout_s=self.confirm_timeout_s,
            stall_limit_s=self.stall_limit_s,
        )
        return Dnp3Sink(self.plan(context.resource_ids, context.nodes), settings, context.evidence)
