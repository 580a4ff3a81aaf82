"""DNP3 outstation over TCP: every point as an analog or binary input with flags and events; read-only.

Rule: monitor direction only; controls are refused. Read ``plan`` for the indices, ``values`` for the flags, ``engine``
for the library and its faults, ``server`` for the connections.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Feed, Sink, SinkContext
from caiso_ads.sinks._allow import ALLOW_FORMS, AllowList
from caiso_ads.sinks._child.parent import Child
from caiso_ads.sinks._child.wire import Caps
from caiso_ads.sinks._listener_keys import check
from caiso_ads.sinks.dnp3.plan import Plan

NO_PROFILE = "none"
LAST_ADDRESS = 65_519
LAST_WORD_S = 0.2  # time for an answer that is on its way


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

    profile: Annotated[
        Literal["none", "1815.2"],
        Meta(description="1815.2: monitor points of IEEE 1815.2 too, one further outstation for each resource"),
    ] = "none"
    profile_address: Annotated[
        int, Meta(ge=1, le=65_519, description="DNP3 address of the first resource's; the next ones follow")
    ] = 1000
    memory_limit_mb: Annotated[
        int, Meta(ge=384, le=65_536, description="MB of memory the process may ask for; on Linux only")
    ] = 512
    descriptor_limit: Annotated[
        int, Meta(ge=32, le=65_536, description="open files and connections of the process; not on Windows")
    ] = 64

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        check(self, "sinks.dnp3")
        self.allowed()
        if self.profile not in (NO_PROFILE, "1815.2"):
            raise ConfigError(f"{self.profile!r} is neither none nor 1815.2", table="sinks.dnp3", key="profile")

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
        self.plan(context.resource_ids, context.nodes)
        last = self.profile_address + len(context.resource_ids) - 1
        if self.profile != NO_PROFILE and (self.profile_address <= self.address <= last or last > LAST_ADDRESS):
            problem = (
                f"{self.profile_address} to {last} must not hold address {self.address}, and end by {LAST_ADDRESS}"
            )
            raise ConfigError(problem, table="sinks.dnp3", key="profile_address")
        caps = Caps(self.memory_limit_mb, self.descriptor_limit, LAST_WORD_S)
        child = Child("dnp3", ("-P", "-m", "caiso_ads.sinks.dnp3._child"), caps, context.evidence)
        return Dnp3Process(child, Setup(self, context.resource_ids, context.nodes))


class Setup(msgspec.Struct, frozen=True):
    """What the process is told at its start."""

    config: Config
    resource_ids: tuple[str, ...]
    node_ids: tuple[str, ...]


class Dnp3Process:
    """The sink as the gateway sees it: an outstation in a process of its own."""

    def __init__(self, child: Child, setup: Setup) -> None:
        self._child, self._setup = child, setup

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled. Raises OSError or ChildError when the process cannot serve."""
        await self._child.run(self._setup, feed, started)

    @property
    def bound(self) -> tuple[tuple[str, int], ...]:
        """Where it listens."""
        return self._child.bound

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._child.pid
