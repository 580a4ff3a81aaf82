"""OPC UA: a folder for each resource, served by a process of its own, for users and certificates that are listed.

Rule: nobody is let in by default, nothing can be written, and a fault of the library stays in its process. Read
``_space`` for the address space, ``_status`` for quality, ``_child`` for the server, ``_limits``
and ``_logins`` for what clients may do to it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Sink, SinkContext
from caiso_ads.sinks._listener_keys import check
from caiso_ads.sinks.opcua._parent import OpcUaSink, Settings, nobody


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.opcua]``; ConfigError names the key of a value that cannot work."""

    only_read: ClassVar[tuple[str, ...]] = ("users_file",)

    host: Annotated[str, Meta(description="address to listen on; 0.0.0.0 is every network of this machine")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0 is any free one")] = 4840
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink serves")] = False
    users_file: Annotated[
        Path | None, Meta(description="names with hashes of passwords, made by `caiso-ads opcua add-user`")
    ] = None
    trusted_certificates: Annotated[
        Path | None,
        Meta(description="folder of client certificates (PEM or DER); when given, no other client is let in"),
    ] = None
    directory: Annotated[
        Path | None,
        Meta(description="folder of the server's certificate and key, made if missing; by default beside the store"),
    ] = None
    max_sessions: Annotated[int, Meta(ge=1, le=1000, description="clients at one time")] = 20
    max_subscriptions: Annotated[
        int, Meta(ge=1, le=10_000, description="subscriptions at one time, of all clients")
    ] = 100
    max_monitored_items: Annotated[
        int, Meta(ge=100, le=1_000_000, description="variables watched at one time, by all subscriptions")
    ] = 50_000
    max_message_bytes: Annotated[int, Meta(ge=65_536, le=1 << 26, description="longest message of a client")] = 1 << 20
    memory_limit_mb: Annotated[
        int, Meta(ge=256, le=65_536, description="MB of memory the process may ask for; not on Windows")
    ] = 1024
    descriptor_limit: Annotated[
        int,
        Meta(
            ge=0,
            le=65_536,
            description="open files and connections of the process; 0 is by max_sessions; not on Windows",
        ),
    ] = 0
    stall_limit_s: Annotated[
        float, Meta(ge=2, le=60, description="without a new snapshot for so long nothing is served as good")
    ] = 5.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        check(self, "sinks.opcua")

    def build(self, context: SinkContext) -> Sink:
        """Return the sink. Raises ConfigError when nobody could log in, or the library is not installed."""
        if find_spec("asyncua") is None:
            raise ConfigError(
                "OPC UA needs the library asyncua", table="sinks.opcua", cure="pip install caiso-ads[opcua]"
            )
        if self.users_file is None and self.trusted_certificates is None:
            raise nobody("users_file", "neither users_file nor trusted_certificates is given")
        if self.directory is None:
            raise ConfigError("must be given where no store stands beside it", table="sinks.opcua", key="directory")
        keys = {name: getattr(self, name) for name in Settings.__struct_fields__}
        return OpcUaSink(Settings(**keys), context)
