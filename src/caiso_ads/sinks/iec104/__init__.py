"""IEC 60870-5-104 controlled station: every point with quality bits and timed changes; read-only by construction.

Rule: monitor direction only. Read ``plan`` for the addresses, ``values`` for the quality, ``asdu`` and ``apdu`` for
the bytes, ``session`` for the connection's rules, ``station`` for the answers, ``outgoing`` for what waits, ``server``
for the connections.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from caiso_ads.ports import Sink, SinkContext
from caiso_ads.sinks._allow import ALLOW_FORMS, AllowList
from caiso_ads.sinks._listener_keys import check, wrong
from caiso_ads.sinks.iec104.plan import Plan
from caiso_ads.sinks.iec104.server import Iec104Sink, Settings
from caiso_ads.sinks.iec104.session import Limits


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.iec104]``. Times are in seconds; ConfigError names the key of a value that cannot work."""

    host: Annotated[str, Meta(description="address to listen on; 0.0.0.0 is every network of this machine")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0 is any free one")] = 2404
    common_address: Annotated[int, Meta(ge=1, le=65_534, description="common address of this station")] = 1
    allow: Annotated[
        tuple[str, ...],
        Meta(description=f"{ALLOW_FORMS} that may connect; empty is any that reaches the port"),
    ] = ()
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink serves")] = False
    max_connections: Annotated[int, Meta(ge=1, le=1000, description="masters at one time")] = 16
    event_limit: Annotated[
        int,
        Meta(ge=100, le=100_000, description="changes that wait for one master; beyond it only the newest of each"),
    ] = 10_000
    deadband_mw: Annotated[
        float, Meta(ge=0, le=1000, description="a change below it is not told, MW and MW/min; 0 tells each")
    ] = 0.0
    deadband_s: Annotated[
        float, Meta(ge=0, le=86_400, description="as deadband_mw, for ages and countdowns in seconds")
    ] = 10.0
    k: Annotated[int, Meta(ge=1, le=32_767, description="frames sent that may wait for acknowledgement")] = 12
    w: Annotated[int, Meta(ge=1, le=32_767, description="frames received that are acknowledged at the latest")] = 8
    t1_s: Annotated[float, Meta(ge=1, le=255, description="without acknowledgement for so long it is dropped")] = 15.0
    t2_s: Annotated[float, Meta(ge=0.5, le=254, description="after so long what came is acknowledged; below t1")] = 10.0
    t3_s: Annotated[float, Meta(ge=1, le=172_800, description="after so long without a frame the link is tested")] = (
        20.0
    )
    stall_limit_s: Annotated[
        float, Meta(ge=2, le=60, description="without a new snapshot for so long nothing is served as good")
    ] = 5.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        check(self, "sinks.iec104")
        if self.t2_s >= self.t1_s:
            raise wrong("sinks.iec104", "t2_s", self.t2_s, f"below t1_s = {self.t1_s:g}")
        if self.w > self.k:
            raise wrong("sinks.iec104", "w", self.w, f"at most k = {self.k}")
        self.allowed()

    def allowed(self) -> AllowList:
        """Return who may connect; ConfigError for a line that means nothing."""
        return AllowList(self.allow, table="sinks.iec104")

    def plan(self, resource_ids: tuple[str, ...], node_ids: tuple[str, ...] = ()) -> Plan:
        """Return the map for these resources and nodes; ConfigError when they do not fit."""
        return Plan(resource_ids, node_ids, self.deadband_mw, self.deadband_s)

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; ConfigError when the resources do not fit."""
        settings = Settings(
            host=self.host,
            port=self.port,
            common_address=self.common_address,
            allow=self.allowed(),
            max_connections=self.max_connections,
            event_limit=self.event_limit,
            stall_limit_s=self.stall_limit_s,
            limits=Limits(self.k, self.w, self.t1_s, self.t2_s, self.t3_s),
        )
        return Iec104Sink(self.plan(context.resource_ids, context.nodes), settings, context.evidence, context.clock)
