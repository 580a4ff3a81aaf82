"""What the OPC UA process is told at its start. Rule: passwords travel as hashes only, and never as arguments."""

from __future__ import annotations

import msgspec


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the process needs to serve."""

    host: str
    port: int
    certificate: bytes
    key_file: str
    users: dict[str, str]
    trusted: list[bytes]
    resource_ids: list[str]
    names: dict[str, str]
    nodes: list[str]
    node_names: dict[str, str]
    max_sessions: int
    max_subscriptions: int
    max_monitored_items: int
    max_message_bytes: int
    stall_limit_s: float
